"""Markdown from strangers becomes HTML that harms nobody."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.services.markup import post_html, quoted, reading_html


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**bold** and `code`", "<p><strong>bold</strong> and <code>code</code></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("# big", "<h4>big</h4>"),
        ("###### small", "<h6>small</h6>"),
        ("> quote", "<blockquote>\n<p>quote</p>\n</blockquote>"),
        ("3. three", '<ol start="3">\n<li>three</li>\n</ol>'),
        ("~~no~~", "<p><s>no</s></p>"),
        ("<b>no</b>", "<p>&lt;b&gt;no&lt;/b&gt;</p>"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
        ("[x](javascript:alert)", "<p>[x](javascript:alert)</p>"),
        ("[x](https://a.cn)", '<p><a href="https://a.cn" rel="nofollow noopener noreferrer">x</a></p>'),
        ("![a<b & c](https://a.cn/i.png)", "<p>a&lt;b &amp; c</p>"),
        ("&lt;script&gt;", "<p>&lt;script&gt;</p>"),
    ],
)
def test_a_post_becomes_plain_html(markdown: str, html: str) -> None:
    assert post_html(markdown).strip() == html


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# 标题", "<h2>标题</h2>"),
        ("中文\n换行", "<p>中文换行</p>"),
        ("word\nword", "<p>word\nword</p>"),
        ("中文\nword", "<p>中文\nword</p>"),
        ("**粗**\n中", "<p><strong>粗</strong>中</p>"),
    ],
)
def test_a_reading_joins_lines_as_its_language_does(markdown: str, html: str) -> None:
    assert reading_html(markdown).strip() == html


def test_a_table_stays_a_table_without_styles() -> None:
    html = reading_html("|a|b|\n|-|-:|\n|1|2|")

    assert "<td>2</td>" in html
    assert "style" not in html


@given(st.text(alphabet="<>\"'&`[]()!*_#\\/:=\n javscriptonehlmgb中", max_size=200))
def test_no_text_becomes_anything_but_harmless_tags(text: str) -> None:
    for html in (post_html(text), reading_html(text)):
        for tag, attributes in tags_of(html):
            assert tag not in ("script", "img", "iframe", "style", "svg")
            assert attributes.keys() <= {"href", "title", "start", "rel"}
            assert not (attributes.get("href") or "").lower().startswith(("javascript", "data", "vbscript"))


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(html)
    return found


def test_a_quote_leaves_quotes_of_quotes_and_keeps_the_name_plain() -> None:
    assert quoted("> old\n\nhello\n\nyou\n", "A*b") == "> **A\\*b**\n>\n> hello\n>\n> you\n\n"
    assert post_html(quoted("hello", "<i>*_x_*")).count("<strong>") == 1
