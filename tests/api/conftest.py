"""The service on a fresh database with one of everybody, and a client per person. The clock stands until moved."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lms_plugin.config import Settings
from lms_plugin.services import sign_in
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests import builders
from tests.application import make_app
from tests.stores import SqliteStore

SECRET = "a secret of the tests, long enough for them"


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: datetime = builders.NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Stage:
    """The service and its people; `client(name)` is signed in by token as that person."""

    app: Flask
    clock: Clock
    enrolment_id: int
    other_enrolment_id: int
    module_id: int
    video_id: int
    users: dict[str, int]
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, login: str | None) -> FlaskClient:
        client = self.app.test_client()
        if login is not None:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.tokens[login]}"
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        return client

    def open_session(self, login: str = "teacher", video_id: int | None = None) -> str:
        answer = self.client(login).post(
            f"/api/v1/videos/{video_id or self.video_id}/playback-sessions",
            json={"enrolment_id": self.enrolment_id},
        )
        assert answer.status_code == 201, answer.json
        return str(answer.json["id"])


@pytest.fixture
def database_url(sqlite_store: SqliteStore) -> str:
    """As for pages: what differs between the stores is tried below."""
    sqlite_store.renew()
    return sqlite_store.url


@pytest.fixture
def stage(sqlite_store: SqliteStore, database: Database, tmp_path: Path) -> Iterator[Stage]:
    clock = Clock()
    settings = Settings(
        database_url=sqlite_store.url,
        data_dir=tmp_path / "data",
        secret_key=SECRET,
        base_url="http://localhost",
        timezone="Asia/Shanghai",
        rate_limits=False,
    )
    known = sqlite_store.filled("calls", lambda database: _make(database, clock.now))
    made = Stage(app=make_app(settings, clock=clock), clock=clock, **known)
    yield made
    made.app.extensions["lms_plugin"].database.dispose()


def _make(database: Database, now: datetime) -> dict[str, Any]:
    """Everybody, in an empty database; gives what a `Stage` must know of them."""
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        tutor = builders.make_user(session, "tutor", "tutor", region=regions.school)
        other_tutor = builders.make_user(session, "other-tutor", "tutor", region=regions.school)
        teacher = builders.make_user(session, "teacher", region=regions.school)
        mate = builders.make_user(session, "mate", region=regions.other_school)
        stranger = builders.make_user(session, "stranger", region=regions.far_school)
        admin = builders.make_user(session, "admin", "office")
        county = builders.make_user(session, "county", "office", region=regions.county, scope=regions.county)
        far = builders.make_user(session, "far", "office", region=regions.far_county, scope=regions.far_county)
        current = builders.publish(session)
        group = builders.make_class_group(session, current, "一班", tutor)
        other_group = builders.make_class_group(session, current, "二班", other_tutor)
        enrolment = builders.enrol(session, teacher, current, group=group)
        builders.enrol(session, mate, current, group=group)
        other_enrolment = builders.enrol(session, stranger, current, group=other_group)
        video = builders.video_of(session, current)
        everybody: list[User] = [tutor, other_tutor, teacher, mate, stranger, admin, county, far]
        tokens = {user.login: sign_in.issue_token(session, user.id, now, timedelta(days=30))[0] for user in everybody}
        return {
            "enrolment_id": enrolment.id,
            "other_enrolment_id": other_enrolment.id,
            "module_id": video.module_id,
            "video_id": video.id,
            "users": {user.login: user.id for user in everybody},
            "tokens": tokens,
        }
