"""Sentences about meetings, in the language of the request: their states, what is refused, and what became of a day."""

from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from lms_plugin.domain.attendance import ms_of
from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.meetings import Standing
from lms_plugin.http.figures import clock, figure
from lms_plugin.http.study_wording import left_out_sentence, span
from lms_plugin.services.meeting_confirming import NO_COMPONENT, OWN, WITHDRAWN
from lms_plugin.services.meeting_signing import REFUSED
from lms_plugin.services.meetings import CANCELLED, CLOSED, CONFIRMED, OPEN, PLANNED, STAYS_OPEN, OwnMeeting
from lms_plugin.services.readings import Outcome, Result
from lms_plugin.services.study_records import RecordShown


def meeting_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals about meetings say, by code."""
    return {
        "meeting_too_early": _("Signing in opens two hours before the meeting begins."),
        "meeting_over": _("The meeting has been over for more than two hours. Use the list instead."),
        "meeting_not_open": _("Signing in is not open for this meeting."),
        "meeting_not_over": _("The list can be confirmed once the meeting is over."),
        "meeting_settled": _("This meeting is confirmed or called off already."),
        "meeting_begun": _("The meeting was opened already, or is over: its plan stays as it is."),
        "attendance_settled": _("Your attendance is decided already. Please ask who leads the meeting."),
        "own_attendance": _("Your own attendance has to be confirmed by somebody else who runs the meeting."),
        "code_wrong": _("This is not the code shown at present. Look at it again: it changes every half minute."),
        "way_unknown": _("One signs in or out."),
        "reason_needed": _("Please give a reason."),
        "outside_meeting": _("These times lie outside of the meeting."),
        "record_twice": _("One learner is on the list twice."),
        "meeting_malformed": _malformed(refusal),
        "notes_malformed": _malformed(refusal),
        "meeting_not_begun": _("Notes can be published once the meeting has begun."),
        "questions_closed": _("Questions could be put until the session ended."),
        "question_twice": _("This question is on the list already. Vote for it there."),
        "too_many_questions": _("You have ten questions waiting for an answer: first let these be answered."),
        "question_settled": _("This question was answered in the meantime."),
        "own_question": _("It is your own question: others vote for it."),
        "merge_with_itself": _("A question cannot be merged into itself."),
        "question_too_short": _("Please write your question out: five characters at least."),
        "question_too_long": _("This question is too long: 1000 characters at most."),
        "note_too_long": _("This note is too long: 2000 characters at most."),
        "no_makeup": _("There is nothing of this meeting that you could make up for."),
        "makeup_own": _("Whoever leads a meeting or wrote its notes cannot make up for it by reading them."),
        "makeup_not_open": _("Begin to read the notes first."),
        "makeup_done": _("You have made up for this meeting already."),
        **{code: fault_sentence(code) for code in _FAULTS},
    }


def fault_sentences(refusal: Refusal) -> dict[str, str]:
    """What is wrong with the fields of a form, by their names."""
    faults = refusal.params.get("faults")
    if not isinstance(faults, list):
        return {}
    return {str(one["field"]): fault_sentence(str(one["code"])) for one in faults}


_FAULTS = ("time_malformed", "no_such_time", "ends_before_start", "component_unknown")


def fault_sentence(code: str) -> str:
    """What is wrong with one field."""
    sentences = {
        "groups_missing": _("Please choose whom it is for."),
        "component_unknown": _("The programme has nothing of this kind that a meeting could count for."),
        "title_missing": _("Please say what it is about."),
        "title_too_long": _("This is too long: 200 characters at most."),
        "place_missing": _("Please say where it takes place."),
        "place_too_long": _("This is too long: 200 characters at most."),
        "time_malformed": _("Please give a day and the times."),
        "no_such_time": _("The clocks are put forward over this time: it does not exist on that day."),
        "ends_before_start": _("The end has to come after the beginning."),
        "lasts_too_long": _("A meeting lasts 24 hours at most. Plan one for each day."),
        "outside_window": _("This lies outside the dates of the programme, so nothing of it could count."),
        "most_minutes_malformed": _("Please give whole minutes between 1 and 1440."),
        "medium_unknown": _("Please choose how the film is received."),
        "module_unknown": _("The programme has no such module."),
        "region_unknown": _("There is no such region among those you answer for."),
        "link_malformed": _("Please give a whole address that begins with https://."),
        "link_too_long": _("This address is too long: 500 characters at most."),
        "notes_missing": _("Please write notes, or give a recording."),
        "notes_too_long": _("These notes are too long: 20,000 characters at most."),
        "question_text_missing": _("Please write the question out."),
        "question_text_too_long": _("This is too long: 300 characters for a question, 200 for a choice."),
        "choices_few_or_many": _("Please give three to six choices, one on a line."),
        "choices_alike": _("Two choices are the same."),
        "leader_unknown": _("There is no such account among those who could lead this meeting."),
    }
    return sentences.get(code) or _("Something in what was sent is not in the right form.")


def _malformed(refusal: Refusal) -> str:
    return " ".join(dict.fromkeys(fault_sentences(refusal).values())) or _("Please correct what is marked.")


def makeup_sentence(done: Result) -> str:
    """What became of "I have read it"."""
    if done.outcome is Outcome.READ and done.recorded is not None:
        return str(_("Read: %(time)s count for the session you missed.", time=clock(done.recorded.counted_ms)))
    sentences = {
        Outcome.TOO_SHORT: _("That was too quick. Please read the notes first."),
        Outcome.WRONG: _("That is not right. Here is another question."),
        Outcome.BEGIN_AGAIN: _("That is not right either. The time starts anew: please read the notes again."),
    }
    return str(sentences[done.outcome])


def as_decimal(ratio: Fraction) -> Decimal:
    """A ratio that a programme declares, as pages write ratios."""
    return Decimal(ratio.numerator) / Decimal(ratio.denominator)


def state_badge(state: str, ends_at: datetime, now: datetime) -> tuple[str, str]:
    """The kind of badge and the words for where a meeting stands."""
    words = {
        PLANNED: ("missing", _("Planned")) if now < ends_at else ("warn", _("Not confirmed yet")),
        OPEN: ("info", _("Signing in is open")) if now < ends_at + STAYS_OPEN else ("warn", _("Not confirmed yet")),
        CLOSED: ("wait", _("Closed")) if now < ends_at else ("warn", _("Not confirmed yet")),
        CONFIRMED: ("ok", _("Confirmed")),
        CANCELLED: ("bad", _("Called off")),
    }
    return words[state]


def passed_over_sentence(why: str) -> str:
    """Why confirming a list gave somebody nothing."""
    sentences = {
        Standing.NOT_THERE.value: _("neither signed in nor out"),
        Standing.NOT_SIGNED_IN.value: _("did not sign in"),
        Standing.NOT_SIGNED_OUT.value: _("did not sign out"),
        Standing.OUTSIDE.value: _("was there only before or after the meeting"),
        OWN: _("it is your own attendance: somebody else who runs the meeting has to confirm it"),
        NO_COMPONENT: _("takes the programme without this part"),
        WITHDRAWN: _("has left the programme"),
    }
    return sentences.get(why, why)


def when(starts_at: datetime, ends_at: datetime, timezone: str) -> str:
    """The day and times of a meeting in its programme's time zone."""
    return span(ms_of(starts_at), ms_of(ends_at), timezone)


