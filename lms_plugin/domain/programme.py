"""What course_content declares, as values: programmes, components, modules and the rules they switch on."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Text:
    """A text a person sees, in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class ComponentKind(StrEnum):
    """Where a component's hours come from."""

    VIDEO = "video"
    DISCUSSION = "discussion"


@dataclass(frozen=True, slots=True)
class WatchingRule:
    """How playing counts (watch-credit rule, "two clocks").

    `max_rate` is a ratio of media time to the person's time; `late_window_seconds` ends a lease that had no
    contact for that long; `beat_interval_seconds` is how often the player reports. A module is reported as
    complete to an LMS from `completion_threshold` (a ratio of its film) on; hours always count every second.
    """

    max_rate: Fraction = Fraction(3, 2)
    late_window_seconds: int = 7200
    beat_interval_seconds: int = 30
    completion_threshold: Fraction = Fraction(98, 100)


@dataclass(frozen=True, slots=True)
class DiscussionRule:
    """Which posts count, and what one is worth.

    A post is long enough when its own text reaches `min_characters` Chinese characters or `min_words` words of
    an alphabetic language, or a mixture that adds up to the same. `credit_minutes` is the credit of one post.
    Caps are numbers of counting posts; None means no cap. `duplicate_ratio` is the similarity (0..1) from
    which a post repeats an earlier one of the same author.
    """

    credit_minutes: int = 15
    min_characters: int = 60
    min_words: int = 35
    max_per_module: int | None = 2
    max_per_day: int | None = 3
    max_total: int | None = None
    duplicate_ratio: Fraction = Fraction(4, 5)

    @property
    def credit_ms(self) -> int:
        return self.credit_minutes * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Component:
    """One kind of study and the class hours it must reach.

    `max_class_hours` caps what the component can give towards the total; None means no cap.
    """

    key: str
    kind: ComponentKind
    title: Text
    required_class_hours: Decimal
    max_class_hours: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The dates in which hours can be earned: half-open, whole days in the programme's time zone.

    `closes_on` is the first day on which nothing counts any more: a window that closes on 1 January ends at
    midnight after 31 December.
    """

    opens_on: date
    closes_on: date
    timezone: str = "Asia/Shanghai"

    @property
    def opens_at(self) -> datetime:
        return self._midnight_of(self.opens_on)

    @property
    def closes_at(self) -> datetime:
        return self._midnight_of(self.closes_on)

    def contains(self, now: datetime) -> bool:
        return self.opens_at <= now < self.closes_at

    def day_of(self, instant: datetime) -> date:
        """The calendar day of an instant in the programme's time zone."""
        return instant.astimezone(ZoneInfo(self.timezone)).date()

    def _midnight_of(self, day: date) -> datetime:
        # In UTC: between two instants of one local zone Python reckons as if its clocks never changed.
        return datetime.combine(day, time.min, ZoneInfo(self.timezone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a module's bank, for presence checks; `answer` is an index into `choices`."""

    key: str
    text: Text
    choices: tuple[Text, ...]
    answer: int


@dataclass(frozen=True, slots=True)
class Module:
    """One unit of study: a film, a reading in Markdown, a question bank; each part may be missing.

    `block_key` is the LMS block that stands for the module, where the programme reports to an Open edX course.
    """

    key: str
    title: Text
    summary: Text | None = None
    reading: Text | None = None
    questions: tuple[Question, ...] = ()
    block_key: str | None = None


@dataclass(frozen=True, slots=True)
class LmsCourse:
    """The Open edX course a programme reports to: platform key, course key, block of the whole programme."""

    platform: str
    course_key: str
    block_key: str | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    """Everything a programme declares. `total_class_hours` is what all components together must reach."""

    key: str
    title: Text
    description: Text
    window: Window
    components: tuple[Component, ...]
    total_class_hours: Decimal
    class_hour_minutes: int = 45
    watching: WatchingRule = field(default_factory=WatchingRule)
    discussion: DiscussionRule = field(default_factory=DiscussionRule)
    modules: tuple[Module, ...] = ()
    lms: LmsCourse | None = None

    @property
    def class_hour_ms(self) -> int:
        return self.class_hour_minutes * MINUTE_MS

    def component_of(self, kind: ComponentKind) -> Component | None:
        """The component that takes credit of this kind, or None where the programme has none."""
        return next((component for component in self.components if component.kind is kind), None)

    def component(self, key: str) -> Component | None:
        return next((component for component in self.components if component.key == key), None)
