"""Tutors who were dismissed before former tutors were kept are known from the trail."""

from sqlalchemy import text

from lms_plugin.storage import migrating
from lms_plugin.storage.session import Database
from tests.migrations.test_posts_of_before import add

BEFORE = "20261201_0480"


def test_former_tutors_are_read_from_the_trail(empty_database: Database) -> None:
    migrating.upgrade(empty_database, BEFORE)
    with empty_database.engine.begin() as connection:
        for number in (1, 23):
            add(connection, "users", id=number, login=f"user{number}", language="zh")
        add(connection, "programmes", id=1)
        for number in (1, 2):
            add(connection, "class_groups", id=number, name=f"{number}班")
        deeds = (
            ("tutor_appointed", "user/1", 1),
            ("tutor_dismissed", "user/23", 1),
            ("tutor_dismissed", "user/23", 1),
            ("tutor_dismissed", "user/1", 2),
        )
        for number, (kind, about, group_id) in enumerate(deeds, 1):
            add(connection, "trail_entries", id=number, kind=kind, about=about, class_group_id=group_id)

    migrating.upgrade(empty_database)

    with empty_database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT class_group_id, user_id FROM former_tutors"
                " WHERE ended_at = (SELECT max(happened_at) FROM trail_entries)"
            )
        )
        assert sorted(tuple(row) for row in rows) == [(1, 23), (2, 1)]
    migrating.downgrade(empty_database, BEFORE)
    migrating.upgrade(empty_database)
