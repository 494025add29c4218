"""School-based study, placements, homework and examinations in a real browser: readable by everybody, nothing off the
screen, and an activity that goes from a teacher's photo to the county's approval."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from lms_plugin.services import attachments
from lms_plugin.storage.session import Database
from tests.browser.conftest import LOOKS, OpenPage, assert_sound, served, sign_in
from tests.services.school_world import JPEG, TEXT
from tests.web.school_stage import SchoolStage, open_school_stage


@pytest.fixture
def school(database: Database, database_url: str, tmp_path: Path) -> Iterator[SchoolStage]:
    with open_school_stage(database, database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def address(school: SchoolStage) -> Iterator[str]:
    """The base address at which the pages are served."""
    with served(school.app) as found:
        yield found


def test_files_that_are_too_large_are_told_before_they_are_sent(
    school: SchoolStage, address: str, page: Page, tmp_path: Path
) -> None:
    large, small = tmp_path / "录像.pdf", tmp_path / "照片.jpg"
    large.write_bytes(b"%PDF-" + bytes(attachments.MAX_BYTES))
    small.write_bytes(JPEG.content)
    sign_in(page, school, address, "teacher", "zh")
    page.goto(f"{address}/enrolments/{school.enrolment_id}/activities/new")
    files = page.locator("#files")
    fault = "(one) => one.validationMessage"
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)

    files.set_input_files(large)
    assert files.evaluate(fault) == "“录像.pdf”超过 10 MB。"
    page.locator("main form.writing button[type=submit]").click()
    assert posts == []
    files.set_input_files([small] * (attachments.MOST_FILES + 1))
    assert files.evaluate(fault) == "最多上传五个文件，“照片.jpg”超出了数量。"
    files.set_input_files([small] * attachments.MOST_FILES)
    assert files.evaluate(fault) == ""


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_pages_are_accessible_and_fit(
    school: SchoolStage, address: str, new_page: OpenPage, language: str, width: int
) -> None:
    own = f"/enrolments/{school.enrolment_id}"
    reading = f"{own}/modules/{school.modules['asked']}"
    school.browser("teacher").post(f"{reading}/reading", step="begin")
    school.browser("tutor").post(f"/tutor/coursework/{school.coursework_id}", mark="48", remark="缺教学反思")
    school.browser("host").post(f"/placements/{school.placement_id}/months/1", decision="confirm", days_present="20")
    send = school.browser("mate").call
    body = {
        "kind": "seminar",
        "title": "研讨",
        "text": TEXT,
        "starts_at": "2026-11-23T06:00Z",
        "ends_at": "2026-11-23T07:00Z",
    }
    other = send("POST", f"/api/v1/enrolments/{school.mate_enrolment_id}/activities", body).json["id"]
    ticked = f"{other}@{school.clock.now.isoformat()}"
    school.browser("school").post("/office/approvals", activity=ticked)
    school.browser("county").post(f"/office/approvals/{school.activity_id}", decision="return", reason="请补充签到表")
    pages = {
        "teacher": [
            f"{own}/study",
            f"{own}/activities/new",
            f"{own}/activities/{school.activity_id}",
            f"{own}/homework/homework/1",
            reading,
        ],
        "county": [
            "/office/approvals",
            "/office/approvals?state=returned",
            f"/office/approvals/{school.activity_id}",
            "/office/placements",
            "/office/examinations",
            "/office/examinations/school/file",
        ],
        "tutor": ["/tutor/coursework?state=returned", f"/tutor/coursework/{school.coursework_id}"],
        "host": ["/placements"],
    }
    for person, addresses in pages.items():
        page = new_page(language=language, width=width)
        sign_in(page, school, address, person, language)
        for at in addresses:
            page.goto(address + at)
            expect(page.locator("main")).to_be_visible()
            assert_sound(page, at)


def test_an_activity_goes_from_a_photo_to_the_countys_approval(
    school: SchoolStage, address: str, new_page: OpenPage
) -> None:
    teacher = new_page(width=390)
    sign_in(teacher, school, address, "teacher", "zh")
    teacher.goto(f"{address}/enrolments/{school.enrolment_id}/study")
    teacher.get_by_role("button", name="填报活动").click()
    teacher.get_by_label("活动类别").select_option("lesson_review")
    teacher.get_by_label("活动主题").fill("三年级数学说课评课")
    day = (school.clock.now - timedelta(days=1)).date().isoformat()
    teacher.get_by_label("日期").fill(day)
    teacher.get_by_label("开始").fill("14:00")
    teacher.get_by_label("结束").fill("15:30")
    teacher.get_by_label("活动情况").fill(TEXT)
    teacher.get_by_label("照片和文档").set_input_files(
        [{"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": JPEG.content}]
    )
    teacher.get_by_role("button", name="提交").click()
    expect(teacher.get_by_text("活动已填报")).to_be_visible()

    for person in ("school", "county"):
        office = new_page()
        sign_in(office, school, address, person, "zh")
        office.goto(f"{address}/office/approvals")
        office.get_by_label("通过 王丽 的“三年级数学说课评课”").check()
        office.get_by_role("button", name="通过所选活动").click()
        expect(office.get_by_text("已通过 1 项活动")).to_be_visible()

    teacher.reload()
    expect(teacher.get_by_text("计入 2 学时。")).to_be_visible()
