"""The demo's class of thirty: every state that a tutor meets, made by the services, with books that agree."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from lms_plugin.content.loader import load_programme
from lms_plugin.services import access, auditing, catalogue, coursework, people, regionimport, tutoring_waits
from lms_plugin.services.access import OFFICE, TUTOR, Grant
from lms_plugin.services.catalogue import EncodedFilm
from lms_plugin.services.people import NewPerson
from lms_plugin.services.rosterfile import REGIONS, read_table
from lms_plugin.storage.activity import Post
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Meeting
from scripts.demonstration import classroom
from scripts.demonstration.people import DATA

CONTENT = Path(__file__).resolve().parents[2] / "course_content"
FILM_MS = 123_000
NOW = datetime.fromisoformat("2026-11-30T09:00:00+00:00")


@pytest.fixture
def installed(database: Database) -> Database:
    """A store with the demo's regions, its tutor and office, and its second programme with films of two minutes."""
    programme = load_programme(CONTENT / classroom.PROGRAMME).programme
    films = {one.key: EncodedFilm(f"{number:064x}", FILM_MS, {}) for number, one in enumerate(programme.modules)}
    with database.writing() as session:
        regionimport.import_regions(session, read_table((DATA / "regions.csv").read_bytes(), REGIONS))
        catalogue.publish(session, programme, films, NOW)
        people.create_user(session, NewPerson("tutor", "陈国华", (Grant(TUTOR, None),)), None, NOW)
        people.create_user(session, NewPerson("admin", "周敏", (Grant(OFFICE, None),)), None, NOW)
    return database


def test_a_class_in_the_middle_of_its_course_has_everything_that_a_tutor_meets(installed: Database) -> None:
    assert classroom.make(installed, NOW) == 30
    with installed.reading() as session:
        group_id = session.scalars(select(ClassGroup.id).where(ClassGroup.name == classroom.GROUP)).one()
        tutor = access.actor_of(session, people.user_by_login(session, "tutor").id)
        learners = session.scalars(select(Enrolment).where(Enrolment.class_group_id == group_id)).all()
        states = Counter(one.state for one in learners)
        complete = sum(one.completed_at is not None for one in learners)
        untouched = sum(one.counted_ms == 0 for one in learners)
        waiting = coursework.to_mark(session, tutor, NOW)
        meetings = Counter(session.scalars(select(Meeting.state)).all())
        counting = session.scalars(select(Post.counts)).all()
        waits = {
            name: count(session, [group_id], NOW)[group_id].number
            for name, count in (
                ("questions", tutoring_waits.questions),
                ("posts", tutoring_waits.posts),
                ("homework", tutoring_waits.homework),
                ("lists", tutoring_waits.attendance_lists),
                ("held", tutoring_waits.held_film),
            )
        }
        differences = [auditing.first_difference(session, one.user_id) for one in learners]
    assert states == {"active": 28, "withdrawn": 2}
    assert complete == 4
    assert 3 <= untouched <= 6
    assert len(waiting) == 4
    # When the first film asks is drawn; if it does not, the second does.
    assert 4 <= waits.pop("held") <= 7
    assert waits == {"questions": 3, "posts": 36, "homework": 4, "lists": 1}
    assert meetings == {"confirmed": 2, "planned": 2}
    assert Counter(counting) == {True: 36, False: 3}
    assert not any(differences)


def test_it_is_made_once(installed: Database) -> None:
    classroom.make(installed, NOW)
    assert classroom.make(installed, NOW) == 0
