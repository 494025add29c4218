"""Which renditions a film is encoded into: sizes, rates and the pace of key frames."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from lms_plugin.video.probe import Film

LADDER_VERSION = 1
SEGMENT_SECONDS = 4
MOST_FPS = 30
LEAST_FPS = 10
_RUNGS = (240, 480, 720)
_WORTH_A_RUNG = 1.2


@dataclass(frozen=True, slots=True)
class Rung:
    """One rendition to encode. `name` is its folder; rates are kilobits a second at the most."""

    name: str
    width: int
    height: int
    video_kbps: int
    audio_kbps: int
    quality: int


def rungs(film: Film) -> tuple[Rung, ...]:
    """The renditions of a film, smallest first, never larger than the film itself.

    A rung's number is the film's shorter side, so that an upright film is as sharp as a wide one. A film between
    two rungs also keeps its own size where that shows clearly more; one below the lowest rung has its size alone.
    """
    side = min(film.width, film.height)
    sides = [rung for rung in _RUNGS if rung <= side]
    own = min(side, _RUNGS[-1])
    if not sides or own >= sides[-1] * _WORTH_A_RUNG:
        sides.append(own)
    return tuple(_rung(film, Fraction(shorter, side)) for shorter in sides)


def frame_rate(film: Film) -> Fraction:
    """Frames a second of every rendition: the film's own rate, halved or thirded where above 30.

    A film whose rate varies gets an even 30; one slower than 10 is filled up, so that it ends to the tenth of a second.
    """
    fps = film.fps if film.steady else min(film.fps, Fraction(MOST_FPS))
    fps /= max(1, ceil(fps / MOST_FPS))
    return max(fps, Fraction(LEAST_FPS)).limit_denominator(1001)


def key_frame_interval(fps: Fraction) -> int:
    """Frames from one key frame to the next: the fewest that fill a segment."""
    return ceil(fps * SEGMENT_SECONDS)


def _rung(film: Film, scale: Fraction) -> Rung:
    width, height = _even(film.width, scale), _even(film.height, scale)
    side = min(width, height)
    pixels = width * height
    quality = 25 if side < 400 else 24 if side < 600 else 23
    return Rung(
        name=f"{side}p",
        width=width,
        height=height,
        video_kbps=max(150, round(pixels * 3 / 1000)),
        audio_kbps=64 if side < 400 else 96,
        quality=quality,
    )


def _even(length: int, scale: Fraction) -> int:
    """The even number nearest to the scaled length, as yuv420p needs it, and no larger than the film."""
    return max(2, min(2 * round(length * scale / 2), length - length % 2))
