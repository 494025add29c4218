"""Record stores on the command line: registered, caught up with, delivered to, reconciled."""

from datetime import UTC, datetime

import pytest

from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.storage.session import Database
from tests import builders
from tests.cli.conftest import Run
from tests.peers.xapi.process import RecordStorePeer

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_a_store_hears_of_all_there_was_and_holds_it(
    run: Run, database: Database, record_store: RecordStorePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMS_PLUGIN_LMS_SECRET", record_store.client_secret)
    with database.writing() as session:
        current = builders.publish(session, now=LONG_AGO)
        enrolment = builders.enrol(session, builders.make_user(session, "t1"), current, now=LONG_AGO)
        builders.credit(session, enrolment, 45 * MINUTE_MS, now=LONG_AGO)
    url = record_store.base_url
    status, out, _ = run("lms", "register-lrs", "store", "--url", url, "--client-id", record_store.client_id)
    assert (status, out.splitlines()) == (
        0,
        [f"registered store at {url}", "what 1 enrolments have reached is owed to store"],
    )
    assert run("worker", "--once")[0] == 0
    assert "acknowledged       1" in run("lms", "status")[1]
    (statement,) = record_store.statements("t1")
    assert statement["timestamp"] == "2020-01-01T00:00:00.000Z"
    assert run("lms", "reconcile", "store")[1].splitlines()[-1] == "1 agrees"
    record_store.reset()
    status, out, err = run("lms", "reconcile", "store")
    assert (status, "missing" in out, "1 differ or are missing" in err) == (1, True, True)
    assert run("lms", "reconcile", "store", "--repair")[0] == 0
    run("worker", "--once")
    assert len(record_store.statements("t1")) == 1


def test_a_store_can_be_paused_and_caught_up_with_again(run: Run, record_store: RecordStorePeer) -> None:
    run("lms", "register-lrs", "store", "--url", record_store.base_url, "--client-id", "key")
    assert run("lms", "pause", "store", "--reason", "moving house")[0] == 0
    assert "moving house" in run("lms", "status")[1]
    assert run("lms", "catch-up", "store")[1] == "what 0 enrolments have reached is owed to store\n"
    assert run("lms", "retry", "store")[1] == "0 reports will be sent again\n"


def test_a_key_with_a_colon_or_no_store_at_all_is_refused(run: Run) -> None:
    url = "https://lrs.example.org/xapi"
    assert run("lms", "register-lrs", "store", "--url", url, "--client-id", "a:b")[0] == 1
    assert run("lms", "register-lrs", "store", "--url", "ftp://x", "--client-id", "a")[0] == 1
    run("lms", "register", "openedx", "--url", "https://lms.example.org", "--client-id", "a")
    assert run("lms", "catch-up", "openedx")[0] == 1
