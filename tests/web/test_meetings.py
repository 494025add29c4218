"""The pages of meetings: planning, the leader's page with its code, signing in, the list, and what a learner reads."""

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from lms_plugin.domain import meetings as rules
from lms_plugin.services import catalogue, meeting_planning
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ProgrammeRow
from lms_plugin.storage.study import Meeting, SignIn
from tests import builders
from tests.services.gatherings import programme_of_meetings
from tests.web.stage import Browser, Stage

NINE = datetime.fromisoformat("2026-11-28T09:00+08:00")
NOON = NINE + timedelta(hours=3)


@pytest.fixture
def held(stage: Stage) -> Stage:
    """The stage with a programme of meetings, in which teacher and mate are the tutor's learners."""
    with stage.database.writing() as session:
        current = builders.publish(session, programme_of_meetings())
        users = {name: session.get_one(User, user_id) for name, user_id in stage.users.items()}
        group = builders.make_class_group(session, current, "面授一班", users["tutor"])
        for name in ("teacher", "mate"):
            builders.enrol(session, users[name], current, group=group)
    return stage


def programme_id(stage: Stage) -> int:
    with stage.database.reading() as session:
        return session.scalars(select(ProgrammeRow.id).where(ProgrammeRow.key == "gathering")).one()


def planned(stage: Stage, component: str = "classes", **changes: object) -> int:
    """A meeting of the tutor's group on Saturday morning."""
    with stage.database.writing() as session:
        group_id = session.scalars(select(ClassGroup.id).where(ClassGroup.name == "面授一班")).one()
        values: dict[str, object] = {
            "programme_id": programme_id(stage),
            "component_key": component,
            "title": "怎样评课",
            "place": "教师进修学校",
            "starts_at": NINE,
            "ends_at": NOON,
            "group_ids": (group_id,),
        }
        tutor = builders.actor_for(session, session.get_one(User, stage.users["tutor"]))
        new = meeting_planning.NewMeeting(**(values | changes))
        return meeting_planning.plan(session, tutor, new, builders.NOW).id


def opened(stage: Stage, **changes: object) -> int:
    meeting_id = planned(stage, **changes)
    stage.clock.now = NINE
    assert stage.browser("tutor").post(f"/meetings/{meeting_id}/state", action="open").status_code == 303
    return meeting_id


def code(stage: Stage, meeting_id: int) -> str:
    with stage.database.reading() as session:
        return rules.code_at(session.get_one(Meeting, meeting_id).code_secret, stage.clock.now)


def enrolment_id(stage: Stage, login: str) -> int:
    with stage.database.reading() as session:
        return session.scalars(
            select(Enrolment.id).where(
                Enrolment.user_id == stage.users[login], Enrolment.programme_id == programme_id(stage)
            )
        ).one()


def sign_in_address(meeting_id: int) -> str:
    return f"/meetings/{meeting_id}/sign-in"


def plan_fields(stage: Stage, component: str = "classes", **changes: str) -> dict[str, str]:
    with stage.database.reading() as session:
        group_id = session.scalars(select(ClassGroup.id).where(ClassGroup.name == "面授一班")).one()
    return {
        "plan": f"{programme_id(stage)}-{component}",
        "title": "怎样评课",
        "day": "2026-11-28",
        "starts": "09:00",
        "ends": "12:00",
        "place": "教师进修学校",
        "groups": str(group_id),
    } | changes


def test_a_tutor_plans_a_meeting_in_the_programmes_own_time(held: Stage) -> None:
    tutor = held.browser("tutor")
    page = tutor.get("/tutor/meetings").text
    address = f"/tutor/meetings?plan={programme_id(held)}-classes"
    assert f'href="{address}#plan"' in page
    assert "面授一班" in tutor.get(address).text

    answer = tutor.post("/tutor/meetings", **plan_fields(held, most="150"))
    assert answer.status_code == 303
    with held.database.reading() as session:
        meeting = session.scalars(select(Meeting)).one()
        assert (meeting.starts_at, meeting.ends_at, meeting.most_minutes) == (NINE, NOON, 150)
    assert "Nov 28, 2026 09:00–12:00" in tutor.get("/tutor/meetings").text
    assert answer.headers["Location"] == f"/meetings/{meeting.id}"


