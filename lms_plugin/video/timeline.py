"""Which stretch of its film each media segment of an encoded film holds."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from lms_plugin.domain.intervals import Segment
from lms_plugin.video.manifest import MANIFEST, PackageBroken, find_package, read_segments

_FILMS_KEPT = 128


def stretch_of(media_root: Path, digest: str, name: str) -> Segment | None:
    """The stretch [from, to) in milliseconds of the film that a file of its package holds, such as "480p/00003.ts".

    None for whatever is no media segment of a film that is there.

    Raises:
        PackageBroken: the film's folder is damaged.
    """
    try:
        return _stretches(media_root, digest).get(name)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=_FILMS_KEPT)
def _stretches(media_root: Path, digest: str) -> Mapping[str, Segment]:
    """Every segment of every rendition. An encoded film is never changed, so that this is read once per process.

    Raises:
        FileNotFoundError: there is no such film, which may change.
        PackageBroken: its folder is damaged.
    """
    package = find_package(media_root, digest)
    if package is None:
        raise FileNotFoundError(digest)
    found: dict[str, Segment] = {}
    # Renditions are cut on the same frames: their stretches are kept once.
    shared: dict[Segment, Segment] = {}
    for rendition in package.renditions:
        try:
            segments = read_segments(package.folder / rendition.playlist)
        except (OSError, ValueError) as error:
            raise PackageBroken(folder=str(package.folder), why=f"{rendition.playlist}: {error}") from error
        if not segments:
            raise PackageBroken(folder=str(package.folder), why=f"{rendition.playlist} names no segment")
        at = Decimal(0)
        for number, (seconds, path) in enumerate(segments, start=1):
            start, at = at, at + seconds
            end_ms = package.duration_ms if number == len(segments) else round(at * 1000)
            stretch = (round(start * 1000), end_ms)
            if stretch[0] >= stretch[1]:
                raise PackageBroken(folder=str(package.folder), why=f"{rendition.playlist} and {MANIFEST} differ")
            found[path.relative_to(package.folder).as_posix()] = shared.setdefault(stretch, stretch)
    return found
