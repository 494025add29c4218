"""Pages of pace: a learner sees what is asked and what would do; tutors who is behind; the office everybody at once."""

import re
from datetime import UTC, date, datetime

import pytest

from lms_plugin.domain.programme import Programme
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from tests import builders
from tests.services.test_pace import PACED, SIX_WEEKS, credit
from tests.web.stage import Stage


@pytest.fixture
def learner(stage: Stage) -> int:
    """The teacher in a programme of 50 hours in six weeks, with 16 of 25 hours on the 23rd; their enrolment's id."""
    stage.clock.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    return enrolled(stage, SIX_WEEKS, {date(2026, 11, 3): "16"})


def enrolled(stage: Stage, programme: Programme, hours: dict[date, str]) -> int:
    with stage.database.writing() as session:
        current = builders.publish(session, programme, durations_ms={}, now=datetime(2026, 10, 1, tzinfo=UTC))
        tutor = session.get_one(User, stage.users["tutor"])
        group = builders.make_class_group(session, current, "六周班", tutor)
        enrolment = builders.enrol(
            session, session.get_one(User, stage.users["teacher"]), current, group=group, now=stage.clock.now
        )
        builders.enrol(session, session.get_one(User, stage.users["mate"]), current, group=group)
    credit(stage.database, enrolment, hours)
    return enrolment.id


def test_the_programme_says_how_one_keeps_up_and_when_one_is_through(stage: Stage, learner: int) -> None:
    page = stage.browser("teacher").get(f"/enrolments/{learner}").text
    assert "9 class hours behind: 16 of 25 that are asked for by today." in page
    assert "This week: 0 of 8.34 class hours" in page
    assert "To finish by Dec 13, 2026, 11.34 class hours a week are needed from now on." in page
    assert "Am I on track?" in page


