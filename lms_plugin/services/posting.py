"""From watching to the ledger: what counts and is not posted yet becomes entries, and so does what counts no more."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals, watching
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.evidence import Posted, Released
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import ComponentKind
from lms_plugin.services import access, catalogue, hours, links_owed, outbox, owing_lrs, study_reckoning
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import Credit, Entering, enter_many
from lms_plugin.services.outbox import Owed
from lms_plugin.services.owing_lrs import FilmReached, Reached
from lms_plugin.services.watch_desk import Desk
from lms_plugin.services.watched_time import RELEASED as RELEASED
from lms_plugin.services.watched_time import TAKEN_BACK as TAKEN_BACK
from lms_plugin.services.watched_time import WATCHED as WATCHED
from lms_plugin.storage.activity import PlaybackSession
from lms_plugin.storage.among import among
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.watching import ClockState, FilmState, PlayState


def settle(session: Session, enrolment: Enrolment, now: datetime) -> bool:
    """Post whatever an enrolment has watched and the ledger has not; True if there was something.

    Whoever is about to show hours calls this first: what a page shows is always all there is.
    """
    return settle_some(session, [enrolment], now) == 1


def settle_some(session: Session, enrolments: Sequence[Enrolment], now: datetime) -> int:
    """`settle` for a few at once; gives how many of them had something."""
    unposted = select(PlaybackSession.enrolment_id).where(
        among(PlaybackSession.enrolment_id, [one.id for one in enrolments]), PlaybackSession.post_at.is_not(None)
    )
    waiting = set(session.scalars(unposted))
    if not waiting:
        return 0
    desk = Desk(session.connection())
    found = {one.id: one.user_id for one in enrolments if one.id in waiting}
    desk.lock(sorted(set(found.values())))
    plays = [desk.keep(one) for one in desk.store.unposted(sorted(found))]
    post(session, desk, plays, now)
    desk.save()
    return len({one.of.enrolment_id for one in plays})


@dataclass(frozen=True, slots=True)
class _Posting:
    """Segments of a session on their way to the ledger; `sign` is -1 where they are taken back."""

    of: PlayState
    segments: Segments
    sign: int


def post(session: Session, desk: Desk, plays: Sequence[PlayState], now: datetime) -> None:
    """Post some sessions, whose persons' clocks are at the desk: of each person first what is taken back, then the new.

    What the persons attended at the same time is reckoned anew: no minute counts twice.
    """
    if not plays:
        return
    attended = study_reckoning.with_records(session, _spans(plays))
    waiting: dict[int, list[_Posting]] = defaultdict(list)
    for one in plays:
        if one.play.retracted:
            waiting[one.user_id].append(_Posting(one, one.play.retracted, -1))
            one.play.retracted = intervals.NOTHING
    for one in plays:
        if one.play.unposted:
            waiting[one.user_id].append(_Posting(one, one.play.unposted, 1))
            one.play.unposted = intervals.NOTHING
        desk.touch(one)
    counter = _Counter(session, desk, now)
    # An entry names the head of the evidence before it, and is written there itself: one of a person after the other.
    for turn in range(max(map(len, waiting.values()), default=0)):
        counter.enter([postings[turn] for postings in waiting.values() if turn < len(postings)])
    counter.owe([one.of for one in plays])
    if attended:
        desk.save()
        for user_id in sorted(attended):
            study_reckoning.reckon_again(session, user_id, now)


def tell_of_ends(session: Session, desk: Desk, plays: Sequence[PlayState], now: datetime) -> None:
    """Let record stores hear that these sessions have ended, where nothing is left to post of them."""
    reached = [one for ended in plays for one in _reached(desk, ended.of, desk.rules_of_play(ended).current)]
    owing_lrs.owe(session, reached, now)


def release(
    session: Session, actor: Actor, enrolment_id: int, video_id: int, wanted: Segments, *, reason: str, now: datetime
) -> int:
    """Let held stretches count by a tutor's decision; gives how many milliseconds of film count by it.

    Only what is held for want of a sign of presence, missed or pending, can be released; the rest of `wanted` is left
    alone.

    Raises:
        NotFound: the enrolment is not one of the tutor's learners, or has not begun the film.
    """
    enrolment = access.tutored_enrolment(session, actor, enrolment_id)
    settle(session, enrolment, now)
    desk = Desk(session.connection())
    desk.lock([enrolment.user_id])
    clock, film = desk.clocks[enrolment.user_id], desk.film(enrolment.id, video_id)
    if film is None:
        raise NotFound(what="video")
    plays = desk.matters_of(film)
    released = watching.release(wanted, film.film, [one.play for one in plays])
    if not released:
        return 0
    current = catalogue.for_enrolment(session, enrolment, now)
    study_reckoning.lock_people(session, [enrolment.user_id])
    component = current.programme.component_of(ComponentKind.VIDEO)
    entry = 0
    if component is not None:
        credit = hours.Credit(
            component_key=component.key,
            amount_ms=intervals.length(released),
            source_kind=RELEASED,
            source_id=str(video_id),
            rule=watching.RULE,
            detail=_detail(desk, clock, film, released) | {"reason": reason},
            decided_by_id=actor.user_id,
        )
        entry = hours.enter(session, enrolment, current, credit, now).number
    desk.record(clock, Released(now, enrolment.id, video_id, released, actor.user_id, entry))
    desk.touch_film(film)
    for one in plays:
        desk.touch(one)
    desk.save()
    study_reckoning.reckon_again(session, enrolment.user_id, now)
    _owe(session, desk, [(film, current)], now)
    return intervals.length(released)


def _spans(plays: Sequence[PlayState]) -> dict[int, tuple[datetime, datetime]]:
    """From when to when each person's sessions lasted."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for one in plays:
        lease = one.play.lease
        until = lease.last_contact_at if lease.ended_at is None else lease.ended_at
        first, last = spans.get(one.user_id, (lease.opened_at, until))
        spans[one.user_id] = (min(first, lease.opened_at), max(last, until))
    return spans


