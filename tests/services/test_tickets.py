"""One-time tickets: once, for two minutes, and by one of two who come at the same moment."""

import threading
from datetime import timedelta

import pytest

from lms_plugin.services import tickets
from lms_plugin.services.tickets import Ticket, TicketRefused
from lms_plugin.storage.lti import Ticket as TicketRow
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW


@pytest.fixture
def user_id(database: Database) -> int:
    with database.writing() as session:
        return builders.make_user(session).id


def issue(database: Database, user_id: int) -> str:
    with database.writing() as session:
        return tickets.issue(session, user_id, "/enrolments/1", NOW)


def test_a_ticket_serves_once(database: Database, user_id: int) -> None:
    secret = issue(database, user_id)
    with database.writing() as session:
        assert session.get(TicketRow, secret) is None, "the secret itself is not kept"
        assert tickets.look_at(session, secret, NOW) == Ticket(user_id, "/enrolments/1")
        assert tickets.redeem(session, secret, NOW) == Ticket(user_id, "/enrolments/1")
        with pytest.raises(TicketRefused) as refused:
            tickets.redeem(session, secret, NOW)
    assert (refused.value.code, refused.value.user_id) == ("ticket_used", user_id)


@pytest.mark.parametrize(("seconds", "code"), [(119, None), (120, "ticket_expired")])
def test_a_ticket_lives_two_minutes(database: Database, user_id: int, seconds: int, code: str | None) -> None:
    secret = issue(database, user_id)
    at = NOW + timedelta(seconds=seconds)
    with database.writing() as session:
        if code is None:
            tickets.redeem(session, secret, at)
            return
        with pytest.raises(TicketRefused) as refused:
            tickets.redeem(session, secret, at)
    assert refused.value.code == code


def test_nobody_makes_a_ticket_up(database: Database) -> None:
    with database.writing() as session, pytest.raises(TicketRefused) as refused:
        tickets.redeem(session, "\udcff made up", NOW)
    assert refused.value.code == "ticket_unknown"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "enrolments/1", "/" + "a" * 500])
def test_a_ticket_leads_nowhere_else(database: Database, user_id: int, target: str) -> None:
    with database.writing() as session, pytest.raises(ValueError, match="not a path"):
        tickets.issue(session, user_id, target, NOW)


def test_of_two_at_the_same_moment_one_gets_in(database: Database, user_id: int) -> None:
    secret = issue(database, user_id)
    both, outcomes = threading.Barrier(2), []

    def redeem() -> None:
        both.wait()
        try:
            database.transact(lambda session: tickets.redeem(session, secret, NOW))
            outcomes.append("in")
        except TicketRefused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=redeem) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", "ticket_used"]
