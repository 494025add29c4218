"""Study that is confirmed: records, the ledger that follows from them, overlaps in every order, and the audit of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.modes import ActivityRule, ComponentKind, SchoolActivityKind, StudyRule, WeeklyPace
from lms_plugin.domain.programme import MINUTE_MS, Component, LmsCourse, Programme, Text
from lms_plugin.domain.watching import Claim
from lms_plugin.services import auditing, catalogue, hours, posting, retention, study_records, viewing
from lms_plugin.services.study_records import NewRecord, Recorded, ms_of
from lms_plugin.storage.ledger import ComponentTotal, ComponentWeek, CreditEntryRow
from lms_plugin.storage.outbox import Report
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import StudyRecord
from tests import builders
from tests.builders import NOW

CLASS_HOUR_MS = 45 * MINUTE_MS
LATER = NOW + timedelta(days=10)


def make_programme(key: str = "rural", **changes: object) -> Programme:
    """Films, meetings and school-based study: ten class hours in all."""
    components = (
        Component("video", ComponentKind.VIDEO, Text("课程视频", "Films"), Decimal(0)),
        Component("meetings", ComponentKind.FACE_TO_FACE, Text("面授", "Face to face"), Decimal(4)),
        Component(
            "school",
            ComponentKind.SCHOOL_BASED,
            Text("校本研修", "School-based"),
            Decimal(4),
            study=StudyRule(activities=(ActivityRule(SchoolActivityKind.SELF_STUDY, Decimal(2)),)),
        ),
        Component(
            "placement",
            ComponentKind.PLACEMENT,
            Text("跟岗", "Placement"),
            Decimal(0),
            study=StudyRule(credit_class_hours=Decimal(20)),
        ),
    )
    return builders.make_programme(key, components=components, total_class_hours=Decimal(8), **changes)


@dataclass(frozen=True)
class Person:
    """One learner; minutes are counted from NOW."""

    database: Database
    user_id: int
    enrolment_id: int
    office_id: int

    def record(
        self,
        source: str,
        *minutes: tuple[int, int],
        component: str = "meetings",
        activity: str = "",
        enrolment_id: int | None = None,
        most: int | None = None,
        given: int = 0,
        now: datetime = LATER,
        because: str = "",
    ) -> Recorded:
        record = NewRecord(
            enrolment_id=enrolment_id or self.enrolment_id,
            component_key=component,
            source=source,
            title=f"“{source}”",
            at=NOW,
            activity=activity,
            present=tuple((at(start), at(end)) for start, end in minutes),
            given_ms=given * MINUTE_MS,
            most_ms=None if most is None else most * MINUTE_MS,
        )
        (found,) = self.database.transact(
            lambda session: study_records.record_many(
                session, [record], confirmed_by_id=self.office_id, now=now, because=because
            )
        )
        return found

    def revoke(self, source: str, now: datetime = LATER) -> None:
        self.database.transact(
            lambda session: study_records.revoke(
                session, self.enrolment_id, source, by_id=self.office_id, reason="wrong list", now=now
            )
        )

    def ledger(self) -> list[tuple[str, int]]:
        """(source, minutes) of the entries of all enrolments."""
        with self.database.reading() as session:
            rows = session.scalars(
                select(CreditEntryRow)
                .join(Enrolment, Enrolment.id == CreditEntryRow.enrolment_id)
                .where(Enrolment.user_id == self.user_id)
                .order_by(CreditEntryRow.recorded_at, CreditEntryRow.enrolment_id, CreditEntryRow.number)
            )
            return [(row.source_id, row.amount_ms // MINUTE_MS) for row in rows]

    def audited(self) -> str | None:
        with self.database.reading() as session:
            return auditing.first_difference(session, self.user_id)


def at(minute: int) -> int:
    return ms_of(NOW) + minute * MINUTE_MS


def make_person(session: Session, database: Database, programme: Programme | None = None) -> Person:
    user = builders.make_user(session, region=None)
    office = builders.make_user(session, "office", "office", name="项目办")
    enrolment = builders.enrol(session, user, builders.publish(session, programme or make_programme()))
    return Person(database, user.id, enrolment.id, office.id)


@pytest.fixture
def person(database: Database) -> Person:
    with database.writing() as session:
        return make_person(session, database)


def reasons(found: Recorded) -> list[tuple[int, int, str, str]]:
    return [
        ((one.from_ms - at(0)) // MINUTE_MS, (one.to_ms - at(0)) // MINUTE_MS, one.reason.value, one.other_title)
        for one in found.left_out
    ]


def test_a_confirmed_meeting_is_hours_in_the_ledger_with_who_confirmed_it(person: Person) -> None:
    found = person.record("meeting/1", (0, 90))
    assert (found.number, found.counted_ms, found.left_out) == (1, 90 * MINUTE_MS, ())
    with person.database.reading() as session:
        entry = session.scalars(select(CreditEntryRow)).one()
        assert (entry.source_kind, entry.source_id, entry.component_key) == ("face_to_face", "meeting/1", "meetings")
        assert (entry.amount_ms, entry.decided_by_id) == (90 * MINUTE_MS, person.office_id)
        assert entry.rule_version == "rural@1 attendance/1"
        assert entry.detail["counted"] == [[at(0), at(90)]]
        assert entry.detail["on"] == "2026-11-24"
        read = hours.read(session, session.get_one(Enrolment, person.enrolment_id), LATER)
        assert [one.credited_class_hours for one in read.hours.components] == [0, 2, 0, 0]
    assert person.audited() is None


def second_enrolment(person: Person) -> int:
    """The person in another programme too."""
    with person.database.writing() as session:
        programme_id = builders.publish(session, make_programme("second")).id
        second = Enrolment(user_id=person.user_id, programme_id=programme_id, enrolled_at=NOW)
        session.add(second)
        session.flush()
        return second.id


def test_two_meetings_of_two_programmes_at_the_same_time_count_once(person: Person) -> None:
    second_id = second_enrolment(person)
    person.record("meeting/1", (0, 90))
    found = person.record("meeting/2", (60, 150), enrolment_id=second_id)
    assert (found.counted_ms, reasons(found)) == (60 * MINUTE_MS, [(60, 90, "overlaps_study", "“meeting/1”")])
    assert person.audited() is None
    # The first is withdrawn: the second gets its half hour by an entry of its own.
    person.revoke("meeting/1", LATER + timedelta(hours=1))
    assert person.ledger() == [("meeting/1", 90), ("meeting/2", 60), ("meeting/1", -90), ("meeting/2", 30)]
    assert person.audited() is None


@pytest.mark.parametrize("earlier", [timedelta(0), timedelta(milliseconds=3), timedelta(minutes=30)])
def test_what_was_confirmed_first_comes_first_whatever_a_clock_says(person: Person, earlier: timedelta) -> None:
    """Two servers confirm, and the one that is second has the slower clock, or the same moment on it."""
    assert person.record("meeting/1", (0, 90), most=60).counted_ms == 60 * MINUTE_MS
    second = person.record("meeting/2", (45, 90), now=LATER - earlier)
    assert second.counted_ms == 30 * MINUTE_MS
    assert person.audited() is None
    person.record("meeting/1", (0, 90), most=60, because="looked at again")
    assert sorted(person.ledger()) == [("meeting/1", 60), ("meeting/2", 30)]
    assert person.audited() is None


def test_a_moment_that_two_programmes_share_does_not_change_who_was_first(person: Person) -> None:
    other_id = second_enrolment(person)
    assert person.record("meeting/1", (0, 90), enrolment_id=other_id).counted_ms == 90 * MINUTE_MS
    assert person.record("meeting/2", (0, 90)).counted_ms == 0
    assert person.audited() is None


def test_a_corrected_list_enters_the_difference(person: Person) -> None:
    person.record("meeting/1", (0, 90))
    assert person.record("meeting/1", (0, 60), because="left early").counted_ms == 60 * MINUTE_MS
    assert person.record("meeting/1", (0, 60)).counted_ms == 60 * MINUTE_MS
    assert person.ledger() == [("meeting/1", 90), ("meeting/1", -30)]
    with person.database.reading() as session:
        last = session.scalars(select(CreditEntryRow).order_by(CreditEntryRow.number.desc())).first()
        assert last is not None
        assert (last.detail["because"], last.decided_by_id) == ("left early", person.office_id)
    person.revoke("meeting/1")
    with pytest.raises(NotFound):
        person.revoke("meeting/1")
    assert person.record("meeting/1", (0, 90)).number == 1
    assert person.ledger() == [("meeting/1", 90), ("meeting/1", -30), ("meeting/1", -60), ("meeting/1", 90)]
    assert person.audited() is None


def test_limits_of_an_activity_reach_over_all_its_records(person: Person) -> None:
    found = [
        person.record(f"activity/{day}", (day * 1440, day * 1440 + 50), component="school", activity="self_study")
        for day in range(3)
    ]
    assert [one.counted_ms // MINUTE_MS for one in found] == [50, 40, 0]
    assert reasons(found[1]) == [(1480, 1490, "activity_limit", "")]
    # Long after: whatever stands outside of the days that are looked at is known all the same.
    assert person.record("activity/9", (20 * 1440, 20 * 1440 + 50), component="school", activity="self_study") == (
        replace(found[2], number=4, left_out=found[2].left_out[:0] + person_left(20))
    )
    assert person.audited() is None


def person_left(day: int) -> tuple[study_records.LeftOut, ...]:
    start = day * 1440
    return (study_records.LeftOut(at(start), at(start + 50), study_records.Reason.ACTIVITY_LIMIT),)


def test_whole_study_gives_what_it_is_given(person: Person) -> None:
    assert person.record("placement/1/1", component="placement", given=900).counted_ms == 900 * MINUTE_MS
    assert person.record("placement/1/1", component="placement", given=900, most=600).counted_ms == 600 * MINUTE_MS
    assert person.record("placement/1/2", component="placement", given=900, most=0).counted_ms == 0
    assert person.ledger() == [("placement/1/1", 900), ("placement/1/1", -300)]
    assert person.audited() is None


def test_who_has_withdrawn_earns_nothing_and_keeps_what_there_is(person: Person) -> None:
    person.record("meeting/1", (0, 60))
    with person.database.writing() as session:
        session.get_one(Enrolment, person.enrolment_id).state = "withdrawn"
    found = person.record("meeting/2", (100, 160))
    assert (found.number, reasons(found)) == (0, [(100, 160, "withdrawn", "")])
    assert person.ledger() == [("meeting/1", 60)]
    assert person.audited() is None


def test_what_cannot_be_recorded_says_why(person: Person) -> None:
    with pytest.raises(Conflict, match="component_unknown"):
        person.record("meeting/1", (0, 10), component="other")
    with pytest.raises(NotFound):
        person.record("meeting/1", (0, 10), enrolment_id=9_999)
    record = NewRecord(person.enrolment_id, "meetings", "meeting/1", "a", NOW, present=((at(0), at(1)),))
    with pytest.raises(Conflict, match="record_twice"), person.database.writing() as session:
        study_records.record_many(session, [record, record], confirmed_by_id=None, now=LATER)
    assert person.ledger() == []


# --- film and meetings at the same time -------------------------------------------------------------------------------


def watch(person: Person, to_minute: int, *, opened: int = 0) -> None:
    """Watch the film from its start, from a minute after NOW on."""
    opened_at = NOW + timedelta(minutes=opened)
    with person.database.writing() as session:
        enrolment = session.get_one(Enrolment, person.enrolment_id)
        current = catalogue.for_enrolment(session, enrolment, NOW)
        actor = builders.actor_for(session, session.get_one(builders.User, person.user_id))
        builders.watch(
            session,
            actor,
            enrolment,
            builders.video_of(session, current),
            to_minute * MINUTE_MS,
            opened_at=opened_at,
        )


def play(person: Person, *beats: tuple[int, list[Claim]], opened: int = 0) -> None:
    """Play the film in one session; beats are (minutes after its opening, what they claim)."""
    opened_at = NOW + timedelta(minutes=opened)
    with person.database.writing() as session:
        enrolment = session.get_one(Enrolment, person.enrolment_id)
        current = catalogue.for_enrolment(session, enrolment, NOW)
        actor = builders.actor_for(session, session.get_one(builders.User, person.user_id))
        video = builders.video_of(session, current)
        viewing.open_session(
            session, actor, video_id=video.id, enrolment_id=enrolment.id, new_id="played", now=opened_at
        )
        for seq, (minute, claims) in enumerate(beats, start=1):
            now = opened_at + timedelta(minutes=minute)
            viewing.take_beat(session, actor, "played", seq=seq, claims=claims, now=now)


def settle(person: Person, now: datetime = LATER) -> None:
    with person.database.writing() as session:
        posting.settle(session, session.get_one(Enrolment, person.enrolment_id), now)


def sums(person: Person) -> dict[str, int]:
    with person.database.reading() as session:
        rows = session.execute(select(ComponentTotal.component_key, ComponentTotal.credited_ms))
        return {key: ms // MINUTE_MS for key, ms in rows}


@pytest.mark.parametrize("film_first", [True, False])
def test_a_minute_of_film_and_of_a_meeting_counts_once_in_either_order(person: Person, *, film_first: bool) -> None:
    steps = [lambda: (watch(person, 12, opened=30), settle(person)), lambda: person.record("meeting/1", (0, 90))]
    for step in steps if film_first else reversed(steps):
        step()
    # Watched at up to one and a half times: the twelve minutes were claimed at the usual speed.
    assert sums(person) == {"video": 12, "meetings": 78}
    assert person.audited() is None
    with person.database.reading() as session:
        (shown,) = study_records.records_of(session, person.enrolment_id)
        assert [one.reason.value for one in shown.left_out] == ["overlaps_watching"]
        assert (shown.confirmed_by, shown.is_revoked) == ("项目办", False)


def test_a_rate_that_a_player_claims_saves_no_minute_of_the_day(person: Person) -> None:
    play(person, (12, [Claim(0, 12 * MINUTE_MS, rate_permille=10**6)]), opened=30)
    settle(person)
    person.record("meeting/1", (0, 90))
    assert sums(person) == {"video": 12, "meetings": 82}  # at one and a half times, the fastest that counts
    assert person.audited() is None


@pytest.mark.parametrize("film_first", [True, False])
def test_film_that_is_reported_hours_later_stands_before_the_end_of_its_lease(
    person: Person, *, film_first: bool
) -> None:
    """The line was cut at five minutes, the film went on; what it was is heard of during a meeting hours later."""

    def film() -> None:
        play(person, (5, [Claim(0, 5 * MINUTE_MS)]), (290, [Claim(5 * MINUTE_MS, 20 * MINUTE_MS)]))
        settle(person)

    steps = [film, lambda: person.record("meeting/1", (250, 310)), lambda: person.record("meeting/2", (100, 130))]
    for step in steps if film_first else reversed(steps):
        step()
    # The lease ended two hours after it was last heard of, at minute 125: the fifteen minutes stand right before.
    assert sums(person) == {"video": 20, "meetings": 75}
    assert person.audited() is None


def test_film_that_is_not_posted_yet_takes_its_time_when_it_is(person: Person) -> None:
    watch(person, 12, opened=30)
    found = person.record("meeting/1", (0, 90))
    assert found.counted_ms == 90 * MINUTE_MS
    assert person.audited() is None
    settle(person)
    assert sums(person) == {"video": 12, "meetings": 78}
    assert person.audited() is None


def test_film_at_another_time_takes_nothing(person: Person) -> None:
    watch(person, 12, opened=200)
    settle(person)
    assert person.record("meeting/1", (0, 90)).left_out == ()
    assert person.audited() is None


def test_film_takes_its_time_after_its_reports_were_deleted(person: Person) -> None:
    watch(person, 12, opened=30)
    settle(person)
    person.record("meeting/1", (0, 90))
    closed = date(2027, 3, 1)
    later = NOW + timedelta(days=200)
    with person.database.writing() as session:
        assert retention.cut(session, person.user_id, closed, later).freed_bytes
    person.record("meeting/1", (0, 80), now=later)
    assert sums(person) == {"video": 12, "meetings": 68}
    assert person.audited() is None


# --- many at once -----------------------------------------------------------------------------------------------------


def test_a_list_of_many_is_taken_as_one_by_one(database: Database) -> None:
    with database.writing() as session:
        office = builders.make_user(session, "office", "office")
        current = builders.publish(session, make_programme())
        ids = [builders.enrol(session, builders.make_user(session, f"t{n}"), current).id for n in range(30)]
        records = [
            NewRecord(one, "meetings", "meeting/1", "a", NOW, present=((at(n), at(60)),)) for n, one in enumerate(ids)
        ]
        found = study_records.record_many(session, records, confirmed_by_id=office.id, now=LATER)
        again = study_records.record_many(session, records[:3], confirmed_by_id=office.id, now=LATER)
    assert [(one.enrolment_id, one.counted_ms // MINUTE_MS) for one in found] == [
        (one, 60 - n) for n, one in enumerate(ids)
    ]
    assert again == found[:3]
    with database.reading() as session:
        users = session.scalars(select(Enrolment.user_id).order_by(Enrolment.id)).all()
        assert [one.difference for one in auditing.audit(session, users)] == [None] * 30
        assert session.scalars(select(CreditEntryRow.number)).all() == [1] * 30


def test_a_course_that_is_another_one_by_now_is_owed_what_stands_as_it_stood(database: Database) -> None:
    films = Component("video", ComponentKind.VIDEO, Text("课程视频", "Films"), Decimal(1), Decimal(1))
    first = LmsCourse("openedx", "course-v1:A+1+2026", "block-v1:whole")
    programme = builders.make_programme(components=(films,), total_class_hours=Decimal(1), lms=first)
    with database.writing() as session:
        current = builders.publish(session, programme)
        enrolment = builders.enrol(session, builders.make_user(session), current)
        builders.credit(session, enrolment, CLASS_HOUR_MS)
        before = (enrolment.counted_ms, enrolment.completion_ratio)
        moved = replace(programme, lms=replace(first, course_key="course-v1:B+1+2026"))
        builders.publish(session, moved, now=NOW + timedelta(minutes=1))
        builders.credit(session, enrolment, CLASS_HOUR_MS, now=NOW + timedelta(minutes=2))
        assert (enrolment.counted_ms, enrolment.completion_ratio) == before
        report = session.scalars(select(Report)).one()
        assert (report.course_key, report.ratio) == ("course-v1:B+1+2026", 1)


# --- weekly pace ------------------------------------------------------------------------------------------------------


def paced(make_up_weeks: int | None) -> Programme:
    programme = make_programme()
    school = replace(programme.components[2], pace=WeeklyPace(Decimal(2), make_up_weeks), study=StudyRule())
    return replace(programme, components=(*programme.components[:2], school), total_class_hours=Decimal(8))


@pytest.mark.parametrize(
    ("make_up_weeks", "weeks",                "counted"),
    [
        (None,        {0: 45, 1: 90},         [45, 135]),
        (0,           {0: 45, 1: 90},         [0, 90]),
        (0,           {0: 90, 1: 89, 2: 91},  [90, 90, 181]),
        (1,           {0: 45, 1: 90},         [0, 90]),
        (1,           {0: 45, 1: 135},        [0, 180]),
        (2,           {0: 45, 1: 90, 2: 135}, [0, 90, 270]),
        (1,           {0: 45, 2: 500},        [0, 500]),
    ],
)  # fmt: skip
def test_a_short_week_counts_when_it_is_made_up(
    database: Database, make_up_weeks: int | None, weeks: dict[int, int], counted: Sequence[int]
) -> None:
    with database.writing() as session:
        person = make_person(session, database, paced(make_up_weeks))
    found = []
    for week, minutes in weeks.items():
        start = week * 7 * 1440 - 1440
        person.record(f"activity/{week}", (start, start + minutes), component="school", activity="seminar")
        with database.reading() as session:
            read = hours.read(session, session.get_one(Enrolment, person.enrolment_id), LATER)
            found.append(read.hours.components[2].counted_ms // MINUTE_MS)
        assert person.audited() is None
    assert found == list(counted)


def test_a_week_that_was_changed_by_hand_is_named(database: Database) -> None:
    with database.writing() as session:
        person = make_person(session, database, paced(0))
    person.record("activity/1", (0, 100), component="school", activity="seminar")
    with database.writing() as session:
        week = session.scalars(select(ComponentWeek)).one()
        assert (week.week_on, week.credited_ms) == (date(2026, 11, 23), 100 * MINUTE_MS)
        week.credited_ms += 1
    assert "the week of 2026-11-23 of school" in (person.audited() or "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE study_records SET counted_ms = 1", "study record 1 of enrolment {of} (study_records) counts 1 ms"),
        ("UPDATE study_records SET present = {other}", "study record 1 of enrolment {of} (study_records) counts"),
        ("UPDATE study_records SET most_ms = 60000", "study record 1 of enrolment {of} (study_records) counts"),
        ("UPDATE study_records SET number = 7", "credit entry 1 of enrolment {of} (credit_entries) does not name"),
        ("UPDATE study_records SET source = 'meeting/3'", "its credit entries add up to 0 ms"),
        ("DELETE FROM study_records", "were written for meeting/1, of which there is no study record"),
    ],
)
def test_a_record_that_was_changed_by_hand_is_named(person: Person, change: str, said: str) -> None:
    person.record("meeting/1", (0, 90))
    with person.database.writing() as session:
        if "{other}" in change:
            session.scalars(select(StudyRecord)).one().present = intervals.pack(((at(0), at(30)),))
        else:
            session.execute(text(change))
    assert said.format(of=person.enrolment_id) in (person.audited() or "")
