"""What the audit looks at: the rows of many people read at once, and how one of them is named to an auditor."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from lms_plugin.services import evidence_log, posting
from lms_plugin.services.evidence_log import EvidenceLog
from lms_plugin.storage.activity import (
    Coverage,
    EvidenceChunk,
    PersonClock,
    PlaybackSession,
    Post,
    PostChange,
    PresenceCheck,
    Thread,
    WatchedDay,
)
from lms_plugin.storage.base import table_of
from lms_plugin.storage.evidence import EvidenceCut
from lms_plugin.storage.ledger import ComponentTotal, ComponentWeek, CreditEntryRow, LedgerHead
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.programmes import Enrolment, ModuleRow
from lms_plugin.storage.study import StudyRecord

FROM_WATCHING = {posting.WATCHED, posting.TAKEN_BACK, posting.RELEASED}


@dataclass(slots=True)
class Books:
    """All rows of one person that the audit looks at, as they stand in the tables."""

    user_id: int
    enrolments: dict[int, Any] = field(default_factory=dict)
    clock: Any = None
    chunks: list[Any] = field(default_factory=list)
    cut: EvidenceCut | None = None
    sessions: list[Any] = field(default_factory=list)
    checks: dict[int, Any] = field(default_factory=dict)
    coverage: list[Any] = field(default_factory=list)
    days: list[Any] = field(default_factory=list)
    entries: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    heads: dict[int, Any] = field(default_factory=dict)
    totals: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    weeks: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    studies: list[Any] = field(default_factory=list)
    disputes: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    posts: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    changes: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    log: EvidenceLog | None = None


_OF_PEOPLE = (PersonClock, EvidenceChunk, EvidenceCut, PlaybackSession, PresenceCheck, StudyRecord)
_OF_ENROLMENTS = (Coverage, WatchedDay, CreditEntryRow, LedgerHead, ComponentTotal, ComponentWeek, Dispute, PostChange)


def books_of(session: Session, user_ids: Sequence[int]) -> dict[int, Books]:
    """The rows of several people, by user id.

    Raises:
        ValueError: a value in one of their rows cannot be read.
    """
    several = {user_id: Books(user_id) for user_id in user_ids}
    owner: dict[int, Books] = {}
    for row in _rows(session, Enrolment, Enrolment.user_id, user_ids):
        several[row.user_id].enrolments[row.id] = row
        owner[row.id] = several[row.user_id]
    mine = list(owner)
    for row in _rows(session, PersonClock, PersonClock.user_id, user_ids):
        several[row.user_id].clock = row
    for row in _rows(session, EvidenceChunk, EvidenceChunk.user_id, user_ids):
        several[row.user_id].chunks.append(row)
    for cut in session.scalars(
        select(EvidenceCut).where(EvidenceCut.user_id.in_(user_ids)).execution_options(populate_existing=True)
    ):
        several[cut.user_id].cut = cut
    for row in _rows(session, PlaybackSession, PlaybackSession.user_id, user_ids):
        several[row.user_id].sessions.append(row)
    for row in _rows(session, PresenceCheck, PresenceCheck.user_id, user_ids):
        several[row.user_id].checks[row.number] = row
    for row in _rows(session, Coverage, Coverage.enrolment_id, mine):
        owner[row.enrolment_id].coverage.append(row)
    for row in _rows(session, WatchedDay, WatchedDay.enrolment_id, mine):
        owner[row.enrolment_id].days.append(row)
    for row in _rows(session, CreditEntryRow, CreditEntryRow.enrolment_id, mine):
        owner[row.enrolment_id].entries[row.enrolment_id].append(row)
    for row in _rows(session, LedgerHead, LedgerHead.enrolment_id, mine):
        owner[row.enrolment_id].heads[row.enrolment_id] = row
    for row in _rows(session, ComponentTotal, ComponentTotal.enrolment_id, mine):
        owner[row.enrolment_id].totals[row.enrolment_id].append(row)
    for row in _rows(session, ComponentWeek, ComponentWeek.enrolment_id, mine):
        owner[row.enrolment_id].weeks[row.enrolment_id].append(row)
    for row in _rows(session, Dispute, Dispute.enrolment_id, mine):
        owner[row.enrolment_id].disputes[row.enrolment_id].append(row)
    for row in _rows(session, StudyRecord, StudyRecord.user_id, user_ids):
        several[row.user_id].studies.append(row)
    for row in _posts(session, mine):
        owner[row.enrolment_id].posts[row.enrolment_id].append(row)
    for row in _rows(session, PostChange, PostChange.enrolment_id, mine):
        owner[row.enrolment_id].changes[row.enrolment_id].append(row)
    for books in several.values():
        if books.clock is not None:
            books.log = evidence_log.log_of(books.clock, books.chunks, books.cut)
    return several


def _rows(session: Session, model: type[Any], column: Any, ids: Sequence[int]) -> Sequence[Any]:
    """Rows as the store has them now, in the order of their key."""
    table = table_of(model)
    return session.execute(select(table).where(column.in_(ids)).order_by(*table.primary_key)).all()


def _posts(session: Session, enrolment_ids: Sequence[int]) -> Sequence[Any]:
    """Learners' posts with the key of their module and whom they answer, in the order in which they were written."""
    answered = aliased(Post)
    return session.execute(
        select(
            *table_of(Post).columns,
            ModuleRow.key.label("module_key"),
            func.coalesce(answered.author_id, Thread.author_id).label("answered_id"),
        )
        .join(Thread, Thread.id == Post.thread_id)
        .outerjoin(answered, answered.id == Post.reply_to_id)
        .join(ModuleRow, ModuleRow.id == Thread.module_id)
        .where(Post.enrolment_id.in_(enrolment_ids))
        .order_by(Post.id)
    ).all()


def unreadable_table(session: Session, user_id: int) -> str:
    """Which of one person's tables holds a value that is none of its column's."""
    mine = select(Enrolment.id).where(Enrolment.user_id == user_id)
    for models, column, ids in ((_OF_PEOPLE, "user_id", [user_id]), (_OF_ENROLMENTS, "enrolment_id", mine)):
        for model in models:
            table = table_of(model)
            keys = session.execute(select(*table.primary_key).where(table.c[column].in_(ids))).all()
            for key in keys:
                this_one = [one == value for one, value in zip(table.primary_key, key, strict=True)]
                try:
                    session.execute(select(table).where(*this_one)).all()
                except ValueError as fault:
                    named = ", ".join(f"{one.name} {value}" for one, value in zip(table.primary_key, key, strict=True))
                    return f"the row of {named} ({table.name}) cannot be read: {fault}"
    return f"an enrolment of user {user_id} (enrolments) cannot be read"


def entry_named(enrolment_id: int, number: int) -> str:
    """A credit entry as an auditor finds it in the tables."""
    return f"credit entry {number} of enrolment {enrolment_id} (credit_entries)"
