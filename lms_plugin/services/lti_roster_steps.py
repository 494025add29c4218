"""Carrying out what a roster brings about: enrolments, places in the class group, and what is remembered of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain.lti_roster import LET_GO, Step
from lms_plugin.services import enrolments, posting
from lms_plugin.services.enrolments import ACTIVE, WITHDRAWN, Change, NewLearner
from lms_plugin.services.lti_roster_plan import MemberStep, RosterPlan
from lms_plugin.services.roster_ports import MemberStatus, Roster
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.lti_rosters import LtiMember
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.programmes import ClassGroup, Enrolment

UNKNOWN: Final = (
    select(LtiMember)
    .join(LtiLink, LtiLink.id == LtiMember.link_id)
    .outerjoin(
        PlatformAccount,
        (PlatformAccount.platform_id == LtiLink.platform_id) & (PlatformAccount.subject == LtiMember.subject),
    )
    .where(PlatformAccount.subject.is_(None), LtiMember.status == MemberStatus.ACTIVE.value)
    .where(LtiMember.role.is_not(None))
    .order_by(LtiMember.name, LtiMember.subject)
)
"""Members who are nobody here."""


def carry_out(
    session: Session, link: LtiLink, roster: Roster, plan: RosterPlan, now: datetime, *, by_id: int | None
) -> None:
    """Do what a plan says for a link whose class group is set; the link and its programme are locked."""
    group = session.get_one(ClassGroup, link.class_group_id)
    origin = _origin(session, link)
    let_go = [one for one in plan.steps if one.step in LET_GO]
    # Who leaves makes room for who comes.
    _let_go(session, group, let_go, origin, now, by_id)
    new = [one for one in plan.steps if one.step is Step.ENROL and one.user_id is not None]
    enrolments.enrol_many(
        session,
        link.programme_id,
        [NewLearner(one.user_id or 0, one.region_id, group.id) for one in new],
        now,
        by_id=by_id,
        reason=origin,
    )
    for one in plan.steps:
        if one.step is Step.RETURN:
            _return(session, link, group, one, origin, now, by_id)
    _place(session, group, [one for one in plan.steps if one.step is Step.PLACE], origin, now, by_id)
    _remember(session, link, roster, plan, now)


def count_active(session: Session, link_id: int) -> int:
    """How many members a roster had when it was read last."""
    counted = select(func.count()).where(LtiMember.link_id == link_id, LtiMember.status == MemberStatus.ACTIVE.value)
    return session.scalar(counted) or 0


def _origin(session: Session, link: LtiLink) -> str:
    """What the history of an enrolment says of where a change comes from."""
    key = session.get_one(Platform, link.platform_id).key
    return f"LTI {key}: {link.context_title or link.context_id}"[: enrolments.LONGEST_REASON]


def _let_go(
    session: Session,
    group: ClassGroup,
    steps: Sequence[MemberStep],
    origin: str,
    now: datetime,
    by_id: int | None,
) -> None:
    ids = sorted(one.enrolment_id for one in steps if one.enrolment_id is not None)
    if not ids:
        return
    posting.settle_some(session, session.scalars(select(Enrolment).where(Enrolment.id.in_(ids))).all(), now)
    rows = session.scalars(
        select(Enrolment)
        .where(Enrolment.id.in_(ids))
        .order_by(Enrolment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    withdrawn = {one.enrolment_id for one in steps if one.step is Step.WITHDRAW}
    for row in rows:
        if row.class_group_id == group.id:
            row.class_group_id = None
            left = Change(row.id, "moved_group", group.name, "")
            enrolments.note(session, left, now, by_id=by_id, reason=origin)
        # What was watched so far may just have completed it: then nothing is taken.
        if row.id in withdrawn and row.state == ACTIVE and row.completed_at is None:
            row.state = WITHDRAWN
            change = Change(row.id, "withdrawn", ACTIVE, WITHDRAWN)
            enrolments.note(session, change, now, by_id=by_id, reason=origin)
    session.flush()


def _return(
    session: Session,
    link: LtiLink,
    group: ClassGroup,
    one: MemberStep,
    origin: str,
    now: datetime,
    by_id: int | None,
) -> None:
    learner = NewLearner(one.user_id or 0)
    row = enrolments.enrol(session, link.programme_id, learner, now, by_id=by_id, reason=origin)
    if row.class_group_id is None:
        _place(session, group, [one], origin, now, by_id)


def _place(
    session: Session,
    group: ClassGroup,
    steps: Sequence[MemberStep],
    origin: str,
    now: datetime,
    by_id: int | None,
) -> None:
    ids = [one.enrolment_id for one in steps if one.enrolment_id is not None]
    if not ids:
        return
    session.execute(update(Enrolment).where(Enrolment.id.in_(ids)).values(class_group_id=group.id))
    changes = [Change(one, "moved_group", "", group.name) for one in ids]
    enrolments.note_many(session, changes, now, by_id=by_id, reason=origin)


def _remember(session: Session, link: LtiLink, roster: Roster, plan: RosterPlan, now: datetime) -> None:
    """Keep who is in the roster, and what it did for whom."""
    known = {one.subject: one for one in session.scalars(select(LtiMember).where(LtiMember.link_id == link.id))}
    done = {one.member.subject: one.step for one in plan.steps}
    members = dict(roster.members) | {one.member.subject: one.member for one in plan.steps}
    for subject, member in members.items():
        row = known.get(subject)
        if row is None:
            if member.status is not MemberStatus.ACTIVE:
                continue
            row = LtiMember(link_id=link.id, subject=subject, has_enrolled=False, has_placed=False, has_withdrawn=False)
            session.add(row)
        row.status = member.status.value
        if subject in roster.members:
            row.seen_at = now
        if member.status is MemberStatus.ACTIVE:
            row.role, row.name = member.role, member.name
        step = done.get(subject)
        if step in (Step.ENROL, Step.RETURN):
            row.has_enrolled = row.has_placed = True
            row.has_withdrawn = False
        elif step is Step.PLACE:
            row.has_placed = True
        elif step in LET_GO:
            row.has_placed, row.has_withdrawn = False, step is Step.WITHDRAW
    if roster.is_whole:
        for subject, row in known.items():
            if subject not in members:
                row.status = MemberStatus.DELETED.value
    session.flush()
