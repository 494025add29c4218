"""Examinations: marks that an examiner enters, who never is one who taught (教考分离), and what passing gives."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, and_, select, union
from sqlalchemy.orm import Session

from lms_plugin.domain import coursework
from lms_plugin.domain.coursework import PASSED
from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component, Programme, Text
from lms_plugin.services import access, catalogue, study_reckoning, study_records
from lms_plugin.services.access import Actor
from lms_plugin.services.coursework import checked_remark, settle, source_of
from lms_plugin.storage.admission import EnrolmentChange
from lms_plugin.storage.among import among
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment, FormerTutor, ProgrammeRow
from lms_plugin.storage.study import Coursework, Meeting, MeetingGroup, SignIn, StudyRecord
from lms_plugin.storage.tutoring import Substitution


@dataclass(frozen=True, slots=True)
class Candidate:
    """A learner with what there is of the examination so far; attempts in order."""

    enrolment_id: int
    login: str
    name: str
    region_name: str | None
    attempts: tuple[Coursework, ...]
    is_taught: bool
    """Whether the examiner who looks taught this learner's class, and so enters nothing."""

    @property
    def has_passed(self) -> bool:
        return any(one.state == PASSED for one in self.attempts)


def examination_of(programme: Programme) -> Component:
    """The examination of a programme.

    Raises:
        Conflict: it has none (`no_examination`).
    """
    component = programme.component_of(ComponentKind.EXAMINATION)
    if component is None:
        raise Conflict("no_examination")
    return component


def taught_by(session: Session, enrolments: Sequence[Enrolment]) -> dict[int, frozenset[int]]:
    """Who taught each enrolment, by its id, whatever of it is over by now.

    They are the tutors, present and former, of the class groups it is or was in, whoever stood in for one, who led
    meetings it was at or such a group was asked to, and who marked its homework.
    """
    groups = _groups_of(session, enrolments)
    of_group: dict[int, set[int]] = {one: set() for some in groups.values() for one in some}
    # One statement, and so one moment: somebody who is just being dismissed is either a tutor still or a former one.
    of_groups = union(
        select(ClassGroupTutor.class_group_id, ClassGroupTutor.user_id).where(
            among(ClassGroupTutor.class_group_id, of_group)
        ),
        select(FormerTutor.class_group_id, FormerTutor.user_id).where(among(FormerTutor.class_group_id, of_group)),
        select(Substitution.class_group_id, Substitution.substitute_id).where(
            among(Substitution.class_group_id, of_group)
        ),
        select(MeetingGroup.class_group_id, Meeting.leader_id)
        .join(Meeting, Meeting.id == MeetingGroup.meeting_id)
        .where(among(MeetingGroup.class_group_id, of_group)),
    )
    for group_id, user_id in session.execute(of_groups):
        of_group[group_id].add(user_id)
    own: dict[int, set[int]] = {one.id: set() for one in enrolments}
    of_learners: CompoundSelect[Any] = union(
        select(SignIn.enrolment_id, Meeting.leader_id)
        .join(Meeting, Meeting.id == SignIn.meeting_id)
        .where(among(SignIn.enrolment_id, own)),
        select(Coursework.enrolment_id, Coursework.marked_by_id).where(
            among(Coursework.enrolment_id, own),
            Coursework.kind == ComponentKind.HOMEWORK.value,
            Coursework.marked_by_id.is_not(None),
        ),
    )
    for enrolment_id, user_id in session.execute(of_learners):
        own[enrolment_id].add(user_id)
    return {one: frozenset(own[one].union(*(of_group[group_id] for group_id in groups[one]))) for one in own}


def _groups_of(session: Session, enrolments: Sequence[Enrolment]) -> dict[int, set[int]]:
    """The class groups that each enrolment is in or was in, by its id."""
    groups: dict[int, set[int]] = {one.id: set() for one in enrolments}
    for one in enrolments:
        if one.class_group_id is not None:
            groups[one.id].add(one.class_group_id)
    left = (
        select(EnrolmentChange.enrolment_id, ClassGroup.id)
        .join(Enrolment, Enrolment.id == EnrolmentChange.enrolment_id)
        .join(
            ClassGroup,
            and_(ClassGroup.programme_id == Enrolment.programme_id, ClassGroup.name == EnrolmentChange.before),
        )
        .where(among(EnrolmentChange.enrolment_id, groups), EnrolmentChange.kind == "moved_group")
    )
    for enrolment_id, group_id in session.execute(left):
        groups[enrolment_id].add(group_id)
    return groups


