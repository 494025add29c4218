"""The service on a fresh database with one of everybody, and a browser (a client with cookies) per person."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lms_plugin.config import Settings
from lms_plugin.domain.programme import Component, ComponentKind, LmsCourse, Text, WatchingRule
from lms_plugin.domain.watching import Claim
from lms_plugin.services import (
    catalogue,
    discussion,
    disputes,
    meeting_planning,
    meeting_questions,
    meetings,
    nominations,
    notices,
    passwords,
    posting,
    presence,
    questions,
    questions_answering,
    questions_faq,
    uploads,
    viewing,
)
from lms_plugin.services.nominees import NewNomination
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.sealing import FileSeal
from lms_plugin.storage.activity import PersonClock, PresenceCheck
from lms_plugin.storage.admission import Nomination
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.outbox import REFUSED, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.application import make_app
from tests.stores import SqliteStore

PASSWORD = "a pass phrase of the tests"
HOST = "http://localhost"
BEGAN_MS = 5 * 60_000
"""How much of the film counts for the teacher."""

CHECKED = WatchingRule(presence_check_minutes=2, presence_answer_seconds=60, presence_tries=1)
LONG_POST = (
    "上周我带二年级的学生到操场量花坛的边，同一条边用不同的玉米棒量出来的数不一样，学生自己提出要用一样长的东西来量。"
    "下一节课我准备换成铅笔，再引出厘米，让他们先估一估再动手。"
)
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: datetime = builders.NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Browser:
    """A person's browser: keeps cookies, and sends forms as a page of this host would."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, address: str) -> TestResponse:
        return self.client.get(address, buffered=True)

    def token(self) -> str:
        """A CSRF token from a page that anybody may see."""
        found = _TOKEN.search(self.client.get("/api/v1/docs").text)
        assert found is not None
        return unescape(found[1])

    def post(self, address: str, **fields: str) -> TestResponse:
        """Send a form with its token."""
        return self.client.post(address, data={"csrf_token": self.token(), **fields}, headers={"Origin": HOST})

    def call(self, method: str, address: str, body: object = None) -> TestResponse:
        """Call the API as a page's script would."""
        return self.client.open(address, method=method, json=body, headers={"X-CSRFToken": self.token()}, buffered=True)

    def sign_in(self, login: str, password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.post("/login", login=login, password=password, **fields)


@dataclass
class Site:
    """The service, and who has an account. `browser(name)` is signed in as that person, `browser()` as nobody."""

    app: Flask
    database: Database
    clock: Clock
    users: dict[str, int]

    def browser(self, login: str | None = None, language: str = "en") -> Browser:
        client = self.app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        if login is not None:
            with client.session_transaction() as session:
                session["_user_id"] = f"{self.users[login]}.0"
                session["_fresh"] = True
                session["language"] = language
        return Browser(client)


@dataclass
class Stage(Site):
    """The service and what is in it."""

    enrolment_id: int
    module_id: int
    video_id: int
    thread_id: int
    post_id: int
    report_id: int
    upload_id: str
    playback_session_id: str
    digest: str
    asked: int = 0

    @property
    def module_address(self) -> str:
        return f"/enrolments/{self.enrolment_id}/modules/{self.module_id}"

    @property
    def thread_address(self) -> str:
        return f"/enrolments/{self.enrolment_id}/threads/{self.thread_id}"

    @property
    def hours_address(self) -> str:
        return f"/enrolments/{self.enrolment_id}/hours"

    def hold_film(self) -> int:
        """Let the teacher watch on from where the film counts and answer a presence check wrongly; gives up to where
        the film is held now. From here on the programme puts presence checks."""
        with self.database.writing() as session:
            enrolment = session.get_one(Enrolment, self.enrolment_id)
            programme = catalogue.in_force(session, enrolment.programme_id, self.clock.now).programme
            builders.publish(session, replace(programme, watching=CHECKED), now=self.clock.now)
            actor = builders.actor_for(session, session.get_one(User, self.users["teacher"]))
            at, film_at, seq = self.clock.now, BEGAN_MS, 0
            viewing.open_session(
                session, actor, video_id=self.video_id, enrolment_id=enrolment.id, new_id="checked", now=at
            )
            while (number := session.get_one(PersonClock, actor.user_id, populate_existing=True).open_check) is None:
                at, seq, film_at = at + timedelta(seconds=10), seq + 1, film_at + 10_000
                claims = [Claim(film_at - 10_000, film_at)]
                viewing.take_beat(session, actor, "checked", seq=seq, claims=claims, now=at)
            posting.settle(session, enrolment, at)
            wrong = (session.get_one(PresenceCheck, (actor.user_id, number)).correct + 1) % 4
            presence.answer(session.connection(), actor, "checked", number, choice=wrong, now=at)
            posting.settle(session, enrolment, at)
        self.clock.now = at + timedelta(seconds=30)
        return film_at

    def notice(self) -> int:
        """The teacher is told something."""
        with self.database.writing() as session:
            told = NewNotice(self.users["teacher"], "dispute_proposed", f"test/{self.clock.now.isoformat()}")
            notices.tell(session, told, self.clock.now)
            mine = select(Notice.id).where(Notice.user_id == told.user_id).order_by(Notice.id.desc())
            return session.scalars(mine.limit(1)).one()

    def dispute(self, entry: int | None = None) -> int:
        """The teacher disputes an entry, or (None) says that one is missing; the tutor proposes ten minutes."""
        with self.database.writing() as session:
            actors = {
                name: builders.actor_for(session, session.get_one(User, self.users[name]))
                for name in ("teacher", "tutor")
            }
            teacher, now = actors["teacher"], self.clock.now
            if entry is not None:
                row = disputes.dispute_entry(session, teacher, self.enrolment_id, entry, account="记错了", now=now)
            else:
                day = date(2026, 11, 20)
                row = disputes.dispute_missing(
                    session, teacher, self.enrolment_id, "discussion", day, account="漏记了", now=now
                )
            disputes.propose(session, actors["tutor"], row.id, minutes=10, reason="情况属实", now=now)
            return row.id

    def meet(self) -> tuple[int, int]:
        """The tutor plans a Q&A session of the class group and opens it at once; gives its id and the group's."""
        with self.database.writing() as session:
            tutor = builders.actor_for(session, session.get_one(User, self.users["tutor"]))
            enrolment, now = session.get_one(Enrolment, self.enrolment_id), self.clock.now
            programme = catalogue.in_force(session, enrolment.programme_id, now).programme
            if programme.component("qna") is None:
                qna = Component("qna", ComponentKind.QNA, Text("集中辅导答疑", "Q&A sessions"), Decimal(0))
                builders.publish(session, replace(programme, components=(*programme.components, qna)), now=now)
            group_id = enrolment.class_group_id
            assert group_id is not None
            new = meeting_planning.NewMeeting(
                enrolment.programme_id, "qna", "答疑", now, now + timedelta(hours=2), group_ids=(group_id,)
            )
            meeting = meeting_planning.plan(session, tutor, new, now)
            meetings.open_meeting(session, tutor, meeting.id, now)
            return meeting.id, group_id

    def ask(self, *, answered: bool = False) -> tuple[int, int]:
        """The teacher asks at a second of the film, a classmate replies; gives the ids of question and reply."""
        self.asked += 1
        with self.database.writing() as session:
            teacher, mate, tutor = (
                builders.actor_for(session, session.get_one(User, self.users[name]))
                for name in ("teacher", "mate", "tutor")
            )
            asked = questions.ask(
                session,
                teacher,
                self.module_id,
                body="学生总是忘记**进位**，怎么办？",
                at_seconds=760,
                is_private=False,
                asked_as=f"question {self.asked}",
                now=self.clock.now,
            )
            reply = questions.reply(session, mate, asked.id, body="写在横线上。", now=self.clock.now)
            if answered:
                body = "先口算个位，再写进位。"
                questions_answering.answer(session, tutor, asked.id, body=body, now=self.clock.now)
            return asked.id, reply.id

    def promote(self) -> int:
        """An answered question is put into the module's FAQ; gives the entry's id."""
        question_id, _reply_id = self.ask(answered=True)
        with self.database.writing() as session:
            tutor = builders.actor_for(session, session.get_one(User, self.users["tutor"]))
            return questions_faq.promote(
                session, tutor, question_id, question="忘记进位怎么办？", answer="写在**横线**上。", now=self.clock.now
            ).id

    def ask_at_meeting(self, meeting_id: int) -> int:
        """The teacher puts a question to a Q&A session; gives its id."""
        with self.database.writing() as session:
            teacher = builders.actor_for(session, session.get_one(User, self.users["teacher"]))
            body = f"怎样让学生先量后估？（{meeting_id}）"
            return meeting_questions.ask(session, teacher, meeting_id, body, self.clock.now).id

    def nominate(self) -> int:
        """Another nomination by the teacher's county, undecided; gives its id."""
        with self.database.writing() as session:
            county = builders.actor_for(session, session.get_one(User, self.users["county"]))
            programme_id = session.get_one(Enrolment, self.enrolment_id).programme_id
            login = f"nominee{session.scalar(select(func.count()).select_from(Nomination))}"
            wanted = NewNomination(login=login, name="刘洋", region_code="530102-001", phone="13800000000")
            return nominations.nominate(session, county, programme_id, wanted, self.clock.now).id

    def film_address(self, name: str, login: str = "teacher") -> str:
        signed = self.app.extensions["lms_plugin"].media.grant(self.users[login], self.digest)
        return f"/media/{signed}/{name}"


def settings_of(database_url: str, folder: Path, *, rate_limits: bool = False) -> Settings:
    """The settings of a service on a database, with its files in a folder."""
    return Settings(
        database_url=database_url,
        data_dir=folder / "data",
        secret_key="a secret of the tests, long enough for them",
        base_url=HOST,
        timezone="Asia/Shanghai",
        rate_limits=rate_limits,
    )


@contextmanager
def open_stage(store: SqliteStore, folder: Path, *, rate_limits: bool = False) -> Iterator[Stage]:
    """The service on this empty store, with one of everybody and of everything that pages show.

    They are made once in a process; after that the store begins with them.
    """
    clock, settings = Clock(), settings_of(store.url, folder, rate_limits=rate_limits)
    ids = store.filled("pages", lambda database: _make(database, settings, clock.now))
    film = settings.media_root / str(ids["digest"])
    for name in ("240p/index.m3u8", "captions/zh.vtt", "master.m3u8", "poster.jpg", "240p/00000.ts", "package.json"):
        (film / name).parent.mkdir(parents=True, exist_ok=True)
        (film / name).write_bytes(name.encode() * 100)
    app = make_app(settings, clock=clock)
    yield Stage(
        app=app,
        database=store.database,
        clock=clock,
        playback_session_id="playing",
        upload_id="waiting",
        **ids,
    )
    app.extensions["lms_plugin"].database.dispose()


def _make(database: Database, settings: Settings, now: datetime) -> dict[str, Any]:
    """Everybody and everything, in an empty database; gives what a `Stage` must know of them."""
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        hashed = passwords.hash_password(PASSWORD)
        teacher = builders.make_user(session, "teacher", name="王丽", region=regions.school, password_hash=hashed)
        mate = builders.make_user(session, "mate", name="张小梅", region=regions.other_school)
        stranger = builders.make_user(session, "stranger", name="陈静", region=regions.far_school)
        tutor = builders.make_user(session, "tutor", "tutor", name="李建国")
        other_tutor = builders.make_user(session, "other-tutor", "tutor", name="周敏")
        county = builders.make_user(session, "county", "office", name="五华区教育局", scope=regions.county)
        far = builders.make_user(session, "far", "office", name="武都区教育局", scope=regions.far_county)
        admin = builders.make_user(session, "admin", "office", name="项目管理办公室")
        programme = builders.make_programme(
            lms=LmsCourse("openedx", "course-v1:A+B+2026", "block-v1:A+B+2026+type@sequential+block@whole")
        )
        reading = Text("# 读一读\n\n先**估**，再量。", "# To read\n\nFirst **guess**, then measure.")
        modules = tuple(replace(one, reading=reading) for one in programme.modules)
        current = builders.publish(session, replace(programme, modules=modules))
        group = builders.make_class_group(session, current, "一班", tutor)
        other_group = builders.make_class_group(session, current, "二班", other_tutor)
        enrolment = builders.enrol(session, teacher, current, group=group)
        builders.enrol(session, mate, current, group=group)
        builders.enrol(session, stranger, current, group=other_group)
        video = builders.video_of(session, current)
        actor = builders.actor_for(session, teacher)
        builders.watch(session, actor, enrolment, video, BEGAN_MS, opened_at=now - timedelta(hours=1))
        thread, post = discussion.start_thread(
            session, actor, video.module_id, title="量花坛", body=LONG_POST, now=now - timedelta(minutes=30)
        )
        posting.settle(session, enrolment, now)
        viewing.open_session(session, actor, video_id=video.id, enrolment_id=enrolment.id, new_id="playing", now=now)
        report = session.scalars(select(Report).where(Report.enrolment_id == enrolment.id)).one()
        report.state, report.last_error_code, report.next_attempt_at = REFUSED, "no_lms_account", None
        people: list[User] = [teacher, mate, stranger, tutor, other_tutor, county, far, admin]
        ids: dict[str, Any] = {
            "users": {one.login: one.id for one in people},
            "enrolment_id": enrolment.id,
            "module_id": video.module_id,
            "video_id": video.id,
            "thread_id": thread.id,
            "post_id": post.id,
            "report_id": report.id,
            "digest": video.digest,
        }
        assert report.ratio > Decimal(0)
        county_actor = builders.actor_for(session, county)
    uploads.receive(
        database,
        county_actor,
        kind="regions",
        name="五华区学校.csv",
        content="代码,级别,名称,上级代码\n530102-003,学校,新萌小学,530102\n".encode(),
        seal=FileSeal(settings.secret_key),
        new_id="waiting",
        now=now,
    )
    return ids
