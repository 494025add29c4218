"""Watching: opening playback sessions, taking beats, and posting what was watched to the ledger.

Every writing function locks the person's clock first, so that the leases of one person never overlap and
their beats are judged one after the other, in any number of processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals, watching
from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import ComponentKind
from lms_plugin.domain.watching import Claim, Lease, Verdict
from lms_plugin.services import access, catalogue, hours, outbox
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.storage.activity import Beat, Coverage, PersonClock, PlaybackSession
from lms_plugin.storage.programmes import Enrolment, ModuleRow, Video

POST_EVERY_MS = 5 * 60_000
"""Watched time goes to the ledger in entries of about this size while a session goes on; and whenever it ends,
the film is covered, or somebody asks for the hours."""

NEAR_THE_END_MS = 3_000


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A playback session as its player needs it; times in milliseconds of the film."""

    id: str
    opened_at: datetime
    video: Video
    max_rate: Fraction
    beat_interval_seconds: int
    covered: Segments
    resume_at_ms: int


@dataclass(frozen=True, slots=True)
class BeatAnswer:
    """The answer to a beat. A repeated beat gets the same one, word for word."""

    credited: Segments
    withheld: tuple[watching.Stretch, ...]
    held: Segments
    covered_ms: int
    lease_is_held: bool


def open_session(
    session: Session, actor: Actor, *, video_id: int, enrolment_id: int, new_id: str, now: datetime
) -> OpenedSession:
    """Open a playback session: the person's lease passes to it at this instant, from wherever it was.

    `new_id` is a fresh random name of at most 32 characters.

    Raises:
        NotFound: the enrolment is not the actor's, or the video is not one of its programme, or no longer.
        Conflict: the module has another film for this learner by now (`video_replaced`).
    """
    clock = _lock_clock(session, actor.user_id)
    enrolment = access.own_enrolment(session, actor, enrolment_id)
    video = session.get(Video, video_id)
    module = session.get(ModuleRow, video.module_id) if video is not None else None
    if video is None or module is None or module.programme_id != enrolment.programme_id or module.is_retired:
        raise NotFound(what="video")
    film = catalogue.film_for(session, module.id, enrolment.id)
    if film is None or film.id != video.id:
        raise Conflict("video_replaced")
    current = catalogue.in_force(session, enrolment.programme_id)
    opened_at = now
    if clock.playback_session_id is not None:
        opened_at = _end_previous(session, clock, now)
    coverage = session.get(Coverage, (enrolment.id, video.id))
    if coverage is None:
        coverage = Coverage(enrolment_id=enrolment.id, video_id=video.id, covered=b"", covered_ms=0, position_ms=0)
        session.add(coverage)
    rule = current.programme.watching
    max_rate_permille = int(rule.max_rate * 1000)
    session.add(
        PlaybackSession(
            user_id=actor.user_id,
            id=new_id,
            enrolment_id=enrolment.id,
            video_id=video.id,
            max_rate_permille=max_rate_permille,
            opened_at=opened_at,
            last_contact_at=opened_at,
        )
    )
    session.flush()
    clock.playback_session_id = new_id
    covered = intervals.unpack(coverage.covered)
    return OpenedSession(
        id=new_id,
        opened_at=opened_at,
        video=video,
        max_rate=Fraction(max_rate_permille, 1000),
        beat_interval_seconds=rule.beat_interval_seconds,
        covered=covered,
        resume_at_ms=resume_at(coverage.position_ms, covered, video.duration_ms),
    )


