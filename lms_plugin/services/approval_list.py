"""The office's list of school-based activities: what waits, for whom, and what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import school_activities
from lms_plugin.domain.programme import Text
from lms_plugin.domain.school_activities import APPROVED, REFUSED, RETURNED, SCHOOL_APPROVED, SUBMITTED
from lms_plugin.services import access, approvals, attachments, catalogue
from lms_plugin.services.access import Actor
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Attachment, SchoolActivity

STATES = {
    "waiting": (SUBMITTED, SCHOOL_APPROVED),
    "approved": (APPROVED,),
    "returned": (RETURNED,),
    "refused": (REFUSED,),
}


@dataclass(frozen=True, slots=True)
class ListedActivity:
    """An activity as the office sees it; `next_level` is who decides next, `may_decide` whether the actor does."""

    row: SchoolActivity
    learner_name: str
    region_name: str | None
    programme_title: Text
    timezone: str
    next_level: str | None
    may_decide: bool
    files: Sequence[Attachment]


def listed(
    session: Session, actor: Actor, *, state: str = "waiting", after: int = 0, limit: int = 50
) -> list[ListedActivity]:
    """The activities of the actor's regions in one of `STATES`, by id, those above `after`.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    rows = session.scalars(
        select(SchoolActivity)
        .where(SchoolActivity.state.in_(STATES[state]), SchoolActivity.id > after)
        .where(access.in_scope(scope, SchoolActivity.region_id))
        .order_by(SchoolActivity.id)
        .limit(limit)
    ).all()
    return shown(session, actor, rows)


def shown(session: Session, actor: Actor, rows: Sequence[SchoolActivity]) -> list[ListedActivity]:
    """These activities as the office sees them; the caller has checked who may."""
    levels = approvals.Levels(session)
    scope = access.office_scope(actor)
    powers = approvals.powers(session, scope, {row.region_id for row in rows})
    files = attachments.of_owners(session, [approvals.source_of(row.id) for row in rows])
    names = dict(
        session.execute(select(User.id, User.name).where(User.id.in_({row.user_id for row in rows}))).tuples().all()
    )
    wanted = {row.region_id for row in rows if row.region_id is not None}
    regions = dict(session.execute(select(Region.id, Region.name).where(Region.id.in_(wanted))).tuples().all())
    enrolments = {
        one.id: one
        for one in session.scalars(select(Enrolment).where(Enrolment.id.in_({row.enrolment_id for row in rows})))
    }
    found = []
    for row in rows:
        enrolment = enrolments[row.enrolment_id]
        programme = catalogue.for_enrolment(session, enrolment, row.starts_at).programme
        needed = levels.of(enrolment.programme_id, enrolment.variant, row.starts_at, row.component_key)
        level = school_activities.next_level(row.state, needed)
        found.append(
            ListedActivity(
                row=row,
                learner_name=names[row.user_id],
                region_name=regions.get(row.region_id) if row.region_id is not None else None,
                programme_title=programme.title,
                timezone=programme.window.timezone,
                next_level=level,
                may_decide=level is not None and row.user_id != actor.user_id and level in powers[row.region_id],
                files=files[approvals.source_of(row.id)],
            )
        )
    return found


def may_revoke(session: Session, actor: Actor, row: SchoolActivity) -> bool:
    """Whether the actor can take back an approval."""
    last = (approvals.levels_of(session, row) or (school_activities.COUNTY,))[-1]
    powers = approvals.powers(session, access.office_scope(actor), {row.region_id})
    return row.state == APPROVED and row.user_id != actor.user_id and last in powers[row.region_id]


def names_of_approvers(session: Session, row: SchoolActivity) -> list[tuple[str, str, str]]:
    """(level, name, moment as ISO text) of each approval, in order."""
    given = row.approvals["by"]
    names = dict(
        session.execute(select(User.id, User.name).where(User.id.in_([one["by"] for one in given]))).tuples().all()
    )
    return [(one["level"], names[one["by"]], one["at"]) for one in given]
