"""What programme.toml may say of a component: each kind has its own keys, so that no other one goes unnoticed."""

from dataclasses import fields
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lms_plugin.content.shapes import (
    AS_NUMBER,
    ClassHours,
    DailyClassHours,
    Key,
    SomeClassHours,
    Table,
    TextTable,
    Weeks,
)
from lms_plugin.domain.modes import ActivityRule, ComponentKind, SchoolActivityKind, StudyRule, WeeklyPace
from lms_plugin.domain.programme import Component

Approval = Literal["school", "county"]
Activity = Literal["lecture", "lesson_recording", "lesson_review", "self_study", "seminar"]

_STUDY = frozenset(one.name for one in fields(StudyRule))


def _in_order(value: list[Approval]) -> list[Approval]:
    if value not in (["school"], ["county"], ["school", "county"]):
        raise ValueError('must be ["school", "county"], ["school"] or ["county"]')
    return value


class PaceTable(Table):
    """每周进度: at least so many class hours in every week, Monday to Sunday."""

    class_hours: SomeClassHours = Field(description="每周至少学时 · The least class hours of a week.")
    make_up_weeks: Weeks = Field(
        description="缺学一周可在其后几周内补上；0 为不能补，any 为随时可补 · A short week's hours count once the"
        ' surplus of so many weeks after it fills it up; 0: they never count; "any": they count at once.'
    )

    def value(self) -> WeeklyPace:
        return WeeklyPace(self.class_hours, self.make_up_weeks)


class ActivityTable(Table):
    """One kind of school-based study that counts."""

    kind: Activity = Field(
        description="lecture 专题讲座, lesson_recording 观摩名师课堂实录, lesson_review 说课评课,"
        " self_study 自学, seminar 研讨"
    )
    max_class_hours: SomeClassHours | None = Field(
        None, description="该类活动最多计入学时 · At most so much of it counts."
    )

    def value(self) -> ActivityRule:
        return ActivityRule(SchoolActivityKind(self.kind), self.max_class_hours)


class ComponentTable(Table):
    """What every component says."""

    key: Key = Field(description="标识 · Never changed once hours are earned: the ledger names it.")
    kind: str
    title: TextTable = Field(description="名称 · What learners see.")
    required_class_hours: ClassHours = Field(
        description="应修学时 · What this component must reach; 0 where only the total counts."
    )
    max_class_hours: ClassHours | None = Field(
        None, description="计入总学时的上限 · The most it gives towards the total; no limit unless written."
    )
    in_total: bool = Field(
        True, description="是否计入总学时 · false: it must be reached, and adds nothing to the total (an examination)."
    )
    for_phases: Annotated[list[Key], Field(min_length=1)] | None = Field(
        None, description="适用阶段 · The phases it belongs to; every one unless written."
    )

    def value(self) -> Component:
        return Component(
            key=self.key,
            kind=ComponentKind(self.kind),
            title=self.title.value(),
            required_class_hours=self.required_class_hours,
            max_class_hours=self.max_class_hours,
            in_total=self.in_total,
            pace=self._pace(),
            study=self._study(),
            for_phases=tuple(self.for_phases or ()),
        )

    def _pace(self) -> WeeklyPace | None:
        return None

    def _study(self) -> StudyRule:
        given: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set & _STUDY}
        for name in ("activities", "approvals"):
            if name in given:
                given[name] = tuple(one.value() if isinstance(one, ActivityTable) else one for one in given[name])
        for name in ("least_presence", "makeup_share", "elsewhere_share"):
            if name in given:
                given[name] = Fraction(given[name])
        return StudyRule(**given)


class TakingComponent(ComponentTable):
    """A component that may take hours from elsewhere."""

    elsewhere_share: Annotated[Decimal, Field(ge=0, le=1), AS_NUMBER] = Field(
        Decimal(0),
        description="可认定的外部学时比例 · How much of the required class hours may come from study completed"
        " elsewhere, for which an institution vouches; none unless written.",
    )


class PacedComponent(TakingComponent):
    """A component whose hours fall on days, so that a week can fall short."""

    pace: PaceTable | None = Field(None, description="每周进度 · The least of every week; none unless written.")

    def _pace(self) -> WeeklyPace | None:
        return self.pace.value() if self.pace else None


