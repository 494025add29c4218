"""Disputes in the pages and the API: what is typed stays, whose words are read by whom, evidence beside the form."""

import re
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from lms_plugin.http.dispute_wording import amount_words
from lms_plugin.services import attachments
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests import builders
from tests.web.school_stage import open_school_stage
from tests.web.stage import Stage
from tests.web.studied import confirm, make_meeting, with_meetings


def own_address(stage: Stage) -> str:
    return f"/enrolments/{stage.enrolment_id}/disputes"


def decide(stage: Stage, dispute_id: int, person: str = "county", **fields: str) -> TestResponse:
    return stage.browser(person).post(f"/office/disputes/{dispute_id}", **fields)


def test_a_learner_disputes_an_entry_and_reads_what_becomes_of_it(stage: Stage) -> None:
    teacher = stage.browser("teacher")
    assert f"{own_address(stage)}?entry=2#form" in teacher.get(stage.hours_address).text
    assert f"{own_address(stage)}?entry=2#form" in teacher.get(f"{stage.hours_address}/entries/2").text
    page = teacher.get(f"{own_address(stage)}?entry=2").text
    assert "What is wrong with entry 2?" in page
    assert "Watched “Understanding pupils”, 0:00–5:00" in page
    answer = teacher.post(own_address(stage), entry="2", account="  ")
    assert answer.status_code == 422
    assert "Please say what is wrong." in answer.text
    assert teacher.post(own_address(stage), entry="2", account="我看到了 7 分钟").status_code == 303
    again = teacher.post(own_address(stage), entry="2", account="再说一遍")
    assert again.status_code == 409
    assert "再说一遍</textarea>" in again.text
    assert "This entry is being looked at already." in again.text
    assert "This entry is being looked at already." in teacher.get(f"{own_address(stage)}?entry=2").text
    assert "Disputed" in teacher.get(stage.hours_address).text
    assert "This is wrong" not in teacher.get(f"{stage.hours_address}/entries/2").text

    tutor = stage.browser("tutor")
    assert "王丽" in tutor.get("/tutor/disputes").text
    assert "王丽" not in stage.browser("other-tutor").get("/tutor/disputes").text
    (dispute_id,) = set(re.findall(r"/tutor/disputes/(\d+)", tutor.get("/tutor/disputes").text))
    page = tutor.get(f"/tutor/disputes/{dispute_id}").text
    assert "我看到了 7 分钟" in page
    assert "1 report of the player came on" in page
    assert "The tutor has not said anything yet" in stage.browser("county").get(f"/office/disputes/{dispute_id}").text
    refused = decide(stage, int(dispute_id), change="add", minutes="2", reason="等不及")
    assert refused.status_code == 409
    for fields, said in (
        ({"change": "", "minutes": "2", "reason": "r"}, "Please choose one of these."),
        ({"change": "add", "minutes": "2.5", "reason": "r"}, "Please give whole minutes."),
        ({"change": "add", "minutes": "0", "reason": "r"}, "Please give whole minutes."),
        ({"change": "add", "minutes": "99999", "reason": "r"}, "This is too much"),
        ({"change": "add", "minutes": "2", "reason": " "}, "Please give a reason."),
    ):
        answer = tutor.post(f"/tutor/disputes/{dispute_id}", **fields)
        assert (answer.status_code, said in answer.text) == (422, True), said
    answer = tutor.post(f"/tutor/disputes/{dispute_id}", change="take", minutes="6", reason="多记了")
    assert answer.status_code == 409
    assert "The ledger has only 5 minutes of this kind" in answer.text
    assert 'value="6"' in answer.text
    assert "多记了</textarea>" in answer.text
    assert tutor.post(f"/tutor/disputes/{dispute_id}", change="add", minutes="2", reason="确有其事").status_code == 303

    page = stage.browser("county").get(f"/office/disputes/{dispute_id}").text
    assert "李建国 (tutor) proposes to add 2 minutes." in page
    assert 'value="add" required checked' in page
    assert decide(stage, int(dispute_id), change="add", minutes="1", reason="只认一分钟").status_code == 303
    assert decide(stage, int(dispute_id), change="add", minutes="1", reason="又来").status_code == 409
    own = teacher.get(own_address(stage)).text
    assert "五华区教育局 (programme office) accepted and decided to add 1 minute." in own
    assert "只认一分钟" in own
    entry = teacher.get(f"{stage.hours_address}/entries/3").text
    assert "Entry 2 corrected after a dispute" in entry
    assert "What the learner said: 我看到了 7 分钟" in entry
    assert "李建国 proposed to add 2 minutes: 确有其事" in entry
    assert "五华区教育局 decided to add 1 minute: 只认一分钟" in entry
    assert "Module" not in entry
    assert "只认一分钟" in teacher.get(f"{stage.hours_address}/entries/2").text
    for address in ("/tutor/disputes", "/office/disputes"):
        person = "tutor" if "tutor" in address else "county"
        assert "王丽" not in stage.browser(person).get(address).text
        assert "Dispute accepted" in stage.browser(person).get(f"{address}?decided=1").text


