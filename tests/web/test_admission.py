"""Pages of admission: from a quota to a nomination, a place, a class group, and every change afterwards."""

import io
import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from lms_plugin.domain.nomination import NominationRule
from lms_plugin.domain.programme import Group, Text
from lms_plugin.services import enrolments, nominations, quotas
from lms_plugin.services.nominees import NewNomination
from lms_plugin.services.rosterfile import NOMINATIONS, QUOTAS
from lms_plugin.storage.admission import Nomination, Upload
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ProgrammeRow
from lms_plugin.web.admission_uploads import COLUMNS
from tests import builders
from tests.services.rosters import as_csv, as_xlsx
from tests.web.stage import HOST, Browser, Stage

RULE = NominationRule(
    deadline_on=date(2026, 12, 1),
    subjects=("体育",),
    least_degree="bachelor",
    least_title="first_grade",
    least_teaching_years=5,
    most_age_men=45,
    most_age_women=40,
    least_rural_percent=Decimal(80),
)
TIERS = (
    Group("standard", Text("基础班", "Standard class")),
    Group("advanced", Text("提高班", "Advanced class"), date(2026, 11, 10), None, Decimal(2), (), 20, 10),
)
FITS = ("本科", "一级教师", "8", "1985-05-01")
KEY = "/office/programmes/pe"
FORM = {
    "login": "li.qiang",
    "name": "李强",
    "region_code": "530102-001",
    "phone": "13800000000",
    "subject": "体育",
    "degree": "bachelor",
    "title": "first_grade",
    "teaching_years": "8",
    "born_on": "1985-05-01",
    "sex": "male",
    "is_rural": "yes",
    "tier": "standard",
}


@pytest.fixture
def pe(stage: Stage) -> Stage:
    """The stage with a programme that regions nominate for: 50 places, 20 of them the province's."""
    with stage.database.writing() as session:
        programme = builders.make_programme(
            "pe", title=Text("体育骨干教师培训", "PE teachers"), nomination=RULE, tiers=TIERS, places=50, class_size=2,
            window_months=2, phases=(Group("only", Text("一期", "Phase one")),),
        )  # fmt: skip
        current = builders.publish(session, programme)
        admin = builders.actor_for(session, session.get_one(User, stage.users["admin"]))
        quotas.set_quota(session, admin, current.id, "530000", 20, builders.NOW)
        quotas.set_quota(session, admin, current.id, "530102", 2, builders.NOW)
    return stage


def nominate(stage: Stage, login: str, **changes: object) -> int:
    values: dict[str, object] = {
        "login": login, "name": f"教师{login}", "region_code": "530102-001", "phone": "13800000000", "subject": "体育",
        "degree": "bachelor", "title": "senior", "teaching_years": 8, "born_on": date(1985, 5, 1), "sex": "male",
        "is_rural": True,
    }  # fmt: skip
    with stage.database.writing() as session:
        admin = builders.actor_for(session, session.get_one(User, stage.users["admin"]))
        programme_id = session.scalars(select(ProgrammeRow.id).where(ProgrammeRow.key == "pe")).one()
        wanted = NewNomination(**{**values, **changes})
        return nominations.nominate(session, admin, programme_id, wanted, stage.clock.now).id


def enrolled(stage: Stage, login: str) -> int:
    with stage.database.reading() as session:
        found = select(Enrolment.id).join(User, User.id == Enrolment.user_id).where(User.login == login)
        return session.scalars(found).one()


