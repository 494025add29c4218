"""Words of tutoring: why a learner needs their tutor, and what is refused."""

from datetime import datetime
from decimal import ROUND_UP

from flask_babel import gettext as _
from flask_babel import ngettext

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.message_text import PLACEHOLDERS
from lms_plugin.domain.tutoring import Concern, Facts
from lms_plugin.http.figures import clock, figure
from lms_plugin.http.languages import current_language


def tutoring_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of tutoring say, by their codes."""
    params = refusal.params
    longest, most = params.get("longest"), params.get("most")
    too_long = _("The text is too long: %(longest)s characters at most.", longest=longest)
    return {
        "message_title_missing": _("Please say what the message is about."),
        "message_title_too_long": too_long,
        "message_body_missing": _("Please write the message first."),
        "message_body_too_long": too_long,
        "unknown_placeholder": _(
            "%(words)s cannot be filled in. These can: %(known)s.", words=_listed(params.get("words")), known=known()
        ),
        "no_recipients": _("Please choose somebody first."),
        "note_missing": _("Please write the note first."),
        "note_too_long": too_long,
        "audience_unknown": _("Please choose who gets it."),
        "brief_text_missing": _("Please write the text first, in both languages."),
        "brief_text_too_long": too_long,
        "substitute_unknown": _("There is no tutor with this account."),
        "tutor_unknown": _("Please choose a tutor of this class group."),
        "first_day_missing": _("Please give the first day."),
        "last_day_missing": _("Please give the last day."),
        "days_reversed": _("The last day lies before the first."),
        "days_past": _("These days are over already."),
        "too_many_days": _("This is too long: %(most)s days at most.", most=most),
        "handover_note_too_long": too_long,
        "substitute_is_tutor": _("This person tutors the class group already."),
        "substitute_overlaps": _("On some of these days somebody stands in for this tutor already."),
        "substitution_is_over": _("This is over or was ended already."),
        "nothing_chosen": _("Please tick at least one piece of homework."),
        "mark_below_pass": _("Please give a mark that passes: from %(least)s to 100.", least=params.get("least")),
    }


def known() -> str:
    """The placeholders as they are written, in the language of the request."""
    language = current_language()
    return str(_(", ").join(f"{{{one.in_language(language)}}}" for one in PLACEHOLDERS.values()))


def concern_sentence(concern: Concern, facts: Facts, class_hour_ms: int) -> str:
    """Why a learner needs their tutor."""
    short = figure(class_hours(facts.short_ms, class_hour_ms, rounding=ROUND_UP))
    sentences = {
        Concern.NOT_STARTED: lambda: _("Has not begun; %(hours)s class hours are asked for by today", hours=short),
        Concern.BEHIND: lambda: _("%(hours)s class hours behind", hours=short),
        Concern.HELD: lambda: _("%(time)s of film on hold", time=clock(facts.held_ms)),
        Concern.MISSED_SESSIONS: lambda: ngettext(
            "Missed %(num)s meeting", "Missed %(num)s meetings", facts.missed_sessions
        ),
        Concern.HOMEWORK_RETURNED: lambda: ngettext(
            "%(num)s piece of homework to do again", "%(num)s pieces of homework to do again", facts.homework_returned
        ),
    }
    return str(sentences[concern]())


def age(since: datetime | None, now: datetime) -> str:
    """For how long something has waited; empty where that is not known."""
    if since is None:
        return ""
    days = max(0, (now - since).days)
    if not days:
        return str(_("for less than a day"))
    return str(ngettext("the oldest for %(num)s day", "the oldest for %(num)s days", days))


def _listed(words: object) -> str:
    return str(_(", ").join(str(one) for one in words)) if isinstance(words, tuple) else ""