def test_an_evening_may_end_at_midnight(held: Stage) -> None:
    assert held.browser("tutor").post("/tutor/meetings", **plan_fields(held, ends="00:00")).status_code == 303

    with held.database.reading() as session:
        meeting = session.scalars(select(Meeting)).one()
        assert meeting.ends_at - meeting.starts_at == timedelta(hours=15)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": ""}, "Please say what it is about."),
        ({"ends": "08:00"}, "The end has to come after the beginning."),
        ({"day": "someday"}, "Please give a day and the times."),
        ({"starts": "nine"}, "Please give a day and the times."),
        ({"day": "2027-03-01"}, "This lies outside the dates of the programme"),
        ({"most": "many"}, "Please give whole minutes between 1 and 1440."),
        ({"leader": "stranger"}, "There is no such account among those who could lead this meeting."),
        ({"groups": ""}, "nothing at this address"),
    ],
)
def test_a_plan_that_is_refused_keeps_what_was_typed(held: Stage, changes: dict[str, str], sentence: str) -> None:
    fields = plan_fields(held) | changes
    answer = held.browser("tutor").post("/tutor/meetings", **fields)

    assert answer.status_code == (404 if changes == {"groups": ""} else 422)
    assert sentence in answer.text
    if answer.status_code == 422:
        assert 'value="教师进修学校"' in answer.text


def test_a_plan_for_nobody_or_nothing_is_refused(held: Stage) -> None:
    tutor, fields = held.browser("tutor"), plan_fields(held)
    without = {name: value for name, value in fields.items() if name != "groups"}

    answer = tutor.post("/tutor/meetings", **without)
    assert answer.status_code == 422
    assert "Please choose whom it is for." in answer.text
    assert tutor.post("/tutor/meetings", **(fields | {"plan": "999-classes"})).status_code == 404


def test_an_office_plans_for_a_region_by_its_code(held: Stage) -> None:
    county, fields = held.browser("county"), plan_fields(held)
    del fields["groups"]
    address = f"/office/meetings?plan={fields['plan']}"
    # The group's learners are in two counties: it is not the county's to plan for.
    assert "面授一班" not in county.get(address).text
    assert "面授一班" in held.browser("admin").get(address).text

    for region in ("999999", "621202"):
        refused = county.post("/office/meetings", **fields, region=region)
        assert refused.status_code == 422
        assert "There is no such region among those you answer for." in refused.text
    done = county.post("/office/meetings", **fields, region="530102", leader="teacher")
    assert done.status_code == 303
    meeting_id = int(done.headers["Location"].rpartition("/")[2])
    assert "怎样评课" in county.get("/office/meetings").text
    assert "怎样评课" not in held.browser("far").get("/office/meetings").text
    # The teacher, of a school there, leads it and may come to it; the classmate of another county may not.
    assert held.browser("teacher").get(f"/meetings/{meeting_id}").status_code == 200
    assert held.browser("mate").get(f"/meetings/{meeting_id}").status_code == 404


def test_a_teacher_opens_a_viewing_at_the_own_school(held: Stage) -> None:
    teacher = held.browser("teacher")
    assert 'href="/meetings/viewings"' in teacher.get("/meetings").text
    fields = plan_fields(held, "viewings", medium="satellite", module=str(module_id(held)))
    assert "Satellite television" in teacher.get(f"/meetings/viewings?plan={fields['plan']}").text
    assert teacher.post("/meetings/viewings", **(fields | {"medium": "radio"})).status_code == 422
    assert teacher.post("/meetings/viewings", **fields).status_code == 303

    with held.database.reading() as session:
        meeting = session.scalars(select(Meeting)).one()
        assert (meeting.leader_id, meeting.medium, meeting.most_minutes) == (held.users["teacher"], "satellite", 20)
    assert "怎样评课" in teacher.get("/meetings/viewings").text
    assert "You lead" in teacher.get("/meetings").text
    assert "Satellite television" in teacher.get(f"/meetings/{meeting.id}").text


def module_id(stage: Stage) -> int:
    with stage.database.reading() as session:
        current = catalogue.in_force(session, programme_id(stage), builders.NOW)
        return builders.video_of(session, current).module_id


