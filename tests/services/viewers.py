"""A learner at a player, for tests of watching: every call is a transaction of its own, as every request is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.ledger import first_break
from lms_plugin.domain.programme import Programme
from lms_plugin.domain.watching import Claim
from lms_plugin.services import auditing, film_standing, posting, viewing
from lms_plugin.services.access import Actor
from lms_plugin.services.film_standing import FilmShown
from lms_plugin.services.viewing import BeatAnswer, OpenedSession
from lms_plugin.storage.activity import Coverage, PlaybackSession
from lms_plugin.storage.ledger import ComponentTotal, CreditEntryRow, LedgerHead
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, enrol, make_programme, make_user, publish, video_of


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Viewer:
    """One enrolment of a learner; seconds are counted from NOW, segments are milliseconds of the film."""

    database: Database
    actor: Actor
    enrolment_id: int
    video_id: int

    def open(self, name: str, at: float = 0, *, video_id: int | None = None) -> OpenedSession:
        return self.database.transact(
            lambda session: viewing.open_session(
                session,
                self.actor,
                video_id=self.video_id if video_id is None else video_id,
                enrolment_id=self.enrolment_id,
                new_id=name,
                now=after(at),
            )
        )

    def beat(self, name: str, seq: int, at: float, *segments: tuple[int, int]) -> BeatAnswer:
        return self.claim(name, seq, at, [Claim(start, end) for start, end in segments])

    def claim(self, name: str, seq: int, at: float, claims: Sequence[Claim]) -> BeatAnswer:
        return self.database.transact(
            lambda session: viewing.take_beat(session, self.actor, name, seq=seq, claims=claims, now=after(at))
        )

    def film(self, name: str) -> FilmShown:
        return self.database.transact(lambda session: film_standing.film_shown(session, self.actor, name, NOW))

    def settle(self, at: float) -> bool:
        return self.database.transact(
            lambda session: posting.settle(session, session.get_one(Enrolment, self.enrolment_id), after(at))
        )

    def lease(self, name: str) -> PlaybackSession:
        with self.database.reading() as session:
            return session.get_one(PlaybackSession, (self.actor.user_id, name))

    def leases(self) -> list[PlaybackSession]:
        """All of the person's leases in the order they began."""
        with self.database.reading() as session:
            found = session.scalars(select(PlaybackSession).where(PlaybackSession.user_id == self.actor.user_id))
            return sorted(found, key=lambda one: (one.opened_at, one.ended_at is None, one.ended_at))

    def covered(self, video_id: int | None = None) -> Segments:
        with self.database.reading() as session:
            key = (self.enrolment_id, self.video_id if video_id is None else video_id)
            coverage = session.get(Coverage, key)
            return intervals.unpack(coverage.covered) if coverage is not None else ()

    def ledger(self) -> list[CreditEntryRow]:
        with self.database.reading() as session:
            query = select(CreditEntryRow).where(CreditEntryRow.enrolment_id == self.enrolment_id)
            return list(session.scalars(query.order_by(CreditEntryRow.number)))

    def check_books(self) -> None:
        """Coverage, budgets, ledger, sums and chain all tell the same, to the millisecond."""
        with self.database.reading() as session:
            of_mine = PlaybackSession.enrolment_id == self.enrolment_id
            covered_ms = session.scalar(
                select(func.coalesce(func.sum(Coverage.covered_ms), 0)).where(
                    Coverage.enrolment_id == self.enrolment_id
                )
            )
            sessions = session.scalars(select(PlaybackSession).where(of_mine)).all()
            spent_ms = sum(one.spent_ms for one in sessions)
            unposted_ms = sum(intervals.length(intervals.unpack(one.unposted)) for one in sessions)
            difference = auditing.first_difference(session, self.actor.user_id)
            assert difference is None, difference
            total = session.get(ComponentTotal, (self.enrolment_id, "video"))
            head = session.get(LedgerHead, self.enrolment_id)
            known = (head.number, head.hash) if head is not None else None
        entries = [row for row in self.ledger() if row.component_key == "video"]
        assert covered_ms <= spent_ms
        taken_back_ms = sum(intervals.length(intervals.unpack(one.retracted)) for one in sessions)
        assert sum(row.amount_ms for row in entries) + unposted_ms - taken_back_ms == covered_ms
        assert (total.credited_ms if total is not None else 0) + unposted_ms - taken_back_ms == covered_ms
        assert first_break(((row.as_entry(), row.hash) for row in self.ledger()), known) is None


def make_viewer(
    database: Database,
    login: str = "wang.li",
    programme: Programme | None = None,
    *,
    durations_ms: Mapping[str, int] | None = None,
    **changes: Any,
) -> Viewer:
    """A learner enrolled in a programme, with the film of its first module before them."""
    with database.writing() as session:
        current = publish(session, programme or make_programme(**changes), durations_ms=durations_ms)
        user = make_user(session, login)
        enrolment = enrol(session, user, current)
        return Viewer(database, actor_for(session, user), enrolment.id, video_of(session, current).id)


def also_in(viewer: Viewer, programme: Programme) -> Viewer:
    """The same learner in another programme."""
    with viewer.database.writing() as session:
        current = publish(session, programme)
        from_user = session.get_one(Enrolment, viewer.enrolment_id)
        enrolment = Enrolment(user_id=from_user.user_id, programme_id=current.id, enrolled_at=NOW)
        session.add(enrolment)
        session.flush()
        return replace(viewer, enrolment_id=enrolment.id, video_id=video_of(session, current).id)
