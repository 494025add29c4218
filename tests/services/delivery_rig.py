"""What tests of delivery stand on: a database with a programme that reports to an LMS, a fake LMS and a clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import select

from lms_plugin.domain.programme import LmsCourse
from lms_plugin.services import delivery, outbox, platforms
from lms_plugin.services.outbox import Claim, Outcome
from lms_plugin.services.platforms import CONSOLE, Seal
from lms_plugin.services.ports import CompletionMessage, DeliveryAnswer, LmsReporter, TryLater
from lms_plugin.services.sending import DeliveryRound, Pace
from lms_plugin.storage.outbox import Platform, Report
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.adapters.fake_lms import FakeLms
from tests.adapters.reporter_contract import COURSE, HIDDEN, LTI, UNIT, VIDEO_1, VIDEO_2
from tests.builders import NOW, enrol, make_programme, make_user, publish

LmsT = TypeVar("LmsT", bound="MoodyLms | None")

SEAL = Seal("a secret key of a test, long enough to be one")
PLATFORM = "openedx"
LEASE_SECONDS = 120


class MoodyLms(FakeLms):
    """An LMS that is up, and yet fails whenever it hears of some learners (HTTP 500)."""

    def __init__(self) -> None:
        super().__init__()
        self.fails_for: set[str] = set()
        self.probes = 0

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        if message.username in self.fails_for and self.up:
            self.sent.append(message)
            return TryLater("HTTP 500")
        return super().send(message)

    def probe(self) -> DeliveryAnswer:
        self.probes += 1
        return super().probe()


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True, slots=True)
class Learner:
    enrolment_id: int
    user_id: int
    username: str


class DeliveryRig:
    """One registered platform; learners are enrolled in its course unless a test says otherwise.

    `lanes` is 1, so that the order of messages is the order in which they were owed.
    """

    def __init__(self, database: Database, *, platform: str = PLATFORM, lms: MoodyLms | None = None) -> None:
        self.database = database
        self.platform_key = platform
        self.clock = Clock()
        self._reporters: dict[str, MoodyLms] = {}
        self.lms = self.add_platform(platform, lms)
        self.draw = lambda: 0.5
        self.pace = Pace(learners=50, lanes=1, lease_seconds=LEASE_SECONDS)
        with database.writing() as session:
            self.current = publish(
                session, make_programme(f"reporting-{platform}", lms=LmsCourse(platform, COURSE, LTI))
            )

    def add_platform(self, key: str, lms: MoodyLms | None = None) -> MoodyLms:
        lms = lms or MoodyLms()
        lms.add_course(COURSE, [VIDEO_1, VIDEO_2, LTI, UNIT], hidden=[HIDDEN])
        self._reporters = {**self._reporters, key: lms}
        with self.database.writing() as session:
            platforms.register(
                session,
                CONSOLE,
                SEAL,
                lambda _: None,
                key=key,
                base_url=f"https://{key}.example.org",
                client_id="client",
                client_secret="secret",
            )
        return lms

    def use(self, lms: LmsT) -> LmsT:
        """Put another LMS, or none, behind the platform."""
        if lms is None:
            del self._reporters[self.platform_key]
        else:
            lms.add_course(COURSE, [VIDEO_1, VIDEO_2, LTI, UNIT], hidden=[HIDDEN])
            self._reporters[self.platform_key] = self.lms = lms
        return lms

    def reporter(self, key: str) -> LmsReporter | None:
        return self._reporters.get(key)

    def learner(
        self, username: str, *, at_lms: bool = True, has_account: bool = True, region: Region | None = None
    ) -> Learner:
        if at_lms:
            for lms in self._reporters.values():
                lms.enrol(username, COURSE)
        with self.database.writing() as session:
            account = username if has_account else None
            user = make_user(
                session, f"login.{username}", name=f"Name of {username}", region=region, lms_username=account
            )
            return Learner(enrol(session, user, self.current).id, user.id, username)

    def owe(self, learner: Learner, ratio: str, block_key: str = VIDEO_1, *, platform: str | None = None) -> int:
        course = LmsCourse(platform or self.platform_key, COURSE)
        with self.database.writing() as session:
            report = outbox.owe(session, learner.enrolment_id, course, block_key, Decimal(ratio), self.clock())
            session.flush()
            assert report is not None
            return report.id

    def deliver(self, worker: str = "worker-1") -> DeliveryRound:
        """One round."""
        return delivery.deliver_once(self.database, self.reporter, worker, self.clock, draw=lambda: 0.5, pace=self.pace)

    def deliver_all(self) -> DeliveryRound:
        """Rounds, without the clock going on, until one has nothing to do."""
        done = self.deliver()
        while not (last := self.deliver()).is_idle:
            done += last
        return done

    def claim(self, worker: str = "worker-1", *, limit: int = 50) -> Claim:
        return self.database.transact(
            lambda session: outbox.claim(
                session, self.platform_key, worker=worker, now=self.clock(), limit=limit, lease_seconds=LEASE_SECONDS
            )
        )

    def outcomes(
        self, claim: Claim, answer: DeliveryAnswer | None, *, sent_at: datetime | None = None
    ) -> list[Outcome]:
        """The same answer to every message of a claim."""
        at = sent_at or self.clock()
        return [one for sending in claim.sendings for one in outbox.outcomes_of(sending, answer, at)]

    def record(self, outcomes: Sequence[Outcome]) -> None:
        left = self.database.transact(
            lambda session: outbox.record(session, outcomes, now=self.clock(), draw=lambda: 0.5, wait=True)
        )
        assert left == []

    def report(self, report_id: int) -> Report:
        with self.database.reading() as session:
            return session.get_one(Report, report_id)

    def reports(self) -> list[Report]:
        with self.database.reading() as session:
            mine = select(Report).join(Enrolment).where(Enrolment.programme_id == self.current.id)
            return list(session.scalars(mine.order_by(Report.id)))

    def platform(self) -> Platform:
        with self.database.reading() as session:
            return session.scalars(select(Platform).where(Platform.key == self.platform_key)).one()

    def stored(self, learner: Learner, block_key: str = VIDEO_1, *, lms: FakeLms | None = None) -> Decimal | None:
        return (lms or self.lms).stored.get((learner.username, block_key))

    def set_username(self, learner: Learner, username: str | None) -> None:
        """What importing or editing a person does."""
        with self.database.writing() as session:
            session.get_one(User, learner.user_id).lms_username = username
            outbox.wake(session, learner.user_id, self.clock())

    def region_of(self, learner: Learner) -> int | None:
        with self.database.reading() as session:
            return session.get_one(Enrolment, learner.enrolment_id).region_id
