"""Discussion: threads and posts per module, judged by the programme's rule when they are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, func, or_, select
from sqlalchemy.orm import Session

from lms_plugin.domain import discussion
from lms_plugin.domain.discussion import EarlierPost, Judgement, OthersPost, PostReason
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import MINUTE_MS, ComponentKind
from lms_plugin.services import access, catalogue, repeats
from lms_plugin.services.access import Actor, Place
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import Credit, Entering, enter_many, lock_ledgers
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow

MAX_TITLE = 200
MAX_BODY = 20_000


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """A thread in a list: who began it, how many posts it has, when the last one was written."""

    id: int
    title: str
    author_name: str
    created_at: datetime
    posts: int
    last_post_at: datetime


@dataclass(frozen=True, slots=True)
class PostView:
    """A post as readers see it; `judgement` only for the author and the group's tutors, else None."""

    id: int
    author_id: int
    author_name: str
    is_tutor: bool
    body: str
    reply_to_id: int | None
    created_at: datetime
    judgement: Judgement | None


def threads(
    session: Session, actor: Actor, module_id: int, *, before: int | None = None, limit: int = 30
) -> list[ThreadSummary]:
    """Threads of a module that the actor may see, newest first; those with an id below `before`.

    Raises:
        NotFound: the actor has no place in the module.
    """
    place = access.place_in_module(session, actor, module_id)
    groups = [group for group in place.class_group_ids if group is not None]
    without_group = Thread.class_group_id.is_(None) if None in place.class_group_ids else false()
    visible = or_(Thread.class_group_id.in_(groups), without_group)
    query = (
        select(Thread, User.name, func.count(Post.id), func.max(Post.created_at))
        .join(User, User.id == Thread.author_id)
        .join(Post, Post.thread_id == Thread.id)
        .where(Thread.module_id == place.module.id, visible)
        .group_by(Thread.id, User.name)
        .order_by(Thread.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Thread.id < before)
    return [
        ThreadSummary(thread.id, thread.title, name, thread.created_at, posts, last_post_at)
        for thread, name, posts, last_post_at in session.execute(query)
    ]


def posts(
    session: Session, actor: Actor, thread_id: int, *, after: int = 0, limit: int = 100
) -> tuple[Thread, list[PostView]]:
    """A thread with its posts in order, those with an id above `after`.

    Raises:
        NotFound: the actor may not see the thread, or there is none.
    """
    thread, place = access.visible_thread(session, actor, thread_id)
    rows = session.execute(
        select(Post, User.name)
        .join(User, User.id == Post.author_id)
        .where(Post.thread_id == thread.id, Post.id > after)
        .order_by(Post.id)
        .limit(limit)
    )
    shows_all = place.enrolment is None
    return thread, [
        PostView(
            id=post.id,
            author_id=post.author_id,
            author_name=name,
            is_tutor=post.enrolment_id is None,
            body=post.body,
            reply_to_id=post.reply_to_id,
            created_at=post.created_at,
            judgement=_read_judgement(post.judgement) if shows_all or post.author_id == actor.user_id else None,
        )
        for post, name in rows
    ]


def start_thread(
    session: Session,
    actor: Actor,
    module_id: int,
    *,
    title: str,
    body: str,
    now: datetime,
    class_group_id: int | None = None,
) -> tuple[Thread, Post]:
    """Begin a thread with its first post, in the learner's own class group or one that a tutor names.

    Raises:
        NotFound: the actor has no place in the module, or does not tutor that group.
        Malformed: title or body is empty or too long.
        Conflict: the learner has withdrawn from the programme (`enrolment_withdrawn`).
    """
    place = access.place_in_module(session, actor, module_id)
    _check_takes_part(place)
    title = _checked(title, "title", MAX_TITLE)
    body = _checked(body, "body", MAX_BODY)
    group = place.class_group_ids[0]
    if place.enrolment is None and class_group_id is not None:
        if class_group_id not in place.class_group_ids:
            raise NotFound(what="class_group")
        group = class_group_id
    thread = Thread(
        module_id=place.module.id, class_group_id=group, author_id=actor.user_id, title=title, created_at=now
    )
    session.add(thread)
    session.flush()
    return thread, _write_all(session, thread, [_Writing(actor, place, body, actor.user_id)], now)[0]


def reply(session: Session, actor: Actor, thread_id: int, *, body: str, reply_to_id: int | None, now: datetime) -> Post:
    """Write a post in a thread, as an answer to another one or to the thread.

    Raises:
        NotFound: the actor may not see the thread, or the post answered is not in it.
        Malformed: the body is empty or too long.
        Conflict: the learner has withdrawn from the programme (`enrolment_withdrawn`).
    """
    thread, place = access.visible_thread(session, actor, thread_id)
    _check_takes_part(place)
    body = _checked(body, "body", MAX_BODY)
    answered = _answered_author(session, thread, reply_to_id)
    return _write_all(session, thread, [_Writing(actor, place, body, answered, reply_to_id)], now)[0]


def preview(
    session: Session,
    actor: Actor,
    module_id: int,
    *,
    body: str,
    now: datetime,
    thread_id: int | None = None,
    reply_to_id: int | None = None,
) -> Judgement:
    """What the rule would say of a post, without writing it: of a new thread's first, or one in the thread named.

    Raises:
        NotFound: the actor has no place in the module, may not see the thread, or the post answered is not in it.
        Malformed: the body is empty or too long.
        Conflict: the learner has withdrawn from the programme (`enrolment_withdrawn`).
    """
    place = access.place_in_module(session, actor, module_id)
    _check_takes_part(place)
    current = _current(session, place, now)
    checked = _checked(body, "body", MAX_BODY)
    answered = actor.user_id
    if thread_id is not None:
        thread, _ = access.visible_thread(session, actor, thread_id)
        answered = _answered_author(session, thread, reply_to_id)
    writing = _Writing(actor, place, checked, answered, reply_to_id)
    mine = place.enrolment
    earlier = _earlier(session, [mine.id])[mine.id] if mine is not None else []
    others: list[OthersPost] = []
    if _is_judged(place, current):
        others = repeats.said_before(session, place.module.programme_id, [checked]).near(checked, actor.user_id)
    return _judge(writing, current, earlier, others, now)


def judgement_of(post: Post) -> Judgement:
    """What the rule said of a post when it was written."""
    return _read_judgement(post.judgement)


@dataclass(frozen=True, slots=True)
class Reply:
    """A learner's reply, for `reply_many`."""

    actor: Actor
    enrolment: Enrolment
    body: str


def reply_many(session: Session, thread_id: int, replies: Sequence[Reply], now: datetime) -> list[Post]:
    """`reply` of several learners in one thread at the same moment, in few statements; gives the posts in order.

    Raises:
        NotFound: one of them is not of the thread's class group and programme.
        Malformed, Conflict: as `reply`; nothing was written.
    """
    thread = session.get(Thread, thread_id)
    module = session.get(ModuleRow, thread.module_id) if thread is not None else None
    if thread is None or module is None:
        raise NotFound(what="thread")
    writings = []
    for one in replies:
        mine = one.enrolment
        if (mine.user_id, mine.programme_id, mine.class_group_id) != (
            one.actor.user_id,
            module.programme_id,
            thread.class_group_id,
        ):
            raise NotFound(what="thread")
        place = Place(module, mine, (mine.class_group_id,))
        _check_takes_part(place)
        writings.append(_Writing(one.actor, place, _checked(one.body, "body", MAX_BODY), thread.author_id))
    return _write_all(session, thread, writings, now)


@dataclass(frozen=True, slots=True)
class _Writing:
    """A post about to be written; `answered_id` is the user whom it answers, its own author where that is nobody."""

    actor: Actor
    place: Place
    body: str
    answered_id: int
    reply_to_id: int | None = None

    @property
    def is_reply(self) -> bool:
        return self.answered_id != self.actor.user_id


def _write_all(session: Session, thread: Thread, writings: Sequence[_Writing], now: datetime) -> list[Post]:
    """Write posts in a thread, each judged by what was written before in the programme, and enter what they earn."""
    if not writings:
        return []
    mine = {one.place.enrolment.id: one.place.enrolment for one in writings if one.place.enrolment is not None}
    # Two posts of one learner at the same moment must see each other, or both would pass a cap.
    lock_ledgers(session, mine)
    said = repeats.said_before(
        session, writings[0].place.module.programme_id, [one.body for one in writings], for_writing=True
    )
    earlier = _earlier(session, list(mine))
    versions: dict[tuple[int, str], InForce] = {}
    posts, earning = [], []
    for one in writings:
        enrolment = one.place.enrolment
        key = (one.place.module.programme_id, enrolment.variant if enrolment is not None else "")
        if key not in versions:
            versions[key] = _current(session, one.place, now)
        current = versions[key]
        before = earlier[enrolment.id] if enrolment is not None else []
        others = said.near(one.body, one.actor.user_id) if _is_judged(one.place, current) else []
        judgement = _judge(one, current, before, others, now)
        before.append(EarlierPost(one.body, one.place.module.key, now, judgement.counts))
        post = Post(
            thread_id=thread.id,
            author_id=one.actor.user_id,
            enrolment_id=enrolment.id if enrolment is not None else None,
            reply_to_id=one.reply_to_id,
            body=one.body,
            created_at=now,
            counts=judgement.counts,
            judgement=_write_judgement(judgement),
        )
        session.add(post)
        said.add(post)
        posts.append(post)
        component = current.programme.component_of(ComponentKind.DISCUSSION)
        if judgement.counts and enrolment is not None and component is not None:
            minutes = current.programme.discussion.minutes_of(judgement.is_reply)
            earning.append((post, enrolment.id, current, component.key, minutes, one.place.module.key))
    session.flush()
    said.keep(posts)
    enter_many(
        session,
        [
            Entering(
                enrolment_id,
                current,
                Credit(
                    component_key=component_key,
                    amount_ms=minutes * MINUTE_MS,
                    source_kind="post",
                    source_id=str(post.id),
                    rule=discussion.RULE,
                    detail={"module": module_key, "thread": thread.id, "title": thread.title},
                ),
            )
            for post, enrolment_id, current, component_key, minutes, module_key in earning
        ],
        now,
    )
    return posts


def _answered_author(session: Session, thread: Thread, reply_to_id: int | None) -> int:
    """Whom a post in a thread answers: the author of the post it names, else whoever began the thread.

    Raises:
        NotFound: the post is not in the thread.
    """
    if reply_to_id is None:
        return thread.author_id
    answered = session.get(Post, reply_to_id)
    if answered is None or answered.thread_id != thread.id:
        raise NotFound(what="post")
    return answered.author_id


def _current(session: Session, place: Place, now: datetime) -> InForce:
    if place.enrolment is not None:
        return catalogue.for_enrolment(session, place.enrolment, now)
    return catalogue.in_force(session, place.module.programme_id, now)


def _earlier(session: Session, enrolment_ids: Sequence[int]) -> dict[int, list[EarlierPost]]:
    """What enrolments wrote so far, in the order in which they wrote it."""
    found: dict[int, list[EarlierPost]] = {one: [] for one in enrolment_ids}
    rows = session.execute(
        select(Post.enrolment_id, Post.body, Post.created_at, Post.counts, ModuleRow.key)
        .join(Thread, Thread.id == Post.thread_id)
        .join(ModuleRow, ModuleRow.id == Thread.module_id)
        .where(Post.enrolment_id.in_(enrolment_ids))
        .order_by(Post.id)
    )
    for enrolment_id, body, created_at, counts, key in rows:
        if enrolment_id is not None:
            found[enrolment_id].append(EarlierPost(body, key, created_at, counts))
    return found


def _is_judged(place: Place, current: InForce) -> bool:
    """Whether a post of somebody in this place can earn anything at all."""
    return place.enrolment is not None and current.programme.component_of(ComponentKind.DISCUSSION) is not None


def _judge(
    writing: _Writing,
    current: InForce,
    earlier: Sequence[EarlierPost],
    others: Sequence[OthersPost],
    now: datetime,
) -> Judgement:
    if not _is_judged(writing.place, current):
        nowhere = writing.place.enrolment is not None
        return Judgement(False, PostReason.NO_CREDIT_HERE if nowhere else PostReason.NOT_A_LEARNER)
    return discussion.judge_post(
        writing.body,
        module_key=writing.place.module.key,
        earlier=earlier,
        others=others,
        is_reply=writing.is_reply,
        rule=current.programme.discussion,
        window=current.programme.window,
        now=now,
    )


def _check_takes_part(place: Place) -> None:
    """Who has withdrawn reads on, and writes no more."""
    if place.enrolment is not None and place.enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")


def _checked(text: str, name: str, longest: int) -> str:
    text = text.strip()
    if not text:
        raise Malformed(f"{name}_missing")
    if len(text) > longest:
        raise Malformed(f"{name}_too_long", longest=longest)
    return text


def _write_judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "reason": judgement.reason.value,
        "characters": judgement.characters,
        "words": judgement.words,
        "similarity_percent": judgement.similarity_percent,
        "repeats_at": judgement.repeats_at.isoformat() if judgement.repeats_at else None,
        "cap": judgement.cap,
        "is_reply": judgement.is_reply,
        "compared_with": list(judgement.compared_with),
    }


def _read_judgement(kept: dict[str, Any]) -> Judgement:
    reason = PostReason(kept["reason"])
    return Judgement(
        counts=reason is PostReason.COUNTS,
        reason=reason,
        characters=kept["characters"],
        words=kept["words"],
        similarity_percent=kept["similarity_percent"],
        repeats_at=datetime.fromisoformat(kept["repeats_at"]) if kept["repeats_at"] else None,
        cap=kept["cap"],
        is_reply=kept.get("is_reply", False),
        compared_with=tuple(kept.get("compared_with", ())),
    )
