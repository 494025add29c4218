import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import av
import imageio_ffmpeg
import pytest

from lms_plugin.domain.captions import Cue, parse_webvtt
from lms_plugin.domain.lesson import Lesson, Slide, Utterance
from lms_plugin.video.encoder import find_ffmpeg
from lms_plugin.video.lesson import BuiltLesson, build_lesson, estimated_duration_ms, plan_shots, video_digest
from lms_plugin.video.package import encode
from lms_plugin.video.probe import probe
from lms_plugin.video.speech import Engine, Silence, Speech, find_engine, system_engine, wheel_engine

LESSON = Lesson(
    title="试讲",
    slides=(
        Slide(
            "# 第一页\n\n- 一件真事",
            (Utterance("各位老师好。", "Hello."), Utterance("这一课讲学时。", "This is about hours.")),
        ),
        Slide("# 第二页", (Utterance("片子的每一秒只记一次。", "Each second counts once."),)),
    ),
    width=320,
    height=180,
)


def cues_of(built: BuiltLesson, language: str) -> list[Cue]:
    cues, faults = parse_webvtt(built.captions[language].read_text(encoding="utf-8"))
    assert faults == []
    return cues


def loud_stretches(film: Path) -> list[tuple[int, int]]:
    """Where something is heard, in milliseconds, by ffmpeg's own ear."""
    command = [find_ffmpeg(), "-nostdin", "-i", str(film), "-af", "silencedetect=noise=-40dB:d=0.3", "-f", "null", "-"]
    heard = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    starts = [int(float(line.split()[-1]) * 1000) for line in heard.splitlines() if "silence_start" in line]
    ends = [
        int(float(line.split("silence_end: ")[1].split()[0]) * 1000)
        for line in heard.splitlines()
        if "silence_end" in line
    ]
    return list(zip(ends, starts[1:], strict=False))


@pytest.mark.parametrize("engine", [system_engine(), wheel_engine()], ids=["program", "library"])
def test_a_lesson_becomes_a_film_whose_captions_follow_its_voice(engine: Engine | None, tmp_path: Path) -> None:
    if engine is None:
        pytest.skip("this machine has no espeak-ng program")
    shares: list[float] = []
    built = build_lesson(LESSON, tmp_path, shares.append, engine=engine)
    assert built.narrated
    assert built.notice is None
    film = probe(built.film)
    assert (film.width, film.height, film.fps, film.has_audio) == (320, 180, 10, True)
    assert abs(film.picture_ms - film.sound_ms) <= 60
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    zh, en = cues_of(built, "zh"), cues_of(built, "en")
    assert [cue.text for cue in zh] == [utterance.zh for utterance in LESSON.utterances]
    assert [cue.text for cue in en] == [utterance.en for utterance in LESSON.utterances]
    assert [(cue.start_ms, cue.end_ms) for cue in zh] == [(cue.start_ms, cue.end_ms) for cue in en]
    edges = [edge for cue in zh for edge in (cue.start_ms, cue.end_ms)]
    assert edges == sorted(edges)
    assert edges[-1] <= film.duration_ms
    # Every caption begins with its voice and outlasts it by half a pause.
    speeches = engine.speak(LESSON.utterances, LESSON.rate_words_per_minute)
    for cue, speech in zip(zh, speeches, strict=True):
        assert cue.end_ms - cue.start_ms == speech.duration_ms + 200
    heard = loud_stretches(built.film)
    assert len(heard) == len(zh)
    for cue, (start_ms, end_ms) in zip(zh, heard, strict=True):
        assert abs(cue.start_ms - start_ms) <= 120
        assert abs(cue.end_ms - 200 - end_ms) <= 200


def test_slides_change_where_their_narration_does(tmp_path: Path) -> None:
    built = build_lesson(LESSON, tmp_path)
    shots = plan_shots(LESSON, find_engine().speak(LESSON.utterances, LESSON.rate_words_per_minute))
    with av.open(str(built.film)) as container:
        frames = [bytes(frame.reformat(64, 36, "gray").planes[0]) for frame in container.decode(video=0)]
    assert len(frames) == sum(shot.frames for shot in shots)

    def difference(number: int) -> int:
        return sum(abs(a - b) for a, b in zip(frames[number - 1], frames[number], strict=True))

    jumps = [number for number in range(1, len(frames)) if difference(number) > 2000]
    assert jumps == [shots[0].frames]


