import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import imageio_ffmpeg
import pytest

from lms_plugin.video.encoder import EncodeFailed, EncoderMissing, find_ffmpeg, run
from lms_plugin.video.manifest import PackageBroken, VideoPackage, find_package, read_segments
from lms_plugin.video.package import CaptionsMalformed, digest_of, encode
from lms_plugin.video.probe import FilmUnreadable, probe

CAPTIONS = "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n第一句。\n"


def captions_in(folder: Path, text: str = CAPTIONS) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    paths = {language: folder / f"{language}.vtt" for language in ("zh", "en")}
    for path in paths.values():
        path.write_text(text, encoding="utf-8")
    return paths


def key_frame_times(package: VideoPackage, playlist: str) -> list[list[float]]:
    """For each segment, when each of its frames that open a group of pictures shows."""
    times = []
    for _, segment in read_segments(package.folder / playlist):
        with av.open(str(segment)) as container:
            packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
            assert packets[0].is_keyframe
            times.append([float(packet.pts * packet.time_base) for packet in packets if packet.is_keyframe])
    return times


@pytest.mark.parametrize(
    ("name", "sizes", "has_audio"),
    [
        ("sound.mp4",       [(426, 240), (640, 360)],               True),
        ("silent.mp4",      [(426, 240)],                           False),
        ("odd.mp4",         [(320, 178)],                           True),
        ("portrait.mp4",    [(240, 426), (480, 854)],               True),
        ("tiny.mp4",        [(64, 48)],                             False),
        ("fast.mp4",        [(320, 240)],                           False),
        ("large.mp4",       [(426, 240), (854, 480), (1280, 720)],  True),
        ("film.webm",       [(320, 240)],                           True),
        ("long-sound.mkv",  [(320, 240)],                           True),
        ("short-sound.mkv", [(320, 240)],                           True),
        ("variable.mkv",    [(320, 240)],                           True),
        ("wide-pixels.mkv", [(320, 240), (640, 480)],               False),
        ("interlaced.mpg",  [(294, 240), (352, 288)],               False),
    ],
)  # fmt: skip
def test_every_kind_of_film_becomes_a_ladder_that_plays(
    film: Callable[[str], Path], tmp_path: Path, name: str, sizes: list[tuple[int, int]], has_audio: bool
) -> None:
    source = film(name)
    shares: list[float] = []
    package = encode(source, captions_in(tmp_path / "captions"), tmp_path / "media", shares.append)

    assert [(rendition.width, rendition.height) for rendition in package.renditions] == sizes
    assert package.has_audio is has_audio
    assert abs(package.duration_ms - probe(source).duration_ms) <= 100
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    cuts = [key_frame_times(package, rendition.playlist) for rendition in package.renditions]
    assert all(cut == cuts[0] for cut in cuts)
    assert all(len(segment) == 1 for segment in cuts[0]), "a segment is one closed group of pictures"
    for rendition in package.renditions:
        segments = read_segments(package.folder / rendition.playlist)
        assert all(4 <= seconds <= 4.1 for seconds, _ in segments[:-1])
        assert abs(sum(seconds for seconds, _ in segments) * 1000 - package.duration_ms) <= 1
        shown, heard = [], []
        for _, segment in segments:
            with av.open(str(segment)) as container:
                picture = container.streams.video[0]
                frame = next(container.decode(picture))
                assert (frame.width, frame.height) == (rendition.width, rendition.height)
                assert frame.format.name == "yuv420p"
                assert picture.codec_context.name == "h264"
                assert picture.profile == "Main"
                assert bool(container.streams.audio) is has_audio
                container.seek(0)
                for packet in container.demux():
                    if packet.pts is not None and packet.duration is not None:
                        end = float((packet.pts + packet.duration) * packet.time_base)
                        (shown if packet.stream.type == "video" else heard).append(end)
        if has_audio:
            assert abs(max(shown) - max(heard)) <= 0.1, "sound and picture end together"
    assert json.loads((package.folder / "package.json").read_text())["duration_ms"] == package.duration_ms


