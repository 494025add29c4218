"""Changing a plan, and what the people of a meeting are told of it: each thing once."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.services import errands, meeting_changing, meeting_notices, meeting_planning, meetings, reminding
from lms_plugin.services.errands import Rounds
from lms_plugin.services.meeting_changing import Change
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Meeting
from tests import builders
from tests.services.gatherings import NINE, NOON, Gathering, gather

LINK = "https://meeting.example.cn/j/123"


def told(session: Session, here: Gathering) -> list[tuple[str, str]]:
    """(login, kind) of every notice about meetings, in the order of telling."""
    names = {one.id: one.login for one in (here.wang, here.zhang, here.chen, here.tutor, here.admin)}
    found = session.scalars(select(Notice).where(Notice.kind.startswith("meeting_")).order_by(Notice.id))
    return [(names[one.user_id], one.kind.removeprefix("meeting_")) for one in found]


def as_planned(meeting: Meeting, **changes: Any) -> Change:
    same = Change(meeting.title, meeting.starts_at, meeting.ends_at, meeting.place, meeting.link)
    return replace(same, **changes)


def faults(refusal: Malformed) -> list[tuple[str, str]]:
    found = refusal.params["faults"]
    assert isinstance(found, list)
    return [(one["field"], one["code"]) for one in found]


def test_everybody_invited_hears_of_a_plan_and_the_planner_does_not(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        here.planned(link=LINK)

        assert told(session, here) == [("wang", "planned"), ("zhang", "planned")]


def test_a_leader_who_did_not_plan_it_hears_too_and_nobody_of_what_is_over(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting_planning.plan(session, here.actor(here.admin), here.new(leader_login="tutor"), builders.NOW)
        assert sorted(told(session, here)) == [("tutor", "planned"), ("wang", "planned"), ("zhang", "planned")]

        past = here.new(starts_at=builders.NOW - timedelta(hours=5), ends_at=builders.NOW - timedelta(hours=3))
        meeting_planning.plan(session, here.actor(here.admin), past, builders.NOW)
        assert len(told(session, here)) == 3


def test_a_change_raises_the_sequence_and_says_what_is_new(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, tutor = here.planned(), here.actor(here.tutor)
        later = builders.NOW + timedelta(minutes=5)
        to = as_planned(meeting, starts_at=NINE + timedelta(hours=1), ends_at=NOON, place="  多功能厅 ", link=LINK)
        meeting_changing.change(session, tutor, meeting.id, to, later)

        assert (meeting.sequence, meeting.changed_at, meeting.place, meeting.link) == (1, later, "多功能厅", LINK)
        assert told(session, here)[2:] == [("wang", "changed"), ("zhang", "changed")]
        notice = session.scalars(select(Notice).order_by(Notice.id.desc())).first()
        assert notice is not None
        assert notice.params["changed"] == ["time", "place", "link"]
        # The same again changes nothing, and nobody is told.
        meeting_changing.change(session, tutor, meeting.id, to, later + timedelta(minutes=1))
        assert (meeting.sequence, len(told(session, here))) == (1, 4)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": " "}, [("title", "title_missing")]),
        ({"place": ""}, [("place", "place_missing")]),
        ({"ends_at": NINE}, [("ends_at", "ends_before_start")]),
        ({"starts_at": NINE.replace(year=2027, month=5), "ends_at": NOON.replace(year=2027, month=5)}, None),
        ({"link": "http://meeting.example.cn/"}, [("link", "link_malformed")]),
        ({"link": "https://a.cn/" + "x" * 500}, [("link", "link_too_long")]),
    ],
)
def test_a_change_that_no_plan_could_say_is_refused(
    database: Database, changes: dict[str, Any], expected: list[tuple[str, str]] | None
) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()
        with pytest.raises(Malformed) as refused:
            meeting_changing.change(
                session, here.actor(here.tutor), meeting.id, as_planned(meeting, **changes), builders.NOW
            )

        assert faults(refused.value) == (expected or [("starts_at", "outside_window")])
        assert meeting.sequence == 0


def test_only_who_runs_it_changes_a_plan_and_only_before_it_begins(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()
        for user in (here.wang, here.other_tutor, here.far):
            with pytest.raises(NotFound):
                meeting_changing.change(session, here.actor(user), meeting.id, as_planned(meeting), NINE)
        with pytest.raises(Conflict, match="meeting_begun"):
            meeting_changing.change(session, here.actor(here.tutor), meeting.id, as_planned(meeting), NINE)


def test_calling_off_is_a_change_that_everybody_hears_of_with_the_reason(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()
        meetings.cancel_meeting(session, here.actor(here.tutor), meeting.id, reason="停电", now=builders.NOW)

        assert told(session, here)[2:] == [("wang", "cancelled"), ("zhang", "cancelled")]
        assert meeting.sequence == 1
        notice = session.scalars(select(Notice).where(Notice.kind == "meeting_cancelled")).first()
        assert notice is not None
        assert (notice.params["reason"], notice.address) == ("停电", f"/meetings/{meeting.id}")


def round_at(database: Database, *moments: datetime) -> list[int]:
    return [reminding.remind_of_meetings(database, one) for one in moments]


def test_a_day_and_an_hour_before_everybody_is_reminded_once(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        here.planned()
    day, hour = timedelta(days=1), timedelta(hours=1)
    minute = timedelta(minutes=1)

    # Wang, Zhang, and the tutor who leads it.
    assert round_at(database, NINE - day - minute, NINE - day, NINE - day + hour, NINE - 2 * hour) == [0, 3, 0, 0]
    assert round_at(database, NINE - hour, NINE - minute, NINE, NINE + minute) == [3, 0, 0, 0]
    with database.reading() as session:
        assert sorted(told(session, here))[:3] == [
            ("tutor", "day_before"),
            ("tutor", "hour_before"),
            ("wang", "day_before"),
        ]


def test_a_workers_round_of_reminders_holds_those_of_meetings(database: Database) -> None:
    with database.writing() as session:
        gather(session).planned()
    reminding.remind(database, NINE - timedelta(hours=20))

    with database.reading() as session:
        kinds = session.scalars(select(Notice.kind).where(Notice.kind == "meeting_day_before")).all()
        assert len(kinds) == 3


def test_a_worker_looks_for_meetings_more_often_than_for_all_else(database: Database) -> None:
    with database.writing() as session:
        gather(session).planned()
    stop, asked = threading.Event(), []

    def clock() -> datetime:
        """The whole round and the first one for meetings are twenty hours before, all later ones half an hour."""
        asked.append(1)
        if len(asked) > 3:
            stop.set()
        return NINE - (timedelta(hours=20) if len(asked) < 3 else timedelta(minutes=30))

    rounds = Rounds(reminders_every_seconds=3600, meetings_every_seconds=0.01)
    thread = threading.Thread(
        target=errands.run, args=(database, None, stop), kwargs={"clock": clock, "rounds": rounds}
    )
    thread.start()
    thread.join(timeout=120)

    assert not thread.is_alive()
    with database.reading() as session:
        kinds = session.scalars(select(Notice.kind).where(Notice.kind.endswith("_before"))).all()
    assert sorted(kinds) == ["meeting_day_before"] * 3 + ["meeting_hour_before"] * 3


def test_who_has_just_been_told_is_not_reminded_of_the_same(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned(starts_at=builders.NOW + timedelta(hours=20), ends_at=builders.NOW + timedelta(hours=22))
        starts_at = meeting.starts_at

    assert round_at(database, builders.NOW + timedelta(minutes=5), starts_at - timedelta(minutes=50)) == [0, 3]


def test_a_meeting_that_is_moved_is_reminded_of_at_its_new_time_and_a_cancelled_one_never(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, off = here.planned(), here.planned("qna")
        meetings.cancel_meeting(session, here.actor(here.tutor), off.id, reason="停电", now=builders.NOW)
        meeting_id, tutor = meeting.id, here.actor(here.tutor)
    assert round_at(database, NINE - timedelta(hours=23)) == [3]
    with database.writing() as session:
        moved = as_planned(
            session.get_one(Meeting, meeting_id), starts_at=NINE + timedelta(days=2), ends_at=NOON + timedelta(days=2)
        )
        meeting_changing.change(session, tutor, meeting_id, moved, NINE - timedelta(hours=22))

    assert round_at(database, NINE - timedelta(minutes=30), NINE + timedelta(days=1, hours=1)) == [0, 3]


def test_what_was_said_before_a_meeting_need_not_be_sent_when_it_is_over(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, off = here.planned(), here.planned("qna")
        meetings.cancel_meeting(session, here.actor(here.tutor), off.id, reason="停电", now=builders.NOW)
        everything = list(session.scalars(select(Notice)))

        before = meeting_notices.outdated(session, everything, NINE)
        assert {(one.params["meeting"], one.kind) for one in everything if one.id in before} == {
            (off.id, "meeting_planned")
        }
        after = reminding.outdated(session, everything, NOON)
        assert {(one.params["meeting"], one.kind) for one in everything if one.id not in after} == {
            (off.id, "meeting_cancelled")
        }
        assert meeting.id != off.id
