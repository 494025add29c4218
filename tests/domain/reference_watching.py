"""The rule of watching once more, written to be obviously right instead of quick.

Everything is a set of milliseconds, budgets and days are worked out anew from the whole history of what was charged,
and every claimed millisecond is asked for its fate by itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from lms_plugin.domain.watching import Claim, Reason, Terms

Fate = Counter[tuple[int, str]]
"""How often each (millisecond of film, what became of it) was claimed."""

CREDITED, ALREADY = "credited", "already"
FilmKey = tuple[int, int]


@dataclass
class ReferenceFilm:
    """One enrolment's standing in one film: what counts, what is missed, and the last word on what was withheld."""

    ms: int
    covered: set[int] = field(default_factory=set)
    missed: set[int] = field(default_factory=set)
    notes: dict[int, str] = field(default_factory=dict)


@dataclass
class ReferencePlay:
    """One session: instants, sets, and for each millisecond it was charged the day, where days were limited."""

    key: FilmKey
    film: ReferenceFilm
    opened_at: datetime
    contact_at: datetime
    terms: Terms
    ended_at: datetime | None = None
    charged: list[date | None] = field(default_factory=list)
    unconfirmed: set[int] = field(default_factory=set)
    pending: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    delivered: set[int] = field(default_factory=set)
    unposted: set[int] = field(default_factory=set)
    retracted: set[int] = field(default_factory=set)

    def lapse(self, now: datetime) -> None:
        silent_since = self.contact_at + timedelta(seconds=self.terms.rule.late_window_seconds)
        if self.ended_at is None and now >= silent_since:
            self.ended_at = silent_since

    def until(self, now: datetime) -> datetime:
        return now if self.ended_at is None else min(now, self.ended_at)

    def budget_ms(self, now: datetime) -> int:
        window = self.terms.window
        inside = min(self.until(now), window.closes_at) - max(self.opened_at, window.opens_at)
        microseconds = max(0, inside // timedelta(microseconds=1))
        return int(self.terms.rule.max_rate * microseconds / 1000) - len(self.charged)

    def days(self, now: datetime) -> list[date]:
        """The days of the window that it lasted, the latest first."""
        window = self.terms.window
        days = [window.day_of(self.until(now))]
        while days[-1] > max(window.day_of(self.opened_at), window.opens_on):
            days.append(days[-1] - timedelta(days=1))
        return days

    @property
    def is_open_matter(self) -> bool:
        return bool(self.unconfirmed or self.pending or self.waiting)

    def is_next(self, moment: int) -> bool:
        """Whether everything of the film before it was seen, as far as this session can tell."""
        seen = self.film.covered, self.film.missed, self.pending
        return all(any(before in one for one in seen) for before in range(moment))


@dataclass
class ReferencePerson:
    """One learner: all sessions in the order they were opened, and the one presence check that can be open."""

    film_ms: Mapping[int, int]
    terms: Mapping[tuple[int, int], Terms]
    plays: list[ReferencePlay] = field(default_factory=list)
    films: dict[FilmKey, ReferenceFilm] = field(default_factory=dict)
    next_in_ms: int | None = None
    is_blocked: bool = False
    check: int = 0
    answer_by: datetime | None = None
    tries_left: int = 0
    put: int = 0

    def open(self, enrolment: int, version: int, video: int, now: datetime) -> None:
        self.sweep(now)
        opened_at = now
        if self.plays:
            last = self.plays[-1]
            last.lapse(now)
            if last.ended_at is None:
                last.ended_at = max(now, last.contact_at)
            opened_at = max(now, last.ended_at)
        key = (enrolment, video)
        film = self.films.setdefault(key, ReferenceFilm(self.film_ms[video]))
        self.plays.append(ReferencePlay(key, film, opened_at, opened_at, self.terms[enrolment, version]))
        self._put_if_wanted(self.plays[-1], now)

    def beat(
        self,
        number: int,
        version: int,
        claims: Sequence[Claim],
        now: datetime,
        *,
        draw_ms: int,
        served: set[int],
        unanswered: int | None = None,
    ) -> Fate:
        play = self.plays[number]
        play.terms = self.terms[play.key[0], version]
        if play.terms.rule.delivery_proof:
            play.delivered |= served
        self.sweep(now, unanswered=unanswered is not None and unanswered == self.check)
        play.lapse(now)
        fate: Fate = Counter()
        notes: list[tuple[int, str]] = []
        charged_before = len(play.charged)
        for claim in claims:
            for moment, word in self._fates(play, claim, now):
                fate[moment, word] += 1
                notes.append((moment, word))
        self._redeem(play)
        for moment, word in notes:
            is_withheld = word in (Reason.TOO_FAST, Reason.OUTSIDE_WINDOW, Reason.DAILY_LIMIT)
            if is_withheld and moment not in play.film.covered:
                play.film.notes[moment] = word
        if not play.terms.rule.skipping_ahead:
            others = [one for one in self.plays if one.key == play.key and one is not play]
            self._settle([play, *others], play.terms)
        if play.ended_at is None:
            play.contact_at = max(play.contact_at, now)
        if play.terms.checks_presence and not self.check:
            distance = draw_ms if self.next_in_ms is None else self.next_in_ms
            self.next_in_ms = max(0, distance - (len(play.charged) - charged_before))
        self._put_if_wanted(play, now)
        return fate

    def answer(self, check: int, is_right: bool, now: datetime, *, draw_ms: int) -> None:
        if not self.check or check != self.check or self.sweep(now):
            return
        if is_right:
            self._close(is_blocked=False)
            self.next_in_ms = draw_ms
            for play in self.plays:
                play.waiting |= play.pending
                play.pending = set()
            self._settle(self.plays)
            for play in self.plays:
                play.unconfirmed = set()
            return
        self.tries_left -= 1
        if self.tries_left:
            self.put += 1
            self.check = self.put
        else:
            self._give_up(is_missed=True)

    def sweep(self, now: datetime, *, unanswered: bool = False) -> bool:
        if self.answer_by is None or now < self.answer_by:
            return False
        self._give_up(is_missed=unanswered)
        return True

    def prove(self, number: int, served: set[int]) -> None:
        play = self.plays[number]
        if play.terms.rule.delivery_proof and play.waiting and served - play.delivered:
            play.delivered |= served
            self._redeem(play)

    def post(self) -> None:
        for play in self.plays:
            play.unposted, play.retracted = set(), set()

    def release(self, key: FilmKey, wanted: set[int]) -> None:
        film = self.films.get(key)
        if film is not None:
            for moment in wanted - film.covered:
                pending_in = [play for play in self.plays if play.key == key and moment in play.pending]
                if moment not in film.missed and not pending_in:
                    continue
                for play in pending_in if moment not in film.missed else ():
                    play.pending.discard(moment)
                film.covered.add(moment)
                film.missed.discard(moment)
                film.notes.pop(moment, None)

    def held(self, key: FilmKey, terms: Terms) -> dict[int, str]:
        """Why each millisecond that is held is."""
        film, why = self.films[key], dict[int, str]()
        for moment in range(film.ms):
            for play in self.plays:
                if play.key != key or moment in film.covered or moment in why:
                    continue
                if moment in play.pending:
                    why[moment] = Reason.PRESENCE_PENDING
                elif moment in play.waiting:
                    lacks_proof = terms.rule.delivery_proof and moment not in play.delivered
                    why[moment] = Reason.NOT_DELIVERED if lacks_proof else Reason.SKIPPED_AHEAD
            if moment in film.missed and moment not in why:
                why[moment] = Reason.PRESENCE_UNANSWERED
        return why

    def used_ms(self, enrolment: int) -> Counter[date]:
        """What an enrolment was charged on each day, of all its history."""
        return Counter(day for play in self.plays if play.key[0] == enrolment for day in play.charged if day)

    def _fates(self, play: ReferencePlay, claim: Claim, now: datetime) -> list[tuple[int, str]]:
        moments = range(claim.from_ms, claim.to_ms)
        if not claim.well_formed or claim.from_ms < 0:
            return [(moment, Reason.MALFORMED) for moment in moments]
        film, window = play.film, play.terms.window
        budget_ms, days = play.budget_ms(now), play.days(now)
        used = self.used_ms(play.key[0])
        fates: list[tuple[int, str]] = []
        asked_ms = 0
        for moment in moments:
            if moment >= film.ms:
                word = Reason.BEYOND_THE_END.value
            elif moment in film.covered:
                word = ALREADY
            elif not window.opens_at <= now < window.closes_at:
                word = Reason.OUTSIDE_WINDOW
            elif moment in play.waiting or moment in play.pending:
                word = self._counts_or_waits(play, moment)
            else:
                asked_ms += 1
                limit_ms = play.terms.daily_limit_ms
                free = [None] if limit_ms is None else [day for day in days if used[day] < limit_ms]
                if asked_ms > budget_ms:
                    word = Reason.TOO_FAST
                elif not free:
                    word = Reason.DAILY_LIMIT
                else:
                    play.charged.append(free[0])
                    used = self.used_ms(play.key[0])
                    word = self._counts_or_waits(play, moment)
            fates.append((moment, word))
        return fates

    def _counts_or_waits(self, play: ReferencePlay, moment: int) -> str:
        rule = play.terms.rule
        is_due = not self.check and self.next_in_ms == 0
        if play.terms.checks_presence and (self.is_blocked or is_due):
            play.waiting.discard(moment)
            play.pending.add(moment)
            return Reason.PRESENCE_PENDING
        if rule.delivery_proof and moment not in play.delivered:
            play.waiting.add(moment)
            return Reason.NOT_DELIVERED
        if not rule.skipping_ahead and not play.is_next(moment):
            play.waiting.add(moment)
            return Reason.SKIPPED_AHEAD
        self._give(play, moment)
        return CREDITED

    def _give(self, play: ReferencePlay, moment: int) -> None:
        play.film.covered.add(moment)
        play.film.missed.discard(moment)
        play.film.notes.pop(moment, None)
        play.waiting.discard(moment)
        play.pending.discard(moment)
        if moment in play.retracted:
            play.retracted.discard(moment)
        else:
            play.unposted.add(moment)
        if play.terms.checks_presence:
            play.unconfirmed.add(moment)

    def _redeem(self, play: ReferencePlay) -> bool:
        before = len(play.film.covered)
        for moment in sorted(play.waiting):
            if moment in play.film.covered:
                play.waiting.discard(moment)
            else:
                self._counts_or_waits(play, moment)
        return len(play.film.covered) > before

    def _settle(self, plays: Sequence[ReferencePlay], terms: Terms | None = None) -> None:
        """Redeem in any of the sessions until nothing more comes of it."""
        was = [one.terms for one in plays]
        for one in plays:
            one.terms = terms or one.terms
        goes_on = True
        while goes_on:
            goes_on = False
            for one in plays:
                goes_on |= self._redeem(one)
        for one, own in zip(plays, was, strict=True):
            one.terms = own

    def _give_up(self, *, is_missed: bool) -> None:
        for play in self.plays:
            for moment in play.unconfirmed & play.film.covered:
                play.film.covered.discard(moment)
                if moment in play.unposted:
                    play.unposted.discard(moment)
                else:
                    play.retracted.add(moment)
                play.pending.add(moment)
            play.unconfirmed = set()
        if is_missed:
            for play in self.plays:
                play.film.missed |= play.pending - play.film.covered
                play.pending = set()
        tries_left = 0 if is_missed else self.tries_left
        self._close(is_blocked=True)
        self.tries_left = tries_left

    def _close(self, *, is_blocked: bool) -> None:
        self.is_blocked, self.check, self.answer_by, self.tries_left = is_blocked, 0, None, 0

    def _put_if_wanted(self, play: ReferencePlay, now: datetime) -> None:
        terms = play.terms
        is_there = play is self.plays[-1] and play.ended_at is None
        is_there = is_there and terms.window.opens_at <= now < terms.window.closes_at
        is_wanted = not self.check and (self.is_blocked or self.next_in_ms == 0)
        if is_there and is_wanted and terms.checks_presence:
            self.put += 1
            self.check = self.put
            self.answer_by = now + timedelta(seconds=terms.rule.presence_answer_seconds)
            self.tries_left = min(self.tries_left or terms.rule.presence_tries, terms.rule.presence_tries)
