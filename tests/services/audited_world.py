"""A world for audits: learners who watch, switch devices, answer or don't, run into limits, are released, and write.

Everything goes through the services, many learners to a transaction. What they do is drawn from a seed; the services'
own draws (when a presence check comes) are not.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.programme import Module, Programme, Question, Text, WatchingRule
from lms_plugin.domain.watching import Claim
from lms_plugin.services import discussion, posting, presence, viewing
from lms_plugin.services.access import TUTOR, Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.storage.activity import Coverage, PersonClock, PresenceCheck
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment, Video
from lms_plugin.storage.session import Database
from tests.builders import (
    FILM_MS,
    NOW,
    actor_for,
    enrol,
    make_class_group,
    make_programme,
    make_user,
    publish,
    video_of,
)

LEARNERS_AT_ONCE = 25
_WORDS = (
    "教学生课堂提问先讲后练分层作业小组讨论板书引入复习数石子量身高画图表"
    "听写默读归纳比较举例验证实验观察记录反思改进家访表扬鼓励耐心"
)
_QUESTIONS = tuple(
    Question(
        f"q{number}",
        Text(f"第 {number} 题", f"Question {number}"),
        (Text("对", "Yes"), Text("错", "No"), Text("不知道", "Unsure")),
        0,
    )
    for number in range(3)
)


def plain_programme() -> Programme:
    """Nothing switched on, and so little required that many complete it."""
    components = make_programme().components
    return make_programme(
        components=tuple(replace(one, required_class_hours=Decimal("0.3")) for one in components),
        total_class_hours=Decimal("0.6"),
    )


def strict_programme() -> Programme:
    """Checks of presence every two minutes or so, films in their order, a limit of the day."""
    return make_programme(
        "strict",
        watching=WatchingRule(
            presence_check_minutes=2,
            presence_answer_seconds=60,
            presence_tries=2,
            daily_limit_class_hours=Decimal("0.4"),
            skipping_ahead=False,
        ),
        modules=(
            Module("reading", Text("读懂学生", "Understanding pupils"), questions=_QUESTIONS),
            Module("teaching", Text("上好一课", "Teaching a lesson well")),
        ),
    )


@dataclass
class World:
    """The learners' ids by login, and what they are enrolled in."""

    database: Database
    plain: InForce
    strict: InForce
    tutor: Actor
    user_ids: dict[str, int] = field(default_factory=dict)


def make_world(database: Database, learners: int, seed: int = 1) -> World:
    """Learners `t0`, `t1`, ... with everything that can happen to hours; about one in six has a long log."""
    with database.writing() as session:
        plain, strict = publish(session, plain_programme()), publish(session, strict_programme())
        tutor = make_user(session, "tutor", TUTOR, name="赵明")
        groups = [make_class_group(session, one, "一班", tutor) for one in (plain, strict)]
        world = World(database, plain, strict, actor_for(session, tutor))
        group_ids = [one.id for one in groups]
    for first in range(0, learners, LEARNERS_AT_ONCE):
        with database.writing() as session:
            in_plain, in_strict = (session.get_one(ClassGroup, one) for one in group_ids)
            for number in range(first, min(first + LEARNERS_AT_ONCE, learners)):
                user = make_user(session, f"t{number}")
                world.user_ids[user.login] = user.id
                life = Life(session, world, user, random.Random(seed * 100_003 + number))
                life.live(enrol(session, user, plain, group=in_plain), enrol(session, user, strict, group=in_strict))
    return world


