"""What keeping a class group in step with a link's roster would do, member by member, without doing anything."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.lti_roster import BRING_IN, CHANGES, LET_GO, Standing, Step, step_for
from lms_plugin.services import catalogue, quotas
from lms_plugin.services.enrolments import ACTIVE
from lms_plugin.services.portions import portions
from lms_plugin.services.roster_ports import Member, MemberStatus, Roster
from lms_plugin.services.seats import size_limit, size_of
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.lti_rosters import LtiMember
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class MemberStep:
    """A member and what becomes of them; `name` is ours where there is an account, else what the platform tells.

    `enrolment_id` is None for one who is not enrolled.
    """

    member: Member
    step: Step
    name: str
    login: str | None = None
    user_id: int | None = None
    region_id: int | None = None
    enrolment_id: int | None = None

    @property
    def is_change(self) -> bool:
        return self.step in CHANGES


@dataclass(frozen=True, slots=True)
class RosterPlan:
    """What a roster would do, in the order of names; members who are gone and never concerned us are left out."""

    steps: tuple[MemberStep, ...]

    @property
    def figures(self) -> Counter[Step]:
        return Counter(one.step for one in self.steps)

    @property
    def leaving(self) -> int:
        return sum(one.step in LET_GO for one in self.steps)

    @property
    def digest(self) -> str:
        """Names this plan: another one has another digest."""
        said = sorted(f"{one.member.subject}\n{one.step}" for one in self.steps)
        return hashlib.sha256("\n\n".join(said).encode()).hexdigest()[:32]


def plan(session: Session, link: LtiLink, class_group_id: int, roster: Roster, now: datetime) -> RosterPlan:
    """Say what becomes of everybody in a roster and of those who were in it before.

    A whole roster has lost whoever it does not name. Beside what has changed everybody else is looked at again, since
    some have launched for the first time since then.
    """
    known = {one.subject: one for one in session.scalars(select(LtiMember).where(LtiMember.link_id == link.id))}
    members = dict(roster.members)
    for subject, row in known.items():
        if subject not in members:
            status = MemberStatus.DELETED if roster.is_whole else MemberStatus(row.status)
            members[subject] = Member(subject, status, frozenset({row.role} if row.role else ()), row.name)
    people = _people(session, link, sorted(members))
    kept = _kept_by_others(session, link, class_group_id)
    steps = []
    for subject, member in members.items():
        mine, before = people.get(subject), known.get(subject)
        is_member = member.status is MemberStatus.ACTIVE
        if not is_member and (mine is None or before is None):
            continue
        standing = _standing(mine, before, class_group_id, mine is not None and mine.user_id in kept)
        step = step_for(member.role, is_member, standing)
        steps.append(
            MemberStep(
                member,
                step,
                name=mine.name if mine is not None else member.name,
                login=mine.login if mine is not None else None,
                user_id=mine.user_id if mine is not None else None,
                region_id=mine.region_id if mine is not None else None,
                enrolment_id=mine.enrolment_id if mine is not None else None,
            )
        )
    steps.sort(key=lambda one: (one.name, one.member.subject))
    return RosterPlan(tuple(_within_limits(session, link, class_group_id, steps, now)))


def _standing(mine: Any, before: LtiMember | None, class_group_id: int, is_kept: bool) -> Standing:
    has_enrolled = before is not None and before.has_enrolled
    has_placed = before is not None and before.has_placed
    if mine is None:
        return Standing()
    return Standing(
        has_account=True,
        is_open=mine.is_active,
        tutors=mine.tutors,
        learns=None if mine.enrolment_id is None else mine.state == ACTIVE,
        in_group=mine.class_group_id == class_group_id,
        in_other_group=mine.class_group_id not in (None, class_group_id),
        has_completed=mine.completed_at is not None,
        has_enrolled=has_enrolled,
        has_withdrawn=before is not None and before.has_withdrawn,
        has_placed=has_placed,
        is_kept=is_kept,
    )


def _people(session: Session, link: LtiLink, subjects: Sequence[str]) -> Mapping[str, Any]:
    """Who the subjects are here, by subject, with their enrolment in the programme and whether they tutor in it."""
    tutors = (
        select(ClassGroupTutor.user_id)
        .join(ClassGroup, ClassGroup.id == ClassGroupTutor.class_group_id)
        .where(ClassGroup.programme_id == link.programme_id, ClassGroupTutor.user_id == User.id)
    )
    found: dict[str, Any] = {}
    for some in portions(subjects, _AT_ONCE):
        rows = session.execute(
            select(
                PlatformAccount.subject,
                User.id.label("user_id"),
                User.login,
                User.name,
                User.region_id,
                User.is_active,
                tutors.exists().label("tutors"),
                Enrolment.id.label("enrolment_id"),
                Enrolment.state,
                Enrolment.class_group_id,
                Enrolment.completed_at,
            )
            .join(User, User.id == PlatformAccount.user_id)
            .outerjoin(Enrolment, (Enrolment.user_id == User.id) & (Enrolment.programme_id == link.programme_id))
            .where(PlatformAccount.platform_id == link.platform_id, PlatformAccount.subject.in_(some))
        )
        found |= {row.subject: row for row in rows}
    return found


def _kept_by_others(session: Session, link: LtiLink, class_group_id: int) -> set[int]:
    """Whom other rosters have that the same class group is kept in step with, by user id."""
    return set(
        session.scalars(
            select(PlatformAccount.user_id)
            .join(LtiLink, LtiLink.platform_id == PlatformAccount.platform_id)
            .join(LtiMember, (LtiMember.link_id == LtiLink.id) & (LtiMember.subject == PlatformAccount.subject))
            .where(LtiLink.class_group_id == class_group_id, LtiLink.id != link.id)
            .where(LtiMember.status == MemberStatus.ACTIVE.value)
        )
    )


def _within_limits(
    session: Session, link: LtiLink, class_group_id: int, steps: Iterable[MemberStep], now: datetime
) -> list[MemberStep]:
    """The steps with those who find no place any more, in this order; who leaves makes room first."""
    steps = list(steps)
    current = catalogue.in_force(session, link.programme_id, now)
    group = session.get_one(ClassGroup, class_group_id)
    limit = size_limit(group, current.programme)
    going = sum(one.step in LET_GO for one in steps)
    withdrawing = sum(one.step is Step.WITHDRAW for one in steps)
    seats = None if limit is None else limit - size_of(session, class_group_id) + going
    places = quotas.places_of(session, current).left("", "")
    places = None if places is None else places + withdrawing
    found = []
    for one in steps:
        if one.step in BRING_IN:
            needs_place = one.step is not Step.PLACE
            if (seats is not None and seats <= 0) or (needs_place and places is not None and places <= 0):
                one = MemberStep(
                    one.member, Step.FULL, one.name, one.login, one.user_id, one.region_id, one.enrolment_id
                )
            else:
                seats = None if seats is None else seats - 1
                places = None if places is None else places - needs_place
        found.append(one)
    return found