def test_the_leaders_page_shows_the_code_and_its_qr_only_while_it_is_open(held: Stage) -> None:
    tutor = held.browser("tutor")
    meeting_id = planned(held)
    address = f"/meetings/{meeting_id}"
    before = tutor.get(address).text
    assert "Signing in opens two hours before the meeting begins." in before
    assert 'class="qr"' not in before

    held.clock.now = NINE
    tutor.post(f"{address}/state", action="open")
    shown = code(held, meeting_id)
    page = tutor.get(address).text
    assert f"<span>{shown[:3]}</span><span>{shown[3:]}</span>" in page
    assert 'class="qr"' in page
    live = tutor.get(f"{address}/live").text
    assert f"<span>{shown[:3]}</span>" in live
    assert "<html" not in live
    held.clock.forward(60)
    assert code(held, meeting_id) != shown

    tutor.post(f"{address}/state", action="close")
    assert 'class="qr"' not in tutor.get(address).text


def test_a_part_that_refreshes_itself_leads_somebody_signed_out_to_sign_in(held: Stage) -> None:
    answer = held.browser().get(f"/meetings/{planned(held)}/live")

    assert (answer.status_code, answer.headers["HX-Refresh"]) == (401, "true")


def test_a_learner_signs_in_with_the_code_and_out_again(held: Stage) -> None:
    meeting_id = opened(held)
    teacher = held.browser("teacher")
    assert teacher.get(f"/meetings/{meeting_id}").headers["Location"] == sign_in_address(meeting_id)
    assert "Sign in or out here" in teacher.get("/meetings").text
    form = teacher.get(f"{sign_in_address(meeting_id)}?code=123456").text
    assert 'value="123456"' in form

    assert teacher.post(sign_in_address(meeting_id), code=code(held, meeting_id), way="in").status_code == 303
    page = teacher.get(sign_in_address(meeting_id)).text
    assert "You signed in at 09:00." in page
    assert "Sign out at the end as well: only both together count." in page
    held.clock.now = NOON
    teacher.post(sign_in_address(meeting_id), code=code(held, meeting_id), way="out")
    page = teacher.get(sign_in_address(meeting_id)).text
    assert "You signed out at 12:00." in page
    assert "It counts as soon as 李建国 confirms the list." in page


def test_a_wrong_code_says_so_and_keeps_what_was_typed(held: Stage) -> None:
    meeting_id = opened(held)
    answer = held.browser("teacher", language="zh").post(sign_in_address(meeting_id), code="000 00", way="in")

    assert answer.status_code == 422
    assert "签到码不正确" in answer.text
    assert 'value="000 00"' in answer.text


class TestThrottled:
    @pytest.fixture
    def rate_limits(self) -> bool:
        return True

    def test_guessing_ends_soon_for_one_learner_and_for_nobody_else(self, held: Stage) -> None:
        meeting_id = opened(held)
        teacher = held.browser("teacher")
        wrong = {"code": "00000x", "way": "in"}

        answers = [teacher.post(sign_in_address(meeting_id), **wrong).status_code for _ in range(11)]
        assert answers == [422] * 10 + [429]
        # The pages and the API count together, and even the right code comes too late for a while.
        right = code(held, meeting_id)
        assert teacher.call("POST", f"/api/v1/meetings/{meeting_id}/check-ins", {"code": right}).status_code == 429
        mate = held.browser("mate")
        assert mate.post(sign_in_address(meeting_id), code=right, way="in").status_code == 303


def test_two_people_on_one_telephone_are_pointed_out_to_the_leader(held: Stage) -> None:
    meeting_id = opened(held)
    teacher = held.browser("teacher")
    teacher.post(sign_in_address(meeting_id), code=code(held, meeting_id), way="in")
    device = teacher.client.get_cookie("device")
    assert device is not None
    assert device.http_only
    mate = held.browser("mate")
    mate.client.set_cookie("device", device.value)
    mate.post(sign_in_address(meeting_id), code=code(held, meeting_id), way="in")

    page = held.browser("tutor").get(f"/meetings/{meeting_id}").text
    assert "张小梅, 王丽 signed on one device. Are all of them here?" in page
    assert "same device as 张小梅" in page
    with held.database.reading() as session:
        marks = set(session.scalars(select(SignIn.device)))
    assert len(marks) == 1
    assert device.value not in marks


