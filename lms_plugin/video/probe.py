"""What a film file holds, found out by reading all of it."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError, InvalidDataError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame

from lms_plugin.domain.errors import Malformed

# Formats that hold a film and nothing else: a playlist or a script among them could name other files.
# Sound alone is read too, so that it can be called by its name.
FORMATS = (
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,rm,dv,mxf,h264,hevc,m4v,wtv,ivf,"
    "mp3,aac,wav,flac"
)
_WITH_HONEST_LENGTH = frozenset({"matroska", "webm", "mov", "mp4"})
_MOST_MISSING_RATIO = 0.05
_MOST_MISSING_SECONDS = 1.0


class FilmUnreadable(Malformed):
    """The file is not a film that can be shown; `why` says what was found instead."""

    code = "film_unreadable"


@dataclass(frozen=True, slots=True)
class Film:
    """A film as people see it: upright, with square pixels.

    `duration_ms` is the longer of picture and sound, `picture_ms` and `sound_ms` are where each ends;
    `sound_ms` is 0 for a silent film. `fps` is the nominal rate; `steady` tells a constant rate from a variable one.
    """

    duration_ms: int
    picture_ms: int
    sound_ms: int
    width: int
    height: int
    fps: Fraction
    steady: bool
    interlaced: bool
    channels: int

    @property
    def has_audio(self) -> bool:
        return self.sound_ms > 0


@dataclass(slots=True)
class _Extent:
    begin: Fraction | None = None
    end: Fraction = Fraction(0)
    packets: int = 0

    def include(self, packet: "Packet[Stream]") -> None:
        if packet.pts is None or packet.time_base is None or packet.is_discard:
            return
        at = packet.pts * packet.time_base
        self.begin = at if self.begin is None else min(self.begin, at)
        self.end = max(self.end, at + (packet.duration or 0) * packet.time_base)
        self.packets += 1


def probe(source: Path) -> Film:
    """Read the film at `source`; raises FilmUnreadable for anything that cannot be shown to its end.

    Every packet is read, since headers lie: a file cut short in a transfer still tells its old length.
    """
    if not source.is_file():
        raise FilmUnreadable(film=source.name, why="there is no such file")
    if source.stat().st_size == 0:
        raise FilmUnreadable(film=source.name, why="the file is empty")
    try:
        with av.open(
            f"file:{source.resolve()}",
            options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            metadata_errors="ignore",
        ) as container:
            return _read(container, source.name)
    except ArgumentError as error:
        # What FFmpeg says of a format outside the list.
        raise FilmUnreadable(film=source.name, why="its format is not that of a film") from error
    except FFmpegError as error:
        raise FilmUnreadable(film=source.name, why=error.strerror or str(error)) from error


def _read(container: InputContainer, name: str) -> Film:
    pictures = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not pictures:
        raise FilmUnreadable(film=name, why="there is no picture in it")
    picture = pictures[0]
    sound = next(iter(container.streams.audio), None)
    shown, heard = _Extent(), _Extent()
    first: VideoFrame | None = None
    try:
        for packet in container.demux([picture, sound] if sound else [picture]):
            (shown if packet.stream.index == picture.index else heard).include(packet)
            if first is None and packet.stream.index == picture.index:
                first = _decode(packet)
    except FFmpegError as error:
        why = f"it is damaged: it breaks off after {float(shown.end):.1f} seconds"
        raise FilmUnreadable(film=name, why=why) from error
    if first is None or not first.width or not first.height:
        raise FilmUnreadable(film=name, why="no picture of it can be decoded")
    begin = min((extent.begin for extent in (shown, heard) if extent.begin is not None), default=Fraction(0))
    picture_ms, sound_ms = _milliseconds(shown, begin), _milliseconds(heard, begin)
    if picture_ms <= 0:
        raise FilmUnreadable(film=name, why="the film has no length")
    _refuse_cut_short(container, max(picture_ms, sound_ms), name)
    shape = picture.sample_aspect_ratio
    width, height = first.width, first.height
    if shape and shape > 0:
        width = round(width * shape)
    if first.rotation % 180:
        width, height = height, width
    average = Fraction(shown.packets * 1000, picture_ms)
    nominal = picture.base_rate or picture.average_rate or average
    return Film(
        duration_ms=max(picture_ms, sound_ms),
        picture_ms=picture_ms,
        sound_ms=sound_ms,
        width=width,
        height=height,
        fps=nominal,
        steady=abs(nominal - average) * picture_ms <= 2000 + nominal * picture_ms / 50,
        interlaced=first.interlaced_frame,
        channels=sound.channels if sound and sound_ms else 0,
    )


def _decode(packet: "Packet[Stream]") -> VideoFrame | None:
    try:
        return next((frame for frame in packet.decode() if isinstance(frame, VideoFrame)), None)
    except InvalidDataError:
        return None  # a film may begin between two whole pictures


def _milliseconds(extent: _Extent, begin: Fraction) -> int:
    return 0 if extent.begin is None else round((extent.end - begin) * 1000)


def _refuse_cut_short(container: InputContainer, found_ms: int, name: str) -> None:
    if container.duration is None or not _WITH_HONEST_LENGTH & set(container.format.name.split(",")):
        return
    told_seconds, found_seconds = container.duration / 1_000_000, found_ms / 1000
    missing_seconds = told_seconds - found_seconds
    if missing_seconds > max(_MOST_MISSING_SECONDS, told_seconds * _MOST_MISSING_RATIO):
        why = f"it is cut short: {found_seconds:.1f} of {told_seconds:.1f} seconds are there"
        raise FilmUnreadable(film=name, why=why)
