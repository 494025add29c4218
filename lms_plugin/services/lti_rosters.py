"""Class groups kept in step with rosters of LTI platforms: looked at and confirmed by an admin, then refreshed.

Who is who is said by `platform_accounts` alone. A roster enrols and places people, and lets go of those whom it
brought in itself; their hours are kept, and every change says which roster it comes from.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.lti_roster import Step
from lms_plugin.services import access, classgroups, lti_roster_plan, lti_roster_steps
from lms_plugin.services.access import Actor
from lms_plugin.services.enrolments import WITHDRAWN
from lms_plugin.services.lti_roster_plan import RosterPlan
from lms_plugin.services.ports import WORDS_LIMIT
from lms_plugin.services.roster_ports import Roster
from lms_plugin.services.seats import lock_groups
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.lti_rosters import LtiMember, LtiRoster
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ProgrammeRow

WHOLE_EVERY: Final = timedelta(days=1)
"""So often all of a roster is read, also where its platform tells differences."""
FEW_LEAVING: Final = 5
"""A refresh lets so many go by itself, or half of the members if that is more: a broken answer empties nothing."""


class RosterShrank(Conflict):
    """More have left a roster at once than a refresh lets go by itself; an admin has to look."""

    code = "roster_shrank"


@dataclass(frozen=True, slots=True)
class LinkShown:
    """A link of a platform that has a roster; `class_group` and `roster` are there once an admin has confirmed it."""

    link: LtiLink
    programme_key: str
    class_group: ClassGroup | None
    roster: LtiRoster | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a link's roster is read, and since when only what changed (None: all of it)."""

    platform_key: str
    memberships_url: str
    differences_url: str | None = None


def links(session: Session, actor: Actor, platform_key: str) -> list[LinkShown]:
    """The links of a platform whose roster can be read, by the course they stand in.

    Raises:
        NotAllowed: the person is no office admin without limits of region.
        NotFound: no platform has this key.
    """
    access.require_whole_office(actor)
    platform_id = session.scalar(select(Platform.id).where(Platform.key == platform_key))
    if platform_id is None:
        raise NotFound(what="platform", key=platform_key)
    rows = session.execute(
        select(LtiLink, ProgrammeRow.key, ClassGroup, LtiRoster)
        .join(ProgrammeRow, ProgrammeRow.id == LtiLink.programme_id)
        .outerjoin(ClassGroup, ClassGroup.id == LtiLink.class_group_id)
        .outerjoin(LtiRoster, LtiRoster.link_id == LtiLink.id)
        .where(LtiLink.platform_id == platform_id, LtiLink.memberships_url.is_not(None))
        .order_by(LtiLink.context_title, LtiLink.id)
    )
    return [LinkShown(*row) for row in rows]


def platforms_with_rosters(session: Session, actor: Actor) -> set[str]:
    """The keys of platforms that have told where a roster can be read.

    Raises:
        NotAllowed: the person is no office admin without limits of region.
    """
    access.require_whole_office(actor)
    rows = select(Platform.key).join(LtiLink, LtiLink.platform_id == Platform.id)
    return set(session.scalars(rows.where(LtiLink.memberships_url.is_not(None)).distinct()))


def groups_for(session: Session, actor: Actor, link_id: int) -> list[ClassGroup]:
    """The class groups that can be kept in step with a link's roster: those of its programme, by name.

    Raises:
        NotAllowed, NotFound: as `source_of`.
    """
    link = _link(session, actor, link_id)
    mine = select(ClassGroup).where(ClassGroup.programme_id == link.programme_id)
    return list(session.scalars(mine.order_by(ClassGroup.name, ClassGroup.id)))


def source_of(session: Session, actor: Actor, link_id: int) -> Source:
    """Where all of a link's roster is read.

    Raises:
        NotAllowed: the person is no office admin without limits of region.
        NotFound: there is no such link, or its platform gives no roster.
    """
    link = _link(session, actor, link_id)
    return Source(session.get_one(Platform, link.platform_id).key, link.memberships_url or "")


def look(
    session: Session, actor: Actor, link_id: int, class_group_id: int, roster: Roster, now: datetime
) -> RosterPlan:
    """Say what confirming a whole roster for a class group would do.

    Raises:
        NotAllowed, NotFound: as `source_of`; the class group is not one of the link's programme.
    """
    link = _link(session, actor, link_id)
    _check_group(session, link, class_group_id)
    return lti_roster_plan.plan(session, link, class_group_id, roster, now)


def confirm(
    session: Session,
    actor: Actor,
    link_id: int,
    class_group_id: int,
    roster: Roster,
    *,
    seen: str,
    tutors: Collection[str] = (),
    now: datetime,
) -> RosterPlan:
    """Carry a whole roster out as it was seen (`seen` is the plan's digest) and keep the class group in step with it.

    `tutors` are subjects of those who teach there and are to be tutors of the class group. Gives what was done.

    Raises:
        NotAllowed, NotFound: as `look`.
        Conflict: `roster_changed` since it was seen; `roster_of_other_group` is kept in step with the link.
    """
    link = _locked(session, _link(session, actor, link_id).id)
    _check_group(session, link, class_group_id)
    if link.class_group_id not in (None, class_group_id):
        raise Conflict("roster_of_other_group")
    access.lock_programme(session, link.programme_id)
    _lock_groups(session, link, class_group_id)
    found = lti_roster_plan.plan(session, link, class_group_id, roster, now)
    if found.digest != seen:
        raise Conflict("roster_changed")
    link.class_group_id = class_group_id
    kept = session.get(LtiRoster, link.id)
    if kept is None:
        kept = LtiRoster(link_id=link.id)
        session.add(kept)
    kept.confirmed_by_id, kept.confirmed_at = actor.user_id, now
    lti_roster_steps.carry_out(session, link, roster, found, now, by_id=actor.user_id)
    for one in found.steps:
        if one.step is Step.MAY_TUTOR and one.member.subject in tutors and one.login is not None:
            classgroups.appoint(session, actor, class_group_id, one.login)
    _read(link, kept, roster, now)
    return found


