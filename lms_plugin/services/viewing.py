"""Watching: opening playback sessions and taking beats.

Every writing function locks the person's clock first (services/watch_desk.py), so that the leases of one person never
overlap and their beats are judged one after the other, in any number of processes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals, watching
from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.evidence import Beaten, Opened, Outcome, Ruled, Swept
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.watching import Claim, Film, Lease, Play, Stretch
from lms_plugin.services import catalogue, hours, posting, presence
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.film_standing import FilmShown, resume_at, shown_to
from lms_plugin.services.presence import CheckShown
from lms_plugin.services.watch_desk import Desk, RulesOfVersion, Versions
from lms_plugin.storage.among import among
from lms_plugin.storage.programmes import Enrolment, ModuleRow, ProgrammeRow, Video
from lms_plugin.storage.watching import ClockState, FilmState, PlayState


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A playback session as its player needs it; times in milliseconds of the film."""

    id: str
    opened_at: datetime
    video: Video
    max_rate: Fraction
    beat_interval_seconds: int
    skipping_ahead: bool
    delivery_proof: bool
    film: FilmShown
    resume_at_ms: int

    @property
    def covered(self) -> Segments:
        return self.film.covered


@dataclass(frozen=True, slots=True)
class BeatAnswer:
    """The answer to a beat. A repeated beat gets the same one, with the presence check that is open by now."""

    credited: Segments
    withheld: tuple[Stretch, ...]
    held: tuple[Stretch, ...]
    covered_ms: int
    lease_is_held: bool
    film_changed: bool = False
    check: CheckShown | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A playback session that is about to be opened; `new_id` is a fresh random name of at most 32 characters."""

    actor: Actor
    enrolment_id: int
    video_id: int
    new_id: str


def open_session(
    session: Session, actor: Actor, *, video_id: int, enrolment_id: int, new_id: str, now: datetime
) -> OpenedSession:
    """Open a playback session: the person's lease passes to it at this instant, from wherever it was.

    `new_id` is a fresh random name of at most 32 characters.

    Raises:
        NotFound: the enrolment is not the actor's, or the video is not one of its programme, or no longer.
        Conflict: the module has another film for this learner by now (`video_replaced`), or the learner has withdrawn
            from the programme (`enrolment_withdrawn`).
    """
    (opened,) = open_many(session, [Opening(actor, enrolment_id, video_id, new_id)], now)
    return opened


def open_many(
    session: Session, openings: Sequence[Opening], now: datetime, versions: Versions | None = None
) -> list[OpenedSession]:
    """`open_session` for several people at once, in one transaction; each of them at most once.

    `versions` are those that the process knows already.

    Raises:
        NotFound, Conflict: as `open_session`, for the first of them that cannot be opened; nothing was changed.
    """
    desk = Desk(session.connection(), versions)
    desk.lock([one.actor.user_id for one in openings])
    held = ((user_id, clock.playback_session_id) for user_id, clock in desk.clocks.items())
    desk.fetch([(user_id, name) for user_id, name in held if name is not None])
    desk.fetch_matters(list(desk.clocks))
    desk.fetch_films([(one.enrolment_id, one.video_id) for one in openings])
    mine = select(Enrolment).where(among(Enrolment.id, [one.enrolment_id for one in openings]))
    enrolments = {one.id: one for one in session.scalars(mine)}
    begun = catalogue.films_begun(session, list(enrolments))
    films = _films(session, {one.video_id for one in openings})
    current: dict[tuple[int, str], InForce] = {}
    opened: list[OpenedSession] = []
    ended: list[PlayState] = []
    for one in openings:
        enrolment = enrolments.get(one.enrolment_id)
        if enrolment is None or enrolment.user_id != one.actor.user_id:
            raise NotFound(what="enrolment")
        key = (enrolment.programme_id, enrolment.variant)
        if key not in current:
            current[key] = catalogue.for_enrolment(session, enrolment, now)
        found = films.get(one.video_id)
        if found is None or found.programme.id != enrolment.programme_id:
            raise NotFound(what="video")
        opened.append(_open_at(session, desk, one, enrolment, current[key], found, begun, ended, now))
    posting.tell_of_ends(session, desk, ended, now)
    desk.save()
    return opened


@dataclass(frozen=True, slots=True)
class _FilmFound:
    """A film with its module and programme."""

    video: Video
    module: ModuleRow
    programme: ProgrammeRow


def _films(session: Session, video_ids: Collection[int]) -> dict[int, _FilmFound]:
    """These films by their ids, those of them that there are."""
    rows = session.execute(
        select(Video, ModuleRow, ProgrammeRow)
        .join(ModuleRow, ModuleRow.id == Video.module_id)
        .join(ProgrammeRow, ProgrammeRow.id == ModuleRow.programme_id)
        .where(among(Video.id, video_ids))
    )
    return {video.id: _FilmFound(video, module, programme) for video, module, programme in rows}


def _open_at(
    session: Session,
    desk: Desk,
    opening: Opening,
    enrolment: Enrolment,
    current: InForce,
    found: _FilmFound,
    begun: Mapping[tuple[int, int], int],
    ended: list[PlayState],
    now: datetime,
) -> OpenedSession:
    """Open one of several; the session that it ends, where all of it is posted already, is added to `ended`."""
    actor, new_id, video, module = opening.actor, opening.new_id, found.video, found.module
    clock = desk.clocks[actor.user_id]
    if all(one.key != module.key for one in current.programme.modules):
        raise NotFound(what="video")
    if enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")
    mine = begun.get((enrolment.id, module.id))
    if mine != video.id and (mine is not None or not video.is_current):
        raise Conflict("video_replaced")
    film = desk.film(enrolment.id, video.id) if mine is not None else None
    if film is None:
        film = FilmState(
            enrolment_id=enrolment.id,
            video_id=video.id,
            module_id=module.id,
            programme_id=module.programme_id,
            programme_version=found.programme.version,
            position_ms=0,
            film=Film(video.duration_ms),
            variant=enrolment.variant,
            is_new=True,
        )
    overdue = clock.presence.open_number
    watcher = desk.watcher(clock)
    if watcher.pass_time(now):
        desk.record(clock, Swept(now))
        presence.close_unanswered(desk, clock, overdue)
    opened_at = _end_previous(session, desk, clock, ended, now)
    rules = desk.rules(film, now)
    rule = rules.terms.rule
    max_rate_permille = int(rule.max_rate * 1000)
    clock.plays += 1
    lease = Lease(opened_at, opened_at, Fraction(max_rate_permille, 1000))
    one = desk.keep(
        PlayState(
            user_id=actor.user_id,
            id=new_id,
            number=clock.plays,
            rule_version=rules.current.version,
            max_rate_permille=max_rate_permille,
            last_seq=0,
            first_chunk=clock.log_chunks + 1,
            post_at=None,
            play=Play(lease),
            of=film,
            is_new=True,
        )
    )
    clock.playback_session_id = new_id
    check = watcher.open(one.play, rules.terms, now)
    clock.checks = watcher.put
    desk.record(
        clock,
        Opened(
            at=now,
            play=one.number,
            session_id=new_id,
            enrolment_id=enrolment.id,
            video_id=video.id,
            version=one.rule_version,
            max_rate_permille=max_rate_permille,
            opened_at=opened_at,
            check=check,
        ),
    )
    desk.touch(one)
    if check:
        presence.put(desk, clock, one, rules, now)
    shown = shown_to(desk, clock, one, rules)
    return OpenedSession(
        id=new_id,
        opened_at=opened_at,
        video=video,
        max_rate=lease.max_rate,
        beat_interval_seconds=rule.beat_interval_seconds,
        skipping_ahead=rule.skipping_ahead,
        delivery_proof=rule.delivery_proof,
        film=shown,
        resume_at_ms=resume_at(film.position_ms, film.film.covered, video.duration_ms),
    )


def take_beat(
    session: Session,
    actor: Actor,
    playback_session_id: str,
    *,
    seq: int,
    claims: Sequence[Claim],
    now: datetime,
    unanswered: int | None = None,
) -> BeatAnswer:
    """Take one beat in a transaction of its caller's; services/beats.py takes many at once.

    Raises:
        NotFound: the playback session is not the actor's, or there is none.
        Conflict: the learner has withdrawn from the programme meanwhile (`enrolment_withdrawn`).
    """
    desk = Desk(session.connection())
    desk.lock([actor.user_id])
    desk.fetch([(actor.user_id, playback_session_id)])
    answer = beat_at(desk, actor.user_id, playback_session_id, seq=seq, claims=claims, now=now, unanswered=unanswered)
    desk.save()
    return answer


def beat_at(
    desk: Desk,
    user_id: int,
    playback_session_id: str,
    *,
    seq: int,
    claims: Sequence[Claim],
    now: datetime,
    unanswered: int | None = None,
) -> BeatAnswer:
    """Take one beat at a desk to which its person and its session have come; nothing is written yet.

    A beat is identified by (playback session, seq): one that was taken before gets its first answer again and
    changes nothing. `unanswered` is the number of a presence check that nobody answered, as the player says.

    Raises:
        NotFound: the playback session is not the person's, or there is none.
        Conflict: the learner has withdrawn from the programme meanwhile (`enrolment_withdrawn`).
    """
    one = desk.plays.get((user_id, playback_session_id))
    if one is None:
        raise NotFound(what="playback_session")
    # A beat may wait in one process while another takes the next; what that was measured by is past for both.
    now = max(now, one.play.lease.last_contact_at)
    clock = desk.clocks[user_id]
    if seq <= one.last_seq:
        known = desk.beat_of(clock, one, seq)
        if known is not None:
            return _answer(known.outcome, presence.shown(desk, clock, one))
    if one.of.has_left:
        raise Conflict("enrolment_withdrawn")
    rules = desk.rules(one.of, now)
    terms = rules.terms
    if rules.current.version != one.rule_version:
        one.rule_version = rules.current.version
        desk.record(clock, Ruled(now, one.number, one.rule_version))
    delivered = desk.prove(one, terms)
    holds_lease = clock.playback_session_id == one.id
    before, draw_ms = clock.presence.open_number, desk.draw_ms(terms)
    says_unanswered = unanswered is not None and unanswered == before
    siblings = [] if terms.rule.skipping_ahead else desk.siblings(one)
    watcher = desk.watcher(clock)
    taken = watcher.beat(
        claims,
        film=one.of.film,
        play=one.play,
        siblings=[other.play for other in siblings],
        days=desk.days(one, terms, now),
        terms=terms,
        now=now,
        draw_ms=draw_ms,
        holds_lease=holds_lease,
        unanswered=says_unanswered,
    )
    verdict = taken.verdict
    clock.checks = watcher.put
    if seq > one.last_seq:
        one.last_seq = seq
        if holds_lease:
            one.of.position_ms = _position_after(claims, one.of.film.video_ms, one.of.position_ms)
    if one.play.unposted and (not verdict.lease_is_held or _is_whole(one.of, rules)):
        one.post_at = now
    outcome = Outcome(
        credited=verdict.credited,
        withheld=verdict.withheld,
        held=verdict.held,
        covered_ms=intervals.length(one.of.film.covered),
        lease_is_held=verdict.lease_is_held,
        film_changed=taken.film_changed,
        check=taken.check,
    )
    used_draw_ms = draw_ms if verdict.used_draw else 0
    desk.record(clock, Beaten(now, one.number, seq, tuple(claims), outcome, says_unanswered, used_draw_ms, delivered))
    for other in (one, *siblings):
        desk.touch(other)
    presence.close_unanswered(desk, clock, before)
    if taken.check:
        presence.put(desk, clock, one, rules, now)
    return _answer(outcome, presence.shown(desk, clock, one))


def _end_previous(session: Session, desk: Desk, clock: ClockState, ended: list[PlayState], now: datetime) -> datetime:
    """End the lease that holds the clock, post its credit, and say when the next may begin."""
    if clock.playback_session_id is None:
        return now
    key = (clock.user_id, clock.playback_session_id)
    desk.fetch([key])
    previous = desk.plays[key]
    rule = desk.rules_of_play(previous).terms.rule
    previous.play.lease = watching.end_lease(previous.play.lease, now, rule)
    desk.touch(previous)
    if previous.post_at is not None:
        posting.post(session, desk, [previous], now)
    else:
        ended.append(previous)
    return watching.next_opening(previous.play.lease, now)


def _answer(outcome: Outcome, check: CheckShown | None) -> BeatAnswer:
    return BeatAnswer(
        credited=outcome.credited,
        withheld=outcome.withheld,
        held=outcome.held,
        covered_ms=outcome.covered_ms,
        lease_is_held=outcome.lease_is_held,
        film_changed=outcome.film_changed,
        check=check,
    )


def _is_whole(film: FilmState, rules: RulesOfVersion) -> bool:
    return hours.is_whole(intervals.length(film.film.covered), film.film.video_ms, rules.programme)


def _position_after(claims: Sequence[Claim], duration_ms: int, before_ms: int) -> int:
    sound = [claim.to_ms for claim in claims if claim.is_sound]
    return min(sound[-1], duration_ms) if sound else before_ms
