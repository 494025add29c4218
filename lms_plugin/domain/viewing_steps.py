"""What somebody did at a film, told step by step from the evidence: opened, played, paused, sought, came to the end.

The evidence has no buttons in it, only what was played when. A film that went on somewhere else was sought; one that
stood still for a while between two messages was paused. Steps only ever follow: whoever reads a longer log gets the
same steps again, and further ones after them. That is why a session's pause is told when it is known to have been one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from lms_plugin.domain import intervals
from lms_plugin.domain.evidence import Beaten, Event, Opened, Posted, Released
from lms_plugin.domain.intervals import Segment

PAUSED_FROM = timedelta(seconds=10)
"""A film that was not played for so long between two reports of its player was paused; less is the way of messages."""

SOUGHT_FROM_MS = 500
"""A jump of so much film was somebody's; a smaller one is a player's rounding."""

MOST_SEGMENTS = 1000
"""Pieces of one film that are told of; whoever jumps about more than that is told of no further, until the end."""


class StepKind(StrEnum):
    """What was done; the names are those of the verbs of the xAPI Video Profile."""

    INITIALIZED = "initialized"
    PLAYED = "played"
    PAUSED = "paused"
    SEEKED = "seeked"
    COMPLETED = "completed"
    TERMINATED = "terminated"


_WITH_PLAYED = (StepKind.PAUSED, StepKind.COMPLETED, StepKind.TERMINATED)


@dataclass(frozen=True, slots=True)
class Step:
    """One step in a playback session (`play` is its number among the person's).

    `number` counts the session's steps from 0; the film's completion has none of its own and is 0. `known_at` is the
    event it was told by, which may be later than `at`. `position_ms` is where the film stood then, `from_ms` where
    it stood before it was sought. `covered_ms` is how much of the film counted by then, `spent_ms` how long it had
    been played in all sessions, and `played` what of it, in the order it was played.
    """

    kind: StepKind
    play: int
    number: int
    at: datetime
    known_at: datetime
    position_ms: int
    from_ms: int
    covered_ms: int
    spent_ms: int
    played: tuple[Segment, ...]
    rate_permille: int


@dataclass(slots=True)
class _Session:
    number: int
    at: datetime
    steps: int = 0
    position_ms: int | None = None
    rate_permille: int = 1000
    is_over: bool = False


@dataclass(slots=True)
class _Film:
    """All that the sessions of one film have in common."""

    threshold_ms: Fraction
    covered_ms: int = 0
    counted_ms: int = 0
    spent_ms: int = 0
    played: list[Segment] = field(default_factory=list)
    is_complete: bool = False
    sessions: dict[int, _Session] = field(default_factory=dict)

    def step(
        self, kind: StepKind, one: _Session, at: datetime, known_at: datetime, *, from_ms: int | None = None
    ) -> Step:
        number = one.steps
        one.steps += 1
        position_ms = one.position_ms or 0
        return Step(
            kind=kind,
            play=one.number,
            number=number,
            at=at,
            known_at=known_at,
            position_ms=position_ms,
            from_ms=position_ms if from_ms is None else from_ms,
            covered_ms=self.covered_ms,
            spent_ms=self.spent_ms,
            played=tuple(self.played) if kind in _WITH_PLAYED else (),
            rate_permille=one.rate_permille,
        )


def steps_of(
    events: Iterable[Event],
    *,
    enrolment_id: int,
    video_id: int,
    video_ms: int,
    threshold: Fraction,
    ends: Mapping[int, datetime],
) -> Iterator[Step]:
    """All steps of an enrolment's sessions at one film, in the order in which they became known.

    `events` are the person's, in order, at least from the first of those sessions on; a session whose opening is not
    among them is left out. `threshold` is the share of the film from which it counts as complete. `ends` says when
    sessions ended, by their numbers; a session is over when the person's next one is opened, and what is played in
    one that is over is told of no more.
    """
    film = _Film(threshold * video_ms)
    latest: _Session | None = None
    for event in events:
        match event:
            case Opened():
                if latest is not None:
                    yield from _over(film, latest, ends.get(latest.number, event.opened_at), event.at)
                latest = None
                if (event.enrolment_id, event.video_id) == (enrolment_id, video_id):
                    latest = film.sessions[event.play] = _Session(event.play, event.opened_at)
                    yield film.step(StepKind.INITIALIZED, latest, event.opened_at, event.at)
            case Beaten():
                one = film.sessions.get(event.play)
                if one is not None:
                    yield from _beaten(film, one, event, video_ms)
            case Posted():
                if event.play in film.sessions:
                    film.counted_ms += event.amount_ms
                    yield from _completed(film, event.at)
            case Released():
                if (event.enrolment_id, event.video_id) == (enrolment_id, video_id):
                    film.counted_ms += intervals.length(event.segments)
                    yield from _completed(film, event.at)


def _beaten(film: _Film, one: _Session, beat: Beaten, video_ms: int) -> Iterator[Step]:
    pieces = [
        (claim.from_ms, min(claim.to_ms, video_ms), claim.rate_permille)
        for claim in beat.claims
        if claim.is_sound and claim.from_ms < video_ms and claim.rate_permille > 0
    ]
    if pieces and not one.is_over and len(film.played) < MOST_SEGMENTS:
        took = [_real_ms(*piece) for piece in pieces]
        # The player says what was played, not when: it went on until it was reported.
        begins_at = max(one.at, beat.at - timedelta(milliseconds=sum(took)))
        for (from_ms, to_ms, rate_permille), real_ms in zip(pieces, took, strict=True):
            yield from _begun(film, one, from_ms, rate_permille, begins_at, beat.at)
            start_ms, end_ms = film.played[-1]
            one.position_ms = max(end_ms, to_ms)
            film.played[-1] = (start_ms, one.position_ms)
            film.spent_ms += real_ms
            begins_at = one.at = begins_at + timedelta(milliseconds=real_ms)
    film.covered_ms = beat.outcome.covered_ms
    yield from _completed(film, beat.at)


def _begun(
    film: _Film, one: _Session, from_ms: int, rate_permille: int, at: datetime, known_at: datetime
) -> Iterator[Step]:
    """The steps that led to the film being played from here on."""
    before_ms = one.position_ms
    if before_ms is None:
        one.position_ms, one.rate_permille = from_ms, rate_permille
        yield film.step(StepKind.PLAYED, one, at, known_at)
        film.played.append((from_ms, from_ms))
        return
    was_paused = at - one.at >= PAUSED_FROM
    was_sought = abs(from_ms - before_ms) >= SOUGHT_FROM_MS
    if was_paused:
        yield film.step(StepKind.PAUSED, one, one.at, known_at)
    one.rate_permille = rate_permille
    if was_sought:
        one.position_ms = from_ms
        yield film.step(StepKind.SEEKED, one, at, known_at, from_ms=before_ms)
    if was_paused:
        yield film.step(StepKind.PLAYED, one, at, known_at)
    if was_paused or was_sought:
        film.played.append((one.position_ms or 0, one.position_ms or 0))


def _over(film: _Film, one: _Session, ended_at: datetime, known_at: datetime) -> Iterator[Step]:
    """A session's end; a film that was being played is paused first."""
    if one.position_ms is not None:
        yield film.step(StepKind.PAUSED, one, one.at, known_at)
    yield film.step(StepKind.TERMINATED, one, max(ended_at, one.at), known_at)
    one.is_over = True


def _completed(film: _Film, at: datetime) -> Iterator[Step]:
    reached = max(film.covered_ms, film.counted_ms) >= film.threshold_ms
    if film.is_complete or not reached or not film.sessions:
        return
    film.is_complete = True
    one = film.sessions[max(film.sessions)]
    step = film.step(StepKind.COMPLETED, one, at, at)
    one.steps -= 1
    yield replace(step, number=0, covered_ms=max(film.covered_ms, film.counted_ms))


def _real_ms(from_ms: int, to_ms: int, rate_permille: int) -> int:
    return (to_ms - from_ms) * 1000 // rate_permille