def end(session: Session, actor: Actor, link_id: int) -> None:
    """Keep a class group in step with a roster no longer; everybody stays where they are.

    Raises:
        NotAllowed, NotFound: as `source_of`.
    """
    link = _locked(session, _link(session, actor, link_id).id)
    link.class_group_id = None
    session.execute(delete(LtiMember).where(LtiMember.link_id == link.id))
    session.execute(delete(LtiRoster).where(LtiRoster.link_id == link.id))
    session.flush()


def waiting(session: Session, link_id: int) -> list[LtiMember]:
    """Members of a confirmed roster who are nobody here until their first launch, by name.

    The caller has shown to answer for the link (`links`).
    """
    rows = session.execute(lti_roster_steps.UNKNOWN.where(LtiMember.link_id == link_id))
    return [row[0] for row in rows]


# --- refreshing ------------------------------------------------------------------------------------------------------


def due(session: Session, now: datetime, every: timedelta) -> list[int]:
    """The links whose rosters are to be read again; none of a platform that an admin has paused."""
    rows = (
        select(LtiRoster.link_id)
        .join(LtiLink, LtiLink.id == LtiRoster.link_id)
        .join(Platform, Platform.id == LtiLink.platform_id)
        .where(LtiLink.class_group_id.is_not(None), LtiLink.memberships_url.is_not(None))
        .where(Platform.is_paused.is_(False))
        .where(LtiRoster.tried_at.is_(None) | (LtiRoster.tried_at <= now - every))
        .order_by(LtiRoster.link_id)
    )
    return list(session.scalars(rows))


def claim(session: Session, link_id: int, now: datetime, every: timedelta) -> Source | None:
    """Take a roster that is due, so that no other worker reads it too; None where another one has."""
    kept = session.scalar(
        select(LtiRoster)
        .where(LtiRoster.link_id == link_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if kept is None or (kept.tried_at is not None and kept.tried_at > now - every):
        return None
    link = session.get_one(LtiLink, link_id)
    if link.memberships_url is None:
        return None
    kept.tried_at = now
    is_whole = kept.whole_at is None or kept.whole_at <= now - WHOLE_EVERY
    key = session.get_one(Platform, link.platform_id).key
    return Source(key, link.memberships_url, None if is_whole else kept.differences_url)


def refresh(session: Session, link_id: int, roster: Roster, now: datetime) -> RosterPlan | None:
    """Carry out what has changed in a confirmed roster; None where it is not kept in step with any more.

    Raises:
        RosterShrank: more have left than a refresh lets go by itself; nothing was changed.
    """
    link = _locked(session, link_id)
    kept = session.get(LtiRoster, link_id, populate_existing=True)
    if kept is None or link.class_group_id is None:
        return None
    access.lock_programme(session, link.programme_id)
    _lock_groups(session, link, link.class_group_id)
    found = lti_roster_plan.plan(session, link, link.class_group_id, roster, now)
    members = lti_roster_steps.count_active(session, link_id)
    if found.leaving > max(FEW_LEAVING, members // 2):
        raise RosterShrank(leaving=found.leaving, members=members)
    lti_roster_steps.carry_out(session, link, roster, found, now, by_id=None)
    _read(link, kept, roster, now)
    return found


def note_failure(session: Session, link_id: int, words: str) -> None:
    """Keep why a roster was not read, or not carried out, for admins to see."""
    kept = session.get(LtiRoster, link_id)
    if kept is not None:
        kept.failure_words = words[:WORDS_LIMIT]


def _read(link: LtiLink, kept: LtiRoster, roster: Roster, now: datetime) -> None:
    link.roster_read_at = kept.tried_at = now
    kept.differences_url, kept.failure_words = roster.differences_url, None
    if roster.is_whole:
        kept.whole_at = now


def _link(session: Session, actor: Actor, link_id: int) -> LtiLink:
    access.require_whole_office(actor)
    link = session.get(LtiLink, link_id)
    if link is None or link.memberships_url is None:
        raise NotFound(what="link")
    return link


def _locked(session: Session, link_id: int) -> LtiLink:
    return session.scalars(
        select(LtiLink).where(LtiLink.id == link_id).with_for_update().execution_options(populate_existing=True)
    ).one()


def _lock_groups(session: Session, link: LtiLink, class_group_id: int) -> None:
    """Lock the class group, and those into which members who have withdrawn would come back."""
    theirs = (
        select(Enrolment.class_group_id)
        .join(PlatformAccount, PlatformAccount.user_id == Enrolment.user_id)
        .join(LtiMember, LtiMember.subject == PlatformAccount.subject)
        .where(PlatformAccount.platform_id == link.platform_id, LtiMember.link_id == link.id)
        .where(Enrolment.programme_id == link.programme_id, Enrolment.state == WITHDRAWN)
    )
    lock_groups(session, {class_group_id, *session.scalars(theirs)})


def _check_group(session: Session, link: LtiLink, class_group_id: int) -> None:
    group = session.get(ClassGroup, class_group_id)
    if group is None or group.programme_id != link.programme_id:
        raise NotFound(what="class_group")
