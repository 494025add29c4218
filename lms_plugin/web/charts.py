"""Charts as SVG without a word of style or script in them: the page's style sheet gives their looks."""

from collections.abc import Sequence
from typing import Any

import pygal
from pygal.etree import etree

SVG = "http://www.w3.org/2000/svg"
_LEFT_OUT = {"style", "script", "desc", "title", "defs"}


def bars(labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], *, text: str) -> str:
    """A chart with a group of bars for each label; `series` are (name, heights). `text` says what it shows.

    Every text in it is escaped: it can stand in a page as it is.
    """
    chart = pygal.Bar(
        width=720,
        height=300,
        js=[],
        css=[],
        margin=10,
        legend_at_bottom=True,
        truncate_legend=-1,
        truncate_label=-1,
        show_x_guides=False,
        tooltip_fancy_mode=False,
    )
    chart.x_labels = list(labels)
    for name, heights in series:
        chart.add(name, list(heights))
    root = chart.render_tree()
    _plain(root)
    root.set("role", "img")
    root.set("aria-label", text)
    root.set("focusable", "false")
    return str(etree.tostring(root, encoding="unicode"))


def _plain(element: Any) -> None:
    """Take out what a page does not allow or a reader would stumble over."""
    element.tag = element.tag.removeprefix(f"{{{SVG}}}")
    for name in ("style", "id", "onload"):
        element.attrib.pop(name, None)
    for child in list(element):
        tag = child.tag.removeprefix(f"{{{SVG}}}") if isinstance(child.tag, str) else ""
        if not tag or tag in _LEFT_OUT or "tooltip" in child.get("class", "").split():
            element.remove(child)
        else:
            _plain(child)
