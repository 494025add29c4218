"""A programme of meetings, with class groups, a school and everybody who runs or attends them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from lms_plugin.domain import meetings as rules
from lms_plugin.domain.modes import ComponentKind, StudyRule
from lms_plugin.domain.programme import Component, Programme, Text
from lms_plugin.services import meeting_planning, meetings
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.study import Meeting
from tests import builders

NINE = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)
"""Nine o'clock in Shanghai on a day inside the programme's window."""
NOON = NINE + timedelta(hours=3)


def programme_of_meetings(**changes: Any) -> Programme:
    """Two films, and meetings of all three kinds: classes with both ends signed, Q&A sessions with only the first."""
    return builders.make_programme(
        key="gathering",
        components=(
            Component("video", ComponentKind.VIDEO, Text("课程视频", "Films"), Decimal(2)),
            Component(
                "classes",
                ComponentKind.FACE_TO_FACE,
                Text("集中面授", "Classes"),
                Decimal(20),
                study=StudyRule(late_minutes=10),
            ),
            Component(
                "qna", ComponentKind.QNA, Text("集中辅导答疑", "Q&A"), Decimal(4), study=StudyRule(both_ends=False)
            ),
            Component("viewings", ComponentKind.GROUP_VIEWING, Text("集中收看", "Group viewings"), Decimal(4)),
        ),
        total_class_hours=Decimal(30),
        **changes,
    )


@dataclass
class Gathering:
    """Who is there. The tutor's group has Wang and Zhang (of the school); the other group has Chen, far away."""

    session: Session
    regions: builders.RegionTree
    current: InForce
    group: ClassGroup
    other_group: ClassGroup
    tutor: User
    other_tutor: User
    admin: User
    county: User
    far: User
    wang: User
    zhang: User
    chen: User
    wangs: Enrolment
    zhangs: Enrolment
    chens: Enrolment

    def actor(self, user: User) -> Actor:
        return builders.actor_for(self.session, user)

    def new(self, component_key: str = "classes", **changes: Any) -> NewMeeting:
        """A plan of a morning for the tutor's group."""
        values: dict[str, Any] = {
            "programme_id": self.current.id,
            "component_key": component_key,
            "title": "怎样评课",
            "place": "县教师进修学校 301",
            "starts_at": NINE,
            "ends_at": NOON,
            "group_ids": (self.group.id,),
        }
        return NewMeeting(**(values | changes))

    def planned(self, component_key: str = "classes", **changes: Any) -> Meeting:
        new = self.new(component_key, **changes)
        return meeting_planning.plan(self.session, self.actor(self.tutor), new, builders.NOW)

    def opened(self, component_key: str = "classes", **changes: Any) -> Meeting:
        meeting = self.planned(component_key, **changes)
        opens_at = meeting.starts_at - timedelta(minutes=30)
        return meetings.open_meeting(self.session, self.actor(self.tutor), meeting.id, opens_at)

    def code(self, meeting: Meeting, at: datetime) -> str:
        return rules.code_at(meeting.code_secret, at)


def gather(session: Session, programme: Programme | None = None) -> Gathering:
    regions = builders.make_region_tree(session)
    people = {
        "tutor": builders.make_user(session, "tutor", "tutor", name="李建国", region=regions.county),
        "other_tutor": builders.make_user(session, "other-tutor", "tutor", name="周敏"),
        "admin": builders.make_user(session, "admin", "office", name="项目管理办公室"),
        "county": builders.make_user(session, "county", "office", name="五华区教育局", scope=regions.county),
        "far": builders.make_user(session, "far", "office", name="武都区教育局", scope=regions.far_county),
        "wang": builders.make_user(session, "wang", name="王丽", region=regions.school),
        "zhang": builders.make_user(session, "zhang", name="张小梅", region=regions.school),
        "chen": builders.make_user(session, "chen", name="陈静", region=regions.far_school),
    }
    current = builders.publish(session, programme or programme_of_meetings())
    group = builders.make_class_group(session, current, "一班", people["tutor"])
    other_group = builders.make_class_group(session, current, "二班", people["other_tutor"])
    return Gathering(
        session=session,
        regions=regions,
        current=current,
        group=group,
        other_group=other_group,
        wangs=builders.enrol(session, people["wang"], current, group=group),
        zhangs=builders.enrol(session, people["zhang"], current, group=group),
        chens=builders.enrol(session, people["chen"], current, group=other_group),
        **people,
    )
