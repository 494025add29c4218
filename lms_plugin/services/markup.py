"""Markdown as HTML that is safe to put into a page: what learners and tutors write, and what a module gives to read."""

import html
from collections.abc import Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

_TAGS = (
    *("h2", "h3", "h4", "h5", "h6", "p", "blockquote", "pre", "hr", "ul", "ol", "li"),
    *("a", "br", "code", "em", "strong", "s"),
    *("table", "thead", "tbody", "tr", "th", "td"),
)
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = frozenset({"http", "https", "mailto"})
_FIRST_WIDE = "\u2e80"


def reading_html(markdown: str) -> str:
    """The reading of a module as safe HTML; its headings begin at level 2, below the page's own."""
    return _safe(_READING.render(markdown))


def post_html(markdown: str) -> str:
    """A post as safe HTML: line ends stay, headings begin at level 4, below the thread's and the post's own."""
    return _safe(_POST.render(markdown))


def plain_beginning(markdown: str, longest: int) -> str:
    """How a text begins, without its marks and on one line, at most `longest` characters."""
    text = " ".join(html.unescape(nh3.clean(_READING.render(markdown), tags=set())).split())
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def quoted(body: str, author: str) -> str:
    """The beginning of a reply that quotes a post: its own lines, behind quote marks, with its author's name.

    What the post itself quotes is left out, so that quotes of quotes do not pile up.
    """
    own = [line for line in body.strip().splitlines() if not line.lstrip().startswith(">")]
    kept = "\n".join(own).strip().splitlines()
    return "\n".join([f"> **{_plain(author)}**", ">", *(f"> {line}".rstrip() for line in kept), "", ""])


def _safe(rendered: str) -> str:
    return nh3.clean(
        rendered,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=set(_SCHEMES),
        link_rel="nofollow noopener noreferrer",
    )


def _words(tokens: Sequence[Token]) -> list[str]:
    return [" " if token.type in ("softbreak", "hardbreak") else token.content for token in tokens]


def _plain(text: str) -> str:
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]()#+-.!|<>~" else letter for letter in text)


def _headings_from(level: int) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])

    def shift(state: StateCore) -> None:
        for token in state.tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{min(6, int(token.tag[1:]) + level - 1)}"

    parser.core.ruler.push("shift_headings", shift)
    parser.add_render_rule("image", _image)
    return parser


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    # A picture from elsewhere would tell its host who reads the page; its description stands for it.
    return escapeHtml(renderer.renderInlineAsText(tokens[index].children, options, env))


def _break_between_words(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """A line end is a blank between words and nothing between Chinese characters."""
    before = "".join(_words(tokens[:index]))
    after = "".join(_words(tokens[index + 1 :]))
    return "" if before[-1:] >= _FIRST_WIDE and after[:1] >= _FIRST_WIDE else "\n"


_READING = _headings_from(2)
_READING.add_render_rule("softbreak", _break_between_words)
_POST = _headings_from(4)
_POST.options["breaks"] = True
