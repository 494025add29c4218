"""Discussion: threads and posts per module, judged by the programme's rule when they are written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import false, func, or_, select
from sqlalchemy.orm import Session

from lms_plugin.domain import discussion, post_credit
from lms_plugin.domain.discussion import EarlierPost, Judgement, OthersPost, PostReason
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.post_credit import Mark
from lms_plugin.domain.programme import ComponentKind
from lms_plugin.services import access, catalogue, repeats
from lms_plugin.services.access import Actor, Place
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import Credit, Entering, enter_many, lock_ledgers
from lms_plugin.services.trail import POST_WRITTEN, note_action
from lms_plugin.storage import batches
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.among import among
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
    return thread, _write(session, thread, _Writing(actor, place, body, actor.user_id), now)


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
    answered = _answered_author(session, thread, reply_to_id)
    return _write(session, thread, _Writing(actor, place, body, answered, reply_to_id), now)


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
        answered = _answered_author(session, thread, reply_to_id)
    writing = _Writing(actor, place, checked, answered, reply_to_id)
    mine = place.enrolment
    earlier = _earlier(session, [mine.id])[mine.id] if mine is not None else []
    others: list[OthersPost] = []
    if _is_judged(place, current):
        others = repeats.said_before(session, place.module.programme_id, [checked]).near(checked, actor.user_id)
    return _judge(writing, current, earlier, others, now)


def judgement_of(post: Post) -> Judgement:
    """What the rule said of a post when it was written, or edited last."""
    return read_judgement(post.judgement)


def judge_edited(session: Session, post: Post, current: InForce, body: str, judged_at: datetime) -> Judgement:
    """What the rule says of a post with another text, given all that was said besides; the ledger is locked."""
    writing, earlier = _written(session, post, body)
    others: list[OthersPost] = []
    if _is_judged(writing.place, current):
        said = repeats.said_before(session, writing.place.module.programme_id, [body], for_writing=True)
        others = said.near(body, post.author_id, edited=post)
    return _judge(writing, current, earlier, others, judged_at)


def judge_returned(session: Session, post: Post, current: InForce) -> Judgement:
    """What the caps say of a post that counted, when its void is lifted: its text was judged before."""
    writing, earlier = _written(session, post, post.body)
    places = [replace(one, body="") for one in earlier]
    rule = replace(current.programme.discussion, min_characters=0, min_words=0)
    any_length = replace(current, programme=replace(current.programme, discussion=rule))
    judged = _judge(replace(writing, answered_id=post.author_id), any_length, places, [], post.judged_at)
    return judged if judged.reason in post_credit.CAPS else judgement_of(post)


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
        writings.append(_Writing(one.actor, place, checked_body(one.body), thread.author_id))
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


def _write(session: Session, thread: Thread, writing: _Writing, now: datetime) -> Post:
    (post,) = _write_all(session, thread, [writing], now)
    if writing.place.enrolment is None:
        about, group_id = f"post/{post.id}", thread.class_group_id
        note_action(session, writing.actor, POST_WRITTEN, about, None, now, class_group_id=group_id, title=thread.title)
    return post


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
        others = said.near(one.body, one.actor.user_id) if _is_judged(one.place, current) else []
        judgement = _judge(one, current, before, others, now)
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


def _post(post_id: int, thread: Thread, writing: _Writing, judgement: Judgement, now: datetime) -> Post:
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


def current_of(session: Session, place: Place, now: datetime) -> InForce:
    """The version in force of a place's programme, as the learner takes it."""
    if place.enrolment is not None:
        return catalogue.for_enrolment(session, place.enrolment, now)
    return catalogue.in_force(session, place.module.programme_id, now)


def _earlier(
    session: Session, enrolment_ids: Sequence[int], *, without: int | None = None
) -> dict[int, list[EarlierPost]]:
    """What enrolments wrote so far, in the order in which they wrote it, as it stands now.

    A post that was taken back was never said; but taking back what a tutor made void does not make it new.
    """
    found: dict[int, list[EarlierPost]] = {one: [] for one in enrolment_ids}
    rows = session.execute(
        select(Post.enrolment_id, Post.body, Post.judged_at, Post.counts, ModuleRow.key, Post.mark, Post.taken_back_at)
        .join(Thread, Thread.id == Post.thread_id)
        .join(ModuleRow, ModuleRow.id == Thread.module_id)
        .where(among(Post.enrolment_id, enrolment_ids), Post.id != (without or 0))
        .where(or_(Post.taken_back_at.is_(None), Post.mark == Mark.VOID))
        .order_by(Post.id)
    )
    for enrolment_id, body, judged_at, counts, key, mark, taken_back_at in rows:
        if enrolment_id is not None:
            counted = post_credit.earns(counts=counts, mark=mark, is_taken_back=taken_back_at is not None)
            found[enrolment_id].append(EarlierPost(body, key, judged_at, counted))
    return found


def _written(session: Session, post: Post, body: str) -> tuple[_Writing, list[EarlierPost]]:
    """A post as it was written, with a text, and what its author wrote besides."""
    thread = session.get_one(Thread, post.thread_id)
    module = session.get_one(ModuleRow, thread.module_id)
    answered = _answered_author(session, thread, post.reply_to_id)
    enrolment = session.get_one(Enrolment, post.enrolment_id) if post.enrolment_id is not None else None
    author = session.get_one(User, post.author_id)
    actor = Actor(author.id, author.login, author.name, author.language, ())
    writing = _Writing(actor, Place(module, enrolment, ()), body, answered, post.reply_to_id)
    if enrolment is None:
        return writing, []
    return writing, _earlier(session, [enrolment.id], without=post.id)[enrolment.id]


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


def write_judgement(judgement: Judgement) -> dict[str, Any]:
    """A judgement as it is kept."""
    return {
        "reason": judgement.reason.value,
        "characters": judgement.characters,
        "words": judgement.words,
        "similarity_percent": judgement.similarity_percent,
        "repeats_at": judgement.repeats_at.isoformat() if judgement.repeats_at else None,
        "cap": judgement.cap,
        "is_reply": judgement.is_reply,
        "compared_with": [list(one) for one in judgement.compared_with],
    }


def read_judgement(kept: dict[str, Any]) -> Judgement:
    """The judgement that `write_judgement` wrote."""
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
        compared_with=tuple((post_id, version) for post_id, version in kept.get("compared_with", ())),
    )