def check_may_examine(actor: Actor, enrolment: Enrolment, taught: Collection[int]) -> None:
    """Whether the actor can enter or change an enrolment's marks; who may know of it is checked before.

    Raises:
        NotAllowed: it is their own examination (`own_examination`).
        MarkerTaughtClass: they taught the class.
    """
    if enrolment.user_id == actor.user_id:
        raise NotAllowed("own_examination")
    coursework.check_examiner(actor.user_id, taught)


def enter(
    session: Session,
    actor: Actor,
    enrolment_id: int,
    *,
    mark: int,
    remark: str = "",
    attempts_seen: int | None = None,
    now: datetime,
) -> Coursework:
    """Enter the mark of a learner's next attempt; passing gives what the programme says.

    `attempts_seen` is how many attempts the examiner was shown: a mark that is sent twice is entered once.

    Raises:
        NotAllowed, NotFound: the learner is not in a region that the actor answers for; `own_examination`.
        MarkerTaughtClass: the actor taught the learner's class.
        Malformed: `mark_out_of_range`, `remark_too_long`.
        Conflict: `no_examination`, `mark_entered_meanwhile`, `examination_passed`, `attempts_used_up`,
            `enrolment_withdrawn`.
    """
    coursework.check_mark(mark)
    remark = checked_remark(remark)
    enrolment = access.office_enrolment(session, actor, enrolment_id)
    check_may_examine(actor, enrolment, taught_by(session, [enrolment])[enrolment.id])
    if enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")
    # Two examiners at once would both find the same attempt to come.
    study_reckoning.lock_people(session, [enrolment.user_id])
    programme = catalogue.for_enrolment(session, enrolment, now).programme
    component = examination_of(programme)
    sat = attempts_of(session, [enrolment.id])[enrolment.id]
    number = coursework.next_attempt([one.state for one in sat], component.study.attempts, attempts_seen)
    row = Coursework(
        enrolment_id=enrolment.id,
        component_key=component.key,
        kind=ComponentKind.EXAMINATION.value,
        piece=number,
        state=coursework.state_after(mark, component),
        mark=mark,
        remark=remark,
        submitted_at=now,
        marked_by_id=actor.user_id,
        marked_at=now,
    )
    session.add(row)
    session.flush()
    if row.state == PASSED:
        settle(session, row, component, programme, by_id=actor.user_id, because=remark, now=now)
    return row


def change(session: Session, actor: Actor, coursework_id: int, *, mark: int, reason: str, now: datetime) -> Coursework:
    """Change the mark of an attempt, for a reason; the ledger follows by a new entry where passing depends on it.

    However many attempts pass, the examination gives its hours once: by the first of them.

    Raises:
        NotAllowed, NotFound, MarkerTaughtClass: as for `enter`.
        Malformed: `mark_out_of_range`, `remark_too_long`, `decision_reason_missing`.
    """
    coursework.check_mark(mark)
    reason = checked_remark(reason)
    if not reason:
        raise Malformed("decision_reason_missing")
    row = session.get(Coursework, coursework_id)
    if row is None or row.kind != ComponentKind.EXAMINATION.value:
        access.office_scope(actor)
        raise NotFound(what="coursework")
    enrolment = access.office_enrolment(session, actor, row.enrolment_id)
    check_may_examine(actor, enrolment, taught_by(session, [enrolment])[enrolment.id])
    study_reckoning.lock_people(session, [enrolment.user_id])
    session.refresh(row)
    programme = catalogue.for_enrolment(session, enrolment, row.submitted_at).programme
    component = examination_of(programme)
    row.mark, row.remark, row.state = mark, reason, coursework.state_after(mark, component)
    row.marked_by_id, row.marked_at = actor.user_id, now
    session.flush()
    _settle_all(session, enrolment.id, component, programme, by_id=actor.user_id, because=reason, now=now)
    return session.get_one(Coursework, coursework_id)


