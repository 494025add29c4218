"""Imports in a real browser: a file, its faults on the screen, good rows imported, passwords saved once."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LOOKS, OpenPage, assert_sound, sign_in
from tests.services.rosters import as_xlsx
from tests.web.stage import Stage

HEADER = ["账号", "姓名", "地区代码", "培训项目", "班级", "备注"]
WORDS = {
    "zh": ("上传并校验", "只导入无误的 1 行", "下载初始密码（CSV）", "没有代码为 999999 的地区或学校"),
    "en": (
        "Check the file",
        "Import the 1 good row only",
        "Fetch the passwords (CSV)",
        "there is no region with the code 999999",
    ),
}


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_a_roster_is_looked_at_imported_in_part_and_its_passwords_saved(
    stage: Stage, address: str, new_page: OpenPage, tmp_path: Path, language: str, width: int
) -> None:
    check, import_good, fetch, fault = WORDS[language]
    roster = tmp_path / "普通高中课改实验省教师远程培训名册（第一批，云南省昆明市）.xlsx"
    good = ["new.one", "新老师", "530102-001", "rural", "一班", "转入"]
    roster.write_bytes(as_xlsx([HEADER, good, ["new.two", "错老师", "999999", "rural", "一班", ""]]))
    page = new_page(language=language, width=width)
    sign_in(page, stage, address, "admin", language)

    page.goto(f"{address}/office/imports")
    assert_sound(page)
    page.locator("input[type=file]").set_input_files(roster)
    page.get_by_role("button", name=check).click()
    expect(page.get_by_role("cell", name=fault)).to_be_visible()
    assert_sound(page)
    page.get_by_role("button", name=import_good).click()
    button = page.get_by_role("button", name=fetch)
    expect(button).to_be_visible()
    assert_sound(page)
    with page.expect_download() as saved:
        button.press("Enter")
    assert "new.one,新老师," in Path(saved.value.path()).read_text(encoding="utf-8-sig")
