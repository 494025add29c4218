"""Auditing: every hour worked out again from the evidence, by the rules of its time, and compared to the millisecond.

Five things are checked against each other: the ledger (its chain of hashes, its sums), the log of evidence (its chain
of hashes, and that each answer in it follows from what came before), the posts, confirmed study and disputes, and the
state that everything else reads. The first thing that differs is named as an auditor finds it in the tables.

What decides no credit is left alone: where a film goes on, when a worker posts, how a question was shown.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select, union
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.replay import Differs
from lms_plugin.services import audit_disputes, audit_elsewhere, audit_posts, catalogue
from lms_plugin.services.audit_books import Books, books_of, unreadable_table
from lms_plugin.services.audit_ledger import CannotReplay, LedgerAudit
from lms_plugin.services.audit_ledger import entry_of as entry_of
from lms_plugin.services.audit_makeups import MakeupAudit
from lms_plugin.services.audit_studies import StudyAudit
from lms_plugin.services.audit_watching import WatchingAudit
from lms_plugin.services.evidence_log import Catalogue
from lms_plugin.storage.activity import PersonClock
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow

AT_ONCE = 100
"""So many people are read at once."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One person's audit: the first thing that differs, in words (None where everything agrees).

    `is_replayable` is False where an unknown rule stood in the way, `is_cut` True where the beginning of the evidence
    was deleted when its time was over, so that only what is left was worked out again.
    """

    user_id: int
    difference: str | None
    is_replayable: bool = True
    is_cut: bool = False
    entries: int = 0
    evidence_bytes: int = 0


def people(programme_key: str | None = None, login: str | None = None) -> Select[tuple[int]]:
    """Ids of everybody who is enrolled or has evidence anywhere, or is enrolled in one programme, or of one person."""
    if programme_key is None and login is None:
        everybody = union(select(Enrolment.user_id), select(PersonClock.user_id)).subquery()
        return select(everybody.c.user_id).order_by(everybody.c.user_id)
    query = select(Enrolment.user_id).distinct().order_by(Enrolment.user_id)
    if programme_key is not None:
        query = query.join(ProgrammeRow).where(ProgrammeRow.key == programme_key)
    if login is not None:
        query = query.join(User, User.id == Enrolment.user_id).where(User.login == login)
    return query


def chosen(
    session: Session,
    *,
    programme_key: str | None = None,
    login: str | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> list[int]:
    """Who is audited, by id; with `sample` so many of them, the same ones for the same seed and the same people.

    Raises:
        NotFound: there is no such programme or account, or the account is not enrolled there.
    """
    if programme_key is not None:
        catalogue.programme_id_of(session, programme_key)
    if login is not None and session.scalar(select(User.id).where(User.login == login)) is None:
        raise NotFound(what="user", key=login)
    found = list(session.scalars(people(programme_key, login)))
    if login is not None and not found:
        raise NotFound(what="enrolment of", key=login)
    if sample is None or sample >= len(found):
        return found
    return sorted(random.Random(seed).sample(found, sample))  # noqa: S311 - a draw that can be repeated


def hold_still(session: Session) -> None:
    """Let a session that has not read yet see one moment of the store throughout, whatever is written meanwhile."""
    if session.get_bind().dialect.name != "sqlite":  # SQLite does so by itself
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def first_difference(session: Session, user_id: int) -> str | None:
    """The first thing about a person's hours that does not agree, in words; None where everything does."""
    return next(audit(session, [user_id])).difference


def audit(session: Session, user_ids: Sequence[int], shared: Catalogue | None = None) -> Iterator[Audited]:
    """Audit some people, read from the store together; `shared` keeps what they have in common for the next ones."""
    shared = shared or Catalogue()
    try:
        several = books_of(session, user_ids)
    except ValueError:
        # A value that cannot be read stands in the way of all: by themselves, only of the one that has it.
        if len(user_ids) > 1:
            for user_id in user_ids:
                yield from audit(session, [user_id], shared)
            return
        yield Audited(user_ids[0], unreadable_table(session, user_ids[0]))
        return
    for user_id in user_ids:
        books = several[user_id]
        difference, is_replayable = None, True
        try:
            _check(session, shared, books)
        except Differs as found:
            difference, is_replayable = str(found), not isinstance(found, CannotReplay)
        yield Audited(
            user_id=user_id,
            difference=difference,
            is_replayable=is_replayable,
            is_cut=books.cut is not None,
            entries=sum(len(rows) for rows in books.entries.values()),
            evidence_bytes=books.log.size_bytes if books.log is not None else 0,
        )


def _check(session: Session, shared: Catalogue, books: Books) -> None:
    """The audit of one person; raises `Differs` at the first thing that does."""
    ledger = LedgerAudit(session, shared, books)
    for enrolment in books.enrolments.values():
        ledger.check_chain(enrolment)
    for enrolment in books.enrolments.values():
        ledger.check_rules(enrolment)
        audit_posts.check(session, shared, books, enrolment)
        audit_disputes.check(books, enrolment)
    WatchingAudit(session, shared, books).check()
    StudyAudit(session, shared, books).check()
    MakeupAudit(session, shared, books).check()
    audit_elsewhere.check(session, books)
    for enrolment in books.enrolments.values():
        ledger.check_sums(enrolment.id)
        ledger.check_weeks(enrolment)
        ledger.check_roll_up(enrolment)
