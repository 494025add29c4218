"""Lessons made into films: slides shown while their narration is spoken, captions in both languages."""

import hashlib
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from pathlib import Path

import ffmpeg

from lms_plugin.domain.captions import Cue, render_webvtt
from lms_plugin.domain.lesson import Lesson
from lms_plugin.video.encoder import Progress, find_ffmpeg, run
from lms_plugin.video.folder import lock, whole_folder
from lms_plugin.video.fonts import Font, find_font
from lms_plugin.video.ladder import LADDER_VERSION
from lms_plugin.video.slides import draw_slides
from lms_plugin.video.speech import Engine, Silence, Speech, find_engine

BUILDER_VERSION = 1
_LEAD_IN_MS = 500
_LEAD_OUT_MS = 700
_SAMPLES_HZ = 22050
_LANGUAGES = ("zh", "en")
_FILM = "film.mp4"
_SOUND = "narration.wav"
_LIMIT_SECONDS = 900
_SHARE_BEFORE_FILM = 0.2


@dataclass(frozen=True, slots=True)
class BuiltLesson:
    """A lesson's film and captions. `digest` is the one to encode it under.

    It follows from the lesson alone, not from the film's bytes: another machine or a newer encoder makes other bytes
    of what is still the same video. `narrated` is False where no speech engine was found: the film is silent, its
    pace is that of reading, and `notice` says so in a sentence.
    """

    digest: str
    film: Path
    captions: dict[str, Path]
    narrated: bool
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """One slide's stretch of the film: how many frames, and what is heard when, from the film's beginning."""

    frames: int
    cues: tuple[tuple[int, int], ...]


def build_lesson(
    lesson: Lesson,
    lessons_root: Path,
    on_progress: Progress = lambda share: None,
    *,
    engine: Engine | None = None,
    font: Font | None = None,
    program: str | None = None,
) -> BuiltLesson:
    """Make the lesson's film in a folder under `lessons_root`, or find it made already.

    `engine` speaks, `font` writes and `program` is the ffmpeg that encodes; each is the best one here unless given.
    The same lesson made by the same engine is the same film. `on_progress` is told the share done (0..1).
    Raises FontMissing, SlideOverflows, SlideFailed, SpeechFailed, EncoderMissing or EncodeFailed.
    """
    engine = engine or find_engine()
    font = font or find_font()
    made_from = f"lesson {BUILDER_VERSION}\n{lesson.digest}\n{engine.name}\n{font.family}\n"
    name = hashlib.sha256(made_from.encode()).hexdigest()
    with lock(lessons_root, name) as hold:
        if not (lessons_root / name / _FILM).exists():
            with whole_folder(lessons_root, name) as folder:
                speeches = engine.speak(lesson.utterances, lesson.rate_words_per_minute)
                on_progress(_SHARE_BEFORE_FILM / 2)
                pictures = draw_slides(lesson, font)
                on_progress(_SHARE_BEFORE_FILM)
                shots = plan_shots(lesson, speeches)
                for language in _LANGUAGES:
                    (folder / f"{language}.vtt").write_text(_captions(lesson, shots, language), encoding="utf-8")
                for number, picture in enumerate(pictures):
                    (folder / f"{number}.png").write_bytes(picture)
                if engine.narrates:
                    _write_sound(folder / _SOUND, lesson, shots, speeches)
                duration_ms = round(sum(shot.frames for shot in shots) * 1000 / lesson.fps)
                run(
                    _command(lesson, shots, program or find_ffmpeg(), narrated=engine.narrates),
                    folder,
                    duration_ms=duration_ms,
                    limit_seconds=_LIMIT_SECONDS + duration_ms / 1000,
                    on_progress=lambda share: on_progress(_SHARE_BEFORE_FILM + share * (1 - _SHARE_BEFORE_FILM)),
                    hold=hold,
                )
                for leftover in [*folder.glob("*.png"), folder / _SOUND]:
                    leftover.unlink(missing_ok=True)
    on_progress(1.0)
    folder = lessons_root / name
    return BuiltLesson(
        digest=video_digest(lesson, narrated=engine.narrates),
        film=folder / _FILM,
        captions={language: folder / f"{language}.vtt" for language in _LANGUAGES},
        narrated=engine.narrates,
        notice=None if engine.narrates else _silent_notice(lesson),
    )


def video_digest(lesson: Lesson, *, narrated: bool) -> str:
    """The digest of the video a lesson becomes, on any machine; a silent one is another video, of another length."""
    voice = "narrated" if narrated else "silent"
    content = f"lesson {BUILDER_VERSION} ladder {LADDER_VERSION} {voice}\n{lesson.digest}\n"
    return hashlib.sha256(content.encode()).hexdigest()


