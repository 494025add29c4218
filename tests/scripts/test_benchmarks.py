import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import update

from lms_plugin.config import Settings
from lms_plugin.domain.intervals import Segments
from lms_plugin.http.context import EXTENSION
from lms_plugin.storage.activity import Coverage
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from scripts.benchmarking import checking, seeding
from scripts.benchmarking.checking import Account
from scripts.benchmarking.load import Answered, Round, read_answers
from scripts.benchmarking.rounds import compare
from tests.application import make_app
from tests.scripts.loading import ROOT

LEARNER = seeding.people(1)[0]


def answer(**changes: object) -> str:
    """What an honest beat of [4, 6) is answered after [0, 4)."""
    good = {"credited": [[4.0, 6.0]], "withheld": [], "held": [], "covered_seconds": 6.0, "lease": "held"}
    return json.dumps(good | changes)


@pytest.mark.parametrize(
    ("status", "body", "differences"),
    [
        (200, answer(), 0),
        (200, answer(credited=[[4.0, 5.999]]), 1),
        (200, answer(credited=[]), 1),
        (200, answer(covered_seconds=6.001), 1),
        (200, answer(withheld=[{"from": 5.0, "to": 6.0, "reason": "too_fast"}]), 1),
        (200, answer(held=[[5.0, 6.0]]), 1),
        (503, "{}", 1),
    ],
)
def test_an_answer_is_compared_to_the_millisecond(status: int, body: str, differences: int) -> None:
    account = Account(LEARNER, ((0, 4000),))
    account.take([Answered(2, 4000, 6000, status, 0.0, 0.1, body)])
    assert (account.beats, account.differences) == (1, differences)


@pytest.mark.parametrize("covered", [(), ((500_000, 600_000), (700_000, 800_000))], ids=["fresh", "torn"])
def test_seeded_learners_beat_as_any_other_and_a_changed_row_shows(
    database_url: str, tmp_path: Path, covered: Segments
) -> None:
    learners = seeding.seed(database_url, 3, opened_seconds_ago=60, films=2, covered=covered)
    settings = Settings(database_url, tmp_path, "s" * 40, "http://127.0.0.1", "Asia/Shanghai")
    accounts = [Account(one, covered) for one in learners]
    app = make_app(settings, clock=lambda: datetime.now(UTC))
    with app.test_client() as client:
        for account in accounts:
            body = {"seq": 1, "segments": [{"from": 0, "to": 30, "rate": 1}]}
            headers = {"Authorization": f"Bearer {account.learner.token}"}
            response = client.post(account.learner.path, json=body, headers=headers)
            account.compare(((0, 30_000),), response.status_code, response.text)
    app.extensions[EXTENSION].database.dispose()
    assert [account.differences for account in accounts] == [0, 0, 0]
    database = Database(database_url)
    assert checking.compare_coverage(database, accounts) == 0
    if not covered:
        assert checking.audit(database, accounts) == 0
    altered = update(Coverage).where(Coverage.enrolment_id == learners[1].enrolment_id)
    with database.writing() as session:
        session.execute(altered.values(covered_ms=Coverage.covered_ms + 1))
    assert checking.compare_coverage(database, accounts) == 1
    if not covered:
        assert checking.audit(database, accounts) == 1
    database.dispose()


def test_a_learner_needs_every_column_that_has_no_default(database: Database) -> None:
    with database.writing() as session, pytest.raises(LookupError, match=r"^users\.login has no default"):
        seeding.fill(session.connection(), User, iter([{"name": "王丽", "created_at": LEARNER.opened_at}]))


def test_a_rate_counts_what_was_answered_while_the_round_lasted(tmp_path: Path) -> None:
    output = tmp_path / "0"
    output.write_text(
        "lost\t1\n"
        "7\t0.000\t1.500\t200\t100.000000\t100.900000\t{}\n"
        "8\t1.500\t2.250\t200\t100.900000\t101.800000\t{}\n"
        "9\t2.250\t3.000\t503\t101.800000\t102.100000\t<h1>too much</h1>\n"
    )
    answers, lost = read_answers(output)
    assert (lost, answers[2].seq, answers[2].from_ms, answers[2].status) == (1, 9, 2250, 503)
    assert Round([answers], lost, seconds=2.0).rate == 1.0
    assert list(Round([answers], lost, seconds=2.0).milliseconds()) == pytest.approx([900, 900, 300])


def test_ratios_are_over_each_peers_best_and_on_the_same_server() -> None:
    rates = {
        "ours": {"granian": 300.0, "gunicorn": 200.0},
        "row": {"granian": 100.0, "gunicorn": 150.0},
        "empty": {"granian": 600.0},
    }
    assert compare("sqlite", rates, "ours", "granian") == {
        "beats-sqlite/empty": 0.5,
        "beats-sqlite/empty@granian": 0.5,
        "beats-sqlite/row": 2.0,
        "beats-sqlite/row@granian": 3.0,
        "beats-sqlite/row@gunicorn": pytest.approx(4 / 3),
    }


class Echo(BaseHTTPRequestHandler):
    """Answers with the request's body; /refused with 503, and /never not at all before the server ends."""

    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/never":
            self.rfile.read(1)
            return
        self.send_response(503 if self.path == "/refused" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def echo() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_arrivals_are_all_sent_and_an_answer_that_never_comes_is_no_answer(tmp_path: Path, echo: int) -> None:
    plan, output = tmp_path / "plan", tmp_path / "answers"
    paths = ["/beats", "/refused", "/never", "/beats", "/beats"]
    requests = [[path, "token", json.dumps({"seq": number})] for number, path in enumerate(paths)]
    told = {"port": echo, "rate": 200, "connections": 2, "patience_seconds": 0.5, "requests": requests}
    plan.write_text(json.dumps(told))
    command = [sys.executable, "-m", "scripts.benchmarking.arrivals", str(plan), str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    found = [line.split("\t") for line in output.read_text().splitlines()]
    assert [(status, body) for _, status, _, body in found] == [
        ("200", '{"seq": 0}'),
        ("503", '{"seq": 1}'),
        ("0", ""),
        ("200", '{"seq": 3}'),
        ("200", '{"seq": 4}'),
    ]
