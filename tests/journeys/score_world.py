"""Many learners of one programme that an LTI platform shows, credited as they would be, and delivered to."""

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, insert, select

from lms_plugin.domain.programme import Component, ComponentKind, Text
from lms_plugin.services import delivery, entering
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.entering import Credit, Entering
from lms_plugin.services.links_owed import block_key_of
from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    DeliveryAnswer,
    Held,
    HeldAnswer,
    Standing,
    TryLater,
)
from lms_plugin.services.sending import DeliveryRound, Pace, Reporters
from lms_plugin.storage.lti import PlatformAccount
from lms_plugin.storage.outbox import Platform, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import NOW, make_programme, publish
from tests.services.delivery_rig import Clock
from tests.services.lti_rig import Named, make_link, make_lti_platform

HOUR_MS = 45 * 60 * 1000
AT_ONCE = 500


class ScoreWorld:
    """A programme of six class hours of film, on a link of the platform `school`; `subjects` are its learners there."""

    def __init__(
        self,
        database: Database,
        subjects: Sequence[str],
        *,
        key: str = "school",
        named: Named | None = None,
        token_url: str | None = None,
        link: dict[str, str] | None = None,
    ) -> None:
        self.database, self.key, self.clock = database, key, Clock()
        self.subjects = list(subjects)
        film = Component("video", ComponentKind.VIDEO, Text("课程视频", "Films"), Decimal(6))
        with database.writing() as session:
            programme = make_programme(f"of-{key}", components=(film,), total_class_hours=Decimal(6))
            self.current: InForce = publish(session, programme)
            platform = make_lti_platform(session, key, named=named, token_url=token_url)
            self.block_key = block_key_of(make_link(session, platform, self.current, **(link or {})).id)
            people = [
                {"login": f"{key}.{one}", "name": one, "language": "en", "is_active": True, "sign_in_epoch": 0}
                for one in self.subjects
            ]
            session.execute(insert(User), [one | {"created_at": NOW} for one in people])
            mine = select(User.id).where(User.login.startswith(f"{key}.")).order_by(User.id)
            users = list(session.scalars(mine))
            session.execute(
                insert(PlatformAccount),
                [
                    {
                        "platform_id": platform.id,
                        "subject": subject,
                        "user_id": user_id,
                        "origin": "roster",
                        "linked_at": NOW,
                    }
                    for subject, user_id in zip(self.subjects, users, strict=True)
                ],
            )
            session.execute(
                insert(Enrolment),
                [{"user_id": one, "programme_id": self.current.id, "enrolled_at": NOW} for one in users],
            )
            enrolled = select(Enrolment.id).where(Enrolment.programme_id == self.current.id).order_by(Enrolment.user_id)
            self.enrolments = list(session.scalars(enrolled))

    def credit(self, enrolment_ids: Sequence[int], class_hours: Decimal) -> None:
        """Enter class hours for each, as a decision would, some hundreds in a transaction."""
        amount_ms = int(class_hours * HOUR_MS)
        credit = Credit("video", amount_ms, "decision", "1", "journey/1", {})
        for at in range(0, len(enrolment_ids), AT_ONCE):
            some = [Entering(one, self.current, credit) for one in enrolment_ids[at : at + AT_ONCE]]
            with self.database.writing() as session:
                entering.enter_many(session, some, self.clock())

    def deliver(self, reporters: Reporters, *, pace: Pace | None = None) -> DeliveryRound:
        return delivery.deliver_once(
            self.database, reporters, "worker", self.clock, draw=lambda: 0.5, pace=pace or Pace(learners=500, lanes=4)
        )

    def drain(self, reporters: Reporters, *, most_rounds: int = 400) -> DeliveryRound:
        """Rounds, with half a minute after each that was troubled, until nothing is due within a quarter of an hour."""
        done = DeliveryRound()
        for _ in range(most_rounds):
            last = self.deliver(reporters)
            done += last
            if last.is_troubled:
                self.clock.advance(seconds=30)
            elif last.is_idle:
                if not self.is_due_within(minutes=15):
                    return done
                self.clock.advance(minutes=5)
        raise AssertionError(f"not drained: {self.states()}")

    def is_due_within(self, *, minutes: float) -> bool:
        with self.database.reading() as session:
            due = select(Report.id).where(Report.next_attempt_at <= self.clock() + timedelta(minutes=minutes)).limit(1)
            return session.scalar(due) is not None

    def states(self) -> dict[str, int]:
        with self.database.reading() as session:
            counted = select(Report.state, func.count()).where(Report.platform_key == self.key).group_by(Report.state)
            return dict(session.execute(counted).tuples().all())

    def owed(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Credited and required hours by subject, as our own books have them."""
        with self.database.reading() as session:
            rows = session.execute(
                select(PlatformAccount.subject, Report.credited_hours, Report.required_hours)
                .join(Platform, Platform.id == PlatformAccount.platform_id)
                .join(Enrolment, Enrolment.user_id == PlatformAccount.user_id)
                .join(Report, Report.enrolment_id == Enrolment.id)
                .where(Report.platform_key == self.key, Platform.key == self.key)
            )
            return {row.subject: (row.credited_hours, row.required_hours) for row in rows}


class ScoresInMemory:
    """A platform without a network between: keeps scores as AGS has it, and is strict about their times.

    `up` is whether it answers, `gate` holds up every score until it is opened, `lose` is how many answers to lose after
    storing, `budget` how many scores it takes before it says 429 until `now` has gone on by `rest_seconds`.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.up, self.lose = True, 0
        self.gate: threading.Event | None = None
        self.budget: int | None = None
        self.rest_seconds = 60
        self.too_early = 0
        self.ratios: dict[tuple[str, str], Decimal] = {}
        self.grades: dict[tuple[str, str], int] = {}
        self.unsound: list[str] = []
        self._clock = clock
        self._left, self._rests_until = 0, NOW
        self._as_of: dict[tuple[str, str], datetime] = {}
        self._guard = threading.Lock()

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        if self.gate is not None:
            self.gate.wait()
        with self._guard:
            if not self.up:
                return TryLater("ConnectError: Connection refused")
            if self._is_full():
                return TryLater("HTTP 429 Too Many Requests", self.rest_seconds, is_untaken=True)
            for block_key, ratio in message.blocks.items():
                self._keep((message.username, block_key), ratio, message.standings[block_key])
            if self.lose > 0:
                self.lose -= 1
                return TryLater("RemoteProtocolError")
        return Acknowledged()

    def held(self, username: str, course_key: str, block_keys: Iterable[str]) -> HeldAnswer:
        return Held({key: self.ratios.get((username, key)) for key in block_keys})

    def probe(self) -> DeliveryAnswer:
        return Acknowledged() if self.up else TryLater("ConnectError: Connection refused")

    def _keep(self, key: tuple[str, str], ratio: Decimal, standing: Standing) -> None:
        if standing.may_be_held and self.ratios.get(key) == ratio:
            return
        if key in self._as_of and self._as_of[key] >= standing.as_of:
            self.unsound.append(f"{key} at {standing.as_of} after {self._as_of[key]}")
        self._as_of[key], self.ratios[key] = standing.as_of, ratio
        if ratio == 1:
            self.grades[key] = self.grades.get(key, 0) + 1

    def _is_full(self) -> bool:
        """Whether the budget is spent; counts who comes before the rest that was asked for is over."""
        if self.budget is None or self._clock is None:
            return False
        now = self._clock()
        if now >= self._rests_until and self._left <= 0:
            self._left = self.budget
        if self._left > 0:
            self._left -= 1
            if self._left == 0:
                self._rests_until = now + timedelta(seconds=self.rest_seconds)
            return False
        self.too_early += 1
        return True