def test_the_list_is_marked_confirmed_and_corrected(held: Stage) -> None:
    meeting_id = opened(held)
    tutor = held.browser("tutor")
    mark, state = f"/meetings/{meeting_id}/attendance", f"/meetings/{meeting_id}/state"
    teacher_id, mate_id = (str(enrolment_id(held, name)) for name in ("teacher", "mate"))
    held.browser("teacher").post(sign_in_address(meeting_id), code=code(held, meeting_id), way="in")
    assert "Please tick somebody" in follow(tutor, mark, what="present")
    early = follow(tutor, state, action="confirm")
    assert "The list can be confirmed once the meeting is over." in early

    held.clock.now = NOON
    tutor.post(mark, what="present", enrolment_id=mate_id, came="09:30", went="12:00")
    done = follow(tutor, state, action="confirm")
    assert "1 learner is confirmed." in done
    assert "1 learner got nothing yet" in done
    assert "did not sign out" in done
    assert "2:30:00" in done

    tutor.post(mark, what="present", enrolment_id=teacher_id)
    mates = held.browser("mate").get("/meetings").text
    assert "Counts: 2:30:00, 3.33 class hours. Confirmed by 李建国." in mates
    assert "Counts: 3:00:00, 4 class hours. Confirmed by 李建国." in held.browser("teacher").get("/meetings").text

    refused = tutor.post(mark, what="absent", enrolment_id=mate_id)
    assert refused.status_code == 422
    assert "Please give a reason." in refused.text
    tutor.post(mark, what="absent", enrolment_id=mate_id, reason="代签")
    assert "签到表记为缺勤：代签" in held.browser("mate", language="zh").get("/meetings").text
    assert "代签" in tutor.get(f"/meetings/{meeting_id}").text


def follow(browser: Browser, address: str, **fields: str) -> str:
    """The page that a form leads to."""
    answer = browser.post(address, **fields)
    return browser.get(answer.headers["Location"].partition("#")[0]).text if answer.status_code == 303 else answer.text


@pytest.mark.parametrize(
    ("came", "went", "sentence"),
    [
        ("12:00", "10:00", "The end has to come after the beginning."),
        ("13:00", "14:00", "These times lie outside of the meeting."),
        ("noon", "", "Please give a day and the times."),
    ],
)
def test_times_that_cannot_be_are_refused_beside_the_learner(held: Stage, came: str, went: str, sentence: str) -> None:
    meeting_id = opened(held)
    fields = {"what": "present", "enrolment_id": str(enrolment_id(held, "mate")), "came": came, "went": went}
    answer = held.browser("tutor").post(f"/meetings/{meeting_id}/attendance", **fields)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'value="{came}"' in answer.text


def test_a_form_that_is_not_understood_marks_nobody(held: Stage) -> None:
    meeting_id = opened(held)
    for fields in ({"what": "other"}, {}):
        learner = {"enrolment_id": str(enrolment_id(held, "mate"))}
        answer = held.browser("tutor").post(f"/meetings/{meeting_id}/attendance", **fields, **learner)
        assert answer.status_code == 422
    with held.database.reading() as session:
        assert session.get(SignIn, (enrolment_id(held, "mate"), meeting_id)) is None


def test_a_meeting_is_called_off_for_a_reason_that_learners_read(held: Stage) -> None:
    meeting_id = opened(held)
    tutor, address = held.browser("tutor"), f"/meetings/{meeting_id}/state"
    refused = tutor.post(address, action="cancel", reason=" ")
    assert (refused.status_code, "Please give a reason." in refused.text) == (422, True)
    assert tutor.post(address, action="dance").status_code == 422
    assert "大雪封路" in follow(tutor, address, action="cancel", reason="大雪封路")
    assert "already" in follow(tutor, address, action="open")

    assert "Called off: 大雪封路" in held.browser("teacher").get("/meetings").text
    assert "已取消：大雪封路" in held.browser("teacher", language="zh").get(sign_in_address(meeting_id)).text
    answer = held.browser("teacher").post(sign_in_address(meeting_id), code="000000")
    assert answer.status_code == 409


def test_a_leader_who_learns_as_well_does_not_confirm_themselves(held: Stage) -> None:
    meeting_id = opened(held, leader_login="teacher")
    teacher = held.browser("teacher")
    assert "Sign in yourself" in teacher.get(f"/meetings/{meeting_id}").text
    own = str(enrolment_id(held, "teacher"))

    answer = teacher.post(f"/meetings/{meeting_id}/attendance", what="present", enrolment_id=own)
    assert answer.status_code == 409
    assert "your own: somebody else confirms it" in answer.text


