"""Pages of school-based study, placements, homework, examinations and readings, as those concerned use them."""

import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from lms_plugin.services import coursework, examinations
from lms_plugin.services.attachments import MAX_BYTES
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.people import RoleGrant
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Coursework, SchoolActivity
from lms_plugin.web import examinations as examination_pages
from tests import builders
from tests.builders import NOW
from tests.services.school_world import JPEG, TEXT, docx
from tests.web.school_stage import SchoolStage, open_school_stage
from tests.web.stage import HOST, Browser

FORM = {
    "kind": "lecture",
    "title": "核心素养专题讲座",
    "day": "2026-11-23",
    "starts": "14:00",
    "ends": "15:30",
    "body": TEXT,
}


@pytest.fixture
def school(database: Database, database_url: str, tmp_path: Path) -> Iterator[SchoolStage]:
    with open_school_stage(database, database_url, tmp_path) as opened:
        yield opened


def send(browser: Browser, address: str, files: list[tuple[str, bytes]], **fields: str) -> TestResponse:
    """Send a form with files."""
    sent = [FileStorage(io.BytesIO(content), filename=name) for name, content in files]
    data = {"csrf_token": browser.token(), **fields, "files": sent}
    # As one text: the client would leave the temporary file of a large form open.
    boundary, body = encode_multipart(data)
    content_type = f"multipart/form-data; boundary={boundary}"
    return browser.client.post(address, data=body, headers={"Origin": HOST}, content_type=content_type)


def marks(school: SchoolStage, enrolment_id: int) -> list[int | None]:
    with school.database.reading() as session:
        return [one.mark for one in examinations.of_enrolment(session, enrolment_id)]


