"""What every change of a post has in common: the locks, the row that keeps it, and the ledger that follows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain import post_credit
from lms_plugin.domain.discussion import Judgement
from lms_plugin.domain.programme import ComponentKind
from lms_plugin.services import post_judging
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import Credit, Entering, enter_many, lock_ledgers
from lms_plugin.storage.activity import Post, PostChange, Thread
from lms_plugin.storage.ledger import ComponentTotal, CreditEntryRow
from lms_plugin.storage.programmes import ModuleRow

POST, SOURCE_KIND = "post", "post_change"
"""Kinds of entries: what a post earned when it was written, and whatever changed of that since."""

EDITED, TAKEN_BACK = "edited", "taken_back"
EXCELLENT, EXCELLENT_WITHDRAWN = "excellent", "excellent_withdrawn"
VOID, VOID_LIFTED = "void", "void_lifted"
BY_AUTHOR = (EDITED, TAKEN_BACK)


@dataclass(frozen=True, slots=True)
class Act:
    """Who changes a post, when, and why; `current` is the version of the programme that it is done under."""

    by_id: int
    now: datetime
    current: InForce
    reason: str = ""


def lock(session: Session, post: Post) -> None:
    """Hold the author's ledger, then the post, and read the post as it is by now.

    Posts of one author are judged by each other, so that whatever becomes of them goes one after the other.
    """
    session.flush()
    if post.enrolment_id is not None:
        lock_ledgers(session, [post.enrolment_id])
    session.refresh(post, with_for_update={"key_share": True})


def note(session: Session, post: Post, kind: str, act: Act, *, replaces: bool = False, extra_ms: int = 0) -> PostChange:
    """Write down a change that is about to be made; one that `replaces` the judgement keeps what it was."""
    mine = select(func.max(Post.id)).where(Post.enrolment_id == post.enrolment_id)
    change = PostChange(
        post_id=post.id,
        enrolment_id=post.enrolment_id,
        after_post_id=session.scalar(mine) if post.enrolment_id is not None else None,
        kind=kind,
        by_id=act.by_id,
        at=act.now,
        reason=act.reason,
        extra_ms=extra_ms,
    )
    if replaces:
        change.rule_version = act.current.version
        change.body, change.judgement, change.judged_at = post.body, dict(post.judgement), post.judged_at
        change.credit_ms, change.component_key = post.credit_ms, post.component_key
    session.add(change)
    session.flush()
    return change


def take_judgement(post: Post, judgement: Judgement, current: InForce, judged_at: datetime) -> None:
    """Give a post what it was judged to be; where it counts, what that is worth in the version in force, and when.

    One that does not count any more keeps both: what it earned is taken back where and when it was earned.
    """
    component = current.programme.component_of(ComponentKind.DISCUSSION)
    post.counts, post.judgement = judgement.counts, post_judging.write_judgement(judgement)
    if judgement.counts and component is not None:
        post.credit_ms = current.programme.discussion.worth_ms(judgement.is_reply)
        post.component_key = component.key
        post.judged_at = judged_at


def due_ms(post: Post) -> int:
    """What the ledger owes for a post as it is."""
    return post_credit.due_ms(
        counts=post.counts,
        mark=post.mark,
        is_taken_back=post.taken_back_at is not None,
        credit_ms=post.credit_ms,
        extra_ms=post.extra_ms,
    )


def is_earning(post: Post) -> bool:
    """Whether a post has its credit and its place within the caps."""
    return post_credit.earns(counts=post.counts, mark=post.mark, is_taken_back=post.taken_back_at is not None)


def settle(session: Session, post: Post, change: PostChange, act: Act) -> list[int]:
    """Bring the ledger in line with a post that has changed; gives the numbers of the entries that it took."""
    session.flush()
    if post.enrolment_id is None:
        return []
    entered_ms = _entered_ms(session, post)
    owed_ms = due_ms(post)
    wanted_ms = {post.component_key: owed_ms} if owed_ms else {}
    thread = session.get_one(Thread, post.thread_id)
    module = session.get_one(ModuleRow, thread.module_id)
    entries = []
    for key in sorted(entered_ms.keys() | wanted_ms.keys()):
        changed_ms = wanted_ms.get(key, 0) - entered_ms.get(key, 0)
        total = session.get(ComponentTotal, (post.enrolment_id, key), populate_existing=True)
        amount_ms = post_credit.taken_ms(changed_ms, total.credited_ms if total is not None else 0)
        if not amount_ms:
            continue
        detail: dict[str, object] = {
            "module": module.key,
            "thread": thread.id,
            "title": thread.title,
            "change": change.id,
            "what": change.kind,
        }
        if change.reason:
            detail["reason"] = change.reason
        credit = Credit(
            component_key=key,
            amount_ms=amount_ms,
            source_kind=SOURCE_KIND,
            source_id=str(post.id),
            rule=post_credit.RULE,
            detail=detail,
            decided_by_id=None if change.kind in BY_AUTHOR else change.by_id,
            # The day that it was earned, so that a week gives back exactly what it had.
            on=act.current.programme.window.day_of(post.judged_at),
        )
        entries.append(Entering(post.enrolment_id, act.current, credit))
    return enter_many(session, entries, act.now)


def _entered_ms(session: Session, post: Post) -> dict[str, int]:
    """What the ledger has for a post, by component."""
    rows = session.execute(
        select(CreditEntryRow.component_key, func.sum(CreditEntryRow.amount_ms))
        .where(CreditEntryRow.enrolment_id == post.enrolment_id, CreditEntryRow.source_id == str(post.id))
        .where(CreditEntryRow.source_kind.in_((POST, SOURCE_KIND)))
        .group_by(CreditEntryRow.component_key)
    )
    return {key: int(amount_ms) for key, amount_ms in rows}
