"""Around meetings: links and changes, questions beforehand, notes afterwards, making up, calendar addresses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_2120"
down_revision = "20261130_2110"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk__{table}__{column}__{to}"))


def upgrade() -> None:
    with op.batch_alter_table("meetings") as table:
        table.add_column(sa.Column("link", sa.String(length=500), nullable=False, server_default=""))
        table.add_column(sa.Column("sequence", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("changed_at", INSTANT, nullable=True))
    with op.batch_alter_table("meetings") as table:
        table.alter_column("link", existing_type=sa.String(length=500), existing_nullable=False, server_default=None)
        table.alter_column("sequence", existing_type=sa.Integer(), existing_nullable=False, server_default=None)

    op.create_table(
        "meeting_questions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("meeting_id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("merged_into_id", BIG_ID, nullable=True),
        sa.Column("decided_by_id", BIG_ID, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "(state = 'merged') = (merged_into_id IS NOT NULL)", name=op.f("ck__meeting_questions__merged_into_one")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'answered', 'merged', 'withdrawn')", name=op.f("ck__meeting_questions__state")
        ),
        _refers("meeting_questions", "decided_by_id", "users"),
        _refers("meeting_questions", "enrolment_id", "enrolments"),
        _refers("meeting_questions", "meeting_id", "meetings"),
        _refers("meeting_questions", "merged_into_id", "meeting_questions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__meeting_questions")),
    )
    op.create_index(op.f("ix__meeting_questions__meeting_id_id"), "meeting_questions", ["meeting_id", "id"])
    op.create_index(op.f("ix__meeting_questions__enrolment_id"), "meeting_questions", ["enrolment_id"])

    op.create_table(
        "question_votes",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("question_id", BIG_ID, nullable=False),
        sa.Column("voted_at", INSTANT, nullable=False),
        _refers("question_votes", "enrolment_id", "enrolments"),
        _refers("question_votes", "question_id", "meeting_questions"),
        sa.PrimaryKeyConstraint("enrolment_id", "question_id", name=op.f("pk__question_votes")),
    )
    op.create_index(op.f("ix__question_votes__question_id"), "question_votes", ["question_id"])

    op.create_table(
        "meeting_notes",
        sa.Column("meeting_id", BIG_ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("recording_link", sa.String(length=500), nullable=False),
        sa.Column("recording_module_id", BIG_ID, nullable=True),
        sa.Column("questions", JSON, nullable=False),
        sa.Column("published_by_id", BIG_ID, nullable=False),
        sa.Column("published_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        _refers("meeting_notes", "meeting_id", "meetings"),
        _refers("meeting_notes", "published_by_id", "users"),
        _refers("meeting_notes", "recording_module_id", "modules"),
        sa.PrimaryKeyConstraint("meeting_id", name=op.f("pk__meeting_notes")),
    )

    op.create_table(
        "meeting_makeups",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("meeting_id", BIG_ID, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("choice_order", sa.String(length=20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("nominal_ms", sa.Integer(), nullable=False),
        sa.Column("read_at", INSTANT, nullable=True),
        _refers("meeting_makeups", "enrolment_id", "enrolments"),
        _refers("meeting_makeups", "meeting_id", "meetings"),
        sa.PrimaryKeyConstraint("enrolment_id", "meeting_id", name=op.f("pk__meeting_makeups")),
    )
    op.create_index(op.f("ix__meeting_makeups__meeting_id"), "meeting_makeups", ["meeting_id"])

    op.create_table(
        "calendar_addresses",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("draw", sa.String(length=32), nullable=False),
        sa.Column("drawn_at", INSTANT, nullable=False),
        _refers("calendar_addresses", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk__calendar_addresses")),
    )


def downgrade() -> None:
    op.drop_table("calendar_addresses")
    op.drop_table("meeting_makeups")
    op.drop_table("meeting_notes")
    op.drop_table("question_votes")
    op.drop_table("meeting_questions")

    with op.batch_alter_table("meetings") as table:
        table.drop_column("changed_at")
        table.drop_column("sequence")
        table.drop_column("link")
