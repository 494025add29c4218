"""Texts spoken in Mandarin by whichever speech engine is here, or counted out in silence by none."""

import importlib.metadata
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.lesson import Utterance

# In espeak-ng 1.51 the plain "cmn" voice reads many characters as English spellings of their pinyin.
_VOICE = "cmn-latn-pinyin"
_GOOD_VERSION = (1, 52)
_LIMIT_SECONDS = 300
_QUIET = 150
_SILENT_CHARACTERS_PER_SECOND = 4
_SILENT_WORDS_PER_SECOND = 2.5
_SILENT_LEAST_SECONDS = 1.5


class SpeechFailed(Refusal):
    """The speech engine gave up; `why` is what it said."""

    code = "speech_failed"


@dataclass(frozen=True, slots=True)
class Speech:
    """One utterance as sound: 16-bit mono samples without the silence around them; none when silent."""

    samples: bytes
    samples_hz: int
    duration_ms: int


class Engine(Protocol):
    """What can speak. `name` tells engines and versions apart that sound different."""

    @property
    def name(self) -> str: ...

    @property
    def narrates(self) -> bool: ...

    def speak(self, utterances: Sequence[Utterance], words_per_minute: int) -> list[Speech]: ...


@dataclass(frozen=True, slots=True)
class Silence:
    """No engine: each utterance takes as long as reading its caption does."""

    name: str = "silence"
    narrates: bool = False

    def speak(self, utterances: Sequence[Utterance], words_per_minute: int) -> list[Speech]:
        return [Speech(b"", 0, _reading_ms(utterance)) for utterance in utterances]


@dataclass(frozen=True, slots=True)
class EspeakProgram:
    """The espeak-ng program of the system."""

    program: str
    version: tuple[int, ...]
    narrates: bool = True

    @property
    def name(self) -> str:
        return f"espeak-ng program {'.'.join(str(part) for part in self.version)}"

    def speak(self, utterances: Sequence[Utterance], words_per_minute: int) -> list[Speech]:
        speeches = []
        with tempfile.TemporaryDirectory() as folder:
            for number, utterance in enumerate(utterances):
                sound = Path(folder) / f"{number}.wav"
                options = ["-b", "1", "-v", _VOICE, "-s", str(words_per_minute), "-w", str(sound), "--stdin"]
                _run([self.program, *options], _spelled_out(utterance.zh))
                with wave.open(str(sound), "rb") as file:
                    samples = file.readframes(file.getnframes())
                    speeches.append(_trimmed(samples, file.getframerate(), utterance))
        return speeches


@dataclass(frozen=True, slots=True)
class EspeakLibrary:
    """The espeak-ng library of the espeakng-loader wheel, run in a process of its own."""

    library: Path
    data: Path
    version: str
    narrates: bool = True

    @property
    def name(self) -> str:
        return f"espeakng-loader {self.version}"

    def speak(self, utterances: Sequence[Utterance], words_per_minute: int) -> list[Speech]:
        texts = json.dumps([_spelled_out(utterance.zh) for utterance in utterances])
        with tempfile.TemporaryDirectory() as folder:
            child = [sys.executable, "-m", "lms_plugin.video.espeak_child"]
            task = [str(self.library), str(self.data), _VOICE, str(words_per_minute), folder]
            samples_hz = int(_run([*child, *task], texts))
            return [
                _trimmed((Path(folder) / f"{number}.pcm").read_bytes(), samples_hz, utterance)
                for number, utterance in enumerate(utterances)
            ]


def find_engine() -> Engine:
    """The engine whose Mandarin is best: the system's from version 1.52 on, the wheel's, an older system's, none."""
    program, library = system_engine(), wheel_engine()
    if program and program.version >= _GOOD_VERSION:
        return program
    return library or program or Silence()


def system_engine() -> EspeakProgram | None:
    """The espeak-ng program in PATH."""
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    version = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", _run([program, "--version"], ""))
    return EspeakProgram(program, tuple(int(part) for part in version.groups() if part) if version else ())


def wheel_engine() -> EspeakLibrary | None:
    """The library and voices in the espeakng-loader wheel, found without importing it."""
    spec = importlib.util.find_spec("espeakng_loader")
    for location in spec.submodule_search_locations or () if spec else ():
        folder = Path(location)
        libraries = [folder / f"libespeak-ng.{suffix}" for suffix in ("so", "dylib")]
        library = next((path for path in libraries if path.exists()), None)
        if library and (folder / "espeak-ng-data").is_dir():
            version = importlib.metadata.version("espeakng-loader")
            return EspeakLibrary(library, folder / "espeak-ng-data", version)
    return None


def _run(command: list[str], text: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own programs, a list of arguments, no shell
            command,
            input=text.encode(),
            capture_output=True,
            timeout=_LIMIT_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise SpeechFailed(engine=command[0], why=said or f"it ended with {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise SpeechFailed(engine=command[0], why=f"not done after {_LIMIT_SECONDS} seconds") from error
    return done.stdout.decode(errors="replace")


def _spelled_out(text: str) -> str:
    """The text as it is read aloud: the engines know neither decimal points nor per cent in Chinese."""
    text = re.sub(r"(\d+(?:\.\d+)?)\s*[%％]", r"百分之\1", text)
    text = re.sub(r"(\d)\.(\d)", r"\1点\2", text)
    text = re.sub(r"[“”‘’「」『』《》〈〉\"]", "", text)
    return re.sub(r"—+|…+|[（）()]", "，", text)


def _trimmed(samples: bytes, samples_hz: int, utterance: Utterance) -> Speech:
    """Engines leave more or less silence at the ends; without it, cues and pauses are the same with each."""
    values = array("h", samples)
    first = next((index for index, value in enumerate(values) if abs(value) > _QUIET), None)
    if first is None:
        raise SpeechFailed(engine="espeak-ng", why=f"it said nothing for: {utterance.zh}")
    last = next(index for index in range(len(values) - 1, -1, -1) if abs(values[index]) > _QUIET)
    heard = values[first : last + 1]
    return Speech(heard.tobytes(), samples_hz, round(len(heard) * 1000 / samples_hz))


def _reading_ms(utterance: Utterance) -> int:
    characters = sum(character.isalnum() for character in utterance.zh)
    words = len(utterance.en.split())
    seconds = max(characters / _SILENT_CHARACTERS_PER_SECOND, words / _SILENT_WORDS_PER_SECOND)
    return round(max(seconds, _SILENT_LEAST_SECONDS) * 1000)
