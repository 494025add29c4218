"""Explaining hours: what every credit entry was written for, from the ledger and the evidence it is anchored in."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals, watching
from lms_plugin.domain.evidence import Answered, Beaten, Event, Posted, Swept
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.replay import Differs, Replay
from lms_plugin.domain.watching import Stretch
from lms_plugin.services import catalogue, dispute_list, disputes, evidence_log, hours, post_changes, record_evidence
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.dispute_list import ShownDispute
from lms_plugin.services.evidence_log import LoggedEvent
from lms_plugin.services.hours import HoursOfEnrolment
from lms_plugin.services.record_evidence import RecordBehind
from lms_plugin.storage.activity import Coverage, Post
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow, Video

MISSED, LAPSED, FAILED = "missed", "lapsed", "failed"
"""How a presence check came to take something back: nobody answered at the player, the player was not heard, wrong."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A presence check that took something back: its number, how, and when it was found."""

    check: int
    kind: str
    at: datetime


def loss_by(event: Event, open_before: int | None, again: Replay) -> Loss | None:
    """What an event that has just been replayed did to the check that was open before it: a loss, or None.

    None too where it is open still, or was answered rightly or by a try that another followed.
    """
    if open_before is None or again.presence.open_number == open_before:
        return None
    if isinstance(event, Beaten):
        return Loss(open_before, MISSED if event.unanswered else LAPSED, event.at)
    if isinstance(event, Swept):
        return Loss(open_before, LAPSED, event.at)
    if isinstance(event, Answered) and not event.is_right and not event.next_check:
        return Loss(open_before, FAILED, event.at)
    return None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a watched entry rests on: so many beats, from the first to the last; or what took it back."""

    beats: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplainedEntry:
    """A credit entry, what it rests on, and who decided it, by name.

    `basis` is what of watching it rests on (None: no evidence of it is left), `record` is of confirmed study.
    """

    row: CreditEntryRow
    module_key: str
    segments: Segments
    basis: Basis | None
    decided_by: str | None
    written_at: datetime | None
    record: RecordBehind | None
    dispute: ShownDispute | None


@dataclass(frozen=True, slots=True)
class ExplainedFilm:
    """What of a module's film does not count at present, with the reasons."""

    module_key: str
    held: tuple[Stretch, ...]
    withheld: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One enrolment explained. `difference` says where ledger and evidence do not agree, should they not."""

    login: str
    name: str
    current: InForce
    found: HoursOfEnrolment
    entries: tuple[ExplainedEntry, ...]
    films: tuple[ExplainedFilm, ...]
    cut_at: datetime | None
    difference: str | None


def enrolments_of(session: Session, user_id: int, programme_key: str | None = None) -> list[int]:
    """The ids of a person's enrolments, or of the one in a programme.

    Raises:
        NotFound: there is no such programme.
    """
    query = select(Enrolment.id).where(Enrolment.user_id == user_id).order_by(Enrolment.id)
    if programme_key is not None:
        query = query.where(Enrolment.programme_id == catalogue.programme_id_of(session, programme_key))
    return list(session.scalars(query))


def explain(session: Session, enrolment_id: int, now: datetime) -> Explanation:
    """Explain an enrolment's hours as the ledger has them; callers settle what was watched first."""
    enrolment = session.get_one(Enrolment, enrolment_id)
    user = session.get_one(User, enrolment.user_id)
    story, difference = _Story(), None
    log = evidence_log.read(session, enrolment.user_id)
    again: Replay | None = None
    if log is not None:
        try:
            again = evidence_log.replay(session, log, before=story.before, after=story.after).again
        except Differs as found:
            difference = str(found)
    names = (
        {row.id: row.name for row in session.execute(select(User.id, User.name))}
        if _has_deciders(session, enrolment_id)
        else {}
    )
    rows = hours.entries(session, enrolment_id, limit=1_000_000)
    records = record_evidence.behind(session, enrolment, rows)
    disputed: dict[int | None, ShownDispute] = {}
    if any(row.source_kind == disputes.SOURCE_KIND for row in rows):
        disputed = {one.row.entry_after: one for one in dispute_list.of_enrolment(session, enrolment, now)}
    return Explanation(
        login=user.login,
        name=user.name,
        current=catalogue.for_enrolment(session, enrolment, now),
        found=hours.read(session, enrolment, now),
        entries=tuple(
            _explained(session, row, story, names, records.get(row.number), disputed.get(row.number)) for row in rows
        ),
        films=_films(session, enrolment, again),
        cut_at=log.cut.cut_at if log is not None and log.cut is not None else None,
        difference=difference,
    )


