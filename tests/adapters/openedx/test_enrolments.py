"""Who is in a course, read from the Open edX test platform, and from servers that answer oddly."""

import json

import pytest

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.openedx.enrolments import ENROLMENTS_PATH, EnrolmentApi
from lms_plugin.adapters.openedx.service_account import OAUTH_PATH
from lms_plugin.services.roster_ports import PlatformUnread
from tests.adapters.openedx.plain_server import PlainServer
from tests.adapters.reporter_contract import COURSE
from tests.peers.process import OpenEdxPeer

OTHER = "course-v1:Other+Course+2026"


def read(peer: OpenEdxPeer, course: str = COURSE, secret: str | None = None) -> dict[str, bool]:
    with GuardedClient(peer.base_url, allow_loopback=True) as client:
        rows = EnrolmentApi(client, peer.client_id, secret or peer.client_secret).enrolled(course)
    return {one.username: one.is_active for one in rows}


def test_everybody_in_a_course_is_read_over_all_pages(openedx_peer: OpenEdxPeer) -> None:
    names = [f"t{number:03}" for number in range(230)]
    openedx_peer.seed(enrolments=[*((name, COURSE) for name in names), ("elsewhere", OTHER)], left=[("t007", COURSE)])
    assert read(openedx_peer) == {name: name != "t007" for name in names}
    pages = [one for one in openedx_peer.state()["requests"] if one["path"] == "/api/enrollment/v1/enrollments"]
    assert len(pages) == 3


def test_a_course_that_is_not_there_has_nobody_and_a_key_that_is_none_is_refused(openedx_peer: OpenEdxPeer) -> None:
    assert read(openedx_peer, OTHER) == {}
    with pytest.raises(PlatformUnread, match="not a valid course id"):
        read(openedx_peer, "no course")


def test_a_list_that_breaks_off_is_no_list(openedx_peer: OpenEdxPeer) -> None:
    openedx_peer.seed(enrolments=[(f"t{number}", COURSE) for number in range(101)])
    openedx_peer.faults(
        {"kind": "slow", "path": "/api/enrollment", "seconds": 0},
        {"kind": "refuse", "path": "/api/enrollment", "status": 503},
    )
    with pytest.raises(PlatformUnread):
        read(openedx_peer)
    openedx_peer.faults()
    with pytest.raises(PlatformUnread):
        read(openedx_peer, secret="wrong")


def test_whoever_is_no_staff_there_reads_nothing(openedx_peer: OpenEdxPeer) -> None:
    openedx_peer.seed(
        clients=[{"client_id": "plain", "client_secret": "plain secret", "owner": "plain", "staff": False}]
    )
    with GuardedClient(openedx_peer.base_url, allow_loopback=True) as client, pytest.raises(PlatformUnread):
        EnrolmentApi(client, "plain", "plain secret").enrolled(COURSE)


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ({"rows": []}, "has no results"),
        ({"results": [{"user": "t1"}], "next": None}, "a row names no user"),
        ({"results": ["t1"], "next": None}, "a row names no user"),
        ({"results": [], "next": "https://elsewhere.example.org/?token=1"}, "has no name"),
        ({"results": [], "next": "https://elsewhere.example.org/?cursor=x"}, "lead in a circle"),
    ],
)
def test_an_answer_that_is_no_list_is_said_to_be_none(page: object, says: str) -> None:
    token = json.dumps({"access_token": "a.b.c", "token_type": "JWT", "expires_in": 3600}).encode()
    with PlainServer(chunks=[json.dumps(page).encode()], scripts={OAUTH_PATH: [(200, token)]}) as server:
        client = GuardedClient(f"http://127.0.0.1:{server.port}", allow_loopback=True)
        with client, pytest.raises(PlatformUnread, match=says):
            EnrolmentApi(client, "lms-plugin", "a secret").enrolled(COURSE)
        # Wherever the answer says that it goes on: nothing but the platform that is registered is ever asked.
        assert {one.path.partition("?")[0] for one in server.seen} == {OAUTH_PATH, ENROLMENTS_PATH}
