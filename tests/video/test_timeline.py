"""Which stretch of the film a media segment holds."""

from pathlib import Path

import pytest

from lms_plugin.video.manifest import PackageBroken
from lms_plugin.video.timeline import stretch_of
from tests.packages import make_package

DIGEST = "a" * 64


@pytest.mark.parametrize(
    ("name", "stretch"),
    [
        ("240p/00000.ts",   (0, 4000)),
        ("480p/00001.ts",   (4000, 8000)),
        ("240p/00002.ts",   (8000, 10_042)),
        ("240p/00003.ts",   None),
        ("720p/00000.ts",   None),
        ("240p/index.m3u8", None),
        ("master.m3u8",     None),
    ],
)  # fmt: skip
def test_a_segment_has_its_place_in_the_film(tmp_path: Path, name: str, stretch: tuple[int, int] | None) -> None:
    make_package(tmp_path, DIGEST)
    assert stretch_of(tmp_path, DIGEST, name) == stretch


def test_the_stretches_of_a_rendition_meet_and_the_last_reaches_the_films_end(tmp_path: Path) -> None:
    make_package(tmp_path, DIGEST, lengths=("4.004000",) * 30 + ("1.001333",), duration_ms=121_122)
    found = [stretch_of(tmp_path, DIGEST, f"480p/{number:05d}.ts") for number in range(31)]
    stretches = [one for one in found if one is not None]
    assert len(stretches) == 31
    assert [end for _, end in stretches] == [start for start, _ in stretches[1:]] + [121_122]
    assert stretches[0] == (0, 4004)


def test_a_film_that_comes_later_is_found(tmp_path: Path) -> None:
    assert stretch_of(tmp_path, DIGEST, "240p/00000.ts") is None
    make_package(tmp_path, DIGEST)
    assert stretch_of(tmp_path, DIGEST, "240p/00000.ts") == (0, 4000)


@pytest.mark.parametrize("content", ["", "#EXTINF:4.0,\n", "#EXTINF:4.0,\n0.ts\n" * 20])
def test_a_damaged_playlist_is_said(tmp_path: Path, content: str) -> None:
    made = make_package(tmp_path, DIGEST)
    (made.folder / "480p" / "index.m3u8").write_text(content, encoding="utf-8")
    with pytest.raises(PackageBroken):
        stretch_of(tmp_path, DIGEST, "240p/00000.ts")
