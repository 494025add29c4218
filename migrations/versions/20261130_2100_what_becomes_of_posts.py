"""What becomes of posts after they were written: edits, marks, and what is taken back."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_2100"
down_revision = "20261125_0300"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TO_MARK = sa.text("looked_at IS NULL AND taken_back_at IS NULL AND enrolment_id IS NOT NULL")
EARNED = """
    UPDATE posts SET credit_ms = COALESCE((
        SELECT amount_ms FROM credit_entries
        WHERE credit_entries.enrolment_id = posts.enrolment_id AND source_kind = 'post'
        AND source_id = CAST(posts.id AS VARCHAR(60))
    ), 0), component_key = COALESCE((
        SELECT component_key FROM credit_entries
        WHERE credit_entries.enrolment_id = posts.enrolment_id AND source_kind = 'post'
        AND source_id = CAST(posts.id AS VARCHAR(60))
    ), '')
"""


@contextmanager
def _answers_put_by() -> Iterator[None]:
    """SQLite changes a table by making it anew, and posts that answer posts would stand in the way of that."""
    if op.get_bind().dialect.name != "sqlite":
        yield
        return
    op.execute("CREATE TEMPORARY TABLE answers AS SELECT id, reply_to_id FROM posts WHERE reply_to_id IS NOT NULL")
    op.execute("UPDATE posts SET reply_to_id = NULL")
    yield
    op.execute("UPDATE posts SET reply_to_id = (SELECT reply_to_id FROM answers WHERE answers.id = posts.id)")
    op.execute("DROP TABLE answers")


def upgrade() -> None:
    with _answers_put_by():
        _widen()
    _create_changes()


def _widen() -> None:
    with op.batch_alter_table("posts") as table:
        table.add_column(sa.Column("judged_at", INSTANT, nullable=True))
        table.add_column(sa.Column("credit_ms", sa.Integer(), nullable=True))
        table.add_column(sa.Column("component_key", sa.String(length=60), nullable=True))
        table.add_column(sa.Column("mark", sa.String(length=10), nullable=True))
        table.add_column(sa.Column("extra_ms", sa.Integer(), nullable=True))
        table.add_column(sa.Column("edited_at", INSTANT, nullable=True))
        table.add_column(sa.Column("edits", sa.Integer(), nullable=True))
        table.add_column(sa.Column("taken_back_at", INSTANT, nullable=True))
        table.add_column(sa.Column("looked_at", INSTANT, nullable=True))
        table.add_column(sa.Column("looked_by_id", BIG_ID, nullable=True))
    # What was written before tutors had a list of posts to mark is not put on it.
    op.execute("UPDATE posts SET judged_at = created_at, looked_at = created_at, mark = '', extra_ms = 0, edits = 0")
    op.execute(EARNED)
    with op.batch_alter_table("posts") as table:
        for name, kind in (
            ("judged_at", INSTANT),
            ("credit_ms", sa.Integer()),
            ("component_key", sa.String(length=60)),
            ("mark", sa.String(length=10)),
            ("extra_ms", sa.Integer()),
            ("edits", sa.Integer()),
        ):
            table.alter_column(name, existing_type=kind, nullable=False)
        table.create_foreign_key(op.f("fk__posts__looked_by_id__users"), "users", ["looked_by_id"], ["id"])
        table.create_check_constraint(op.f("ck__posts__mark"), "mark IN ('', 'excellent', 'void')")
        table.create_check_constraint(op.f("ck__posts__extra_is_for_excellence"), "extra_ms = 0 OR mark = 'excellent'")
    op.create_index("ix__posts__to_mark", "posts", ["enrolment_id"], sqlite_where=TO_MARK, postgresql_where=TO_MARK)


def _create_changes() -> None:
    op.create_table(
        "post_changes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("post_id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=True),
        sa.Column("after_post_id", BIG_ID, nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("by_id", BIG_ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("extra_ms", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("judgement", JSON, nullable=True),
        sa.Column("judged_at", INSTANT, nullable=True),
        sa.Column("credit_ms", sa.Integer(), nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.CheckConstraint(
            "kind IN ('edited', 'taken_back', 'excellent', 'excellent_withdrawn', 'void', 'void_lifted')",
            name=op.f("ck__post_changes__kind"),
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk__post_changes__post_id__posts")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__post_changes__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["after_post_id"], ["posts.id"], name=op.f("fk__post_changes__after_post_id__posts")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk__post_changes__by_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__post_changes")),
    )
    op.create_index(op.f("ix__post_changes__post_id_id"), "post_changes", ["post_id", "id"])
    op.create_index(op.f("ix__post_changes__enrolment_id_id"), "post_changes", ["enrolment_id", "id"])


def downgrade() -> None:
    op.drop_table("post_changes")
    with _answers_put_by():
        _narrow()


def _narrow() -> None:
    op.drop_index("ix__posts__to_mark", table_name="posts")
    with op.batch_alter_table("posts") as table:
        table.drop_constraint(op.f("ck__posts__extra_is_for_excellence"), type_="check")
        table.drop_constraint(op.f("ck__posts__mark"), type_="check")
        table.drop_constraint(op.f("fk__posts__looked_by_id__users"), type_="foreignkey")
        for name in (
            "looked_by_id",
            "looked_at",
            "taken_back_at",
            "edits",
            "edited_at",
            "extra_ms",
            "mark",
            "component_key",
            "credit_ms",
            "judged_at",
        ):
            table.drop_column(name)
