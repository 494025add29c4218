"""Appending credit entries to the ledger, of any number of enrolments in one transaction, and what follows from them.

Everything is read and written in a number of statements that does not grow with the enrolments. The ledgers' heads are
locked in the order of the enrolments' ids, so that entries of one enrolment follow each other and nobody waits in a
circle. The roll-up on the enrolment and the report owed to the LMS are written from the same reckoning that pages show.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from lms_plugin.domain import completion, weeks
from lms_plugin.domain.ledger import GENESIS, CreditEntry
from lms_plugin.domain.modes import week_of
from lms_plugin.domain.programme import Programme
from lms_plugin.services import catalogue, links_owed, outbox, owing_lrs
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.outbox import Owed
from lms_plugin.services.owing_lrs import PROGRAMME, Reached
from lms_plugin.services.portions import portions
from lms_plugin.services.sums import Sums, sums_of
from lms_plugin.storage import batches
from lms_plugin.storage.among import among
from lms_plugin.storage.ledger import ComponentTotal, ComponentWeek, CreditEntryRow, LedgerHead
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment

AT_ONCE = 1000

_NEW_HEAD = text(
    "INSERT INTO ledger_heads (enrolment_id, number, hash) VALUES (:enrolment_id, 0, :hash)"
    " ON CONFLICT (enrolment_id) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Credit:
    """Credit about to be entered: what for, how much, where from, and who decided where a person did.

    `on` is the day it was earned in the programme's time zone, where it is another than that of the entry.
    """

    component_key: str
    amount_ms: int
    source_kind: str
    source_id: str
    rule: str
    detail: Mapping[str, object]
    decided_by_id: int | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Entering:
    """Credit of one enrolment and the version of the programme that it was judged under."""

    enrolment_id: int
    current: InForce
    credit: Credit


@dataclass(slots=True)
class _Book:
    """One enrolment's figures on their way to new ones."""

    id: int
    current: InForce
    completed_at: datetime | None
    number: int = 0
    hash: str = GENESIS
    sums: Sums = field(default_factory=Sums)
    weeks: dict[str, dict[date, int]] = field(default_factory=lambda: defaultdict(dict))
    taken_back: bool = False
    stored: tuple[Any, ...] = ()


def day_of_entry(programme: Programme, detail: Mapping[str, object], recorded_at: datetime) -> date:
    """The day that an entry's credit was earned, in the programme's time zone."""
    on = detail.get("on")
    return date.fromisoformat(on) if isinstance(on, str) else programme.window.day_of(recorded_at)


def lock_ledgers(session: Session, enrolment_ids: Iterable[int]) -> None:
    """Hold these ledgers: the people they are of and, where something was entered, their heads.

    A ledger has a head from its first entry on. Until then only the people keep their doings one after the other; they
    are held before any head, as everywhere, each in one order.
    """
    wanted = sorted(set(enrolment_ids))
    if not wanted:
        return
    people = select(User.id).join(Enrolment, Enrolment.user_id == User.id).where(among(Enrolment.id, wanted))
    session.execute(people.order_by(User.id).with_for_update(of=User, key_share=True)).all()
    heads = (
        select(LedgerHead.enrolment_id).where(among(LedgerHead.enrolment_id, wanted)).order_by(LedgerHead.enrolment_id)
    )
    session.execute(heads.with_for_update()).all()


