"""The trail: everything that a tutor did, written with the deed itself and never changed.

Whoever lets a tutor do something calls `note_action` in the same transaction. What each kind says is in
http/trail_wording.py; one that it does not know is shown by its name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, true
from sqlalchemy.orm import Session, aliased

from lms_plugin.services import access
from lms_plugin.services.access import Actor, Scope
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.tutoring import TrailEntry

FILM_RELEASED, HOMEWORK_MARKED, DISPUTE_PROPOSED = "film_released", "homework_marked", "dispute_proposed"
POST_WRITTEN, MEETING_PLANNED, LIST_CONFIRMED = "post_written", "meeting_planned", "list_confirmed"
MARKED_PRESENT, MARKED_ABSENT = "marked_present", "marked_absent"
MESSAGE_SENT, NOTE_WRITTEN, BRIEF_SENT = "message_sent", "note_written", "brief_sent"
SUBSTITUTE_GIVEN, SUBSTITUTE_ENDED = "substitute_given", "substitute_ended"
POST_MARKED, QUESTION_ANSWERED, QUESTIONS_MERGED = "post_marked", "question_answered", "questions_merged"
FAQ_PROMOTED, FAQ_WITHDRAWN = "faq_promoted", "faq_withdrawn"
MEETING_CHANGED, MEETING_CANCELLED, NOTES_PUBLISHED = "meeting_changed", "meeting_cancelled", "notes_published"
SESSION_QUESTION_ANSWERED = "session_question_answered"
TUTOR_APPOINTED, TUTOR_DISMISSED = "tutor_appointed", "tutor_dismissed"

FETCHED_AT_ONCE = 1000

_Principal = aliased(User, name="principal")
_Learner = aliased(User, name="learner")
_Other = aliased(Enrolment, name="in_group")


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries are wanted: of a kind, by an account, of a class group, from and before an instant."""

    kind: str = ""
    login: str = ""
    class_group_id: int | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """An entry of the trail with the names that go with it (None: it is about nobody in particular)."""

    row: TrailEntry
    actor_name: str
    on_behalf_of: str | None
    group_name: str | None
    learner_name: str | None


def note_action(
    session: Session,
    actor: Actor,
    kind: str,
    about: str,
    enrolment_id: int | None,
    now: datetime,
    *,
    class_group_id: int | None = None,
    **params: object,
) -> None:
    """Write down what an actor did, part of the caller's transaction.

    `about` is the object, as "message/12"; `params` are values of JSON. The class group is the enrolment's where none
    is named; whoever stands in there acts on the behalf of the tutor they stand in for.
    """
    if class_group_id is None and enrolment_id is not None:
        class_group_id = session.get_one(Enrolment, enrolment_id).class_group_id
    session.add(_entry(actor, kind, about, enrolment_id, class_group_id, now, params))


def note_each(
    session: Session,
    actor: Actor,
    kind: str,
    about: str,
    enrolment_ids: Sequence[int],
    now: datetime,
    **params: object,
) -> None:
    """`note_action` of the same deed about many learners, in two statements."""
    wanted = sorted(set(enrolment_ids))
    groups = session.execute(
        select(Enrolment.id, Enrolment.class_group_id).where(Enrolment.id.in_(wanted)).order_by(Enrolment.id)
    ).all()
    session.add_all(_entry(actor, kind, about, one, group_id, now, params) for one, group_id in groups)


def _entry(
    actor: Actor,
    kind: str,
    about: str,
    enrolment_id: int | None,
    class_group_id: int | None,
    now: datetime,
    params: dict[str, object],
) -> TrailEntry:
    return TrailEntry(
        happened_at=now,
        actor_id=actor.user_id,
        on_behalf_of_id=actor.stands_in_for(class_group_id),
        kind=kind,
        about=about,
        class_group_id=class_group_id,
        enrolment_id=enrolment_id,
        params=params,
    )


def own(
    session: Session, actor: Actor, sought: Sought, *, below: int | None = None, limit: int | None = None
) -> Iterator[Deed]:
    """What the actor did, and what others did on their behalf; the newest first, those with ids under `below`.

    Raises:
        NotAllowed: the person is no tutor.
    """
    access.require_tutor(actor)
    mine = or_(TrailEntry.actor_id == actor.user_id, TrailEntry.on_behalf_of_id == actor.user_id)
    return _read(session, mine, sought, below, limit)


def for_office(
    session: Session, actor: Actor, sought: Sought, *, below: int | None = None, limit: int | None = None
) -> Iterator[Deed]:
    """What was done about learners that an office admin answers for, and for class groups of none but such learners.

    Raises:
        NotAllowed: the person is no office admin.
    """
    return _read(session, _inside(access.office_scope(actor)), sought, below, limit)


def of_enrolment(session: Session, enrolment_id: int, *, limit: int = 50) -> Sequence[Deed]:
    """What was done about one learner, the newest first; the caller has checked who may see it."""
    return list(_read(session, TrailEntry.enrolment_id == enrolment_id, Sought(), None, limit))


def _inside(scope: Scope) -> ColumnElement[bool]:
    if scope.region_ids is None:
        return true()
    of_learner = and_(TrailEntry.enrolment_id.is_not(None), access.in_scope(scope, Enrolment.region_id))
    # By way of the programme, which the index of enrolments begins with.
    in_group = and_(_Other.programme_id == ClassGroup.programme_id, _Other.class_group_id == TrailEntry.class_group_id)
    inside = access.in_scope(scope, _Other.region_id)
    foreign = exists().where(in_group, _Other.region_id.is_(None) | ~inside)
    of_group = TrailEntry.enrolment_id.is_(None) & exists().where(in_group, inside) & ~foreign
    return or_(of_learner, of_group)


def _read(
    session: Session, visible: ColumnElement[bool], sought: Sought, below: int | None, limit: int | None
) -> Iterator[Deed]:
    query: Select[Any] = (
        select(TrailEntry, User.name, _Principal.name, ClassGroup.name, _Learner.name)
        .join(User, User.id == TrailEntry.actor_id)
        .outerjoin(_Principal, _Principal.id == TrailEntry.on_behalf_of_id)
        .outerjoin(ClassGroup, ClassGroup.id == TrailEntry.class_group_id)
        .outerjoin(Enrolment, Enrolment.id == TrailEntry.enrolment_id)
        .outerjoin(_Learner, _Learner.id == Enrolment.user_id)
        .where(visible)
        .order_by(TrailEntry.id.desc())
        .limit(limit)
        .execution_options(yield_per=FETCHED_AT_ONCE)
    )
    if sought.kind:
        query = query.where(TrailEntry.kind == sought.kind)
    if sought.login:
        query = query.where(User.login == sought.login)
    if sought.class_group_id is not None:
        query = query.where(TrailEntry.class_group_id == sought.class_group_id)
    if sought.since is not None:
        query = query.where(TrailEntry.happened_at >= sought.since)
    if sought.before is not None:
        query = query.where(TrailEntry.happened_at < sought.before)
    if below is not None:
        query = query.where(TrailEntry.id < below)
    return (Deed(*row) for row in session.execute(query))
