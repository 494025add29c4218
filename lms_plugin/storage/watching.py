"""The state of many people's watching at once, without an object of the ORM: what is read, changed, and written back.

A beat reads three rows and writes three; a store does it for a whole batch of beats in as few statements. Whoever calls
holds the persons' clocks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from lms_plugin.domain.evidence import NO_HEAD
from lms_plugin.domain.watching import Film, Play, Presence

PlayKey = tuple[int, str]
"""(user id, playback session id)"""
FilmKey = tuple[int, int]
"""(enrolment id, video id)"""


@dataclass(slots=True)
class ClockState:
    """A person's clock, presence and end of the log. `closed` are the chunks that were filled since it was read."""

    user_id: int
    playback_session_id: str | None = None
    plays: int = 0
    log_chunks: int = 0
    log_body: bytes = b""
    log_context: bytes = b""
    log_head: bytes = NO_HEAD
    checks: int = 0
    presence: Presence = field(default_factory=Presence)
    is_active: bool = True
    sign_in_epoch: int = 0
    is_new: bool = False
    closed: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    stored_rest: tuple[Any, ...] = ()


@dataclass(slots=True)
class FilmState:
    """An enrolment's coverage of one video, with what the video and its programme are.

    `programme_version` is the latest one published, `variant` how the enrolment takes the programme.
    Who `has_left` it earns nothing any more.
    """

    enrolment_id: int
    video_id: int
    module_id: int
    programme_id: int
    programme_version: int
    position_ms: int
    film: Film
    variant: str = ""
    has_left: bool = False
    is_new: bool = False
    stored_rest: tuple[Any, ...] = ()

    @property
    def key(self) -> FilmKey:
        return self.enrolment_id, self.video_id


@dataclass(slots=True)
class PlayState:
    """A playback session with its film. `is_new` where the row has still to be written."""

    user_id: int
    id: str
    number: int
    rule_version: int
    max_rate_permille: int
    last_seq: int
    first_chunk: int
    post_at: datetime | None
    play: Play
    of: FilmState
    is_new: bool = False
    stored_rest: tuple[Any, ...] = ()

    @property
    def key(self) -> PlayKey:
        return self.user_id, self.id


class WatchStore(Protocol):
    """The statements; one of the two classes below."""

    def lock_clocks(self, user_ids: Sequence[int]) -> list[ClockState]:
        """Lock and read the clocks of these people, in the order of their ids; those without one are left out."""

    def tokens(self, digests: Sequence[str]) -> dict[str, tuple[int, int, datetime]]:
        """(user id, sign-in epoch, end) of the bearer tokens there are, by digest."""

    def new_clock(self, user_id: int) -> ClockState:
        """A clock for somebody who has none yet; not active where there is no such person."""

    def plays(self, keys: Sequence[PlayKey]) -> list[PlayState]:
        """These playback sessions; those there are none of are left out."""

    def open_matters(self, user_ids: Sequence[int]) -> list[PlayState]:
        """These persons' sessions whose credit may still change by itself, by person and number."""

    def unposted(self, enrolment_ids: Sequence[int]) -> list[PlayState]:
        """The sessions of enrolments that the ledger lacks something of, by person and number."""

    def of_film(self, enrolment_id: int, video_id: int) -> list[PlayState]:
        """A film's sessions with open matters, by number."""

    def films(self, keys: Sequence[FilmKey]) -> list[FilmState]:
        """The coverage of these films, those of them that were begun."""

    def days(self, enrolment_ids: Sequence[int], first: date, last: date) -> dict[int, dict[date, int]]:
        """What enrolments were charged on each day from `first` to `last`, both included, by enrolment."""

    def chunks(self, user_id: int, first: int) -> list[bytes]:
        """The bodies of a person's closed chunks of evidence from the number `first` on."""

    def save(
        self,
        clocks: Iterable[ClockState],
        plays: Iterable[PlayState],
        films: Iterable[FilmState],
        days: Iterable[tuple[int, date, int]],
    ) -> None:
        """Write what was changed: clocks with their chunks, sessions, films, and (enrolment id, day, ms) of days."""

    def checks(self, keys: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
        """Presence checks by (user id, number); those there are none of are left out."""

    def put_checks(self, rows: Sequence[dict[str, Any]]) -> None:
        """Insert presence checks."""

    def change_checks(self, rows: Sequence[dict[str, Any]]) -> None:
        """Update what became of presence checks."""
