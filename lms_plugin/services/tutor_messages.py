"""Messages of a tutor to learners of a class group: each kept, told in the page and by e-mail, and never sent twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lms_plugin.domain import message_text
from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.message_text import BEHIND, HOURS, MISSING, NAME
from lms_plugin.services import access, notices, oversight
from lms_plugin.services.access import Actor
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.oversight import GroupOverview, LearnerOverview
from lms_plugin.services.trail import MESSAGE_SENT, note_action
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.tutoring import MessageRecipient, TutorMessage

LONGEST_TITLE = 100
LONGEST_BODY = 2000
LISTED = 50
MESSAGE, BRIEF = "message", "brief"
NOTICE = "tutor_message"


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message about to be sent. `once` names the form it comes from: one form sends one message."""

    title: str
    body: str
    once: str
    kind: str = MESSAGE


@dataclass(frozen=True, slots=True)
class Filled:
    """A message as one learner gets it."""

    enrolment_id: int
    user_id: int
    name: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that was sent, with how many got it and how many of them have opened it."""

    row: TutorMessage
    author_name: str
    recipients: int
    read: int


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as a learner got it."""

    row: MessageRecipient
    message: TutorMessage
    author_name: str


def filled(
    session: Session, actor: Actor, class_group_id: int, enrolment_ids: Sequence[int], new: NewMessage, now: datetime
) -> list[Filled]:
    """A message as each of these learners would get it, by name; callers settle what was watched first.

    Raises:
        NotFound: the actor does not tutor the group, or one of the learners is not in it.
        Malformed: `title_missing`, `title_too_long`, `body_missing`, `body_too_long` (longest), `unknown_placeholder`
            (words), `no_recipients`.
    """
    overview = oversight.group_overview(session, actor, class_group_id, now)
    title, body = _checked(new)
    by_id = {one.enrolment_id: one for one in overview.learners}
    wanted = set(enrolment_ids)
    if not wanted:
        raise Malformed("no_recipients")
    if not wanted <= by_id.keys():
        raise NotFound(what="enrolment")
    found = []
    for one in overview.learners:
        if one.enrolment_id in wanted:
            values = _values(overview, one)
            texts = message_text.fill(title, values)[:LONGEST_TITLE], message_text.fill(body, values)
            found.append(Filled(one.enrolment_id, one.user_id, one.name, *texts))
    return found


def send(
    session: Session, actor: Actor, class_group_id: int, enrolment_ids: Sequence[int], new: NewMessage, now: datetime
) -> tuple[int, bool]:
    """Send a message; gives its id, and whether this call sent it: what the same form sent before stays as it is.

    Raises:
        NotFound, Malformed: as `filled`.
    """
    texts = filled(session, actor, class_group_id, enrolment_ids, new, now)
    title, body = _checked(new)
    return deliver(session, actor, class_group_id, new.kind, title, body, new.once, texts, now)


def deliver(
    session: Session,
    actor: Actor,
    class_group_id: int,
    kind: str,
    title: str,
    body: str,
    once: str,
    texts: Sequence[Filled],
    now: datetime,
) -> tuple[int, bool]:
    """Keep a message and tell everybody of it, unless this form was sent before; the caller has checked everything."""
    message_id = session.scalar(
        _new(session)
        .values(
            class_group_id=class_group_id,
            kind=kind,
            author_id=actor.user_id,
            on_behalf_of_id=actor.stands_in_for(class_group_id),
            once=once,
            title=title,
            body=body,
            sent_at=now,
        )
        .on_conflict_do_nothing()
        .returning(TutorMessage.id)
    )
    if message_id is None:
        known = select(TutorMessage.id).where(TutorMessage.author_id == actor.user_id, TutorMessage.once == once)
        return session.scalars(known).one(), False
    session.execute(
        insert(MessageRecipient),
        [
            {"enrolment_id": one.enrolment_id, "message_id": message_id, "title": one.title, "body": one.body}
            for one in texts
        ],
    )
    told = [
        NewNotice(
            one.user_id,
            NOTICE,
            f"message/{message_id}",
            {"tutor": actor.name, "title": one.title, "text": one.body},
            f"/enrolments/{one.enrolment_id}/messages#message-{message_id}",
        )
        for one in texts
    ]
    notices.tell_many(session, told, now)
    figures = {"title": title, "number": len(texts)}
    note_action(
        session, actor, MESSAGE_SENT, f"message/{message_id}", None, now, class_group_id=class_group_id, **figures
    )
    return message_id, True


