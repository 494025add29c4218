"""What of a post is its author's own words: plain, measured, and taken apart for comparing."""

import html
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, pairwise

from lms_plugin.domain.set_phrases import LONGEST, is_set_phrase

# Whatever stands here runs on what strangers write: no pattern may look further than to its own next delimiter.
_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufa6d\ufa70-\ufad9\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|[^\W\d_{_CJK}]+(?:['’-][^\W\d_{_CJK}]+)*")
_CHARACTER = re.compile(rf"[{_CJK}]")
_BESIDE_CJK = re.compile(rf"(?<=[{_CJK}]) | (?=[{_CJK}])")
_LINE_END = re.compile(r"\r\n?|\n")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*\Z)|~{3,})")
_QUOTED_LINE = re.compile(r"[ \t]{0,3}>")
_DEFINED_LINK = re.compile(r""" {0,3}\[[^\[\]]+\]:[ \t]*\S+(?:[ \t]+(?:"[^"]*"|'[^']*'|\([^()]*\)))?[ \t]*\Z""")
_LINK = re.compile(r"(?P<image>!)?\[(?P<words>[^\[\]]*)\]\((?:[^()\n]|\([^()\n]*\))*\)")
# Only what an address can be made of: Chinese goes on right behind an address, without a space.
_ADDRESS = re.compile(r"https?://[!-;=?-~]+", re.IGNORECASE)
# Within a word these make no other word: accents and vowel signs, zero-width signs, letters that show nothing.
_UNSEEN_KINDS = {"Mn", "Me", "Mc", "Cf"}
_UNSEEN_LETTERS = "\u115f\u1160\u3164"
_CLAUSE_END = re.compile(r"[,.:;!?。、…\n]+")
_LONGEST_UNIT = 6
_ECHO = 5


class _Told(dict[int, str | None]):
    """What becomes of characters (for `str.translate`), told of each when it comes for the first time."""

    def __init__(self, tell: Callable[[str], str | None]) -> None:
        self._tell = tell

    def __missing__(self, code: int) -> str | None:
        told = self[code] = self._tell(chr(code))
        return told


def _unless_unseen(character: str) -> str | None:
    is_unseen = unicodedata.category(character) in _UNSEEN_KINDS or character in _UNSEEN_LETTERS
    return None if is_unseen else character


_SEEN = _Told(_unless_unseen)
_LETTERS = _Told(lambda one: " " if one.isnumeric() and not one.isalpha() else one)


@dataclass(frozen=True)
class OwnText:
    """The words of a text; how many are Chinese characters and how many others; all runs of two and three of them.

    Of fewer than three words all are one run.
    """

    words: tuple[str, ...]
    characters: int
    others: int

    @cached_property
    def pairs(self) -> frozenset[tuple[str, ...]]:
        return frozenset(pairwise(self.words) if len(self.words) > 1 else (self.words,))

    @cached_property
    def runs(self) -> frozenset[tuple[str, ...]]:
        return frozenset(self.all_runs())

    def all_runs(self) -> Iterable[tuple[str, ...]]:
        """The runs of three in the order of the words, those that come again too."""
        words = self.words
        return zip(words, words[1:], words[2:], strict=False) if len(words) > 2 else (words,)


def own_text(body: str) -> str:
    """What the author added: plain, in lower case, with nothing but words.

    Left out are quotes, code, images, addresses, greetings and other set phrases, and whatever repeats itself within
    the post: runs such as 哈哈哈哈, clauses said before, and from their fifth word (or Chinese character) on, phrases
    said before.
    """
    return joined(own_words(body).words)


def joined(words: Iterable[str]) -> str:
    """Words as one text that gives the same words again: Chinese characters stand without spaces."""
    return _BESIDE_CJK.sub("", " ".join(words))


def measure(text: str) -> tuple[int, int]:
    """(Chinese characters, words of an alphabetic language) in a text."""
    return _measure(_words(text))


def plain_words(text: str) -> OwnText:
    """All words of a text, with nothing left out."""
    return taken_apart(_words(text.casefold()))


@lru_cache(maxsize=8192)
def own_words(body: str, set_phrases: tuple[str, ...] | None = ()) -> OwnText:
    """What the author of a post added; a programme's own `set_phrases` are left out too, None leaves all of them in."""
    clauses = dict.fromkeys(_without_runs(_words(clause)) for clause in _CLAUSE_END.split(_visible_text(body)))
    if set_phrases is not None:
        clauses = {clause: None for clause in clauses if not _is_set(clause, set_phrases)}
    return taken_apart(tuple(_without_echoes(list(chain.from_iterable(clauses)))))


def _is_set(clause: tuple[str, ...], also: tuple[str, ...]) -> bool:
    return len(clause) <= LONGEST and is_set_phrase(joined(clause), also)


def taken_apart(words: tuple[str, ...]) -> OwnText:
    """Words with their measure."""
    return OwnText(words, *_measure(words))


def _measure(words: Sequence[str]) -> tuple[int, int]:
    # A word has a Chinese character only where it is one.
    characters = len(_CHARACTER.findall("\n".join(words)))
    return characters, len(words) - characters


def _visible_text(body: str) -> str:
    """A post's Markdown without quotes, code and addresses; letters in their plain forms, in lower case."""
    text = "\n".join(_own_lines(body))
    text = _LINK.sub(lambda match: "" if match["image"] else match["words"], text)
    text = html.unescape(_ADDRESS.sub(" ", text))
    # Plain forms come last: they make ASCII of full-width signs, which mean nothing to Markdown.
    return unicodedata.normalize("NFKC", text).casefold().translate(_SEEN)


def _own_lines(body: str) -> Iterator[str]:
    fence = None
    for line in _LINE_END.split(body):
        mark = _FENCE.match(line)
        if fence is not None:
            if mark is not None and mark["fence"].startswith(fence) and mark["fence"] == line.strip():
                fence = None
        elif mark is not None:
            fence = mark["fence"]
        elif _QUOTED_LINE.match(line) is None and _DEFINED_LINK.match(line) is None:
            yield line


def _words(text: str) -> tuple[str, ...]:
    """The words of a text; each Chinese character is one, and signs for numbers (½, 𐄇) are none."""
    # Interned: the same few thousand characters make up all texts, and are compared over and over.
    return tuple(map(sys.intern, _WORD.findall(text.translate(_LETTERS))))


def _without_runs(words: tuple[str, ...]) -> tuple[str, ...]:
    """Three or more of the same word or short phrase in a row are one."""
    if len(set(words)) == len(words):
        return words
    kept: list[str] = []
    at = 0
    while at < len(words):
        size, end = _run_at(words, at)
        kept.extend(words[at : at + size])
        at = end
    return tuple(kept)


def _run_at(words: tuple[str, ...], at: int) -> tuple[int, int]:
    """(Length of the unit that begins here, where its repetitions end)."""
    for size in range(1, _LONGEST_UNIT + 1):
        if words[at + size : at + size + 1] != words[at : at + 1]:
            continue
        unit, end = words[at : at + size], at + size
        while words[end : end + size] == unit:
            end += size
        if end - at >= 3 * size:
            return size, end
    return 1, at + 1


def _without_echoes(words: Sequence[str]) -> Iterable[str]:
    """Words are left out where the run that they end stood in the post before."""
    runs = list(zip(*(words[at:] for at in range(_ECHO)), strict=False))
    if len(set(runs)) == len(runs):
        return words
    kept, seen = list(words[: _ECHO - 1]), set()
    for run in runs:
        if run not in seen:
            kept.append(run[-1])
            seen.add(run)
    return kept
