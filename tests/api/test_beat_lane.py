"""The lane for beats in front of the application: nobody can tell from an answer which of the two gave it."""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import EnvironBuilder, run_wsgi_app

from lms_plugin.api.beat_lane import LARGEST_BODY, BeatLane
from lms_plugin.domain import intervals
from lms_plugin.domain.programme import WatchingRule
from lms_plugin.services import sign_in
from lms_plugin.storage.activity import Coverage
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.api.conftest import Stage

PASSWORD = "a pass phrase of the tests"
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


@dataclass(frozen=True)
class Asked:
    """A request as it comes from a server."""

    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    changes: dict[str, Any] = field(default_factory=dict)
    """Of the WSGI environment; None takes a name away."""

    def environ(self) -> dict[str, Any]:
        builder = EnvironBuilder(
            self.path,
            method=self.method,
            data=self.body,
            headers=list({"Content-Type": "application/json", "Accept-Language": "en", **self.headers}.items()),
        )
        environ: dict[str, Any] = builder.get_environ()
        for name, value in self.changes.items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value
        return environ


@dataclass(frozen=True)
class Answered:
    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Twin:
    """One of two people of whom everything is the same but the names."""

    stage: Stage
    login: str
    enrolment_id: int
    session_id: str = ""

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.stage.tokens[self.login]}"}

    def open(self) -> None:
        answer = self.stage.client(self.login).post(
            f"/api/v1/videos/{self.stage.video_id}/playback-sessions", json={"enrolment_id": self.enrolment_id}
        )
        assert answer.status_code == 201
        self.session_id = answer.json["id"]

    def beat(self, *segments: tuple[float, float], seq: int = 1, **more: object) -> Asked:
        claims = [{"from": start, "to": end, "rate": 1} for start, end in segments or ((0, 20),)]
        return self.sends({"seq": seq, "segments": claims, **more})

    def sends(self, content: object) -> Asked:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Asked(f"/api/v1/playback-sessions/{self.session_id}/beats", body, self.token)

    def film(self) -> Any:
        return self.stage.client(self.login).get(f"/api/v1/playback-sessions/{self.session_id}").json

    def page(self) -> tuple[FlaskClient, str, str]:
        """Signed in by password: the client, its cookie and its CSRF token."""
        client = self.stage.app.test_client()
        with database_of(self.stage).writing() as session:
            sign_in.set_password(session, self.stage.users[self.login], PASSWORD)
        fields = {"login": self.login, "password": PASSWORD, "csrf_token": csrf_token(client)}
        done = client.post("/login", data=fields, headers={"Origin": "http://localhost"})
        assert done.status_code == 302
        token = csrf_token(client)  # drawn with the page's first look at it, and kept in the cookie
        cookie = client.get_cookie("lms_plugin")
        assert cookie is not None
        return client, f"lms_plugin={cookie.value}", token


def csrf_token(client: FlaskClient) -> str:
    found = _TOKEN.search(client.get("/api/v1/docs").text)
    assert found is not None
    return unescape(found[1])


def database_of(stage: Stage) -> Database:
    return stage.app.extensions["lms_plugin"].database


@pytest.fixture
def twins(stage: Stage) -> tuple[Twin, Twin]:
    """The first one's beats go through the lane, the other's only through the application."""
    with database_of(stage).reading() as session:
        mates = session.query(Enrolment).filter_by(user_id=stage.users["mate"]).one()
    both = Twin(stage, "teacher", stage.enrolment_id), Twin(stage, "mate", mates.id)
    for one in both:
        one.open()
    stage.clock.forward(30)
    return both


def lane_of(stage: Stage) -> BeatLane:
    lane = stage.app.wsgi_app
    assert isinstance(lane, BeatLane)
    return lane


def through_lane(stage: Stage, asked: Asked) -> Answered:
    return _answered(lane_of(stage), asked)


def through_app(stage: Stage, asked: Asked) -> Answered:
    return _answered(lane_of(stage)._behind, asked)


def _answered(app: Any, asked: Asked) -> Answered:
    body, status, headers = run_wsgi_app(app, asked.environ(), buffered=True)
    return Answered(status, tuple(sorted(headers)), b"".join(body))


def beats_in_lane(stage: Stage) -> float:
    """How many beats the lane has answered by itself."""
    (metric,) = lane_of(stage)._seconds.collect()
    return next(sample.value for sample in metric.samples if sample.name.endswith("_count"))


Case = Callable[[Twin], Asked]