def test_what_if_is_answered_on_a_page_and_in_place(stage: Stage, learner: int) -> None:
    browser = stage.browser("teacher")
    page = browser.get(f"/enrolments/{learner}/pace?weekly=12").text
    assert "With 12 class hours a week from now on, the last hour comes in on Dec 12, 2026: in time." in page
    assert 'value="12"' in page

    part = browser.client.get(f"/enrolments/{learner}/pace?weekly=2", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="what-if-answer"')
    assert "too late, the programme ends on Dec 13, 2026." in part

    wrong = browser.get(f"/enrolments/{learner}/pace?weekly=viele")
    assert wrong.status_code == 422
    assert 'value="viele"' in wrong.text
    assert "Please enter class hours a week as a number from 0.01 to 168." in wrong.text


def test_weeks_stand_in_a_table_and_in_a_chart_without_style_or_script(stage: Stage, learner: int) -> None:
    page = stage.browser("teacher").get(f"/enrolments/{learner}/pace").text
    chart = re.search(r"<svg[^>]*pygal-chart.*?</svg>", page, re.DOTALL)
    assert chart is not None
    assert 'role="img"' in chart[0]
    assert not re.search(r"style=|<style|<script|\son\w+=", chart[0])
    assert "Nov 2, 2026" in page
    assert ">16<" in page


@pytest.mark.parametrize(
    ("now", "hours", "expected"),
    [
        (datetime(2026, 10, 20, tzinfo=UTC), {}, "The programme opens on Nov 2, 2026; nothing is asked for before."),
        (datetime(2026, 11, 2, tzinfo=UTC), {}, "Nothing counts yet, and nothing is asked for so far."),
        (datetime(2026, 11, 23, tzinfo=UTC), {}, "Nothing counts yet; 25 class hours are asked for by today."),
        (
            datetime(2026, 11, 23, tzinfo=UTC),
            {date(2026, 11, 3): "20"},
            "20 of 25 class hours that are asked for by today. 5 short is no more than a week&#39;s worth",
        ),
        (
            datetime(2026, 11, 23, tzinfo=UTC),
            {date(2026, 11, 3): "30"},
            "30 class hours reached; 25 are asked for by today.",
        ),
        (
            datetime(2026, 11, 23, tzinfo=UTC),
            {date(2026, 11, 3): "50"},
            "Everything that this programme requires is reached.",
        ),
        (
            datetime(2026, 12, 20, tzinfo=UTC),
            {date(2026, 11, 3): "30"},
            "The programme ended on Dec 13, 2026. 20 class hours are missing.",
        ),
    ],
)
def test_every_state_has_its_sentence(stage: Stage, now: datetime, hours: dict[date, str], expected: str) -> None:
    stage.clock.now = now
    enrolment_id = enrolled(stage, SIX_WEEKS, hours)
    for path in ("", "/pace"):
        assert expected in stage.browser("teacher").get(f"/enrolments/{enrolment_id}{path}").text


def test_without_hours_in_four_weeks_nothing_is_foretold_and_a_century_is_never(stage: Stage) -> None:
    stage.clock.now = datetime(2026, 12, 7, tzinfo=UTC)
    enrolment_id = enrolled(stage, SIX_WEEKS, {date(2026, 11, 3): "2"})
    page = stage.browser("teacher").get(f"/enrolments/{enrolment_id}/pace?weekly=0.01").text
    assert "Nothing was credited in the last four weeks" in page
    assert "With 0.01 class hours a week from now on, the last hour comes in on" in page


def test_a_weekly_pace_shows_what_became_of_each_week(stage: Stage) -> None:
    stage.clock.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    enrolment_id = enrolled(stage, PACED, {date(2026, 11, 3): "1", date(2026, 11, 10): "2", date(2026, 11, 17): "1"})
    page = stage.browser("tutor").get(f"/enrolments/{enrolment_id}/pace").text
    for words in ("Missed", "Reached", "Can be made up", "3 class hours this week, or until Dec 6, 2026"):
        assert words in page
    assert "can be made up in the 2 weeks after it" in page
    assert "Hours in detail" in page  # a tutor comes from there


# 42 weeks at 2 have asked for all 84: the page in the 43rd week, with an hour in it; in the next one; too late for it.
ALL_ASKED = [
    (datetime(2027, 8, 25, tzinfo=UTC), "Under way", "its hours wait for 1 more", "Can be made up until"),
    (
        datetime(2027, 8, 30, tzinfo=UTC),
        "Can be made up",
        "3 class hours this week, or until Sep 12, 2027",
        "its hours",
    ),
    (datetime(2027, 9, 13, tzinfo=UTC), "Missed", "its hours do not count", "class hours this week, or until"),
]


@pytest.mark.parametrize(("now", "state", "words", "not_said"), ALL_ASKED)
def test_a_week_in_which_nothing_is_asked_says_that_its_hours_wait(
    stage: Stage, now: datetime, state: str, words: str, not_said: str
) -> None:
    stage.clock.now = now
    enrolment_id = enrolled(stage, PACED, {date(2027, 8, 24): "1"})
    page = stage.browser("teacher").get(f"/enrolments/{enrolment_id}/pace").text
    row = next(one for one in page.split("<tr")[::-1] if "Aug 23, 2027" in one)
    assert (state in row, words in row, not_said in row) == (True, True, False)
    assert "Nothing asked" not in row
    assert "A week in which nothing is asked for counts by the same rule." in page


def test_the_tutor_sees_who_is_behind_and_by_how_much(stage: Stage, learner: int) -> None:
    with stage.database.reading() as session:
        group_id = session.get_one(Enrolment, learner).class_group_id
    browser = stage.browser("tutor")
    everybody = browser.get(f"/tutor?group={group_id}").text
    behind = browser.get(f"/tutor?group={group_id}&pace=behind").text
    assert "9 class hours short" in everybody
    assert "张小梅" in everybody
    assert "张小梅" not in behind
    assert "王丽" in behind
    assert "张小梅" in browser.get(f"/tutor?group={group_id}&pace=nonsense").text


def test_the_office_has_a_brief_by_region_and_class_group_and_as_a_file(stage: Stage, learner: int) -> None:
    admin = stage.browser("admin")
    page = admin.get("/office/brief?programme=six-weeks&group_by=school").text
    assert "莲华小学" in page
    assert "Share behind or not begun" in page
    assert "六周班" in admin.get("/office/brief?group_by=class_group").text
    assert "Nobody enrolled" in stage.browser("far").get("/office/brief?programme=six-weeks").text
    assert admin.get("/office/brief?group_by=planet").status_code == 422

    file = stage.browser("county").get("/office/brief?programme=six-weeks&group_by=school&format=csv")
    assert file.headers["Content-Disposition"] == "attachment; filename=brief-six-weeks-20261123.csv"
    header, *rows = file.data.decode("utf-8-sig").splitlines()
    assert header.endswith("Enrolled,Through,On track,Behind,Not begun,Share behind or not begun")
    assert [row.rsplit(",", 6)[1:] for row in rows] == [["1", "0", "0", "1", "0", "1"]]


def test_who_has_no_place_stands_apart(stage: Stage, learner: int) -> None:
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, learner)
        enrolment.class_group_id = enrolment.region_id = None
        assert session.get(Region, 1) is not None
        assert session.get(ClassGroup, 1) is not None
    assert "Without a place" in stage.browser("admin").get("/office/brief?group_by=county").text
