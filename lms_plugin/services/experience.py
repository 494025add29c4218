"""What a learning record store is told of a learner: read from what is stored, the same whenever it is read.

A standing (of a programme or a module) rests on the ledger as it was when the standing was reached. What was done at a
film is told from the evidence (domain/viewing_steps.py). Nothing here is kept anywhere else: a statement that is sent
again is made again, and is the same one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain import evidence, viewing_steps
from lms_plugin.domain.evidence import Event, Unreadable
from lms_plugin.domain.programme import Programme, Text
from lms_plugin.domain.viewing_steps import Step
from lms_plugin.services import catalogue
from lms_plugin.services.owing_lrs import MODULE, PROGRAMME, VIDEO
from lms_plugin.services.watched_time import RELEASED, TAKEN_BACK, WATCHED
from lms_plugin.storage.activity import Coverage, EvidenceChunk, PersonClock, PlaybackSession
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.outbox import Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow, ProgrammeRow, Video
from lms_plugin.storage.session import Database

TOLD_AGAIN = timedelta(minutes=10)
"""What became known so shortly before an acknowledgement is told once more: it may have come while the rest was sent,
by a clock that is a little behind."""


@dataclass(frozen=True, slots=True)
class Named:
    """A programme or a module: its key and its title."""

    key: str
    title: Text


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a learner is in a programme (`module` None) or in one of its modules.

    `ratio` (0..1, 1 being complete) was reached at `at`, after `spent_ms` of credited time.
    """

    block_key: str
    report_id: int
    enrolment_id: int
    programme: Named
    module: Named | None
    ratio: Decimal
    at: datetime
    spent_ms: int


@dataclass(frozen=True, slots=True)
class Film:
    """A module's film: `digest` names what was filmed, `threshold` is the share from which it counts as complete."""

    digest: str
    length_ms: int
    threshold: Fraction


@dataclass(frozen=True, slots=True)
class Watching:
    """What a learner did at a module's film: all steps, and how many of the first were `told` long ago already.

    `ratio` is how much of the film counts. `session_ids` are the names of the playback sessions by their numbers.
    """

    block_key: str
    report_id: int
    enrolment_id: int
    programme: Named
    module: Named
    ratio: Decimal
    film: Film
    session_ids: Mapping[int, str]
    steps: tuple[Step, ...]
    told: int = 0


@dataclass(frozen=True, slots=True)
class Experience:
    """All of a learner that a message is about; `lacking` says in words why there is nothing to tell of a block."""

    login: str
    parts: tuple[Standing | Watching, ...]
    lacking: Mapping[str, str] = field(default_factory=dict)


ExperienceReader = Callable[[str, str, Sequence[str]], Experience]
"""Reads what is owed of a learner (by login) in a programme (by key), for these block keys of the outbox.

Raises:
    Unavailable: the store cannot be reached.
"""


def reader(database: Database, platform_key: str, clock: Callable[[], datetime]) -> ExperienceReader:
    """The reader of what a record store is owed."""

    def read_one(login: str, programme_key: str, block_keys: Sequence[str]) -> Experience:
        with database.reading() as session:
            return read(session, platform_key, login, programme_key, block_keys, clock())

    return read_one


