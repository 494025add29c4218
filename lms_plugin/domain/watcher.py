"""One person watching: the steps that a message of a player, an answer or the passing of time sets off.

A service takes these steps with the part of the state that a request needs, an audit with all of it: the same
steps, so that both come to the same end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lms_plugin.domain import presence as checks
from lms_plugin.domain.presence import Watched
from lms_plugin.domain.watching import Claim, Days, Film, Play, Presence, Terms, Verdict, judge_beat


@dataclass(frozen=True, slots=True)
class Taken:
    """A beat's verdict; `film_changed` where more of its film changed than the beat's own credit; `check` is the number
    of a presence check that was put with it, else 0."""

    verdict: Verdict
    film_changed: bool
    check: int


@dataclass(frozen=True, slots=True)
class Marked:
    """What an answer did: whether it was right, whether film counts or is held by it that was not, and the number of
    the next try's check, else 0."""

    passed: bool
    film_changed: bool
    check: int


@dataclass(slots=True)
class Watcher:
    """A person's presence checks, `put` of them so far; `watched` gives all sessions with open matters when asked."""

    presence: Presence
    put: int
    watched: Callable[[], Watched]

    def pass_time(self, now: datetime, *, unanswered: bool = False) -> bool:
        """Deal with a check whose time is up; True where there was one.

        `unanswered` says that the player itself reports it: it was there, and nobody answered.
        """
        if not self.presence.is_overdue(now):
            return False
        if unanswered:
            checks.miss(self.presence, self.watched())
        else:
            checks.lapse(self.presence, self.watched())
        return True

    def open(self, play: Play, terms: Terms, now: datetime) -> int:
        """A session was opened; gives the number of a presence check that is put with it, else 0."""
        return self._put_if_wanted(play, terms, now, holds_lease=True)

    def beat(
        self,
        claims: Sequence[Claim],
        *,
        film: Film,
        play: Play,
        siblings: Sequence[Play] = (),
        days: Days,
        terms: Terms,
        now: datetime,
        draw_ms: int,
        holds_lease: bool,
        unanswered: bool = False,
    ) -> Taken:
        """Take one beat; `holds_lease` where its session is the person's latest.

        `siblings` are the film's other sessions with open matters, where what one plays can let another's count.
        """
        overdue = self.pass_time(now, unanswered=unanswered)
        verdict = judge_beat(
            claims,
            film=film,
            play=play,
            siblings=siblings,
            presence=self.presence,
            days=days,
            terms=terms,
            now=now,
            draw_ms=draw_ms,
        )
        check = self._put_if_wanted(play, terms, now, holds_lease=holds_lease)
        return Taken(verdict, overdue or bool(verdict.redeemed), check)

    def answer(self, is_right: bool, *, draw_ms: int) -> Marked:
        """Take an answer to the open check, in time."""
        if is_right:
            return Marked(True, bool(checks.answer_rightly(self.presence, self.watched(), draw_ms)), 0)
        if not checks.answer_wrongly(self.presence, self.watched()):
            return Marked(False, True, 0)
        self.put += 1
        checks.put_again(self.presence, self.put)
        return Marked(False, False, self.put)

    def _put_if_wanted(self, play: Play, terms: Terms, now: datetime, *, holds_lease: bool) -> int:
        is_there = holds_lease and play.lease.ended_at is None and terms.window.contains(now)
        if not (is_there and terms.checks_presence and self.presence.is_wanted):
            return 0
        self.put += 1
        checks.put(self.presence, self.put, terms.rule, now)
        return self.put
