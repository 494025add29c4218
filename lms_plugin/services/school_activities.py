"""School-based activities as learners hand them in: what is taken, changed, and handed in again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import school_activities
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.modes import ComponentKind, SchoolActivityKind
from lms_plugin.domain.programme import Component, Programme
from lms_plugin.domain.school_activities import RETURNED, SUBMITTED, HandedIn
from lms_plugin.services import access, attachments, catalogue
from lms_plugin.services.access import Actor
from lms_plugin.services.approvals import approve_many as approve_many
from lms_plugin.services.approvals import source_of as source_of
from lms_plugin.services.attachments import Folder, NewFile
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import SchoolActivity


@dataclass(frozen=True, slots=True)
class ActivityForm:
    """What a learner says of an activity; times are aware, None where none was given."""

    kind: str
    title: str
    text: str
    starts_at: datetime | None
    ends_at: datetime | None


def component_for(programme: Programme, kind: str) -> Component | None:
    """The component that an activity of this kind belongs to: the first that counts it, else the first there is."""
    found = [one for one in programme.components if one.kind is ComponentKind.SCHOOL_BASED]
    known = kind in [one.value for one in SchoolActivityKind]
    counting = [one for one in found if known and one.study.activity(SchoolActivityKind(kind)) is not None]
    return next(iter(counting or found), None)


def hand_in(
    session: Session,
    actor: Actor,
    enrolment_id: int,
    form: ActivityForm,
    *,
    files: Sequence[NewFile] = (),
    folder: Folder | None = None,
    now: datetime,
) -> SchoolActivity:
    """Hand in an activity with its evidence; it waits for the school, or counts at once where nobody approves.

    Raises:
        NotFound: the enrolment is not the actor's.
        Conflict: `no_school_based_study`, or the learner has withdrawn (`enrolment_withdrawn`).
        Malformed: `activity_faulty` with `faults`, each a mapping with field, code and figures.
    """
    enrolment = access.own_enrolment(session, actor, enrolment_id)
    component = _checked(session, enrolment, form, files, kept=0, now=now)
    user = session.get_one(User, actor.user_id)
    row = SchoolActivity(
        enrolment_id=enrolment.id,
        user_id=actor.user_id,
        region_id=user.region_id,
        component_key=component.key,
        approvals={"by": []},
    )
    _fill(row, form, now)
    session.add(row)
    session.flush()
    _attach(session, folder, row, files, now)
    return row


def change(
    session: Session,
    actor: Actor,
    activity_id: int,
    form: ActivityForm,
    *,
    files: Sequence[NewFile] = (),
    without: Sequence[int] = (),
    folder: Folder | None = None,
    now: datetime,
) -> SchoolActivity:
    """Hand in an activity again, changed: one that was returned, or that nobody has looked at yet.

    `without` names attachments to take away. All approvals are needed anew.

    Raises:
        NotFound: it is not the actor's.
        Conflict: it is decided or under way (`activity_not_open`), or as for `hand_in`.
        Malformed: as for `hand_in`.
    """
    row = own_activity(session, actor, activity_id, lock=True)
    if row.state not in (SUBMITTED, RETURNED):
        raise Conflict("activity_not_open")
    enrolment = session.get_one(Enrolment, row.enrolment_id)
    kept = sum(one.id not in without for one in attachments.of_owner(session, source_of(row.id)))
    component = _checked(session, enrolment, form, files, kept=kept, now=now)
    attachments.remove(session, source_of(row.id), without)
    row.component_key, row.approvals = component.key, {"by": []}
    row.region_id = session.get_one(User, actor.user_id).region_id
    _fill(row, form, now)
    session.flush()
    _attach(session, folder, row, files, now)
    return row


def of_enrolment(session: Session, enrolment_id: int) -> list[SchoolActivity]:
    """The activities of an enrolment, those that took place last first; the caller has checked who may see them."""
    return list(
        session.scalars(
            select(SchoolActivity)
            .where(SchoolActivity.enrolment_id == enrolment_id)
            .order_by(SchoolActivity.starts_at.desc(), SchoolActivity.id.desc())
        )
    )


def own_activity(session: Session, actor: Actor, activity_id: int, *, lock: bool = False) -> SchoolActivity:
    """An activity that the actor handed in.

    Raises:
        NotFound: somebody else did, or there is none.
    """
    row = session.get(SchoolActivity, activity_id, with_for_update=lock or None)
    if row is None or row.user_id != actor.user_id:
        raise NotFound(what="activity")
    return row


def _checked(
    session: Session, enrolment: Enrolment, form: ActivityForm, files: Sequence[NewFile], *, kept: int, now: datetime
) -> Component:
    """The component that the activity belongs to, once all of it is in order."""
    if enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")
    programme = catalogue.for_enrolment(session, enrolment, form.starts_at or now).programme
    component = component_for(programme, form.kind)
    if component is None:
        raise Conflict("no_school_based_study")
    handed_in = HandedIn(form.kind, form.title, form.text, form.starts_at, form.ends_at, kept + len(files))
    faults: list[dict[str, object]] = [
        {"field": fault.part, "code": fault.code, **fault.params}
        for fault in school_activities.faults_of(handed_in, component.study, programme.window, now)
    ]
    faults += [
        {"field": "files", "code": fault.code, "name": fault.name}
        for fault in attachments.faults_of(files, already=kept)
    ]
    if faults:
        raise Malformed("activity_faulty", faults=faults)
    return component


def _fill(row: SchoolActivity, form: ActivityForm, now: datetime) -> None:
    if form.starts_at is None or form.ends_at is None:
        raise AssertionError("unreachable")
    row.activity, row.title, row.text = form.kind, form.title.strip(), form.text.strip()
    row.starts_at, row.ends_at = form.starts_at, form.ends_at
    row.state, row.reason, row.submitted_at, row.decided_at = SUBMITTED, "", now, None


def _attach(
    session: Session, folder: Folder | None, row: SchoolActivity, files: Sequence[NewFile], now: datetime
) -> None:
    if files:
        if folder is None:
            raise ValueError("files need a folder to be kept in")
        attachments.attach(session, folder, source_of(row.id), row.user_id, files, now)
