"""What the TOML files of a programme may say: shapes and ranges; rules across files are the loader's."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from lms_plugin.domain.programme import (
    Component,
    ComponentKind,
    DiscussionRule,
    LmsCourse,
    Question,
    Text,
    WatchingRule,
    Window,
)


def _number(value: object) -> Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite():
        return Decimal(value)
    raise ValueError("must be a number")


def _timezone(value: object) -> str:
    try:
        return ZoneInfo(str(value)).key
    except (KeyError, ValueError, OSError):
        raise ValueError(f'unknown time zone "{value}"; write one such as "Asia/Shanghai"') from None


def _cap(value: object) -> object:
    """A cap is a whole number; TOML has no null, so that `"none"` says that there is no cap."""
    return None if value == "none" else value


def _key(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value) or len(value) > 64:
        raise ValueError(f'"{value}" must be lower-case letters and digits, with single hyphens between, at most 64')
    return value


def _file_name(value: str) -> str:
    if not re.fullmatch(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]*", value) or len(value) > 200:
        raise ValueError(f'"{value}" must be the name of a file in the same folder')
    return value


Key = Annotated[str, AfterValidator(_key)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
FileName = Annotated[str, AfterValidator(_file_name)]
Number = Annotated[Decimal, BeforeValidator(_number)]
ClassHours = Annotated[Number, Field(ge=0, le=10_000, max_digits=12, decimal_places=4)]
Cap = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_cap)]


class Table(BaseModel):
    """A TOML table: no unknown keys, no guessing between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TextTable(Table):
    zh: Words
    en: Words

    def value(self) -> Text:
        return Text(zh=self.zh, en=self.en)


class WindowTable(Table):
    opens_on: date
    closes_on: date
    timezone: Annotated[str, BeforeValidator(_timezone)] = "Asia/Shanghai"

    def value(self) -> Window:
        return Window(self.opens_on, self.closes_on, self.timezone)


class WatchingTable(Table):
    max_rate: Annotated[Number, Field(ge=1, le=4)] | None = None
    late_window_seconds: Annotated[int, Field(ge=60)] | None = None
    beat_interval_seconds: Annotated[int, Field(ge=5, le=600)] | None = None
    completion_threshold: Annotated[Number, Field(gt=0, le=1)] | None = None

    def value(self) -> WatchingRule:
        given = self.model_dump(exclude_none=True)
        ratios = {name: Fraction(value) for name, value in given.items() if isinstance(value, Decimal)}
        return WatchingRule(**given | ratios)


class DiscussionTable(Table):
    credit_minutes: Annotated[int, Field(ge=1, le=600)] | None = None
    min_characters: Annotated[int, Field(ge=1)] | None = None
    min_words: Annotated[int, Field(ge=1)] | None = None
    max_per_module: Cap = None
    max_per_day: Cap = None
    max_total: Cap = None
    duplicate_ratio: Annotated[Number, Field(gt=0, le=1)] | None = None

    def value(self) -> DiscussionRule:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.duplicate_ratio is not None:
            given["duplicate_ratio"] = Fraction(self.duplicate_ratio)
        return DiscussionRule(**given)


class ComponentTable(Table):
    key: Key
    kind: Literal["video", "discussion"]
    title: TextTable
    required_class_hours: ClassHours
    max_class_hours: ClassHours | None = None

    def value(self) -> Component:
        return Component(
            key=self.key,
            kind=ComponentKind(self.kind),
            title=self.title.value(),
            required_class_hours=self.required_class_hours,
            max_class_hours=self.max_class_hours,
        )


class LmsTable(Table):
    platform: Words
    course_key: Words
    block_key: Words | None = None

    def value(self) -> LmsCourse:
        return LmsCourse(platform=self.platform, course_key=self.course_key, block_key=self.block_key)


class ProgrammeFile(Table):
    """programme.toml"""

    key: Key
    title: TextTable
    description: TextTable
    class_hour_minutes: Annotated[int, Field(ge=1, le=240)] = 45
    total_class_hours: Annotated[ClassHours, Field(gt=0)]
    modules: Annotated[list[Key], Field(min_length=1)]
    window: WindowTable
    watching: WatchingTable = WatchingTable()
    discussion: DiscussionTable = DiscussionTable()
    components: Annotated[list[ComponentTable], Field(min_length=1)]
    lms: LmsTable | None = None


class CaptionsTable(Table):
    zh: FileName
    en: FileName


class ModuleFile(Table):
    """module.toml"""

    title: TextTable
    summary: TextTable | None = None
    block_key: Words | None = None
    video: FileName | None = None
    captions: CaptionsTable | None = None


class QuestionTable(Table):
    key: Key
    text: TextTable
    choices: Annotated[list[TextTable], Field(min_length=2)]
    answer: Annotated[int, Field(ge=0)]

    def value(self) -> Question:
        return Question(
            key=self.key,
            text=self.text.value(),
            choices=tuple(choice.value() for choice in self.choices),
            answer=self.answer,
        )


class QuestionsFile(Table):
    """questions.toml"""

    questions: Annotated[list[QuestionTable], Field(min_length=1)]