def of_enrolment(session: Session, enrolment_id: int) -> list[Coursework]:
    """The attempts of an enrolment in order; the caller has checked who may see them."""
    return attempts_of(session, [enrolment_id])[enrolment_id]


def candidates(
    session: Session, actor: Actor, programme_key: str, *, search: str = "", after: int = 0, limit: int = 100
) -> list[Candidate]:
    """The learners of a programme in the actor's regions with their attempts, by enrolment, those above `after`.

    `search` is a part of a name, or a login.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such programme.
    """
    scope = access.office_scope(actor)
    programme_id = catalogue.programme_id_of(session, programme_key)
    wanted = (
        select(Enrolment, User.login, User.name, Region.name)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(Region, Region.id == Enrolment.region_id)
        .where(Enrolment.programme_id == programme_id, Enrolment.id > after, Enrolment.state == "active")
        .where(access.in_scope(scope, Enrolment.region_id))
        .order_by(Enrolment.id)
        .limit(limit)
    )
    if search:
        wanted = wanted.where(User.name.contains(search, autoescape=True) | (User.login == search))
    rows = session.execute(wanted).all()
    attempts = attempts_of(session, [enrolment.id for enrolment, *_ in rows])
    taught = taught_by(session, [enrolment for enrolment, *_ in rows])
    return [
        Candidate(
            enrolment.id,
            login,
            name,
            region,
            tuple(attempts[enrolment.id]),
            actor.user_id in taught[enrolment.id] or enrolment.user_id == actor.user_id,
        )
        for enrolment, login, name, region in rows
    ]


@dataclass(frozen=True, slots=True)
class Examined:
    """A programme that has an examination, with its rule."""

    key: str
    title: Text
    pass_mark: int
    attempts: int


def examined_programmes(session: Session, now: datetime) -> list[Examined]:
    """The programmes that have an examination, by key."""
    found = []
    for programme_id in session.scalars(select(ProgrammeRow.id).order_by(ProgrammeRow.key)):
        programme = catalogue.in_force(session, programme_id, now).programme
        component = programme.component_of(ComponentKind.EXAMINATION)
        if component is not None:
            study = component.study
            found.append(Examined(programme.key, programme.title, study.pass_mark, study.attempts))
    return found


def attempts_of(session: Session, enrolment_ids: Sequence[int]) -> dict[int, list[Coursework]]:
    """The attempts of several enrolments in order, by enrolment; the caller has checked who may see them."""
    found: dict[int, list[Coursework]] = {one: [] for one in enrolment_ids}
    rows = session.scalars(
        select(Coursework)
        .where(Coursework.enrolment_id.in_(enrolment_ids), Coursework.kind == ComponentKind.EXAMINATION.value)
        .order_by(Coursework.enrolment_id, Coursework.piece)
    )
    for row in rows:
        found[row.enrolment_id].append(row)
    return found


def _settle_all(
    session: Session,
    enrolment_id: int,
    component: Component,
    programme: Programme,
    *,
    by_id: int,
    because: str,
    now: datetime,
) -> None:
    states = {one.id: one.state for one in attempts_of(session, [enrolment_id])[enrolment_id]}
    counting = next((one for one, state in states.items() if state == PASSED), None)
    recorded = {
        row.source
        for row in session.scalars(
            select(StudyRecord).where(
                StudyRecord.enrolment_id == enrolment_id,
                StudyRecord.component_key == component.key,
                StudyRecord.revoked_at.is_(None),
            )
        )
    }
    for one in states:
        if one != counting and source_of(one) in recorded:
            study_records.revoke(session, enrolment_id, source_of(one), by_id=by_id, reason=because, now=now)
    if counting is not None and source_of(counting) not in recorded:
        row = session.get_one(Coursework, counting)
        settle(session, row, component, programme, by_id=by_id, because=because, now=now)
