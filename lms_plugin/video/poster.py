"""What encoded segments show: a picture to stand for the film, and the codecs they are in."""

from collections.abc import Iterator
from pathlib import Path

import av
from av.video.frame import VideoFrame

from lms_plugin.video.manifest import read_segments

_MOST_SEGMENTS = 12
_FRAMES_APART = 10
_CLEAR_ENOUGH_RATIO = 0.6
_SAMPLE_WIDTH, _SAMPLE_HEIGHT = 64, 36
_AAC_LC = "mp4a.40.2"
_SEQUENCE_PARAMETERS = 7


def write_poster(smallest: Path, largest: Path, poster: Path) -> None:
    """Write the first picture of the film that shows something, as JPEG, in the size of the largest rendition.

    Pictures from all over the film are compared by their contrast, so that one which opens in black has a poster
    all the same. `smallest` and `largest` are playlists whose segments hold the same frames.
    """
    contrasts = list(_contrasts(smallest))
    clear = _CLEAR_ENOUGH_RATIO * max(contrast for contrast, _, _ in contrasts)
    _, segment, number = next(found for found in contrasts if found[0] >= clear)
    with av.open(str(read_segments(largest)[segment][1])) as container:
        for position, frame in enumerate(container.decode(video=0)):
            if position == number:
                frame.save(poster, qscale=3)
                return


def codecs_of(segment: Path) -> str:
    """The CODECS attribute of a segment. Source: RFC 6381, section 3.3; ISO/IEC 14496-10, 7.3.2.1."""
    with av.open(str(segment)) as container:
        parameters = container.streams.video[0].codec_context.extradata or b""
        start = next(
            at + 3
            for at in range(len(parameters) - 6)
            if parameters[at : at + 3] == b"\0\0\1" and parameters[at + 3] & 0x1F == _SEQUENCE_PARAMETERS
        )
        codec = f"avc1.{parameters[start + 1 : start + 4].hex()}"
        return f"{codec},{_AAC_LC}" if container.streams.audio else codec


def _contrasts(playlist: Path) -> Iterator[tuple[float, int, int]]:
    """The contrast of sampled pictures with the segment and the frame they are in, in order of time."""
    segments = read_segments(playlist)
    step = max(1, len(segments) // _MOST_SEGMENTS)
    for segment in range(0, len(segments), step):
        try:
            with av.open(str(segments[segment][1])) as container:
                for number, frame in enumerate(container.decode(video=0)):
                    if number % _FRAMES_APART == 0:
                        yield _contrast(frame), segment, number
        except av.error.InvalidDataError:
            continue  # the last segment of a film can be a hair of sound, with no picture in it


def _contrast(frame: VideoFrame) -> float:
    plane = frame.reformat(_SAMPLE_WIDTH, _SAMPLE_HEIGHT, "gray").planes[0]
    rows = memoryview(plane).cast("B")
    pixels = b"".join(
        rows[row * plane.line_size : row * plane.line_size + _SAMPLE_WIDTH] for row in range(_SAMPLE_HEIGHT)
    )
    mean = sum(pixels) / len(pixels)
    return sum((pixel - mean) ** 2 for pixel in pixels) / len(pixels)
