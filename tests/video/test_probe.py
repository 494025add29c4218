from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from lms_plugin.video.probe import FilmUnreadable, probe


@pytest.mark.parametrize(
    ("name", "width", "height", "duration_ms", "fps", "has_audio"),
    [
        ("sound.mp4",        640,  360, 6000, 25, True),
        ("silent.mp4",       426,  240, 5000, 25, False),
        ("odd.mp4",          321,  179, 4000, 24, True),
        ("portrait.mp4",     540,  960, 3000, 30, True),
        ("tiny.mp4",          64,   48, 3000,  2, False),
        ("fast.mp4",         320,  240, 5000, 60, False),
        ("film.webm",        320,  240, 4000, 25, True),
        ("long-sound.mkv",   320,  240, 5500, 25, True),
        ("wide-pixels.mkv",  640,  480, 3000, 25, False),
    ],
)  # fmt: skip
def test_a_film_is_described_as_people_see_it(
    film: Callable[[str], Path], name: str, width: int, height: int, duration_ms: int, fps: int, has_audio: bool
) -> None:
    found = probe(film(name))
    assert (found.width, found.height, found.fps, found.has_audio) == (width, height, Fraction(fps), has_audio)
    assert found.duration_ms == pytest.approx(duration_ms, abs=45)
    assert found.steady


def test_picture_and_sound_of_different_length_are_told_apart(film: Callable[[str], Path]) -> None:
    found = probe(film("long-sound.mkv"))
    assert found.picture_ms == pytest.approx(3000, abs=45)
    assert found.sound_ms == found.duration_ms == pytest.approx(5500, abs=45)


def test_a_rate_that_varies_is_noticed(film: Callable[[str], Path]) -> None:
    assert not probe(film("variable.mkv")).steady


def test_interlacing_is_noticed(film: Callable[[str], Path]) -> None:
    assert probe(film("interlaced.mpg")).interlaced
    assert not probe(film("sound.mp4")).interlaced


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.mp4",  b"",                                                       "the file is empty"),
        ("text.mp4",   b"this is no film\n" * 50,                                 "Invalid data"),
        ("list.mp4",   b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n/etc/passwd\n", "Invalid data"),
        ("script.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n",               "not that of a film"),
    ],
)  # fmt: skip
def test_what_is_no_film_is_refused(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FilmUnreadable) as refused:
        probe(path)
    assert refused.value.code == "film_unreadable"
    assert refused.value.params["film"] == name
    assert why in str(refused.value.params["why"])


def test_a_missing_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FilmUnreadable, match="no such file"):
        probe(tmp_path / "gone.mp4")


@pytest.mark.parametrize("name", ["audio-only.mp4", "cover.mp3"])
def test_sound_without_a_picture_is_refused(film: Callable[[str], Path], name: str) -> None:
    with pytest.raises(FilmUnreadable, match="there is no picture in it"):
        probe(film(name))


@pytest.mark.parametrize(
    ("name", "share", "why"),
    [
        ("sound.mp4",    0.7, "Invalid data"),  # the index of this one is at its end
        ("seekable.mp4", 0.6, "cut short"),
        ("film.webm",    0.5, "cut short"),
        ("variable.mkv", 0.5, "cut short"),
    ],
)  # fmt: skip
def test_a_film_cut_short_in_a_transfer_is_refused(
    film: Callable[[str], Path], tmp_path: Path, name: str, share: float, why: str
) -> None:
    whole = film(name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(FilmUnreadable, match=why):
        probe(cut)