def take_beat(
    session: Session, actor: Actor, playback_session_id: str, *, seq: int, claims: Sequence[Claim], now: datetime
) -> BeatAnswer:
    """Take one beat: judge what it claims, merge it, keep the evidence; all in the caller's transaction.

    A beat is identified by (playback session, seq): one that was taken before gets its first answer again and
    changes nothing.

    Raises:
        NotFound: the playback session is not the actor's, or there is none.
    """
    clock = _lock_clock(session, actor.user_id)
    playback = access.own_playback_session(session, actor, playback_session_id)
    known = session.get(Beat, (actor.user_id, playback.id, seq))
    if known is not None:
        return _read_answer(known.answer)
    enrolment = access.own_enrolment(session, actor, playback.enrolment_id)
    current = catalogue.in_force(session, enrolment.programme_id)
    video = session.get_one(Video, playback.video_id)
    coverage = session.get_one(Coverage, (enrolment.id, video.id))
    verdict = watching.judge_beat(
        claims,
        covered=intervals.unpack(coverage.covered),
        video_ms=video.duration_ms,
        lease=_lease_of(playback),
        window=current.programme.window,
        rule=current.programme.watching,
        now=now,
    )
    coverage.covered = intervals.pack(verdict.covered)
    coverage.covered_ms = intervals.length(verdict.covered)
    _keep_lease(playback, verdict.lease)
    _keep_credit(playback, verdict)
    if seq > playback.last_seq:
        playback.last_seq = seq
        if clock.playback_session_id == playback.id:
            coverage.position_ms = _position_after(claims, video.duration_ms, coverage.position_ms)
    answer = BeatAnswer(
        credited=verdict.credited,
        withheld=verdict.withheld,
        held=(),
        covered_ms=coverage.covered_ms,
        lease_is_held=verdict.lease_is_held,
    )
    session.add(
        Beat(
            user_id=actor.user_id,
            playback_session_id=playback.id,
            seq=seq,
            received_at=now,
            rule_version=current.version,
            claimed={
                "segments": [
                    [claim.from_ms, claim.to_ms, claim.rate_permille, int(claim.well_formed)] for claim in claims
                ]
            },
            answer=_write_answer(answer),
        )
    )
    if verdict.credited and (
        not verdict.lease_is_held or playback.unposted_ms >= POST_EVERY_MS or _is_whole(coverage, video, current)
    ):
        _post(session, playback, enrolment, current, now)
    return answer


def settle(session: Session, enrolment: Enrolment, now: datetime) -> bool:
    """Post whatever an enrolment has watched and the ledger has not; True if there was something.

    Whoever is about to show hours calls this first: what a page shows is always all there is.
    """
    unposted = select(PlaybackSession.id).where(
        PlaybackSession.enrolment_id == enrolment.id, PlaybackSession.unposted_ms > 0
    )
    if session.scalar(unposted.limit(1)) is None:
        return False
    _lock_clock(session, enrolment.user_id)
    current = catalogue.in_force(session, enrolment.programme_id)
    for playback_session_id in session.scalars(unposted).all():
        playback = session.get_one(PlaybackSession, (enrolment.user_id, playback_session_id), populate_existing=True)
        _post(session, playback, enrolment, current, now)
    return True


def unsettled(session: Session, *, programme_id: int | None = None, limit: int = 1000) -> list[int]:
    """Ids of enrolments that have watched something the ledger has not, at most `limit`."""
    query = select(PlaybackSession.enrolment_id).where(PlaybackSession.unposted_ms > 0).distinct().limit(limit)
    if programme_id is not None:
        query = query.join(Enrolment, Enrolment.id == PlaybackSession.enrolment_id).where(
            Enrolment.programme_id == programme_id
        )
    return list(session.scalars(query))


def _lock_clock(session: Session, user_id: int) -> PersonClock:
    clock = session.get(PersonClock, user_id, with_for_update=True, populate_existing=True)
    if clock is None:
        clock = PersonClock(user_id=user_id)
        session.add(clock)
        session.flush()
    return clock


def _end_previous(session: Session, clock: PersonClock, now: datetime) -> datetime:
    """End the lease that holds the clock, post its credit, and say when the next may begin."""
    previous = session.get(PlaybackSession, (clock.user_id, clock.playback_session_id), populate_existing=True)
    if previous is None:
        return now
    enrolment = session.get_one(Enrolment, previous.enrolment_id)
    current = catalogue.in_force(session, enrolment.programme_id)
    ended = watching.end_lease(_lease_of(previous), now, current.programme.watching)
    _keep_lease(previous, ended)
    if previous.unposted_ms > 0:
        _post(session, previous, enrolment, current, now)
    return watching.next_opening(ended, now)


