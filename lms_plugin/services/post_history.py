"""What a post said before, and what became of it: for its author, and for the tutors of the author's class group."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.discussion import Judgement
from lms_plugin.services import post_access, post_changes, post_judging
from lms_plugin.services.access import Actor
from lms_plugin.storage.activity import Post, PostChange
from lms_plugin.storage.people import User


@dataclass(frozen=True, slots=True)
class Version:
    """What a post said from one moment to another (None: it still does), and what the rule said of it last."""

    body: str
    since: datetime
    until: datetime | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that became of a post: of what kind, by whom, why."""

    kind: str
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class History:
    """A post with all that it said, the first version first, and all that became of it in that order."""

    post: Post
    versions: tuple[Version, ...]
    events: tuple[Event, ...]


def read(session: Session, actor: Actor, post_id: int) -> History:
    """The history of one's own post, or of one of a learner whom one tutors.

    Raises:
        NotFound: it is neither, or there is none.
    """
    return of(session, post_access.told_post(session, actor, post_id))


def of(session: Session, post: Post) -> History:
    """The history of a post; the caller has checked who may see it."""
    rows = session.execute(
        select(PostChange, User.name)
        .join(User, User.id == PostChange.by_id)
        .where(PostChange.post_id == post.id)
        .order_by(PostChange.id)
    ).all()
    changes = [change for change, _ in rows]
    return History(
        post,
        tuple(_versions(post, changes)),
        tuple(Event(change.kind, name, change.at, change.reason) for change, name in rows),
    )


def last_reasons(session: Session, post_ids: Sequence[int]) -> dict[int, str]:
    """Why each of these posts was marked, withdrawn or made void last."""
    rows = session.execute(
        select(PostChange.post_id, PostChange.reason)
        .where(PostChange.post_id.in_(post_ids), PostChange.kind.not_in(post_changes.BY_AUTHOR))
        .order_by(PostChange.id)
    )
    return dict(rows.tuples().all())


def _versions(post: Post, changes: Sequence[PostChange]) -> list[Version]:
    found, since = [], post.created_at
    for change in changes:
        if change.kind == post_changes.EDITED and change.body is not None and change.judgement is not None:
            judgement = post_judging.read_judgement(change.judgement)
            found.append(Version(change.body, since, change.at, judgement))
            since = change.at
    found.append(Version(post.body, since, None, post_judging.judgement_of(post)))
    return found
