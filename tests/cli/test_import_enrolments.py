"""Enrolments taken over from the Open edX test platform by command: shown first, written when confirmed."""

from sqlalchemy import select

from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.cli.conftest import Run
from tests.peers.process import OpenEdxPeer

COURSE = "course-v1:Rural+Maths+2026"


def test_enrolments_of_a_course_are_shown_and_taken_over_when_confirmed(
    run: Run, database: Database, openedx_peer: OpenEdxPeer
) -> None:
    with database.writing() as session:
        builders.publish(session)
        for login, username in (("wang", "wang.li"), ("zhao", "zhao")):
            builders.make_user(session, login).lms_username = username
    openedx_peer.seed(
        enrolments=[("wang.li", COURSE), ("zhao", COURSE), ("nobody.here", COURSE)], left=[("zhao", COURSE)]
    )
    url = openedx_peer.base_url
    openedx_peer.seed(
        clients=[{"client_id": "second", "client_secret": "a client secret", "owner": "worker", "staff": True}]
    )
    assert run("lms", "register", "openedx", "--url", url, "--client-id", "second")[0] == 0
    command = ("lms", "import-enrolments", "openedx", COURSE, "--programme", "rural")
    status, out, _ = run(*command)
    assert status == 0
    assert "wang  王丽 (wang.li): would be enrolled" in out
    assert "nobody.here: no account here has this LMS user name" in out
    assert "1 new, 0 enrolled" in out
    assert "nothing was written" in out
    with database.reading() as session:
        assert session.scalars(select(Enrolment)).all() == []
    assert "wang  王丽 (wang.li): enrolled" in run(*command, "--confirm")[1]
    assert "0 new, 1 enrolled" in run(*command, "--confirm")[1]
    with database.reading() as session:
        assert session.scalars(select(User.login).join(Enrolment, Enrolment.user_id == User.id)).all() == ["wang"]


def test_a_platform_that_gives_no_list_ends_the_command_with_one_line(
    run: Run, database: Database, openedx_peer: OpenEdxPeer
) -> None:
    with database.writing() as session:
        builders.publish(session)
    command = ("lms", "import-enrolments", "openedx", COURSE, "--programme", "rural")
    assert run(*command)[0] == 1
    run("lms", "register", "openedx", "--url", openedx_peer.base_url, "--client-id", "unknown")
    status, _, err = run(*command)
    assert (status, err.count("\n")) == (1, 1)
