"""A lesson: slides with what is said over them, from which a narrated film is made."""

import hashlib
import json
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing said: spoken in Chinese, shown as one caption cue in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Slide:
    """One picture of the film, as Markdown, and what is said while it shows.

    `line` is where the slide begins in its file, for messages; it is no part of what the slide is.
    """

    markdown: str
    utterances: tuple[Utterance, ...]
    line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file a slide shows, under the name the Markdown uses."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Lesson:
    """Everything a lesson's film is made of.

    `width` and `height` are pixels, both even; `pause_seconds` is the silence after each utterance;
    `rate_words_per_minute` is the speaking rate as speech engines count it.
    """

    title: str
    slides: tuple[Slide, ...]
    pictures: tuple[Picture, ...] = ()
    width: int = 1280
    height: int = 720
    fps: int = 10
    pause_seconds: Decimal = Decimal("0.4")
    rate_words_per_minute: int = 170

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        return tuple(utterance for slide in self.slides for utterance in slide.utterances)

    @property
    def digest(self) -> str:
        """SHA-256 in hex over everything that shapes the film: the same lesson has the same digest anywhere."""
        content = [
            self.title,
            [[slide.markdown, [[said.zh, said.en] for said in slide.utterances]] for slide in self.slides],
            [[picture.name, hashlib.sha256(picture.data).hexdigest()] for picture in self.pictures],
            [self.width, self.height, self.fps, str(self.pause_seconds.normalize()), self.rate_words_per_minute],
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
