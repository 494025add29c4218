"""The office's imports in the browser: upload, faults page by page, confirm, passwords once."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from lms_plugin.services import sign_in
from lms_plugin.services.findings import SENTENCES, Finding
from lms_plugin.services.rosterfile import PEOPLE, REGIONS, read_table
from lms_plugin.storage.people import Region, User
from lms_plugin.web import findings, imports
from tests.services.rosters import as_csv, as_xlsx
from tests.web.stage import HOST, Browser, Stage

HEADER = ["账号", "姓名", "地区代码", "培训项目", "班级", "电子邮箱"]
GOOD = ["new.one", "新老师", "530102-001", "rural", "一班", "new@example.cn"]
FAULTY = ["wrong one", "错老师", "999999", "rural", "一班", "=1+1@"]
TOKEN = re.compile(r'name="key" value="([^"]+)"')
FIGURE = re.compile(r"<dt>([^<]+)</dt><dd>(\d+)</dd>")


def send(browser: Browser, content: bytes, name: str = "名册.csv", kind: str = "people") -> TestResponse:
    fields: dict[str, Any] = {"csrf_token": browser.token(), "kind": kind, "file": (io.BytesIO(content), name)}
    return browser.client.post("/office/imports", data=fields, headers={"Origin": HOST}, buffered=True)


def upload(browser: Browser, *rows: list[str]) -> str:
    """Upload a roster with these rows; gives the address of its preview."""
    answer = send(browser, as_csv([HEADER, *rows]))
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def lines_of(answer: TestResponse) -> list[list[str]]:
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Cache-Control"] == "no-store"
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def count_users(stage: Stage) -> int:
    with stage.database.reading() as session:
        return len(session.scalars(select(User.id)).all())


@pytest.mark.parametrize(("language", "says"), [
    ("zh", ("有 1 行有误", "第 3 行", "地区代码", "999999", "没有代码为 999999 的地区或学校", "只导入无误的 1 行")),
    ("en", ("1 row has faults", "Row 3", "Region code", "999999", "there is no region with the code 999999",
            "Import the 1 good row only")),
])  # fmt: skip
def test_faults_are_shown_by_row_and_column_in_the_language_of_the_page(
    stage: Stage, language: str, says: tuple[str, ...]
) -> None:
    before = count_users(stage)
    admin = stage.browser("admin", language)
    page = admin.get(upload(admin, GOOD, FAULTY)).text

    for text in says:
        assert text in page
    assert count_users(stage) == before


def test_faults_are_fetched_as_a_file_that_no_spreadsheet_takes_for_formulas(stage: Stage) -> None:
    admin = stage.browser("admin", "zh")
    header, *rows = lines_of(admin.get(f"{upload(admin, GOOD, FAULTY)}/faults.csv"))

    assert header == ["行", "列", "内容", "原因"]
    assert [row[:3] for row in rows] == [
        ["3", "地区代码", "999999"],
        ["3", "账号", "wrong one"],
        ["3", "电子邮箱", "'=1+1@"],
    ]


def test_many_faults_are_paged(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "FAULTS_ON_A_PAGE", 2)
    admin = stage.browser("admin")
    address = upload(admin, *([f"a{number}", ""] for number in range(5)))

    pages = [re.findall(r"Row (\d)", admin.get(f"{address}?page={page}").text) for page in (1, 2, 3, 4)]
    assert pages == [["2", "3"], ["4", "5"], ["6"], []]
    assert "page=2" in admin.get(address).text
    assert "page=4" not in admin.get(f"{address}?page=3").text


def test_confirming_imports_the_good_rows_and_passwords_are_fetched_once(stage: Stage) -> None:
    admin = stage.browser("admin")
    address = upload(admin, GOOD, FAULTY)
    done = admin.post(f"{address}/confirm", choice="good", faulty_rows="1")

    assert done.status_code == 200
    assert dict(FIGURE.findall(done.text))["Accounts created"] == "1"
    key = TOKEN.search(done.text)
    assert key is not None
    # The page shows no password and can be left without the store knowing one.
    assert "not been fetched" in admin.get(address).text
    header, line = lines_of(admin.post(f"{address}/passwords", key=key[1]))
    assert (header, line[:2]) == (["Account", "Name", "First password"], ["new.one", "新老师"])
    with stage.database.writing() as session:
        assert sign_in.sign_in(session, "new.one", line[2], stage.clock.now).login == "new.one"
    again = admin.post(f"{address}/passwords", key=key[1])
    assert again.status_code == 409
    assert "fetched already" in again.text
    assert admin.post(f"{address}/confirm", choice="good", faulty_rows="1").status_code == 409
    assert "not been fetched" not in admin.get(address).text


def test_without_drawn_passwords_there_is_nothing_to_fetch(stage: Stage) -> None:
    county = stage.browser("county")
    answer = county.post("/office/imports/waiting/confirm", choice="all", faulty_rows="0")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/office/imports/waiting")
    page = county.get("/office/imports/waiting").text
    assert "The file was imported." in page
    assert dict(FIGURE.findall(page)) == {"Regions created": "1", "Renamed": "0", "Unchanged": "0"}
    with stage.database.reading() as session:
        assert session.scalars(select(Region.name).where(Region.code == "530102-003")).one() == "新萌小学"
    assert "五华区学校.csv" in county.get("/office/imports").text


@pytest.mark.parametrize(("choice", "seen"), [("all", "1"), ("good", "0"), ("good", ""), ("", "1")])
def test_what_was_not_seen_is_not_imported(stage: Stage, choice: str, seen: str) -> None:
    before = count_users(stage)
    admin = stage.browser("admin")
    address = upload(admin, GOOD, FAULTY)
    answer = admin.post(f"{address}/confirm", choice=choice, faulty_rows=seen)

    assert (answer.status_code, answer.headers["Location"]) == (303, address)
    assert "nothing was imported" in admin.get(address).text
    assert count_users(stage) == before


def test_a_file_waits_through_errors_and_a_new_sign_in(stage: Stage) -> None:
    address = upload(stage.browser("admin"), GOOD)
    admin = stage.browser("admin")

    assert send(admin, b"nonsense").status_code == 422
    page = admin.get("/office/imports").text
    assert "名册.csv" in page
    assert address in page
    admin.post(f"{address}/check")
    assert "checked again" in admin.get(address).text


def test_a_discarded_file_is_gone(stage: Stage) -> None:
    admin = stage.browser("admin")
    address = upload(admin, GOOD)

    assert admin.post(f"{address}/discard").headers["Location"] == "/office/imports"
    assert address not in admin.get("/office/imports").text
    assert "was discarded" in admin.get(address).text
    assert admin.get(f"{address}/faults.csv").status_code == 409


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"",                                      "",       "请先选择文件"),
        (b"",                                      "a.csv",  "文件是空的"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 xls",  "a.xls",  "旧版 Excel"),
        (b"PK\x03\x04 no archive",                 "a.xlsx", "文件无法读取"),
        ("姓名,学校\n王丽,一小\n".encode(),        "a.csv",  "表头缺少：账号"),
        ("账号,账号,姓名\na,b,c\n".encode(),       "a.csv",  "“账号”列出现了两次"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe",     "a.png",  "无法识别文件编码"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_what_to_do(stage: Stage, content: bytes, name: str, says: str) -> None:
    answer = send(stage.browser("admin", "zh"), content, name)

    assert answer.status_code == 422
    assert says in answer.text


def test_the_kind_that_was_chosen_stays_after_an_error(stage: Stage) -> None:
    answer = send(stage.browser("admin"), b"nonsense", kind="regions")

    assert '<option value="regions" selected>' in answer.text
    assert "The header has no column for: Code, Level, Region name." in answer.text
    assert send(stage.browser("admin"), b"nonsense", kind="none").status_code == 422


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_files_of_chinese_offices_are_read(stage: Stage, encoding: str) -> None:
    admin = stage.browser("admin")
    answer = send(admin, as_csv([HEADER, GOOD], encoding=encoding))

    assert "No row has a fault" in admin.get(str(answer.headers["Location"])).text


def test_a_workbook_is_read(stage: Stage) -> None:
    admin = stage.browser("admin")
    answer = send(admin, as_xlsx([HEADER, GOOD, FAULTY]), "名册.xlsx")

    assert "1 row has faults" in admin.get(str(answer.headers["Location"])).text


def test_remarks_and_columns_that_mean_nothing_are_said(stage: Stage) -> None:
    admin = stage.browser("admin")
    content = as_csv([["账号", "姓名", "培训项目", "班级", "备注"], ["teacher", "王丽", "rural", "二班", "转班"]])
    page = admin.get(str(send(admin, content).headers["Location"])).text

    assert "the learner moves here from another class group" in page
    assert "left out: 备注" in page


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("kind", "layout"), [("people", PEOPLE), ("regions", REGIONS)])
def test_an_empty_file_has_columns_that_are_understood(stage: Stage, language: str, kind: str, layout: Any) -> None:
    admin = stage.browser("admin", language)
    (header,) = lines_of(admin.get(f"/office/imports/empty/{kind}.csv"))

    assert [layout.key_of(name) for name in header] == list(columns(stage, kind))
    assert set(layout.keys.values()) == set(columns(stage, kind))
    assert admin.get("/office/imports/empty/none.csv").status_code == 404
    read_table(as_csv([header, ["x"] * len(header)]), layout)


def columns(stage: Stage, kind: str) -> dict[str, str]:
    with stage.app.test_request_context():
        return findings.column_names(kind)


def test_every_finding_has_its_sentence_in_both_languages(stage: Stage) -> None:
    names = {name for sentence in SENTENCES.values() for name in re.findall(r"\{(\w+)\}", sentence)}
    params = dict.fromkeys(names, "7") | {"level": "school", "parent_level": "city"}
    for language in ("zh", "en"):
        with stage.app.test_request_context(headers={"Accept-Language": language}):
            for code in SENTENCES:
                sentence = findings.sentence(Finding(2, None, code, params))
                assert "{" not in sentence
                assert bool(re.search(r"[一-鿿]", sentence)) == (language == "zh"), code
            assert findings.column_name("people", None)
            assert findings.column_name("people", "unheard_of") == "unheard_of"


def test_templates_name_no_column_by_its_key() -> None:
    folder = Path(imports.__file__).parent / "templates"
    assert "login" not in (folder / "import.html").read_text(encoding="utf-8")
