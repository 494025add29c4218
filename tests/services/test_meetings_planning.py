"""Planning meetings: who may, for whom, and what a plan must say."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.programme import Group, Text, Window
from lms_plugin.services import access, meeting_access, meeting_planning, meetings
from lms_plugin.services.access import Grant
from lms_plugin.storage.people import RoleGrant
from lms_plugin.storage.programmes import ClassGroupTutor
from lms_plugin.storage.session import Database
from tests import builders
from tests.services.gatherings import NINE, NOON, gather, programme_of_meetings


def faults(refusal: Malformed) -> list[tuple[str, str]]:
    found = refusal.params["faults"]
    assert isinstance(found, list)
    return [(one["field"], one["code"]) for one in found]


def test_a_tutor_plans_for_own_groups_and_leads(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned()

        assert (meeting.kind, meeting.state, meeting.leader_id) == ("face_to_face", "planned", here.tutor.id)
        assert meeting_access.groups_of(session, meeting.id) == [here.group.id]
        # Everybody of the group teaches at one school: it is that school's office's to see as well.
        assert meeting.region_id == here.regions.school.id
        with pytest.raises(NotFound):
            here.planned(group_ids=(here.group.id, here.other_group.id))
        with pytest.raises(NotFound):
            here.planned(group_ids=(999,))


def test_a_meeting_of_groups_in_several_counties_is_that_of_the_least_region_around_them(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        here.zhangs.region_id = here.regions.other_school.id
        session.flush()

        assert here.planned().region_id == here.regions.city.id

        here.zhangs.region_id = here.regions.far_school.id
        session.flush()
        assert here.planned().region_id is None


def test_an_office_plans_in_its_own_regions(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        county, far, admin = (here.actor(one) for one in (here.county, here.far, here.admin))
        plan = meeting_planning.plan
        for_county = here.new(group_ids=(), region_id=here.regions.county.id)

        assert plan(session, county, for_county, builders.NOW).region_id == here.regions.county.id
        assert plan(session, county, here.new(), builders.NOW).leader_id == here.county.id
        assert plan(session, admin, here.new(group_ids=()), builders.NOW).region_id is None
        for actor, new in (
            (far, for_county),
            (far, here.new()),
            (county, here.new(group_ids=(), region_id=here.regions.province.id)),
            (here.actor(here.tutor), for_county),
            (here.actor(here.wang), here.new()),
            (admin, here.new(group_ids=(), region_id=999)),
        ):
            with pytest.raises(NotFound):
                plan(session, actor, new, builders.NOW)
        with pytest.raises(Malformed) as refused:
            plan(session, county, here.new(group_ids=()), builders.NOW)
        assert faults(refused.value) == [("group_ids", "groups_missing")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"component_key": "none"}, [("component_key", "component_unknown")]),
        ({"component_key": "video"}, [("component_key", "component_unknown")]),
        ({"title": "  "}, [("title", "title_missing")]),
        ({"title": "长" * 201}, [("title", "title_too_long")]),
        ({"place": " "}, [("place", "place_missing")]),
        ({"place": "长" * 201}, [("place", "place_too_long")]),
        ({"ends_at": NINE}, [("ends_at", "ends_before_start")]),
        ({"ends_at": NINE + timedelta(hours=25)}, [("ends_at", "lasts_too_long")]),
        ({"most_minutes": 0}, [("most_minutes", "most_minutes_malformed")]),
        ({"leader_login": "nobody"}, [("leader_login", "leader_unknown")]),
        ({"title": "", "place": ""}, [("title", "title_missing"), ("place", "place_missing")]),
        (
            {"component_key": "viewings", "medium": "radio", "module_id": 999},
            [("medium", "medium_unknown"), ("module_id", "module_unknown")],
        ),
        # The window ends at midnight in Shanghai, which is 16:00 in UTC.
        (
            {
                "starts_at": datetime(2027, 1, 31, 13, 0, tzinfo=UTC),
                "ends_at": datetime(2027, 1, 31, 16, 0, 1, tzinfo=UTC),
            },
            [("starts_at", "outside_window")],
        ),
        (
            {
                "starts_at": datetime(2026, 10, 31, 15, 59, tzinfo=UTC),
                "ends_at": datetime(2026, 10, 31, 18, 0, tzinfo=UTC),
            },
            [("starts_at", "outside_window")],
        ),
    ],
)
def test_a_plan_that_cannot_be_says_what_is_wrong_with_every_field(
    database: Database, changes: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    with database.writing() as session:
        with pytest.raises(Malformed) as refused:
            gather(session).planned(**changes)

        assert faults(refused.value) == expected


def test_a_meeting_may_end_at_the_windows_last_midnight(database: Database) -> None:
    with database.writing() as session:
        starts_at = datetime(2027, 1, 31, 13, 0, tzinfo=UTC)

        assert gather(session).planned(starts_at=starts_at, ends_at=starts_at + timedelta(hours=3)).id


def test_a_phase_with_dates_of_its_own_meets_in_them(database: Database) -> None:
    early = Group("lead", Text("骨干", "Lead"), opens_on=date(2026, 10, 1), closes_on=date(2026, 11, 1))
    with database.writing() as session:
        here = gather(session, programme_of_meetings(phases=(early,)))
        starts_at = datetime(2026, 10, 10, 1, 0, tzinfo=UTC)

        assert here.planned(starts_at=starts_at, ends_at=starts_at + timedelta(hours=3)).id


def test_times_are_judged_by_the_zone_of_the_programme(database: Database) -> None:
    berlin = Window(date(2026, 11, 1), date(2027, 2, 1), "Europe/Berlin")
    with database.writing() as session:
        here = gather(session, programme_of_meetings(window=berlin))
        last = datetime(2027, 1, 31, 20, 0, tzinfo=UTC)

        assert here.planned(starts_at=last, ends_at=last + timedelta(hours=3)).id
        with pytest.raises(Malformed):
            here.planned(starts_at=last, ends_at=last + timedelta(hours=3, minutes=1))


def test_only_who_has_to_do_with_it_can_be_named_as_leader(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)

        assert here.planned(leader_login="wang").leader_id == here.wang.id
        assert here.planned(leader_login="TUTOR").leader_id == here.tutor.id
        # A login that exists elsewhere is as unknown as one that does not.
        for login in ("chen", "nobody"):
            with pytest.raises(Malformed) as refused:
                here.planned(leader_login=login)
            assert faults(refused.value) == [("leader_login", "leader_unknown")]
        county = here.actor(here.county)
        new = here.new(leader_login="zhang", group_ids=(), region_id=here.regions.county.id)
        assert meeting_planning.plan(session, county, new, builders.NOW).leader_id == here.zhang.id
        with pytest.raises(Malformed):
            meeting_planning.plan(session, county, replace(new, leader_login="chen"), builders.NOW)


def test_somebody_of_a_school_opens_a_viewing_for_its_learners(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        module_id = builders.video_of(session, here.current).module_id
        new = here.new("viewings", medium="disc", module_id=module_id)
        viewing = meeting_planning.open_viewing(session, here.actor(here.zhang), new, builders.NOW)

        assert (viewing.region_id, viewing.leader_id) == (here.regions.school.id, here.zhang.id)
        assert meeting_access.groups_of(session, viewing.id) == []
        # Nobody sees more of a film of twenty minutes than there is.
        assert (viewing.medium, viewing.most_minutes) == ("disc", 20)
        assert meeting_access.attended_meeting(session, here.actor(here.wang), viewing.id)[1].id == here.wangs.id
        with pytest.raises(NotFound):
            meeting_access.attended_meeting(session, here.actor(here.chen), viewing.id)
        shown = meeting_planning.viewing_programmes(session, here.actor(here.zhang), builders.NOW)
        assert [one.id for one in shown] == [here.current.id]


def test_a_viewing_is_opened_for_ones_own_school_and_nothing_else(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        school_office = builders.make_user(session, "school", "office", scope=here.regions.school)
        newcomer = builders.make_user(session, "new", region=here.regions.second_school)
        viewing = here.new("viewings", medium="satellite")

        assert (
            meeting_planning.open_viewing(session, here.actor(school_office), viewing, builders.NOW).most_minutes
            is None
        )
        for user in (newcomer, here.tutor, here.admin):
            with pytest.raises(NotFound):
                meeting_planning.open_viewing(session, here.actor(user), viewing, builders.NOW)
            assert (
                user is newcomer or meeting_planning.viewing_programmes(session, here.actor(user), builders.NOW) == []
            )
        with pytest.raises(Malformed) as refused:
            meeting_planning.open_viewing(session, here.actor(here.wang), here.new("classes"), builders.NOW)
        assert faults(refused.value) == [("component_key", "component_unknown")]


def test_a_film_that_is_awaited_limits_a_viewing_to_its_length(database: Database) -> None:
    programme = programme_of_meetings()
    modules = (replace(programme.modules[0], awaited_minutes=50), programme.modules[1])
    with database.writing() as session:
        here = gather(session, replace(programme, modules=modules))
        module = builders.video_of(session, here.current)
        module.is_current = False
        session.flush()
        new = here.new("viewings", medium="satellite", module_id=module.module_id)

        assert meeting_planning.open_viewing(session, here.actor(here.wang), new, builders.NOW).most_minutes == 50
        limited = replace(new, most_minutes=30)
        assert meeting_planning.open_viewing(session, here.actor(here.wang), limited, builders.NOW).most_minutes == 30


def test_who_runs_a_meeting(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        meeting = here.planned(leader_login="wang")
        for user in (here.wang, here.tutor, here.county, here.admin):
            assert meeting_access.run_meeting(session, here.actor(user), meeting.id).id == meeting.id
        for user in (here.zhang, here.other_tutor, here.far, here.chen):
            with pytest.raises(NotFound):
                meeting_access.run_meeting(session, here.actor(user), meeting.id)
        with pytest.raises(NotFound):
            meeting_access.run_meeting(session, here.actor(here.admin), meeting.id + 1)


def test_a_tutor_of_one_of_several_groups_does_not_run_the_others_meeting(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        new = here.new(group_ids=(here.group.id, here.other_group.id))
        meeting = meeting_planning.plan(session, here.actor(here.admin), new, builders.NOW)

        with pytest.raises(NotFound):
            meeting_access.run_meeting(session, here.actor(here.tutor), meeting.id)
        # Its learners are in two provinces: no county answers for it.
        with pytest.raises(NotFound):
            meeting_access.run_meeting(session, here.actor(here.county), meeting.id)
        session.add(ClassGroupTutor(class_group_id=here.other_group.id, user_id=here.tutor.id))
        session.flush()
        assert meeting_access.run_meeting(session, here.actor(here.tutor), meeting.id)


def test_lists_show_what_is_ones_own(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        morning = here.planned()
        evening = here.planned("qna", starts_at=NOON, ends_at=NOON + timedelta(hours=2), leader_login="wang")

        def ids(found: list[meetings.ListedMeeting]) -> list[int]:
            return [one.meeting.id for one in found]

        assert ids(meetings.of_tutor(session, here.actor(here.tutor))) == [evening.id, morning.id]
        assert ids(meetings.of_tutor(session, here.actor(here.other_tutor))) == []
        assert ids(meetings.of_office(session, here.actor(here.county))) == [evening.id, morning.id]
        assert ids(meetings.of_office(session, here.actor(here.far))) == []
        assert ids(meetings.led_by(session, here.actor(here.wang))) == [evening.id]
        assert [one.meeting.id for one in meetings.own_meetings(session, here.actor(here.wang))] == [
            evening.id,
            morning.id,
        ]
        assert meetings.own_meetings(session, here.actor(here.chen)) == []
        assert access.actor_of(session, here.tutor.id).has("tutor")


def test_only_learners_of_a_components_phase_are_expected(database: Database) -> None:
    programme = programme_of_meetings(phases=(Group("lead", Text("骨干", "Lead")), Group("all", Text("全员", "All"))))
    components = tuple(
        replace(one, for_phases=("lead",)) if one.key == "classes" else one for one in programme.components
    )
    with database.writing() as session:
        here = gather(session, replace(programme, components=components))
        here.wangs.variant, here.zhangs.variant = "lead|||", "all|||"
        session.flush()
        meeting = here.planned()

        assert meeting_access.attended_meeting(session, here.actor(here.wang), meeting.id)
        with pytest.raises(NotFound):
            meeting_access.attended_meeting(session, here.actor(here.zhang), meeting.id)
        assert meetings.own_meetings(session, here.actor(here.zhang)) == []
        assert len(meetings.own_meetings(session, here.actor(here.wang))) == 1


def test_a_regional_grant_beside_the_whole_office_changes_nothing(database: Database) -> None:
    with database.writing() as session:
        here = gather(session)
        session.add(RoleGrant(user_id=here.admin.id, role="office", region_id=here.regions.far_county.id))
        session.flush()

        assert Grant("office", None) in here.actor(here.admin).grants
        assert meeting_access.run_meeting(session, here.actor(here.admin), here.planned().id)
