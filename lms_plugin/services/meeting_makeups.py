"""Making up for a Q&A session that one missed, or a part of it: its notes, read on the service's clock, and a question.

What counts is the time the reading took, as with readings: no more than the notes take to read, and no more than the
programme's share of what was missed. It is a study record of its own, "makeup/12", that follows the list of the meeting
whenever that is corrected.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals, makeups, reading
from lms_plugin.domain.errors import Conflict, NotFound, OutsideWindow
from lms_plugin.services import catalogue, meeting_notes, study_records
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import attended_meeting, component_of
from lms_plugin.services.meeting_notes import NotesQuestion, questions_of
from lms_plugin.services.meetings import CONFIRMED, makeup_source, source_of
from lms_plugin.services.readings import Outcome, Result, Stage
from lms_plugin.services.study_records import NewRecord, ms_of
from lms_plugin.storage.meeting_extras import MeetingMakeup
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Meeting, StudyRecord

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class MakeupShown:
    """Making up as a learner has it: what can count at most, how long the notes take, and what is asked at their end.

    `choices` stand in the order they were drawn in; `missing_seconds` is what still has to pass.
    """

    stage: Stage
    most_ms: int
    nominal_ms: int
    opened_at: datetime | None = None
    missing_seconds: int = 0
    text: str = ""
    choices: tuple[str, ...] = ()
    tries_left: int = 0
    counted_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """A learner at the notes of a meeting they may make up for."""

    meeting: Meeting
    enrolment: Enrolment
    questions: tuple[NotesQuestion, ...]
    most_ms: int
    nominal_ms: int
    tries: int


def shown(session: Session, actor: Actor, meeting_id: int, now: datetime) -> MakeupShown | None:
    """Making up for a meeting, for a learner of it; None where there is nothing to make up for, or no way to."""
    try:
        place = _place(session, actor, meeting_id, now)
    except (NotFound, Conflict, OutsideWindow):
        return _done(session, actor, meeting_id)
    row = session.get(MeetingMakeup, (place.enrolment.id, meeting_id))
    if row is not None and row.read_at is not None:
        return _done(session, actor, meeting_id)
    if row is None or reading.is_stale(row.opened_at, now):
        return MakeupShown(Stage.NOT_OPENED, place.most_ms, place.nominal_ms)
    question = _drawn(place, row)
    return MakeupShown(
        Stage.OPEN,
        place.most_ms,
        place.nominal_ms,
        row.opened_at,
        _missing_seconds(place, row, now),
        question.text,
        tuple(question.choices[one] for one in _order(question, row)),
        place.tries - row.tries,
    )


def begin(session: Session, actor: Actor, meeting_id: int, now: datetime) -> MeetingMakeup:
    """Start the clock; one that runs already goes on.

    Raises:
        NotFound: the meeting is not for the actor.
        Conflict: `no_makeup` (the programme allows none, the list is not confirmed yet, there are no notes with a
            question, or nothing was missed), `makeup_own` (the actor leads it or wrote the notes).
        OutsideWindow: the learner's window is not open.
    """
    place = _place(session, actor, meeting_id, now)
    row = session.get(MeetingMakeup, (place.enrolment.id, meeting_id), with_for_update=True, populate_existing=True)
    if row is None:
        row = MeetingMakeup(enrolment_id=place.enrolment.id, meeting_id=meeting_id, opened_at=now)
        session.add(row)
    elif row.read_at is not None or not reading.is_stale(row.opened_at, now):
        return row
    row.opened_at, row.tries = now, 0
    _draw(place, row, is_first=True)
    session.flush()
    return row


def finish(session: Session, actor: Actor, meeting_id: int, *, choice: int | None, now: datetime) -> Result:
    """Take "I have read it": after the time the notes take, and a right answer. `choice` counts the choices as shown.

    A wrong answer brings another question; after the last try the clock starts anew.

    Raises:
        NotFound, Conflict, OutsideWindow: as for `begin`; `makeup_not_open`, `makeup_done`.
    """
    # What it gives rests on the list: nobody corrects that or calls the meeting off before this is written.
    place = _place(session, actor, meeting_id, now, shared=True)
    row = session.get(MeetingMakeup, (place.enrolment.id, meeting_id), with_for_update=True, populate_existing=True)
    if row is not None and row.read_at is not None:
        raise Conflict("makeup_done")
    if row is None or reading.is_stale(row.opened_at, now):
        raise Conflict("makeup_not_open")
    missing_seconds = _missing_seconds(place, row, now)
    if missing_seconds:
        return Result(Outcome.TOO_SHORT, missing_seconds)
    question = _drawn(place, row)
    order = _order(question, row)
    if choice is None or not 0 <= choice < len(order) or order[choice] != question.answer:
        row.tries += 1
        again = row.tries >= place.tries
        if again:
            row.opened_at, row.tries = now, 0
        _draw(place, row, is_first=False)
        session.flush()
        return Result(Outcome.BEGIN_AGAIN, -(-place.nominal_ms // 1000)) if again else Result(Outcome.WRONG)
    row.read_at, row.nominal_ms = now, place.nominal_ms
    session.flush()
    record = NewRecord(
        enrolment_id=place.enrolment.id,
        component_key=place.meeting.component_key,
        source=makeup_source(meeting_id),
        title=place.meeting.title,
        at=row.opened_at,
        present=((ms_of(row.opened_at), ms_of(now)),),
        most_ms=min(place.most_ms, place.nominal_ms),
    )
    (recorded,) = study_records.record_many(session, [record], confirmed_by_id=None, now=now)
    return Result(Outcome.READ, recorded=recorded)


def follow_list(session: Session, meeting: Meeting, enrolment_ids: Iterable[int], *, by_id: int, now: datetime) -> None:
    """After a list was corrected: what making up gives these learners at most is what their presence leaves now."""
    rows = session.execute(
        select(StudyRecord, MeetingMakeup.nominal_ms)
        .join(
            MeetingMakeup,
            (MeetingMakeup.enrolment_id == StudyRecord.enrolment_id) & (MeetingMakeup.meeting_id == meeting.id),
        )
        .where(StudyRecord.enrolment_id.in_(sorted(set(enrolment_ids))))
        .where(StudyRecord.source == makeup_source(meeting.id), StudyRecord.revoked_at.is_(None))
        .order_by(StudyRecord.enrolment_id)
    ).all()
    component = component_of(session, meeting)
    again = []
    for record, nominal_ms in rows:
        share = component.study.makeup_share if component is not None else Fraction(0)
        most_ms = min(nominal_ms, most_for(meeting, _presence_ms(session, meeting, record.enrolment_id), share))
        if most_ms != record.most_ms:
            again.append(
                NewRecord(
                    enrolment_id=record.enrolment_id,
                    component_key=record.component_key,
                    source=record.source,
                    title=record.title,
                    at=record.starts_at,
                    present=intervals.unpack(record.present),
                    most_ms=most_ms,
                )
            )
    if again:
        study_records.record_many(session, again, confirmed_by_id=by_id, now=now)


def most_for(meeting: Meeting, present_ms: int, share: Fraction) -> int:
    """The most that making up for a meeting gives somebody who was there for so long."""
    length_ms = ms_of(meeting.ends_at) - ms_of(meeting.starts_at)
    return makeups.most_ms(makeups.whole_ms(length_ms, meeting.most_minutes), present_ms, share)


def _place(session: Session, actor: Actor, meeting_id: int, now: datetime, *, shared: bool = False) -> _Place:
    meeting, enrolment = attended_meeting(session, actor, meeting_id, shared=shared)
    component, notes = component_of(session, meeting), meeting_notes.of_meeting(session, meeting_id)
    questions = questions_of(notes) if notes is not None else ()
    current = catalogue.for_enrolment(session, enrolment, now)
    if (
        meeting.state != CONFIRMED
        or component is None
        or current.programme.component(component.key) is None
        or notes is None
        or not questions
    ):
        raise Conflict("no_makeup")
    if actor.user_id in (meeting.leader_id, notes.published_by_id):
        raise Conflict("makeup_own")
    if not current.programme.window.contains(now):
        raise OutsideWindow()
    most_ms = most_for(meeting, _presence_ms(session, meeting, enrolment.id), component.study.makeup_share)
    nominal_ms = reading.nominal_ms(notes.body, component.study.characters_per_minute)
    if min(most_ms, nominal_ms) < makeups.LEAST_MS:
        raise Conflict("no_makeup")
    tries = current.programme.watching.presence_tries
    return _Place(meeting, enrolment, questions, most_ms, nominal_ms, tries)


def _presence_ms(session: Session, meeting: Meeting, enrolment_id: int) -> int:
    """How long a learner was there, by the study record of the confirmed list."""
    present = session.scalar(
        select(StudyRecord.present).where(
            StudyRecord.enrolment_id == enrolment_id,
            StudyRecord.source == source_of(meeting.id),
            StudyRecord.revoked_at.is_(None),
        )
    )
    return intervals.length(intervals.unpack(present)) if present else 0


def _done(session: Session, actor: Actor, meeting_id: int) -> MakeupShown | None:
    """What somebody made up for already; None where they did not."""
    row = session.execute(
        select(StudyRecord, MeetingMakeup)
        .join(MeetingMakeup, MeetingMakeup.enrolment_id == StudyRecord.enrolment_id)
        .where(StudyRecord.user_id == actor.user_id, StudyRecord.source == makeup_source(meeting_id))
        .where(MeetingMakeup.meeting_id == meeting_id, StudyRecord.revoked_at.is_(None))
    ).first()
    if row is None:
        return None
    record, kept = row
    return MakeupShown(Stage.READ, record.most_ms or 0, kept.nominal_ms, kept.opened_at, counted_ms=record.counted_ms)


def _draw(place: _Place, row: MeetingMakeup, *, is_first: bool) -> None:
    """Draw a question, another one than the last where there is one, and the order of its choices."""
    others = [one for one in range(len(place.questions)) if is_first or one != row.question]
    row.question = _RANDOM.choice(others or [0])
    order = [str(one) for one in range(len(place.questions[row.question].choices))]
    _RANDOM.shuffle(order)
    row.choice_order = "".join(order)


def _drawn(place: _Place, row: MeetingMakeup) -> NotesQuestion:
    """The question that was drawn; the first one where the notes have fewer by now."""
    return place.questions[row.question if row.question < len(place.questions) else 0]


def _order(question: NotesQuestion, row: MeetingMakeup) -> Sequence[int]:
    """The order that choices are shown in; their own where the question has others by now."""
    order, own = [int(one) for one in row.choice_order], list(range(len(question.choices)))
    return order if sorted(order) == own else own


def _missing_seconds(place: _Place, row: MeetingMakeup, now: datetime) -> int:
    missing = timedelta(milliseconds=place.nominal_ms) - (now - row.opened_at)
    return max(0, -(-missing // timedelta(seconds=1)))
