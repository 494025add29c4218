"""What entries of the trail say, in the language of the request."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from flask_babel import format_date, ngettext
from flask_babel import gettext as _

from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.http.figures import clock
from lms_plugin.services import post_changes, trail
from lms_plugin.services.trail import Deed

Params = Mapping[str, Any]


def kinds() -> dict[str, str]:
    """The kinds of deeds by name, for a filter."""
    return {
        trail.FILM_RELEASED: _("Held film let count"),
        trail.HOMEWORK_MARKED: _("Homework marked"),
        trail.DISPUTE_PROPOSED: _("Proposal on a dispute"),
        trail.POST_WRITTEN: _("Post written"),
        trail.POST_MARKED: _("Post marked"),
        trail.QUESTION_ANSWERED: _("Question answered"),
        trail.QUESTIONS_MERGED: _("Questions merged"),
        trail.FAQ_PROMOTED: _("Put into the FAQ"),
        trail.FAQ_WITHDRAWN: _("Taken out of the FAQ"),
        trail.MEETING_PLANNED: _("Meeting planned"),
        trail.MEETING_CHANGED: _("Meeting changed"),
        trail.MEETING_CANCELLED: _("Meeting called off"),
        trail.NOTES_PUBLISHED: _("Notes published"),
        trail.SESSION_QUESTION_ANSWERED: _("Question at a session answered"),
        trail.LIST_CONFIRMED: _("Attendance list confirmed"),
        trail.MARKED_PRESENT: _("Put on the list"),
        trail.MARKED_ABSENT: _("Taken off the list"),
        trail.MESSAGE_SENT: _("Message sent"),
        trail.NOTE_WRITTEN: _("Note written"),
        trail.BRIEF_SENT: _("Brief sent"),
        trail.SUBSTITUTE_GIVEN: _("Substitute named"),
        trail.SUBSTITUTE_ENDED: _("Substitution ended"),
        trail.TUTOR_APPOINTED: _("Tutor appointed"),
        trail.TUTOR_DISMISSED: _("Tutoring ended"),
    }


def deed_sentence(deed: Deed) -> str:
    """What was done; of a kind, or with figures, that this version does not know, its name."""
    try:
        return str(_SENTENCES[deed.row.kind](deed.row.params))
    except (LookupError, TypeError, ValueError):
        return str(kinds().get(deed.row.kind, deed.row.kind))


def _released(params: Params) -> str:
    return _(
        "%(time)s of film let count: %(reason)s", time=clock(int(params["released_ms"])), reason=str(params["reason"])
    )


def _marked(params: Params) -> str:
    if params["state"] == "passed":
        return _("Homework marked %(mark)s: passed", mark=int(params["mark"]))
    return _("Homework marked %(mark)s: sent back", mark=int(params["mark"]))


def _proposed(params: Params) -> str:
    minutes = int(params["proposed_ms"]) // MINUTE_MS
    return _("Proposed %(minutes)s minutes on a dispute: %(reason)s", minutes=minutes, reason=str(params["reason"]))


def _post_marked(params: Params) -> str:
    what = {
        post_changes.EXCELLENT: _("Post in “%(title)s” marked as excellent", title=str(params["title"])),
        post_changes.EXCELLENT_WITHDRAWN: _(
            "Post in “%(title)s” no longer excellent: %(reason)s",
            title=str(params["title"]),
            reason=str(params["reason"]),
        ),
        post_changes.VOID: _(
            "Post in “%(title)s” made void: %(reason)s", title=str(params["title"]), reason=str(params["reason"])
        ),
        post_changes.VOID_LIFTED: _(
            "Post in “%(title)s” no longer void: %(reason)s", title=str(params["title"]), reason=str(params["reason"])
        ),
    }
    return str(what[params["what"]])


def _merged(params: Params) -> str:
    return ngettext("%(num)s question merged into one", "%(num)s questions merged into one", int(params["number"]))


def _called_off(params: Params) -> str:
    return _("Meeting “%(title)s” called off: %(reason)s", title=str(params["title"]), reason=str(params["reason"]))


def _absent(params: Params) -> str:
    return _("Absent from “%(title)s”: %(reason)s", title=str(params["title"]), reason=str(params["reason"]))


def _confirmed(params: Params) -> str:
    return ngettext(
        "List of “%(title)s” confirmed: %(num)s learner",
        "List of “%(title)s” confirmed: %(num)s learners",
        int(params["number"]),
        title=str(params["title"]),
    )


def _message(params: Params) -> str:
    return ngettext(
        "Message “%(title)s” to %(num)s learner",
        "Message “%(title)s” to %(num)s learners",
        int(params["number"]),
        title=str(params["title"]),
    )


def _brief(params: Params) -> str:
    day = format_date(date.fromisoformat(params["week_on"]), "medium")
    if params["audience"] == "office":
        return _("Brief of the week from %(day)s, to the programme office", day=day)
    return _("Brief of the week from %(day)s, to the class group", day=day)


def _given(params: Params) -> str:
    return _("%(substitute)s stands in for %(tutor)s from %(first)s to %(last)s", **_stands_in(params))


def _ended(params: Params) -> str:
    return _("%(substitute)s no longer stands in for %(tutor)s (%(first)s to %(last)s)", **_stands_in(params))


def _stands_in(params: Params) -> dict[str, str]:
    last = date.fromisoformat(params["ends_on"]) - timedelta(days=1)
    return {
        "substitute": str(params["substitute"]),
        "tutor": str(params["tutor"]),
        "first": str(format_date(date.fromisoformat(params["starts_on"]), "medium")),
        "last": str(format_date(last, "medium")),
    }


_SENTENCES: dict[str, Callable[[Params], str]] = {
    trail.FILM_RELEASED: _released,
    trail.HOMEWORK_MARKED: _marked,
    trail.DISPUTE_PROPOSED: _proposed,
    trail.POST_WRITTEN: lambda params: _("Post in “%(title)s”", title=str(params["title"])),
    trail.MEETING_PLANNED: lambda params: _("Meeting “%(title)s” planned", title=str(params["title"])),
    trail.POST_MARKED: _post_marked,
    trail.QUESTIONS_MERGED: _merged,
    trail.FAQ_PROMOTED: lambda params: _("“%(question)s” put into the FAQ", question=str(params["question"])),
    trail.FAQ_WITHDRAWN: lambda params: _("“%(question)s” taken out of the FAQ", question=str(params["question"])),
    trail.MEETING_CHANGED: lambda params: _("Meeting “%(title)s” changed", title=str(params["title"])),
    trail.MEETING_CANCELLED: _called_off,
    trail.NOTES_PUBLISHED: lambda params: _("Notes of “%(title)s” published", title=str(params["title"])),
    trail.SESSION_QUESTION_ANSWERED: lambda params: _("Question at “%(title)s” answered", title=str(params["title"])),
    trail.LIST_CONFIRMED: _confirmed,
    trail.MARKED_PRESENT: lambda params: _("Present at “%(title)s”", title=str(params["title"])),
    trail.MARKED_ABSENT: _absent,
    trail.MESSAGE_SENT: _message,
    trail.BRIEF_SENT: _brief,
    trail.SUBSTITUTE_GIVEN: _given,
    trail.SUBSTITUTE_ENDED: _ended,
    trail.TUTOR_APPOINTED: lambda params: _("%(tutor)s appointed as tutor", tutor=str(params["tutor"])),
    trail.TUTOR_DISMISSED: lambda params: _("Tutoring of %(tutor)s ended", tutor=str(params["tutor"])),
}