def _has_deciders(session: Session, enrolment_id: int) -> bool:
    decided = select(CreditEntryRow.number).where(
        CreditEntryRow.enrolment_id == enrolment_id, CreditEntryRow.decided_by_id.is_not(None)
    )
    return session.scalar(decided.limit(1)) is not None


@dataclass(slots=True)
class _Story:
    """Goes along with a replay and notes what each posting rests on, by (enrolment, entry)."""

    bases: dict[tuple[int, int], Basis] = field(default_factory=dict)
    _since: dict[int, Basis] = field(default_factory=lambda: defaultdict(Basis))
    _losses: dict[int, tuple[Loss, ...]] = field(default_factory=dict)
    _open_before: int | None = None
    _retracted_before: Mapping[int, Segments] = field(default_factory=dict)

    def before(self, logged: LoggedEvent, again: Replay) -> None:
        self._open_before = again.presence.open_number
        self._retracted_before = {number: one.play.retracted for number, one in again.plays.items()}

    def after(self, logged: LoggedEvent, again: Replay) -> None:
        event = logged.event
        if isinstance(event, Posted):
            one = again.plays[event.play]
            if event.amount_ms > 0:
                basis = self._since.pop(event.play, Basis())
            else:
                basis = Basis(losses=self._losses.pop(event.play, ()))
            self.bases[one.enrolment_id, event.entry] = basis
        elif isinstance(event, Beaten) and event.outcome.credited:
            known = self._since[event.play]
            self._since[event.play] = replace(
                known, beats=known.beats + 1, first_at=known.first_at or event.at, last_at=event.at
            )
        loss = loss_by(logged.event, self._open_before, again)
        if loss is not None:
            for number, one in again.plays.items():
                if one.play.retracted != self._retracted_before.get(number, NOTHING):
                    self._losses[number] = (*self._losses.get(number, ()), loss)


def _explained(
    session: Session,
    row: CreditEntryRow,
    story: _Story,
    names: Mapping[int, str],
    record: RecordBehind | None,
    dispute: ShownDispute | None,
) -> ExplainedEntry:
    detail: Mapping[str, Any] = row.detail
    written_at = None
    if row.source_kind in (post_changes.POST, post_changes.SOURCE_KIND) and row.source_id.isdecimal():
        written_at = session.scalar(select(Post.created_at).where(Post.id == int(row.source_id)))
    return ExplainedEntry(
        row=row,
        module_key=str(detail.get("module", "")),
        segments=tuple((start, end) for start, end in detail.get("segments", ())),
        basis=story.bases.get((row.enrolment_id, row.number)),
        decided_by=names.get(row.decided_by_id) if row.decided_by_id is not None else None,
        written_at=written_at,
        record=record,
        dispute=dispute,
    )


def _films(session: Session, enrolment: Enrolment, again: Replay | None) -> tuple[ExplainedFilm, ...]:
    if again is None:
        return ()
    keys = session.execute(
        select(Video.id, ModuleRow.key)
        .join(ModuleRow, ModuleRow.id == Video.module_id)
        .join(Coverage, Coverage.video_id == Video.id)
        .where(Coverage.enrolment_id == enrolment.id)
        .order_by(ModuleRow.position)
    )
    found = []
    for video_id, key in keys:
        film = again.films.get((enrolment.id, video_id))
        plays = [
            one
            for _, one in sorted(again.plays.items())
            if (one.enrolment_id, one.video_id) == (enrolment.id, video_id) and one.play.has_open_matters
        ]
        if film is None:
            continue
        latest = max((one.version for one in again.plays.values() if one.enrolment_id == enrolment.id), default=0)
        terms = again.terms(enrolment.id, latest)
        held = watching.held_stretches(film, [one.play for one in plays], terms)
        # What is held is no longer merely withheld: one reason for each stretch.
        taken = intervals.merge((one.from_ms, one.to_ms) for one in held)
        withheld = tuple(
            Stretch(start, end, one.reason)
            for one in film.withheld
            for start, end in intervals.subtract(((one.from_ms, one.to_ms),), taken)
        )
        if held or withheld:
            found.append(ExplainedFilm(key, held, withheld))
    return tuple(found)
