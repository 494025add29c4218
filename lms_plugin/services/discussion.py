"""Discussion: threads and posts per module, judged by the programme's rule when they are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import false, func, or_, select
from sqlalchemy.orm import Session

from lms_plugin.domain import discussion
from lms_plugin.domain.discussion import EarlierPost, Judgement, OthersPost
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.post_credit import Mark
from lms_plugin.domain.programme import ComponentKind
from lms_plugin.services import access, repeats
from lms_plugin.services.access import Actor, Place
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import Credit, Entering, enter_many, lock_ledgers
from lms_plugin.services.post_judging import (
    Writing,
    answered_author,
    current_of,
    earlier_posts,
    is_judged,
    judge,
    read_judgement,
    write_judgement,
)
from lms_plugin.services.trail import POST_WRITTEN, note_action
from lms_plugin.storage import batches
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
    """A post as readers see it; `judgement` only for the author and the group's tutors, else None.

    To others a void post has no mark, and one that was taken back no body.
    """

    id: int
    author_id: int
    author_name: str
    is_tutor: bool
    body: str
    reply_to_id: int | None
    created_at: datetime
    judgement: Judgement | None
    mark: str = ""
    extra_ms: int = 0
    edited_at: datetime | None = None
    taken_back_at: datetime | None = None


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
    return thread, [_view(post, name, is_told=shows_all or post.author_id == actor.user_id) for post, name in rows]


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
    check_takes_part(place)
    title = _checked(title, "title", MAX_TITLE)
    body = checked_body(body)
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
    return thread, _write(session, thread, Writing(actor, place, body, actor.user_id), now)


def reply(session: Session, actor: Actor, thread_id: int, *, body: str, reply_to_id: int | None, now: datetime) -> Post:
    """Write a post in a thread, as an answer to another one or to the thread.

    Raises:
        NotFound: the actor may not see the thread, or the post answered is not in it.
        Malformed: the body is empty or too long.
        Conflict: the learner has withdrawn from the programme (`enrolment_withdrawn`).
    """
    thread, place = access.visible_thread(session, actor, thread_id)
    check_takes_part(place)
    body = checked_body(body)
    answered = answered_author(session, thread, reply_to_id)
    return _write(session, thread, Writing(actor, place, body, answered, reply_to_id), now)


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
    check_takes_part(place)
    current = current_of(session, place, now)
    checked = checked_body(body)
    answered = actor.user_id
    if thread_id is not None:
        thread, _ = access.visible_thread(session, actor, thread_id)
        answered = answered_author(session, thread, reply_to_id)
    writing = Writing(actor, place, checked, answered, reply_to_id)
    mine = place.enrolment
    earlier = earlier_posts(session, [mine.id])[mine.id] if mine is not None else []
    others: list[OthersPost] = []
    if is_judged(place, current):
        others = repeats.said_before(session, place.module.programme_id, [checked]).near(checked, actor.user_id)
    return judge(writing, current, earlier, others, now)


def checked_body(text: str) -> str:
    """The text of a post as it is kept.

    Raises:
        Malformed: it is empty or too long.
    """
    return _checked(text, "body", MAX_BODY)


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
        check_takes_part(place)
        writings.append(Writing(one.actor, place, checked_body(one.body), thread.author_id))
    return _write_all(session, thread, writings, now)


def _write(session: Session, thread: Thread, writing: Writing, now: datetime) -> Post:
    (post,) = _write_all(session, thread, [writing], now)
    if writing.place.enrolment is None:
        about, group_id = f"post/{post.id}", thread.class_group_id
        note_action(session, writing.actor, POST_WRITTEN, about, None, now, class_group_id=group_id, title=thread.title)
    return post


def _write_all(session: Session, thread: Thread, writings: Sequence[Writing], now: datetime) -> list[Post]:
    """Write posts in a thread, each judged by what was written before in the programme, and enter what they earn."""
    if not writings:
        return []
    mine = {one.place.enrolment.id: one.place.enrolment for one in writings if one.place.enrolment is not None}
    # Two posts of one learner at the same moment must see each other, or both would pass a cap.
    lock_ledgers(session, mine)
    said = repeats.said_before(
        session, writings[0].place.module.programme_id, [one.body for one in writings], for_writing=True
    )
    earlier = earlier_posts(session, list(mine))
    # By their ids those that follow are compared with them.
    ids = batches.next_ids(session, Post, len(writings))
    posts: list[Post] = []
    versions: dict[tuple[int, str], InForce] = {}
    earning = []
    for one, post_id in zip(writings, ids, strict=True):
        enrolment = one.place.enrolment
        key = (one.place.module.programme_id, enrolment.variant if enrolment is not None else "")
        if key not in versions:
            versions[key] = current_of(session, one.place, now)
        current = versions[key]
        before = earlier[enrolment.id] if enrolment is not None else []
        others = said.near(one.body, one.actor.user_id) if is_judged(one.place, current) else []
        judgement = judge(one, current, before, others, now)
        before.append(EarlierPost(one.body, one.place.module.key, now, judgement.counts))
        post = _post(post_id, thread, one, judgement, now)
        posts.append(post)
        said.add(post)
        component = current.programme.component_of(ComponentKind.DISCUSSION)
        if judgement.counts and enrolment is not None and component is not None:
            worth_ms = current.programme.discussion.worth_ms(judgement.is_reply)
            post.credit_ms, post.component_key = worth_ms, component.key
            earning.append((post, enrolment.id, current, one.place.module.key))
    session.add_all(posts)
    session.flush()
    said.keep(posts)
    enter_many(
        session,
        [
            Entering(
                enrolment_id,
                current,
                Credit(
                    component_key=post.component_key,
                    amount_ms=post.credit_ms,
                    source_kind="post",
                    source_id=str(post.id),
                    rule=discussion.RULE,
                    detail={"module": module_key, "thread": thread.id, "title": thread.title},
                ),
            )
            for post, enrolment_id, current, module_key in earning
        ],
        now,
    )
    return posts


def _post(post_id: int, thread: Thread, writing: Writing, judgement: Judgement, now: datetime) -> Post:
    return Post(
        id=post_id,
        thread_id=thread.id,
        author_id=writing.actor.user_id,
        enrolment_id=writing.place.enrolment.id if writing.place.enrolment is not None else None,
        reply_to_id=writing.reply_to_id,
        body=writing.body,
        created_at=now,
        counts=judgement.counts,
        judgement=write_judgement(judgement),
        mark="",
        edits=0,
    )


def _view(post: Post, name: str, *, is_told: bool) -> PostView:
    return PostView(
        id=post.id,
        author_id=post.author_id,
        author_name=name,
        is_tutor=post.enrolment_id is None,
        body=post.body if is_told or post.taken_back_at is None else "",
        reply_to_id=post.reply_to_id,
        created_at=post.created_at,
        judgement=read_judgement(post.judgement) if is_told else None,
        mark=post.mark if is_told or post.mark != Mark.VOID else "",
        extra_ms=post.extra_ms if is_told else 0,
        edited_at=post.edited_at,
        taken_back_at=post.taken_back_at,
    )


def check_takes_part(place: Place) -> None:
    """Who has withdrawn reads on, and writes no more.

    Raises:
        Conflict: `enrolment_withdrawn`.
    """
    if place.enrolment is not None and place.enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")


def _checked(text: str, name: str, longest: int) -> str:
    text = text.strip()
    if not text:
        raise Malformed(f"{name}_missing")
    if len(text) > longest:
        raise Malformed(f"{name}_too_long", longest=longest)
    return text
