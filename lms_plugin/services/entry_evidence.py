"""What one credit entry rests on: the reports of the player, the presence check, the decision or the post behind it.

The person's log of evidence is replayed, and what led to the entry is noted on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.discussion import Judgement
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.evidence import Beaten, Posted, Released
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.programme import Programme, Text
from lms_plugin.domain.replay import Differs, Replay
from lms_plugin.domain.watching import Stretch
from lms_plugin.services import (
    catalogue,
    dispute_list,
    disputes,
    evidence_log,
    post_changes,
    post_history,
    posting,
    presence,
    record_evidence,
)
from lms_plugin.services.dispute_list import ShownDispute
from lms_plugin.services.evidence_log import EvidenceLog, LoggedEvent
from lms_plugin.services.explaining import Loss, loss_by
from lms_plugin.services.record_evidence import RecordBehind
from lms_plugin.storage.activity import PlaybackSession, Post, PresenceCheck
from lms_plugin.storage.evidence import EvidenceCut
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow, Video

POSTED = "post"
LARGEST_NUMBER = 2**31 - 1
_WATCHING = (posting.WATCHED, posting.TAKEN_BACK, posting.RELEASED)


@dataclass(frozen=True, slots=True)
class Report:
    """A beat as it was taken: what it said was played, and what became of it.

    `is_late` says that its session had ended before it came, `is_out_of_order` that a later one had come before it.
    """

    seq: int
    at: datetime
    played: Segments
    credited_ms: int
    withheld: tuple[Stretch, ...]
    held: tuple[Stretch, ...]
    is_late: bool
    is_out_of_order: bool

    @property
    def played_ms(self) -> int:
        return intervals.length(self.played)


@dataclass(frozen=True, slots=True)
class SessionBehind:
    """The playback session of an entry; `reports` are those that the entry sums up, in the order they came."""

    id: str
    opened_at: datetime
    ended_at: datetime | None
    last_contact_at: datetime
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class CheckBehind:
    """A presence check that took something back: when it was put, until when it could be answered, what happened.

    `kind` is one of explaining's MISSED, LAPSED and FAILED; `found_at` is when it took something back.
    """

    number: int
    kind: str
    found_at: datetime
    put_at: datetime | None
    answer_by: datetime | None
    question: Text | None


@dataclass(frozen=True, slots=True)
class PostBehind:
    """The post of an entry, with what the rule said of it then and the programme's version of the time."""

    id: int
    thread_id: int
    title: str
    written_at: datetime
    judgement: Judgement
    programme: Programme


@dataclass(frozen=True, slots=True)
class EntryEvidence:
    """One credit entry and what it rests on.

    `removed_at` says when its evidence was deleted because its time was over. `anchor` is the head of the person's log
    that the entry names, `is_anchored` whether the log has it there. `difference` says where log and entry do not
    agree, should they not.
    """

    row: CreditEntryRow
    module_key: str
    video: Video | None
    segments: Segments
    session: SessionBehind | None
    checks: tuple[CheckBehind, ...]
    post: PostBehind | None
    record: RecordBehind | None
    dispute: ShownDispute | None
    decided_by: str | None
    reason: str | None
    anchor: str | None
    is_anchored: bool
    removed_at: datetime | None
    difference: str | None


def read(session: Session, enrolment: Enrolment, number: int) -> EntryEvidence:
    """One entry of an enrolment whose hours the caller may show.

    Raises:
        NotFound: the ledger has no such entry.
    """
    row = session.get(CreditEntryRow, (enrolment.id, number)) if number <= LARGEST_NUMBER else None
    if row is None:
        raise NotFound(what="credit_entry")
    detail: Mapping[str, Any] = row.detail
    segments: Segments = tuple((start, end) for start, end in detail.get("segments", ()))
    log = evidence_log.read(session, enrolment.user_id) if row.source_kind in _WATCHING else None
    removed_at = _removed_at(log.cut, row) if log is not None and log.cut is not None else None
    tracer, difference = _Tracer(row), None
    if log is not None and removed_at is None:
        difference = _trace(session, log, tracer)
    decided_by = session.get(User, row.decided_by_id) if row.decided_by_id is not None else None
    video_id = detail.get("video")
    return EntryEvidence(
        row=row,
        module_key=str(detail.get("module", "")),
        video=session.get(Video, video_id) if isinstance(video_id, int) else None,
        segments=segments,
        session=_session_behind(session, enrolment, row, tracer),
        checks=tuple(_check_behind(session, enrolment, one) for one in tracer.causes),
        post=_post_behind(session, enrolment, row),
        record=record_evidence.behind(session, enrolment, [row]).get(row.number),
        dispute=_dispute_behind(session, row),
        decided_by=decided_by.name if decided_by is not None else None,
        reason=str(detail["reason"]) if detail.get("reason") else None,
        anchor=str(detail["evidence"]) if detail.get("evidence") else None,
        is_anchored=tracer.found and tracer.head == detail.get("evidence"),
        removed_at=removed_at,
        difference=difference,
    )


