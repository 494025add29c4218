"""What each kind of notice says, in the language of the request or of the person a letter is for."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP
from typing import Any

from flask_babel import format_date, ngettext
from flask_babel import gettext as _

from lms_plugin.domain.attendance import ms_of
from lms_plugin.domain.hours import class_hours
from lms_plugin.http.figures import figure
from lms_plugin.http.question_wording import waiting_time
from lms_plugin.http.study_wording import span
from lms_plugin.services import (
    meeting_notices,
    meeting_questions,
    questions_notices,
    reminding,
    substitutions,
    tutor_briefs,
    tutor_messages,
)

Params = Mapping[str, Any]


def notice_sentence(kind: str, params: Params, language: str) -> str:
    """The sentence of a notice; of one that this version does not know, or not so, it says that there is one."""
    try:
        return str(_SENTENCES[kind](params, language))
    except (LookupError, TypeError, ValueError):
        return str(_("There is news for you."))


def _window_closes(params: Params, language: str) -> str:
    return ngettext(
        "“%(programme)s” ends in %(num)s day: class hours count until the end of %(day)s. You are not through yet.",
        "“%(programme)s” ends in %(num)s days: class hours count until the end of %(day)s. You are not through yet.",
        int(params["days"]),
        programme=_title(params, "programme", language),
        day=_day_before(params["closes_on"]),
    )


def _fell_behind(params: Params, language: str) -> str:
    return _(
        "You have fallen behind in “%(programme)s”: %(hours)s class hours are missing to what is asked for by now.",
        programme=_title(params, "programme", language),
        hours=_hours(params, "short_ms", up=True),
    )


def _week_short(params: Params, language: str) -> str:
    if _has_all_that_is_asked(params):
        return _(
            "“%(programme)s”, %(component)s: the %(got)s class hours of the week from %(day)s wait, since a week counts"
            " from %(pace)s class hours on. It can be made up until %(last)s; %(needed)s class hours by the end of this"
            " week would do.",
            last=_day_before(params["make_up_before"]),
            needed=_hours(params, "make_up_ms", up=True),
            pace=_hours(params, "pace_ms", up=True),
            **_week(params, language),
        )
    return _(
        "“%(programme)s”, %(component)s: the week from %(day)s fell short (%(got)s of %(asked)s class hours). It can be"
        " made up until %(last)s; %(needed)s class hours by the end of this week would do.",
        last=_day_before(params["make_up_before"]),
        needed=_hours(params, "make_up_ms", up=True),
        **_week(params, language),
    )


def _week_lost(params: Params, language: str) -> str:
    if _has_all_that_is_asked(params):
        return _(
            "“%(programme)s”, %(component)s: the %(got)s class hours of the week from %(day)s do not count, since a"
            " week counts from %(pace)s class hours on and this one cannot be made up.",
            pace=_hours(params, "pace_ms", up=True),
            **_week(params, language),
        )
    return _(
        "“%(programme)s”, %(component)s: the week from %(day)s fell short (%(got)s of %(asked)s class hours) and cannot"
        " be made up, so its hours do not count.",
        **_week(params, language),
    )


def _nominations_due(params: Params, language: str) -> str:
    return ngettext(
        "Nominations for “%(programme)s” are taken until the end of %(day)s; %(num)s place of your region is free.",
        "Nominations for “%(programme)s” are taken until the end of %(day)s; %(num)s places of your region are free.",
        int(params["places"]),
        programme=_title(params, "programme", language),
        day=_day_before(params["deadline_on"]),
    )


def _approvals_wait(params: Params, _language: str) -> str:
    return ngettext(
        "%(num)s school-based activity waits for your approval.",
        "%(num)s school-based activities wait for your approval.",
        int(params["count"]),
    )


def _questions_wait(params: Params, _language: str) -> str:
    return ngettext(
        "%(num)s question waits for your answer, for %(time)s by now.",
        "%(num)s questions wait for your answer, the first of them for %(time)s by now.",
        int(params["count"]),
        time=waiting_time(3600 * int(params["hours"])),
    )


def _activity_returned(params: Params, _language: str) -> str:
    return _("“%(title)s” was sent back to you: please change it and hand it in again.", title=params["title"])


def _activity_refused(params: Params, _language: str) -> str:
    return _("“%(title)s” is not approved; the reason stands beside it.", title=params["title"])


def _post_excellent(params: Params, _language: str) -> str:
    if params["reason"]:
        return _(
            "Your tutor marked your post in “%(title)s” as excellent: %(reason)s",
            title=params["title"],
            reason=params["reason"],
        )
    return _("Your tutor marked your post in “%(title)s” as excellent.", title=params["title"])


def _post_excellent_withdrawn(params: Params, _language: str) -> str:
    return _(
        "Your post in “%(title)s” is no longer marked as excellent: %(reason)s",
        title=params["title"],
        reason=params["reason"],
    )


def _post_void(params: Params, _language: str) -> str:
    return _(
        "Your post in “%(title)s” was made void and earns nothing; you can dispute this. The tutor's"
        " reason: %(reason)s",
        title=params["title"],
        reason=params["reason"],
    )


def _post_void_lifted(params: Params, _language: str) -> str:
    return _("Your post in “%(title)s” is no longer void: %(reason)s", title=params["title"], reason=params["reason"])


def _substitute_given(params: Params, _language: str) -> str:
    return _(
        "%(substitute)s stands in for %(tutor)s in the class group “%(group)s” from %(first)s to %(last)s.",
        **_stands_in(params),
    )


def _substitute_ended(params: Params, _language: str) -> str:
    return _(
        "%(substitute)s no longer stands in for %(tutor)s in the class group “%(group)s” (%(first)s to %(last)s).",
        **_stands_in(params),
    )


def _tutor_brief(params: Params, _language: str) -> str:
    return _(
        "%(tutor)s has sent the brief of “%(group)s” for the week from %(day)s.",
        tutor=params["tutor"],
        group=params["group"],
        day=str(format_date(date.fromisoformat(params["week_on"]), "medium")),
    )


def _meeting_planned(params: Params, _language: str) -> str:
    return _("“%(title)s” is planned for %(when)s%(where)s.", **_meeting(params))


def _meeting_changed(params: Params, _language: str) -> str:
    named = {"title": _("title"), "time": _("time"), "place": _("place"), "link": _("link")}
    what = _(", ").join(named[one] for one in params["changed"])
    return _("“%(title)s” has changed (%(what)s): it is on %(when)s%(where)s.", what=what, **_meeting(params))


def _meeting_cancelled(params: Params, _language: str) -> str:
    return _("“%(title)s” on %(when)s is called off: %(reason)s", reason=params["reason"], **_meeting(params))


def _meeting_day_before(params: Params, _language: str) -> str:
    return _("Within a day: “%(title)s”, %(when)s%(where)s.", **_meeting(params))


def _meeting_hour_before(params: Params, _language: str) -> str:
    return _("Within an hour: “%(title)s”, %(when)s%(where)s.", **_meeting(params))


def _meeting_notes(params: Params, _language: str) -> str:
    return _("What was said at “%(title)s” can be read now.", title=params["title"])


def _session_question_answered(params: Params, _language: str) -> str:
    return _("Your question at “%(title)s” was answered.", title=params["title"])


_SENTENCES: dict[str, Callable[[Params, str], str]] = {
    reminding.WINDOW_CLOSES: _window_closes,
    reminding.FELL_BEHIND: _fell_behind,
    reminding.WEEK_SHORT: _week_short,
    reminding.WEEK_LOST: _week_lost,
    reminding.NOMINATIONS_DUE: _nominations_due,
    reminding.APPROVALS_WAIT: _approvals_wait,
    reminding.QUESTIONS_WAIT: _questions_wait,
    questions_notices.ANSWERED: lambda params, language: _(
        "Your question on “%(module)s” has an answer.", module=_title(params, "module", language)
    ),
    questions_notices.MERGED: lambda params, language: _(
        "Your question on “%(module)s” is answered together with one that is alike; you will hear of the answer.",
        module=_title(params, "module", language),
    ),
    meeting_notices.PLANNED: _meeting_planned,
    meeting_notices.CHANGED: _meeting_changed,
    meeting_notices.CANCELLED: _meeting_cancelled,
    meeting_notices.DAY_BEFORE: _meeting_day_before,
    meeting_notices.HOUR_BEFORE: _meeting_hour_before,
    meeting_notices.NOTES: _meeting_notes,
    meeting_questions.ANSWERED_NOTICE: _session_question_answered,
    "activity_returned": _activity_returned,
    "activity_refused": _activity_refused,
    "homework_returned": lambda *_args: _("Your homework was sent back with a remark: please do it again."),
    "post_excellent": _post_excellent,
    "post_excellent_withdrawn": _post_excellent_withdrawn,
    "post_void": _post_void,
    "post_void_lifted": _post_void_lifted,
    tutor_messages.NOTICE: lambda params, _language: _(
        "Message from your tutor %(tutor)s: %(title)s", tutor=params["tutor"], title=params["title"]
    ),
    tutor_briefs.NOTICE: _tutor_brief,
    substitutions.GIVEN: _substitute_given,
    substitutions.ENDED: _substitute_ended,
    "dispute_opened": lambda *_args: _("A learner disputes class hours; please have a look."),
    "dispute_proposed": lambda *_args: _("There is a proposal on the class hours that you dispute."),
    "dispute_to_decide": lambda *_args: _("Disputed class hours wait for your decision."),
    "dispute_accepted": lambda *_args: _("A dispute about class hours was decided in the learner's favour."),
    "dispute_refused": lambda *_args: _("A dispute about class hours was refused; the reason stands beside it."),
    "dispute_withdrawn": lambda *_args: _("A dispute about class hours was withdrawn."),
}


def notice_text(kind: str, params: Params) -> str:
    """What a letter says below the sentence: a tutor's message as it was written; else nothing."""
    text = params.get("text", "")
    return text if kind == tutor_messages.NOTICE and isinstance(text, str) else ""


