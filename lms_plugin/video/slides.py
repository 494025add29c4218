"""Slides typeset from a lesson: one PNG each, exactly as large as the film."""

import re
import tempfile
from pathlib import Path

import typst

from lms_plugin.domain.errors import Malformed, Refusal
from lms_plugin.domain.lesson import Lesson
from lms_plugin.video.fonts import Font
from lms_plugin.video.markup import typst_markup, typst_string

_PIXELS_PER_INCH = 144
_OVERFLOWS = re.compile(r"slide (\d+) overflows")

# Lengths are fractions of the slide's shorter side `u`, so that any size of film looks alike.
_STYLE = """
#let ink = rgb("#1f2a33")
#let faint = rgb("#8a949c")
#let paper = rgb("#fbfaf6")
#let accent = rgb("#0b6e69")
#let tint = rgb("#e6f1ef")
#let u = calc.min(page-width, page-height) / 100
#set page(width: page-width, height: page-height, margin: 0pt, fill: paper)
#set text(font: (family, "DejaVu Sans Mono"), size: 6 * u, fill: ink, lang: "zh", region: "cn")
#set par(leading: 0.75em, spacing: 1.1em, justify: false)
#set list(marker: text(fill: accent, weight: "bold", size: 1.25em)[#sym.bullet], spacing: 0.95em, body-indent: 0.6em)
#set enum(numbering: number => text(fill: accent, weight: "bold")[#number.], spacing: 0.95em, body-indent: 0.6em)
#set raw(theme: none)
#show raw: set text(font: ("DejaVu Sans Mono", family), size: 0.92em)
// A family without a bold face gets a thin outline instead.
#let outlined(colour) = if has-bold { none } else { 0.03em + colour }
#show strong: set text(fill: accent, weight: "bold", stroke: outlined(accent))
#show emph: it => underline(stroke: 0.06em + accent, offset: 0.2em, it.body)
#show heading: set text(weight: "bold", fill: ink, stroke: outlined(ink))
#show heading.where(level: 1): it => block(below: 0.9em)[
  #text(size: 1.1em, it.body)
  #v(-0.55em)
  #rect(width: 2.4em, height: 0.13em, fill: accent)
]
#show heading.where(level: 2): it => block(
  below: 0.8em, text(size: 0.95em, fill: accent, stroke: outlined(accent), it.body),
)
#let link-text(body) = text(fill: accent, body)
#let quote-box(body) = block(
  inset: (left: 0.8em, y: 0.2em), stroke: (left: 0.16em + accent), text(fill: ink.lighten(20%), body),
)
#let code-box(body) = block(width: 100%, fill: tint, radius: 0.25em, inset: 0.7em, body)
#let picture(name) = align(center, image(name, height: 8.5em, width: 100%, fit: "contain"))
#let slide-table(columns, ..cells) = table(
  columns: (1fr,) * columns, inset: (x: 0.6em, y: 0.5em),
  stroke: (_, y) => (bottom: if y == 0 { 0.08em + accent } else { 0.03em + faint }),
  fill: (_, y) => if y == 0 { tint }, ..cells,
)
#let slide(number, count, title, body) = page[
  #place(top + left, rect(width: 1.4 * u, height: 100%, fill: accent))
  #place(top + left, dx: 8 * u, dy: 8 * u, block(width: 100% - 15 * u, height: 100% - 22 * u,
    layout(room => {
      let sizes = (8.2, 7.6, 7, 6.4, 5.8, 5.2, 4.6, 4.2).map(size => size * u)
      let fits(size) = measure(block(width: room.width, { set text(size: size); body })).height <= room.height
      let size = sizes.find(fits)
      if size == none { panic("slide " + str(number) + " overflows") }
      set text(size: size)
      let used = measure(block(width: room.width, body)).height
      v(calc.min(0.3 * (room.height - used), 14 * u))
      body
    }),
  ))
  #place(bottom + left, dx: 8 * u, dy: -3.6 * u, text(size: 3 * u, fill: faint, title))
  #place(bottom + right, dx: -7 * u, dy: -3.6 * u, text(size: 3 * u, fill: faint)[#number / #count])
  #place(bottom + left, rect(width: 100%, height: 0.9 * u, fill: tint))
  #place(bottom + left, rect(width: 100% * number / count, height: 0.9 * u, fill: accent))
]
"""


class SlideOverflows(Malformed):
    """A slide holds more than fits at the smallest readable size; `slide` counts from 1, `line` is where it begins."""

    code = "slide_overflows"


class SlideFailed(Refusal):
    """A slide cannot be typeset; `why` is what the typesetter says, such as an image it cannot read."""

    code = "slide_failed"


def draw_slides(lesson: Lesson, font: Font) -> list[bytes]:
    """One PNG per slide, `lesson.width` by `lesson.height` pixels.

    A slide's text is as large as fits, down to 4 % of the height; raises SlideOverflows below that.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fonts").mkdir()
        for file in font.files:
            (folder / "fonts" / file.name).symlink_to(file)
        for picture in lesson.pictures:
            (folder / picture.name).write_bytes(picture.data)
        source = folder / "slides.typ"
        source.write_text(_document(lesson, font), encoding="utf-8")
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[folder / "fonts"])
        try:
            drawn = typst.Compiler(source, root=folder, font_paths=fonts, ignore_system_fonts=True).compile(
                format="png", ppi=_PIXELS_PER_INCH
            )
        except typst.TypstError as error:
            overflowing = _OVERFLOWS.search(error.message)
            if overflowing:
                number = int(overflowing[1])
                line = lesson.slides[number - 1].line
                raise SlideOverflows(lesson=lesson.title, slide=number, line=line) from error
            raise SlideFailed(lesson=lesson.title, why=error.message) from error
    if isinstance(drawn, bytes):
        return [drawn]
    return list(drawn or ())


def _document(lesson: Lesson, font: Font) -> str:
    settings = (
        f"#let page-width = {lesson.width * 72 / _PIXELS_PER_INCH}pt\n"
        f"#let page-height = {lesson.height * 72 / _PIXELS_PER_INCH}pt\n"
        f"#let family = {typst_string(font.family)}\n"
        f"#let has-bold = {'true' if len(font.files) > 1 else 'false'}\n"
    )
    title = typst_string(lesson.title)
    slides = [
        f"#slide({number}, {len(lesson.slides)}, {title}, [{typst_markup(slide.markdown)}])\n"
        for number, slide in enumerate(lesson.slides, start=1)
    ]
    return settings + _STYLE + "".join(slides)