def _removed_at(cut: EvidenceCut, row: CreditEntryRow) -> datetime | None:
    ends = dict(cut.kept.get("entries", ()))
    return cut.cut_at if row.number <= ends.get(row.enrolment_id, 0) else None


def _trace(session: Session, log: EvidenceLog, tracer: "_Tracer") -> str | None:
    """Replay the log as far as the entry; gives where it does not agree."""
    try:
        evidence_log.replay(session, log, before=tracer.before, after=tracer.after)
    except _Traced:
        return None
    except Differs as found:
        return str(found)
    return None if tracer.found else "the evidence does not know this entry"


class _Traced(Exception):
    """The entry was found: what follows in the log is no concern of it."""


@dataclass(slots=True)
class _Tracer:
    """Goes along with a replay until the entry and notes what led to it."""

    row: CreditEntryRow
    found: bool = False
    head: str = ""
    causes: tuple[Loss, ...] = ()
    reports: tuple[Report, ...] = ()
    _beats: dict[int, list[Beaten]] = field(default_factory=dict)
    _posted_before: dict[int, int] = field(default_factory=dict)
    _taken: dict[int, tuple[Loss, ...]] = field(default_factory=dict)
    _missed: dict[tuple[int, int], list[tuple[Segments, Loss]]] = field(default_factory=dict)
    _open_check: int | None = None
    _retracted: dict[int, Segments] = field(default_factory=dict)
    _missed_before: dict[tuple[int, int], Segments] = field(default_factory=dict)

    def before(self, logged: LoggedEvent, again: Replay) -> None:
        event = logged.event
        self._open_check = again.presence.open_number
        if self._open_check is not None:
            self._retracted = {number: one.play.retracted for number, one in again.plays.items()}
            self._missed_before = {key: film.missed for key, film in again.films.items()}
        if isinstance(event, Posted) and event.entry == self.row.number and event.play in again.plays:
            one = again.plays[event.play]
            if one.enrolment_id == self.row.enrolment_id:
                self._find(logged)
                if event.amount_ms > 0:
                    self.reports = self._reports_of(event.play, one.play.unposted)
                else:
                    self.causes = self._taken.get(event.play, ())

    def after(self, logged: LoggedEvent, again: Replay) -> None:
        event = logged.event
        cause = loss_by(logged.event, self._open_check, again)
        if cause is not None:
            self._note(cause, again)
        if isinstance(event, Beaten):
            self._beats.setdefault(event.play, []).append(event)
        elif isinstance(event, Posted):
            if event.amount_ms > 0:
                self._posted_before[event.play] = len(self._beats.get(event.play, ()))
            else:
                self._taken.pop(event.play, None)
        elif isinstance(event, Released) and self._is_mine(event):
            self._find(logged)
            known = self._missed.get((event.enrolment_id, event.video_id), [])
            causes = (cause for missed, cause in known if intervals.intersect(missed, event.segments))
            self.causes = tuple(dict.fromkeys(causes))
        if self.found:
            raise _Traced

    def _is_mine(self, event: Released) -> bool:
        return (event.enrolment_id, event.entry) == (self.row.enrolment_id, self.row.number)

    def _find(self, logged: LoggedEvent) -> None:
        self.found, self.head = True, logged.head_before.hex()

    def _note(self, cause: Loss, again: Replay) -> None:
        for number, one in again.plays.items():
            if one.play.retracted != self._retracted.get(number, NOTHING):
                self._taken[number] = (*self._taken.get(number, ()), cause)
        for key, film in again.films.items():
            new = intervals.subtract(film.missed, self._missed_before.get(key, NOTHING))
            if new:
                self._missed.setdefault(key, []).append((new, cause))

    def _reports_of(self, play: int, segments: Segments) -> tuple[Report, ...]:
        """The reports since the session's entry before, and earlier ones of what only now counts."""
        beats, since = self._beats.get(play, []), self._posted_before.get(play, 0)
        found, latest_seq = [], 0
        for place, event in enumerate(beats):
            is_out_of_order, latest_seq = event.seq < latest_seq, max(latest_seq, event.seq)
            played = intervals.merge((one.from_ms, one.to_ms) for one in event.claims if one.is_sound)
            held = intervals.merge((one.from_ms, one.to_ms) for one in event.outcome.held)
            known = intervals.union(event.outcome.credited, held)
            if place < since and not intervals.intersect(known, segments):
                continue
            if not (played or event.outcome.withheld):
                continue
            found.append(
                Report(
                    seq=event.seq,
                    at=event.at,
                    played=played,
                    credited_ms=intervals.length(event.outcome.credited),
                    withheld=event.outcome.withheld,
                    held=event.outcome.held,
                    is_late=not event.outcome.lease_is_held,
                    is_out_of_order=is_out_of_order,
                )
            )
        return tuple(found)


