"""Simulated players: a class group's evening at the films, reported as bad and good lines report it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import MINUTE_MS, Programme
from lms_plugin.domain.watching import Claim
from lms_plugin.services import posting, presence, viewing
from lms_plugin.services.access import Actor
from lms_plugin.services.presence import CheckShown
from lms_plugin.services.viewing import Opening
from lms_plugin.services.watch_desk import Desk, Versions
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database

ANSWERS_RIGHTLY = 0.97
ANSWER_AFTER = timedelta(seconds=20)


@dataclass(slots=True)
class Sitting:
    """One learner at one film for one evening: from where to where, at what rate, on what line.

    Who does not answer (`answers`) has gone away meanwhile.
    """

    actor: Actor
    enrolment_id: int
    video_id: int
    from_ms: int
    to_ms: int
    rate_permille: int
    has_bad_line: bool
    new_id: str
    answers: bool = True
    at_ms: int = 0
    seq: int = 0
    unsent: list[tuple[int, list[Claim]]] = field(default_factory=list)
    check: CheckShown | None = None

    @property
    def is_over(self) -> bool:
        return self.at_ms >= self.to_ms


def watch(
    database: Database,
    programme: Programme,
    sittings: Sequence[Sitting],
    begins: datetime,
    beat: timedelta,
    versions: Versions,
    chance: random.Random,
) -> datetime:
    """Play an evening: open, report every `beat`, answer what is asked, post; gives when the last one ended."""
    if not sittings:
        return begins
    openings = [Opening(one.actor, one.enrolment_id, one.video_id, one.new_id) for one in sittings]
    for one in sittings:
        one.at_ms = one.from_ms
    database.transact(lambda session: viewing.open_many(session, openings, begins, versions))
    now = begins
    while playing := [one for one in sittings if not one.is_over or one.unsent]:
        now += beat
        for one in playing:
            _play_on(one, beat, chance)
        _report(database, playing, now, versions)
        _answer(database, programme, playing, now + ANSWER_AFTER, versions, chance)
        _miss(database, playing, versions)
    now += timedelta(minutes=1)

    def post(session: Session) -> int:
        mine = select(Enrolment).where(Enrolment.id.in_([one.enrolment_id for one in sittings]))
        return posting.settle_some(session, session.scalars(mine).all(), now)

    database.transact(post)
    return now


def _play_on(one: Sitting, beat: timedelta, chance: random.Random) -> None:
    """Play until the next report; a bad line keeps some reports back, and sends some twice."""
    if one.is_over:
        return
    played_ms = int(beat.total_seconds() * one.rate_permille)
    end = min(one.to_ms, one.at_ms + played_ms)
    one.seq += 1
    claims = [Claim(one.at_ms, end, one.rate_permille)]
    if one.has_bad_line and end - one.at_ms > 4 * MINUTE_MS:
        # A stall in the middle: two segments.
        middle = one.at_ms + chance.randrange(MINUTE_MS, end - one.at_ms - MINUTE_MS)
        claims = [Claim(one.at_ms, middle, one.rate_permille), Claim(middle, end, one.rate_permille)]
    one.at_ms = end
    one.unsent.append((one.seq, claims))


def _report(database: Database, playing: Sequence[Sitting], now: datetime, versions: Versions) -> None:
    """Send what is ready, all in one transaction, as reports that come at the same moment are taken."""
    sending = [one for one in playing if not (one.has_bad_line and len(one.unsent) < 2 and not one.is_over)]
    if not sending:
        return

    def take(session: Session) -> list[tuple[Sitting, CheckShown | None]]:
        desk = Desk(session.connection(), versions)
        desk.lock([one.actor.user_id for one in sending])
        desk.fetch([(one.actor.user_id, one.new_id) for one in sending])
        desk.fetch_days([desk.plays[one.actor.user_id, one.new_id] for one in sending], now)
        desk.fetch_checks([(user_id, clock.checks) for user_id, clock in desk.clocks.items()])
        shown = []
        for one in sending:
            check = None
            reports = one.unsent + (one.unsent[:1] if one.has_bad_line else [])
            for seq, claims in reports:
                answer = viewing.beat_at(desk, one.actor.user_id, one.new_id, seq=seq, claims=claims, now=now)
                check = answer.check
            shown.append((one, check))
        desk.save()
        return shown

    for one, check in database.transact(take):
        one.unsent, one.check = [], check


def _answer(
    database: Database,
    programme: Programme,
    playing: Sequence[Sitting],
    now: datetime,
    versions: Versions,
    chance: random.Random,
) -> None:
    asked = [one for one in playing if one.check is not None and one.answers]
    if not asked:
        return

    def answer(session: Session) -> None:
        desk = Desk(session.connection(), versions)
        desk.lock([one.actor.user_id for one in asked])
        desk.fetch([(one.actor.user_id, one.new_id) for one in asked])
        desk.fetch_matters([one.actor.user_id for one in asked])
        numbers = [(one.actor.user_id, one.check.number) for one in asked if one.check is not None]
        desk.fetch_checks([(user_id, number - before) for user_id, number in numbers for before in (0, 1)])
        for one in asked:
            check = one.check
            for _ in range(4):
                if check is None:
                    break
                choice = right_choice(programme, check)
                if chance.random() > ANSWERS_RIGHTLY:
                    choice = (choice + 1) % len(check.choices)
                result = presence.answer_at(desk, one.actor.user_id, one.new_id, check.number, choice=choice, now=now)
                check = result.check
            one.check = None
        desk.save()

    database.transact(answer)


def _miss(database: Database, playing: Sequence[Sitting], versions: Versions) -> None:
    """Who does not answer has left: the film stands at the question, and when its time is up the player says so."""
    absent = [one for one in playing if one.check is not None and not one.answers]
    if not absent:
        return

    def miss(session: Session) -> None:
        desk = Desk(session.connection(), versions)
        desk.lock([one.actor.user_id for one in absent])
        desk.fetch([(one.actor.user_id, one.new_id) for one in absent])
        for one in absent:
            if one.check is not None:
                over = one.check.answer_by + timedelta(seconds=1)
                number, user_id = one.check.number, one.actor.user_id
                viewing.beat_at(desk, user_id, one.new_id, seq=one.seq + 1, claims=[], now=over, unanswered=number)
            one.to_ms, one.check = one.at_ms, None
        desk.save()

    database.transact(miss)


def right_choice(programme: Programme, check: CheckShown) -> int:
    """What somebody who watched answers: the module's own, or the sum that is asked where it has no questions."""
    for module in programme.modules:
        for question in module.questions:
            if question.text == check.question:
                return check.choices.index(question.choices[question.answer])
    numbers = [int(word) for word in check.question.en.rstrip("?").split() if word.isdecimal()]
    return [choice.en for choice in check.choices].index(str(sum(numbers)))