def _stands_in(params: Params) -> dict[str, str]:
    return {
        "substitute": str(params["substitute"]),
        "tutor": str(params["tutor"]),
        "group": str(params["group"]),
        "first": str(format_date(date.fromisoformat(params["starts_on"]), "medium")),
        "last": _day_before(params["ends_on"]),
    }


def _has_all_that_is_asked(params: Params) -> bool:
    """Whether a short week has what is asked of it, which may be nothing, and is short of the pace all the same."""
    return bool(params["got_ms"] >= params["asked_ms"])


def _week(params: Params, language: str) -> dict[str, str]:
    return {
        "programme": _title(params, "programme", language),
        "component": _title(params, "component", language),
        "day": str(format_date(date.fromisoformat(params["week_on"]), "medium")),
        "got": _hours(params, "got_ms"),
        "asked": _hours(params, "asked_ms", up=True),
    }


def _meeting(params: Params) -> dict[str, str]:
    starts_at, ends_at = (datetime.fromisoformat(params[name]) for name in ("starts_at", "ends_at"))
    place = str(params["place"])
    return {
        "title": str(params["title"]),
        "when": span(ms_of(starts_at), ms_of(ends_at), params["zone"]),
        "where": str(_(", %(place)s", place=place)) if place else "",
    }


def _title(params: Params, name: str, language: str) -> str:
    titles = params[name]
    return str(titles["zh" if language.startswith("zh") else "en"])


def _hours(params: Params, name: str, *, up: bool = False) -> str:
    rounding = ROUND_UP if up else ROUND_DOWN
    return figure(class_hours(max(0, int(params[name])), int(params["class_hour_ms"]), rounding=rounding))


def _day_before(text: str) -> str:
    return str(format_date(date.fromisoformat(text) - timedelta(days=1), "medium"))
