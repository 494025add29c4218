"""An author edits a post, or takes it back: what it said stays for the tutor, and its credit follows by new entries."""

from datetime import datetime

from sqlalchemy.orm import Session

from lms_plugin.domain import post_credit
from lms_plugin.domain.errors import Conflict
from lms_plugin.domain.post_credit import Mark
from lms_plugin.services import discussion, post_access, post_changes, post_judging, repeats
from lms_plugin.services.access import Actor, Place
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.post_changes import Act
from lms_plugin.storage.activity import Post


def edit(session: Session, actor: Actor, post_id: int, *, body: str, now: datetime) -> Post:
    """Let a post say something else; it is judged anew by the rule in force. The same text again changes nothing.

    Raises:
        NotFound: the post is not the actor's, or they no longer see its thread.
        Malformed: the body is empty or too long.
        Conflict: `enrolment_withdrawn`, `post_taken_back`, `post_is_void`, or `edit_time_over`.
    """
    post, _, place = post_access.own_post(session, actor, post_id)
    body = discussion.checked_body(body)
    discussion.check_takes_part(place)
    post_changes.lock(session, post)
    if post.taken_back_at is None and body == post.body:
        return post
    current = post_judging.current_of(session, place, now)
    _check_editable(post, current, now)
    judged_at = post_credit.judged_at(counted=post.counts, judged_before_at=post.judged_at, now=now)
    judgement = post_judging.judge_edited(session, post, current, body, judged_at)
    act = Act(actor.user_id, now, current)
    change = post_changes.note(session, post, post_changes.EDITED, act, replaces=True)
    before = post.body
    post.body, post.edited_at, post.edits = body, now, post.edits + 1
    repeats.find_anew(session, place.module.programme_id, post, before)
    # Tutors have seen something else.
    post.looked_at = post.looked_by_id = None
    post_changes.take_judgement(post, judgement, current, judged_at)
    post_changes.settle(session, post, change, act)
    return post


def take_back(session: Session, actor: Actor, post_id: int, now: datetime) -> Post:
    """Hide a post from others and give its credit back; taking it back again changes nothing.

    Raises:
        NotFound: the post is not the actor's, or they no longer see its thread.
        Conflict: the learner has withdrawn from the programme (`enrolment_withdrawn`).
    """
    post, _, place = post_access.own_post(session, actor, post_id)
    discussion.check_takes_part(place)
    post_changes.lock(session, post)
    if post.taken_back_at is not None:
        return post
    act = Act(actor.user_id, now, post_judging.current_of(session, place, now))
    change = post_changes.note(session, post, post_changes.TAKEN_BACK, act)
    post.taken_back_at = now
    post_changes.settle(session, post, change, act)
    return post


def may_edit(session: Session, post: Post, place: Place, now: datetime) -> bool:
    """Whether its author may edit a post now."""
    try:
        discussion.check_takes_part(place)
        _check_editable(post, post_judging.current_of(session, place, now), now)
    except Conflict:
        return False
    return True


def _check_editable(post: Post, current: InForce, now: datetime) -> None:
    if post.taken_back_at is not None:
        raise Conflict("post_taken_back")
    if post.mark == Mark.VOID:
        raise Conflict("post_is_void")
    rule, window = current.programme.discussion, current.programme.window
    if post.enrolment_id is not None and not post_credit.can_be_edited(
        rule, window, written_at=post.created_at, now=now
    ):
        raise Conflict("edit_time_over")
