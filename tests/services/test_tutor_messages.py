"""A tutor's message: filled in for each, kept as it was sent, told in the page and by e-mail, never sent twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.services import notices, tutor_messages
from lms_plugin.services.tutor_messages import LONGEST_BODY, LONGEST_TITLE, NewMessage
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.session import Database
from lms_plugin.storage.tutoring import MessageRecipient, TrailEntry, TutorMessage
from tests.services.tutored import NOW, Tutored, credit, make_tutored

MESSAGE = NewMessage("{姓名}，请抓紧", "{name}老师：已修{已修学时}，还差{missing}学时，落后{behind}。", "form-1")


def world_of(database: Database) -> Tutored:
    with database.writing() as session:
        world = make_tutored(session, ("late", "steady"))
        credit(session, world, "late", 5)
        return world


def send(database: Database, world: Tutored, new: NewMessage, *logins: str, by: str = "tutor") -> tuple[int, bool]:
    ids = [world.enrolments[one] for one in logins]
    return database.transact(
        lambda session: tutor_messages.send(session, world.actor(session, by), world.group_id, ids, new, NOW)
    )


def test_each_gets_their_own_text_in_the_page_and_by_mail(database: Database) -> None:
    world = world_of(database)

    message_id, is_new = send(database, world, MESSAGE, "late")

    assert is_new
    with database.reading() as session:
        (got,) = tutor_messages.of_enrolment(session, world.enrolments["late"])
        assert (got.row.title, got.author_name) == ("学员late，请抓紧", "李建国")
        assert got.row.body == "学员late老师：已修5，还差45学时，落后21.2。"
        assert got.message.body == MESSAGE.body
        (told,) = notices.latest(session, world.actor(session, "late"))
        assert (told.kind, told.mail_state, told.params["text"]) == ("tutor_message", "waiting", got.row.body)
        assert told.address == f"/enrolments/{world.enrolments['late']}/messages#message-{message_id}"
        assert tutor_messages.of_enrolment(session, world.enrolments["steady"]) == []
        (sent,) = tutor_messages.sent_to_group(session, world.actor(session, "second"), world.group_id)
        assert (sent.recipients, sent.read) == (1, 0)
        assert tutor_messages.recipients_of(session, [message_id]) == {message_id: ["学员late"]}
    with database.writing() as session:
        notices.mark_read(session, world.actor(session, "late"), NOW)
        (sent,) = tutor_messages.sent_to_group(session, world.actor(session, "second"), world.group_id)
        assert sent.read == 1


def test_the_same_form_sends_once_however_often_it_comes(database: Database) -> None:
    world = world_of(database)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: send(database, world, MESSAGE, "late", "steady"), range(4)))

    assert len({message_id for message_id, _ in answers}) == 1
    assert sorted(is_new for _, is_new in answers) == [False, False, False, True]
    with database.reading() as session:
        for model, number in ((TutorMessage, 1), (MessageRecipient, 2), (Notice, 2), (TrailEntry, 1)):
            assert session.scalar(select(func.count()).select_from(model)) == number
    assert send(database, world, MESSAGE, "late", by="second")[1], "another tutor's form is another form"
    assert send(database, world, NewMessage("a", "b", "form-2"), "late")[1]


FAULTY = [
    (NewMessage(" ", "b", "1"), "message_title_missing", "title"),
    (NewMessage("t", "\n", "1"), "message_body_missing", "body"),
    (NewMessage("t" * (LONGEST_TITLE + 1), "b", "1"), "message_title_too_long", "title"),
    (NewMessage("t", "b" * (LONGEST_BODY + 1), "1"), "message_body_too_long", "body"),
    (NewMessage("t", "{学号}", "1"), "unknown_placeholder", "body"),
    (NewMessage("{x}", "b", "1"), "unknown_placeholder", "title"),
]


@pytest.mark.parametrize(("new", "code", "field"), FAULTY)
def test_what_cannot_be_sent_is_refused_by_field(database: Database, new: NewMessage, code: str, field: str) -> None:
    world = world_of(database)

    with pytest.raises(Malformed) as refusal:
        send(database, world, new, "late")

    assert (refusal.value.code, refusal.value.params["field"]) == (code, field)


def test_nobody_outside_of_the_group_is_written_to_or_writes(database: Database) -> None:
    world = world_of(database)

    with pytest.raises(Malformed, match="no_recipients"):
        send(database, world, MESSAGE)
    with pytest.raises(NotFound):
        send(database, world, MESSAGE, "late", "stranger")
    for login in ("other", "office", "late"):
        with pytest.raises(NotFound):
            send(database, world, MESSAGE, "late", by=login)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(TutorMessage)) == 0
        with pytest.raises(NotFound):
            tutor_messages.sent_to_group(session, world.actor(session, "other"), world.group_id)
