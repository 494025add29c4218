"""An encoded film on disk: its description in package.json, and its playlists."""

import json
import re
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from lms_plugin.domain.errors import Refusal

MANIFEST = "package.json"
MASTER = "master.m3u8"
POSTER = "poster.jpg"
_DURATION = re.compile(r"^#EXTINF:([0-9.]+),", re.MULTILINE)


class PackageBroken(Refusal):
    """A folder that should hold an encoded film does not; deleting it lets the film be encoded anew."""

    code = "video_package_broken"


@dataclass(frozen=True, slots=True)
class Rendition:
    """One quality of a film. Rates are bits a second over any segment at most, and over the whole film."""

    name: str
    width: int
    height: int
    bandwidth: int
    average_bandwidth: int
    codecs: str
    playlist: str


@dataclass(frozen=True, slots=True)
class VideoPackage:
    """An encoded film in `folder`, whose name is its digest; the other paths are relative to that folder.

    `duration_ms` is what a player reports; `captions` maps a language to its file.
    """

    digest: str
    folder: Path
    source_digest: str
    ladder_version: int
    duration_ms: int
    has_audio: bool
    renditions: tuple[Rendition, ...]
    captions: dict[str, str]
    poster: str = POSTER
    master: str = MASTER


def find_package(media_root: Path, digest: str) -> VideoPackage | None:
    """The film encoded under this digest, or None where there is none; raises PackageBroken for half a one."""
    folder = media_root / digest
    if not folder.is_dir():
        return None
    try:
        raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        raw["renditions"] = tuple(Rendition(**rendition) for rendition in raw["renditions"])
        package = VideoPackage(digest=digest, folder=folder, **raw)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackageBroken(folder=str(folder), why=f"{MANIFEST}: {error}") from error
    needed = [package.master, package.poster, *package.captions.values()]
    needed.extend(rendition.playlist for rendition in package.renditions)
    for name in needed:
        if not (folder / name).is_file():
            raise PackageBroken(folder=str(folder), why=f"{name} is missing")
    return package


def write_manifest(package: VideoPackage, folder: Path) -> None:
    """Write package.json into `folder` in one step."""
    content = {name: value for name, value in asdict(package).items() if name not in {"digest", "folder"}}
    partial = folder / f".{MANIFEST}.partial"
    partial.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / MANIFEST)


def write_master(renditions: tuple[Rendition, ...], fps: float, folder: Path) -> None:
    """Write the playlist of playlists. Source: RFC 8216, section 4.3.4.2.

    The first rendition is the one a player starts with before it has measured the line: the smallest.
    """
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rendition in renditions:
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={rendition.bandwidth},AVERAGE-BANDWIDTH={rendition.average_bandwidth},"
            f'RESOLUTION={rendition.width}x{rendition.height},FRAME-RATE={fps:.3f},CODECS="{rendition.codecs}"'
        )
        lines.append(rendition.playlist)
    (folder / MASTER).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_segments(playlist: Path) -> list[tuple[Decimal, Path]]:
    """The segments a media playlist names, each with its length in seconds."""
    text = playlist.read_text(encoding="utf-8")
    names = [line for line in text.splitlines() if line and not line.startswith("#")]
    durations = [Decimal(duration) for duration in _DURATION.findall(text)]
    return [(duration, playlist.parent / name) for duration, name in zip(durations, names, strict=True)]