def read(
    session: Session, platform_key: str, login: str, programme_key: str, block_keys: Sequence[str], now: datetime
) -> Experience:
    """What is stored of these blocks of a learner's enrolment in a programme."""
    query = (
        select(Report, Enrolment)
        .join(Enrolment, Enrolment.id == Report.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .join(ProgrammeRow, ProgrammeRow.id == Enrolment.programme_id)
        .where(
            User.login == login,
            ProgrammeRow.key == programme_key,
            Report.platform_key == platform_key,
            Report.block_key.in_(block_keys),
        )
    )
    found = {report.block_key: (report, enrolment) for report, enrolment in session.execute(query)}
    parts: list[Standing | Watching] = []
    lacking: dict[str, str] = {}
    programme: Programme | None = None
    for block_key in block_keys:
        if block_key not in found:
            lacking[block_key] = "nothing of this block is owed"
            continue
        report, enrolment = found[block_key]
        programme = programme or catalogue.for_enrolment(session, enrolment, now).programme
        kind, _, module_key = block_key.partition(":")
        if kind in (PROGRAMME, MODULE):
            parts.append(_standing(session, report, programme, module_key if kind == MODULE else None))
            continue
        try:
            watching = _watching(session, report, enrolment, programme, module_key) if kind == VIDEO else None
        except Unreadable as fault:
            lacking[block_key] = f"the evidence cannot be read: {fault}"
            continue
        if watching is None:
            lacking[block_key] = "there is no such film"
        else:
            parts.append(watching)
    return Experience(login, tuple(parts), lacking)


def _standing(session: Session, report: Report, programme: Programme, module_key: str | None) -> Standing:
    """A standing, with the last entry of the ledger that it rests on and the credit up to there."""
    by_then = (CreditEntryRow.enrolment_id == report.enrolment_id, CreditEntryRow.recorded_at <= report.updated_at)
    if module_key is None:
        at, spent_ms = session.execute(
            select(func.max(CreditEntryRow.recorded_at), func.sum(CreditEntryRow.amount_ms)).where(*by_then)
        ).one()
    else:
        of_films = CreditEntryRow.source_kind.in_((WATCHED, TAKEN_BACK, RELEASED))
        columns = select(CreditEntryRow.recorded_at, CreditEntryRow.amount_ms, CreditEntryRow.detail)
        rows = [
            row for row in session.execute(columns.where(*by_then, of_films)) if row.detail.get("module") == module_key
        ]
        at, spent_ms = max((row.recorded_at for row in rows), default=None), sum(row.amount_ms for row in rows)
    return Standing(
        block_key=report.block_key,
        report_id=report.id,
        enrolment_id=report.enrolment_id,
        programme=Named(programme.key, programme.title),
        module=None if module_key is None else _module(programme, module_key),
        ratio=report.ratio,
        at=at or report.updated_at,
        spent_ms=max(0, spent_ms or 0),
    )


def _watching(
    session: Session, report: Report, enrolment: Enrolment, programme: Programme, module_key: str
) -> Watching | None:
    video = session.scalar(
        select(Video)
        .join(ModuleRow, ModuleRow.id == Video.module_id)
        .join(Coverage, Coverage.video_id == Video.id)
        .where(
            Coverage.enrolment_id == enrolment.id,
            ModuleRow.programme_id == enrolment.programme_id,
            ModuleRow.key == module_key,
        )
        .order_by(Video.id)
        .limit(1)
    )
    if video is None:
        return None
    columns = (PlaybackSession.number, PlaybackSession.id, PlaybackSession.first_chunk, PlaybackSession.ended_at)
    sessions = session.execute(
        select(*columns).where(PlaybackSession.enrolment_id == enrolment.id, PlaybackSession.video_id == video.id)
    ).all()
    film = Film(video.digest, video.duration_ms, programme.watching.completion_threshold)
    first_chunk = min((one.first_chunk for one in sessions), default=1)
    steps = tuple(
        viewing_steps.steps_of(
            _events(session, enrolment.user_id, first_chunk),
            enrolment_id=enrolment.id,
            video_id=video.id,
            video_ms=video.duration_ms,
            threshold=film.threshold,
            ends={one.number: one.ended_at for one in sessions if one.ended_at is not None},
        )
    )
    return Watching(
        block_key=report.block_key,
        report_id=report.id,
        enrolment_id=enrolment.id,
        programme=Named(programme.key, programme.title),
        module=_module(programme, module_key),
        ratio=report.ratio,
        film=film,
        session_ids={one.number: one.id for one in sessions},
        steps=steps,
        told=_told(report, steps),
    )


def _events(session: Session, user_id: int, first_chunk: int) -> Iterator[Event]:
    """A person's events from a chunk on; each chunk can be read alone."""
    end = session.execute(
        select(PersonClock.log_chunks, PersonClock.log_body).where(PersonClock.user_id == user_id)
    ).one_or_none()
    if end is None:
        return
    # The open end was read first: what has been closed since then stands in it already.
    closed = select(EvidenceChunk.body).where(
        EvidenceChunk.user_id == user_id, EvidenceChunk.number.between(first_chunk, end.log_chunks)
    )
    for body in (*session.scalars(closed.order_by(EvidenceChunk.number)), end.log_body):
        for event, _ in evidence.read(body):
            yield event


def _told(report: Report, steps: Sequence[Step]) -> int:
    """How many steps need not be told again: those that were known when the store last acknowledged.

    A repair forgets the acknowledgement, so that all of it is told.
    """
    if report.acknowledged_at is None:
        return 0
    told_until = report.acknowledged_at - TOLD_AGAIN
    return sum(1 for _ in takewhile(lambda step: step.known_at < told_until, steps))


def _module(programme: Programme, module_key: str) -> Named:
    """A module of the version in force; one that is there no more is called by its key."""
    declared = next((one for one in programme.modules if one.key == module_key), None)
    return Named(module_key, declared.title if declared is not None else Text(module_key, module_key))
