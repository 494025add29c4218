"""Modes of study besides films and posts, and what a programme says of each: values only."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction


class ComponentKind(StrEnum):
    """Where a component's hours come from."""

    VIDEO = "video"
    READING = "reading"
    DISCUSSION = "discussion"
    QNA = "qna"
    FACE_TO_FACE = "face_to_face"
    GROUP_VIEWING = "group_viewing"
    SCHOOL_BASED = "school_based"
    PLACEMENT = "placement"
    HOMEWORK = "homework"
    EXAMINATION = "examination"


MEETING_KINDS = (ComponentKind.FACE_TO_FACE, ComponentKind.GROUP_VIEWING, ComponentKind.QNA)
"""Kinds whose hours come from meetings: dated occasions that people sign in at."""

TIMED_KINDS = (*MEETING_KINDS, ComponentKind.SCHOOL_BASED, ComponentKind.READING)
"""Kinds whose hours are minutes of a person's day: none of them counts twice."""

WHOLE_KINDS = (ComponentKind.PLACEMENT, ComponentKind.HOMEWORK, ComponentKind.EXAMINATION)
"""Kinds whose hours are given whole: a month confirmed, a piece of work or an examination passed."""


class SchoolActivityKind(StrEnum):
    """The five kinds of school-based study (校本研修)."""

    LECTURE = "lecture"
    """专题讲座"""
    LESSON_RECORDING = "lesson_recording"
    """观摩名师课堂实录"""
    LESSON_REVIEW = "lesson_review"
    """说课评课"""
    SELF_STUDY = "self_study"
    """自学"""
    SEMINAR = "seminar"
    """研讨"""


@dataclass(frozen=True, slots=True)
class WeeklyPace:
    """At least so many class hours a week (Monday to Sunday in the programme's time zone).

    What becomes of a week that falls short is said by `make_up_weeks`: its hours count once the surplus of that many
    weeks after it fills it up; None lets any later week fill it, and then they count at once; 0 lets none.
    """

    class_hours: Decimal
    make_up_weeks: int | None = None


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """One kind of school-based study that counts, and at most how much of it (None: no limit)."""

    kind: SchoolActivityKind
    max_class_hours: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StudyRule:
    """What a component of a mode of study says of itself; what does not concern its kind is left as it is.

    - `daily_limit_class_hours`: the most that counts on one day (timed kinds but video, which has its own).
    - `activities`: which kinds of school-based study count; empty means all five.
    - `approvals`: who approves a school-based activity, in order: "school", "county".
    - `both_ends`: a meeting counts for who signed in and out; else for who signed in, to its end.
    - `credit_class_hours`: what one month of placement, one piece of homework or the examination gives when it is
      confirmed or passed.
    - `pieces`: how many pieces of homework there are.
    - `pass_mark`: the least mark, of 100, that passes.
    - `characters_per_minute`: how fast a reading is reckoned to be read, in Chinese characters.
    - `late_minutes`: coming that late, or leaving that early, still counts as the whole.
    - `least_months`, `most_months`: how long a placement is, all its hosts together.
    - `least_presence`: the share of a month's weekdays (Monday to Friday) on which one must have been present for the
      month of placement to count, as a ratio.
    - `attempts`: how often the examination can be sat.
    - `makeup_share`: how much of a Q&A session that one missed can be made up for afterwards, as a ratio; 0 is none.
    - `elsewhere_share`: how much of what the component requires may come from study completed elsewhere, as a ratio.
    """

    daily_limit_class_hours: Decimal | None = None
    activities: tuple[ActivityRule, ...] = ()
    approvals: tuple[str, ...] = ("school", "county")
    both_ends: bool = True
    credit_class_hours: Decimal | None = None
    pieces: int = 1
    pass_mark: int = 60
    characters_per_minute: int = 300
    late_minutes: int = 0
    least_months: int = 3
    most_months: int = 6
    least_presence: Fraction = Fraction(3, 5)
    attempts: int = 2
    makeup_share: Fraction = Fraction(0)
    elsewhere_share: Fraction = Fraction(0)

    def activity(self, kind: SchoolActivityKind) -> ActivityRule | None:
        """The rule of one kind of school-based study; None where it does not count."""
        if not self.activities:
            return ActivityRule(kind)
        return next((one for one in self.activities if one.kind is kind), None)


def week_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())
