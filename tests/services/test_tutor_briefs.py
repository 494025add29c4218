"""The brief of a class group's week: figures from the ledger, to the group or the office, kept as it was sent."""

from datetime import timedelta

import pytest

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.services import notices, tutor_briefs, tutor_messages
from lms_plugin.services.tutor_briefs import GROUP, TO_OFFICE, NewBrief
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests.services.test_tutoring import meet
from tests.services.tutored import HOUR, NOW, Tutored, credit, make_tutored


def world_of(database: Database) -> Tutored:
    with database.writing() as session:
        return make_tutored(session, ("late", "steady", "idle"))


def send(database: Database, world: Tutored, by: str = "tutor", **changes: str) -> tuple[int, bool]:
    values = {
        "audience": GROUP,
        "title_zh": "简报",
        "title_en": "Brief",
        "text_zh": "中文",
        "text_en": "text",
        "once": "1",
    }
    new = NewBrief(**(values | changes))
    return database.transact(
        lambda session: tutor_briefs.send(session, world.actor(session, by), world.group_id, new, NOW)
    )


def test_figures_are_those_of_the_ledger_and_of_the_week(database: Database) -> None:
    world = world_of(database)
    with database.writing() as session:
        credit(session, world, "steady", 30)
        credit(session, world, "late", 5)
        meet(session, world, ["late", "steady"])
    with database.reading() as session:
        found = tutor_briefs.figures_of(session, world.actor(session, "tutor"), world.group_id, NOW)
        later = tutor_briefs.figures_of(session, world.actor(session, "tutor"), world.group_id, NOW + timedelta(days=7))

    # The meeting took place on the Sunday before, and was confirmed in this week.
    assert (found.week_on, found.learners, found.sessions, found.attendances) == ("2026-11-23", 3, 0, 0)
    assert (found.on_track, found.behind, found.not_started, found.completed) == (1, 1, 1, 0)
    assert found.credited_ms == 35 * HOUR + 2 * 3_600_000
    assert (later.week_on, later.credited_ms) == ("2026-11-30", 0)


def test_the_group_gets_it_in_the_language_of_each(database: Database) -> None:
    world = world_of(database)
    with database.writing() as session:
        session.get_one(User, world.people["steady"]).language = "en"

    assert send(database, world)[1]
    assert not send(database, world)[1], "the same form"
    with database.reading() as session:
        for login, title, body in (("late", "简报", "中文"), ("steady", "Brief", "text")):
            (got,) = tutor_messages.of_enrolment(session, world.enrolments[login])
            assert (got.row.title, got.row.body, got.message.kind) == (title, body, "brief")
        (kept,) = tutor_briefs.sent_of_group(session, world.actor(session, "second"), world.group_id)
        assert (kept.row.text_zh, kept.row.text_en, kept.row.figures["not_started"]) == ("中文", "text", 3)
        assert kept.row.message_id == got.message.id
        assert tutor_briefs.for_office(session, world.actor(session, "office")) == []


def test_the_office_that_answers_for_all_learners_gets_it(database: Database) -> None:
    world = world_of(database)
    brief_id, _ = send(database, world, audience=TO_OFFICE)
    with database.reading() as session:
        for login in ("county", "office"):
            actor = world.actor(session, login)
            assert [one.row.id for one in tutor_briefs.for_office(session, actor)] == [brief_id]
            assert [one.kind for one in notices.latest(session, actor)] == ["tutor_brief"]
        far = world.actor(session, "far")
        assert (tutor_briefs.for_office(session, far), notices.latest(session, far)) == ([], [])
        assert tutor_messages.of_enrolment(session, world.enrolments["late"]) == []


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"audience": "everybody"}, "audience_unknown", "audience"),
        ({"text_zh": " "}, "brief_text_missing", "text_zh"),
        ({"text_en": "x" * 2001}, "brief_text_too_long", "text_en"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_field(
    database: Database, changes: dict[str, str], code: str, field: str
) -> None:
    world = world_of(database)

    with pytest.raises(Malformed) as refusal:
        send(database, world, **changes)

    assert (refusal.value.code, refusal.value.params["field"]) == (code, field)
    with pytest.raises(NotFound):
        send(database, world, by="other")