def with_headers(**headers: str) -> Case:
    return lambda twin: replace(twin.beat(), headers={name.replace("_", "-"): text for name, text in headers.items()})


def with_environ(**changes: object) -> Case:
    return lambda twin: replace(twin.beat(), changes=changes)


def at(path: str) -> Case:
    return lambda twin: replace(twin.beat(), path=path.replace("SESSION", twin.session_id))


def chunked(twin: Twin) -> Asked:
    asked = twin.beat()
    changes = {
        "CONTENT_LENGTH": None,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
    }
    return replace(asked, changes=changes)


def in_small_letters(twin: Twin) -> Asked:
    return replace(twin.beat(), headers={"Authorization": twin.token["Authorization"].replace("Bearer", "bearer ")})


SEGMENT = {"from": 0, "to": 20, "rate": 1}
MANY = [{"from": at / 100, "to": (at + 1) / 100, "rate": 1} for at in range(1900)]

BOUNDLESS = b'{"seq":1,"segments":[{"from":0,"to":1' + b"0" * 400 + b"}]}"

# what is sent; the status of its answer; whether the lane answers it by itself
CASES: list[tuple[str, Case, int, bool]] = [
    ("plain",                 lambda twin: twin.beat(),                                          200, True),
    ("nothing played",        lambda twin: twin.sends({"seq": 1, "segments": []}),               200, True),
    ("too much",              lambda twin: twin.beat((0, 900)),                                  200, True),
    ("unreadable segments",   lambda twin: twin.sends({"seq": 1, "segments": [SEGMENT, 7, {}]}), 200, True),
    ("odd numbers",           lambda twin: twin.sends(b'{"seq":1,"segments":[{"from":NaN,"to":1e999}]}'), 200, True),
    ("a boundless number",    lambda twin: twin.sends(BOUNDLESS),                                200, True),
    ("a far number",          lambda twin: twin.beat(seq=2**53),                                 200, True),
    ("says unanswered",       lambda twin: twin.beat(unanswered="1"),                            200, True),
    ("unanswered nonsense",   lambda twin: twin.beat(unanswered=[1]),                            200, True),
    ("more than is needed",   lambda twin: twin.beat(csrf_token="none", x=None),                 200, True),
    ("many segments",         lambda twin: twin.sends({"seq": 1, "segments": MANY}),             200, False),
    ("another content type",  with_environ(CONTENT_TYPE="text/plain"),                           200, True),
    ("no content type",       lambda twin: replace(twin.beat(), changes={"CONTENT_TYPE": None}), 200, True),
    ("UTF-16",                lambda twin: twin.sends('{"seq":1,"segments":[]}'.encode("utf-16")), 200, True),
    ("a byte order mark",     lambda twin: twin.sends(b'\xef\xbb\xbf{"seq":1,"segments":[]}'),   200, True),
    ("a query",               at("/api/v1/playback-sessions/SESSION/beats?x=1"),                 200, True),
    ("chunked",               chunked,                                                           200, False),
    ("no number",             lambda twin: twin.sends({"segments": []}),                         422, False),
    ("number is true",        lambda twin: twin.sends({"seq": True, "segments": []}),            422, False),
    ("no segments",           lambda twin: twin.sends({"seq": 1}),                               422, False),
    ("far too many segments", lambda twin: twin.sends({"seq": 1, "segments": [0] * 2001}),       422, False),
    ("a list",                lambda twin: twin.sends([]),                                       422, False),
    ("a number",              lambda twin: twin.sends(7),                                        422, False),
    ("null",                  lambda twin: twin.sends(None),                                     400, False),
    ("no JSON",               lambda twin: twin.sends(b"{"),                                     400, False),
    ("no UTF-8",              lambda twin: twin.sends(b'{"seq":1,"segments":"\xff"}'),           400, False),
    ("a deep nest",           lambda twin: twin.sends(b'{"seq":1,"segments":' + b"[" * 9000),    400, False),
    ("an endless number",     lambda twin: twin.sends(b'{"segments":[],"seq":' + b"9" * 9000 + b"}"), 400, False),
    ("an empty body",         lambda twin: twin.sends(b""),                                      400, False),
    ("a body too large",      lambda twin: twin.sends(b" " * 17 * 1024 * 1024),                  413, False),
    ("unknown session",       at("/api/v1/playback-sessions/nowhere/beats"),                     404, False),
    ("a name too long",       at("/api/v1/playback-sessions/" + "x" * 33 + "/beats"),            404, False),
    ("a slash at the end",    at("/api/v1/playback-sessions/SESSION/beats/"),                    404, False),
    ("two slashes",           at("/api/v1/playback-sessions//SESSION/beats"),                    308, False),
    ("an escaped slash",      at("/api/v1/playback-sessions/SESSION%2Fbeats"),                   200, True),
    ("a line's end",          at("/api/v1/playback-sessions/SESSION/beats%0A"),                  404, False),
    ("capitals",              at("/api/V1/playback-sessions/SESSION/beats"),                     404, False),
    ("another method",        lambda twin: replace(twin.beat(), method="PUT"),                   405, False),
    ("read instead",          lambda twin: replace(twin.beat(), method="GET"),                   405, False),
    ("options",               lambda twin: replace(twin.beat(), method="OPTIONS"),               200, False),
    ("nobody",                with_headers(),                                                    401, False),
    ("an unknown token",      with_headers(Authorization="Bearer lmsp_forged"),                  401, False),
    ("an empty token",        with_headers(Authorization="Bearer "),                             401, False),
    ("another scheme",        with_headers(Authorization="Basic eDp5"),                          401, False),
    ("an odd token",          with_headers(Authorization="Bearer \xff\xfe"),                     401, False),
    ("an odd cookie",         with_headers(Cookie="lms_plugin=x.y.z; lms_plugin="),              401, False),
    ("small letters",         in_small_letters,                                                  200, True),
    ("shorter than it says",  with_environ(CONTENT_LENGTH="9999"),                               400, False),
    ("longer than it says",   with_environ(CONTENT_LENGTH="20"),                                 400, False),
    ("no length",             with_environ(CONTENT_LENGTH=None),                                 400, False),
    ("an empty length",       with_environ(CONTENT_LENGTH=""),                                   400, False),
    ("a length of nothing",   with_environ(CONTENT_LENGTH="0"),                                  400, False),
    ("a negative length",     with_environ(CONTENT_LENGTH="-1"),                                 400, False),
    ("a length in words",     with_environ(CONTENT_LENGTH="many"),                               400, False),
    ("a huge length",         with_environ(CONTENT_LENGTH="9" * 30),                             413, False),
]  # fmt: skip


