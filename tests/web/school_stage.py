"""The service with a programme of every kind of confirmed study, one of everything handed in, and everybody in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from lms_plugin.services import attachments, coursework, examinations, passwords, placements, school_activities
from lms_plugin.services.placements import NewPlacement
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests.application import make_app
from tests.builders import NOW
from tests.services.school_world import JPEG, TEXT, activity, make_world
from tests.web.stage import PASSWORD, Clock, Site, settings_of

PEOPLE = ("teacher", "mate", "tutor", "school", "county", "far", "office", "host")


@dataclass
class SchoolStage(Site):
    """The service and what is in it."""

    enrolment_id: int
    mate_enrolment_id: int
    modules: dict[str, int]
    activity_id: int
    attachment_id: int
    coursework_id: int
    placement_id: int
    attempt_id: int
    files: dict[str, bytes] = field(default_factory=dict)


@contextmanager
def open_school_stage(database: Database, database_url: str, folder: Path) -> Iterator[SchoolStage]:
    clock, settings = Clock(), settings_of(database_url, folder)
    kept = attachments.Folder(settings.attachments_root)
    with database.writing() as session:
        world = make_world(session)
        hashed = passwords.hash_password(PASSWORD)
        users = {name: getattr(world, name).user_id for name in PEOPLE}
        for user_id in users.values():
            session.get_one(User, user_id).password_hash = hashed
        row = school_activities.hand_in(
            session, world.teacher, world.enrolment.id, activity(), files=[JPEG], folder=kept, now=NOW
        )
        (file,) = attachments.of_owner(session, f"activity/{row.id}")
        work = coursework.hand_in(session, world.teacher, world.enrolment.id, "homework", 1, text=TEXT, now=NOW)
        placed = placements.place(
            session,
            world.county,
            world.enrolment.id,
            NewPlacement("省实验小学", "host", date(2026, 9, 15), date(2026, 12, 15), "周老师"),
            NOW - timedelta(days=60),
        )
        attempt = examinations.enter(session, world.office, world.enrolment.id, mark=52, now=NOW)
        ids = {
            "enrolment_id": world.enrolment.id,
            "mate_enrolment_id": world.other_enrolment.id,
            "activity_id": row.id,
            "attachment_id": file.id,
            "coursework_id": work.id,
            "placement_id": placed.id,
            "attempt_id": attempt.id,
        }
        modules = dict(world.modules)
    app = make_app(settings, clock=clock)
    yield SchoolStage(app=app, database=database, clock=clock, users=users, modules=modules, **ids)
    app.extensions["lms_plugin"].database.dispose()
