"""Entries of confirmed study say in plain words what they were given for, who confirmed it, and what does not count."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from lms_plugin.domain.programme import MINUTE_MS, Programme
from lms_plugin.http.entry_wording import record_facts, source_sentence
from lms_plugin.http.explanation import explanation_lines
from lms_plugin.services import catalogue, entry_evidence, explaining, record_evidence, study_records
from lms_plugin.services.record_evidence import RecordBehind, Source
from lms_plugin.services.study_records import NewRecord, ms_of
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Coursework, Placement, PlacementMonth, Reading, SchoolActivity
from tests import builders
from tests.builders import NOW
from tests.web.stage import Stage
from tests.web.studied import confirm, make_meeting, with_meetings

HALF_PAST = NOW - timedelta(days=2)


def test_entries_of_confirmed_study_say_who_when_what_counts_and_what_not(stage: Stage) -> None:
    with_meetings(stage)
    meeting_id = make_meeting(stage)
    confirm(stage, f"meeting/{meeting_id}", (0, 90))
    confirm(stage, "activity/7", (60, 120), component="school", title="听评课", activity="lesson_review")
    confirm(stage, f"meeting/{meeting_id}", (0, 45), because="提前离场")
    teacher = stage.browser("teacher")
    hours_page = teacher.get(stage.hours_address).text
    assert "Face-to-face session “如何评课”, Nov 22, 2026 20:00–21:30" in hours_page
    assert "Lesson talk and lesson review “听评课”, Nov 22, 2026 21:30–22:00" in hours_page
    assert (
        "Taken back: Face-to-face session “如何评课”; what still counts: Nov 22, 2026 20:00–20:45 (reason: 提前离场)"
        in hours_page
    )
    assert "1:00:00 of it waits: its week has not reached the pace that this kind of study asks for." in hours_page
    assert "Module</dt>" not in hours_page
    first, activity, back, again = (teacher.get(f"{stage.hours_address}/entries/{n}").text for n in (3, 4, 5, 6))
    assert "Confirmed by 五华区教育局 on Nov 24, 2026 20:00." in first
    assert "Present: Nov 22, 2026 20:00–21:30." in first
    assert "县教师进修学校" in first
    assert "李建国" in first
    assert "Nov 22, 2026 20:00, by the code shown there" in first
    assert "Nov 22, 2026 21:30, by the leader’s list" in first
    assert "Changed since by entry 5." in first
    assert "Decided by" not in first
    assert "Module</dt>" not in first
    assert "Changed because: 提前离场" in back
    assert "Counted: Nov 22, 2026 20:00–20:45." in back
    assert "Decided by 五华区教育局." in back
    # The meeting gave its second half hour back, and the activity took it.
    assert "Changed since by entry 6." in activity
    assert "Reckoned again, because something else of the same time" in again
    confirm(stage, "activity/8", (30, 60), component="school", title="自学", activity="self_study")
    overlapping = teacher.get(f"{stage.hours_address}/entries/7").text
    assert (
        "20:30–20:45 does not count: this time is already counted for “如何评课”; no minute counts twice."
        in overlapping
    )
    chinese = stage.browser("teacher", "zh").get(f"{stage.hours_address}/entries/7").text
    assert "这段时间已按“如何评课”计入，同一时间不重复计学时。" in chinese
    assert "在场时间：" in chinese


@contextmanager
def speaking(stage: Stage, language: str) -> Iterator[None]:
    with stage.app.test_request_context(headers={"Accept-Language": language}):
        yield


def explained(stage: Stage, language: str) -> str:
    with stage.database.reading() as session, speaking(stage, language):
        return "\n".join(explanation_lines(explaining.explain(session, stage.enrolment_id, NOW), language))


def test_hours_explain_tells_of_records_corrections_and_disputes(stage: Stage) -> None:
    with_meetings(stage)
    meeting_id = make_meeting(stage)
    confirm(stage, f"meeting/{meeting_id}", (0, 90))
    confirm(stage, "activity/8", (60, 120), component="school", title="自学", activity="self_study")
    confirm(stage, f"meeting/{meeting_id}", (0, 45), because="提前离场")
    dispute_id = stage.dispute(2)
    stage.browser("county").post(f"/office/disputes/{dispute_id}", change="add", minutes="7", reason="核实无误")
    told = explained(stage, "en")
    for line in (
        "+1:30:00  Face-to-face session “如何评课”, Nov 22, 2026 20:00–21:30",
        "Place: 县教师进修学校",
        "Confirmed by 五华区教育局 on Nov 24, 2026 20:00.",
        "Present: Nov 22, 2026 20:00–21:30.",
        "Changed since by entry 5.",
        "−45:00  Taken back: Face-to-face session “如何评课”; what still counts: Nov 22, 2026 20:00–20:45",
        "Changed because: 提前离场",
        "Self-study “自学”, Nov 22, 2026 21:30–22:00",
        "+7:00  Entry 2 corrected after a dispute",
        "李建国 proposed to add 10 minutes: 情况属实",
        "五华区教育局 decided to add 7 minutes: 核实无误",
        "1:00:00 of it waits: its week has not reached the pace",
    ):
        assert line in told, line
    assert "Changed: Self-study “自学”; what counts now: Nov 22, 2026 21:00–22:00" in told
    assert told.count("Decided by 五华区教育局.") == 1
    assert "“”" not in told
    chinese = explained(stage, "zh")
    for line in (
        "集中面授“如何评课”，2026年11月22日 20:00–21:30",
        "五华区教育局 于 2026年11月24日 20:00 确认。",
        "扣回：集中面授“如何评课”；仍计入 2026年11月22日 20:00–20:45（原因：提前离场）",
        "校本研修（自学）：“自学”",
        "异议处理：更正第 2 条",
        "辅导教师 李建国 建议补记 10 分钟：情况属实",
        "其中 1:00:00 暂未计入",
    ):
        assert line in chinese, line


def test_a_film_at_the_same_time_is_named_as_what_counts_instead(stage: Stage) -> None:
    with_meetings(stage)
    start = NOW - timedelta(hours=1)  # when the stage's film was watched
    with stage.database.writing() as session:
        record = NewRecord(
            stage.enrolment_id, "meetings", "meeting/5", "评课", start, present=((ms_of(start), ms_of(NOW)),)
        )
        study_records.record_many(session, [record], confirmed_by_id=None, now=NOW)
    page = stage.browser("teacher").get(f"{stage.hours_address}/entries/3").text
    assert "Nov 24, 2026 19:00–19:05 does not count: this time is already counted for" in page
    assert "film" in page
    assert "Confirmed by the service itself on Nov 24, 2026 20:00." in page
    with stage.database.writing() as session:
        study_records.revoke(
            session, stage.enrolment_id, "meeting/5", by_id=stage.users["county"], reason="名单有误", now=NOW
        )
    page = stage.browser("teacher").get(f"{stage.hours_address}/entries/4").text
    assert "Taken back on Nov 24, 2026 20:00." in page
    assert "Nothing of it counts." in page
    assert "Changed because: 名单有误" in page
    assert "does not count:" not in page


@pytest.mark.parametrize(
    ("kind", "source_id", "detail", "en", "zh"),
    [
        ("qna", "meeting/1", {"title": "答疑"}, "Q&A session “答疑”", "集中辅导答疑“答疑”"),
        ("group_viewing", "meeting/1", {"title": "收看"}, "Group viewing “收看”", "集中收看“收看”"),
        (
            "placement",
            "placement/3/2",
            {"title": "云南师大附小"},
            "Month 2 of the placement at 云南师大附小",
            "跟岗第 2 个月，云南师大附小",
        ),
        ("homework", "coursework/1", {"title": "x"}, "“Films” passed", "“课程视频”合格"),
        ("reading", "reading/1", {"title": "读懂学生"}, "Read “Understanding pupils”", "阅读《读懂学生》"),
        ("reading", "reading/1", {"title": "旧单元"}, "Read “旧单元”", "阅读《旧单元》"),
        (
            "face_to_face",
            "meeting/1",
            {"title": "评课", "because": "漏签"},
            "Changed: Face-to-face session “评课” (reason: 漏签)",
            "更正：集中面授“评课”（原因：漏签）",
        ),
        (
            "dispute",
            "1",
            {},
            "Something that was missing, entered after a dispute",
            "异议处理：补记漏记的学时",
        ),
        ("decision", "9", {}, "Decision 9", "认定 9"),
    ],
)
def test_an_entry_says_where_it_comes_from(
    stage: Stage, kind: str, source_id: str, detail: dict[str, Any], en: str, zh: str
) -> None:
    row = CreditEntryRow(amount_ms=1, source_kind=kind, source_id=source_id, detail=detail, component_key="video")
    with stage.database.reading() as session:
        programme = programme_of(stage, session)
    for language, said in (("en", en), ("zh", zh)):
        with speaking(stage, language):
            sentence = source_sentence(row, programme, language)
            assert sentence == said or (kind == "decision" and "9" in sentence)
    row.component_key = "gone"
    with speaking(stage, "en"):
        assert "x" in source_sentence(row, programme, "en") or kind != "homework"


def programme_of(stage: Stage, session: Any) -> Programme:
    return catalogue.for_enrolment(session, session.get_one(Enrolment, stage.enrolment_id), NOW).programme


def test_what_is_known_of_a_source_is_said_in_a_word_each(stage: Stage) -> None:
    with stage.database.writing() as session:
        activity = SchoolActivity(
            enrolment_id=stage.enrolment_id,
            user_id=stage.users["teacher"],
            component_key="school",
            activity="seminar",
            title="集体备课",
            text="备了两节课",
            starts_at=HALF_PAST,
            ends_at=NOW,
            state="approved",
            approvals={
                "by": [
                    {"level": "school", "by": stage.users["county"], "at": NOW.isoformat()},
                    {"level": "county", "by": stage.users["admin"], "at": NOW.isoformat()},
                    {"level": "county", "by": 999_999, "at": NOW.isoformat()},
                ]
            },
            submitted_at=NOW,
        )
        placement = Placement(
            enrolment_id=stage.enrolment_id,
            component_key="placement",
            host="云南师大附小",
            host_user_id=stage.users["tutor"],
            mentor="赵明",
            starts_on=date(2026, 11, 1),
            ends_on=date(2026, 12, 31),
            created_by_id=stage.users["admin"],
            created_at=NOW,
        )
        work = Coursework(
            enrolment_id=stage.enrolment_id,
            component_key="papers",
            kind="homework",
            piece=2,
            state="passed",
            mark=85,
            remark="很扎实",
            submitted_at=NOW,
        )
        examination = Coursework(
            enrolment_id=stage.enrolment_id, component_key="exam", kind="examination", piece=1, submitted_at=NOW
        )
        reading = Reading(enrolment_id=stage.enrolment_id, module_id=stage.module_id, opened_at=NOW, read_at=None)
        session.add_all([activity, placement, work, examination, reading])
        session.flush()
        session.add(
            PlacementMonth(
                placement_id=placement.id,
                number=1,
                days_present=20,
                remark="表现良好",
                state="confirmed",
                decided_by_id=stage.users["tutor"],
                decided_at=NOW,
            )
        )
        session.flush()
        programme = programme_of(stage, session)
        of = {
            source: facts_of(stage, record_evidence.source_of(session, stage.enrolment_id, source), programme)
            for source in (
                f"activity/{activity.id}",
                f"placement/{placement.id}/1",
                f"coursework/{work.id}",
                f"coursework/{examination.id}",
                f"reading/{stage.module_id}",
            )
        }
        assert list(of.values()) == [
            {
                "Kind of school-based study": "Seminar",
                "From when to when": "Nov 22, 2026 20:00 – Nov 24, 2026 20:00",
                "Handed in on": "Nov 24, 2026 20:00",
                "Approved by the school": "五华区教育局 · Nov 24, 2026 20:00",
                "Approved by the county": "项目管理办公室 · Nov 24, 2026 20:00",
            },
            {"Placed at": "云南师大附小", "Mentor there": "赵明", "Days there": "20", "What the host says": "表现良好"},
            {
                "Piece number": "2",
                "Handed in on": "Nov 24, 2026 20:00",
                "Mark given": "85",
                "Remark of who marked it": "很扎实",
            },
            {"Attempt number": "1", "Handed in on": "Nov 24, 2026 20:00"},
            {"Opened on": "Nov 24, 2026 20:00"},
        ]
        for source in ("meeting/999", "activity/999", "meeting/x", "other/1", "placement/1", f"meeting/{2**70}"):
            found = record_evidence.source_of(session, stage.enrolment_id, source)
            assert facts_of(stage, found, programme) == {}


def facts_of(stage: Stage, source: Source, programme: Programme) -> dict[str, str]:
    behind = RecordBehind(None, source, (), (), (), True, False, "")
    with speaking(stage, "en"):
        return dict(record_facts(behind, programme))


def test_an_entry_whose_record_or_dispute_is_gone_still_opens(stage: Stage) -> None:
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, stage.enrolment_id)
        current = catalogue.for_enrolment(session, enrolment, NOW)
        for kind, source_id in (("face_to_face", "meeting/1"), ("dispute", "77"), ("dispute", "x")):
            entered = builders.hours.Credit("video", MINUTE_MS, kind, source_id, "builder/1", {"title": "t"})
            row = builders.hours.enter(session, enrolment, current, entered, NOW)
            found = entry_evidence.read(session, enrolment, row.number)
            assert (found.record, found.dispute) == (None, None)
    for number in (3, 4, 5):
        assert stage.browser("teacher").get(f"{stage.hours_address}/entries/{number}").status_code == 200


def test_programs_read_what_waits_for_its_week(stage: Stage) -> None:
    with_meetings(stage)
    confirm(stage, "activity/8", (60, 120), component="school", title="自学", activity="self_study")
    answer = stage.browser("teacher").call("GET", f"/api/v1{stage.hours_address}").json
    school = next(one for one in answer["components"] if one["key"] == "school")
    assert (school["credited_seconds"], school["pending_seconds"]) == (0, 3600)
    assert answer["total"]["pending_seconds"] == 3600