def enter_many(session: Session, entries: Sequence[Entering], now: datetime) -> list[int]:
    """Append credit entries in this order and bring everything that depends on them up to date; gives their numbers.

    All of it is part of the caller's transaction.
    """
    if not entries:
        return []
    session.flush()
    books = _books(session, {one.enrolment_id for one in entries}, now)
    rows, numbers = [], []
    touched_weeks: set[tuple[int, str, date]] = set()
    for one in entries:
        book, credit = books[one.enrolment_id], one.credit
        entry = _entry(book, one, now)
        book.number, book.hash = entry.number, entry.hash
        credited_ms = book.sums.credited_ms
        credited_ms[credit.component_key] = credited_ms.get(credit.component_key, 0) + credit.amount_ms
        book.taken_back |= credit.amount_ms < 0
        component = book.current.programme.component(credit.component_key)
        if component is not None and component.pace is not None:
            week_on = week_of(day_of_entry(book.current.programme, entry.detail, now))
            known = book.weeks[credit.component_key]
            known[week_on] = known.get(week_on, 0) + credit.amount_ms
            touched_weeks.add((one.enrolment_id, credit.component_key, week_on))
        rows.append(_row(entry))
        numbers.append(entry.number)
    batches.append(session, CreditEntryRow, rows)
    heads = [{"enrolment_id": book.id, "number": book.number, "hash": book.hash} for book in books.values()]
    batches.change(session, LedgerHead, ("enrolment_id",), heads)
    touched = [
        {
            "enrolment_id": enrolment_id,
            "component_key": key,
            "week_on": week_on,
            "credited_ms": books[enrolment_id].weeks[key][week_on],
        }
        for enrolment_id, key, week_on in sorted(touched_weeks)
    ]
    batches.put(session, ComponentWeek, ("enrolment_id", "component_key", "week_on"), touched)
    keys = {(one.enrolment_id, one.credit.component_key) for one in entries}
    _decide(session, books, now, keys)
    return numbers


def refresh_many(session: Session, enrolment_ids: Sequence[int], now: datetime) -> int:
    """Bring the roll-ups of enrolments in line with the version in force; gives how many changed."""
    session.flush()
    return _decide(session, _books(session, set(enrolment_ids), now, begin=False), now, set())


def _books(session: Session, wanted: Iterable[int], now: datetime, *, begin: bool = True) -> dict[int, _Book]:
    """The figures of these enrolments as they stand, their ledgers' heads locked; ledgers without one `begin`."""
    books: dict[int, _Book] = {}
    versions: dict[tuple[int, str], InForce] = {}
    for some in portions(sorted(wanted), AT_ONCE):
        heads = (
            select(LedgerHead.enrolment_id, LedgerHead.number, LedgerHead.hash)
            .where(among(LedgerHead.enrolment_id, some))
            .order_by(LedgerHead.enrolment_id)
            .with_for_update()
        )
        found = session.execute(heads).all()
        if begin and len(found) < len(some):
            missing = set(some).difference(row.enrolment_id for row in found)
            session.execute(_NEW_HEAD, [{"enrolment_id": one, "hash": GENESIS} for one in sorted(missing)])
            found = session.execute(heads).all()
        columns = (
            Enrolment.id,
            Enrolment.programme_id,
            Enrolment.variant,
            Enrolment.completed_at,
            Enrolment.counted_ms,
            Enrolment.completion_ratio,
        )
        # Read after the lock: what stood there before may be old by now.
        for row in session.execute(select(*columns).where(among(Enrolment.id, some))):
            key = (row.programme_id, row.variant)
            if key not in versions:
                versions[key] = catalogue.in_force(session, row.programme_id, now, row.variant)
            books[row.id] = _Book(
                row.id,
                versions[key],
                row.completed_at,
                stored=(row.counted_ms, row.completion_ratio, row.completed_at),
            )
        for head in found:
            books[head.enrolment_id].number, books[head.enrolment_id].hash = head.number, head.hash
        for enrolment_id, sums in sums_of(session, some).items():
            books[enrolment_id].sums = sums
        paced = [one for one in some if _has_pace(books[one].current.programme)]
        known = select(
            ComponentWeek.enrolment_id, ComponentWeek.component_key, ComponentWeek.week_on, ComponentWeek.credited_ms
        ).where(among(ComponentWeek.enrolment_id, paced))
        for enrolment_id, component_key, week_on, credited_ms in session.execute(known) if paced else ():
            books[enrolment_id].weeks[component_key][week_on] = credited_ms
    return books


def _entry(book: _Book, one: Entering, now: datetime) -> CreditEntry:
    credit = one.credit
    detail = dict(credit.detail)
    if credit.on is not None:
        detail["on"] = credit.on.isoformat()
    return CreditEntry(
        enrolment_id=one.enrolment_id,
        number=book.number + 1,
        component_key=credit.component_key,
        amount_ms=credit.amount_ms,
        source_kind=credit.source_kind,
        source_id=credit.source_id,
        detail=detail,
        rule_version=f"{one.current.rule_version} {credit.rule}",
        decided_by_id=credit.decided_by_id,
        recorded_at=now,
        previous_hash=book.hash,
    )


