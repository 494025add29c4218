"""Sentences about school-based activities, placements, coursework and readings, in the language of the request."""

from collections.abc import Mapping

from flask_babel import format_date, ngettext
from flask_babel import gettext as _

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.school_activities import COUNTY

Faults = Mapping[str, str]


def school_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of these kinds say, by code."""
    params = refusal.params
    return {
        "activity_faulty": _("Something in the form still has to be put right."),
        "work_faulty": _("Something in the form still has to be put right."),
        "no_school_based_study": _("This programme has no school-based study."),
        "enrolment_withdrawn": _("The learner has left the programme, so nothing can be added."),
        "activity_not_open": _("This activity is being approved or decided already and can no longer be changed."),
        "activity_not_waiting": _("This activity is not waiting for a decision."),
        "activity_not_approved": _("Only an approved activity can be taken back."),
        "own_activity": _("Nobody decides on an activity of their own."),
        "county_decides": _("The county decides on this activity now."),
        "decision_reason_missing": _("Please give a reason: the learner reads it."),
        "remark_too_long": _("The remark is too long: %(longest)s characters at most.", longest=params.get("longest")),
        "remark_missing": _("Please say what is to be done better: the learner reads it."),
        "mark_out_of_range": _("A mark is a whole number from 0 to 100."),
        "handed_in_again": _("The learner has handed this in again meanwhile. Please read the new version first."),
        "coursework_passed": _("This piece has passed already."),
        "marker_taught_class": _(
            "You taught this learner's class. Teaching and examining are separate: somebody else has to enter the mark."
        ),
        "own_examination": _("Nobody enters a mark of their own."),
        "no_examination": _("This programme has no examination."),
        "examination_passed": _("This learner has passed already."),
        "mark_entered_meanwhile": _(
            "A mark was entered for this learner meanwhile. Please look at the attempts before you enter another one."
        ),
        "attempts_used_up": _("All %(most)s attempts are used up.", most=params.get("most")),
        "candidate_unknown": _("Nobody you answer for takes this programme with that account."),
        "marks_faulty": _("The file has faults; no mark was entered."),
        **_placement_refusals(params),
        "reading_not_open": _("Please start reading first."),
        "reading_done": _("This reading counts already."),
        "no_reading_credit": _("Readings earn no hours in this programme."),
    }


def _placement_refusals(params: Mapping[str, object]) -> dict[str, str]:
    last_on = params.get("last_on")
    return {
        "no_placement": _("This programme has no placement."),
        "host_missing": _("Please say where the learner is placed."),
        "host_too_long": _("The name is too long."),
        "host_account_unknown": _("There is no account “%(login)s”.", login=params.get("login")),
        "host_is_learner": _("Learners cannot confirm their own months."),
        "placement_ends_before_it_starts": _("The last day lies before the first."),
        "placement_outside_window": _("These days lie outside the dates of the programme."),
        "placements_overlap": _("The learner is placed elsewhere on some of these days. End that placement first."),
        "placement_too_short": _("A placement lasts %(least)s whole months at least.", least=params.get("least")),
        "placement_too_long": _(
            "A placement lasts %(most)s months at most, all hosts together.", most=params.get("most")
        ),
        "placement_end_not_earlier": _("The new last day has to lie within the placement and before its present end."),
        "placement_month_confirmed": _("A month that is confirmed already would be cut short."),
        "month_not_over": _(
            "This month can be confirmed from the day after %(day)s.", day=format_date(last_on, "medium")
        )
        if last_on is not None
        else "",
        "days_out_of_range": _("The days present are a whole number from 0 to %(most)s.", most=params.get("most")),
        "too_few_days": _(
            "A month counts from %(least)s days present. With fewer, please refuse it and say why.",
            least=params.get("least"),
        ),
        "placement_day_missing": _("Please give a day."),
    }


def fault_sentence(fault: Mapping[str, object]) -> str:
    """What is wrong with one field of an activity or a piece of homework."""
    name = str(fault.get("name", ""))
    sentences = {
        "kind_missing": _("Please choose the kind of activity."),
        "kind_does_not_count": _("This kind of activity does not count in this programme."),
        "activity_title_missing": _("Please give the activity a title."),
        "title_too_long": _("The title is too long: %(longest)s characters at most.", longest=fault.get("longest")),
        "body_too_long": _("The text is too long: %(longest)s characters at most.", longest=fault.get("longest")),
        "evidence_missing": _(
            "Please describe what was done in at least %(characters)s characters, or add a photo or document.",
            characters=fault.get("characters"),
        ),
        "work_missing": _("Please write something or add a file."),
        "time_missing": _("Please give day, beginning and end."),
        "ends_before_it_starts": _("The end has to be later than the beginning."),
        "activity_too_long": _(
            "One activity is at most %(hours)s hours; hand in longer ones day by day.", hours=fault.get("hours")
        ),
        "activity_outside_window": _("This lies outside the dates of the programme."),
        "activity_in_future": _("This is not over yet: hand it in afterwards."),
        "file_too_large": _("“%(name)s” is larger than 10 MB.", name=name),
        "file_empty": _("“%(name)s” is empty.", name=name),
        "file_type_unknown": _(
            "“%(name)s” is of a kind that is not taken: photos (JPEG, PNG, WebP), PDF, Word, Excel, PowerPoint and text"
            " are.",
            name=name,
        ),
        "too_many_files": _("“%(name)s” is one too many: five files at most.", name=name),
    }
    return sentences[str(fault["code"])]


def fault_sentences(refusal: Refusal) -> dict[str, str]:
    """A refused form's sentences, by the names of the fields they are about."""
    faults = refusal.params.get("faults")
    found: dict[str, list[str]] = {}
    for fault in faults if isinstance(faults, list) else []:
        found.setdefault(str(fault["field"]), []).append(fault_sentence(fault))
    return {name: " ".join(dict.fromkeys(sentences)) for name, sentences in found.items()}


