"""A class group with two tutors, learners of every standing, and a tutor of another group who can stand in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from lms_plugin.domain.modes import ComponentKind, StudyRule
from lms_plugin.domain.programme import MINUTE_MS, Component, DiscussionRule, Programme, Text, WatchingRule, Window
from lms_plugin.services import access
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from tests import builders
from tests.builders import NOW as NOW

HOUR = 45 * MINUTE_MS
PROGRAMME = builders.make_programme(
    "tutored",
    window=Window(date(2026, 11, 2), date(2026, 12, 14)),
    components=(
        Component("video", ComponentKind.VIDEO, Text("课程视频", "Films"), Decimal(40)),
        Component("discussion", ComponentKind.DISCUSSION, Text("研讨", "Discussion"), Decimal(5)),
        Component("qna", ComponentKind.QNA, Text("集中辅导答疑", "Q&A sessions"), Decimal(3), study=StudyRule()),
        Component(
            "homework",
            ComponentKind.HOMEWORK,
            Text("作业", "Homework"),
            Decimal(2),
            study=StudyRule(credit_class_hours=Decimal(2)),
        ),
    ),
    total_class_hours=Decimal(50),
    watching=WatchingRule(),
    discussion=DiscussionRule(),
)


@dataclass
class Tutored:
    """What is in the store. People are found by login, enrolments by their learner's."""

    current: InForce
    group_id: int
    other_group_id: int
    people: dict[str, int] = field(default_factory=dict)
    enrolments: dict[str, int] = field(default_factory=dict)

    def actor(self, session: Session, login: str, now: datetime = NOW) -> Actor:
        return access.actor_of(session, self.people[login], now)

    def enrolment(self, session: Session, login: str) -> Enrolment:
        return session.get_one(Enrolment, self.enrolments[login])


def make_tutored(
    session: Session, learners: Sequence[str] = ("through", "steady", "late", "idle"), programme: Programme = PROGRAMME
) -> Tutored:
    """The class group, with nothing credited to anybody."""
    regions = builders.make_region_tree(session)
    current = builders.publish(session, programme, now=datetime(2026, 10, 1, tzinfo=UTC))
    users: dict[str, User] = {
        "tutor": builders.make_user(session, "tutor", "tutor", name="李建国", email="tutor@example.org"),
        "second": builders.make_user(session, "second", "tutor", name="孙丽"),
        "other": builders.make_user(session, "other", "tutor", name="周敏"),
        "county": builders.make_user(session, "county", "office", scope=regions.county),
        "far": builders.make_user(session, "far", "office", scope=regions.far_county),
        "office": builders.make_user(session, "office", "office"),
    }
    group = builders.make_class_group(session, current, "一班", users["tutor"], users["second"])
    other = builders.make_class_group(session, current, "二班", users["other"])
    found = Tutored(current, group.id, other.id)
    for login in learners:
        users[login] = builders.make_user(
            session, login, name=f"学员{login}", region=regions.school, email=f"{login}@example.org"
        )
        found.enrolments[login] = builders.enrol(
            session, users[login], current, group=group, now=datetime(2026, 10, 20, tzinfo=UTC)
        ).id
    users["stranger"] = builders.make_user(session, "stranger", name="陈静", region=regions.far_school)
    found.enrolments["stranger"] = builders.enrol(
        session, users["stranger"], current, group=session.get_one(ClassGroup, other.id)
    ).id
    found.people = {login: user.id for login, user in users.items()}
    return found


def credit(session: Session, world: Tutored, login: str, class_hours: int, key: str = "video") -> None:
    """Enter class hours for a learner, as a decision would."""
    builders.credit(session, world.enrolment(session, login), class_hours * HOUR, key, source_id=f"{key}{class_hours}")