def test_something_missing_is_said_with_its_day_and_kept_after_an_error(stage: Stage) -> None:
    teacher = stage.browser("teacher")
    page = teacher.get(own_address(stage)).text
    assert 'max="2026-11-24"' in page
    for fields, said in (
        ({"component": "", "happened_on": "2026-11-20"}, "Please choose what kind of hours it is about."),
        ({"component": "video", "happened_on": "yesterday"}, "Please say on which day it was."),
        ({"component": "video", "happened_on": "2026-12-20"}, "Please choose a day of the programme"),
    ):
        answer = teacher.post(own_address(stage), account="没有记上", **fields)
        assert (answer.status_code, said in answer.text) == (422, True), said
        assert "没有记上</textarea>" in answer.text
    assert (
        teacher.post(own_address(stage), component="video", happened_on="2026-11-20", account="没有记上").status_code
        == 303
    )
    own = teacher.get(own_address(stage)).text
    assert "Something is missing: Films" in own
    (address,) = re.findall(r"/disputes/\d+/withdrawal", own)
    assert teacher.post(address).status_code == 303
    assert "The dispute is withdrawn." in teacher.get(own_address(stage)).text
    assert teacher.post(address).status_code == 303
    assert "This dispute is decided or withdrawn by now." in teacher.get(own_address(stage)).text


def test_a_refusal_is_read_by_the_learner_and_a_party_gets_no_form(stage: Stage) -> None:
    dispute_id = stage.dispute(1)
    assert decide(stage, dispute_id, change="none", reason="与记录一致").status_code == 303
    own = stage.browser("teacher").get(own_address(stage)).text
    assert "五华区教育局 (programme office) did not accept it." in own
    again = stage.dispute(1)
    page = stage.browser("county").get(f"/office/disputes/{again}").text
    assert "somebody else looks at it now" in page
    assert 'name="change"' not in page
    assert "与记录一致" in page
    assert decide(stage, again, change="none", reason="r").status_code == 403
    assert decide(stage, again, "admin", change="none", reason="r").status_code == 303
    with stage.database.writing() as session:
        session.add(builders.RoleGrant(user_id=stage.users["teacher"], role="office"))
    third = stage.dispute()
    page = stage.browser("teacher").get(f"/office/disputes/{third}").text
    assert "It is your own dispute" in page
    assert "Change nothing" not in page


def test_lists_go_on_where_they_are_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lms_plugin.web.disputes.ROWS_ON_A_PAGE", 2)
    ids = [stage.dispute() for _ in range(3)]
    first = stage.browser("county").get("/office/disputes").text
    assert f"/office/disputes/{ids[2]}" not in first
    assert f"/office/disputes?beyond={ids[1]}" in first
    second = stage.browser("county").get(f"/office/disputes?beyond={ids[1]}").text
    assert f"/office/disputes/{ids[2]}" in second
    assert "Nothing was decided yet." in stage.browser("county").get("/office/disputes?decided=1").text
    assert "Nobody disputes anything at present." in stage.browser("far").get("/office/disputes").text