@pytest.mark.parametrize(("case", "status", "is_plain"), [one[1:] for one in CASES], ids=[one[0] for one in CASES])
def test_lane_and_application_answer_alike(
    stage: Stage, twins: tuple[Twin, Twin], case: Case, status: int, is_plain: bool
) -> None:
    mine, theirs = twins
    for again in (False, True):  # and the same once more, when it is a repeat
        before = beats_in_lane(stage)
        by_lane = through_lane(stage, case(mine))
        assert beats_in_lane(stage) - before == is_plain
        by_app = through_app(stage, case(theirs))
        assert int(by_lane.status.split()[0]) == status, by_lane
        assert by_lane == named_as(by_app, theirs, mine)
        names = {name for name, _ in by_lane.headers}
        assert {"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control"} <= names
        # What was answered by one is the other's repeat.
        assert through_app(stage, case(mine)) == through_lane(stage, case(mine)) == by_lane, again
    assert mine.film() == theirs.film()


def named_as(answered: Answered, one: Twin, other: Twin) -> Answered:
    """An answer, as it would be to the other twin."""
    headers = tuple((name, text.replace(one.session_id, other.session_id)) for name, text in answered.headers)
    return Answered(answered.status, headers, answered.body.replace(one.session_id.encode(), other.session_id.encode()))


