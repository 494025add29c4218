"""A tutor marks posts: an excellent one may earn more, a void one loses its credit; both can be withdrawn again.

A post has one mark at the most, and setting the same one again changes nothing. What a void frees is free for posts
written or edited afterwards; those that were judged before stay as they are.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain import post_credit
from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.domain.post_credit import Mark
from lms_plugin.services import catalogue, notices, post_access, post_changes, post_judging
from lms_plugin.services.access import Actor
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.post_changes import Act
from lms_plugin.services.trail import POST_MARKED, note_action
from lms_plugin.storage.activity import Post, PostChange, Thread
from lms_plugin.storage.programmes import Enrolment

LONGEST_REASON = 500
MARKS = (Mark.EXCELLENT, Mark.VOID)


def mark(session: Session, actor: Actor, post_id: int, kind: str, *, reason: str, now: datetime) -> Post:
    """Mark a post as excellent, or as void for a reason; a void ends an excellent mark.

    Raises:
        NotAllowed: the person is no tutor, or wrote the post (`post_own`).
        NotFound: the post is of no learner of theirs.
        Malformed: `mark_unknown`, `reason_needed` or `reason_too_long`.
        Conflict: `post_taken_back`, or it is void and cannot be excellent (`post_is_void`).
    """
    wanted, reason = _mark(kind), _reason(reason, needed=kind == Mark.VOID)
    post, enrolment = post_access.tutored_post(session, actor, post_id)
    post_changes.lock(session, post)
    if post.taken_back_at is not None:
        raise Conflict("post_taken_back")
    if wanted is Mark.EXCELLENT and post.mark == Mark.VOID:
        raise Conflict("post_is_void")
    look_at(post, actor, now)
    if post.mark == wanted:
        return post
    act = Act(actor.user_id, now, catalogue.for_enrolment(session, enrolment, now), reason)
    extra_ms = _extra_ms(session, post, enrolment, act) if wanted is Mark.EXCELLENT else 0
    change = post_changes.note(session, post, wanted.value, act, extra_ms=extra_ms)
    post.mark, post.extra_ms = wanted.value, extra_ms
    entries = post_changes.settle(session, post, change, act)
    _tell(session, actor, post, enrolment, change, entries)
    return post


def withdraw(session: Session, actor: Actor, post_id: int, kind: str, *, reason: str, now: datetime) -> Post:
    """Withdraw a mark, for a reason; where the post has none of this kind nothing changes.

    The credit that a void took comes back, unless other posts have taken its place within a cap meanwhile.

    Raises:
        NotAllowed, NotFound, Malformed: as for `mark`.
    """
    wanted, reason = _mark(kind), _reason(reason, needed=True)
    post, enrolment = post_access.tutored_post(session, actor, post_id)
    post_changes.lock(session, post)
    look_at(post, actor, now)
    if post.mark != wanted:
        return post
    act = Act(actor.user_id, now, catalogue.for_enrolment(session, enrolment, now), reason)
    is_void = wanted is Mark.VOID
    what = post_changes.VOID_LIFTED if is_void else post_changes.EXCELLENT_WITHDRAWN
    change = post_changes.note(session, post, what, act, replaces=is_void)
    if is_void and post.counts and post.taken_back_at is None:
        judgement = post_judging.judge_returned(session, post, act.current)
        post.counts, post.judgement = judgement.counts, post_judging.write_judgement(judgement)
    post.mark, post.extra_ms = Mark.NONE.value, 0
    entries = post_changes.settle(session, post, change, act)
    _tell(session, actor, post, enrolment, change, entries)
    return post


def look_at(post: Post, actor: Actor, now: datetime) -> None:
    """Note that a tutor has seen a post as it is."""
    if post.looked_at is None:
        post.looked_at, post.looked_by_id = now, actor.user_id


def extra_left(session: Session, post: Post, enrolment: Enrolment, now: datetime) -> int:
    """What marking a post as excellent would add to its credit now, in milliseconds."""
    return _extra_ms(session, post, enrolment, Act(0, now, catalogue.for_enrolment(session, enrolment, now)))


def _extra_ms(session: Session, post: Post, enrolment: Enrolment, act: Act) -> int:
    others = session.scalar(
        select(func.count())
        .select_from(Post)
        .where(Post.enrolment_id == enrolment.id, Post.id != post.id)
        .where(Post.mark == Mark.EXCELLENT, Post.extra_ms > 0, Post.taken_back_at.is_(None))
    )
    earning = enrolment.state == "active" and post_changes.is_earning(post)
    return post_credit.extra_ms(act.current.programme.discussion, earning=earning, others=others or 0)


def _mark(kind: str) -> Mark:
    if kind not in MARKS:
        raise Malformed("mark_unknown", field="mark")
    return Mark(kind)


def _reason(text: str, *, needed: bool) -> str:
    text = text.strip()
    if needed and not text:
        raise Malformed("reason_needed", field="reason")
    if len(text) > LONGEST_REASON:
        raise Malformed("reason_too_long", field="reason", longest=LONGEST_REASON)
    return text


def _tell(
    session: Session, actor: Actor, post: Post, enrolment: Enrolment, change: PostChange, entries: list[int]
) -> None:
    """Tell the author, of what changed hours on the entry's page, where it can be disputed; and put it on the trail."""
    thread = session.get_one(Thread, post.thread_id)
    address = f"/enrolments/{enrolment.id}/threads/{thread.id}#post-{post.id}"
    if change.kind == post_changes.VOID:
        address = f"/enrolments/{enrolment.id}/disputes"
    if entries:
        address = f"/enrolments/{enrolment.id}/hours/entries/{entries[-1]}"
    params = {"title": thread.title, "reason": change.reason}
    told = NewNotice(enrolment.user_id, f"post_{change.kind}", f"post_change/{change.id}", params, address)
    notices.tell(session, told, change.at)
    note_action(
        session,
        actor,
        POST_MARKED,
        f"post/{post.id}",
        enrolment.id,
        change.at,
        what=change.kind,
        title=thread.title,
        reason=change.reason,
    )