def send_file(browser: Browser, address: str, name: str, content: bytes) -> str:
    answer = browser.client.post(
        address,
        data={"csrf_token": browser.token(), "file": (io.BytesIO(content), name)},
        headers={"Origin": HOST},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 303
    return answer.location


def test_a_programme_says_what_holds_and_how_full_it_is(pe: Stage) -> None:
    page = pe.browser("admin").get(KEY).text

    for words in (
        "men up to 45, women up to 40",
        "at least 5",
        "Bachelor or higher",
        "First-grade teacher or higher",
        "at least 80 %",
        "2 months from the day of enrolment",
        "Nominations are taken until",
        "0 of 20 places taken",
        "Advanced class · from Nov 10, 2026 · 2 class hours · 20 places · at most 10 learners",
    ):
        assert words in page, words
    assert "PE teachers" in pe.browser("county").get("/office/programmes").text
    assert pe.browser("admin").get("/office/programmes/none-such").status_code == 404


def test_a_region_nominates_and_learns_what_does_not_fit(pe: Stage) -> None:
    county = pe.browser("county")
    assert "0 of 2 places taken" in county.get(f"{KEY}/nominations").text
    assert county.post(f"{KEY}/nominations", **FORM).status_code == 303
    assert "fits in every point" in county.get(f"{KEY}/nominations").text
    older = FORM | {"login": "old", "name": "赵老师", "born_on": "1970-01-01", "subject": "语文", "is_rural": "no"}
    assert county.post(f"{KEY}/nominations", **older).status_code == 303
    page = county.get(f"{KEY}/nominations?state=submitted&region=530102").text
    assert "56 years old when the programme opens; at most: 45." in page
    assert "The subject does not match: 语文; wanted: 体育." in page
    assert "1 of 2 nominees teach in the countryside; at least 2 should." in county.get(KEY).text


def test_what_was_typed_stays_and_every_field_says_its_fault(pe: Stage) -> None:
    county = pe.browser("county")
    wrong = FORM | {"name": "", "phone": "x", "teaching_years": "99", "email": "none", "born_on": "soon"}
    answer = county.post(f"{KEY}/nominations", **wrong)
    assert answer.status_code == 422
    for words in ("li.qiang", "Please give the name.", "no telephone number", "0 to 60", "no e-mail", "1985-03-01"):
        assert words in answer.text, words
    elsewhere = county.post(f"{KEY}/nominations", **(FORM | {"region_code": "621202-001"}))
    assert elsewhere.status_code == 422
    assert "no such thing in what you answer for" in elsewhere.text
    assert county.post(f"{KEY}/nominations", **FORM).status_code == 303
    assert "nominated already" in county.post(f"{KEY}/nominations", **FORM).text
    pe.clock.forward(30 * 86_400)
    late = county.post(f"{KEY}/nominations", **(FORM | {"login": "late"}))
    assert (late.status_code, "Nominations ended on" in late.text) == (422, True)
    assert 'value="late"' in late.text
    assert late.text.count("alert bad") == 1
    assert "Nominations from a file" not in late.text


def test_the_office_takes_somebody_with_a_reason_and_sees_the_password_once(pe: Stage) -> None:
    nomination_id = nominate(pe, "old", born_on=date(1970, 1, 1))
    admin = pe.browser("admin")
    address = f"/office/nominations/{nomination_id}"
    assert "56 years old" in admin.get(address).text
    refused = admin.post(address, action="accept", reason="", draws_password="yes")
    assert (refused.status_code, "Please give a reason." in refused.text) == (422, True)
    taken = admin.post(address, action="accept", reason="全校只有他一人", draws_password="yes")
    assert taken.status_code == 200
    assert taken.headers["Cache-Control"] == "no-store"
    password = re.search(r"<code>([a-z2-9-]{14})</code>", taken.text)
    assert password is not None
    assert pe.browser().sign_in("old", password[1]).status_code == 302
    page = admin.get(address).text
    assert "全校只有他一人" in page
    assert password[1] not in page
    again = admin.post(address, action="refuse", reason="再想")
    assert (again.status_code, "decided or withdrawn already" in again.text) == (422, True)


def test_refusing_and_withdrawing_say_so(pe: Stage) -> None:
    first, second = nominate(pe, "first"), nominate(pe, "second")
    admin, county = pe.browser("admin"), pe.browser("county")
    assert admin.post(f"/office/nominations/{first}", action="refuse", reason="名额有限").status_code == 303
    assert county.post(f"/office/nominations/{second}", action="withdraw").status_code == 303
    page = county.get(f"{KEY}/nominations").text
    assert "名额有限" in page
    assert "The nomination was withdrawn." in page
    assert admin.post(f"/office/nominations/{second}", action="no-such").status_code == 422
    assert county.post(f"/office/nominations/{second}", action="accept").status_code == 403


def test_all_who_fit_are_taken_and_the_waiting_list_moves_up(pe: Stage) -> None:
    for number in range(3):
        nominate(pe, f"teacher{number}")
    admin = pe.browser("admin")
    taken = admin.post(f"{KEY}/decisions", action="accept_fitting", draws_password="yes")
    assert "2 enrolled, 1 on the waiting list" in taken.text
    assert len(re.findall(r"<code>[a-z2-9-]{14}</code>", taken.text)) == 2
    assert admin.post(f"{KEY}/decisions", action="promote").status_code == 303
    assert "no free place for anybody who waits" in admin.get(KEY).text
    enrolment_id = enrolled(pe, "teacher0")
    assert admin.post(f"/office/enrolments/{enrolment_id}", action="withdraw", reason="生病").status_code == 303
    assert "1 enrolled, 0 on the waiting list" in admin.post(f"{KEY}/decisions", action="promote").text
    assert admin.post(f"{KEY}/decisions", action="accept_fitting").status_code == 303
    assert admin.post(f"{KEY}/decisions", action="register").status_code == 303
    assert pe.browser("county").post(f"{KEY}/decisions", action="register").status_code == 403


def test_places_are_given_and_refused_with_the_figures(pe: Stage) -> None:
    admin, county = pe.browser("admin"), pe.browser("county")
    assert admin.post(f"{KEY}/quotas", region="530103", places="3").status_code == 303
    page = admin.get(f"{KEY}/quotas").text
    assert "盘龙区" in page
    for region, places, words in (
        ("530103", "19", "云南省 has 20 places; the regions below it would have 21 together."),
        ("620000", "31", "The programme has 50 places; the regions would have 51 together."),
        ("530103", "many", "as a whole number"),
        ("999999", "1", "no region with this code"),
    ):
        answer = admin.post(f"{KEY}/quotas", region=region, places=places)
        assert (answer.status_code, words in answer.text) == (422, True), words
    own = county.post(f"{KEY}/quotas", region="530102", places="5")
    assert (own.status_code, "come from above" in own.text) == (422, True)
    assert county.post(f"{KEY}/quotas", region="530102-001", places="1").status_code == 303
    assert admin.post(f"{KEY}/quotas", region="530103", places="").status_code == 303
    assert admin.get(f"{KEY}/quotas?phase=only").status_code == 200
    assert admin.post(f"{KEY}/quotas", region="530103", places="1", phase="no-such").status_code == 404


def test_a_file_of_nominations_is_looked_at_before_it_is_taken(pe: Stage) -> None:
    county = pe.browser("county")
    header = county.get(f"{KEY}/empty/nominations.csv").text.lstrip("\ufeff").strip().split(",")
    chinese = pe.browser("county", language="zh").get(f"{KEY}/empty/nominations.csv").text.lstrip("\ufeff").strip()
    assert len(header) == 14
    for kind, layout in (("nominations", NOMINATIONS), ("quotas", QUOTAS)):
        for language in ("zh", "en"):
            line = pe.browser("county", language=language).get(f"{KEY}/empty/{kind}.csv").text.lstrip("\ufeff").strip()
            assert [layout.key_of(one) for one in line.split(",")] == list(COLUMNS[kind])
    rows = [
        chinese.split(","),
        ["a1", "甲老师", "530102-001", "13800000001", "", "体育", *FITS, "男", "是", "", ""],
        ["a2", "乙老师", "530102-001", "13800000002", "", "语文", *FITS, "女", "是", "", ""],
        ["a2", "重复", "530102-001", "13800000002", "", "体育", *FITS, "女", "是", "", ""],
        ["a3", "丙老师", "621202-001", "", "", "体育", "本科", "王", "百", "昨天", "?", "也许", "x", "y"],
        ["a4", "丁老师", "999999", "1", "", "体育", "", "", "", "", "", "", "", ""],
    ]  # fmt: skip
    where = send_file(county, f"{KEY}/files/nominations", "名单.xlsx", as_xlsx(rows))
    page = county.get(where).text
    for words in ("3 rows have faults", "Row 4", "Row 5", "Row 6", "Subject does not match", "2 good rows"):
        assert words in page, words
    assert county.get("/office/imports").status_code == 200
    assert county.get(where.replace("/files/", "/imports/")).status_code == 404
    assert county.post(where, action="take", faulty_rows="0").status_code == 303
    assert "has changed since you looked" in county.get(where).text
    assert county.post(where, action="take", faulty_rows="3").status_code == 303
    assert "The file was imported." in county.get(where).text
    with pe.database.reading() as session:
        assert sorted(session.scalars(select(Nomination.login))) == ["a1", "a2"]
        assert session.scalars(select(Upload.body).where(Upload.kind == "nominations")).one() == b""
    assert county.post(where, action="take", faulty_rows="3").status_code == 303
    assert pe.browser("far").get(where).status_code == 404


def test_a_file_of_quotas_is_taken_whole_or_not_at_all(pe: Stage) -> None:
    admin = pe.browser("admin")
    faulty = as_csv([["地区代码", "名额"], ["530103", "30"]])
    where = send_file(admin, f"{KEY}/files/quotas", "quotas.csv", faulty)
    page = admin.get(where).text
    assert "云南省 has 20 places, and the regions below it would have 32" in page
    assert "Quotas hang together" in page
    assert admin.post(where, action="take", faulty_rows="1").status_code == 303
    assert admin.post(where, action="discard").status_code == 303
    assert "This file was discarded." in admin.get(where).text
    good = as_csv([["地区代码", "名额"], ["530103", "3"], ["530102", "2"]])
    where = send_file(admin, f"{KEY}/files/quotas", "quotas.csv", good)
    assert admin.post(where, action="take", faulty_rows="0").status_code == 303
    assert "盘龙区" in admin.get(f"{KEY}/quotas").text


def test_files_that_cannot_be_read_say_why(pe: Stage) -> None:
    admin = pe.browser("admin")
    for content, words in (
        (b"", "There is nothing in the file."),
        (as_csv([["姓名"], ["x"]]), "The header has no column for: Account"),
        (as_csv([["账号", "姓名", "账号"], ["x", "y", "z"]]), "The column “Account” stands in the file twice."),
    ):
        assert words in admin.get(send_file(admin, f"{KEY}/files/nominations", "x.csv", content)).text, words
    assert "Please choose a file first." in admin.get(admin.post(f"{KEY}/files/quotas").location).text
    assert admin.post(f"{KEY}/files/none-such").status_code == 404
    assert admin.get(f"{KEY}/empty/none-such.csv").status_code == 404


def test_class_groups_are_made_filled_and_tutored(pe: Stage) -> None:
    for number in range(2):
        nominate(pe, f"teacher{number}")
    admin, county = pe.browser("admin"), pe.browser("county")
    admin.post(f"{KEY}/decisions", action="accept_fitting")
    assert county.post(f"{KEY}/groups", action="create", name="实验班", limit="1").status_code == 303
    for values, words in (
        ({"action": "create", "name": "实验班"}, "of this name already"),
        ({"action": "create", "name": "x", "limit": "many"}, "between 1 and"),
        ({"action": "assign", "region": "999999"}, "no region with this code"),
    ):
        answer = county.post(f"{KEY}/groups", **values)
        assert (answer.status_code, words in answer.text) == (422, True), words
    assert county.post(f"{KEY}/groups", action="assign").status_code == 303
    page = county.get(f"{KEY}/groups").text
    assert "五华区基础班1班" in page
    assert "2 learners were put into class groups" in page
    with pe.database.reading() as session:
        group_id = session.scalars(select(ClassGroup.id).where(ClassGroup.name == "五华区基础班1班")).one()
    address = f"/office/groups/{group_id}"
    assert "Nobody tutors this class group yet." in county.get(address).text
    assert admin.post(address, login="tutor").status_code == 303
    assert "李建国" in admin.get(address).text
    assert admin.post(address, login="nobody").status_code == 422
    assert admin.post(address, login="tutor").status_code == 422
    assert admin.post(address, user_id=str(pe.users["tutor"])).status_code == 303
    assert pe.browser("far").get(address).status_code == 404


def test_a_learner_is_moved_withdrawn_and_taken_back_and_every_change_shows(pe: Stage) -> None:
    nominate(pe, "teacher0")
    admin, county = pe.browser("admin"), pe.browser("county")
    admin.post(f"{KEY}/decisions", action="accept_fitting")
    county.post(f"{KEY}/groups", action="create", name="实验班")
    enrolment_id = enrolled(pe, "teacher0")
    address = f"/office/enrolments/{enrolment_id}"
    with pe.database.reading() as session:
        group_id = session.scalars(select(ClassGroup.id).where(ClassGroup.name == "实验班")).one()
    for values in (
        {"action": "move_group", "group": str(group_id), "reason": ""},
        {"action": "move_tier", "tier": "advanced", "reason": "成绩突出"},
        {"action": "withdraw", "reason": "生病"},
        {"action": "take_back", "reason": "康复"},
        {"action": "move_school", "school": "530102-002", "reason": "调动"},
    ):
        assert county.post(address, **values).status_code == 303, values
    page = county.get(address).text
    for words in (
        "Class group: none → 实验班",
        "Tier: Standard class → Advanced class",
        "Withdrawn",
        "Returned",
        "School: 莲华小学 (530102-001) → 厂口中学 (530102-002)",
        "康复",
        "五华区教育局",
    ):
        assert words in page, words
    for values, words in (
        ({"action": "withdraw", "reason": " "}, "Please give a reason."),
        ({"action": "move_school", "school": "621202-001", "reason": "调动"}, "no such thing"),
    ):
        answer = county.post(address, **values)
        assert (answer.status_code, words in answer.text) == (422, True)
    assert county.post(address, action="none-such").status_code == 422
    found = county.get(f"{KEY}/learners?q=teacher0&state=active").text
    assert "厂口中学" in found
    assert "No learner found" in county.get(f"{KEY}/learners?state=withdrawn").text
    assert "No learner found" in county.get(f"{KEY}/learners?state=without_group").text
    moved = admin.post(address, action="move_school", school="621202-001", reason="调动")
    assert moved.location == address
    assert pe.browser("far").post(address, action="move_school", school="621202", reason="借调").location == address
    assert county.get(address).status_code == 404


def test_lists_go_on_where_they_end(pe: Stage) -> None:
    with pe.database.writing() as session:
        programme_id = session.scalars(select(ProgrammeRow.id).where(ProgrammeRow.key == "pe")).one()
        people = [builders.make_user(session, f"t{at:03}", name=f"学员{at:03}") for at in range(60)]
        enrolments.enrol_many(session, programme_id, [(one.id, None, None, "", "") for one in people], builders.NOW)
    for number in range(52):
        nominate(pe, f"n{number:03}")
    admin = pe.browser("admin")
    for address, last in ((f"{KEY}/learners", "学员059"), (f"{KEY}/nominations", "教师n000")):
        page = admin.get(address).text
        assert last not in page
        following = re.search(r'rel="next" href="([^"]+)"', page)
        assert following is not None
        assert last in admin.get(following[1].replace("&amp;", "&")).text


def test_chinese_pages_speak_as_an_education_office_does(pe: Stage) -> None:
    nominate(pe, "old", born_on=date(1970, 1, 1))
    admin = pe.browser("admin", language="zh")
    assert "年龄超限：开班时 56 周岁，不得超过 45 周岁。" in admin.get(f"{KEY}/nominations").text
    page = admin.get(KEY).text
    assert (
        "男不超过 45 周岁, 女不超过 40 周岁" in page
        or "男不超过 45 周岁，女不超过 40 周岁" in page
        or "男不超过 45 周岁、女不超过 40 周岁" in page
    )


def test_a_learner_reads_that_they_have_left(stage: Stage) -> None:
    address = f"/office/enrolments/{stage.enrolment_id}"
    assert stage.hours_address in stage.browser("tutor").get("/tutor").text
    assert stage.browser("county").post(address, action="withdraw", reason="生病").status_code == 303

    teacher = stage.browser("teacher")
    page = teacher.get(f"/enrolments/{stage.enrolment_id}").text
    assert "You have left this programme" in page
    answer = teacher.post(stage.thread_address, title="t", body="再说一句。")
    assert (answer.status_code, "has left the programme" in answer.text) == (409, True)
    assert stage.hours_address not in stage.browser("tutor").get("/tutor").text