class VideoComponent(PacedComponent):
    """在线课程: films watched online, by the rule of [watching]."""

    kind: Literal["video"]


class DiscussionComponent(PacedComponent):
    """研讨交流: posts, by the rule of [discussion]."""

    kind: Literal["discussion"]


class TimedComponent(PacedComponent):
    """A component whose hours are minutes of a person's day."""

    daily_limit_class_hours: DailyClassHours | None = Field(
        None, description="每日计入上限 · The most that counts on one day; no limit unless written."
    )


class ReadingComponent(TimedComponent):
    """阅读: the modules' readings, each once, after the time it takes and a right answer where there are questions."""

    kind: Literal["reading"]
    characters_per_minute: int = Field(
        300, ge=50, le=2000, description="每分钟阅读字数 · How many Chinese characters a minute is reckoned to read."
    )


class MeetingComponent(TimedComponent):
    """A component whose hours come from meetings that people sign in at."""

    both_ends: bool = Field(
        True,
        description="是否签到又签退 · Whether one signs in and out; false: signing in counts to the meeting's end.",
    )
    late_minutes: int = Field(
        0,
        ge=0,
        le=120,
        description="迟到早退宽限 · Coming that late, or leaving that early, still counts as the whole.",
    )


class QnaComponent(MeetingComponent):
    """集中辅导答疑: Q&A sessions that a tutor runs."""

    kind: Literal["qna"]
    makeup_share: Annotated[Decimal, Field(ge=0, le=1), AS_NUMBER] = Field(
        Decimal(0),
        description="缺席可补计的比例 · How much of what one missed can be made up for by reading the notes.",
    )


class FaceToFaceComponent(MeetingComponent):
    """面授: courses, lectures and workshops attended in person."""

    kind: Literal["face_to_face"]


class GroupViewingComponent(MeetingComponent):
    """集中收看: a group watches together, by satellite, disc or network."""

    kind: Literal["group_viewing"]


class SchoolBasedComponent(TimedComponent):
    """校本研修: activities at one's own school, handed in with evidence and approved."""

    kind: Literal["school_based"]
    activities: Annotated[list[ActivityTable], Field(min_length=1)] | None = Field(
        None, description="计入的活动类别 · The kinds of activities that count; all five unless written."
    )
    approvals: Annotated[list[Approval], AfterValidator(_in_order)] = Field(
        ["school", "county"], description="审核层级 · Who approves, in order: school 学校, county 县教育局."
    )


class WholeComponent(ComponentTable):
    """A component whose hours are given whole."""

    credit_class_hours: SomeClassHours = Field(
        description="每次计入学时 · What one month of placement, one piece of homework or the examination gives."
    )


class PlacementComponent(TakingComponent, WholeComponent):
    """顶岗置换、影子教师: months of placement that the host confirms."""

    kind: Literal["placement"]
    least_months: int = Field(3, ge=1, le=36, description="最短月数 · How long it is at least, all hosts together.")
    most_months: int = Field(6, ge=1, le=36, description="最长月数 · How long it is at most, all hosts together.")
    least_presence: Annotated[Decimal, Field(gt=0, le=1), AS_NUMBER] = Field(
        Decimal("0.6"), description="每月最低在岗比例 · The share of a month's weekdays to be present for it to count."
    )


class MarkedComponent(WholeComponent):
    """A component that is marked."""

    pass_mark: int = Field(60, ge=0, le=100, description="合格分数 · The least mark, of 100, that passes.")


class HomeworkComponent(TakingComponent, MarkedComponent):
    """作业: pieces of homework that the tutor marks."""

    kind: Literal["homework"]
    pieces: int = Field(1, ge=1, le=100, description="作业份数 · How many pieces there are.")


class ExaminationComponent(MarkedComponent):
    """考试: the final examination; whoever teaches a class cannot mark its own."""

    kind: Literal["examination"]
    attempts: int = Field(2, ge=1, le=10, description="可考次数 · How often it can be sat.")


AnyComponent = Annotated[
    VideoComponent
    | ReadingComponent
    | DiscussionComponent
    | QnaComponent
    | FaceToFaceComponent
    | GroupViewingComponent
    | SchoolBasedComponent
    | PlacementComponent
    | HomeworkComponent
    | ExaminationComponent,
    Field(discriminator="kind"),
]