def test_the_master_playlist_tells_sizes_rates_and_codecs(film: Callable[[str], Path], tmp_path: Path) -> None:
    package = encode(film("sound.mp4"), {}, tmp_path)
    lines = (package.folder / "master.m3u8").read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    entries = list(itertools.pairwise(lines[3:]))[::2]
    assert [uri for _, uri in entries] == ["240p/index.m3u8", "360p/index.m3u8"]
    for (entry, _), rendition in zip(entries, package.renditions, strict=True):
        segments = read_segments(package.folder / rendition.playlist)
        peak = max(path.stat().st_size * 8 / float(seconds) for seconds, path in segments)
        average = sum(path.stat().st_size * 8 for _, path in segments) / (package.duration_ms / 1000)
        assert f"BANDWIDTH={rendition.bandwidth}," in entry
        assert rendition.bandwidth == pytest.approx(peak, abs=1)
        assert rendition.average_bandwidth == pytest.approx(average, rel=0.001)
        assert f"RESOLUTION={rendition.width}x{rendition.height}" in entry
        assert rendition.codecs.startswith("avc1.4d")
        assert entry.endswith(f'CODECS="{rendition.codecs}"')
        assert rendition.codecs.endswith(",mp4a.40.2")
    assert "mp4a" not in encode(film("silent.mp4"), {}, tmp_path).renditions[0].codecs


def test_the_poster_shows_something_even_if_the_film_opens_in_black(
    film: Callable[[str], Path], tmp_path: Path
) -> None:
    package = encode(film("black-first.mp4"), {}, tmp_path)
    with av.open(str(package.folder / package.poster)) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
        assert (frame.width, frame.height) == (320, 240)
        assert max(bytes(frame.planes[0])) > 150


def test_the_same_film_is_encoded_once(film: Callable[[str], Path], tmp_path: Path) -> None:
    first = encode(film("silent.mp4"), captions_in(tmp_path / "c"), tmp_path / "media")
    stamps = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    copy = tmp_path / "another name.mp4"
    copy.write_bytes(film("silent.mp4").read_bytes())
    shares: list[float] = []
    again = encode(copy, captions_in(tmp_path / "c"), tmp_path / "media", shares.append, program="/nonexistent")
    assert again == first
    assert shares == [1.0]
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == stamps
    assert first.digest == first.folder.name == digest_of(copy)


def test_new_captions_replace_old_ones_without_encoding(film: Callable[[str], Path], tmp_path: Path) -> None:
    first = encode(film("silent.mp4"), {}, tmp_path / "media")
    assert first.captions == {}
    longer = CAPTIONS + "\n00:00:02.000 --> 00:00:04.000\n第二句。\n"
    for text in (CAPTIONS, longer):
        package = encode(
            film("silent.mp4"), captions_in(tmp_path / "c", text), tmp_path / "media", program="/nonexistent"
        )
        assert package.captions == {"en": "captions/en.vtt", "zh": "captions/zh.vtt"}
        assert (package.folder / "captions/zh.vtt").read_text(encoding="utf-8") == text
        assert find_package(tmp_path / "media", package.digest) == package


def test_malformed_captions_are_refused_before_any_work(film: Callable[[str], Path], tmp_path: Path) -> None:
    captions = captions_in(tmp_path / "c", "WEBVTT\n\n00:03.000 --> 00:01.000\nbackwards\n")
    with pytest.raises(CaptionsMalformed, match=r"zh\.vtt:3: the caption ends before it begins"):
        encode(film("silent.mp4"), captions, tmp_path / "media")
    assert not (tmp_path / "media").exists()


def test_a_given_digest_names_the_film_whatever_its_bytes_are(film: Callable[[str], Path], tmp_path: Path) -> None:
    first = encode(film("silent.mp4"), {}, tmp_path, digest="lesson-1")
    assert first.folder == tmp_path / "lesson-1"
    assert encode(film("tiny.mp4"), {}, tmp_path, digest="lesson-1") == first