def _row(entry: CreditEntry) -> dict[str, Any]:
    return {
        "enrolment_id": entry.enrolment_id,
        "number": entry.number,
        "component_key": entry.component_key,
        "amount_ms": entry.amount_ms,
        "source_kind": entry.source_kind,
        "source_id": entry.source_id,
        "detail": dict(entry.detail),
        "rule_version": entry.rule_version,
        "decided_by_id": entry.decided_by_id,
        "recorded_at": entry.recorded_at,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


def _decide(session: Session, books: Mapping[int, _Book], now: datetime, keys: set[tuple[int, str]]) -> int:
    """Write sums (those of `keys`, and whatever else waits for its week), roll-ups, and what the LMS is owed.

    Once complete, an enrolment stays complete: a rule that is made stricter later takes nothing away. Credit that is
    taken back does; what the LMS was told before stays there. Gives how many roll-ups changed.
    """
    is_entering = bool(keys)
    totals, rolled_up, owed, linked, reached = [], [], [], [], []
    for book in books.values():
        programme, pending_ms = book.current.programme, book.sums.pending_ms
        for component in programme.components:
            waits = weeks.pending_ms(book.weeks.get(component.key, {}), component.pace, programme.class_hour_ms)
            if waits != pending_ms.get(component.key, 0):
                pending_ms[component.key] = waits
                keys.add((book.id, component.key))
        reckoned = book.sums.reckon(programme)
        decided = completion.decide(programme, reckoned)
        if decided.complete and book.completed_at is None:
            book.completed_at = now
        elif book.taken_back and not decided.complete:
            book.completed_at = None
        figures = (reckoned.total.counted_ms, decided.ratio, book.completed_at)
        is_new = figures != book.stored
        if is_new:
            book.stored = figures
            rolled_up.append(
                {
                    "id": book.id,
                    "counted_ms": reckoned.total.counted_ms,
                    "completion_ratio": decided.ratio,
                    "completed_at": book.completed_at,
                }
            )
        if (is_entering or is_new) and book.current.is_told:
            reached.append(Reached(book.id, programme.key, PROGRAMME, decided.ratio))
        course = programme.lms
        # A course that is another one by now is owed the ratio too, where it stands as it stood.
        if (is_entering or is_new) and course is not None and course.block_key is not None:
            owed.append(Owed(book.id, course, course.block_key, decided.ratio))
        if (is_entering or is_new) and book.current.is_linked:
            linked.append(links_owed.stand_in_programme(book.id, reckoned, decided))
    for enrolment_id, key in sorted(keys):
        book = books[enrolment_id]
        totals.append(
            {
                "enrolment_id": enrolment_id,
                "component_key": key,
                "credited_ms": book.sums.credited_ms.get(key, 0),
                "pending_ms": book.sums.pending_ms.get(key, 0),
            }
        )
    batches.put(session, ComponentTotal, ("enrolment_id", "component_key"), totals)
    batches.change(session, Enrolment, ("id",), rolled_up)
    owed += links_owed.of_links(session, linked)
    outbox.owe_many(session, owed, now)
    owing_lrs.owe(session, reached, now)
    _expire(session, books)
    return len(rolled_up)


def _expire(session: Session, books: Mapping[int, _Book]) -> None:
    """Let the ORM know what was written past it."""
    for known in list(session.identity_map.values()):
        if isinstance(known, Enrolment):
            book = books.get(known.id)
            if book is not None:
                for name, value in zip(("counted_ms", "completion_ratio", "completed_at"), book.stored, strict=True):
                    set_committed_value(known, name, value)
        elif isinstance(known, LedgerHead | ComponentTotal | ComponentWeek) and known.enrolment_id in books:
            session.expire(known)


def _has_pace(programme: Programme) -> bool:
    return any(component.pace is not None for component in programme.components)
