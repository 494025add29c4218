"""Homework: pieces that learners hand in and tutors mark; one that passes gives its hours."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import coursework
from lms_plugin.domain.coursework import PASSED, RETURNED, SUBMITTED
from lms_plugin.domain.errors import Conflict, Malformed, NotFound, OutsideWindow
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component, Programme, Text
from lms_plugin.services import access, attachments, catalogue, notices, study_records
from lms_plugin.services.access import Actor
from lms_plugin.services.attachments import Folder, NewFile
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.study_records import NewRecord
from lms_plugin.services.trail import HOMEWORK_MARKED, note_action
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.study import Coursework

LONGEST_REMARK = 500


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of homework of a learner: its number from 1, and what was handed in (None: nothing yet)."""

    component: Component
    number: int
    row: Coursework | None


@dataclass(frozen=True, slots=True)
class WorkShown:
    """A piece of homework in a tutor's list."""

    row: Coursework
    learner_name: str
    class_group_name: str
    component_title: Text
    pass_mark: int


def source_of(coursework_id: int) -> str:
    """What a piece of work or an examination is called in study records, and as the owner of its files."""
    return f"{attachments.COURSEWORK}/{coursework_id}"


def pieces_of(session: Session, enrolment: Enrolment, programme: Programme) -> list[Piece]:
    """The pieces of homework that an enrolment's programme asks for; the caller has checked who may see them."""
    rows = {
        (row.component_key, row.piece): row
        for row in session.scalars(
            select(Coursework).where(
                Coursework.enrolment_id == enrolment.id, Coursework.kind == ComponentKind.HOMEWORK.value
            )
        )
    }
    return [
        Piece(component, number, rows.get((component.key, number)))
        for component in programme.components
        if component.kind is ComponentKind.HOMEWORK
        for number in range(1, component.study.pieces + 1)
    ]


def of_enrolment(session: Session, enrolment_id: int) -> list[Coursework]:
    """All homework and attempts of an enrolment, by component and piece; the caller has checked who may see them."""
    return list(
        session.scalars(
            select(Coursework)
            .where(Coursework.enrolment_id == enrolment_id)
            .order_by(Coursework.component_key, Coursework.piece)
        )
    )


def hand_in(
    session: Session,
    actor: Actor,
    enrolment_id: int,
    component_key: str,
    piece: int,
    *,
    text: str,
    files: Sequence[NewFile] = (),
    without: Sequence[int] = (),
    folder: Folder | None = None,
    now: datetime,
) -> Coursework:
    """Hand in a piece of homework, or hand it in again while it has not passed; `without` takes files away.

    Raises:
        NotFound: the enrolment is not the actor's, or the programme has no such piece.
        OutsideWindow: the programme is not open.
        Conflict: it has passed (`coursework_passed`), or the learner has withdrawn (`enrolment_withdrawn`).
        Malformed: `work_faulty` with `faults`, each a mapping with field, code and figures.
    """
    enrolment = access.own_enrolment(session, actor, enrolment_id)
    if enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")
    programme = catalogue.for_enrolment(session, enrolment, now).programme
    _homework(programme, component_key, piece)
    if not programme.window.contains(now):
        raise OutsideWindow()
    row = session.scalar(
        select(Coursework)
        .where(
            Coursework.enrolment_id == enrolment.id,
            Coursework.component_key == component_key,
            Coursework.piece == piece,
        )
        .with_for_update()
    )
    if row is not None and row.state == PASSED:
        raise Conflict("coursework_passed")
    kept = (
        sum(one.id not in without for one in attachments.of_owner(session, source_of(row.id))) if row is not None else 0
    )
    _check_content(text, files, kept)
    if row is None:
        row = Coursework(
            enrolment_id=enrolment.id,
            component_key=component_key,
            kind=ComponentKind.HOMEWORK.value,
            piece=piece,
        )
        session.add(row)
    # The mark and remark of a returned piece stay until it is marked anew: they say what to do better.
    row.text, row.state, row.submitted_at = text.strip(), SUBMITTED, now
    session.flush()
    attachments.remove(session, source_of(row.id), without)
    if files:
        if folder is None:
            raise ValueError("files need a folder to be kept in")
        attachments.attach(session, folder, source_of(row.id), actor.user_id, files, now)
    return row


def work_for_tutor(session: Session, actor: Actor, coursework_id: int, *, lock: bool = False) -> Coursework:
    """A piece of homework of a learner whose class group the actor tutors.

    Raises:
        NotFound: they don't, or there is none.
    """
    row = session.get(Coursework, coursework_id, with_for_update=lock or None)
    if row is None or row.kind != ComponentKind.HOMEWORK.value:
        raise NotFound(what="coursework")
    access.tutored_enrolment(session, actor, row.enrolment_id)
    return row


