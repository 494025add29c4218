"""Markdown turned into Typst markup; every text goes in as a string, so that nothing in it can be taken for markup."""

from collections.abc import Callable
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_FIRST_WIDE = "\u2e80"


def typst_string(text: str) -> str:
    """A Typst string literal that stands for exactly this text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for control, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        escaped = escaped.replace(control, escape)
    return f'"{escaped}"'


def typst_markup(markdown: str) -> str:
    """Typst markup of a slide's Markdown: headings, paragraphs, lists, tables, code, quotes, images, emphasis."""
    return _children(SyntaxTreeNode(_MARKDOWN.parse(markdown)))


def _children(node: SyntaxTreeNode) -> str:
    return "".join(_render(child) for child in node.children)


def _render(node: SyntaxTreeNode) -> str:
    return _RENDERERS[node.type](node)


def _text(node: SyntaxTreeNode) -> str:
    return f"#{typst_string(node.content)};" if node.content else ""


def _paragraph(node: SyntaxTreeNode) -> str:
    # In a tight list the paragraph is hidden: its text stands in the item by itself.
    return _children(node) if node.hidden else f"\n\n{_children(node)}\n\n"


def _soft_break(node: SyntaxTreeNode) -> str:
    """A line end is a blank between words and nothing between Chinese characters."""
    siblings = node.siblings
    place = siblings.index(node)
    before, after = "".join(map(_plain, siblings[:place])), "".join(map(_plain, siblings[place:]))
    if before[-1:] >= _FIRST_WIDE and after[:1] >= _FIRST_WIDE:
        return ""
    return '#" ";'


def _plain(node: SyntaxTreeNode) -> str:
    return "".join(map(_plain, node.children)) or node.content


def _list(name: str) -> Callable[[SyntaxTreeNode], str]:
    def render(node: SyntaxTreeNode) -> str:
        start = f"start: {node.attrs['start']}, " if "start" in node.attrs else ""
        return f"\n#{name}({start}{', '.join(f'[{_children(item)}]' for item in node.children)});\n"

    return render


def _code(node: SyntaxTreeNode) -> str:
    language = f", lang: {typst_string(node.info.split()[0])}" if node.info.strip() else ""
    return f"\n#code-box(raw({typst_string(node.content.rstrip())}, block: true{language}));\n"


def _table(node: SyntaxTreeNode) -> str:
    rows = [row for part in node.children for row in part.children]
    cells = [f"[{_children(cell)}]" for row in rows for cell in row.children]
    return f"\n#slide-table({len(rows[0].children)}, {', '.join(cells)});\n"


def _wrapped(function: str) -> Callable[[SyntaxTreeNode], str]:
    return lambda node: f"#{function}[{_children(node)}];"


_RENDERERS: dict[str, Callable[[SyntaxTreeNode], str]] = {
    "text": _text,
    "inline": _children,
    "paragraph": _paragraph,
    "heading": lambda node: f"\n#heading(level: {node.tag[1:]})[{_children(node)}];\n",
    "softbreak": _soft_break,
    "hardbreak": lambda node: "#linebreak();",
    "strong": _wrapped("strong"),
    "em": _wrapped("emph"),
    "link": _wrapped("link-text"),
    "blockquote": _wrapped("quote-box"),
    "code_inline": lambda node: f"#raw({typst_string(node.content)});",
    "fence": _code,
    "code_block": _code,
    "bullet_list": _list("list"),
    "ordered_list": _list("enum"),
    "table": _table,
    "image": lambda node: f"#picture({typst_string(unquote(str(node.attrs['src'])))});",
    "hr": lambda node: "\n#line(length: 100%, stroke: 0.5pt + faint);\n",
}