def _session_behind(
    session: Session, enrolment: Enrolment, row: CreditEntryRow, tracer: _Tracer
) -> SessionBehind | None:
    if row.source_kind not in (posting.WATCHED, posting.TAKEN_BACK):
        return None
    found = session.get(PlaybackSession, (enrolment.user_id, row.source_id))
    if found is None:
        return None
    return SessionBehind(found.id, found.opened_at, found.ended_at, found.last_contact_at, tracer.reports)


def _check_behind(session: Session, enrolment: Enrolment, cause: Loss) -> CheckBehind:
    check = session.get(PresenceCheck, (enrolment.user_id, cause.check))
    question = _question_of(session, check) if check is not None else None
    return CheckBehind(
        number=cause.check,
        kind=cause.kind,
        found_at=cause.at,
        put_at=check.issued_at if check is not None else None,
        answer_by=check.answer_by if check is not None else None,
        question=question,
    )


def _question_of(session: Session, check: PresenceCheck) -> Text | None:
    module = session.get_one(ModuleRow, check.module_id)
    programme = catalogue.version_of(session, module.programme_id, check.rule_version).programme
    try:
        return presence.question_of(programme, module.key, check.question_key).text
    except ValueError:
        return None


def _dispute_behind(session: Session, row: CreditEntryRow) -> ShownDispute | None:
    if row.source_kind != disputes.SOURCE_KIND or not row.source_id.isdecimal():
        return None
    dispute = session.get(Dispute, int(row.source_id))
    return dispute_list.shown(session, dispute, row.recorded_at) if dispute is not None else None


def _post_behind(session: Session, enrolment: Enrolment, row: CreditEntryRow) -> PostBehind | None:
    if row.source_kind not in (POSTED, post_changes.SOURCE_KIND) or not row.source_id.isdecimal():
        return None
    post = session.get(Post, int(row.source_id))
    if post is None:
        return None
    version = row.rule_version.partition(" ")[0].rpartition("@")[2]
    current = (
        catalogue.version_of(session, enrolment.programme_id, int(version))
        if version.isdecimal()
        else catalogue.for_enrolment(session, enrolment, row.recorded_at)
    )
    versions = post_history.of(session, post).versions
    if row.source_kind == POSTED:
        versions = versions[:1]
    said = next((one for one in reversed(versions) if one.since <= row.recorded_at), versions[0])
    return PostBehind(
        id=post.id,
        thread_id=post.thread_id,
        title=str(row.detail.get("title", "")),
        written_at=post.created_at,
        judgement=said.judgement,
        programme=current.programme,
    )
