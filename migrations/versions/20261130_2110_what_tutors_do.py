"""What tutors do: messages, notes, briefs, substitutes, and a trail that the store itself never changes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_2110"
down_revision = "20261130_2115"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

TABLES = ("substitutions", "tutor_briefs", "tutor_notes", "message_recipients", "tutor_messages", "trail_entries")
SQLITE_GUARDS = [
    f"CREATE TRIGGER trail_entries_no_{verb} BEFORE {verb} ON trail_entries "
    "BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END"
    for verb in ("update", "delete")
]
POSTGRESQL_GUARDS = [
    "CREATE FUNCTION trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the trail is append-only'; END $$",
    "CREATE TRIGGER trail_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_entries "
    "FOR EACH STATEMENT EXECUTE FUNCTION trail_is_append_only()",
]


def upgrade() -> None:
    op.create_table(
        "trail_entries",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("actor_id", BIG_ID, nullable=False),
        sa.Column("on_behalf_of_id", BIG_ID, nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("about", sa.String(length=120), nullable=False),
        sa.Column("class_group_id", BIG_ID, nullable=True),
        sa.Column("enrolment_id", BIG_ID, nullable=True),
        sa.Column("params", JSON, nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk__trail_entries__actor_id__users")),
        sa.ForeignKeyConstraint(
            ["on_behalf_of_id"], ["users.id"], name=op.f("fk__trail_entries__on_behalf_of_id__users")
        ),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__trail_entries__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__trail_entries__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__trail_entries")),
    )
    op.create_index(op.f("ix__trail_entries__actor_id_id"), "trail_entries", ["actor_id", "id"], unique=False)
    op.create_index(
        op.f("ix__trail_entries__class_group_id_id"), "trail_entries", ["class_group_id", "id"], unique=False
    )
    op.create_index(op.f("ix__trail_entries__enrolment_id_id"), "trail_entries", ["enrolment_id", "id"], unique=False)
    op.create_table(
        "tutor_messages",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("class_group_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("author_id", BIG_ID, nullable=False),
        sa.Column("on_behalf_of_id", BIG_ID, nullable=True),
        sa.Column("once", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('message', 'brief')", name=op.f("ck__tutor_messages__kind")),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__tutor_messages__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk__tutor_messages__author_id__users")),
        sa.ForeignKeyConstraint(
            ["on_behalf_of_id"], ["users.id"], name=op.f("fk__tutor_messages__on_behalf_of_id__users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__tutor_messages")),
        sa.UniqueConstraint("author_id", "once", name=op.f("uq__tutor_messages__author_id_once")),
    )
    op.create_index(
        op.f("ix__tutor_messages__class_group_id_id"), "tutor_messages", ["class_group_id", "id"], unique=False
    )
    op.create_table(
        "message_recipients",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("message_id", BIG_ID, nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__message_recipients__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["tutor_messages.id"], name=op.f("fk__message_recipients__message_id__tutor_messages")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "message_id", name=op.f("pk__message_recipients")),
    )
    op.create_index(op.f("ix__message_recipients__message_id"), "message_recipients", ["message_id"], unique=False)
    op.create_table(
        "tutor_notes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("author_id", BIG_ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__tutor_notes__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk__tutor_notes__author_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__tutor_notes")),
    )
    op.create_index(op.f("ix__tutor_notes__enrolment_id_id"), "tutor_notes", ["enrolment_id", "id"], unique=False)
    op.create_table(
        "tutor_briefs",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("class_group_id", BIG_ID, nullable=False),
        sa.Column("week_on", sa.Date(), nullable=False),
        sa.Column("audience", sa.String(length=10), nullable=False),
        sa.Column("author_id", BIG_ID, nullable=False),
        sa.Column("on_behalf_of_id", BIG_ID, nullable=True),
        sa.Column("message_id", BIG_ID, nullable=True),
        sa.Column("once", sa.String(length=40), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.CheckConstraint("audience IN ('group', 'office')", name=op.f("ck__tutor_briefs__audience")),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__tutor_briefs__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk__tutor_briefs__author_id__users")),
        sa.ForeignKeyConstraint(
            ["on_behalf_of_id"], ["users.id"], name=op.f("fk__tutor_briefs__on_behalf_of_id__users")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["tutor_messages.id"], name=op.f("fk__tutor_briefs__message_id__tutor_messages")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__tutor_briefs")),
        sa.UniqueConstraint("author_id", "once", name=op.f("uq__tutor_briefs__author_id_once")),
    )
    op.create_index(op.f("ix__tutor_briefs__class_group_id_id"), "tutor_briefs", ["class_group_id", "id"], unique=False)
    op.create_table(
        "substitutions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("class_group_id", BIG_ID, nullable=False),
        sa.Column("substitute_id", BIG_ID, nullable=False),
        sa.Column("tutor_id", BIG_ID, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("given_by_id", BIG_ID, nullable=False),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.Column("ended_by_id", BIG_ID, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck__substitutions__ends_after_it_started")),
        sa.CheckConstraint("substitute_id <> tutor_id", name=op.f("ck__substitutions__of_two_people")),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__substitutions__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(["substitute_id"], ["users.id"], name=op.f("fk__substitutions__substitute_id__users")),
        sa.ForeignKeyConstraint(["tutor_id"], ["users.id"], name=op.f("fk__substitutions__tutor_id__users")),
        sa.ForeignKeyConstraint(["given_by_id"], ["users.id"], name=op.f("fk__substitutions__given_by_id__users")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["users.id"], name=op.f("fk__substitutions__ended_by_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__substitutions")),
    )
    op.create_index(
        op.f("ix__substitutions__class_group_id_starts_at"),
        "substitutions",
        ["class_group_id", "starts_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix__substitutions__substitute_id_ends_at"), "substitutions", ["substitute_id", "ends_at"], unique=False
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if is_sqlite else POSTGRESQL_GUARDS:
        op.execute(guard)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION trail_is_append_only()")