def minutes(school: SchoolStage, enrolment_id: int | None = None) -> list[tuple[str, int]]:
    with school.database.reading() as session:
        rows = session.scalars(
            select(CreditEntryRow)
            .where(CreditEntryRow.enrolment_id == (enrolment_id or school.enrolment_id))
            .order_by(CreditEntryRow.number)
        )
        return [(row.source_kind, row.amount_ms // 60_000) for row in rows]


def tick(school: SchoolStage, activity_id: int) -> str:
    """What the list of approvals sends of an activity that is ticked as it is now."""
    with school.database.reading() as session:
        return f"{activity_id}@{session.get_one(SchoolActivity, activity_id).submitted_at.isoformat()}"


def test_a_teacher_hands_in_an_activity_and_the_school_and_county_approve_it(school: SchoolStage) -> None:
    teacher = school.browser("teacher")
    address = f"/enrolments/{school.enrolment_id}/activities/new"

    assert "Lecture on a topic" in teacher.get(address).text
    done = send(teacher, address, [("签到表.docx", docx()), ("现场.jpg", JPEG.content)], **FORM)

    assert done.status_code == 303
    shown = teacher.get(f"/enrolments/{school.enrolment_id}/study").text
    assert "核心素养专题讲座" in shown
    assert "Waiting for the school" in shown
    assert "签到表.docx" in shown
    with school.database.reading() as session:
        (row,) = session.scalars(select(SchoolActivity).where(SchoolActivity.title == FORM["title"]))
    assert (row.starts_at.isoformat(), row.ends_at.isoformat()) == (
        "2026-11-23T06:00:00+00:00",
        "2026-11-23T07:30:00+00:00",
    )
    for name in ("school", "county"):
        office = school.browser(name)
        assert "核心素养专题讲座" in office.get("/office/approvals").text
        assert office.post("/office/approvals", activity=tick(school, row.id)).status_code == 303
    assert minutes(school) == [("school_based", 90)]
    assert "Counts 2 class hours." in teacher.get(f"/enrolments/{school.enrolment_id}/study").text


def test_the_same_hours_are_the_same_figure_on_every_page(school: SchoolStage) -> None:
    teacher, county = school.browser("teacher"), school.browser("county")
    mine = f"/enrolments/{school.enrolment_id}"
    detail = f"/office/approvals/{school.activity_id}"

    assert teacher.post(f"{mine}/activities/{school.activity_id}", **(FORM | {"ends": "15:20"})).status_code == 303
    for _ in range(2):
        assert county.post(detail, decision="approve").status_code == 303

    assert minutes(school) == [("school_based", 80)]
    # 80 minutes at 45 a class hour are 1.777...
    for browser, address in (
        (teacher, mine),
        (teacher, f"{mine}/study"),
        (teacher, f"{mine}/activities/{school.activity_id}"),
        (county, detail),
    ):
        page = browser.get(address).text
        assert "1.77" in page, address
        assert "1.78" not in page, address


def test_what_was_typed_stays_after_a_fault(school: SchoolStage) -> None:
    teacher = school.browser("teacher")
    address = f"/enrolments/{school.enrolment_id}/activities/new"

    wrong = send(teacher, address, [("a.exe", b"MZ\x00")], **(FORM | {"ends": "13:00", "title": ""}))

    assert wrong.status_code == 422
    for said in (
        "Please give the activity a title.",
        "The end has to be later than the beginning.",
        "“a.exe” is of a kind that is not taken",
        "Please choose your files again",
        TEXT,
        'value="14:00"',
        'value="2026-11-23"',
    ):
        assert said in wrong.text, said
    for day in ("", "9999-12-31", "0001-01-01", "2026-02-30"):
        answer = teacher.post(address, **(FORM | {"day": day}))
        assert answer.status_code == 422
        assert "Please give day, beginning and end." in answer.text


def test_files_of_fifty_megabytes_are_taken_where_files_are_and_nowhere_else(school: SchoolStage) -> None:
    teacher = school.browser("teacher")
    photo = JPEG.content + bytes(MAX_BYTES - len(JPEG.content) - 10)
    five = [(f"{number}.jpg", photo + bytes([number])) for number in range(5)]

    assert send(teacher, f"/enrolments/{school.enrolment_id}/activities/new", five, **FORM).status_code == 303
    assert (
        send(teacher, f"/enrolments/{school.enrolment_id}/modules/{school.modules['plain']}", five).status_code == 413
    )
    too_large = [("g.jpg", JPEG.content + bytes(MAX_BYTES))]
    answer = send(teacher, f"/enrolments/{school.enrolment_id}/activities/new", too_large, **FORM)
    assert answer.status_code == 422
    assert "“g.jpg” is larger than 10 MB." in answer.text


def test_a_returned_activity_is_changed_and_handed_in_again(school: SchoolStage) -> None:
    teacher, office = school.browser("teacher"), school.browser("school")
    detail = f"/office/approvals/{school.activity_id}"
    mine = f"/enrolments/{school.enrolment_id}/activities/{school.activity_id}"

    assert office.post(detail, decision="return", reason=" ").status_code == 422
    assert office.post(detail, decision="return", reason="请补充签到表").status_code == 303
    form = teacher.get(mine).text
    assert "请补充签到表" in form
    assert TEXT in form
    wrong = teacher.post(mine, **(FORM | {"kind": ""}), without=str(school.attachment_id))
    assert wrong.status_code == 422
    assert " checked" in wrong.text
    again = send(teacher, mine, [("签到表.docx", docx())], **FORM, without=str(school.attachment_id))
    assert again.status_code == 303
    page = office.get(detail).text
    assert "签到表.docx" in page
    assert "磨课现场.jpg" not in page
    for name in ("school", "county"):
        assert school.browser(name).post(detail, decision="approve").status_code == 303
    assert teacher.post(mine, **FORM).status_code == 409
    assert "Approved" in teacher.get(mine).text
    assert minutes(school) == [("school_based", 90)]
    shown = school.browser("county").get(detail).text
    assert "Take the approval back" in shown
    assert "Counts 2 class hours." in shown
    assert school.browser("county").post(detail, decision="revoke", reason="照片不符").status_code == 303
    assert minutes(school) == [("school_based", 90), ("school_based", -90)]
    assert "照片不符" in teacher.get(f"/enrolments/{school.enrolment_id}/study").text


@pytest.mark.parametrize("decision", ["approve", "return", "refuse"])
def test_an_activity_that_changed_after_the_page_was_opened_is_shown_anew(school: SchoolStage, decision: str) -> None:
    office, detail = school.browser("school"), f"/office/approvals/{school.activity_id}"
    seen = f'name="seen_at" value="{NOW.isoformat()}"'
    assert seen in office.get(detail).text
    school.clock.forward(60)
    mine = f"/enrolments/{school.enrolment_id}/activities/{school.activity_id}"
    assert school.browser("teacher").post(mine, **FORM).status_code == 303

    stale = office.post(detail, decision=decision, reason="与签到表不符", seen_at=NOW.isoformat())

    assert stale.status_code == 409
    for said in ("handed this in again", "与签到表不符", FORM["title"], 'value="approve"'):
        assert said in stale.text, said
    assert seen not in stale.text
    with school.database.reading() as session:
        row = session.get_one(SchoolActivity, school.activity_id)
        assert (row.state, row.reason) == ("submitted", "")
    moment = (NOW + timedelta(seconds=60)).isoformat()
    assert office.post(detail, decision=decision, reason="与签到表不符", seen_at=moment).status_code == 303


@pytest.mark.parametrize(
    ("before", "person", "decision", "said", "status"),
    [
        (["refuse"], "county", "return", "This activity is not waiting for a decision.", 409),
        (["approve", "approve"], "county", "refuse", "This activity is not waiting for a decision.", 409),
        (["approve", "approve", "revoke"], "county", "revoke", "Only an approved activity can be taken back.", 409),
        (["approve"], "school", "return", "The county decides on this activity now.", 403),
    ],
)
def test_a_reason_outlives_a_decision_that_somebody_else_took(
    school: SchoolStage, before: list[str], person: str, decision: str, said: str, status: int
) -> None:
    detail, office = f"/office/approvals/{school.activity_id}", school.browser("office")
    for one in before:
        assert office.post(detail, decision=one, reason="照片不符").status_code == 303

    late = school.browser(person).post(detail, decision=decision, reason="签到表与参加人数对不上")

    assert late.status_code == status
    assert said in late.text
    assert "分数的初步认识磨课" in late.text
    assert late.text.count("签到表与参加人数对不上") == 1
    assert "readonly>签到表与参加人数对不上</textarea>" in late.text
    assert "The reason you typed. It was not saved:" in late.text
    kept = school.browser(person).get(detail).text
    assert "签到表与参加人数对不上" not in kept
    assert "was not saved" not in kept


def test_an_activity_that_changed_after_the_list_was_opened_stays_in_it(school: SchoolStage) -> None:
    office, ticked = school.browser("school"), tick(school, school.activity_id)
    assert f'value="{ticked}"' in office.get("/office/approvals").text
    school.clock.forward(60)
    mine = f"/enrolments/{school.enrolment_id}/activities/{school.activity_id}"
    assert school.browser("teacher").post(mine, **FORM).status_code == 303

    for unseen, said in (
        (ticked, f"{FORM['title']}: The learner has handed this in again"),
        (str(school.activity_id), "Nothing was ticked that you could approve."),
    ):
        assert office.post("/office/approvals", activity=unseen).status_code == 303
        page = office.get("/office/approvals").text
        assert said in page
        assert "Waiting for the school" in page
    assert office.post("/office/approvals", activity=tick(school, school.activity_id)).status_code == 303
    assert "1 activity approved." in office.get("/office/approvals").text


def test_the_office_refuses_for_good_and_sees_each_state(school: SchoolStage) -> None:
    county = school.browser("county")

    assert county.post(f"/office/approvals/{school.activity_id}", decision="refuse", reason="非教研").status_code == 303
    assert "磨课" in county.get("/office/approvals?state=refused").text
    for state in ("waiting", "approved", "returned"):
        assert "No activity of your schools" in county.get(f"/office/approvals?state={state}").text
    assert county.get("/office/approvals?state=no").status_code == 422
    assert county.post("/office/approvals", activity=tick(school, school.activity_id)).status_code == 303
    assert county.post(f"/office/approvals/{school.activity_id}", decision="approve").status_code == 409


@pytest.mark.parametrize("fields", [{}, {"decision": "reject"}, {"action": "refuse", "reason": "r"}])
def test_what_is_not_understood_decides_nothing(school: SchoolStage, fields: dict[str, str]) -> None:
    month = f"/placements/{school.placement_id}/months/1"

    assert school.browser("county").post(f"/office/approvals/{school.activity_id}", **fields).status_code == 422
    assert school.browser("host").post(month, days_present="20", **fields).status_code == 422
    assert minutes(school) == []
    with school.database.reading() as session:
        assert session.get_one(SchoolActivity, school.activity_id).state == "submitted"


def test_the_same_file_of_somebody_else_is_pointed_out(school: SchoolStage) -> None:
    mate = school.browser("mate")
    send(mate, f"/enrolments/{school.mate_enrolment_id}/activities/new", [("我的.jpg", JPEG.content)], **FORM)

    page = school.browser("school").get(f"/office/approvals/{school.activity_id}").text
    assert "1 other person handed in the same file" in page


def test_files_are_given_out_so_that_nothing_of_them_runs(school: SchoolStage) -> None:
    teacher = school.browser("teacher")
    script = b"<script>alert(document.domain)</script>"
    send(
        teacher,
        f"/enrolments/{school.enrolment_id}/homework/homework/2",
        [("evil.html", script), ("a.docx", docx())],
        body="",
    )
    answers = [teacher.get(f"/files/{school.attachment_id + number}") for number in range(3)]

    assert [one.headers["Content-Type"] for one in answers] == [
        "image/jpeg",
        "text/plain; charset=utf-8",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ]
    for one in answers:
        assert one.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert one.headers["X-Content-Type-Options"] == "nosniff"
        assert one.headers["Cache-Control"] == "private, no-cache"
    assert [one.headers["Content-Disposition"].partition(";")[0] for one in answers] == [
        "inline",
        "attachment",
        "attachment",
    ]
    assert "evil.txt" in answers[1].headers["Content-Disposition"]
    assert answers[0].data == JPEG.content


def test_a_file_that_is_gone_from_the_disk_is_not_found(school: SchoolStage) -> None:
    for path in school.app.extensions["lms_plugin"].attachments.root.rglob("*"):
        if path.is_file():
            path.unlink()

    assert school.browser("teacher").get(f"/files/{school.attachment_id}").status_code == 404


def test_homework_goes_back_and_forth_until_it_passes(school: SchoolStage) -> None:
    teacher, tutor = school.browser("teacher"), school.browser("tutor")
    address = f"/enrolments/{school.enrolment_id}/homework/homework/1"
    work = f"/tutor/coursework/{school.coursework_id}"

    assert "王丽" in tutor.get("/tutor/coursework").text
    assert TEXT in tutor.get(work).text
    assert tutor.post(work, mark="abc").status_code == 422
    missing = tutor.post(work, mark="40", remark="")
    assert missing.status_code == 422
    assert 'value="40"' in missing.text
    assert tutor.post(work, mark="40", remark="缺教学反思").status_code == 303
    assert "缺教学反思" in teacher.get(address).text
    assert "缺教学反思" in teacher.get(f"/enrolments/{school.enrolment_id}/study").text
    assert "王丽" in tutor.get("/tutor/coursework?state=returned").text
    empty = teacher.post(address, body=" ")
    assert empty.status_code == 422
    school.clock.forward(60)
    assert teacher.post(address, body="补写了教学反思。").status_code == 303
    stale = tutor.post(work, mark="80", seen_at=NOW.isoformat())
    assert stale.status_code == 422
    assert "handed this in again" in stale.text
    assert tutor.post(work, mark="80", seen_at="x").status_code == 303
    assert minutes(school) == [("homework", 90)]
    assert "Counts 2 class hours." in teacher.get(address).text
    assert teacher.post(address, body="再来").status_code == 409
    assert tutor.get("/tutor/coursework?state=no").status_code == 422
    assert teacher.get(f"/enrolments/{school.enrolment_id}/homework/homework/9").status_code == 404


def test_homework_after_the_window_is_refused_with_what_was_typed(school: SchoolStage) -> None:
    school.clock.forward(400 * 86_400)
    answer = school.browser("teacher").post(f"/enrolments/{school.enrolment_id}/homework/homework/2", body="迟到的作业")

    assert answer.status_code == 422
    assert "迟到的作业" in answer.text


@pytest.mark.parametrize("files", [[], [("签到表.docx", docx())]])
def test_homework_done_again_too_late_is_not_shown_as_handed_in(
    school: SchoolStage, files: list[tuple[str, bytes]]
) -> None:
    teacher, address = school.browser("teacher"), f"/enrolments/{school.enrolment_id}/homework/homework/1"
    work = f"/tutor/coursework/{school.coursework_id}"
    assert school.browser("tutor").post(work, mark="40", remark="缺教学反思").status_code == 303
    closes_at = datetime(2027, 9, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    school.clock.now = closes_at - timedelta(minutes=1)
    assert "Hand in again" in teacher.get(address).text
    school.clock.forward(120)

    late = send(teacher, address, files, body="补写了教学反思。")

    assert late.status_code == 422
    for said in (
        "This was not handed in.",
        "The programme is not open at this time, so nothing can be counted.",
        "What you wrote. It was not handed in:",
        "readonly>补写了教学反思。</textarea>",
        "Handed in before",
        f'<p class="typed prose">{TEXT}</p>',
        "The programme is not open, so nothing can be handed in.",
        "Returned: to be done again",
    ):
        assert said in late.text, said
    assert late.text.count("补写了教学反思。") == 1
    assert "choose your files again" not in late.text
    again = teacher.get(address).text
    assert "The programme is not open, so nothing can be handed in." in again
    assert TEXT in again
    assert "not handed in" not in again.lower()
    with school.database.reading() as session:
        row = session.get_one(Coursework, school.coursework_id)
        assert (row.text, row.state) == (TEXT, "returned")


def test_homework_that_passed_meanwhile_leaves_what_was_written_to_be_copied(school: SchoolStage) -> None:
    teacher, address = school.browser("teacher"), f"/enrolments/{school.enrolment_id}/homework/homework/1"
    work = f"/tutor/coursework/{school.coursework_id}"
    assert school.browser("tutor").post(work, mark="80").status_code == 303

    late = teacher.post(address, body="补写了教学反思。")

    assert late.status_code == 409
    assert "This piece has passed already." in late.text
    assert "readonly>补写了教学反思。</textarea>" in late.text
    school.clock.forward(400 * 86_400)
    assert "nothing can be handed in" not in teacher.get(address).text


def test_a_host_confirms_and_refuses_months(school: SchoolStage) -> None:
    host = school.browser("host")
    month = f"/placements/{school.placement_id}/months"

    assert host.get("/").headers["Location"] == "/placements"
    assert "Confirm the month" in host.get("/placements").text
    assert host.get(f"{month}/1").status_code == 302
    few = host.post(f"{month}/1", decision="confirm", days_present="5", remark="请假多")
    assert few.status_code == 422
    assert "请假多" in few.text
    assert "A month counts from 14 days present" in few.text
    assert host.post(f"{month}/1", decision="confirm", days_present="", remark="").status_code == 422
    assert host.post(f"{month}/1", decision="confirm", days_present="20", remark="好").status_code == 303
    assert minutes(school) == [("placement", 1800)]
    early = host.post(f"{month}/3", decision="confirm", days_present="20")
    assert early.status_code == 422
    assert "can be confirmed from the day after" in early.text
    assert host.post(f"{month}/2", decision="refuse", days_present="3", remark="").status_code == 422
    assert host.post(f"{month}/2", decision="refuse", days_present="3", remark="多次缺勤").status_code == 303
    page = school.browser("teacher").get(f"/enrolments/{school.enrolment_id}/study").text
    assert "40 class hours" in page
    assert "多次缺勤" in page


def test_the_office_places_a_learner_and_ends_a_placement(school: SchoolStage) -> None:
    county = school.browser("county")
    form = {
        "programme": "school",
        "login": "mate",
        "host": "师范大学附小",
        "host_login": "host",
        "mentor": "",
        "starts_on": "2026-12-01",
        "last_on": "2027-02-28",
    }

    assert "省实验小学" in county.get("/office/placements").text
    for changes, said in (
        ({"login": "nobody"}, "Nobody you answer for"),
        ({"host_login": "nobody"}, "There is no account"),
        ({"last_on": "2026-12-31"}, "at least"),
        ({"starts_on": "x"}, "Please give a day."),
        ({"starts_on": "0001-01-01"}, "Please give a day."),
    ):
        answer = county.post("/office/placements", **(form | changes))
        assert answer.status_code == 422
        assert said in answer.text
        assert "师范大学附小" in answer.text
    assert county.post("/office/placements", **form).status_code == 303
    assert "师范大学附小" in county.get("/office/placements").text
    end = f"/office/placements/{school.placement_id}/end"
    assert county.get(end).status_code == 302
    assert county.post(end, last_on="2026-11-14").status_code == 303
    assert "ends on that day now" in county.get("/office/placements").text
    assert county.post(end, last_on="2030-01-01").status_code == 303
    assert "before its present end" in county.get("/office/placements").text


def test_marks_are_entered_changed_and_kept_from_who_taught(school: SchoolStage) -> None:
    county = school.browser("county")
    address = "/office/examinations?programme=school"

    assert "52" in county.get(address).text
    wrong = county.post(address, enrolment_id=str(school.enrolment_id), mark="x", remark="补考")
    assert wrong.status_code == 422
    assert 'value="补考"' in wrong.text
    assert county.post(address, enrolment_id=str(school.enrolment_id), mark="77").status_code == 303
    assert minutes(school) == [("examination", 180)]
    with school.database.reading() as session:
        second = session.scalars(
            select(Coursework.id).where(Coursework.kind == "examination", Coursework.piece == 2)
        ).one()
    changed = {"enrolment_id": str(school.enrolment_id), "attempt_id": str(second), "mark": "50"}
    assert county.post(address, **changed).status_code == 422
    assert county.post(address, **changed, remark="复核").status_code == 303
    assert minutes(school) == [("examination", 180), ("examination", -180)]
    shown = school.browser("teacher").get(f"/enrolments/{school.enrolment_id}/study").text
    assert "复核" in shown
    assert "No learner you answer for" in county.get(address + "&search=nobody").text
    assert county.get("/office/examinations?programme=no-such").status_code == 200


def test_who_enters_a_mark_stays_on_the_page_of_the_list(school: SchoolStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination_pages, "ROWS_ON_A_PAGE", 1)
    county = school.browser("county")
    address = f"/office/examinations?programme=school&after={school.enrolment_id}"

    assert "张小梅" in county.get(address).text
    assert county.post(address, enrolment_id=str(school.mate_enrolment_id), mark="45").location == address
    first = "/office/examinations?programme=school"
    assert county.post(first, enrolment_id=str(school.mate_enrolment_id), mark="45").location == first


def test_a_mark_sent_twice_is_entered_once_and_stays_typed(school: SchoolStage) -> None:
    county = school.browser("county")
    address = "/office/examinations?programme=school"
    form = {"enrolment_id": str(school.mate_enrolment_id), "attempts_seen": "0", "mark": "45", "remark": "缺考一科"}

    assert 'name="attempts_seen" value="0"' in county.get(address).text
    assert county.post(address, **form).status_code == 303
    again = county.post(address, **form)
    assert again.status_code == 422
    assert "A mark was entered for this learner meanwhile." in again.text
    assert 'value="45"' in again.text
    assert again.text.count('value="缺考一科"') == 1
    assert again.text.count('name="attempts_seen" value="1"') == 2
    assert marks(school, school.mate_enrolment_id) == [45]
    assert county.post(address, **form | {"attempts_seen": "1"}).status_code == 303
    assert marks(school, school.mate_enrolment_id) == [45, 45]


def test_who_teaches_the_class_is_told_so(school: SchoolStage) -> None:
    with school.database.writing() as session:
        session.add(RoleGrant(user_id=school.users["tutor"], role="office", region_id=None))
    tutor = school.browser("tutor")

    assert "Your own class" in tutor.get("/office/examinations").text
    answer = tutor.post("/office/examinations", enrolment_id=str(school.enrolment_id), mark="99")
    assert answer.status_code == 403
    assert "Teaching and examining are separate: somebody else" in answer.text
    assert minutes(school) == []


def test_marks_come_from_a_file_after_a_look(school: SchoolStage) -> None:
    county = school.browser("county")
    address = "/office/examinations/school/file"

    def upload(content: bytes) -> TestResponse:
        data = {"csrf_token": county.token(), "file": (io.BytesIO(content), "成绩.csv")}
        return county.client.post(address, data=data, headers={"Origin": HOST})

    assert county.get(address).status_code == 200
    faulty = upload("账号,成绩\nnobody,90\nmate,101\n".encode())
    assert faulty.status_code == 422
    assert "2 faults were found" in faulty.text
    assert upload(b"").status_code == 422
    assert "needs the columns" in upload(b"a,b\n1,2\n").text
    assert county.post(address).status_code == 422
    preview = upload('账号,成绩,备注,班\nteacher,90,"=1+1"\nmate,30,,三班\n'.encode())
    assert preview.status_code == 200
    assert "Enter 2 marks" in preview.text
    assert "Not used: 班" in preview.text
    assert minutes(school) == []
    done = county.post(address, marks="login,mark,remark\nteacher,90,\nmate,30,\n")
    assert done.status_code == 303
    assert minutes(school) == [("examination", 180)]
    assert minutes(school, school.mate_enrolment_id) == []
    assert county.get("/office/examinations/no-such/file").status_code == 404


def test_a_file_of_marks_sent_twice_is_entered_once(school: SchoolStage) -> None:
    county = school.browser("county")
    address = "/office/examinations/school/file"
    data = {
        "csrf_token": county.token(),
        "file": (io.BytesIO("账号,成绩\nteacher,45\nmate,45\n".encode()), "成绩.csv"),
    }
    preview = county.client.post(address, data=data, headers={"Origin": HOST}).text
    confirmed = re.search(r'name="marks" value="([^"]+)"', preview)
    assert confirmed is not None
    form = {"marks": unescape(confirmed[1])}

    assert county.post(address, **form).status_code == 303
    again = county.post(address, **form)
    assert again.status_code == 422
    assert "Marks of learners in this file were entered meanwhile" in again.text
    assert marks(school, school.mate_enrolment_id) == [45]
    assert marks(school, school.enrolment_id) == [52, 45]


def test_a_reading_is_begun_and_read(school: SchoolStage) -> None:
    teacher = school.browser("teacher")
    module_id = school.modules["asked"]
    page, button = (
        f"/enrolments/{school.enrolment_id}/modules/{module_id}",
        f"/enrolments/{school.enrolment_id}/modules/{module_id}/reading",
    )

    assert "This reading takes about 10 minutes" in teacher.get(page).text
    assert teacher.post(button, step="begin").status_code == 303
    opened = teacher.get(page).text
    assert "I have read it" in opened
    assert "It can be counted in 10 min" in opened
    school.clock.forward(570)
    assert teacher.post(button, step="finish", choice="0").status_code == 303
    assert "the reading takes 30 s more" in teacher.get(page).text
    school.clock.forward(30)
    teacher.post(button, step="finish", choice="1")
    assert "That was not right." in teacher.get(page).text
    teacher.post(button, step="finish", choice="1")
    assert "read it once more" in teacher.get(page).text
    school.clock.forward(615)
    teacher.post(button, step="finish", choice="0")
    after = teacher.get(page).text
    assert "Read: 10 minutes count." in after
    assert "You have read this; it counts." in after
    assert minutes(school) == [("reading", 10)]
    assert teacher.post(button, step="finish", choice="0").status_code == 409


def test_a_programme_without_other_study_says_so(school: SchoolStage) -> None:
    with school.database.writing() as session:
        user = builders.make_user(session, "plain")
        enrolment = builders.enrol(session, user, builders.publish(session, builders.make_programme("plain")))
        school.users["plain"] = user.id
        enrolment_id = enrolment.id
    plain = school.browser("plain")

    assert "Nothing besides films and discussion" in plain.get(f"/enrolments/{enrolment_id}/study").text
    assert plain.post(f"/enrolments/{enrolment_id}/activities/new", **FORM).status_code == 409


def addresses(school: SchoolStage) -> list[tuple[str, dict[str, str] | None, str]]:
    """(address, form of a POST or None, who may) of every page; whoever is not named gets 403 or 404."""
    mine = f"/enrolments/{school.enrolment_id}"
    office = "school county office"
    return [
        (f"{mine}/study", None, "teacher"),
        (f"{mine}/activities/new", None, "teacher"),
        (f"{mine}/activities/{school.activity_id}", None, "teacher"),
        (f"{mine}/homework/homework/1", None, "teacher"),
        (f"/enrolments/{school.mate_enrolment_id}/activities/{school.activity_id}", None, ""),
        (f"/files/{school.attachment_id}", None, "teacher tutor school county office"),
        ("/office/approvals", None, "school county far office"),
        (f"/office/approvals/{school.activity_id}", None, office),
        ("/office/placements", None, "school county far office"),
        ("/office/examinations", None, "school county far office"),
        ("/office/examinations/school/file", None, "school county far office"),
        ("/tutor/coursework", None, "tutor"),
        (f"/tutor/coursework/{school.coursework_id}", None, "tutor"),
        (f"{mine}/modules/{school.modules['plain']}/reading", {"step": "begin"}, "teacher"),
        (f"/office/placements/{school.placement_id}/end", {"last_on": "2030-01-01"}, office),
        (f"/placements/{school.placement_id}/months/1", {"days_present": "20", "decision": "confirm"}, "host"),
        (f"/tutor/coursework/{school.coursework_id}", {"mark": "1", "remark": "x"}, "tutor"),
        (f"{mine}/homework/homework/1", {"body": "x"}, "teacher"),
        (f"{mine}/activities/new", FORM, "teacher"),
        (f"{mine}/activities/{school.activity_id}", FORM, "teacher"),
        ("/office/examinations", {"enrolment_id": str(school.enrolment_id), "mark": "1"}, "office"),
        (f"/office/approvals/{school.activity_id}", {"decision": "approve"}, "county"),
    ]


@pytest.mark.parametrize("person", ["teacher", "mate", "tutor", "school", "county", "far", "office", "host", None])
def test_everybody_gets_what_is_theirs_and_no_more(school: SchoolStage, person: str | None) -> None:
    for address, form, who in addresses(school):
        if form is not None and person in ("school", "county", "office") and person not in who.split():
            continue  # they may, and it would change what the next one finds
        browser = school.browser(person)
        answer = browser.get(address) if form is None else browser.post(address, **form)
        if person is None:
            # to the page for signing in, or to it with what was typed
            assert answer.status_code in (302, 401), address
            assert answer.headers.get("Location", "/login").startswith("/login")
        elif person in who.split():
            assert answer.status_code in (200, 302, 303), (address, answer.text)
        else:
            assert answer.status_code in (403, 404), (address, answer.status_code)


def test_every_page_is_in_chinese_too(school: SchoolStage) -> None:
    with school.database.writing() as session:
        row = session.get_one(Coursework, school.coursework_id)
        assert coursework.source_of(row.id) == f"coursework/{row.id}"
    for address, form, who in addresses(school):
        for person in who.split() if form is None else ():
            page = school.browser(person, "zh").get(address)
            if page.mimetype == "text/html":
                assert "校本研修" in page.text or "跟岗" in page.text or "作业" in page.text or "成绩" in page.text, (
                    address
                )
    school.clock.now += timedelta(days=30)
    assert "跟岗教师" in school.browser("host", "zh").get("/placements").text


def test_what_was_typed_outlives_a_sign_in_that_ended(school: SchoolStage) -> None:
    address = f"/enrolments/{school.enrolment_id}/activities/new"
    gone = school.browser()

    asked = gone.post(address, **FORM)
    assert asked.status_code == 401
    assert TEXT in asked.text
    carried = {f"draft_{name}": value for name, value in FORM.items()}
    again = gone.sign_in("teacher", next=address, **carried)
    assert 'value="lecture"' in again.text
    assert TEXT in again.text
    sent = {name: FORM[name] for name in FORM if f'name="{name}"' in again.text}
    assert sent == FORM
    assert gone.post(address, **sent).status_code == 303
