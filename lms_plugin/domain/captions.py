"""WebVTT captions as values: what a caption file may look like, read strictly and written plainly."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TIMESTAMP = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"^{_TIMESTAMP}[ \t]+-->[ \t]+{_TIMESTAMP}(?:[ \t]+\S.*)?$")


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption, shown in the half-open stretch [start_ms, end_ms) of the film."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class CaptionFault:
    """What is wrong with a caption file, and on which line (from 1)."""

    line: int
    message: str


def parse_webvtt(text: str) -> tuple[list[Cue], list[CaptionFault]]:
    """Read a WebVTT file, collecting every fault; the cues are those that are sound.

    Stricter than a browser, which drops a malformed cue without a word: here each one is a fault. Cues must not
    begin before the one in front of them. Source: W3C WebVTT, section 4.1.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not re.match(r"^WEBVTT(?:[ \t].*)?$", lines[0]):
        return [], [CaptionFault(1, 'a caption file must begin with the line "WEBVTT"')]
    cues: list[Cue] = []
    faults: list[CaptionFault] = []
    for number, block in _blocks(lines):
        if number == 1 or block[0].split(maxsplit=1)[0] in {"NOTE", "STYLE", "REGION"}:
            continue
        _read_cue(number, block, cues, faults)
    if not cues and not faults:
        faults.append(CaptionFault(1, "there is no caption in this file"))
    return cues, faults


def render_webvtt(cues: Iterable[Cue]) -> str:
    """The WebVTT file that shows these cues; texts are escaped, so that they show as they are."""
    parts = ["WEBVTT\n"]
    for cue in cues:
        text = " ".join(cue.text.split())
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        parts.append(f"{_timestamp(cue.start_ms)} --> {_timestamp(cue.end_ms)}\n{escaped}\n")
    return "\n".join(parts)


def _blocks(lines: list[str]) -> Iterable[tuple[int, list[str]]]:
    block: list[str] = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _read_cue(number: int, block: list[str], cues: list[Cue], faults: list[CaptionFault]) -> None:
    if "-->" not in block[0] and len(block) > 1:
        number, block = number + 1, block[1:]
    timing = _TIMING.match(block[0].strip())
    if timing is None:
        faults.append(CaptionFault(number, "expected a timing such as 00:00:01.000 --> 00:00:04.000"))
        return
    start_ms, end_ms = _milliseconds(timing.groups()[:4]), _milliseconds(timing.groups()[4:])
    if end_ms <= start_ms:
        faults.append(CaptionFault(number, "the caption ends before it begins"))
    elif cues and start_ms < cues[-1].start_ms:
        faults.append(CaptionFault(number, "the caption begins before the one in front of it"))
    elif len(block) < 2:
        faults.append(CaptionFault(number, "the caption has no text"))
    else:
        cues.append(Cue(start_ms, end_ms, "\n".join(block[1:])))


def _milliseconds(groups: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, thousandths = (int(group or 0) for group in groups)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths


def _timestamp(instant_ms: int) -> str:
    seconds, thousandths = divmod(instant_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"