class Life:
    """One learner's weeks, in the transaction of its caller."""

    def __init__(self, session: Session, world: World, user: User, draw: random.Random) -> None:
        self._session, self._world, self._user, self._draw = session, world, user, draw
        self._actor = actor_for(session, user)
        self._at = NOW
        self._seqs: dict[str, int] = {}

    def live(self, plain: Enrolment, strict: Enrolment) -> None:
        films = {
            (one.id, key): video_of(self._session, current, key).id
            for one, current in ((plain, self._world.plain), (strict, self._world.strict))
            for key in ("reading", "teaching")
        }
        self._watch(plain, films[plain.id, "reading"], beats=self._draw.choice([4, 6, 8, 8, 10, 130]))
        self._switch_devices(plain, films[plain.id, "teaching"])
        self._write(plain, 2)
        self._be_checked(strict, films[strict.id, "reading"])
        if self._draw.random() < 0.5:
            self._skip_about(strict, films[strict.id, "teaching"])
        if self._draw.random() < 0.5:
            self._release(strict, films[strict.id, "reading"])
        if self._draw.random() < 0.8:
            for one in (plain, strict):
                posting.settle(self._session, one, self._at)
        if self._draw.random() < 0.3:  # something not posted yet, and a session that is still held
            self._watch(plain, films[plain.id, "reading"], beats=2, start_ms=900_000)

    def _watch(self, enrolment: Enrolment, video_id: int, *, beats: int, start_ms: int = 0) -> None:
        name, position = self._open(enrolment, video_id), start_ms
        for number in range(beats):
            step = self._draw.choice([30_000, 30_000, 30_000, 28_123, 41_007]) if beats < 50 else 7_777
            self._pass(step / 1000)
            rate = self._draw.choice([1000, 1250, 1500])
            claims = [Claim(position, position + step * rate // 1000, rate)]
            if number % 5 == 4:
                claims.append(Claim(position, position + 400_000))  # too fast
            self._beat(name, claims)
            position = (position + step * rate // 1000) % FILM_MS

    def _switch_devices(self, enrolment: Enrolment, video_id: int) -> None:
        phone = self._open(enrolment, video_id)
        self._pass(60)
        desk = self._open(enrolment, video_id)
        self._pass(40)
        self._beat(desk, [Claim(300_000, 340_000), Claim(-5, 7), Claim(FILM_MS - 1000, FILM_MS + 5000)])
        self._beat(phone, [Claim(0, 60_000), Claim(100_000, 150_000)])
        if self._draw.random() < 0.5:
            self._pass(3 * 3600)  # left alone
        self._beat(desk, [Claim(340_000, 380_000)])

    def _be_checked(self, enrolment: Enrolment, video_id: int) -> None:
        name, position = self._open(enrolment, video_id), 0
        for _ in range(24):
            self._pass(30)
            check = self._open_check()
            unanswered = None
            if check is not None:
                what = self._draw.choice(["right", "right", "wrong", "unanswered", "silent", "swept"])
                if what in ("right", "wrong"):
                    self._answer(name, check, is_right=what == "right")
                elif what == "unanswered":
                    self._pass(61)
                    unanswered = check
                elif what == "swept":
                    self._pass(70)
                    presence.sweep(self._session.connection(), self._user.id, self._at)
                else:
                    self._pass(200)
            self._beat(name, [Claim(position, position + 30_000)], unanswered=unanswered)
            if self._draw.random() < 0.2:
                posting.settle(self._session, enrolment, self._at)
            position = (position + 30_000) % 600_000
            if self._draw.random() < 0.1:
                self._pass(86_400)  # the next day has room again
                name = self._open(enrolment, video_id)

    def _skip_about(self, enrolment: Enrolment, video_id: int) -> None:
        name = self._open(enrolment, video_id)
        claims = [Claim(60_000, 90_000), Claim(0, 20_000), Claim(20_000, 60_000)]
        for claim in claims[: self._draw.choice([2, 3])]:
            self._pass(45)
            self._beat(name, [claim])

    def _release(self, enrolment: Enrolment, video_id: int) -> None:
        coverage = self._session.get(Coverage, (enrolment.id, video_id), populate_existing=True)
        missed = intervals.unpack(coverage.missed) if coverage is not None else ()
        if missed:
            posting.release(
                self._session,
                self._world.tutor,
                enrolment.id,
                video_id,
                missed[: 1 + len(missed) // 2],
                reason="学校停电",
                now=self._at,
            )

    def _write(self, enrolment: Enrolment, posts: int) -> None:
        module = self._session.scalar(
            select(Video.module_id).where(Video.id == video_of(self._session, self._world.plain).id)
        )
        for number in range(posts):
            self._pass(600)
            body = "".join(
                self._draw.choice(_WORDS) for _ in range(90 if number < 1 or self._draw.random() < 0.8 else 9)
            )
            discussion.start_thread(
                self._session, self._actor, module or 0, title=f"数石子 {number}", body=body, now=self._at
            )

    # --- what a player sends

    def _open(self, enrolment: Enrolment, video_id: int) -> str:
        self._pass(5)
        name = f"p{self._user.id}-{len(self._seqs)}"
        viewing.open_session(
            self._session, self._actor, video_id=video_id, enrolment_id=enrolment.id, new_id=name, now=self._at
        )
        self._seqs[name] = 0
        return name

    def _beat(self, name: str, claims: list[Claim], *, unanswered: int | None = None) -> None:
        self._seqs[name] += 1
        viewing.take_beat(
            self._session, self._actor, name, seq=self._seqs[name], claims=claims, now=self._at, unanswered=unanswered
        )

    def _open_check(self) -> int | None:
        clock = self._session.get(PersonClock, self._user.id, populate_existing=True)
        return clock.open_check if clock is not None else None

    def _answer(self, name: str, number: int, *, is_right: bool) -> None:
        row = self._session.get_one(PresenceCheck, (self._user.id, number), populate_existing=True)
        choice = row.correct if is_right else (row.correct + 1) % (row.choice_order.count(",") + 1)
        presence.answer(self._session.connection(), self._actor, name, number, choice=choice, now=self._at)

    def _pass(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
