"""A programme with school-based study, placements, homework, an examination and readings, and the people in it."""

import io
import zipfile
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.modes import StudyRule
from lms_plugin.domain.programme import (
    Component,
    ComponentKind,
    Module,
    Programme,
    Question,
    Text,
    Window,
)
from lms_plugin.services.access import OFFICE, TUTOR, Actor
from lms_plugin.services.attachments import Folder, NewFile
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.school_activities import ActivityForm
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ModuleRow
from tests.builders import (
    NOW,
    RegionTree,
    actor_for,
    enrol,
    make_class_group,
    make_programme,
    make_region_tree,
    make_user,
    publish,
)

MINUTE_MS = 60_000
HOUR_MS = 45 * MINUTE_MS
TEXT = "教研组八人围绕分数的初步认识磨课，我主讲，大家提出三处修改意见，会后改了教案。"
JPEG = NewFile("磨课现场.jpg", b"\xff\xd8\xff\xe0" + b"JFIF" * 20)
QUESTIONS = tuple(
    Question(f"q{number}", Text(f"第{number}问", f"Question {number}"), (Text("对", "Yes"), Text("错", "No")), 0)
    for number in (1, 2, 3)
)


def components(**study: StudyRule) -> tuple[Component, ...]:
    """One component of each kind; `study` replaces the rule of a kind."""
    rules = {
        "school_based": StudyRule(),
        "placement": StudyRule(credit_class_hours=Decimal(40)),
        "homework": StudyRule(credit_class_hours=Decimal(2), pieces=3),
        "examination": StudyRule(credit_class_hours=Decimal(4)),
        "reading": StudyRule(),
    } | study
    titles = {
        "school_based": Text("校本研修", "School-based study"),
        "placement": Text("影子研修", "Shadowing"),
        "homework": Text("作业", "Homework"),
        "examination": Text("结业考试", "Final examination"),
        "reading": Text("阅读", "Reading"),
    }
    return tuple(Component(key, ComponentKind(key), titles[key], Decimal(4), study=rule) for key, rule in rules.items())


def programme(**changes: Any) -> Programme:
    reading = Text("字" * 3000, "word " * 2000)
    made = make_programme(
        "school",
        components=components(),
        total_class_hours=Decimal(20),
        window=Window(date(2026, 9, 1), date(2027, 9, 1)),
        modules=(
            Module("asked", Text("读懂学生", "Understanding pupils"), reading=reading, questions=QUESTIONS),
            Module("plain", Text("上好一课", "Teaching well"), reading=reading),
            Module("film", Text("观课", "Observing")),
        ),
    )
    return replace(made, **changes)


@dataclass(frozen=True, slots=True)
class World:
    """Everybody as an actor, and what they have to do with."""

    regions: RegionTree
    current: InForce
    group: ClassGroup
    enrolment: Enrolment
    other_enrolment: Enrolment
    teacher: Actor
    mate: Actor
    tutor: Actor
    school: Actor
    county: Actor
    far: Actor
    office: Actor
    host: Actor
    modules: dict[str, int]


def make_world(session: Session, made: Programme | None = None, now: datetime = NOW) -> World:
    regions = make_region_tree(session)
    current = publish(session, made or programme(), durations_ms={}, now=now)
    teacher = make_user(session, "teacher", region=regions.school)
    mate = make_user(session, "mate", name="张小梅", region=regions.school)
    tutor = make_user(session, "tutor", TUTOR, name="李建国")
    people = {
        "school": make_user(session, "school", OFFICE, name="莲华小学教务处", scope=regions.school),
        "county": make_user(session, "county", OFFICE, name="五华区教育局", scope=regions.county),
        "far": make_user(session, "far", OFFICE, name="武都区教育局", scope=regions.far_county),
        "office": make_user(session, "office", OFFICE, name="项目办"),
        "host": make_user(session, "host", "provider", name="省实验小学"),
        "teacher": teacher,
        "mate": mate,
        "tutor": tutor,
    }
    group = make_class_group(session, current, "一班", tutor)
    return World(
        regions=regions,
        current=current,
        group=group,
        enrolment=enrol(session, teacher, current, group=group, now=now),
        other_enrolment=enrol(session, mate, current, group=group, now=now),
        modules={row.key: row.id for row in session.scalars(select(ModuleRow))},
        **{name: actor_for(session, one) for name, one in people.items()},
    )


def activity(hours_before: float = 3, minutes: int = 90, *, kind: str = "seminar", **changes: Any) -> ActivityForm:
    """An activity that began so many hours before NOW."""
    starts_at = NOW - timedelta(hours=hours_before)
    form = ActivityForm(kind, "分数的初步认识磨课", TEXT, starts_at, starts_at + timedelta(minutes=minutes))
    return replace(form, **changes)


def folder(path: Path) -> Folder:
    return Folder(path / "attachments")


def ledger(session: Session, enrolment: Enrolment) -> list[tuple[str, str, int]]:
    """(kind, source, minutes) of an enrolment's entries."""
    rows = session.scalars(
        select(CreditEntryRow).where(CreditEntryRow.enrolment_id == enrolment.id).order_by(CreditEntryRow.number)
    )
    return [(row.source_kind, row.source_id, row.amount_ms // MINUTE_MS) for row in rows]


def docx() -> bytes:
    """The smallest file that is a Word document as far as its list of contents says."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as zipped:
        kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
        zipped.writestr("[Content_Types].xml", f'<Types><Override ContentType="{kind}"/></Types>')
    return written.getvalue()
