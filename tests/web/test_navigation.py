"""The ways around the pages: each role finds its own, the one of the page is marked, and what waits is counted."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lms_plugin.services import disputes, meeting_confirming, waiting
from lms_plugin.storage.people import RoleGrant, User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.web.navigation import Area, Entry
from tests import builders
from tests.web.school_stage import SchoolStage, open_school_stage
from tests.web.stage import Stage

SECTION = re.compile(r'<nav class="section-nav".*?</nav>', re.S)
MAIN = re.compile(r'<nav class="site-nav".*?</nav>', re.S)
TASKS = re.compile(r'<section class="tasks".*?</section>', re.S)


@pytest.fixture
def school_stage(database: Database, database_url: str, tmp_path: Path) -> Iterator[SchoolStage]:
    with open_school_stage(database, database_url, tmp_path) as opened:
        yield opened


def section(page: str) -> str:
    found = SECTION.search(page)
    assert found is not None
    return re.sub(r"\s+", " ", found[0])


def links(nav: str) -> list[str]:
    return re.findall(r'<a href="([^"]+)"', nav)


@pytest.mark.parametrize(
    ("person", "address", "wanted"),
    [
        ("teacher", "/", ["/", "/meetings", "/notices"]),
        (
            "tutor",
            "/tutor",
            ["/tutor", "/tutor/questions", "/tutor/meetings", "/tutor/coursework", "/tutor/posts", "/tutor/disputes"],
        ),
        (
            "county",
            "/office",
            [
                "/office",
                "/office/brief",
                "/office/programmes",
                "/office/imports",
                "/office/meetings",
                "/office/approvals",
                "/office/placements",
                "/office/examinations",
                "/office/disputes",
                "/office/faq",
                "/office/trail",
            ],
        ),
    ],
)
def test_everybody_finds_the_pages_of_their_role_and_no_others(
    stage: Stage, person: str, address: str, wanted: list[str]
) -> None:
    page = stage.browser(person).get(address).text

    assert links(section(page)) == wanted
    assert MAIN.search(page) is None, "one area needs no choice between areas"


def test_only_the_whole_office_finds_what_the_lms_is_told(stage: Stage) -> None:
    assert "/office/deliveries" in links(section(stage.browser("admin").get("/office").text))


@pytest.mark.parametrize(
    ("person", "address", "current"),
    [
        ("teacher", "/", ("/", "page")),
        ("teacher", "{hours}", ("/", "true")),
        ("tutor", "{hours}", ("/tutor", "true")),
        ("county", "{hours}", ("/office", "true")),
        ("tutor", "/tutor/disputes", ("/tutor/disputes", "page")),
        ("admin", "/office/programmes/rural/groups", ("/office/programmes", "true")),
        ("admin", "/office/imports", ("/office/imports", "page")),
        ("teacher", "/notices", ("/notices", "page")),
    ],
)
def test_the_way_to_the_page_is_marked(stage: Stage, person: str, address: str, current: tuple[str, str]) -> None:
    page = stage.browser(person).get(address.format(hours=stage.hours_address)).text

    assert re.findall(r'href="([^"]+)" aria-current="(page|true)"', section(page)) == [current]


def test_whoever_has_several_roles_chooses_between_areas(stage: Stage) -> None:
    with stage.database.writing() as session:
        session.add(RoleGrant(user_id=stage.users["tutor"], role="office", region_id=None))
    browser = stage.browser("tutor")

    page = browser.get("/office/approvals").text
    main = MAIN.search(page)
    assert main is not None
    assert links(main[0]) == ["/tutor", "/office"]
    assert 'href="/office" aria-current="true"' in main[0]
    assert "/tutor/coursework" not in links(section(page))


def test_a_page_that_is_not_there_leads_on(stage: Stage) -> None:
    answer = stage.browser("teacher").get("/no-such-page")

    assert answer.status_code == 404
    assert links(section(answer.text)) == ["/", "/meetings", "/notices"]
    assert "aria-current" not in section(answer.text)
    assert SECTION.search(stage.browser().get("/login").text) is None


def test_what_waits_is_counted_beside_its_way_and_told_first(school_stage: SchoolStage) -> None:
    tutor = school_stage.browser("tutor").get("/tutor").text
    assert '<span class="visually-hidden">: 1 piece of homework to mark</span>' in section(tutor)

    school = school_stage.browser("school").get("/office").text
    tasks = TASKS.search(school)
    assert tasks is not None
    assert "1 school-based activity to approve" in tasks[0]
    assert 'href="/office/approvals"' in tasks[0]

    assert TASKS.search(school_stage.browser("far").get("/office").text) is None
    assert "1 项校本研修活动待审核" in school_stage.browser("county", language="zh").get("/office").text


def test_a_nomination_waits_for_the_whole_office_alone(stage: Stage) -> None:
    stage.nominate()

    assert "1 nomination to decide" in stage.browser("admin").get("/office").text
    assert "nomination to decide" not in stage.browser("county").get("/office").text


def test_a_dispute_waits_for_the_tutor_and_then_for_the_office(stage: Stage) -> None:
    with stage.database.writing() as session:
        teacher = builders.actor_for(session, session.get_one(User, stage.users["teacher"]))
        dispute = disputes.dispute_entry(
            session, teacher, stage.enrolment_id, 1, account="记错了", now=stage.clock.now
        ).id
    assert "1 dispute to answer" in stage.browser("tutor").get("/tutor").text
    assert "dispute to decide" not in stage.browser("county").get("/office").text

    with stage.database.writing() as session:
        tutor = builders.actor_for(session, session.get_one(User, stage.users["tutor"]))
        disputes.propose(session, tutor, dispute, minutes=5, reason="属实", now=stage.clock.now)
    assert "dispute to answer" not in stage.browser("tutor").get("/tutor").text
    assert "1 dispute to decide" in stage.browser("county").get("/office").text
    assert "dispute to decide" not in stage.browser("far").get("/office").text


def test_a_dispute_that_no_tutor_answers_waits_for_the_office(stage: Stage) -> None:
    with stage.database.writing() as session:
        teacher = builders.actor_for(session, session.get_one(User, stage.users["teacher"]))
        disputes.dispute_entry(session, teacher, stage.enrolment_id, 1, account="记错了", now=stage.clock.now)
        county = builders.actor_for(session, session.get_one(User, stage.users["county"]))

        assert waiting.decisions(session, county, stage.clock.now) == 0
        assert waiting.decisions(session, county, stage.clock.now + timedelta(days=7)) == 1
        session.get_one(User, stage.users["tutor"]).is_active = False
        session.flush()
        assert waiting.decisions(session, county, stage.clock.now) == 1


def test_an_attendance_list_waits_once_its_meeting_is_over(stage: Stage) -> None:
    meeting_id, _ = stage.meet()
    with stage.database.writing() as session:
        tutor = builders.actor_for(session, session.get_one(User, stage.users["tutor"]))
        meeting_confirming.mark_present(
            session, tutor, meeting_id, [stage.enrolment_id], now=stage.clock.now, reason="纸质签到"
        )
        later = stage.clock.now + timedelta(hours=3)

        assert waiting.attendance_lists(session, tutor, stage.clock.now) == 0
        assert waiting.attendance_lists(session, tutor, later) == 1
        meeting_confirming.confirm(session, tutor, meeting_id, later)
        assert waiting.attendance_lists(session, tutor, later) == 0


def test_a_school_is_not_told_of_what_waits_for_its_county(school_stage: SchoolStage) -> None:
    school_stage.browser("school").post(f"/office/approvals/{school_stage.activity_id}", decision="approve")

    assert "to approve" not in school_stage.browser("school").get("/office").text
    assert "1 school-based activity to approve" in school_stage.browser("county").get("/office").text


def test_a_learner_sees_first_what_comes_next(stage: Stage) -> None:
    stage.meet()
    stage.notice()
    page = stage.browser("teacher").get("/").text

    assert "Going on now" in page
    assert "Sign in or out here" in page
    assert "New for you" in page
    assert "There is a proposal on the class hours that you dispute." in page
    assert f"/enrolments/{stage.enrolment_id}/pace" in page


def test_a_learner_who_has_left_is_sent_to_no_meeting_and_told_of_no_pace(stage: Stage) -> None:
    stage.meet()
    with stage.database.writing() as session:
        session.get_one(Enrolment, stage.enrolment_id).state = "withdrawn"
    page = stage.browser("teacher").get("/").text

    assert "Going on now" not in page
    assert "You have left this programme." in page
    assert f"/enrolments/{stage.enrolment_id}/pace" not in page


@pytest.mark.parametrize(("number", "figure"), [(1, "1"), (99, "99"), (100, "99+"), (250, "99+")])
def test_large_figures_are_cut_short(number: int, figure: str) -> None:
    entry = Entry("pages.approvals", "Approvals", waiting=number)

    assert (entry.figure, Area("Office", [entry, Entry("pages.office", "Completion")]).figure) == (figure, figure)
