"""Posts that no tutor has looked at since they were written or edited: the list, how many, and looking at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.discussion import Judgement
from lms_plugin.domain.errors import NotAllowed
from lms_plugin.services import access, post_judging, post_marks
from lms_plugin.services.access import Actor
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment

MOST = 100
"""Whoever has this much to do need not know how much more there is."""

ON_A_PAGE = 20
NEWEST, LONGEST_WAITING = "newest", "waiting"
ORDERS = (NEWEST, LONGEST_WAITING)


@dataclass(frozen=True, slots=True)
class PostToMark:
    """A post on a tutor's list; `waits_since` is when it was written, or edited last."""

    id: int
    thread_id: int
    title: str
    group_name: str
    author_name: str
    body: str
    waits_since: datetime
    is_edited: bool
    judgement: Judgement
    mark: str


def unseen() -> ColumnElement[bool]:
    """An SQL condition: a learner's post that no tutor has looked at as it is; as the index of posts has it."""
    return and_(Post.looked_at.is_(None), Post.taken_back_at.is_(None), Post.enrolment_id.is_not(None))


def waiting_posts(session: Session, actor: Actor) -> int:
    """How many posts of their learners a tutor has yet to look at; no more than `MOST` are counted."""
    waiting = _waiting(select(Post.id), actor).limit(MOST).subquery()
    return session.scalar(select(func.count()).select_from(waiting)) or 0


def posts_to_mark(
    session: Session, actor: Actor, *, order: str = NEWEST, first: int = 0, limit: int = ON_A_PAGE
) -> list[PostToMark]:
    """Posts of a tutor's learners that nobody has looked at, the newest or the longest waiting first: so many of them
    after the `first` ones.

    Raises:
        NotAllowed: the person is no tutor.
    """
    if not actor.has(access.TUTOR):
        raise NotAllowed(needs=access.TUTOR)
    since = func.coalesce(Post.edited_at, Post.created_at)
    ordered = (since, Post.id) if order == LONGEST_WAITING else (since.desc(), Post.id.desc())
    query = (
        _waiting(select(Post, Thread, ClassGroup.name, User.name), actor)
        .join(Thread, Thread.id == Post.thread_id)
        .join(User, User.id == Post.author_id)
        .join(ClassGroup, ClassGroup.id == Enrolment.class_group_id)
        .order_by(*ordered)
        .offset(first)
        .limit(limit)
    )
    return [
        PostToMark(
            id=post.id,
            thread_id=thread.id,
            title=thread.title,
            group_name=group_name,
            author_name=name,
            body=post.body,
            waits_since=post.edited_at or post.created_at,
            is_edited=post.edited_at is not None,
            judgement=post_judging.judgement_of(post),
            mark=post.mark,
        )
        for post, thread, group_name, name in session.execute(query)
    ]


def mark_looked_at(
    session: Session, actor: Actor, post_ids: Sequence[int], *, shown_at: datetime | None, now: datetime
) -> int:
    """Note that a tutor has read posts and found nothing to say; gives how many that changed.

    What is not theirs to mark is left alone, and so is what was edited after the list was shown (`shown_at`).

    Raises:
        NotAllowed: the person is no tutor.
    """
    if not actor.has(access.TUTOR):
        raise NotAllowed(needs=access.TUTOR)
    query = (
        _waiting(select(Post), actor)
        .where(Post.id.in_(post_ids))
        .order_by(Post.id)
        .with_for_update(of=Post, key_share=True)
    )
    changed = 0
    for post in session.scalars(query.execution_options(populate_existing=True)):
        if shown_at is None or (post.edited_at or post.created_at) <= shown_at:
            post_marks.look_at(post, actor, now)
            changed += 1
    session.flush()
    return changed


def _waiting(query: Select[Any], actor: Actor) -> Select[Any]:
    return (
        query.join(Enrolment, Enrolment.id == Post.enrolment_id)
        .where(access.in_tutored_group(actor, Enrolment.class_group_id), Post.author_id != actor.user_id)
        .where(unseen())
    )
