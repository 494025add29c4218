"""Confirmed study of the stage's teacher: a programme with meetings and school-based study, and who was there."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from lms_plugin.domain.modes import ComponentKind, StudyRule, WeeklyPace
from lms_plugin.domain.programme import MINUTE_MS, Component, Text
from lms_plugin.services import catalogue, study_records
from lms_plugin.services.study_records import NewRecord, ms_of
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Meeting, SignIn
from tests import builders
from tests.builders import NOW
from tests.web.stage import Stage


def with_meetings(stage: Stage) -> None:
    """From now on the programme has meetings, and school-based study with a pace."""
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, stage.enrolment_id)
        programme = catalogue.in_force(session, enrolment.programme_id, NOW).programme
        meetings = Component("meetings", ComponentKind.FACE_TO_FACE, Text("面授", "Face to face"), Decimal(4))
        school = Component(
            "school",
            ComponentKind.SCHOOL_BASED,
            Text("校本研修", "School-based study"),
            Decimal(4),
            pace=WeeklyPace(Decimal(2), 0),
            study=StudyRule(),
        )
        components = (*programme.components, meetings, school)
        builders.publish(session, replace(programme, components=components), now=NOW - timedelta(days=9))


def confirm(stage: Stage, source: str, *minutes: tuple[int, int], component: str = "meetings", **more: object) -> None:
    """Confirm study, in minutes from two days before NOW."""
    start = NOW - timedelta(days=2)
    because = str(more.pop("because", ""))
    with stage.database.writing() as session:
        record = NewRecord(
            enrolment_id=stage.enrolment_id,
            component_key=component,
            source=source,
            title=str(more.get("title", "如何评课")),
            at=start,
            activity=str(more.get("activity", "")),
            present=tuple((ms_of(start) + a * MINUTE_MS, ms_of(start) + b * MINUTE_MS) for a, b in minutes),
        )
        study_records.record_many(session, [record], confirmed_by_id=stage.users["county"], now=NOW, because=because)


def make_meeting(stage: Stage) -> int:
    with stage.database.writing() as session:
        enrolment, start = session.get_one(Enrolment, stage.enrolment_id), NOW - timedelta(days=2)
        meeting = Meeting(
            programme_id=enrolment.programme_id,
            component_key="meetings",
            kind="face_to_face",
            title="如何评课",
            place="县教师进修学校",
            leader_id=stage.users["tutor"],
            starts_at=start,
            ends_at=start + timedelta(minutes=90),
            created_by_id=stage.users["county"],
            created_at=start,
        )
        session.add(meeting)
        session.flush()
        session.add(
            SignIn(
                enrolment_id=enrolment.id,
                meeting_id=meeting.id,
                in_at=start,
                in_by="code",
                out_at=start + timedelta(minutes=90),
                out_by="list",
                changed_at=start,
            )
        )
        return meeting.id