def activity_state(state: str, next_level: str | None) -> tuple[str, str]:
    """(kind of badge, words) for the state of an activity; `next_level` is who decides next."""
    if state == "school_approved":
        return "wait", _("Approved by the school, waiting for the county")
    if state == "submitted":
        return "wait", _("Waiting for the county") if next_level == COUNTY else _("Waiting for the school")
    return {
        "approved": ("ok", _("Approved")),
        "returned": ("warn", _("Returned: to be changed and handed in again")),
        "refused": ("bad", _("Not approved")),
    }[state]


def work_state(state: str | None) -> tuple[str, str]:
    """(kind of badge, words) for the state of a piece of homework or an attempt; None: nothing handed in."""
    return {
        None: ("missing", _("Not handed in")),
        "submitted": ("wait", _("Waiting to be marked")),
        "returned": ("warn", _("Returned: to be done again")),
        "passed": ("ok", _("Passed")),
        "failed": ("bad", _("Not passed")),
    }[state]


def month_state(state: str | None, *, is_over: bool) -> tuple[str, str]:
    """(kind of badge, words) for a month of a placement; None: the host has not said anything."""
    if state is None:
        return ("wait", _("Waiting for the host")) if is_over else ("missing", _("Not over yet"))
    return ("ok", _("Confirmed")) if state == "confirmed" else ("bad", _("Refused by the host"))


def reading_result(outcome: str, missing_seconds: int, minutes: int) -> tuple[str, str]:
    """(kind of message, words) for what became of "I have read it"; `minutes` is what counts by it."""
    if outcome == "read":
        return "success", ngettext("Read: %(num)s minute counts.", "Read: %(num)s minutes count.", minutes)
    if outcome == "too_short":
        return "info", _("Not yet: the reading takes %(time)s more.", time=time_left(missing_seconds))
    if outcome == "wrong":
        return "warning", _("That was not right. Look it up in the reading; here is another question.")
    return "warning", _("That was not right either. Please read it once more; the time starts anew.")


def time_left(seconds: int) -> str:
    """A length of time in minutes and seconds."""
    minutes, rest = divmod(seconds, 60)
    if minutes and rest:
        return _("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest)
    return _("%(minutes)s min", minutes=minutes) if minutes else _("%(seconds)s s", seconds=rest)