def test_disputes_through_the_api(stage: Stage) -> None:
    address = f"/api/v1{own_address(stage)}"
    teacher, tutor, county = (stage.browser(one) for one in ("teacher", "tutor", "county"))
    answer = teacher.call("POST", address, {"entry": 2, "reason": "少记了"})
    assert answer.status_code == 201
    body = answer.json
    assert (body["entry"], body["component"], body["happened_on"]) == (2, "video", "2026-11-24")
    assert (body["state"], body["proposal"], body["decision"], body["new_entry"]) == ("open", None, None, None)
    assert teacher.call("POST", address, {"entry": 2, "reason": "x"}).json["code"] == "dispute_open"
    assert teacher.call("POST", address, {"reason": "x"}).json["code"] == "dispute_component_unknown"
    assert teacher.call("POST", address, {"entry": 99, "reason": "x"}).status_code == 404
    one = f"/api/v1/disputes/{body['id']}"
    assert tutor.call("POST", f"{one}/proposal", {"minutes": -9, "reason": "r"}).json["code"] == "hours_below_zero"
    assert tutor.call("POST", f"{one}/proposal", {"minutes": 3, "reason": "属实"}).json["proposal"]["minutes"] == 3
    assert county.call("POST", f"{one}/decision", {"accepted": True, "reason": "r"}).json["code"] == "minutes_zero"
    decided = county.call("POST", f"{one}/decision", {"accepted": True, "minutes": 3, "reason": "同意"}).json
    assert (decided["state"], decided["new_entry"]) == ("accepted", 3)
    assert decided["decision"] == {"by": "五华区教育局", "minutes": 3, "reason": "同意", "at": "2026-11-24T12:00:00Z"}
    for person in ("teacher", "tutor", "county"):
        assert stage.browser(person).call("GET", address).json == {"disputes": [decided]}
    last = teacher.call("GET", f"/api/v1/enrolments/{stage.enrolment_id}/ledger?after=2").json["entries"][0]
    assert (last["source"], last["credited_seconds"], last["detail"]["entry"]) == ("dispute", 180.0, 2)
    withdrawn = teacher.call("POST", address, {"component": "video", "happened_on": "2026-11-20", "reason": "x"}).json
    answer = teacher.call("POST", f"/api/v1/disputes/{withdrawn['id']}/withdrawal")
    assert answer.json["state"] == "withdrawn"


def test_what_is_known_of_the_day_stands_beside_a_dispute_of_something_missing(stage: Stage) -> None:
    with_meetings(stage)
    confirm(stage, "meeting/77", (0, 30))
    teacher = stage.browser("teacher")
    teacher.post(own_address(stage), component="meetings", happened_on="2026-11-22", account="下半场没记")
    (dispute_id,) = set(re.findall(r"/tutor/disputes/(\d+)", stage.browser("tutor").get("/tutor/disputes").text))
    page = stage.browser("tutor").get(f"/tutor/disputes/{dispute_id}").text
    assert "Present: Nov 22, 2026 20:00–20:30." in page
    assert f"{stage.hours_address}/entries/3" in page
    stage.dispute()
    other = stage.browser("admin").get(f"/office/disputes/{int(dispute_id) + 1}").text
    assert "Nothing was confirmed for this component on that day." in other