def test_what_a_leader_attended_waits_for_somebody_else_and_is_seen_to_wait(held: Stage) -> None:
    meeting_id = opened(held, leader_login="teacher")
    teacher = held.browser("teacher")
    for at, way in ((NINE, "in"), (NOON, "out")):
        held.clock.now = at
        teacher.post(sign_in_address(meeting_id), code=code(held, meeting_id), way=way)
    teacher.post(f"/meetings/{meeting_id}/state", action="confirm")

    assert "您本人的出勤须由辅导教师或教育局确认。" in held.browser("teacher", language="zh").get("/meetings").text
    assert "1 waits to be confirmed" in held.browser("tutor").get("/tutor/meetings").text
    held.browser("tutor").post(f"/meetings/{meeting_id}/state", action="confirm")
    assert "Counts: 3:00:00, 4 class hours. Confirmed by 李建国." in teacher.get("/meetings").text


def test_a_meeting_that_was_entered_afterwards_says_so(held: Stage) -> None:
    held.clock.now = NOON
    tutor = held.browser("tutor")
    answer = tutor.post("/tutor/meetings", **plan_fields(held))

    assert "entered afterwards" in tutor.get(answer.headers["Location"]).text
    assert "entered afterwards" in tutor.get("/tutor/meetings").text


@pytest.mark.parametrize(
    ("fields", "hour", "sentence"),
    [
        ({}, 13, "You did not sign in, so nothing counts."),
        ({"way": "in"}, 13, "You did not sign out. Nothing counts until 李建国 says on the list when you left."),
        ({"way": "out"}, 13, "You did not sign in. Nothing counts until 李建国 says on the list when you came."),
    ],
)
def test_a_learner_reads_why_nothing_counts(held: Stage, fields: dict[str, str], hour: int, sentence: str) -> None:
    meeting_id = opened(held)
    teacher = held.browser("teacher")
    if fields:
        teacher.post(sign_in_address(meeting_id), code=code(held, meeting_id), **fields)
    held.clock.now = NINE.replace(hour=hour)

    assert sentence in teacher.get("/meetings").text
    assert sentence in teacher.get(sign_in_address(meeting_id)).text


def test_without_both_ends_one_signature_is_enough(held: Stage) -> None:
    meeting_id = opened(held, component="qna")
    teacher = held.browser("teacher")
    teacher.post(sign_in_address(meeting_id), code=code(held, meeting_id), way="in")
    held.clock.now = NOON

    assert "It counts as soon as 李建国 confirms the list." in teacher.get("/meetings").text


def test_what_is_left_out_of_a_meeting_is_said_with_its_times(held: Stage) -> None:
    meeting_id = opened(held, most_minutes=60)
    tutor = held.browser("tutor")
    own = str(enrolment_id(held, "teacher"))
    held.clock.now = NOON
    tutor.post(f"/meetings/{meeting_id}/attendance", what="present", enrolment_id=own)
    tutor.post(f"/meetings/{meeting_id}/state", action="confirm")

    page = held.browser("teacher", language="zh").get("/meetings").text
    assert "已计入 1:00:00，折合 1.33 学时，由李建国确认。" in page
    assert "2026年11月28日 10:00–12:00 未计入：超出本次最多可计的时长。" in page


def test_a_long_list_comes_in_pages(held: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting_id = planned(held)
    monkeypatch.setattr("lms_plugin.web.meetings.ROWS_ON_A_PAGE", 1)
    tutor = held.browser("tutor")

    first, second = (tutor.get(f"/meetings/{meeting_id}?page={page}").text for page in (1, 2))
    names = [re.findall(r"张小梅|王丽", page.partition('id="list-title"')[2]) for page in (first, second)]
    assert {one[0] for one in names} == {"张小梅", "王丽"}
    assert "page=2" in first
    assert "page=1" in second


def test_a_programme_of_meetings_links_to_them(held: Stage) -> None:
    page = held.browser("teacher").get(f"/enrolments/{enrolment_id(held, 'teacher')}").text

    assert page.count('href="/meetings"') == 2
    assert 'href="/tutor/meetings"' in held.browser("tutor").get("/tutor").text
    assert 'href="/office/meetings"' in held.browser("admin").get("/office").text
