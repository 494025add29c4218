"""Words of questions: refusals, states, and how long one waits."""

from flask_babel import gettext as _
from flask_babel import ngettext

from lms_plugin.domain.errors import Refusal

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def question_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of questions say, by their codes."""
    params = refusal.params
    return {
        "question_missing": _("Please write your question first."),
        "question_too_long": _(
            "The question is too long: %(longest)s characters at most.", longest=params.get("longest")
        ),
        "answer_missing": _("Please write an answer first."),
        "answer_too_long": _("The answer is too long: %(longest)s characters at most.", longest=params.get("longest")),
        "second_not_in_film": _("The film of this module has no such second."),
        "no_class_group": _(
            "You are in no class group yet, so there is no tutor to answer. Please ask the programme office."
        ),
        "question_is_merged": _("This question is answered together with another one. Please answer that one."),
        "question_is_private": _("This question is for the tutors only; others may not read it."),
        "question_not_answered": _("A question goes into the FAQ when it has an answer."),
        "faq_names_somebody": _(
            "“%(name)s” has a part in this question. The FAQ is for all class groups: please name nobody.",
            name=params.get("name"),
        ),
        "faq_entry_exists": _("This question is in the FAQ already. Take it out first if you want other words."),
        "merge_needs_others": _("Please choose at least one other question."),
        "merge_of_other_module": _("Only questions of the same module can be answered together."),
    }


def state_badge(state: str) -> tuple[str, str]:
    """A question's state as a badge's kind and words."""
    words = {
        "open": ("wait", _("Not answered yet")),
        "answered": ("ok", _("Answered")),
        "merged": ("info", _("Answered with another one")),
    }
    return words[state]


def waiting_time(seconds: int) -> str:
    """How long somebody waits, in words: days and hours, hours, or minutes."""
    if seconds >= _DAY:
        days, hours = seconds // _DAY, seconds % _DAY // _HOUR
        in_days = ngettext("%(num)s day", "%(num)s days", days)
        return f"{in_days} {_hours(hours)}" if hours else in_days
    if seconds >= _HOUR:
        return _hours(seconds // _HOUR)
    if seconds >= _MINUTE:
        return ngettext("%(num)s minute", "%(num)s minutes", seconds // _MINUTE)
    return _("less than a minute")


def _hours(number: int) -> str:
    return ngettext("%(num)s hour", "%(num)s hours", number)
