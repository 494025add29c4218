"""lesson.md read into a Lesson: front matter, slides in Markdown, and what is said over each."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt

from lms_plugin.content.document import read_text
from lms_plugin.content.faults import Fault
from lms_plugin.domain.lesson import Lesson, Picture, Slide, Utterance

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_SPOKEN = re.compile(r"^(zh|en):\s*(.*)$")
_PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"})


def _size(value: str) -> int:
    size = int(value)
    if not 160 <= size <= 1920 or size % 2:
        raise ValueError
    return size


def _between(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        number = int(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def _pause(value: str) -> Decimal:
    pause = Decimal(value)
    if not 0 <= pause <= 10:
        raise ValueError
    return pause


_SETTINGS: dict[str, tuple[Callable[[str], object], str]] = {
    "title": (str, "a text"),
    "width": (_size, "an even number of pixels from 160 to 1920"),
    "height": (_size, "an even number of pixels from 160 to 1920"),
    "fps": (_between(1, 30), "a whole number from 1 to 30"),
    "pause_seconds": (_pause, "a number from 0 to 10"),
    "rate_words_per_minute": (_between(80, 400), "a whole number from 80 to 400"),
}


@dataclass
class _Part:
    """The lines of one slide with their numbers: what shows, and what is said."""

    line: int
    shown: list[tuple[int, str]] = field(default_factory=list)
    narration_line: int | None = None
    said: list[tuple[int, str]] = field(default_factory=list)


def read_lesson(path: Path, faults: list[Fault]) -> Lesson | None:
    """The lesson of a lesson.md; None where it has faults, all of which are appended to `faults`."""
    text = read_text(path, faults)
    if text is None:
        return None
    found: list[Fault] = []
    lines = list(enumerate(text.replace("\r\n", "\n").split("\n"), start=1))
    settings, rest = _front_matter(path, lines, found)
    slides: list[Slide] = []
    pictures: dict[str, Picture] = {}
    for part in _parts(path, rest, found):
        utterances = _utterances(path, part, found)
        markdown = "\n".join(line for _, line in part.shown).strip("\n")
        if not markdown.strip():
            found.append(Fault(path, part.line, "the slide shows nothing"))
        _read_pictures(path, part, pictures, found)
        slides.append(Slide(markdown, tuple(utterances), part.line))
    faults.extend(found)
    if found:
        return None
    return Lesson(slides=tuple(slides), pictures=tuple(pictures.values()), **settings)


def _front_matter(
    path: Path, lines: list[tuple[int, str]], faults: list[Fault]
) -> tuple[dict[str, Any], list[tuple[int, str]]]:
    settings: dict[str, Any] = {}
    ends = [position for position, (_, line) in enumerate(lines) if line.rstrip() == "---"][:2]
    if len(ends) < 2 or ends[0] != 0:
        faults.append(Fault(path, 1, 'a lesson must begin with its settings between two lines "---"'))
        return settings, lines
    for number, line in lines[1 : ends[1]]:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not colon or name not in _SETTINGS:
            known = ", ".join(_SETTINGS)
            faults.append(Fault(path, number, f'unknown setting "{name}"; known: {known}'))
        elif name in settings:
            faults.append(Fault(path, number, f"{name}: given twice"))
        else:
            read, expected = _SETTINGS[name]
            try:
                settings[name] = read(value)
            except (ValueError, InvalidOperation):
                faults.append(Fault(path, number, f"{name}: must be {expected}"))
    if not settings.get("title"):
        faults.append(Fault(path, 1, "title: is missing"))
    return settings, lines[ends[1] + 1 :]


def _parts(path: Path, lines: list[tuple[int, str]], faults: list[Fault]) -> Iterator[_Part]:
    part = _Part(lines[0][0] if lines else 1)
    fence = ""
    narrating = False
    for number, line in lines:
        mark = _FENCE.match(line)
        if narrating:
            if line.strip() == ":::":
                narrating = False
            elif line.rstrip() == "---":
                faults.append(Fault(path, part.narration_line or number, 'the narration has no closing ":::"'))
                narrating = False
                yield part
                part = _Part(number + 1)
            else:
                part.said.append((number, line))
            continue
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[1]
        elif line.rstrip() == "---":
            yield part
            part = _Part(number + 1)
            continue
        elif line.startswith(":::"):
            if line.split() != [":::", "narration"]:
                faults.append(Fault(path, number, 'expected "::: narration"'))
            elif part.narration_line is not None:
                faults.append(Fault(path, number, "the slide has a second narration"))
            part.narration_line = number
            narrating = True
            continue
        if part.narration_line is not None and line.strip():
            faults.append(Fault(path, number, 'only a line "---" may follow the narration'))
        part.shown.append((number, line))
    if narrating:
        faults.append(Fault(path, part.narration_line or part.line, 'the narration has no closing ":::"'))
    if fence:
        faults.append(Fault(path, part.line, f"a code block of this slide has no closing {fence}"))
    yield part


def _utterances(path: Path, part: _Part, faults: list[Fault]) -> list[Utterance]:
    """Pairs of zh and en; a line with neither mark goes on with the text in front of it."""
    pairs: list[dict[str, str]] = []
    starts: list[int] = []
    language = ""
    for number, line in part.said:
        spoken = _SPOKEN.match(line.strip())
        if spoken:
            language, text = spoken.groups()
            if language == "zh":
                pairs.append({})
                starts.append(number)
            if not pairs or language in pairs[-1]:
                faults.append(Fault(path, number, "en: there is no zh line in front of it"))
                language = ""
                continue
            pairs[-1][language] = text
        elif line.strip() and not language:
            faults.append(Fault(path, number, 'a spoken text must begin with "zh:" or "en:"'))
        elif line.strip():
            pairs[-1][language] += ("" if language == "zh" else " ") + line.strip()
        else:
            language = ""
    for start, pair in zip(starts, pairs, strict=True):
        faults.extend(
            Fault(path, start, f"{language}: the text is missing")
            for language in ("zh", "en")
            if not pair.get(language, "").strip()
        )
    if part.narration_line is None:
        faults.append(Fault(path, part.line, 'the slide has no "::: narration"'))
    elif not pairs and not any(line.strip() for _, line in part.said):
        faults.append(Fault(path, part.narration_line, "the narration says nothing"))
    return [Utterance(pair.get("zh", ""), pair.get("en", "")) for pair in pairs]


def _read_pictures(path: Path, part: _Part, pictures: dict[str, Picture], faults: list[Fault]) -> None:
    for token in MARKDOWN.parse("\n".join(line for _, line in part.shown)):
        names = [unquote(str(child.attrGet("src"))) for child in token.children or () if child.type == "image"]
        line = part.shown[token.map[0]][0] if names and token.map else part.line
        for name in names:
            if name in pictures:
                continue
            if "/" in name or name.startswith(".") or Path(name).suffix.lower() not in _PICTURE_SUFFIXES:
                faults.append(Fault(path, line, f'image "{name}": must be a picture file beside lesson.md'))
            elif not (path.parent / name).is_file():
                faults.append(Fault(path, line, f'image "{name}": there is no such file'))
            else:
                pictures[name] = Picture(name, (path.parent / name).read_bytes())
