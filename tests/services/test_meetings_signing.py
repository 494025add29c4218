"""Signing in and out with the code, and what the leader sees of it."""

from datetime import datetime, timedelta

import pytest

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.meetings import Standing
from lms_plugin.services import meeting_confirming, meeting_list, meeting_signing, meetings
from lms_plugin.services.meeting_signing import Signed
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Meeting, SignIn
from tests.services.gatherings import NINE, NOON, Gathering, gather

MINUTE = timedelta(minutes=1)


def sign(
    here: Gathering, user: User, meeting: Meeting, at: datetime, way: str | None = None, device: str = ""
) -> Signed:
    return meeting_signing.sign(
        here.session, here.actor(user), meeting.id, here.code(meeting, at), device=device, now=at, way=way
    )


def test_a_meeting_opens_from_two_hours_before_until_two_hours_after(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        tutor, meeting = here.actor(here.tutor), here.planned()

        for at, code in ((NINE - 121 * MINUTE, "meeting_too_early"), (NOON + 120 * MINUTE, "meeting_over")):
            with pytest.raises(Conflict) as refused:
                meetings.open_meeting(session, tutor, meeting.id, at)
            assert refused.value.code == code
        opened = meetings.open_meeting(session, tutor, meeting.id, NINE - 120 * MINUTE)
        assert (opened.state, len(opened.code_secret)) == ("open", 32)
        secret = opened.code_secret
        assert meetings.open_meeting(session, tutor, meeting.id, NINE).code_secret == secret
        assert meetings.close_meeting(session, tutor, meeting.id).code_secret == b""
        assert meetings.close_meeting(session, tutor, meeting.id).state == "closed"
        # Open once more, its code is one that nobody has seen.
        assert meetings.open_meeting(session, tutor, meeting.id, NINE).code_secret != secret
        with pytest.raises(NotFound):
            meetings.open_meeting(session, here.actor(here.wang), meeting.id, NINE)


def test_the_code_is_shown_while_it_is_open_to_who_runs_it(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()

        shown = meetings.shown_code(session, here.actor(here.tutor), meeting.id, NINE)
        assert (shown.code, shown.seconds_left) == (here.code(meeting, NINE), 30)
        with pytest.raises(NotFound):
            meetings.shown_code(session, here.actor(here.wang), meeting.id, NINE)
        for state, at in (("open", NOON + 120 * MINUTE), ("closed", NINE)):
            meeting.state = state
            with pytest.raises(Conflict) as refused:
                meetings.shown_code(session, here.actor(here.tutor), meeting.id, at)
            assert refused.value.code == "meeting_not_open"


def test_the_code_signs_in_at_first_and_out_later(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()

        assert sign(here, here.wang, meeting, NINE) == Signed("in", NINE, None)
        # Pressed twice: still in, from the first time on.
        assert sign(here, here.wang, meeting, NINE + 9 * MINUTE) == Signed("in", NINE, None)
        assert sign(here, here.wang, meeting, NINE + 60 * MINUTE) == Signed("out", NINE, NINE + 60 * MINUTE)
        # Of several sign-outs the last one holds.
        assert sign(here, here.wang, meeting, NOON) == Signed("out", NINE, NOON)
        row = session.get_one(SignIn, (here.wangs.id, meeting.id))
        assert (row.state, row.in_by, row.out_by, row.changed_by_id) == ("signed", "code", "code", here.wang.id)


def test_one_can_say_which_way_one_signs(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()

        assert sign(here, here.wang, meeting, NINE, "in") == Signed("in", NINE, None)
        assert sign(here, here.wang, meeting, NINE + MINUTE, "out") == Signed("out", NINE, NINE + MINUTE)
        assert sign(here, here.wang, meeting, NOON, "in") == Signed("in", NINE, NINE + MINUTE)
        # Forgot to sign in: the list can still say when they came.
        assert sign(here, here.zhang, meeting, NOON, "out") == Signed("out", None, NOON)
        with pytest.raises(Malformed) as refused:
            sign(here, here.zhang, meeting, NOON, "through")
        assert refused.value.code == "way_unknown"


def test_a_wrong_or_an_old_code_signs_nobody_in(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()
        wang = here.actor(here.wang)

        for typed in (here.code(meeting, NINE - MINUTE), "000000x", ""):
            with pytest.raises(Malformed) as refused:
                meeting_signing.sign(session, wang, meeting.id, typed, device="", now=NINE)
            assert refused.value.code == "code_wrong"
        assert session.get(SignIn, (here.wangs.id, meeting.id)) is None


def test_only_whom_it_is_for_can_sign_in_and_only_while_it_is_open(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()
        for user in (here.chen, here.tutor, here.admin):
            with pytest.raises(NotFound):
                sign(here, user, meeting, NINE)
        here.zhangs.state = "withdrawn"
        session.flush()
        with pytest.raises(NotFound):
            sign(here, here.zhang, meeting, NINE)
        with pytest.raises(Conflict):
            sign(here, here.wang, meeting, NOON + 120 * MINUTE)
        secret = meeting.code_secret
        meetings.close_meeting(session, here.actor(here.tutor), meeting.id)
        meeting.code_secret = secret
        with pytest.raises(Conflict) as refused:
            sign(here, here.wang, meeting, NINE)
        assert refused.value.code == "meeting_not_open"


def test_who_was_marked_absent_cannot_sign_in_over_it(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()
        meeting_confirming.mark_absent(
            session, here.actor(here.tutor), meeting.id, [here.wangs.id], reason="没有到场", now=NINE
        )
        with pytest.raises(Conflict) as refused:
            sign(here, here.wang, meeting, NINE)
        assert refused.value.code == "attendance_settled"


def test_several_people_on_one_device_are_shown_to_the_leader(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, tutor = here.opened(), here.actor(here.tutor)
        sign(here, here.wang, meeting, NINE, device="a")
        assert meeting_list.shared_devices(session, tutor, meeting.id) == []
        sign(here, here.zhang, meeting, NINE + 11 * MINUTE, device="a")

        (shared,) = meeting_list.shared_devices(session, tutor, meeting.id)
        assert sorted(shared.names) == ["张小梅", "王丽"]
        found = {one.name: one for one in meeting_list.attendees(session, tutor, meeting.id)}
        assert found["王丽"].shares_with == ("张小梅",)
        assert (found["王丽"].is_late, found["张小梅"].is_late) == (False, True)
        # A sign-out from elsewhere without a known device keeps the one of the sign-in.
        sign(here, here.zhang, meeting, NOON, device="")
        assert session.get_one(SignIn, (here.zhangs.id, meeting.id)).device == "a"


def test_the_list_names_all_it_is_for_and_what_each_would_get(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, tutor = here.opened(most_minutes=150), here.actor(here.tutor)
        sign(here, here.wang, meeting, NINE)
        found = {one.name: one for one in meeting_list.attendees(session, tutor, meeting.id)}

        assert found.keys() == {"王丽", "张小梅"}
        assert found["王丽"].presence.standing is Standing.NOT_SIGNED_OUT
        assert (found["王丽"].state, found["张小梅"].state) == ("signed", "")
        assert found["王丽"].school_name == "莲华小学"
        sign(here, here.wang, meeting, NOON)
        found = {one.name: one for one in meeting_list.attendees(session, tutor, meeting.id)}
        assert found["王丽"].most_ms == 150 * 60_000
        assert meeting_list.tally(session, tutor, meeting.id) == meeting_list.Tally(2, 1, 1, 0, 0, 0)
        assert [name for name, _ in meeting_list.latest(session, tutor, meeting.id)] == ["王丽"]
        assert len(meeting_list.attendees(session, tutor, meeting.id, first=1, limit=1)) == 1


def test_who_has_moved_to_another_group_since_stays_on_the_list(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, tutor = here.opened(), here.actor(here.tutor)
        sign(here, here.wang, meeting, NINE)
        here.wangs.class_group_id = here.other_group.id
        session.flush()

        assert len(meeting_list.attendees(session, tutor, meeting.id)) == 2
        assert len(meetings.own_meetings(session, here.actor(here.wang))) == 1


def test_nobody_else_sees_the_list(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()
        for user in (here.wang, here.other_tutor, here.far):
            for look in (
                meeting_list.attendees,
                meeting_list.tally,
                meeting_list.latest,
                meeting_list.shared_devices,
            ):
                with pytest.raises(NotFound):
                    look(session, here.actor(user), meeting.id)