def mark(
    session: Session,
    actor: Actor,
    coursework_id: int,
    *,
    mark: int,
    remark: str = "",
    seen_at: datetime | None = None,
    now: datetime,
) -> Coursework:
    """Mark a piece of homework: passed it gives its hours, below that it goes back to be done again.

    A mark that is given anew corrects the ledger. `seen_at` is when what the tutor read was handed in.

    Raises:
        NotFound: the learner is in no class group of the tutor's.
        Malformed: `mark_out_of_range`, `remark_too_long`, `remark_missing` where it goes back.
        Conflict: it was handed in anew meanwhile (`handed_in_again`).
    """
    coursework.check_mark(mark)
    remark = checked_remark(remark)
    row = work_for_tutor(session, actor, coursework_id, lock=True)
    if seen_at is not None and row.submitted_at != seen_at:
        raise Conflict("handed_in_again")
    enrolment = session.get_one(Enrolment, row.enrolment_id)
    programme = catalogue.for_enrolment(session, enrolment, row.submitted_at).programme
    component = _homework(programme, row.component_key, row.piece)
    state = coursework.state_after(mark, component)
    if state == RETURNED and not remark:
        raise Malformed("remark_missing")
    row.mark, row.remark, row.state, row.marked_by_id, row.marked_at = mark, remark, state, actor.user_id, now
    session.flush()
    if state == RETURNED:
        address = f"/enrolments/{enrolment.id}/homework/{component.key}/{row.piece}"
        about = f"{source_of(row.id)} {now.isoformat()}"
        notices.tell(session, NewNotice(enrolment.user_id, "homework_returned", about, {}, address), now)
    settle(session, row, component, programme, by_id=actor.user_id, because=remark, now=now)
    note_action(session, actor, HOMEWORK_MARKED, source_of(row.id), enrolment.id, now, mark=mark, state=state)
    return row


def settle(
    session: Session,
    row: Coursework,
    component: Component,
    programme: Programme,
    *,
    by_id: int,
    because: str,
    now: datetime,
) -> None:
    """Let the ledger follow a piece of work or an examination that passed, or no longer does."""
    enrolment_id, source = row.enrolment_id, source_of(row.id)
    if row.state == PASSED:
        record = NewRecord(
            enrolment_id=enrolment_id,
            component_key=component.key,
            source=source,
            title=component.title.zh,
            at=row.submitted_at,
            given_ms=coursework.credit_ms(component, programme.class_hour_ms),
        )
        study_records.record_many(session, [record], confirmed_by_id=by_id, now=now, because=because)
        return
    # What never passed has no record.
    with suppress(NotFound):
        study_records.revoke(session, enrolment_id, source, by_id=by_id, reason=because, now=now)


def to_mark(session: Session, actor: Actor, now: datetime, *, state: str = SUBMITTED) -> list[WorkShown]:
    """Homework of the actor's class groups in one state, what was handed in first first.

    Raises:
        NotAllowed: the person is no tutor.
    """
    access.tutored_groups(session, actor)
    rows = session.execute(
        select(Coursework, Enrolment, User.name, ClassGroup.name)
        .join(Enrolment, Enrolment.id == Coursework.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .join(ClassGroup, ClassGroup.id == Enrolment.class_group_id)
        .where(access.in_tutored_group(actor, ClassGroup.id))
        .where(Coursework.kind == ComponentKind.HOMEWORK.value, Coursework.state == state)
        .order_by(Coursework.submitted_at, Coursework.id)
        .limit(500)
    ).all()
    found = []
    for row, enrolment, learner_name, group_name in rows:
        programme = catalogue.for_enrolment(session, enrolment, now).programme
        component = programme.component(row.component_key)
        if component is not None:
            found.append(WorkShown(row, learner_name, group_name, component.title, component.study.pass_mark))
    return found


def checked_remark(remark: str) -> str:
    """A remark as it is kept.

    Raises:
        Malformed: `remark_too_long`.
    """
    remark = remark.strip()
    if len(remark) > LONGEST_REMARK:
        raise Malformed("remark_too_long", longest=LONGEST_REMARK)
    return remark


def _homework(programme: Programme, component_key: str, piece: int) -> Component:
    component = programme.component(component_key)
    if component is None or component.kind is not ComponentKind.HOMEWORK or not 1 <= piece <= component.study.pieces:
        raise NotFound(what="coursework")
    return component


def _check_content(text: str, files: Sequence[NewFile], kept: int) -> None:
    faults: list[dict[str, object]] = []
    if len(text) > coursework.LONGEST_TEXT:
        faults.append({"field": "text", "code": "body_too_long", "longest": coursework.LONGEST_TEXT})
    if not text.strip() and not files and not kept:
        faults.append({"field": "text", "code": "work_missing"})
    faults += [
        {"field": "files", "code": fault.code, "name": fault.name}
        for fault in attachments.faults_of(files, already=kept)
    ]
    if faults:
        raise Malformed("work_faulty", faults=faults)
