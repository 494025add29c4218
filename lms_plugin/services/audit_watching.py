"""Auditing what was watched: the evidence played again gives the clock, sessions, films, days, checks and entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from lms_plugin.domain import evidence, intervals
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.replay import Differs, Replay
from lms_plugin.services import evidence_log, presence
from lms_plugin.services.audit_books import FROM_WATCHING, Books, entry_named
from lms_plugin.services.evidence_log import Catalogue, EvidenceLog, Replayed


@dataclass(slots=True)
class WatchingAudit:
    """The audit of what one person watched; every method raises `Differs` at the first thing that does."""

    session: Session
    shared: Catalogue
    books: Books

    def check(self) -> None:
        """The log of evidence, played again, gives every row that was written from it."""
        books, log = self.books, self.books.log
        if log is None:
            # Whatever else there is of a person who has no log is in no evidence.
            log = EvidenceLog(books.user_id, books.chunks, b"", b"", evidence.NO_HEAD, 0, books.cut)
        elif log.is_empty and books.cut is None:
            raise Differs(f"{self._clock} is one that no evidence was written for")
        for row in books.sessions[: books.clock is None]:
            raise Differs(f"{_session(row.id)} is there and {self._clock} is not")
        enrolments = {one.id: (one.programme_id, one.variant) for one in books.enrolments.values()}
        found = evidence_log.replay(self.session, log, catalogue=self.shared, enrolments=enrolments)
        if books.clock is not None:
            self._check_clock(found.again)
        self._check_sessions(found)
        self._check_films(found.again)
        self._check_days(found.again)
        self._check_presence(found)
        self._check_entries(found.again)

    @property
    def _clock(self) -> str:
        return f"the clock of user {self.books.user_id} (person_clocks)"

    def _check_clock(self, again: Replay) -> None:
        holder = again.plays.get(again.holder)
        _compare(
            self._clock,
            self.books.clock,
            {
                "playback_session_id": holder.session_id if holder is not None else None,
                "plays": len(again.plays) + again.first_play,
                "checks": again.put,
                "next_check_in_ms": again.presence.next_in_ms,
                "is_blocked": again.presence.is_blocked,
                "open_check": again.presence.open_number,
                "answer_by": again.presence.answer_by,
                "tries_left": again.presence.tries_left,
            },
        )

    def _check_sessions(self, found: Replayed) -> None:
        plays = {one.session_id: one for one in found.again.plays.values()}
        for row in self.books.sessions:
            one = plays.pop(row.id, None)
            where = _session(row.id)
            if one is None:
                raise Differs(f"{where} is in no evidence")
            play, lease = one.play, one.play.lease
            _compare(
                where,
                row,
                {
                    "number": one.number,
                    "enrolment_id": one.enrolment_id,
                    "video_id": one.video_id,
                    "rule_version": one.version,
                    "max_rate_permille": one.max_rate_permille,
                    "opened_at": lease.opened_at,
                    "last_contact_at": lease.last_contact_at,
                    "ended_at": lease.ended_at,
                    "spent_ms": lease.spent_ms,
                    "last_seq": one.last_seq,
                    "unposted": intervals.pack(play.unposted),
                    "retracted": intervals.pack(play.retracted),
                    "unconfirmed": intervals.pack(play.unconfirmed),
                    "pending": intervals.pack(play.pending),
                    "waiting": intervals.pack(play.waiting),
                    "delivered": intervals.pack(play.delivered),
                    "has_open_matters": play.has_open_matters,
                },
            )
            # What waits for the ledger without a time is never posted; when it is, decides nothing.
            if (row.post_at is None) != (not (play.unposted or play.retracted)):
                ought = "none: nothing waits for the ledger" if row.post_at is not None else "one: credit waits for it"
                raise Differs(f"{where}: post_at is {row.post_at}, the evidence gives {ought}")
            # Where a repeated beat is looked up: a later chunk would have it judged as a new one.
            opened_in = found.opened_in.get(one.number)
            if opened_in is not None and row.first_chunk > opened_in:
                raise Differs(f"{where}: first_chunk is {row.first_chunk}, the evidence begins in {opened_in}")
        if plays:
            raise Differs(f"{_session(min(plays))} has evidence and no row")

    def _check_films(self, again: Replay) -> None:
        films = dict(again.films)
        for row in self.books.coverage:
            where = _film(row.enrolment_id, row.video_id)
            film = films.pop((row.enrolment_id, row.video_id), None)
            if film is None:
                raise Differs(f"{where} is in no evidence")
            given = {
                "covered": intervals.pack(film.covered),
                "covered_ms": intervals.length(film.covered),
                "missed": intervals.pack(film.missed),
                "withheld": evidence.pack_stretches(film.withheld),
            }
            _compare(where, row, given)
        if films:
            raise Differs(f"{_film(*min(films))} has evidence and no row")

    def _check_days(self, again: Replay) -> None:
        given = {
            (enrolment_id, day): used_ms
            for enrolment_id, days in again.days.items()
            for day, used_ms in days.used_ms.items()
            if used_ms
        }
        for row in self.books.days:
            used_ms = given.pop((row.enrolment_id, row.day), None)
            where = _day(row.enrolment_id, row.day)
            if used_ms is None:
                raise Differs(f"{where} is in no evidence")
            _compare(where, row, {"used_ms": used_ms})
        if given:
            raise Differs(f"{_day(*min(given))} has evidence and no row")

    def _check_presence(self, found: Replayed) -> None:
        user_id, cut, again = self.books.user_id, self.books.cut, found.again
        rows = dict(self.books.checks)
        plays = {one.session_id: one for one in again.plays.values()}
        for number, answered in again.checks.items():
            where = _check(user_id, number)
            row = rows.pop(number, None)
            if row is None:
                raise Differs(f"{where} is missing")
            put = found.puts[number]
            given: dict[str, Any] = {"issued_at": put.issued_at, "answer_by": put.answer_by}
            # A further try belongs to the session that the answer came from, which the evidence does not name.
            play = put.play or plays.get(row.playback_session_id)
            if play is None:
                raise Differs(f"{where} was put to a playback session that is in no evidence")
            given |= {"playback_session_id": play.session_id, "enrolment_id": play.enrolment_id}
            given["module_id"] = self._module_of(play.video_id)
            if put.version is not None:
                given["rule_version"] = put.version
            if answered is not None:
                outcome = presence.PASSED if answered.is_right else presence.FAILED
                given |= {"answer": answered.choice, "answered_at": answered.at, "outcome": outcome}
            else:
                is_open = again.presence.open_number == number
                given |= {"answer": None, "answered_at": None}
                given["outcome"] = presence.OPEN if is_open else presence.UNANSWERED
            _compare(where, row, given)
            self._check_question(where, row)
            if answered is not None and (row.answer == row.correct) != answered.is_right:
                raise Differs(f"{where} is marked otherwise than it was answered")
        extra = [number for number in rows if cut is None or number > cut.checks or number < 1]
        if extra:
            raise Differs(f"{_check(user_id, min(extra))} is in no evidence")

    def _check_question(self, where: str, row: Any) -> None:
        """Which of the choices as shown is the right one follows from the question and their order."""
        programme_id = self.books.enrolments[row.enrolment_id].programme_id
        key = self.shared.module_key(self.session, row.module_id)
        try:
            programme = self.shared.version(self.session, programme_id, row.rule_version).programme
            correct = presence.right_place(programme, key, row.question_key, row.choice_order)
        except (Differs, ValueError) as fault:
            raise Differs(f"{where}: its question cannot be made again: {fault}") from fault
        _compare(where, row, {"correct": correct})

    def _module_of(self, video_id: int) -> int | None:
        return self.shared.module_of(self.session, video_id)

    def _check_entries(self, again: Replay) -> None:
        given = {(one.enrolment_id, one.entry): one for one in again.entries}
        cut = self.books.cut
        before_cut = dict(cut.kept["entries"]) if cut is not None else {}
        for enrolment_id, rows in self.books.entries.items():
            for row in rows:
                if row.source_kind not in FROM_WATCHING:
                    continue
                where = entry_named(enrolment_id, row.number)
                one = given.pop((enrolment_id, row.number), None)
                if one is None:
                    if row.number <= before_cut.get(enrolment_id, 0):
                        continue
                    raise Differs(f"{where} is in no evidence")
                if row.amount_ms != one.amount_ms:
                    raise Differs(f"{where} says {row.amount_ms} ms, the evidence gives {one.amount_ms} ms")
                recorded = (row.source_id, row.detail.get("video"), _segments(row.detail), row.detail.get("evidence"))
                if recorded != (one.source_id, one.video_id, one.segments, one.evidence.hex()) or (
                    one.decided_by_id != row.decided_by_id
                ):
                    raise Differs(f"{where} does not say what the evidence says it was written for")
        if given:
            raise Differs(f"{entry_named(*min(given))} has evidence and is missing")


def _segments(detail: Mapping[str, Any]) -> Segments:
    return tuple((start, end) for start, end in detail.get("segments", ())) or NOTHING


# Every row as an auditor finds it in the tables.


def _session(name: str) -> str:
    return f"playback session {name} (playback_sessions)"


def _film(enrolment_id: int, video_id: int) -> str:
    return f"the coverage of video {video_id} by enrolment {enrolment_id} (coverage)"


def _day(enrolment_id: int, day: date) -> str:
    return f"the charge of {day} to enrolment {enrolment_id} (watched_days)"


def _check(user_id: int, number: int) -> str:
    return f"presence check {number} of user {user_id} (presence_checks)"


def _compare(where: str, row: object, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        stored = getattr(row, name)
        if stored != value:
            raise Differs(f"{where}: {name} is {_shown(stored)}, the evidence gives {_shown(value)}")


def _shown(value: object) -> str:
    return (value.hex() or "nothing") if isinstance(value, bytes) else str(value)
