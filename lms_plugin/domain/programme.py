"""What course_content declares, as values: programmes, components, modules and the rules they switch on."""

from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.modes import ComponentKind as ComponentKind
from lms_plugin.domain.modes import StudyRule, WeeklyPace
from lms_plugin.domain.nomination import NominationRule

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Text:
    """A text a person sees, in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class WatchingRule:
    """How playing counts (watch-credit rule, "two clocks").

    `max_rate` is a ratio of media time to the person's time; `late_window_seconds` ends a lease that had no
    contact for that long; `beat_interval_seconds` is how often the player reports. A module is reported as
    complete to an LMS from `completion_threshold` (a ratio of its film) on; hours always count every second.

    A presence check comes about once in `presence_check_minutes` of new film (None: never); it is to be answered
    within `presence_answer_seconds`, at the `presence_tries`-th try at the latest. `daily_limit_class_hours` is the
    most film that counts on one day of the programme's time zone (None: no limit). Without `skipping_ahead` new film
    counts only as far as all before it does. With `delivery_proof` it counts only where its media segment was served
    to the session that played it.
    """

    max_rate: Fraction = Fraction(3, 2)
    late_window_seconds: int = 7200
    beat_interval_seconds: int = 30
    completion_threshold: Fraction = Fraction(98, 100)
    presence_check_minutes: int | None = None
    presence_answer_seconds: int = 180
    presence_tries: int = 2
    daily_limit_class_hours: Decimal | None = None
    skipping_ahead: bool = True
    delivery_proof: bool = False


@dataclass(frozen=True, slots=True)
class DiscussionRule:
    """Which posts count, and what one is worth.

    A post is long enough when its own text reaches `min_characters` Chinese characters or `min_words` words of
    an alphabetic language, or a mixture that adds up to the same; `set_phrases` are not measured, besides those that
    the service knows itself. `credit_minutes` is the credit of one post, `reply_minutes` of one that answers somebody
    else (None: the same; 0: replies don't count). Caps are numbers of counting posts; None means no cap.
    `duplicate_ratio` is the similarity (0..1) from which a post is a copy of anybody's earlier one; from half of it on
    it is a variation.

    A post that a tutor marks as excellent earns `excellent_minutes` more (0: it is an honour only), at most
    `max_excellent` posts of a learner. A post can be edited for `edit_within_hours` after it was written (None: as long
    as the programme is open).
    """

    credit_minutes: int = 15
    min_characters: int = 60
    min_words: int = 35
    max_per_module: int | None = 2
    max_per_day: int | None = 3
    max_total: int | None = None
    duplicate_ratio: Fraction = Fraction(4, 5)
    reply_minutes: int | None = None
    set_phrases: tuple[str, ...] = ()
    excellent_minutes: int = 0
    max_excellent: int | None = None
    edit_within_hours: int | None = None

    @property
    def credit_ms(self) -> int:
        return self.credit_minutes * MINUTE_MS

    @property
    def excellent_ms(self) -> int:
        return self.excellent_minutes * MINUTE_MS

    def minutes_of(self, is_reply: bool) -> int:
        """What a post that counts is worth."""
        return self.reply_minutes if is_reply and self.reply_minutes is not None else self.credit_minutes

    def worth_ms(self, is_reply: bool) -> int:
        """The same in milliseconds."""
        return self.minutes_of(is_reply) * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Component:
    """One kind of study and the class hours it must reach.

    `max_class_hours` caps what the component can give towards the total; None means no cap. One that is not
    `in_total` must be reached too, and its hours add nothing to the total: an examination, usually. `for_phases` names
    the phases it belongs to; empty means every one.
    """

    key: str
    kind: ComponentKind
    title: Text
    required_class_hours: Decimal
    max_class_hours: Decimal | None = None
    in_total: bool = True
    pace: WeeklyPace | None = None
    study: StudyRule = field(default_factory=StudyRule)
    for_phases: tuple[str, ...] = ()


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
        return _midnight_of(self.opens_on, self.timezone)

    @property
    def closes_at(self) -> datetime:
        return _midnight_of(self.closes_on, self.timezone)

    def contains(self, now: datetime) -> bool:
        return self.opens_at <= now < self.closes_at

    def day_of(self, instant: datetime) -> date:
        """The calendar day of an instant in the programme's time zone."""
        return instant.astimezone(ZoneInfo(self.timezone)).date()


def months_after(day: date, months: int) -> date:
    """The same day so many months later; the last of the month where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@lru_cache(maxsize=4096)
def _midnight_of(day: date, timezone: str) -> datetime:
    # In UTC: between two instants of one local zone Python reckons as if its clocks never changed.
    return datetime.combine(day, time.min, ZoneInfo(timezone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Group:
    """A part of a programme's learners with rules of its own: a phase (those who meet first, then those who follow) or
    a tier (a standard and an advanced class).

    What is None is as in the programme. `requires` gives components other required hours; `places` is how many can be
    taken, `class_size` how many a class group holds at most.
    """

    key: str
    title: Text
    opens_on: date | None = None
    closes_on: date | None = None
    total_class_hours: Decimal | None = None
    requires: tuple[tuple[str, Decimal], ...] = ()
    places: int | None = None
    class_size: int | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """How one enrolment takes its programme: in which phase and tier, and in which dates where they are its own."""

    phase: str = ""
    tier: str = ""
    opens_on: date | None = None
    closes_on: date | None = None

    def write(self) -> str:
        """The variant as a short text; empty where nothing differs from the programme."""
        if self == Variant():
            return ""
        dates = ("" if one is None else one.isoformat() for one in (self.opens_on, self.closes_on))
        return "|".join((self.phase, self.tier, *dates))

    @classmethod
    def read(cls, text: str) -> "Variant":
        """The variant that `write` wrote."""
        if not text:
            return cls()
        phase, tier, opens_on, closes_on = text.split("|")
        return cls(
            phase,
            tier,
            date.fromisoformat(opens_on) if opens_on else None,
            date.fromisoformat(closes_on) if closes_on else None,
        )


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
    `awaited_minutes` is the length of a film that the provider has yet to deliver (None: nothing is awaited).
    """

    key: str
    title: Text
    summary: Text | None = None
    reading: Text | None = None
    questions: tuple[Question, ...] = ()
    block_key: str | None = None
    awaited_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class LmsCourse:
    """The Open edX course a programme reports to: platform key, course key, block of the whole programme."""

    platform: str
    course_key: str
    block_key: str | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    """Everything a programme declares. `total_class_hours` is what all components together must reach.

    `window_months` gives each learner a window of so many months from the day of enrolment, inside `window`. This
    version of the rules holds from `applies_from` on (None: from its publishing). `class_size` is how many learners a
    class group holds at most (None: any number); `places` how many the programme takes.
    """

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
    window_months: int | None = None
    applies_from: date | None = None
    phases: tuple[Group, ...] = ()
    tiers: tuple[Group, ...] = ()
    nomination: NominationRule | None = None
    places: int | None = None
    class_size: int | None = None

    @property
    def class_hour_ms(self) -> int:
        return self.class_hour_minutes * MINUTE_MS

    def component_of(self, kind: ComponentKind) -> Component | None:
        """The first component that takes credit of this kind, or None where the programme has none."""
        return next((component for component in self.components if component.kind is kind), None)

    def component(self, key: str) -> Component | None:
        return next((component for component in self.components if component.key == key), None)

    def phase(self, key: str) -> Group | None:
        return next((one for one in self.phases if one.key == key), None)

    def tier(self, key: str) -> Group | None:
        return next((one for one in self.tiers if one.key == key), None)

    def variant_for(self, enrolled_on: date, *, phase: str = "", tier: str = "") -> Variant:
        """How somebody takes the programme who is enrolled on this day; without a tier or phase the first there is.

        Raises:
            NotFound: the programme has no such phase or tier.
        """
        in_phase, in_tier = _chosen(self.phases, phase, "phase"), _chosen(self.tiers, tier, "tier")
        opens_on = closes_on = None
        if self.window_months is not None:
            last = in_phase.closes_on if in_phase is not None and in_phase.closes_on is not None else None
            opens_on = max(enrolled_on, self.window.opens_on)
            closes_on = min(months_after(opens_on, self.window_months), last or self.window.closes_on)
        return Variant(
            in_phase.key if in_phase is not None else "",
            in_tier.key if in_tier is not None else "",
            opens_on,
            closes_on,
        )

    def taken_as(self, variant: Variant) -> "Programme":
        """The programme as one enrolment takes it: its window, components and required hours.

        A phase or tier that this version of the programme no longer has changes nothing.
        """
        if variant == Variant():
            return self
        taken = self
        for group in (self.phase(variant.phase), self.tier(variant.tier)):
            if group is not None:
                taken = _as_in(taken, group)
        if variant.phase:
            components = tuple(one for one in taken.components if not one.for_phases or variant.phase in one.for_phases)
            taken = replace(taken, components=components)
        window = Window(
            variant.opens_on or taken.window.opens_on, variant.closes_on or taken.window.closes_on, self.window.timezone
        )
        return replace(taken, window=window)


def _chosen(groups: tuple[Group, ...], key: str, what: str) -> Group | None:
    if not key:
        return groups[0] if groups else None
    found = next((one for one in groups if one.key == key), None)
    if found is None:
        raise NotFound(what=what, key=key)
    return found


def _as_in(programme: Programme, group: Group) -> Programme:
    requires = dict(group.requires)
    return replace(
        programme,
        window=Window(
            group.opens_on or programme.window.opens_on,
            group.closes_on or programme.window.closes_on,
            programme.window.timezone,
        ),
        components=tuple(
            replace(one, required_class_hours=requires.get(one.key, one.required_class_hours))
            for one in programme.components
        ),
        total_class_hours=(programme.total_class_hours if group.total_class_hours is None else group.total_class_hours),
        places=programme.places if group.places is None else group.places,
        class_size=programme.class_size if group.class_size is None else group.class_size,
    )
