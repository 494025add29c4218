"""What the programme's rule says of a post: of one about to be written, edited, or counted again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lms_plugin.domain import discussion, post_credit
from lms_plugin.domain.discussion import EarlierPost, Judgement, OthersPost, PostReason
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.post_credit import Mark
from lms_plugin.domain.programme import ComponentKind
from lms_plugin.services import catalogue, repeats
from lms_plugin.services.access import Actor, Place
from lms_plugin.services.catalogue import InForce
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.among import among
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow


@dataclass(frozen=True, slots=True)
class Writing:
    """A post about to be written; `answered_id` is the user whom it answers, its own author where that is nobody."""

    actor: Actor
    place: Place
    body: str
    answered_id: int
    reply_to_id: int | None = None

    @property
    def is_reply(self) -> bool:
        return self.answered_id != self.actor.user_id


def judgement_of(post: Post) -> Judgement:
    """What the rule said of a post when it was written, or edited last."""
    return read_judgement(post.judgement)


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


def is_judged(place: Place, current: InForce) -> bool:
    """Whether a post of somebody in this place can earn anything at all."""
    return place.enrolment is not None and current.programme.component_of(ComponentKind.DISCUSSION) is not None


def judge(
    writing: Writing,
    current: InForce,
    earlier: Sequence[EarlierPost],
    others: Sequence[OthersPost],
    now: datetime,
) -> Judgement:
    """What the rule says of a post, given what its author wrote before and what of others it may repeat."""
    if not is_judged(writing.place, current):
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


def judge_edited(session: Session, post: Post, current: InForce, body: str, judged_at: datetime) -> Judgement:
    """What the rule says of a post with another text, given all that was said besides; the ledger is locked."""
    writing, earlier = _written(session, post, body)
    others: list[OthersPost] = []
    if is_judged(writing.place, current):
        said = repeats.said_before(session, writing.place.module.programme_id, [body], for_writing=True)
        others = said.near(body, post.author_id, edited=post)
    return judge(writing, current, earlier, others, judged_at)


def judge_returned(session: Session, post: Post, current: InForce) -> Judgement:
    """What the caps say of a post that counted, when its void is lifted: its text was judged before."""
    writing, earlier = _written(session, post, post.body)
    places = [replace(one, body="") for one in earlier]
    rule = replace(current.programme.discussion, min_characters=0, min_words=0)
    any_length = replace(current, programme=replace(current.programme, discussion=rule))
    judged = judge(replace(writing, answered_id=post.author_id), any_length, places, [], post.judged_at)
    return judged if judged.reason in post_credit.CAPS else judgement_of(post)


def current_of(session: Session, place: Place, now: datetime) -> InForce:
    """The version in force of a place's programme, as the learner takes it."""
    if place.enrolment is not None:
        return catalogue.for_enrolment(session, place.enrolment, now)
    return catalogue.in_force(session, place.module.programme_id, now)


def earlier_posts(
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


def answered_author(session: Session, thread: Thread, reply_to_id: int | None) -> int:
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


def _written(session: Session, post: Post, body: str) -> tuple[Writing, list[EarlierPost]]:
    """A post as it was written, with a text, and what its author wrote besides."""
    thread = session.get_one(Thread, post.thread_id)
    module = session.get_one(ModuleRow, thread.module_id)
    answered = answered_author(session, thread, post.reply_to_id)
    enrolment = session.get_one(Enrolment, post.enrolment_id) if post.enrolment_id is not None else None
    author = session.get_one(User, post.author_id)
    actor = Actor(author.id, author.login, author.name, author.language, ())
    writing = Writing(actor, Place(module, enrolment, ()), body, answered, post.reply_to_id)
    if enrolment is None:
        return writing, []
    return writing, earlier_posts(session, [enrolment.id], without=post.id)[enrolment.id]