def outcome_lines(own: OwnMeeting, record: RecordShown | None, now: datetime) -> list[str]:
    """What became of a learner's meeting, in sentences: what counted, what was left out, and why."""
    meeting, sign_in, programme = own.meeting, own.sign_in, own.programme
    if meeting.state == CANCELLED:
        return [_("Called off: %(reason)s", reason=meeting.cancelled_because)]
    if sign_in is not None and sign_in.state == REFUSED:
        return [_("You are listed as absent: %(reason)s", reason=sign_in.reason)]
    if record is not None and not record.is_revoked:
        return _counted(own, record)
    if sign_in is None or (sign_in.in_at is None and sign_in.out_at is None):
        return [] if now < meeting.ends_at else [_("You did not sign in, so nothing counts.")]
    zone = ZoneInfo(programme.window.timezone)
    lines = []
    if sign_in.in_at is not None:
        lines.append(_("You signed in at %(time)s.", time=f"{sign_in.in_at.astimezone(zone):%H:%M}"))
    if sign_in.out_at is not None:
        lines.append(_("You signed out at %(time)s.", time=f"{sign_in.out_at.astimezone(zone):%H:%M}"))
    component = programme.component(meeting.component_key)
    needs_both = component is None or component.study.both_ends
    leader = own.leader_name
    if sign_in.in_at is None:
        lines.append(
            _("You did not sign in. Nothing counts until %(name)s says on the list when you came.", name=leader)
        )
    elif sign_in.out_at is None and needs_both and now >= meeting.ends_at:
        lines.append(
            _("You did not sign out. Nothing counts until %(name)s says on the list when you left.", name=leader)
        )
    elif sign_in.out_at is None and needs_both:
        lines.append(_("Sign out at the end as well: only both together count."))
    elif meeting.leader_id == own.enrolment.user_id:
        lines.append(_("You lead it yourself, so your tutor or the office has to confirm that you were there."))
    elif now >= meeting.ends_at:
        lines.append(_("It counts as soon as %(name)s confirms the list.", name=leader))
    return lines


def _counted(own: OwnMeeting, record: RecordShown) -> list[str]:
    row, programme = record.row, own.programme
    hours = class_hours(row.counted_ms, programme.class_hour_ms, rounding=ROUND_DOWN)
    lines = [
        _(
            "Counts: %(time)s, %(hours)s class hours. Confirmed by %(name)s.",
            time=clock(row.counted_ms),
            hours=figure(hours),
            name=record.confirmed_by or own.leader_name,
        )
    ]
    return lines + [left_out_sentence(one, programme) for one in record.left_out]
