"""What the tables of programme.toml besides its components may say: window, rules, phases and tiers, nomination."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from lms_plugin.content.shapes import (
    AS_NUMBER,
    Cap,
    ClassHours,
    DailyClassHours,
    Key,
    Places,
    SomeClassHours,
    Table,
    TextTable,
    Words,
)
from lms_plugin.domain.nomination import NominationRule
from lms_plugin.domain.programme import DiscussionRule, Group, LmsCourse, WatchingRule, Window

Degree = Literal["secondary", "junior_college", "bachelor", "master", "doctor"]
Title = Literal["none", "third_grade", "second_grade", "first_grade", "senior", "full_senior"]


def _timezone(value: object) -> str:
    try:
        return ZoneInfo(str(value)).key
    except (KeyError, ValueError, OSError):
        raise ValueError(f'unknown time zone "{value}"; write one such as "Asia/Shanghai"') from None


class WindowTable(Table):
    """培训起止时间: hours can be earned in whole days of the time zone, opens_on included and closes_on not."""

    opens_on: date = Field(description="开始日期 · The first day.")
    closes_on: date = Field(description="截止日期（当天起不再计） · The first day on which nothing counts any more.")
    timezone: Annotated[str, BeforeValidator(_timezone)] = Field(
        "Asia/Shanghai", description="时区 · Whose midnight begins a day."
    )
    months: Annotated[int, Field(ge=1, le=120)] | None = Field(
        None,
        description="个人学习期限（月） · Each learner has so many months from the day of enrolment.",
    )

    def value(self) -> Window:
        return Window(self.opens_on, self.closes_on, self.timezone)


class WatchingTable(Table):
    """看课规则: how playing a film counts."""

    max_rate: Annotated[Decimal, Field(ge=1, le=4), AS_NUMBER] | None = Field(
        None, description="计入学时的最高倍速（默认 1.5） · The fastest speed that earns hours; 1.5 unless written."
    )
    late_window_seconds: Annotated[int, Field(ge=60)] | None = Field(
        None, description="断线多久后播放权失效（默认 7200） · A device that is not heard for so long loses its turn."
    )
    beat_interval_seconds: Annotated[int, Field(ge=5, le=600)] | None = Field(
        None, description="播放上报间隔（默认 30） · How often the player reports."
    )
    completion_threshold: Annotated[Decimal, Field(gt=0, le=1), AS_NUMBER] | None = Field(
        None,
        description="向平台报告模块完成的比例（默认 0.98） · The LMS is told a film is complete from that share on.",
    )
    presence_check_minutes: Annotated[int, Field(ge=1, le=240)] | None = Field(
        None, description="在场确认间隔（默认不确认） · A question about once in so many minutes of new film."
    )
    presence_answer_seconds: Annotated[int, Field(ge=30, le=3600)] | None = Field(
        None, description="在场确认答题时限（默认 180） · How long one has to answer."
    )
    presence_tries: Annotated[int, Field(ge=1, le=10)] | None = Field(
        None, description="在场确认答题次数（默认 2） · How many tries there are."
    )
    daily_limit_class_hours: DailyClassHours | None = Field(
        None, description="每日看课计入上限（默认不限） · The most film that counts on one day."
    )
    skipping_ahead: bool | None = Field(
        None, description="是否允许跳看（默认允许） · false: film counts only after all that stands before it."
    )
    delivery_proof: bool | None = Field(
        None,
        description="是否要求送达证明（默认不要求） · true: film counts only where the service sent it to that player.",
    )

    def value(self) -> WatchingRule:
        given: dict[str, Any] = self.model_dump(exclude_none=True)
        ratios: dict[str, Any] = {
            name: Fraction(given[name]) for name in ("max_rate", "completion_threshold") if name in given
        }
        return WatchingRule(**given | ratios)


class DiscussionTable(Table):
    """研讨规则: which posts count, and what one is worth."""

    credit_minutes: Annotated[int, Field(ge=1, le=600)] | None = Field(
        None, description="一帖计入分钟数（默认 15） · What one post is worth."
    )
    min_characters: Annotated[int, Field(ge=1)] | None = Field(
        None, description="最少汉字数（默认 60） · The shortest post in Chinese."
    )
    min_words: Annotated[int, Field(ge=1)] | None = Field(
        None, description="最少英文词数（默认 35） · The shortest post in an alphabetic language."
    )
    max_per_module: Cap = Field(
        None, description='每模块计入帖数上限（默认 2，"none" 为不限） · The most of one module.'
    )
    max_per_day: Cap = Field(None, description='每日计入帖数上限（默认 3，"none" 为不限） · The most of one day.')
    max_total: Cap = Field(None, description="计入帖数总上限（默认不限） · The most of all.")
    duplicate_ratio: Annotated[Decimal, Field(gt=0, le=1), AS_NUMBER] | None = Field(
        None,
        description="判为重复的相似度（默认 0.8） · The similarity from which a post copies anybody's earlier one;"
        " from half of it on it is a variation.",
    )
    reply_minutes: Annotated[int, Field(ge=0, le=600)] | None = Field(
        None, description="一个回帖计入分钟数（默认同主题帖，0 为不计） · What a reply to somebody else is worth."
    )
    set_phrases: list[Words] | None = Field(
        None, description="不计字数的套话（内置之外再加） · Set phrases that are not measured, besides the usual ones."
    )
    excellent_minutes: Annotated[int, Field(ge=0, le=600)] | None = Field(
        None, description="优秀帖加记分钟数（默认 0，即只作表彰） · What a post marked as excellent earns besides."
    )
    max_excellent: Cap = Field(
        None, description="每人加记学时的优秀帖上限（默认不限） · The most excellent posts of a learner that earn more."
    )
    edit_within_hours: Annotated[int, Field(ge=1, le=8760)] | None = Field(
        None, description="发帖后可修改的小时数（默认项目期内均可） · How long a post can be edited."
    )

    def value(self) -> DiscussionRule:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.set_phrases is not None:
            given["set_phrases"] = tuple(one.casefold() for one in self.set_phrases)
        if self.duplicate_ratio is not None:
            given["duplicate_ratio"] = Fraction(self.duplicate_ratio)
        return DiscussionRule(**given)


class GroupTable(Table):
    """A part of the learners with rules of its own; what is not written is as in the programme."""

    key: Key = Field(description="标识")
    title: TextTable = Field(description="名称")
    opens_on: date | None = Field(None, description="开始日期 · Its first day.")
    closes_on: date | None = Field(None, description="截止日期 · The first day on which nothing counts any more.")
    total_class_hours: SomeClassHours | None = Field(
        None, description="总学时 · What all components together must reach."
    )
    requires: dict[Key, ClassHours] | None = Field(
        None, description="各部分应修学时 · Other required hours, by the key of the component."
    )
    places: Places | None = Field(None, description="名额 · How many learners it takes.")
    class_size: Places | None = Field(None, description="班额 · How many learners a class group holds at most.")

    def value(self) -> Group:
        return Group(
            self.key,
            self.title.value(),
            self.opens_on,
            self.closes_on,
            self.total_class_hours,
            tuple((self.requires or {}).items()),
            self.places,
            self.class_size,
        )


class NominationTable(Table):
    """选派条件: who is to be nominated; a nominee who does not fit is a warning that a person decides on."""

    deadline_on: date | None = Field(
        None, description="选派截止（当天起不再受理） · The first day on which none is taken any more."
    )
    subjects: Annotated[list[Words], Field(min_length=1)] | None = Field(
        None, description="对口学科 · The subjects that match, as rosters write them."
    )
    least_degree: Degree | None = Field(
        None,
        description="最低学历：secondary 中专（中师）, junior_college 大专, bachelor 本科, master 硕士, doctor 博士",
    )
    least_title: Title | None = Field(
        None,
        description="最低职称：none 未定级, third_grade 三级, second_grade 二级, first_grade 一级, senior 高级,"
        " full_senior 正高级",
    )
    least_teaching_years: Annotated[int, Field(ge=0, le=60)] | None = Field(
        None, description="最低教龄 · Full years of teaching."
    )
    most_age_men: Annotated[int, Field(ge=18, le=80)] | None = Field(
        None, description="男性年龄上限（含） · In whole years on the day the programme opens; still allowed."
    )
    most_age_women: Annotated[int, Field(ge=18, le=80)] | None = Field(
        None, description="女性年龄上限（含） · The same, of women."
    )
    least_rural_percent: Annotated[Decimal, Field(ge=0, le=100), AS_NUMBER] | None = Field(
        None, description="农村教师最低比例（%） · The least share of rural nominees of a region."
    )

    def value(self) -> NominationRule:
        given: dict[str, Any] = self.model_dump(exclude_none=True)
        return NominationRule(**given | {"subjects": tuple(self.subjects or ())})


class LmsTable(Table):
    """对接平台: the Open edX course that the programme reports to."""

    platform: Words = Field(description="平台标识 · The registered platform.")
    course_key: Words = Field(description="课程标识 · Of the Open edX course.")
    block_key: Words | None = Field(None, description="课程单元标识 · The block that stands for the whole programme.")

    def value(self) -> LmsCourse:
        return LmsCourse(platform=self.platform, course_key=self.course_key, block_key=self.block_key)
