"""The figures of pages are the ledger's, and each can be traced to what earned it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from lms_plugin.domain.errors import Unavailable
from lms_plugin.domain.watching import Claim
from lms_plugin.services import hours, viewing
from lms_plugin.storage.ledger import LedgerHead
from lms_plugin.storage.outbox import Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.web import deliveries, showing
from tests import builders
from tests.web.stage import Stage


def test_hours_name_every_entry_its_source_its_rule_and_the_end_of_the_chain(stage: Stage) -> None:
    page = stage.browser("teacher").get(stage.hours_address).text

    with stage.database.reading() as session:
        rows = hours.entries(session, stage.enrolment_id)
        head = session.get_one(LedgerHead, stage.enrolment_id).hash
    assert len(rows) == 2
    for row in rows:
        assert row.rule_version in page
        assert row.hash[:12] in page
    assert head in page
    assert "Watched “Understanding pupils”, 0:00–5:00" in page
    assert "Post that counts in “量花坛” (Understanding pupils)" in page
    assert f'href="{stage.thread_address}#post-{stage.post_id}"' in page
    # 5 and 15 minutes of 45 minutes: 0.11 and 0.33 class hours, and what is missing rounded up.
    assert "<strong>0.11</strong> <span>/ 2 class hours" in page
    assert "<strong>0.33</strong> <span>/ 1 class hour<" in page
    assert "Still missing: 1.89 class hours of Films and 2 more posts that count." in page


def test_hours_in_chinese_use_the_fields_own_words(stage: Stage) -> None:
    page = stage.browser("teacher", language="zh").get(stage.hours_address).text

    assert "还差：课程视频 1.89 学时、2 个有效帖子。" in page
    assert "观看《读懂学生》0:00–5:00" in page
    assert "有效帖子：“量花坛”（读懂学生）" in page


def test_what_was_watched_a_moment_ago_is_in_the_figures(stage: Stage) -> None:
    with stage.database.writing() as session:
        actor = builders.actor_for(session, session.get_one(User, stage.users["teacher"]))
        later = stage.clock.now + timedelta(seconds=60)
        claims = [Claim(300_000, 360_000)]
        viewing.take_beat(session, actor, "playing", seq=1, claims=claims, now=later)
    stage.clock.forward(61)

    for person, address in (("teacher", stage.hours_address), ("teacher", "/"), ("tutor", "/tutor")):
        assert "0.46" in stage.browser(person).get(address).text, address
    assert "Watched “Understanding pupils”, 5:00–6:00" in stage.browser("teacher").get(stage.hours_address).text


def test_the_ledger_of_one_component_sums_up_alone_and_in_pages(stage: Stage) -> None:
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, stage.enrolment_id)
        for number in range(60):
            builders.credit(session, enrolment, 60_000, source_id=f"d{number}", now=stage.clock.now)
    browser = stage.browser("teacher")

    first = browser.get(f"{stage.hours_address}?component=video").text
    last = browser.get(f"{stage.hours_address}?component=video&page=2").text

    assert "Post that counts" not in first
    assert "Page 1 of 2" in first
    # 5 minutes of film and 60 decisions of a minute each; the second page goes on where the first one ended.
    assert "1:05:00" in last
    assert "1:05:00" not in first
    assert "Decision d59" in last


def test_a_completed_programme_says_so(stage: Stage) -> None:
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, stage.enrolment_id)
        builders.credit(session, enrolment, 3 * 45 * 60_000, "video", source_id="a", now=stage.clock.now)
        builders.credit(session, enrolment, 45 * 60_000, "discussion", source_id="b", now=stage.clock.now)

    assert "All requirements were met on Nov 24, 2026 20:00." in stage.browser("teacher").get(stage.hours_address).text
    programme = stage.browser("teacher").get(f"/enrolments/{stage.enrolment_id}").text
    assert "You have completed this programme." in programme
    assert "1 of 2 learners has completed" not in programme
    assert "1 of 2 learners have completed" in stage.browser("tutor").get("/tutor").text
    office = stage.browser("admin").get("/office?group_by=county").text
    assert "1 of 3 learners" in office
    assert "33.3%" in office


def test_the_office_narrows_its_report_and_takes_the_same_as_a_file(stage: Stage) -> None:
    page = stage.browser("admin").get("/office?programme=rural&region=530100&group_by=school").text

    assert "云南省 · 昆明市 · 五华区 · 莲华小学" in page
    assert "角弓中学" not in page
    address = "/api/v1/reports/completions?programme=rural&amp;region=530100"
    assert f"{address}&amp;group_by=province,city,county,school&amp;format=csv" in page
    assert f"{address}&amp;group_by=province,city,county,school&amp;format=xlsx" in page
    assert stage.browser("admin").get("/office?group_by=moon").status_code == 422


def test_refused_reports_say_why_and_can_be_sent_again(stage: Stage) -> None:
    browser = stage.browser("admin")
    page = browser.get("/office/deliveries").text
    assert "The learner has no LMS account on record." in page
    assert "Not registered yet" in page

    answer = browser.post(f"/office/deliveries/{stage.report_id}/retry", state="refused")

    assert answer.location == "/office/deliveries?state=refused"
    with stage.database.reading() as session:
        assert session.get_one(Report, stage.report_id).state == "waiting"
    again = browser.post(f"/office/deliveries/{stage.report_id}/retry", state="evil", platform="")
    assert again.location == "/office/deliveries"
    assert "there is nothing to send again" in browser.get(again.location).text


def test_who_sends_a_report_again_stays_on_the_page_of_the_list(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "ROWS_ON_A_PAGE", 1)
    with stage.database.writing() as session:
        known = session.get_one(Report, stage.report_id)
        values = {one.name: getattr(known, one.name) for one in Report.__table__.columns if one.name != "id"}
        second = Report(**values | {"block_key": "programme"})
        session.add(second)
        session.flush()
        second_id = second.id
    browser = stage.browser("admin")
    address = f"/office/deliveries?state=refused&after={stage.report_id}"
    page = browser.get(address).text
    assert f"/office/deliveries/{second_id}/retry" in page
    assert f'name="after" value="{stage.report_id}"' in page

    fields = {"state": "refused", "after": str(stage.report_id)}
    assert browser.post(f"/office/deliveries/{second_id}/retry", **fields).location == address
    assert browser.post("/office/platforms/openedx/retry", code="none", **fields).location == address
    # Nothing is left after it: what comes before is shown, from the beginning.
    assert f"/office/deliveries/{stage.report_id}/retry" in browser.get(address).text
    for after in ("", "0", "x"):
        answer = browser.post(f"/office/deliveries/{second_id}/retry", after=after)
        assert answer.location == "/office/deliveries"


def test_all_refused_reports_of_a_platform_can_be_sent_again(stage: Stage) -> None:
    browser = stage.browser("admin")

    answer = browser.post("/office/platforms/openedx/retry")

    assert "1 report will be sent again." in browser.get(answer.location).text
    with stage.database.reading() as session:
        assert session.scalars(select(Report.state)).all() == ["waiting"]


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0, "0:00"),
        (999, "0:00.999"),
        (1_000, "0:01"),
        (59_500, "0:59.5"),
        (60_000, "1:00"),
        (3_600_000, "1:00:00"),
        (-61_000, "−1:01"),
    ],
)
def test_lengths_of_film_are_shown_to_the_millisecond(milliseconds: int, shown: str) -> None:
    assert showing.clock(milliseconds) == shown


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [("0", "0%"), ("0.0004", "0%"), ("0.3333", "33.3%"), ("0.9999", "99.9%"), ("1", "100%"), ("0.5", "50%")],
)
def test_a_percentage_is_100_only_for_the_whole(ratio: str, shown: str) -> None:
    assert showing.percent(Decimal(ratio)) == shown


def test_a_store_that_cannot_be_reached_gives_a_page_that_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = stage.browser("teacher")
    token = browser.token()

    def unreachable(*_: object) -> None:
        raise Unavailable(why="connection refused")

    monkeypatch.setattr(type(stage.app.extensions["lms_plugin"].database), "reading", unreachable)
    monkeypatch.setattr(type(stage.app.extensions["lms_plugin"].database), "transact", unreachable)

    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "Nothing was lost; please try again soon." in answer.text
    sent = browser.client.post(
        stage.thread_address, data={"csrf_token": token, "body": "kept"}, headers={"Origin": "http://localhost"}
    )
    assert sent.status_code == 503
    assert ">kept</textarea>" in sent.text


@pytest.mark.parametrize("address", ["/no-such-page", "/enrolments/1/no", "/static/no-such"])
def test_an_unknown_address_gives_a_friendly_page_in_both_languages(stage: Stage, address: str) -> None:
    assert "页面不存在" in stage.browser(language="zh").get(address).text
    answer = stage.browser("teacher").get(address)
    assert answer.status_code == 404
    assert "<h1>Nothing here</h1>" in answer.text
    assert 'href="/"' in answer.text
