"""The leader's list: marking, confirming it into study records, and correcting what it gave."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import Group, Text
from lms_plugin.services import hours, meeting_confirming, meeting_signing, meetings, study_records
from lms_plugin.services.meeting_confirming import Confirmed
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Meeting, SignIn, StudyRecord
from tests import builders
from tests.services.gatherings import NINE, NOON, Gathering, gather, programme_of_meetings

MINUTE = timedelta(minutes=1)
HOUR_MS = 3_600_000
AFTER = NOON + timedelta(hours=1)


def listed(here: Gathering, meeting: Meeting, *rows: tuple[Enrolment, datetime | None, datetime | None]) -> None:
    attendances = [(enrolment.id, in_at, out_at) for enrolment, in_at, out_at in rows]
    meeting_signing.sign_many(here.session, meeting.id, attendances, by_id=here.tutor.id, now=NOON)


def confirm(here: Gathering, meeting: Meeting, now: datetime = AFTER) -> Confirmed:
    return meeting_confirming.confirm(here.session, here.actor(here.tutor), meeting.id, now)


def entered(session: Session, enrolment: Enrolment) -> list[tuple[str, str, int]]:
    return [(one.source_kind, one.source_id, one.amount_ms) for one in hours.entries(session, enrolment.id)]


def state(session: Session, enrolment: Enrolment, meeting: Meeting) -> str:
    return session.get_one(SignIn, (enrolment.id, meeting.id)).state


def test_a_list_that_is_confirmed_becomes_credit_in_the_ledger(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()
        # Five minutes late is within the ten that count as the whole; half an hour early is not.
        listed(here, meeting, (here.wangs, NINE + 5 * MINUTE, NOON), (here.zhangs, NINE, NOON - 30 * MINUTE))
        done = confirm(here, meeting)

        assert {one.enrolment_id: one.counted_ms for one in done.recorded} == {
            here.wangs.id: 3 * HOUR_MS,
            here.zhangs.id: 2.5 * HOUR_MS,
        }
        assert done.passed_over == {}
        source = f"meeting/{meeting.id}"
        assert entered(session, here.wangs) == [("face_to_face", source, 3 * HOUR_MS)]
        assert (meeting.state, meeting.confirmed_by_id, meeting.confirmed_at) == ("confirmed", here.tutor.id, AFTER)
        assert state(session, here.wangs, meeting) == "confirmed"
        (shown,) = study_records.records_of(session, here.wangs.id)
        assert (shown.confirmed_by, shown.row.title) == ("李建国", "怎样评课")


def test_who_has_not_signed_out_waits_until_the_list_is_complete(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()
        listed(here, meeting, (here.wangs, NINE, None), (here.zhangs, None, NOON))
        done = confirm(here, meeting)

        assert done.recorded == ()
        assert done.passed_over == {here.wangs.id: "not_signed_out", here.zhangs.id: "not_signed_in"}
        assert state(session, here.wangs, meeting) == "signed"
        assert entered(session, here.wangs) == []
        # Completed afterwards, it counts at once: the meeting is confirmed already.
        tutor = here.actor(here.tutor)
        meeting_confirming.mark_present(session, tutor, meeting.id, [here.wangs.id, here.zhangs.id], now=AFTER)
        assert [one[2] for one in entered(session, here.wangs) + entered(session, here.zhangs)] == [3 * HOUR_MS] * 2
        assert state(session, here.wangs, meeting) == "confirmed"


def test_without_both_ends_who_came_stayed_to_the_end(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned("qna")
        listed(here, meeting, (here.wangs, NINE + 30 * MINUTE, None))

        assert [one.counted_ms for one in confirm(here, meeting).recorded] == [2.5 * HOUR_MS]
        assert entered(session, here.wangs)[0][0] == "qna"


def test_a_meeting_gives_no_more_than_its_limit_and_says_so(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned(most_minutes=120)
        listed(here, meeting, (here.wangs, NINE, NOON))
        (one,) = confirm(here, meeting).recorded

        assert one.counted_ms == 2 * HOUR_MS
        assert [left.reason for left in one.left_out] == ["over_most"]


def test_no_minute_counts_for_two_meetings(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        morning, other = here.planned(), here.planned("qna", title="答疑", starts_at=NINE + 60 * MINUTE)
        listed(here, morning, (here.wangs, NINE, NOON - 60 * MINUTE))
        listed(here, other, (here.wangs, NINE + 60 * MINUTE, None))
        confirm(here, morning)
        (one,) = confirm(here, other).recorded

        assert one.counted_ms == HOUR_MS
        assert [(left.reason, left.other_title) for left in one.left_out] == [("overlaps_study", "怎样评课")]


def test_the_list_marks_people_without_a_phone_present_for_the_whole_time_or_for_some_of_it(
    database: Database,
) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, tutor = here.opened(), here.actor(here.tutor)
        code = here.code(meeting, NINE + 30 * MINUTE)
        wang = here.actor(here.wang)
        meeting_signing.sign(session, wang, meeting.id, code, device="", now=NINE + 30 * MINUTE)
        mark = meeting_confirming.mark_present
        mark(session, tutor, meeting.id, [here.wangs.id], now=NOON)
        mark(session, tutor, meeting.id, [here.zhangs.id], now=NOON, out_at=NOON - 60 * MINUTE)

        row = session.get_one(SignIn, (here.wangs.id, meeting.id))
        # The time the code gave stays, and is still known by the code.
        assert (row.in_at, row.in_by, row.out_at, row.out_by) == (NINE + 30 * MINUTE, "code", NOON, "list")
        assert {one.counted_ms for one in confirm(here, meeting).recorded} == {int(2.5 * HOUR_MS), 2 * HOUR_MS}


@pytest.mark.parametrize(
    ("in_after", "out_after", "code"),
    [
        (120, 60, "ends_before_start"),
        (60, 60, "ends_before_start"),
        (180, 190, "outside_meeting"),
        (-60, 0, "outside_meeting"),
    ],
)
def test_times_that_cannot_be_are_refused(database: Database, in_after: int, out_after: int, code: str) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()
        with pytest.raises(Malformed) as refused:
            meeting_confirming.mark_present(
                session,
                here.actor(here.tutor),
                meeting.id,
                [here.wangs.id],
                now=NOON,
                in_at=NINE + in_after * MINUTE,
                out_at=NINE + out_after * MINUTE,
            )
        assert refused.value.code == code


def test_correcting_a_confirmed_list_adds_the_difference_to_the_ledger(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, tutor = here.planned(), here.actor(here.tutor)
        listed(here, meeting, (here.wangs, NINE, NOON))
        confirm(here, meeting)
        meeting_confirming.mark_present(
            session, tutor, meeting.id, [here.wangs.id], now=AFTER, out_at=NOON - 60 * MINUTE, reason="提前离开"
        )
        found = hours.entries(session, here.wangs.id)
        assert [one.amount_ms for one in found] == [3 * HOUR_MS, -HOUR_MS]
        assert found[-1].detail["because"] == "提前离开"

        meeting_confirming.mark_absent(session, tutor, meeting.id, [here.wangs.id], reason="代签", now=AFTER)
        assert [one.amount_ms for one in hours.entries(session, here.wangs.id)] == [3 * HOUR_MS, -HOUR_MS, -2 * HOUR_MS]
        assert state(session, here.wangs, meeting) == "refused"
        assert session.get_one(SignIn, (here.wangs.id, meeting.id)).reason == "代签"

        meeting_confirming.mark_present(session, tutor, meeting.id, [here.wangs.id], now=AFTER)
        assert sum(one.amount_ms for one in hours.entries(session, here.wangs.id)) == 2 * HOUR_MS
        assert state(session, here.wangs, meeting) == "confirmed"


def test_who_was_marked_absent_gets_nothing(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, tutor = here.planned(), here.actor(here.tutor)
        listed(here, meeting, (here.wangs, NINE, NOON))
        meeting_confirming.mark_absent(
            session, tutor, meeting.id, [here.wangs.id, here.zhangs.id], reason="未到", now=NOON
        )

        assert confirm(here, meeting) == Confirmed((), {})
        assert entered(session, here.wangs) == []
        with pytest.raises(Malformed) as refused:
            meeting_confirming.mark_absent(session, tutor, meeting.id, [here.zhangs.id], reason=" ", now=NOON)
        assert refused.value.code == "reason_needed"
        with pytest.raises(Malformed) as refused:
            meeting_confirming.mark_absent(session, tutor, meeting.id, [here.zhangs.id], reason="长" * 501, now=NOON)
        assert refused.value.code == "reason_too_long"


def test_nobody_confirms_their_own_attendance(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned(leader_login="wang")
        listed(here, meeting, (here.wangs, NINE, NOON), (here.zhangs, NINE, NOON))
        wang = here.actor(here.wang)
        done = meeting_confirming.confirm(session, wang, meeting.id, AFTER)

        assert [one.enrolment_id for one in done.recorded] == [here.zhangs.id]
        assert done.passed_over == {here.wangs.id: "own"}
        with pytest.raises(Conflict) as refused:
            meeting_confirming.mark_present(session, wang, meeting.id, [here.wangs.id], now=AFTER)
        assert refused.value.code == "own_attendance"
        # Somebody else who runs it can.
        assert [one.enrolment_id for one in confirm(here, meeting).recorded] == [here.wangs.id]
        assert sum(one[2] for one in entered(session, here.wangs)) == 3 * HOUR_MS


def test_a_list_is_confirmed_once_the_meeting_is_over(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.opened()
        with pytest.raises(Conflict) as refused:
            confirm(here, meeting, NOON - MINUTE)
        assert refused.value.code == "meeting_not_over"
        confirm(here, meeting, NOON)
        assert (meeting.state, meeting.code_secret) == ("confirmed", b"")
        with pytest.raises(Conflict) as refused:
            meetings.open_meeting(session, here.actor(here.tutor), meeting.id, NOON)
        assert refused.value.code == "meeting_settled"


def test_a_cancelled_meeting_takes_back_what_it_gave(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting, tutor = here.planned(), here.actor(here.tutor)
        listed(here, meeting, (here.wangs, NINE, NOON), (here.zhangs, NINE, NOON))
        confirm(here, meeting)
        with pytest.raises(Malformed):
            meetings.cancel_meeting(session, tutor, meeting.id, reason="", now=AFTER)
        meetings.cancel_meeting(session, tutor, meeting.id, reason="授课教师未到", now=AFTER)

        assert sum(one[2] for one in entered(session, here.wangs)) == 0
        assert sum(one[2] for one in entered(session, here.zhangs)) == 0
        (shown,) = study_records.records_of(session, here.wangs.id)
        assert (shown.is_revoked, shown.row.revoked_because) == (True, "授课教师未到")
        assert (meeting.state, meeting.cancelled_because) == ("cancelled", "授课教师未到")
        for again in (
            lambda: meetings.cancel_meeting(session, tutor, meeting.id, reason="再", now=AFTER),
            lambda: confirm(here, meeting),
            lambda: meeting_confirming.mark_present(session, tutor, meeting.id, [here.wangs.id], now=AFTER),
            lambda: meetings.open_meeting(session, tutor, meeting.id, NOON),
        ):
            with pytest.raises(Conflict) as refused:
                again()
            assert refused.value.code == "meeting_settled"


def test_who_has_withdrawn_or_takes_the_programme_without_it_is_passed_over(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()
        listed(here, meeting, (here.wangs, NINE, NOON))
        here.wangs.state = "withdrawn"
        session.flush()

        assert confirm(here, meeting) == Confirmed((), {here.wangs.id: "withdrawn"})
        assert state(session, here.wangs, meeting) == "signed"


def test_a_part_that_a_learner_no_longer_takes_gives_nothing(database: Database) -> None:
    programme = programme_of_meetings(phases=(Group("lead", Text("骨干", "Lead")), Group("all", Text("全员", "All"))))
    components = tuple(
        replace(one, for_phases=("lead",)) if one.key == "classes" else one for one in programme.components
    )
    with database.writing() as session:
        here = gather(session, replace(programme, components=components))
        meeting = here.planned()
        listed(here, meeting, (here.wangs, NINE, NOON))
        here.wangs.variant = "all|||"
        session.flush()

        assert confirm(here, meeting) == Confirmed((), {here.wangs.id: "component"})


def test_a_list_of_meetings_says_how_many_wait_to_be_confirmed(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned(leader_login="wang")
        listed(here, meeting, (here.wangs, NINE, NOON), (here.zhangs, NINE, NOON))
        county = here.actor(here.county)
        assert [one.waiting for one in meetings.of_office(session, county)] == [2]
        meeting_confirming.confirm(session, here.actor(here.wang), meeting.id, AFTER)
        # The leader's own attendance is left for somebody else.
        assert [one.waiting for one in meetings.of_office(session, county)] == [1]
        meeting_confirming.confirm(session, county, meeting.id, AFTER)
        assert [one.waiting for one in meetings.of_office(session, county)] == [0]


def test_only_learners_of_the_meeting_are_marked_and_only_by_who_runs_it(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()
        for user, enrolment in ((here.tutor, here.chens), (here.wang, here.wangs), (here.far, here.wangs)):
            with pytest.raises(NotFound):
                meeting_confirming.mark_present(session, here.actor(user), meeting.id, [enrolment.id], now=NOON)
            with pytest.raises(NotFound):
                meeting_confirming.mark_absent(
                    session, here.actor(user), meeting.id, [enrolment.id], reason="r", now=NOON
                )
        with pytest.raises(NotFound):
            meeting_confirming.confirm(session, here.actor(here.wang), meeting.id, AFTER)
        with pytest.raises(NotFound):
            meetings.cancel_meeting(session, here.actor(here.wang), meeting.id, reason="r", now=AFTER)


@contextmanager
def counted_statements(session: Session) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def test_a_meeting_of_hundreds_is_confirmed_in_few_statements(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        enrolments = [
            builders.enrol(session, builders.make_user(session, f"learner{number}"), here.current, group=here.group)
            for number in range(300)
        ]
        meeting = here.planned()
        with counted_statements(session) as said:
            listed(here, meeting, *((one, NINE, NOON) for one in enrolments))
            assert len(confirm(here, meeting).recorded) == 300
        assert len(said) < 60
        assert len(session.scalars(select(StudyRecord)).all()) == 300


def test_an_empty_list_is_no_list(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()
        listed(here, meeting)

        assert confirm(here, meeting) == Confirmed((), {})
