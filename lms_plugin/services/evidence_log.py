"""A person's log of evidence as it is stored: read, its chain of hashes checked, and replayed.

Where the beginning of a log was deleted (services/retention.py), replaying goes on from the state kept at the cut.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import evidence, intervals
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.evidence import NO_HEAD, Answered, Beaten, Context, Event, Opened, Unreadable
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.replay import Differs, Replay, ReplayedPlay
from lms_plugin.domain.watching import Days, Film, Lease, Play, Terms
from lms_plugin.services.catalogue import InForce, number_in_force, schedule, version_of
from lms_plugin.storage.activity import EvidenceChunk, PersonClock
from lms_plugin.storage.evidence import EvidenceCut
from lms_plugin.storage.programmes import Enrolment, ModuleRow, Video


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its chunk's number (the open end has one more than the closed ones) and the heads around it."""

    event: Event
    chunk: int
    head_before: bytes
    head_after: bytes


class Chunk(Protocol):
    """A closed chunk as a row of the store."""

    @property
    def number(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def head(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class EvidenceLog:
    """A person's log; `cut` says what was deleted from its beginning when its time was over."""

    user_id: int
    chunks: Sequence[Chunk]
    open_body: bytes
    open_context: bytes
    head: bytes
    closed_chunks: int
    cut: EvidenceCut | None

    @property
    def size_bytes(self) -> int:
        return sum(len(one.body) for one in self.chunks) + len(self.open_body)

    @property
    def is_empty(self) -> bool:
        return not (self.chunks or self.open_body)

    def events(self) -> Iterator[LoggedEvent]:
        """All events in order.

        Raises:
            Differs: a chunk is missing, cannot be read, or is not what its head was reckoned from; it is named.
        """
        number, head = (0, NO_HEAD) if self.cut is None else (self.cut.chunks, self.cut.head)
        for chunk in self.chunks:
            number += 1
            if chunk.number != number:
                missing = min(chunk.number, number)
                fault = "is one that its log does not have" if chunk.number < number else "is missing"
                raise Differs(f"{self.name_of(missing)} {fault}")
            logged, _ = self._read(number, chunk.body, head, self.name_of(number))
            head = logged[-1].head_after if logged else head
            if head != chunk.head:
                raise Differs(f"{self.name_of(number)} is not what its hash was made from")
            yield from logged
        end = f"the open end of the evidence of user {self.user_id} (person_clocks)"
        try:
            logged, context = self._read(number + 1, self.open_body, head, end)
            fits = (logged[-1].head_after if logged else head) == self.head
        except Differs:
            if number == self.closed_chunks:
                raise
            fits = False
        if number != self.closed_chunks:
            if fits:
                raise Differs(f"{end} counts {self.closed_chunks} closed chunks, there are {number}")
            if number < self.closed_chunks:
                raise Differs(f"{self.name_of(number + 1)} is missing: {end} counts {self.closed_chunks}")
            raise Differs(f"{self.name_of(self.closed_chunks + 1)} is one that its log does not have")
        if not fits:
            raise Differs(f"{end} is not what its hash was made from")
        if self.open_context != (context.pack() if self.open_body else b""):
            raise Differs(f"{end} would be gone on with from the wrong place (log_context)")
        yield from logged

    def name_of(self, chunk: int) -> str:
        """A closed chunk as an auditor finds it in the tables."""
        return f"evidence chunk {chunk} of user {self.user_id} (evidence_chunks)"

    def place_of(self, logged: LoggedEvent) -> str:
        """Where an event stands, as an auditor finds it in the tables."""
        if logged.chunk > self.closed_chunks:
            return f"the open end of the evidence of user {self.user_id} (person_clocks)"
        return self.name_of(logged.chunk)

    def _read(self, number: int, body: bytes, head: bytes, name: str) -> tuple[list[LoggedEvent], Context]:
        logged, context = [], Context()
        try:
            for event, written in evidence.read(body, context):
                after = evidence.next_head(head, written)
                logged.append(LoggedEvent(event, number, head, after))
                head = after
        except Unreadable as fault:
            raise Differs(f"{name} cannot be read: {fault}") from fault
        return logged, context


def read(session: Session, user_id: int) -> EvidenceLog | None:
    """A person's log, None for somebody who never watched."""
    clock = session.execute(select(PersonClock.__table__).where(PersonClock.user_id == user_id)).one_or_none()
    if clock is None:
        return None
    chunks = session.execute(
        select(EvidenceChunk.__table__).where(EvidenceChunk.user_id == user_id).order_by(EvidenceChunk.number)
    ).all()
    return log_of(clock, chunks, session.get(EvidenceCut, user_id, populate_existing=True))


def log_of(clock: Any, chunks: Sequence[Any], cut: EvidenceCut | None) -> EvidenceLog:
    """The log that a person's rows make."""
    return EvidenceLog(
        user_id=clock.user_id,
        chunks=chunks,
        open_body=clock.log_body,
        open_context=clock.log_context,
        head=clock.log_head,
        closed_chunks=clock.log_chunks,
        cut=cut,
    )


# --- replaying --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Catalogue:
    """Versions of programmes, films and modules, each read once for all people: what is kept of them never changes."""

    versions: dict[tuple[int, int, str], InForce] = field(default_factory=dict)
    terms: dict[tuple[int, int, str], Terms] = field(default_factory=dict)
    schedules: dict[int, list[tuple[int, datetime]]] = field(default_factory=dict)
    films_ms: dict[int, int] = field(default_factory=dict)
    modules: dict[int, int | None] = field(default_factory=dict)
    module_keys: dict[int, str | None] = field(default_factory=dict)

    def version(self, session: Session, programme_id: int, number: int, variant: str = "") -> InForce:
        found = self.versions.get((programme_id, number, variant))
        if found is None:
            try:
                found = version_of(session, programme_id, number, variant)
            except NotFound as fault:
                raise Differs(
                    f"there is no version {number} of programme {programme_id} (programme_versions)"
                ) from fault
            self.versions[programme_id, number, variant] = found
        return found

    def terms_of(self, session: Session, programme_id: int, number: int, variant: str) -> Terms:
        found = self.terms.get((programme_id, number, variant))
        if found is None:
            programme = self.version(session, programme_id, number, variant).programme
            found = self.terms[programme_id, number, variant] = Terms.of(programme)
        return found

    def schedule(self, session: Session, programme_id: int) -> list[tuple[int, datetime]]:
        """The versions of a programme by number, each with the moment it applies from."""
        if programme_id not in self.schedules:
            self.schedules[programme_id] = schedule(session, programme_id)
        return self.schedules[programme_id]

    def in_force(self, session: Session, programme_id: int, at: datetime, variant: str = "") -> InForce:
        number = number_in_force(self.schedule(session, programme_id), at)
        return self.version(session, programme_id, number, variant)

    def film_ms(self, session: Session, video_id: int) -> int:
        found = self.films_ms.get(video_id)
        if found is None:
            found = session.scalar(select(Video.duration_ms).where(Video.id == video_id))
            if found is None:
                raise Differs(f"there is no video {video_id} (videos)")
            self.films_ms[video_id] = found
        return found

    def module_of(self, session: Session, video_id: int) -> int | None:
        if video_id not in self.modules:
            self.modules[video_id] = session.scalar(select(Video.module_id).where(Video.id == video_id))
        return self.modules[video_id]

    def module_key(self, session: Session, module_id: int) -> str | None:
        if module_id not in self.module_keys:
            self.module_keys[module_id] = session.scalar(select(ModuleRow.key).where(ModuleRow.id == module_id))
        return self.module_keys[module_id]


@dataclass(frozen=True, slots=True)
class CheckPut:
    """How a presence check was put. A further try comes with an answer, which names no session (`play` None)."""

    number: int
    issued_at: datetime
    answer_by: datetime | None
    play: ReplayedPlay | None
    version: int | None


@dataclass(slots=True)
class Replayed:
    """What a log gives: the state and the entries, how each check was put, and the chunk of each session's opening."""

    again: Replay
    puts: dict[int, CheckPut] = field(default_factory=dict)
    opened_in: dict[int, int] = field(default_factory=dict)


Step = Callable[[LoggedEvent, Replay], None]


def replay(
    session: Session,
    log: EvidenceLog,
    *,
    catalogue: Catalogue | None = None,
    enrolments: Mapping[int, tuple[int, str]] | None = None,
    before: Step | None = None,
    after: Step | None = None,
) -> Replayed:
    """The state and the entries that the log gives; `before` and `after` are called around each event.

    `enrolments` are the person's by their id, each with its programme's id and its variant, where they are known.

    Raises:
        Differs: the log is damaged, or what it says was answered is not what the rule gives; the place is named.
    """
    shared = catalogue or Catalogue()
    known = dict(enrolments) if enrolments is not None else _enrolments(session, log.user_id)

    def terms(enrolment_id: int, version: int) -> Terms:
        if enrolment_id not in known:
            raise Differs(
                f"enrolment {enrolment_id} (enrolments) is not one of user {log.user_id}, who watched under it"
            )
        programme_id, variant = known[enrolment_id]
        return shared.terms_of(session, programme_id, version, variant)

    again = Replay(film_ms=lambda video_id: shared.film_ms(session, video_id), terms=terms)
    found = Replayed(again)
    if log.cut is not None:
        _go_on_from(log.cut, again)
    for logged in log.events():
        if before is not None:
            before(logged, again)
        try:
            again.take(logged.event, logged.head_before)
            _note(logged, found)
        except Differs as difference:
            raise Differs(f"{log.place_of(logged)}: {difference}") from difference
        except (ArithmeticError, LookupError, TypeError, ValueError) as fault:
            raise Differs(f"{log.place_of(logged)}: an event that nothing can be made of: {fault}") from fault
        if after is not None:
            after(logged, again)
    return found


def _note(logged: LoggedEvent, found: Replayed) -> None:
    event, again = logged.event, found.again
    check, play = 0, None
    if isinstance(event, Opened):
        found.opened_in[event.play] = logged.chunk
        check, play = event.check, again.plays[event.play]
    elif isinstance(event, Beaten):
        check, play = event.outcome.check, again.plays[event.play]
    elif isinstance(event, Answered):
        check = event.next_check
    if check:
        version = play.version if play is not None else None
        found.puts[check] = CheckPut(check, event.at, again.presence.answer_by, play, version)


def _enrolments(session: Session, user_id: int) -> dict[int, tuple[int, str]]:
    columns = select(Enrolment.id, Enrolment.programme_id, Enrolment.variant)
    return {
        row.id: (row.programme_id, row.variant) for row in session.execute(columns.where(Enrolment.user_id == user_id))
    }


# --- the state at a cut -----------------------------------------------------------------------------------------------


def kept_at_cut(again: Replay, ledger_ends: Mapping[int, int]) -> dict[str, Any]:
    """What has to be known of a log that is deleted, so that the next one can be replayed: JSON.

    `ledger_ends` are the numbers of the last credit entries by enrolment: later ones must be in the log that follows.
    """
    return {
        "films": [
            [*key, *_hex(film.covered, film.missed), evidence.pack_stretches(film.withheld).hex()]
            for key, film in sorted(again.films.items())
        ],
        "days": [
            [enrolment_id, day.isoformat(), used_ms]
            for enrolment_id, days in sorted(again.days.items())
            for day, used_ms in sorted(days.used_ms.items())
            if used_ms
        ],
        "plays": [_kept_play(one) for _, one in sorted(again.plays.items())],
        "entries": sorted([enrolment_id, number] for enrolment_id, number in ledger_ends.items()),
    }


def _kept_play(one: ReplayedPlay) -> list[Any]:
    play, lease = one.play, one.play.lease
    return [
        *(one.number, one.session_id, one.enrolment_id, one.video_id, one.version, one.max_rate_permille, one.last_seq),
        *(_written(lease.opened_at), _written(lease.last_contact_at), _written(lease.ended_at), lease.spent_ms),
        *_hex(play.unconfirmed, play.pending, play.waiting, play.delivered),
    ]


def _go_on_from(cut: EvidenceCut, again: Replay) -> None:
    where = f"what was kept when the evidence of user {cut.user_id} was cut (evidence_cuts)"
    again.put = cut.checks
    try:
        for enrolment_id, video_id, *packed, withheld in cut.kept["films"]:
            covered, missed = _sets(*packed)
            reasons = evidence.unpack_stretches(bytes.fromhex(withheld))
            again.films[enrolment_id, video_id] = Film(again.film_ms(video_id), covered, missed, reasons)
        for enrolment_id, day, used_ms in cut.kept["days"]:
            again.days.setdefault(enrolment_id, Days()).used_ms[date.fromisoformat(day)] = used_ms
        for kept in cut.kept["plays"]:
            number, name, enrolment_id, video_id, version, permille, last_seq = kept[:7]
            opened_at, contact_at, ended_at, spent_ms = kept[7:11]
            ended = None if ended_at is None else _read(ended_at)
            lease = Lease(_read(opened_at), _read(contact_at), Fraction(permille, 1000), spent_ms, ended)
            play = Play(lease, *_sets(*kept[11:15]))
            again.plays[number] = ReplayedPlay(number, name, enrolment_id, video_id, version, permille, play, last_seq)
    except (LookupError, TypeError, ValueError) as fault:
        raise Differs(f"{where} cannot be read: {fault}") from fault
    if len(again.plays) != cut.plays:
        raise Differs(f"{where} has {len(again.plays)} playback sessions, it counts {cut.plays}")


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="microseconds")


def _read(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _hex(*sets: Segments) -> list[str]:
    return [intervals.pack(one).hex() for one in sets]


def _sets(*packed: str) -> list[Segments]:
    return [intervals.unpack(bytes.fromhex(one)) for one in packed]