@pytest.mark.parametrize(
    ("person", "addresses"),
    [
        ("teacher", ["{own}", "{own}?entry=1", "{hours}", "{hours}/entries/3", "{hours}/entries/4"]),
        ("tutor",   ["/tutor/disputes", "/tutor/disputes/{id}"]),
        ("county",  ["/office/disputes?decided=1", "/office/disputes/{id}", "/office/disputes/{old}"]),
    ],
)  # fmt: skip
def test_all_of_it_is_said_in_chinese_too(stage: Stage, person: str, addresses: list[str]) -> None:
    with_meetings(stage)
    confirm(stage, f"meeting/{make_meeting(stage)}", (0, 90), title="评课")
    old = stage.dispute(1)
    decide(stage, old, change="add", minutes="5", reason="同意")
    one = stage.dispute(2)
    for address in addresses:
        at = address.format(own=own_address(stage), hours=stage.hours_address, id=one, old=old)
        page = stage.browser(person, language="zh").get(at).text
        main = re.sub(r"<[^>]+>|<!--.*?-->|&[a-z]+;", " ", page[page.index("<main") : page.index("</main>")])
        words = {one for one in re.findall(r"[A-Za-z]{4,}", main) if not re.fullmatch(r"[0-9a-f]+", one)}
        assert words <= {"rural", "clocks", "posts", "attendance", "dispute", "playing", "play", "words"}, (at, words)


@pytest.mark.parametrize(
    ("amount_ms", "en", "zh"),
    [
        (None, "change nothing", "不作更改"),
        (0, "change nothing", "不作更改"),
        (60_000, "add 1 minute", "补记 1 分钟"),
        (-120_000, "take back 2 minutes", "扣回 2 分钟"),
    ],
)
def test_amounts_are_said_in_words(stage: Stage, amount_ms: int | None, en: str, zh: str) -> None:
    for language, said in (("en", en), ("zh", zh)):
        with stage.app.test_request_context(headers={"Accept-Language": language}):
            assert amount_words(amount_ms) == said


def test_without_a_tutor_a_dispute_is_with_the_office_at_once(stage: Stage) -> None:
    with stage.database.writing() as session:
        session.get_one(User, stage.users["tutor"]).is_active = False
    stage.browser("teacher").post(own_address(stage), entry="2", account="少记了")
    assert "With the programme office" in stage.browser("teacher").get(own_address(stage)).text
    (one,) = set(re.findall(r"/office/disputes/(\d+)", stage.browser("county").get("/office/disputes").text))
    assert 'name="change"' in stage.browser("county").get(f"/office/disputes/{one}").text
    answer = stage.browser("county").call(
        "POST", f"/api/v1/disputes/{one}/decision", {"accepted": False, "reason": "无据"}
    )
    assert answer.json["state"] == "refused"


def test_files_of_what_is_disputed_are_read_by_whoever_decides(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with open_school_stage(database, database_url, tmp_path) as school:
        for person in ("school", "county"):
            address = f"/office/approvals/{school.activity_id}"
            assert school.browser(person).post(address, decision="approve").status_code == 303
        teacher = school.browser("teacher")
        own = f"/enrolments/{school.enrolment_id}/disputes"
        assert teacher.post(own, entry="1", account="少记了").status_code == 303
        missing = {"component": "school_based", "happened_on": "2026-11-24", "account": "漏记了"}
        assert teacher.post(own, **missing).status_code == 303
        file = f'href="/files/{school.attachment_id}"'

        for address in (
            "/office/disputes/1",
            "/office/disputes/2",
            f"/enrolments/{school.enrolment_id}/hours/entries/1",
        ):
            assert file in school.browser("county").get(address).text, address
        assert file in school.browser("tutor").get("/tutor/disputes/1").text
        assert school.browser("county").get(f"/files/{school.attachment_id}").status_code == 200


def test_files_that_somebody_may_not_see_are_not_named(database: Database, database_url: str, tmp_path: Path) -> None:
    with open_school_stage(database, database_url, tmp_path) as school, database.reading() as session:
        far = builders.actor_for(session, session.get_one(User, school.users["far"]))
        county = builders.actor_for(session, session.get_one(User, school.users["county"]))
        owner = f"activity/{school.activity_id}"

        assert attachments.visible_of(session, far, owner) == []
        assert [one.id for one in attachments.visible_of(session, county, owner)] == [school.attachment_id]