@pytest.mark.parametrize("name", ["audio-only.mp4", "cover.mp3"])
def test_a_film_that_cannot_be_shown_leaves_nothing_behind(
    film: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    with pytest.raises(FilmUnreadable):
        encode(film(name), {}, tmp_path)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


class Interrupted(Exception):
    pass


def test_an_interrupted_encode_leaves_nothing_and_stops_its_program(
    film: Callable[[str], Path], tmp_path: Path
) -> None:
    def interrupt(share: float) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        encode(film("large.mp4"), {}, tmp_path, interrupt)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    assert find_package(tmp_path, digest_of(film("large.mp4"))) is None
    assert encode(film("large.mp4"), {}, tmp_path).duration_ms == pytest.approx(5000, abs=100)


def test_an_encode_whose_process_was_killed_is_done_again(film: Callable[[str], Path], tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from lms_plugin.video.package import encode\n"
        "tell = lambda share: print(share, flush=True)\n"
        "encode(pathlib.Path(sys.argv[1]), {}, pathlib.Path(sys.argv[2]), tell)\n"
    )
    source = film("large.mp4")
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(source), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert float(child.stdout.readline()) < 1
        child.kill()
    assert find_package(tmp_path, digest_of(source)) is None
    package = encode(source, {}, tmp_path)
    assert package.duration_ms == pytest.approx(5000, abs=100)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [package.digest]


def test_half_a_package_is_called_broken(film: Callable[[str], Path], tmp_path: Path) -> None:
    package = encode(film("tiny.mp4"), {}, tmp_path)
    (package.folder / package.master).unlink()
    with pytest.raises(PackageBroken, match=r"master\.m3u8 is missing"):
        find_package(tmp_path, package.digest)
    (package.folder / "package.json").write_text("{}")
    with pytest.raises(PackageBroken, match=r"package\.json"):
        encode(film("tiny.mp4"), {}, tmp_path)


def test_the_wheels_ffmpeg_encodes_as_well(film: Callable[[str], Path], tmp_path: Path) -> None:
    package = encode(film("sound.mp4"), {}, tmp_path, program=imageio_ffmpeg.get_ffmpeg_exe())
    assert abs(package.duration_ms - 6000) <= 100
    cuts = [key_frame_times(package, rendition.playlist) for rendition in package.renditions]
    assert cuts[0] == cuts[1]


def test_ffmpeg_comes_from_the_path_else_from_the_wheel_else_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_path = tmp_path / "bin" / "ffmpeg"
    in_path.parent.mkdir()
    in_path.symlink_to(find_ffmpeg())
    monkeypatch.setenv("PATH", str(in_path.parent))
    assert find_ffmpeg() == str(in_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg() == imageio_ffmpeg.get_ffmpeg_exe()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "gone"))
    with pytest.raises(EncoderMissing) as refused:
        find_ffmpeg()
    assert refused.value.params["package"] == "ffmpeg"


def test_a_failing_program_is_quoted_with_its_last_lines(tmp_path: Path) -> None:
    command = [find_ffmpeg(), "-i", "gone.mp4", "out.mp4"]
    with pytest.raises(EncodeFailed) as refused:
        run(command, tmp_path, duration_ms=1000, limit_seconds=60, on_progress=lambda share: None)
    why = str(refused.value.params["why"])  # each release of the program has its own words around these
    assert "gone.mp4" in why
    assert "No such file or directory" in why


def test_a_program_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    endless = [find_ffmpeg(), "-re", "-f", "lavfi", "-i", "testsrc", "-f", "null", "out"]
    with pytest.raises(EncodeFailed, match="not done after 1 seconds"):
        run(endless, tmp_path, duration_ms=1000, limit_seconds=1, on_progress=lambda share: None)


@pytest.mark.parametrize("program", [find_ffmpeg(), imageio_ffmpeg.get_ffmpeg_exe()], ids=["system", "wheel"])
def test_a_film_recorded_on_its_side_is_set_upright(film: Callable[[str], Path], tmp_path: Path, program: str) -> None:
    turned = tmp_path / "turned.mp4"
    with av.open(str(film("silent.mp4"))) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    found = probe(turned)
    assert (found.width, found.height) == (240, 426)
    (rendition,) = encode(turned, {}, tmp_path / "media", program=program).renditions
    assert (rendition.width, rendition.height) == (240, 426)


def test_no_name_of_a_film_or_folder_confuses_the_program(film: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "50%d 中文, [x]:'y'"
    folder.mkdir()
    source = folder / "-i concat:%v.mp4"
    source.write_bytes(film("tiny.mp4").read_bytes())
    package = encode(source, captions_in(folder / "%c"), folder / "media %v")
    assert find_package(folder / "media %v", package.digest) == package


def test_two_that_ask_for_the_same_film_at_once_encode_it_once(film: Callable[[str], Path], tmp_path: Path) -> None:
    source = film("sound.mp4")
    heard: list[list[float]] = [[], []]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda shares: encode(source, {}, tmp_path, shares.append), heard)
    assert first == second
    assert min(heard, key=len) == [1.0]
    assert len(max(heard, key=len)) > 1