def test_without_an_engine_the_film_is_silent_paced_for_reading_and_says_so(tmp_path: Path) -> None:
    built = build_lesson(LESSON, tmp_path, engine=Silence())
    film = probe(built.film)
    assert not built.narrated
    assert "no speech engine" in str(built.notice)
    assert not film.has_audio
    assert film.duration_ms > estimated_duration_ms(LESSON)
    assert [cue.text for cue in cues_of(built, "zh")] == [utterance.zh for utterance in LESSON.utterances]
    assert built.digest == video_digest(LESSON, narrated=False) != video_digest(LESSON, narrated=True)


def test_the_same_lesson_is_the_same_film_byte_for_byte(tmp_path: Path) -> None:
    first, second = build_lesson(LESSON, tmp_path / "a"), build_lesson(LESSON, tmp_path / "b")
    assert first.film.read_bytes() == second.film.read_bytes()
    assert first.digest == second.digest


def test_a_lesson_is_made_once_and_anew_when_a_word_changes(tmp_path: Path) -> None:
    first = build_lesson(LESSON, tmp_path)
    stamp = first.film.stat().st_mtime_ns
    assert build_lesson(LESSON, tmp_path, program="/nonexistent") == first
    assert first.film.stat().st_mtime_ns == stamp
    changed = replace(LESSON, slides=(LESSON.slides[0], Slide("# 另一页", LESSON.slides[1].utterances)))
    other = build_lesson(changed, tmp_path)
    assert other.film != first.film
    assert other.digest != first.digest
    assert sorted(path.name for path in first.film.parent.iterdir()) == ["en.vtt", "film.mp4", "zh.vtt"]


def test_a_lesson_is_the_same_video_whatever_machine_made_its_film(tmp_path: Path) -> None:
    here = build_lesson(LESSON, tmp_path / "here", engine=system_engine() or Silence())
    there = build_lesson(LESSON, tmp_path / "there", engine=wheel_engine(), program=imageio_ffmpeg.get_ffmpeg_exe())
    assert here.film.read_bytes() != there.film.read_bytes()
    assert here.digest == there.digest
    package = encode(here.film, here.captions, tmp_path / "media", digest=here.digest)
    assert package.digest == here.digest
    assert abs(package.duration_ms - probe(here.film).duration_ms) <= 100


def test_a_film_that_ends_with_a_hair_of_sound_has_a_poster(tmp_path: Path) -> None:
    # With this voice the lesson's last segment holds no picture.
    built = build_lesson(LESSON, tmp_path / "lesson", engine=wheel_engine())
    package = encode(built.film, built.captions, tmp_path / "media", digest=built.digest)
    assert (package.folder / "poster.jpg").stat().st_size > 0


class Interrupted(Exception):
    pass


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(share: float) -> None:
        if share > 0.2:
            raise Interrupted

    with pytest.raises(Interrupted):
        build_lesson(LESSON, tmp_path, interrupt)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("fps", "pause_seconds", "speech_ms", "frames", "cues"),
    [
        (10, "0.4", [[1000]],             [22],     [[(500, 1500)]]),
        (10, "0.4", [[1000, 2000]],       [46],     [[(500, 1500), (1900, 3900)]]),
        (10, "0",   [[1000], [1000]],     [22, 22], [[(500, 1500)], [(2700, 3700)]]),
        (10, "0.4", [[1001], [1000]],     [23, 22], [[(500, 1501)], [(2800, 3800)]]),
        ( 7, "0.4", [[1000], [1000]],     [16, 16], [[(500, 1500)], [(2785, 3785)]]),
    ],
)  # fmt: skip
def test_slides_take_whole_frames_and_cues_the_time_of_their_speech(
    fps: int,
    pause_seconds: str,
    speech_ms: list[list[int]],
    frames: list[int],
    cues: list[list[tuple[int, int]]],
) -> None:
    slides = tuple(Slide("x", tuple(Utterance("说", "say") for _ in spoken)) for spoken in speech_ms)
    lesson = Lesson("t", slides, fps=fps, pause_seconds=Decimal(pause_seconds))
    shots = plan_shots(lesson, [Speech(b"", 0, duration) for spoken in speech_ms for duration in spoken])
    assert [shot.frames for shot in shots] == frames
    assert [list(shot.cues) for shot in shots] == cues
