"""Notices: everything is told once, in the page and by e-mail as the person chose."""

import pytest

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.services import notices
from lms_plugin.services.notices import DAILY, EACH, NEVER, NewNotice
from lms_plugin.storage.notices import MailState, Notice
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW


def person(database: Database, login: str = "li", email: str | None = "li@example.org") -> int:
    with database.writing() as session:
        return builders.make_user(session, login, email=email).id


def tell(database: Database, *told: NewNotice) -> int:
    with database.writing() as session:
        return notices.tell_many(session, told, NOW)


def states(database: Database, user_id: int) -> list[str]:
    with database.reading() as session:
        actor = builders.access.actor_of(session, user_id)
        return [one.mail_state for one in reversed(notices.latest(session, actor))]


def test_nobody_is_told_twice_of_the_same_thing(database: Database) -> None:
    li, wang = person(database), person(database, "wang")
    first = NewNotice(li, "fell_behind", "enrolment/1", {"hours": "2"}, "/enrolments/1")

    assert tell(database, first, first) == 1
    assert tell(database, first, NewNotice(wang, "fell_behind", "enrolment/1"), NewNotice(li, "other", "1")) == 2
    with database.writing() as session:
        assert notices.tell(session, first, NOW) is False
        assert notices.unread(session, li) == 2
        assert notices.known(session, [li, wang], ["fell_behind"]) == {
            (li, "fell_behind", "enrolment/1"),
            (wang, "fell_behind", "enrolment/1"),
        }


def test_a_great_many_are_told_at_once(database: Database) -> None:
    li = person(database)
    told = [NewNotice(li, "k", str(number)) for number in range(2500)]

    assert tell(database, *told) == 2500
    assert tell(database, *told) == 0
    assert tell(database) == 0


def test_only_who_has_an_address_and_wants_it_gets_e_mail(database: Database) -> None:
    li, none, never, refused = (
        person(database, login, email)
        for login, email in [("a", "a@x.cn"), ("b", None), ("c", "c@x.cn"), ("d", "d@x.cn")]
    )
    with database.writing() as session:
        notices.choose_digest(session, never, NEVER)
        session.add(MailState(user_id=refused, refused_address="d@x.cn", last_error="550 no such user"))
    tell(database, *(NewNotice(one, "k", "1") for one in (li, none, never, refused)))

    assert [states(database, one) for one in (li, none, never, refused)] == [["waiting"], ["none"], ["none"], ["none"]]
    with database.reading() as session:
        assert notices.mail_choice(session, li) == notices.MailChoice("a@x.cn", DAILY, False, "")
        assert notices.mail_choice(session, refused).refused is True
        assert notices.mail_choice(session, never).refused is False


def test_who_wants_none_gets_nothing_that_waits_and_who_chooses_anew_is_tried_again(database: Database) -> None:
    li = person(database)
    tell(database, NewNotice(li, "k", "1"))
    with database.writing() as session:
        notices.choose_digest(session, li, NEVER)
        session.get_one(MailState, li).refused_address = "li@example.org"
    assert states(database, li) == ["none"]

    with database.writing() as session:
        notices.choose_digest(session, li, EACH)
    tell(database, NewNotice(li, "k", "2"))

    assert states(database, li) == ["none", "waiting"]
    with database.writing() as session, pytest.raises(Malformed):
        notices.choose_digest(session, li, "hourly")


def test_notices_are_read_by_their_owner_only(database: Database) -> None:
    li, wang = person(database), person(database, "wang")
    tell(database, *(NewNotice(li, "k", str(number)) for number in range(3)))
    with database.writing() as session:
        owner, other = (builders.access.actor_of(session, one) for one in (li, wang))
        newest, *rest = notices.latest(session, owner)
        assert [one.about for one in notices.latest(session, owner, before=newest.id)] == ["1", "0"]
        for number in (newest.id, 999):
            with pytest.raises(NotFound):
                notices.mark_read(session, other, NOW, notice_id=number)
        notices.mark_read(session, owner, NOW, notice_id=newest.id)
        assert notices.unread(session, li) == 2
        notices.mark_read(session, other, NOW)
        assert notices.unread(session, li) == 2
        notices.mark_read(session, owner, NOW)
        assert notices.unread(session, li) == 0
        assert {session.get_one(Notice, one.id, populate_existing=True).read_at for one in rest} == {NOW}
