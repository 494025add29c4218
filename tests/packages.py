"""Encoded films made by hand: folders as the encoder leaves them, whose segments hold no film."""

from dataclasses import dataclass
from pathlib import Path

from lms_plugin.video.manifest import Rendition, VideoPackage, write_manifest, write_master

LENGTHS = ("4.000000", "4.000000", "2.041667")
"""Seconds of the segments of `make_package`: its film is 10042 ms long."""

FILM_MS = 10_042
SEGMENT = b"a media segment " * 100


@dataclass(frozen=True, slots=True)
class Made:
    digest: str
    folder: Path


def make_package(
    media_root: Path, digest: str, *, lengths: tuple[str, ...] = LENGTHS, duration_ms: int = FILM_MS
) -> Made:
    """A film of two renditions, `240p` and `480p`, under `media_root/<digest>`."""
    folder = media_root / digest
    renditions = tuple(
        Rendition(name, width, height, 400_000, 300_000, "avc1.42c01e", f"{name}/index.m3u8")
        for name, width, height in (("240p", 426, 240), ("480p", 854, 480))
    )
    for rendition in renditions:
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:4", "#EXT-X-PLAYLIST-TYPE:VOD"]
        (folder / rendition.name).mkdir(parents=True)
        for number, seconds in enumerate(lengths):
            lines += [f"#EXTINF:{seconds},", f"{number:05d}.ts"]
            (folder / rendition.name / f"{number:05d}.ts").write_bytes(SEGMENT)
        (folder / rendition.playlist).write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]), encoding="utf-8")
    write_master(renditions, 25.0, folder)
    (folder / "poster.jpg").write_bytes(b"a poster")
    write_manifest(VideoPackage(digest, folder, "0" * 64, 1, duration_ms, False, renditions, {}), folder)
    return Made(digest, folder)