def test_what_the_lane_reads_is_given_on_untouched(stage: Stage, twins: tuple[Twin, Twin]) -> None:
    asked = twins[0].beat()
    bodies: list[bytes] = []

    def behind(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return []

    lane = lane_of(stage)
    lane._behind = behind
    _answered(lane, replace(asked, headers={}))
    assert bodies == [asked.body]
    large = replace(asked, body=b" " * (LARGEST_BODY + 1))
    _answered(lane, large)
    assert bodies[1:] == [large.body]


def test_the_session_of_somebody_else_is_nobodys(stage: Stage, twins: tuple[Twin, Twin]) -> None:
    mine, theirs = twins
    asked = replace(theirs.beat(), headers=mine.token)
    unknown = replace(mine.beat(), path="/api/v1/playback-sessions/nowhere/beats")
    assert through_lane(stage, asked) == through_app(stage, asked)
    assert through_lane(stage, asked) == through_lane(stage, unknown)
    assert through_lane(stage, asked).status == "404 NOT FOUND"
    assert theirs.film()["covered"] == []


def end_token(stage: Stage, login: str) -> None:
    with database_of(stage).writing() as session:
        sign_in.revoke_token(session, stage.tokens[login])


def change_password(stage: Stage, login: str) -> None:
    with database_of(stage).writing() as session:
        sign_in.set_password(session, stage.users[login], PASSWORD)


def close_account(stage: Stage, login: str) -> None:
    with database_of(stage).writing() as session:
        session.get_one(User, stage.users[login]).is_active = False


def let_time_pass(stage: Stage, login: str) -> None:
    stage.clock.forward(timedelta(days=30).total_seconds())


ENDINGS = [end_token, change_password, close_account, let_time_pass]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_a_sign_in_that_has_ended_is_refused_alike(
    stage: Stage, twins: tuple[Twin, Twin], end: Callable[[Stage, str], None]
) -> None:
    mine, _ = twins
    asked = mine.beat()
    assert through_lane(stage, asked).status == "200 OK"
    end(stage, "teacher")
    for later in (asked, mine.beat((20, 25), seq=2)):
        found = through_lane(stage, later)
        assert found.status == "401 UNAUTHORIZED"
        assert found == through_app(stage, later)


@pytest.mark.parametrize("end", [change_password, close_account], ids=lambda end: end.__name__)
def test_a_page_whose_sign_in_has_ended_is_refused_alike(
    stage: Stage, twins: tuple[Twin, Twin], end: Callable[[Stage, str], None]
) -> None:
    mine, _ = twins
    _, cookie, token = mine.page()
    asked = replace(mine.beat(), headers={"Cookie": cookie, "X-CSRFToken": token})
    assert through_lane(stage, asked).status == "200 OK"
    end(stage, "teacher")
    found = through_lane(stage, asked)
    assert found.status == "401 UNAUTHORIZED"
    assert without_cookies(found) == without_cookies(through_app(stage, asked))


def without_cookies(answered: Answered) -> Answered:
    """An answer without the cookie that the application may set anew: it says where somebody was last seen."""
    return replace(answered, headers=tuple(one for one in answered.headers if one[0] != "Set-Cookie"))


# what stands in the X-CSRFToken header and as csrf_token in the body (None: nothing); the status; whether it is plain
PAGES: list[tuple[str, str | None, str | None, int, bool]] = [
    ("header",                "right", None,    200, True),
    ("beacon",                None,    "right", 200, False),
    ("header counts",         "right", "wrong", 200, True),
    ("neither",               None,    None,    400, False),
    ("wrong header",          "wrong", None,    400, False),
    ("wrong header, right body", "wrong", "right", 400, False),
    ("wrong body",            None,    "wrong", 400, False),
    ("somebody else's",       "other", None,    400, False),
    ("somebody else's in a beacon", None, "other", 400, False),
    ("empty header",          "",      None,    400, False),
    ("empty body",            None,    "",      400, False),
]  # fmt: skip


@pytest.mark.parametrize(("header", "body", "status", "is_plain"), [p[1:] for p in PAGES], ids=[p[0] for p in PAGES])
def test_a_page_is_believed_only_with_its_token(
    stage: Stage, twins: tuple[Twin, Twin], header: str | None, body: str | None, status: int, is_plain: bool
) -> None:
    mine, _ = twins
    _, cookie, right = mine.page()
    tokens = {"right": right, "wrong": right[:-2], "other": csrf_token(stage.app.test_client()), "": ""}
    more: dict[str, Any] = {} if body is None else {"csrf_token": tokens[body]}
    headers = {"Cookie": f"theme=dark; {cookie}; other=1"} | ({} if header is None else {"X-CSRFToken": tokens[header]})
    asked = replace(mine.beat(**more), headers=headers)
    before = beats_in_lane(stage)
    found = through_lane(stage, asked)
    assert beats_in_lane(stage) - before == is_plain
    assert int(found.status.split()[0]) == status
    assert without_cookies(found) == without_cookies(through_app(stage, asked))
    with database_of(stage).writing() as session:
        stage.tokens["teacher"], _ = sign_in.issue_token(session, stage.users["teacher"], stage.clock.now, timedelta(1))
    assert mine.film()["covered"] == ([[0, 20]] if status == 200 else [])


def test_a_cookie_as_old_as_they_get_is_worth_nothing(stage: Stage, twins: tuple[Twin, Twin]) -> None:
    mine, _ = twins
    _, cookie, token = mine.page()
    name, _, value = cookie.partition("=")
    forged = [f"{name}={value[:-3]}abc", f"{name}=", f"x{cookie}", f"{name}={value}x"]
    for one in forged:
        asked = replace(mine.beat(), headers={"Cookie": one, "X-CSRFToken": token})
        found = through_lane(stage, asked)
        assert found.status == "401 UNAUTHORIZED", one
        assert without_cookies(found) == without_cookies(through_app(stage, asked))


@pytest.fixture
def asked_twin(stage: Stage) -> Twin:
    """A learner of a programme with presence checks, whose next beat will put one."""
    with database_of(stage).writing() as session:
        rule = WatchingRule(presence_check_minutes=1, presence_answer_seconds=60)
        current = builders.publish(session, builders.make_programme("checked", watching=rule))
        enrolment = builders.enrol(session, session.get_one(User, stage.users["teacher"]), current)
        stage.video_id = builders.video_of(session, current).id
        one = Twin(stage, "teacher", enrolment.id)
    one.open()
    stage.clock.forward(120)
    return one


def test_an_open_presence_check_comes_with_every_answer_of_both(stage: Stage, asked_twin: Twin) -> None:
    first = through_lane(stage, asked_twin.beat((0, 100)))
    assert first.json["credited"] == [[0, 100]]
    assert first.json["presence_check"]["answer_within_seconds"] == 60
    assert through_app(stage, asked_twin.beat((0, 100))) == first == through_lane(stage, asked_twin.beat((0, 100)))
    stage.clock.forward(20)
    second = through_lane(stage, asked_twin.beat((100, 110), seq=2))
    assert second.json["presence_check"]["answer_within_seconds"] == 40
    assert through_app(stage, asked_twin.beat((100, 110), seq=2)) == second
    stage.clock.forward(50)
    missed = through_lane(stage, asked_twin.beat(seq=3, unanswered=first.json["presence_check"]["id"]))
    assert missed.json["film_changed"] is True
    assert missed.json["presence_check"]["id"] == "2"
    assert through_app(stage, asked_twin.beat(seq=3)) == missed
    assert asked_twin.film()["held"] == [
        {"from": 0, "to": 20, "reason": "presence_pending"},
        {"from": 20, "to": 110, "reason": "presence_unanswered"},
    ]


# --- the store


@contextmanager
def failing_commits(database: Database) -> Iterator[None]:
    def fail(*_: object) -> None:
        raise OperationalError("COMMIT", None, Exception("the disk is full"))

    for engine in database.engines:
        event.listen(engine, "commit", fail)
    yield
    for engine in database.engines:
        event.remove(engine, "commit", fail)


def test_an_answer_is_given_only_when_what_it_says_is_kept(
    stage: Stage, twins: tuple[Twin, Twin], database: Database
) -> None:
    """Read by another connection at the very moment at which the answer begins."""
    mine, _ = twins
    seen: list[intervals.Segments] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        with database.reading() as session:
            row = session.get_one(Coverage, (stage.enrolment_id, stage.video_id))
            seen.append(intervals.unpack(row.covered))
        return io.BytesIO().write

    lane_of(stage)(mine.beat().environ(), start_response)
    assert seen == [((0, 20_000),)]


def test_where_the_commit_fails_nobody_is_told_that_it_counts(stage: Stage, twins: tuple[Twin, Twin]) -> None:
    mine, theirs = twins
    with failing_commits(database_of(stage)):
        by_lane, by_app = through_lane(stage, mine.beat()), through_app(stage, theirs.beat())
    assert by_lane == by_app
    assert by_lane.status == "503 SERVICE UNAVAILABLE"
    assert dict(by_lane.headers)["Retry-After"] == "10"
    assert mine.film()["covered"] == theirs.film()["covered"] == []
    again = through_lane(stage, mine.beat())
    assert again.json["credited"] == [[0, 20]]
    assert through_app(stage, theirs.beat()) == again


def test_where_the_store_is_gone_the_beat_is_to_be_sent_again(
    stage: Stage, twins: tuple[Twin, Twin], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, _ = twins
    gone = Database("postgresql://nobody@127.0.0.1:9/none?connect_timeout=2")
    with monkeypatch.context() as patch:
        patch.setattr(lane_of(stage)._beats, "_database", gone)
        by_lane, by_app = through_lane(stage, mine.beat()), through_app(stage, mine.beat())
    gone.dispose()
    assert by_lane == by_app
    assert (by_lane.status, by_lane.json["code"]) == ("503 SERVICE UNAVAILABLE", "unavailable")
    assert dict(by_lane.headers)["Retry-After"] == "10"
    assert through_lane(stage, mine.beat()).json["credited"] == [[0, 20]]