def _post(session: Session, playback: PlaybackSession, enrolment: Enrolment, current: InForce, now: datetime) -> None:
    """Move a session's credited, unposted time to the ledger, and owe the LMS the module's completion."""
    video = session.get_one(Video, playback.video_id)
    module = session.get_one(ModuleRow, video.module_id)
    component = current.programme.component_of(ComponentKind.VIDEO)
    segments = intervals.unpack(playback.unposted)
    if component is not None and segments:
        credit = hours.Credit(
            component_key=component.key,
            amount_ms=intervals.length(segments),
            source_kind="playback_session",
            source_id=playback.id,
            rule=watching.RULE,
            detail={"module": module.key, "video": video.id, "segments": [list(segment) for segment in segments]},
        )
        hours.enter(session, enrolment, current, credit, now)
    playback.unposted, playback.unposted_ms = b"", 0
    declared = next((one for one in current.programme.modules if one.key == module.key), None)
    course = current.programme.lms
    if course is not None and declared is not None and declared.block_key is not None:
        coverage = session.get_one(Coverage, (enrolment.id, video.id))
        ratio = hours.module_ratio(coverage.covered_ms, video.duration_ms, current.programme)
        outbox.owe(session, enrolment.id, course, declared.block_key, ratio, now)


def _lease_of(playback: PlaybackSession) -> Lease:
    return Lease(
        opened_at=playback.opened_at,
        last_contact_at=playback.last_contact_at,
        max_rate=Fraction(playback.max_rate_permille, 1000),
        spent_ms=playback.spent_ms,
        ended_at=playback.ended_at,
    )


def _keep_lease(playback: PlaybackSession, lease: Lease) -> None:
    playback.last_contact_at = lease.last_contact_at
    playback.ended_at = lease.ended_at
    playback.spent_ms = lease.spent_ms


def _keep_credit(playback: PlaybackSession, verdict: Verdict) -> None:
    if verdict.credited:
        unposted = intervals.merge(intervals.unpack(playback.unposted) + verdict.credited)
        playback.unposted = intervals.pack(unposted)
        playback.unposted_ms = intervals.length(unposted)


def _is_whole(coverage: Coverage, video: Video, current: InForce) -> bool:
    return hours.module_ratio(coverage.covered_ms, video.duration_ms, current.programme) == 1


def _position_after(claims: Sequence[Claim], duration_ms: int, before_ms: int) -> int:
    sound = [claim.to_ms for claim in claims if claim.is_sound]
    return min(sound[-1], duration_ms) if sound else before_ms


def resume_at(position_ms: int, covered: Segments, duration_ms: int) -> int:
    """Where to go on: where the learner stopped; after the end, the first stretch not yet counted, else the start."""
    if position_ms < duration_ms - NEAR_THE_END_MS:
        return position_ms
    gaps = intervals.subtract(((0, duration_ms),), covered)
    return next((start for start, end in gaps if end - start >= NEAR_THE_END_MS), 0)


def _write_answer(answer: BeatAnswer) -> dict[str, Any]:
    return {
        "credited": [list(segment) for segment in answer.credited],
        "withheld": [[one.from_ms, one.to_ms, one.reason.value] for one in answer.withheld],
        "held": [list(segment) for segment in answer.held],
        "covered_ms": answer.covered_ms,
        "lease": "held" if answer.lease_is_held else "lost",
    }


def _read_answer(kept: dict[str, Any]) -> BeatAnswer:
    return BeatAnswer(
        credited=tuple((start, end) for start, end in kept["credited"]),
        withheld=tuple(watching.Stretch(start, end, watching.Reason(why)) for start, end, why in kept["withheld"]),
        held=tuple((start, end) for start, end in kept["held"]),
        covered_ms=kept["covered_ms"],
        lease_is_held=kept["lease"] == "held",
    )
