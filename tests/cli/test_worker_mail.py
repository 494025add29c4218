"""The worker reminds and sends e-mail to a real SMTP server, and without one only reminds."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from lms_plugin.domain.programme import Window
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.session import Database
from tests import builders
from tests.adapters.mail.smtp_server import smtp_server
from tests.cli.conftest import Run


@pytest.fixture
def zone_at_noon() -> str:
    """A time zone in which it is noon by now, more or less: the commands go by the system's clock."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"


@pytest.fixture
def learner(database: Database) -> int:
    """A learner who has done nothing of a programme that ends tomorrow."""
    today = datetime.now(UTC).date()
    with database.writing() as session:
        window = Window(today - timedelta(days=60), today + timedelta(days=2))
        programme = builders.make_programme("ending", window=window)
        began = datetime.now(UTC) - timedelta(days=59)
        current = builders.publish(session, programme, durations_ms={}, now=began)
        user = builders.make_user(session, "li", email="li@example.org", name="李红", language="zh")
        builders.enrol(session, user, current, now=began)
        return user.id


def states(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(one.kind, one.mail_state) for one in session.scalars(select(Notice).order_by(Notice.kind))]


def test_what_is_to_be_told_goes_out_as_one_letter_and_only_once(
    run: Run, database: Database, learner: int, zone_at_noon: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with smtp_server() as server:
        monkeypatch.setenv("LMS_PLUGIN_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        monkeypatch.setenv("LMS_PLUGIN_MAIL_FROM", "研修学时 <hours@example.org>")
        monkeypatch.setenv("LMS_PLUGIN_TIMEZONE", zone_at_noon)
        monkeypatch.setenv("LMS_PLUGIN_BASE_URL", "https://hours.example.org")
        for _ in range(2):
            status, _out, err = run("worker", "--once")
            assert status == 0, err
    (letter,) = server.inbox.letters
    assert letter["Subject"] == "您有 2 条消息 — 研修学时"
    assert letter["To"] == "李红 <li@example.org>"
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert "https://hours.example.org/enrolments/" in plain.get_content()
    assert states(database) == [("fell_behind", "sent"), ("window_closes", "sent")]


def test_without_a_server_notices_wait_in_the_page(run: Run, database: Database, learner: int) -> None:
    assert run("worker", "--once")[0] == 0
    assert states(database) == [("fell_behind", "waiting"), ("window_closes", "waiting")]


def test_a_server_that_is_away_stops_no_worker(
    run: Run, database: Database, learner: int, zone_at_noon: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with smtp_server() as server:
        port = server.port
    monkeypatch.setenv("LMS_PLUGIN_SMTP_URL", f"smtp://127.0.0.1:{port}")
    monkeypatch.setenv("LMS_PLUGIN_MAIL_FROM", "hours@example.org")
    monkeypatch.setenv("LMS_PLUGIN_TIMEZONE", zone_at_noon)
    assert run("worker", "--once")[0] == 0
    assert states(database) == [("fell_behind", "waiting"), ("window_closes", "waiting")]
