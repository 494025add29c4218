"""Presence checks: when one is put, what an answer does, and what happens to film watched while nobody answered.

A check comes after a random distance of new film. It holds nothing while it is open. One that is not answered holds
all that was watched since the last sign of presence, and until a later one is answered nothing new counts:

- Where the player was there and says that nobody answered, or the tries are used up, the stretch is *missed*: it
  comes back when it is watched again or a tutor releases it.
- Where the player was not heard (a cut line, a closed page), the check has *lapsed*: the stretch is pending, and comes
  back whole with the answer to the next check. A script that keeps silent gains nothing by it: without an
  answer nothing of it counts.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.programme import MINUTE_MS, WatchingRule
from lms_plugin.domain.watching import Film, Play, Presence, Terms, redeem_all, take_back

Watched = Iterable[tuple[Film, Play, Terms]]
"""All of a person's sessions with open matters: the film, the session, and the terms of its programme."""


def draw_range_ms(rule: WatchingRule) -> tuple[int, int]:
    """Between which distances, in milliseconds of new film, the next check is drawn; evenly, the first one included."""
    mean_ms = (rule.presence_check_minutes or 0) * MINUTE_MS
    return mean_ms // 2, mean_ms * 3 // 2


def put(presence: Presence, number: int, rule: WatchingRule, now: datetime) -> None:
    """Put a check to a player that holds the lease; one that follows a lapsed one has the tries that were left of it.

    Otherwise whoever guesses could fall silent after a wrong answer, and be asked anew for as long as it takes.
    """
    presence.open_number = number
    presence.answer_by = now + timedelta(seconds=rule.presence_answer_seconds)
    presence.tries_left = min(presence.tries_left or rule.presence_tries, rule.presence_tries)


def put_again(presence: Presence, number: int) -> None:
    """After a wrong answer: another question, within the time of the first."""
    presence.open_number = number


def answer_wrongly(presence: Presence, watched: Watched) -> bool:
    """Take a wrong answer; True where another try is left. Else the check is missed."""
    presence.tries_left -= 1
    if presence.tries_left > 0:
        return True
    miss(presence, watched)
    return False


def answer_rightly(presence: Presence, watched: Watched, draw_ms: int) -> Segments:
    """Take a right answer: a sign of presence. What was pending counts, as far as nothing else stands against it.

    Gives all that counts by it, of all films together, for a caller that wants to know whether anything changed.
    """
    presence.is_blocked = False
    presence.next_in_ms = draw_ms
    _close(presence)
    several = list(watched)
    for _, play, _ in several:
        play.waiting = intervals.union(play.waiting, play.pending)
        play.pending = NOTHING
    counts = redeem_all(several, presence)
    for _, play, _ in several:
        play.unconfirmed = NOTHING
    return counts


def miss(presence: Presence, watched: Watched) -> None:
    """Nobody answered, or not rightly: what was watched since the last sign of presence has to be watched again."""
    for film, play, _ in watched:
        since = intervals.intersect(play.unconfirmed, film.covered)
        take_back(since, film, play)
        lost = intervals.union(since, intervals.subtract(play.pending, film.covered))
        film.missed = intervals.union(film.missed, lost)
        play.unconfirmed = play.pending = NOTHING
    presence.is_blocked = True
    _close(presence)


def lapse(presence: Presence, watched: Watched) -> None:
    """Time is up and the player was not heard: what was watched since the last sign waits for the next answer."""
    for film, play, _ in watched:
        since = intervals.intersect(play.unconfirmed, film.covered)
        take_back(since, film, play)
        play.pending = intervals.union(play.pending, since)
        play.unconfirmed = NOTHING
    presence.is_blocked = True
    tries_left = presence.tries_left
    _close(presence)
    presence.tries_left = tries_left


def _close(presence: Presence) -> None:
    presence.open_number = presence.answer_by = None
    presence.tries_left = 0