class _Counter:
    """Where segments become entries: the rules and modules that several of them share are looked up once."""

    def __init__(self, session: Session, desk: Desk, now: datetime) -> None:
        self._session, self._desk, self._now = session, desk, now
        self._known: dict[tuple[int, str], InForce] = {}

    def current(self, film: FilmState) -> InForce:
        key = (film.programme_id, film.variant)
        if key not in self._known:
            self._known[key] = catalogue.in_force(self._session, film.programme_id, self._now, film.variant)
        return self._known[key]

    def enter(self, postings: Sequence[_Posting]) -> None:
        """One entry for each, of different persons, and the event that ties it to the evidence."""
        entering, counted = [], []
        for one in postings:
            film, clock = one.of.of, self._desk.clocks[one.of.user_id]
            current = self.current(film)
            component = current.programme.component_of(ComponentKind.VIDEO)
            if component is None:
                continue
            credit = Credit(
                component_key=component.key,
                amount_ms=one.sign * intervals.length(one.segments),
                source_kind=WATCHED if one.sign > 0 else TAKEN_BACK,
                source_id=one.of.id,
                rule=watching.RULE,
                detail=_detail(self._desk, clock, film, one.segments),
            )
            entering.append(Entering(film.enrolment_id, current, credit))
            counted.append(one)
        numbers = enter_many(self._session, entering, self._now)
        entered = {id(one): number for one, number in zip(counted, numbers, strict=True)}
        for one in postings:
            amount_ms = one.sign * intervals.length(one.segments)
            event = Posted(self._now, one.of.number, entered.get(id(one), 0), amount_ms)
            self._desk.record(self._desk.clocks[one.of.user_id], event)

    def owe(self, films: Sequence[FilmState]) -> None:
        """What the LMS is to have of these sessions' modules."""
        each = {film.key: film for film in films}
        _owe(self._session, self._desk, [(film, self.current(film)) for film in each.values()], self._now)


def _detail(desk: Desk, clock: ClockState, film: FilmState, segments: Segments) -> dict[str, object]:
    _, module_key = desk.module(film.module_id) or (0, "")
    return {
        "module": module_key,
        "video": film.video_id,
        "segments": [list(segment) for segment in segments],
        "evidence": clock.log_head.hex(),
    }


def _owe(session: Session, desk: Desk, films: Sequence[tuple[FilmState, InForce]], now: datetime) -> None:
    """Owe every LMS that shows these films' modules how far they are."""
    owed = [one for film, current in films if (one := _owed(desk, film, current)) is not None]
    linked = [
        links_owed.stand_in_module(
            film.enrolment_id,
            film.module_id,
            _ratio(film, current),
            intervals.length(film.film.covered),
            film.film.video_ms,
            current.programme.class_hour_ms,
        )
        for film, current in films
        if current.is_linked
    ]
    outbox.owe_many(session, [*owed, *links_owed.of_links(session, linked)], now)
    reached = [one for film, current in films if current.is_told for one in _reached(desk, film, current)]
    owing_lrs.owe(session, reached, now)


def _ratio(film: FilmState, current: InForce) -> Decimal:
    return hours.module_ratio(intervals.length(film.film.covered), film.film.video_ms, current.programme)


def _owed(desk: Desk, film: FilmState, current: InForce) -> Owed | None:
    course = current.programme.lms
    if course is None:
        return None
    _, module_key = desk.module(film.module_id) or (0, "")
    declared = next((one for one in current.programme.modules if one.key == module_key), None)
    if declared is None or declared.block_key is None:
        return None
    return Owed(film.enrolment_id, course, declared.block_key, _ratio(film, current))


def _reached(desk: Desk, film: FilmState, current: InForce) -> Iterator[Reached]:
    """What record stores are to hear of a film."""
    _, module_key = desk.module(film.module_id) or (0, "")
    covered_ms = intervals.length(film.film.covered)
    of_film = FilmReached(film.enrolment_id, module_key, covered_ms, film.film.video_ms)
    yield from owing_lrs.of_film(of_film, current.programme)