def estimated_duration_ms(lesson: Lesson) -> int:
    """About how long the lesson's film will be, before it is made: for progress bars."""
    return sum(speech.duration_ms for speech in Silence().speak(lesson.utterances, 0))


def plan_shots(lesson: Lesson, speeches: Sequence[Speech]) -> list[Shot]:
    """When each slide shows and each utterance is heard, in milliseconds from the film's beginning.

    Every slide takes whole frames, so that picture and sound stay together however long the lesson is.
    """
    shots: list[Shot] = []
    pause_ms = int(lesson.pause_seconds * 1000)
    remaining = iter(speeches)
    frames_before = 0
    for slide in lesson.slides:
        begin_ms = Decimal(frames_before * 1000) / lesson.fps
        at_ms = int(begin_ms) + _LEAD_IN_MS
        cues = []
        for _ in slide.utterances:
            speech = next(remaining)
            cues.append((at_ms, at_ms + speech.duration_ms))
            at_ms += speech.duration_ms + pause_ms
        end_ms = max(at_ms - pause_ms, int(begin_ms)) + _LEAD_OUT_MS
        shots.append(Shot(ceil((end_ms - begin_ms) * lesson.fps / 1000), tuple(cues)))
        frames_before += shots[-1].frames
    return shots


def _captions(lesson: Lesson, shots: Sequence[Shot], language: str) -> str:
    cues = []
    for slide, shot in zip(lesson.slides, shots, strict=True):
        for utterance, (start_ms, end_ms) in zip(slide.utterances, shot.cues, strict=True):
            text = utterance.zh if language == "zh" else utterance.en
            # A caption stays through half of the pause behind it: reading lags behind hearing.
            cues.append(Cue(start_ms, end_ms + int(lesson.pause_seconds * 500), text))
    return render_webvtt(cues)


def _write_sound(path: Path, lesson: Lesson, shots: Sequence[Shot], speeches: Sequence[Speech]) -> None:
    samples_hz = speeches[0].samples_hz if speeches else _SAMPLES_HZ
    heard = [cue for shot in shots for cue in shot.cues]
    frames = sum(shot.frames for shot in shots)
    sound = bytearray(2 * round(frames * samples_hz / lesson.fps))
    for (start_ms, _), speech in zip(heard, speeches, strict=True):
        at = 2 * (start_ms * samples_hz // 1000)
        sound[at : at + len(speech.samples)] = speech.samples
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(samples_hz)
        file.writeframes(bytes(sound))


def _command(lesson: Lesson, shots: Sequence[Shot], program: str, *, narrated: bool) -> list[str]:
    stills = [
        ffmpeg.input(f"{number}.png", framerate=lesson.fps, f="image2", pattern_type="none")
        .filter("scale", out_color_matrix="bt709", out_range="tv")
        .filter("format", "yuv420p")
        .filter("loop", loop=shot.frames - 1, size=1, start=0)
        for number, shot in enumerate(shots)
    ]
    picture = ffmpeg.concat(*stills) if len(stills) > 1 else stills[0]
    streams = [picture]
    options: dict[str, object] = {}
    if narrated:
        loudness = {"I": -18, "TP": -2, "LRA": 11}
        sound = ffmpeg.input(_SOUND).audio.filter("loudnorm", **loudness)
        streams.append(sound.filter("aformat", sample_rates=48000, channel_layouts="mono"))
        options = {"c:a": "aac", "aac_coder": "fast", "b:a": "128k", "flags:a": "+bitexact"}
    output = ffmpeg.output(
        *streams,
        _FILM,
        **options,
        **{"c:v": "libx264", "preset": "ultrafast", "tune": "stillimage", "crf": 16, "flags:v": "+bitexact"},
        # The number of threads changes the bytes x264 writes.
        threads=2,
        r=lesson.fps,
        g=lesson.fps * 10,
        colorspace="bt709",
        color_primaries="bt709",
        color_trc="bt709",
        fflags="+bitexact",
        t=f"{sum(shot.frames for shot in shots) / lesson.fps:.3f}",
        movflags="+faststart",
    )
    return [str(part) for part in output.compile(cmd=program, overwrite_output=True)]


def _silent_notice(lesson: Lesson) -> str:
    return (
        f'"{lesson.title}" has no voice: there is no speech engine here. Install the Debian package espeak-ng or the '
        "extra lms-plugin[speech] and publish again."
    )