def sent_to_group(session: Session, actor: Actor, class_group_id: int) -> list[SentMessage]:
    """The latest messages of all tutors to learners of a class group that the actor tutors, the newest first.

    Raises:
        NotFound: they do not, or there is none.
    """
    access.tutored_group(session, actor, class_group_id)
    rows = session.execute(
        select(TutorMessage, User.name)
        .join(User, User.id == TutorMessage.author_id)
        .where(TutorMessage.class_group_id == class_group_id)
        .order_by(TutorMessage.id.desc())
        .limit(LISTED)
    ).all()
    ids = [row.id for row, _ in rows]
    counted = dict(
        session.execute(
            select(MessageRecipient.message_id, func.count())
            .where(MessageRecipient.message_id.in_(ids))
            .group_by(MessageRecipient.message_id)
        )
        .tuples()
        .all()
    )
    abouts = {f"message/{one}": one for one in ids}
    read = {
        abouts[about]: number
        for about, number in session.execute(
            select(Notice.about, func.count())
            .where(Notice.kind == NOTICE, Notice.about.in_(abouts), Notice.read_at.is_not(None))
            .where(
                Notice.user_id.in_(
                    select(Enrolment.user_id)
                    .join(MessageRecipient, MessageRecipient.enrolment_id == Enrolment.id)
                    .where(MessageRecipient.message_id.in_(ids))
                )
            )
            .group_by(Notice.about)
        )
    }
    return [SentMessage(row, name, counted.get(row.id, 0), read.get(row.id, 0)) for row, name in rows]


def recipients_of(session: Session, message_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of who got each message; the caller has checked who may see them."""
    rows = session.execute(
        select(MessageRecipient.message_id, User.name)
        .join(Enrolment, Enrolment.id == MessageRecipient.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(MessageRecipient.message_id.in_(message_ids))
        .order_by(User.name, User.login)
    )
    found: dict[int, list[str]] = {}
    for message_id, name in rows:
        found.setdefault(message_id, []).append(name)
    return found


def of_enrolment(session: Session, enrolment_id: int) -> list[ReceivedMessage]:
    """The latest messages to a learner, as they got them, the newest first; the caller has checked who may see them."""
    rows = session.execute(
        select(MessageRecipient, TutorMessage, User.name)
        .join(TutorMessage, TutorMessage.id == MessageRecipient.message_id)
        .join(User, User.id == TutorMessage.author_id)
        .where(MessageRecipient.enrolment_id == enrolment_id)
        .order_by(MessageRecipient.message_id.desc())
        .limit(LISTED)
    )
    return [ReceivedMessage(*row) for row in rows]


def _checked(new: NewMessage) -> tuple[str, str]:
    title, body = " ".join(new.title.split()), new.body.strip()
    for name, text, longest in (("title", title, LONGEST_TITLE), ("body", body, LONGEST_BODY)):
        if not text:
            raise Malformed(f"message_{name}_missing", field=name)
        if len(text) > longest:
            raise Malformed(f"message_{name}_too_long", field=name, longest=longest)
        unknown = message_text.unknown_in(text)
        if unknown:
            raise Malformed("unknown_placeholder", field=name, words=unknown)
    return title, body


def _values(overview: GroupOverview, learner: LearnerOverview) -> Mapping[str, str]:
    per_hour = overview.programme.class_hour_ms
    total = learner.hours.total
    return {
        NAME: learner.name,
        HOURS: _figure(total.credited_class_hours),
        MISSING: _figure(total.remaining_class_hours),
        BEHIND: _figure(class_hours(learner.keeping.short_ms, per_hour, rounding="ROUND_UP")),
    }


def _figure(value: Any) -> str:
    return f"{value.normalize():f}"


def _new(session: Session) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(TutorMessage)
