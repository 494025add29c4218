"""Makes posts.jsonl from the hand-written texts beside it: `python -m tests.services.corpus.making`."""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
POSTS = FOLDER / "posts.jsonl"
LANGUAGES = ("zh", "en")
SEED = 2026
AGREED = {"zh": ("同意！", "学习了，说得好。"), "en": ("I agree!", "So true, thanks.")}
_SLOT = re.compile(r"\{([^{}]*)\}")
_SENTENCE = re.compile(r"[^。！？.!?]+[。！？.!?]*\s*")


@dataclass(frozen=True, slots=True)
class CorpusPost:
    """A post, in the language it is written in; `counts` is what a fair reader would say."""

    language: str
    kind: str
    author: int
    counts: bool
    body: str


def read() -> list[CorpusPost]:
    """The posts of the file."""
    return [CorpusPost(**json.loads(line)) for line in POSTS.read_text("utf-8").splitlines()]


def texts(name: str, language: str) -> list[str]:
    return (FOLDER / f"{name}.{language}.txt").read_text("utf-8").splitlines()


def make() -> list[CorpusPost]:
    """All posts, each language's in an order in which nothing is copied before it is there."""
    return [post for language in LANGUAGES for post in _of(language, random.Random(SEED))]


def _of(language: str, chance: random.Random) -> Iterator[CorpusPost]:
    honest = texts("honest", language)
    originals = list(enumerate(honest))
    chance.shuffle(originals)

    def post(kind: str, author: int, counts: bool, body: str) -> CorpusPost:
        return CorpusPost(language, kind, author, counts, body)

    first, later = [], []
    for number, body in originals:
        first.append(post("honest", number, True, body))
    for number, body in enumerate(texts("replies", language)):
        first.append(post("reply", 100 + number, True, f"> {chance.choice(honest)}\n\n{body}"))
    first += [post("sharp", 110 + number, True, body) for number, body in enumerate(texts("sharp", language))]
    for number, body in enumerate(texts("padded", language)):
        first.append(post("padded", 120 + number, False, body))
    for number, body in enumerate(texts("emoji", language)):
        first.append(post("emoji", 150 + number, False, body))
    for number in range(10):
        body = f"> {chance.choice(honest)}\n\n{AGREED[language][number % 2]}"
        first.append(post("quoted", 160 + number, False, body))
    chance.shuffle(first)
    # Two whole thoughts that nobody else has: what is added to an own earlier post is new.
    fresh = texts("taken_up", language)
    for author, added in zip((3, 40), fresh, strict=True):
        later.append(post("taken_up", author, True, f"{honest[author]}\n\n{added}"))
    for number, (_, body) in enumerate(chance.sample(originals, 34)):
        copy = COPIES[number % len(COPIES)]
        later.append(post("copied", 200 + number, False, copy(body, honest, language, chance)))
    for family, text in enumerate(texts("spun", language)):
        for number in range(13):
            kind = "variation" if number else "first_of_its_kind"
            later.append(post(kind, 300 + 20 * family + number, number == 0, _spun(text, chance)))
    yield from first
    firsts = [one for one in later if one.kind == "first_of_its_kind"]
    others = [one for one in later if one.kind != "first_of_its_kind"]
    chance.shuffle(others)
    yield from (*firsts, *others)


def _spun(text: str, chance: random.Random) -> str:
    return _SLOT.sub(lambda slot: chance.choice(slot[1].split("|")), text)


Copy = Callable[[str, list[str], str, random.Random], str]


def _same(body: str, honest: list[str], language: str, chance: random.Random) -> str:
    return body


def _greeted(body: str, honest: list[str], language: str, chance: random.Random) -> str:
    return f"{texts('added', language)[1]} {body}"


def _with_synonyms(body: str, honest: list[str], language: str, chance: random.Random) -> str:
    edge = r"\b" if language == "en" else ""
    for line in texts("swaps", language):
        word, other = line.split()
        body = re.sub(f"{edge}{word}{edge}", f"\0{other}", body)
    return body.replace("\0", "")


def _shortened(body: str, honest: list[str], language: str, chance: random.Random) -> str:
    """The longer half of its sentences, or all but the beginning where it is one."""
    sentences = [one.strip() for one in _SENTENCE.findall(body)]
    if len(sentences) < 3:
        return body[len(body) // 4 :]
    dropped = min(sentences, key=len)
    return (" " if language == "en" else "").join(one for one in sentences if one is not dropped)


def _turned_round(body: str, honest: list[str], language: str, chance: random.Random) -> str:
    sentences = [one.strip() for one in _SENTENCE.findall(body)]
    return (" " if language == "en" else "").join([*sentences[1:], sentences[0]])


def _inside_more(body: str, honest: list[str], language: str, chance: random.Random) -> str:
    before, after = chance.sample(texts("added", language), 2)
    return f"{before} {body} {after}"


def _stuck_together(body: str, honest: list[str], language: str, chance: random.Random) -> str:
    """The first half of one post and the second of another."""
    other = chance.choice([one for one in honest if one != body])
    if language == "en":
        mine, theirs = body.split(), other.split()
        return " ".join(mine[: len(mine) // 2] + theirs[len(theirs) // 2 :])
    return body[: len(body) // 2] + other[len(other) // 2 :]


COPIES: tuple[Copy, ...] = (
    _same,
    _greeted,
    _with_synonyms,
    _shortened,
    _turned_round,
    _inside_more,
    _stuck_together,
)

if __name__ == "__main__":
    lines = [json.dumps(asdict(post), ensure_ascii=False) for post in make()]
    POSTS.write_text("\n".join(lines) + "\n", "utf-8")
