"""Words of the modes of study, in the language of the request: their names, and why some of a time does not count."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import gettext as _

from lms_plugin.domain.attendance import LeftOut
from lms_plugin.domain.modes import ComponentKind, SchoolActivityKind
from lms_plugin.domain.programme import Programme


def kind_names() -> dict[str, str]:
    """What each kind of component is called."""
    return {
        ComponentKind.VIDEO.value: _("Films"),
        ComponentKind.READING.value: _("Readings"),
        ComponentKind.DISCUSSION.value: _("Online discussion"),
        ComponentKind.QNA.value: _("Q&A sessions"),
        ComponentKind.FACE_TO_FACE.value: _("Face-to-face sessions"),
        ComponentKind.GROUP_VIEWING.value: _("Group viewings"),
        ComponentKind.SCHOOL_BASED.value: _("School-based study"),
        ComponentKind.PLACEMENT.value: _("Placement"),
        ComponentKind.HOMEWORK.value: _("Homework"),
        ComponentKind.EXAMINATION.value: _("Examination"),
    }


def kind_name(kind: str) -> str:
    """What a kind of component is called; one that is not known is called by its code."""
    return kind_names().get(kind, kind)


def activity_names() -> dict[str, str]:
    """What each kind of school-based study is called."""
    return {
        SchoolActivityKind.LECTURE.value: _("Lecture on a topic"),
        SchoolActivityKind.LESSON_RECORDING.value: _("Watching recorded lessons of master teachers"),
        SchoolActivityKind.LESSON_REVIEW.value: _("Lesson talk and lesson review"),
        SchoolActivityKind.SELF_STUDY.value: _("Self-study"),
        SchoolActivityKind.SEMINAR.value: _("Seminar"),
    }


def activity_name(activity: str) -> str:
    """What a kind of school-based study is called; one that is not known is called by its code."""
    return activity_names().get(activity, activity)


def medium_names() -> dict[str, str]:
    """What each way is called by which a group viewing gets its film."""
    return {"satellite": _("Satellite television"), "disc": _("Disc"), "network": _("Network")}


def left_out_sentence(left_out: LeftOut, programme: Programme) -> str:
    """Why a stretch does not count, with its day and times in the programme's time zone, as one sentence."""
    what = _left_out_reason(left_out.reason, left_out.other_title)
    if left_out.to_ms <= left_out.from_ms:
        return what
    return _(
        "%(when)s does not count: %(why)s",
        when=span(left_out.from_ms, left_out.to_ms, programme.window.timezone),
        why=what,
    )


def span(from_ms: int, to_ms: int, timezone: str) -> str:
    """A day and its times: "24 Nov 2026 19:00–20:30"; with both days where it goes past midnight."""
    zone = ZoneInfo(timezone)
    start, end = (datetime.fromtimestamp(one // 1000, zone) for one in (from_ms, to_ms))
    first = _("%(day)s %(time)s", day=_day(start), time=f"{start:%H:%M}")
    if start.date() == end.date():
        return f"{first}–{end:%H:%M}"
    return f"{first} – " + _("%(day)s %(time)s", day=_day(end), time=f"{end:%H:%M}")


def _left_out_reason(reason: str, other_title: str) -> str:
    sentences = {
        "outside_window": _("it lies outside the dates of the programme."),
        "overlaps_watching": (
            _("this time is already counted for the film “%(title)s”; no minute counts twice.", title=other_title)
            if other_title
            else _("this time is already counted for a film; no minute counts twice.")
        ),
        "overlaps_study": (
            _("this time is already counted for “%(title)s”; no minute counts twice.", title=other_title)
            if other_title
            else _("this time is already counted for something else; no minute counts twice.")
        ),
        "daily_limit": _("it is over the class hours one day can give."),
        "activity_limit": _("it is over the class hours this kind of school-based study can give."),
        "elsewhere_limit": _("it is over what this part of the programme takes from elsewhere."),
        "over_most": _("it is over the most that this one can give."),
        "withdrawn": _("you had left the programme at that time."),
    }
    return sentences[reason]


def _day(instant: datetime) -> str:
    return str(format_date(instant.date(), "medium", get_locale()))
