"""Texts that stand in others: copies, copies with small changes, several stuck together, and variations of one text."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from zlib import crc32

from lms_plugin.domain.own_text import OwnText, own_words, plain_words, taken_apart

PART = Fraction(1, 5)
"""What stands in several texts adds up where each has at least that much of it: less is the language, not the text."""
PIECE = 8
"""So many words in a row are a thought; fewer, between words that stand elsewhere, are a substitution."""
FINGERPRINTED_RUN = 4
LEAST_FINGERPRINTS, MOST_FINGERPRINTS = 8, 256
_NUMBERS = 2**32
_ONE_IN = 8
_RUN, _PAIR = 3, 2
_GIST_RUN = 16


@dataclass(frozen=True, slots=True)
class Repeat:
    """A text repeats the one at this place in what it was compared with; so many per cent of it stand there."""

    place: int
    percent: int


def similarity(text: str, earlier: str) -> Fraction:
    """How much of one text stands in the other (0..1), for whichever it is more.

    A word or Chinese character stands in the other text where it is part of a run of three in both.
    """
    one, other = plain_words(text), plain_words(earlier)
    return max(_share(one, other), _share(other, one))


def repeat_of(
    text: OwnText,
    said: Sequence[OwnText],
    ratio: Fraction,
    is_enough: Callable[[OwnText], bool],
    *,
    only_copies: bool = False,
) -> Repeat | None:
    """Which of the texts said before a text repeats, if any.

    It is a copy of one where that much (`ratio`) of either stands in the other, or of several where that much stands
    in them together. It is a variation where of all pairs of neighbouring words half that much is in both: words were
    swapped, sentences moved. Where what is new in it `is_enough`, it takes up what was said and repeats nothing: new
    are words that stand nowhere, `PIECE` of them in a row, twice as many in a variation, where new words are the trick.
    With `only_copies` neither variations nor several together are looked for, and every single new word is new.
    """
    shares: dict[int, Fraction] = {}
    copies, variations = [], []
    least, half = min(ratio, PART), ratio / 2
    for place, other in enumerate(said):
        common = text.runs & other.runs
        if not common:
            continue
        other_may = _may_stand(other, common, ratio)
        if other_may or _may_stand(text, common, least):
            shares[place] = _standing_share(text, common)
            if shares[place] >= ratio or (other_may and _standing_share(other, common) >= ratio):
                copies.append(place)
                continue
        if _are_alike(text, other, half):
            variations.append(place)
    if not only_copies and not copies:
        parts = [place for place, share in shares.items() if share >= PART]
        if len(parts) > 1 and _standing_share(text, _all(said[one].runs for one in parts)) >= ratio:
            copies = parts
    known = [one.runs for one in said]
    if copies and not is_enough(_new_words(text, known, 1 if only_copies else PIECE)):
        closest = max(copies, key=lambda place: max(shares[place], _share(said[place], text)))
        return Repeat(closest, int(shares[closest] * 100))
    if variations and not copies and not only_copies and not is_enough(_new_words(text, known, 2 * PIECE)):
        likest = max(variations, key=lambda place: _likeness(text, said[place]))
        standing = _standing(text.words, said[likest].pairs, _PAIR)
        return Repeat(likest, 100 * sum(standing) // max(1, len(standing)))
    return None


def fingerprints(body: str) -> tuple[int, ...]:
    """Numbers by which posts that share text find each other, fewer than 2**32, in ascending order.

    They stand for runs of four words of the post's own text, chosen by nothing but the run itself: those whose number
    is in the lowest eighth of all numbers, so that a text has the fingerprints of what stands in it, and the eight
    lowest in any case, so that a short one has some.
    """
    return fingerprints_of(own_words(body, ()).words)


def fingerprints_of(words: Sequence[str]) -> tuple[int, ...]:
    """The fingerprints of a post whose own words are these."""
    found = sorted(set(_numbers(words, FINGERPRINTED_RUN)))
    low = sum(one < _NUMBERS // _ONE_IN for one in found)
    return tuple(found[: min(max(low, LEAST_FINGERPRINTS), MOST_FINGERPRINTS)])


def gist(body: str) -> int | None:
    """A number less than 2**32 that posts with the same own text have in common, and most that differ in little.

    None where there is no own text.
    """
    words = own_words(body, ()).words
    return min(_numbers(words, min(_GIST_RUN, len(words)))) if words else None


def _numbers(words: Sequence[str], size: int) -> Iterator[int]:
    """A number for each run of so many words."""
    for at in range(len(words) - size + 1):
        # The product spreads the numbers of runs that differ in little; it is odd, so that none is lost.
        yield crc32("\n".join(words[at : at + size]).encode()) * 0x9E3779B1 % _NUMBERS


def _likeness(text: OwnText, other: OwnText) -> Fraction:
    """Of all pairs of neighbouring words in two texts, how many are in both (0..1)."""
    return Fraction(2 * len(text.pairs & other.pairs), len(text.pairs) + len(other.pairs))


def _are_alike(text: OwnText, other: OwnText, share: Fraction) -> bool:
    """Whether `_likeness` is at least so much; in whole numbers, since most texts that are compared are not alike."""
    both, all_pairs = len(text.pairs & other.pairs), len(text.pairs) + len(other.pairs)
    return 2 * both * share.denominator >= all_pairs * share.numerator


def _share(text: OwnText, other: OwnText) -> Fraction:
    """How much of a text stands in another."""
    return _standing_share(text, text.runs & other.runs)


def _may_stand(text: OwnText, common: frozenset[tuple[str, ...]], share: Fraction) -> bool:
    """Whether these runs of a text may come to that share of it: most texts have little in common, seen at a glance."""
    more_than_once = max(0, len(text.words) - _RUN + 1 - len(text.runs))
    return _RUN * (len(common) + more_than_once) * share.denominator >= len(text.words) * share.numerator


def _standing_share(text: OwnText, known: frozenset[tuple[str, ...]]) -> Fraction:
    if not text.words:
        return Fraction(0)
    size = min(_RUN, len(text.words))
    standing = end = 0
    for at, run in enumerate(text.all_runs()):
        if run in known:
            standing += at + size - max(at, end)
            end = at + size
    return Fraction(standing, len(text.words))


def _new_words(text: OwnText, known: Iterable[frozenset[tuple[str, ...]]], piece: int) -> OwnText:
    """The words that stand in none of the runs known, where so many of them come in a row."""
    standing = _standing(text.words, _all(known), _RUN)
    found: list[str] = []
    row: list[str] = []
    for word, stands in zip((*text.words, ""), (*standing, True), strict=True):
        if not stands:
            row.append(word)
            continue
        if len(row) >= piece:
            found.extend(row)
        row.clear()
    return taken_apart(tuple(found))


def _all(several: Iterable[frozenset[tuple[str, ...]]]) -> frozenset[tuple[str, ...]]:
    return frozenset[tuple[str, ...]]().union(*several)


def _standing(words: tuple[str, ...], known: frozenset[tuple[str, ...]], size: int) -> list[bool]:
    """For each word, whether it is part of a run of so many that is known."""
    stands = [False] * len(words)
    for at in range(max(1, len(words) - size + 1)):
        if words[at : at + size] in known:
            stands[at : at + size] = [True] * len(words[at : at + size])
    return stands
