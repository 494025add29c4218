"""The ends of all chains written down, to be printed or signed, and checked later against the store.

Whoever may change everything in a database can make a chain of hashes anew from any entry on. What was written down
before, and lies elsewhere, cannot be changed with it. A file has a line for each enrolment and ends with the SHA-256 of
all lines before: whoever keeps that one line can tell whether the file is still the same.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.evidence import NO_HEAD
from lms_plugin.domain.ledger import GENESIS, first_break
from lms_plugin.domain.replay import Differs
from lms_plugin.services import catalogue, evidence_log
from lms_plugin.storage.activity import PersonClock
from lms_plugin.storage.ledger import CreditEntryRow, LedgerHead
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow

TITLE = "lms-plugin chain heads 1"
_COLUMNS = "login\tprogramme\tentries\tledger head\tevidence chunks\tevidence head"
_DIGEST = "sha256 "


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where the two chains of an enrolment ended: its ledger, and its person's log of evidence."""

    login: str
    programme: str
    entries: int
    ledger_head: str
    chunks: int
    evidence_head: str

    @property
    def line(self) -> str:
        return "\t".join(
            (self.login, self.programme, str(self.entries), self.ledger_head, str(self.chunks), self.evidence_head)
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """One head's check: what is gone, in words (None: nothing), and whether the evidence could be looked at."""

    head: ChainHead
    gone: str | None
    evidence_was_cut: bool = False


def written(session: Session, now: datetime, programme_key: str | None = None) -> Iterator[str]:
    """The lines of a file, without their ends; the last one is the digest.

    Raises:
        NotFound: there is no such programme.
    """
    digest = hashlib.sha256()
    for line in _lines(session, now, programme_key):
        digest.update(f"{line}\n".encode())
        yield line
    yield f"{_DIGEST}{digest.hexdigest()}"


def _lines(session: Session, now: datetime, programme_key: str | None) -> Iterator[str]:
    query = (
        select(
            User.login,
            ProgrammeRow.key,
            LedgerHead.number,
            LedgerHead.hash,
            PersonClock.log_chunks,
            PersonClock.log_head,
        )
        .select_from(Enrolment)
        .join(User, User.id == Enrolment.user_id)
        .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
        .outerjoin(LedgerHead, LedgerHead.enrolment_id == Enrolment.id)
        .outerjoin(PersonClock, PersonClock.user_id == Enrolment.user_id)
        .order_by(ProgrammeRow.key, User.login)
    )
    if programme_key is not None:
        query = query.where(ProgrammeRow.id == catalogue.programme_id_of(session, programme_key))
    yield TITLE
    yield f"at {now.isoformat(timespec='seconds')}"
    yield _COLUMNS
    for row in session.execute(query.execution_options(yield_per=1000)):
        head = (row.log_head or NO_HEAD).hex()
        yield ChainHead(row.login, row.key, row.number or 0, row.hash or GENESIS, row.log_chunks or 0, head).line


def read(lines: Iterable[str]) -> tuple[list[ChainHead], str]:
    """The heads of a file, and its digest.

    Raises:
        Malformed: it is no such file (`heads_unreadable`), or not the one that was written (`heads_changed`).
    """
    several = [line.removesuffix("\n").removesuffix("\r") for line in lines]
    while several and not several[-1]:
        several.pop()
    if len(several) < 4 or several[0] != TITLE or not several[-1].startswith(_DIGEST):
        raise Malformed("heads_unreadable", why=f"it should begin with {TITLE!r} and end with its digest")
    digest = hashlib.sha256("".join(f"{line}\n" for line in several[:-1]).encode()).hexdigest()
    if several[-1] != f"{_DIGEST}{digest}":
        raise Malformed("heads_changed")
    heads = []
    for number, line in enumerate(several[3:-1], start=4):
        parts = line.split("\t")
        if len(parts) != 6 or not (parts[2].isdecimal() and parts[4].isdecimal()):
            raise Malformed("heads_unreadable", why=f"line {number} is no chain's head")
        heads.append(ChainHead(parts[0], parts[1], int(parts[2]), parts[3], int(parts[4]), parts[5]))
    return heads, digest


def check(session: Session, heads: Sequence[ChainHead]) -> Iterator[Checked]:
    """Whether each head is still in its chain: the entries up to it, and the evidence, are the same as then."""
    for head in heads:
        found = session.execute(
            select(Enrolment.id, Enrolment.user_id)
            .join(User, User.id == Enrolment.user_id)
            .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
            .where(User.login == head.login, ProgrammeRow.key == head.programme)
        ).one_or_none()
        if found is None:
            yield Checked(head, "the enrolment is gone")
            continue
        gone = _gone_from_ledger(session, found.id, head)
        if gone is None:
            yield _in_evidence(session, found.user_id, head)
        else:
            yield Checked(head, gone)


def _gone_from_ledger(session: Session, enrolment_id: int, head: ChainHead) -> str | None:
    rows = session.scalars(
        select(CreditEntryRow)
        .where(CreditEntryRow.enrolment_id == enrolment_id, CreditEntryRow.number <= head.entries)
        .order_by(CreditEntryRow.number)
        .execution_options(populate_existing=True)
    ).all()
    broken = first_break(((row.as_entry(), row.hash) for row in rows), (head.entries, head.ledger_head))
    if broken is None:
        return None
    if len(rows) < head.entries:
        return f"credit entry {broken} of enrolment {enrolment_id} (credit_entries) is gone"
    if rows and broken == head.entries:
        return (
            f"credit entry {broken} of enrolment {enrolment_id} (credit_entries) has the hash {rows[-1].hash}, it had"
            f" {head.ledger_head}"
        )
    return f"credit entry {broken} of enrolment {enrolment_id} (credit_entries) is not what it was"


def _in_evidence(session: Session, user_id: int, head: ChainHead) -> Checked:
    wanted = bytes.fromhex(head.evidence_head)
    log = evidence_log.read(session, user_id)
    if wanted == NO_HEAD:
        return Checked(head, None)
    if log is None:
        return Checked(head, f"the evidence of user {user_id} (person_clocks) is gone")
    if log.cut is not None and log.cut.head == wanted:
        return Checked(head, None, evidence_was_cut=True)
    try:
        if any(one.head_after == wanted for one in log.events()):
            return Checked(head, None)
    except Differs as difference:
        return Checked(head, str(difference))
    if log.cut is not None and head.chunks <= log.cut.chunks:
        # What it passed through was deleted when its time was over, and with it what could be compared.
        return Checked(head, None, evidence_was_cut=True)
    return Checked(head, f"the evidence of user {user_id} (evidence_chunks) does not pass through the head it had")
