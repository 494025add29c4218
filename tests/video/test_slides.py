import sys
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms_plugin.domain.lesson import Lesson, Picture, Slide, Utterance
from lms_plugin.video.fonts import Font, FontMissing, find_font, system_font, wheel_font
from lms_plugin.video.markup import typst_markup, typst_string
from lms_plugin.video.slides import SlideFailed, SlideOverflows, draw_slides

SAID = (Utterance("说。", "Say."),)
EVERYTHING = (
    """# 标题 *with* `code`

一段文字，**重点**，[链接](https://example.org)，
下一行。

1. 第一
2. 第二
   - 里面
""",
    """## 小标题

| 甲 | 乙 |
| --- | --- |
| 1 | **2** |

> 引用

```python
print("#let x = 1; \\\\ $y$")
```
""",
)


def lesson_of(*markdowns: str, width: int = 640, height: int = 360, pictures: tuple[Picture, ...] = ()) -> Lesson:
    slides = tuple(Slide(markdown, SAID, line=10 * number) for number, markdown in enumerate(markdowns, start=1))
    return Lesson("一课", slides, pictures, width, height)


def picture_of(png: bytes, folder: Path) -> tuple[int, int, bytes]:
    """Width, height and grey pixels of a PNG."""
    path = folder / "slide.png"
    path.write_bytes(png)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
        plane = frame.planes[0]
        rows = [
            bytes(plane)[row * plane.line_size : row * plane.line_size + frame.width] for row in range(frame.height)
        ]
        return frame.width, frame.height, b"".join(rows)


@pytest.fixture(params=["system", "wheel"])
def font(request: pytest.FixtureRequest) -> Font:
    found = system_font() if request.param == "system" else wheel_font()
    assert found, "the tests of slides need fonts-noto-cjk and the zhplot wheel"
    return found


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 360), (854, 480), (720, 1280), (162, 160)])
def test_a_slide_is_exactly_as_large_as_the_film(tmp_path: Path, width: int, height: int) -> None:
    first, second = draw_slides(lesson_of("# 一", "# 二", width=width, height=height), find_font())
    assert picture_of(first, tmp_path)[:2] == (width, height)
    assert picture_of(second, tmp_path)[:2] == (width, height)
    assert first != second


def test_chinese_shows_as_characters_and_not_as_boxes(font: Font, tmp_path: Path) -> None:
    # Boxes would look the same whatever the character is.
    drawn = [picture_of(png, tmp_path)[2] for png in draw_slides(lesson_of("# 学", "# 时"), font)]
    upper = [pixels[: len(pixels) * 3 // 4] for pixels in drawn]
    assert sum(pixel < 100 for pixel in upper[0]) > 300
    assert upper[0] != upper[1]


def test_every_piece_of_markdown_is_typeset(font: Font, tmp_path: Path) -> None:
    drawn = draw_slides(lesson_of(*EVERYTHING), font)
    assert [picture_of(png, tmp_path)[:2] for png in drawn] == [(640, 360)] * len(EVERYTHING)


def test_a_slide_shows_its_pictures_under_any_name(tmp_path: Path) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><rect width="100" height="100"/></svg>'
    with_picture = lesson_of("# 图\n\n![说明](图 1.svg)".replace(" 1", "%201"), pictures=(Picture("图 1.svg", svg),))
    (png,) = draw_slides(with_picture, find_font())
    assert sum(pixel == 0 for pixel in picture_of(png, tmp_path)[2]) > 100 * 100


def test_a_picture_that_is_none_is_refused() -> None:
    broken = lesson_of("![x](x.png)", pictures=(Picture("x.png", b"no picture"),))
    with pytest.raises(SlideFailed, match="failed to decode image"):
        draw_slides(broken, find_font())


def test_a_slide_that_holds_too_much_is_named_with_its_line() -> None:
    with pytest.raises(SlideOverflows) as refused:
        draw_slides(lesson_of("# 一", "很长的一段文字。" * 200), find_font())
    assert (refused.value.params["slide"], refused.value.params["line"]) == (2, 20)


def test_the_same_slide_is_the_same_picture() -> None:
    assert draw_slides(lesson_of(*EVERYTHING), find_font()) == draw_slides(lesson_of(*EVERYTHING), find_font())


TRICKY = st.text(st.sampled_from('#$\\"[]{}()*_`<>@~=-+/;:.1a文 \n\t'), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(TRICKY)
def test_no_text_can_break_out_of_a_slide(text: str) -> None:
    (png,) = draw_slides(lesson_of(f"# 题\n\n{text}", width=320, height=180), find_font())
    assert png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("markdown", "markup"),
    [
        ("中文\n换行",        '\n\n#"中文";#"换行";\n\n'),
        ("two\nwords",       '\n\n#"two";#" ";#"words";\n\n'),
        ("中文\n**换行**",    '\n\n#"中文";#strong[#"换行";];\n\n'),
        ("# 题",             '\n#heading(level: 1)[#"题";];\n'),
        ("#panic(\"x\")",    '\n\n#"#panic(\\"x\\")";\n\n'),
        ("<b>&amp;",         '\n\n#"<b>&";\n\n'),
        ("3. 三\n4. 四",     '\n#enum(start: 3, [#"三";], [#"四";]);\n'),
    ],
)  # fmt: skip
def test_markdown_becomes_typst_strings_in_typst_calls(markdown: str, markup: str) -> None:
    assert typst_markup(markdown) == markup


def test_a_typst_string_escapes_what_would_end_it() -> None:
    assert typst_string('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'


def test_without_a_chinese_font_the_package_to_install_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    wheel = find_font(tmp_path)
    assert wheel == wheel_font()
    monkeypatch.setitem(sys.modules, "zhplot", None)
    with pytest.raises(FontMissing) as refused:
        find_font(tmp_path)
    assert refused.value.params["package"] == "fonts-noto-cjk"


def test_a_font_in_an_unusual_place_is_found_through_fontconfig(tmp_path: Path) -> None:
    found = system_font(tmp_path)
    assert found
    assert found.files[0].name.startswith("NotoSansCJK")
