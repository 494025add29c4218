"""Questions to the tutor, what is written to them, and each module's FAQ."""

import sqlalchemy as sa
from alembic import op

revision = "20261130_2115"
down_revision = "20261130_2100"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "questions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("author_id", BIG_ID, nullable=False),
        sa.Column("module_id", BIG_ID, nullable=False),
        sa.Column("class_group_id", BIG_ID, nullable=False),
        sa.Column("video_id", BIG_ID, nullable=True),
        sa.Column("at_seconds", sa.Integer(), nullable=True),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("asked_as", sa.String(length=40), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("waiting_since", INSTANT, nullable=True),
        sa.Column("merged_into_id", BIG_ID, nullable=True),
        sa.CheckConstraint("state IN ('open', 'answered', 'merged')", name=op.f("ck__questions__state")),
        sa.CheckConstraint(
            "(state = 'open') = (waiting_since IS NOT NULL)", name=op.f("ck__questions__only_open_waits")
        ),
        sa.CheckConstraint(
            "state <> 'merged' OR merged_into_id IS NOT NULL", name=op.f("ck__questions__merged_into_one")
        ),
        sa.CheckConstraint(
            "at_seconds IS NULL OR (at_seconds >= 0 AND video_id IS NOT NULL)",
            name=op.f("ck__questions__second_of_a_film"),
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk__questions__author_id__users")),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__questions__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__questions__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["questions.id"], name=op.f("fk__questions__merged_into_id__questions")
        ),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk__questions__module_id__modules")),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk__questions__video_id__videos")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__questions")),
        sa.UniqueConstraint("enrolment_id", "asked_as", name=op.f("uq__questions__enrolment_id_asked_as")),
    )
    op.create_index(
        op.f("ix__questions__module_id_class_group_id_id"),
        "questions",
        ["module_id", "class_group_id", "id"],
        unique=False,
    )
    op.create_index(op.f("ix__questions__merged_into_id"), "questions", ["merged_into_id"], unique=False)
    op.create_index(
        "ix__questions__waiting",
        "questions",
        ["class_group_id", "waiting_since"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "question_replies",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("question_id", BIG_ID, nullable=False),
        sa.Column("author_id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.Column("marked_by_id", BIG_ID, nullable=True),
        sa.Column("marked_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "(marked_at IS NULL) = (marked_by_id IS NULL)", name=op.f("ck__question_replies__marked_by_somebody")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk__question_replies__author_id__users")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__question_replies__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["marked_by_id"], ["users.id"], name=op.f("fk__question_replies__marked_by_id__users")),
        sa.ForeignKeyConstraint(
            ["question_id"], ["questions.id"], name=op.f("fk__question_replies__question_id__questions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__question_replies")),
    )
    op.create_index(
        op.f("ix__question_replies__question_id_id"), "question_replies", ["question_id", "id"], unique=False
    )
    op.create_table(
        "faq_entries",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("module_id", BIG_ID, nullable=False),
        sa.Column("question_id", BIG_ID, nullable=False),
        sa.Column("video_id", BIG_ID, nullable=True),
        sa.Column("at_seconds", sa.Integer(), nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("promoted_by_id", BIG_ID, nullable=False),
        sa.Column("promoted_at", INSTANT, nullable=False),
        sa.Column("withdrawn_by_id", BIG_ID, nullable=True),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)", name=op.f("ck__faq_entries__withdrawn_by_somebody")
        ),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk__faq_entries__module_id__modules")),
        sa.ForeignKeyConstraint(["promoted_by_id"], ["users.id"], name=op.f("fk__faq_entries__promoted_by_id__users")),
        sa.ForeignKeyConstraint(
            ["question_id"], ["questions.id"], name=op.f("fk__faq_entries__question_id__questions")
        ),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk__faq_entries__video_id__videos")),
        sa.ForeignKeyConstraint(
            ["withdrawn_by_id"], ["users.id"], name=op.f("fk__faq_entries__withdrawn_by_id__users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__faq_entries")),
    )
    op.create_index(op.f("ix__faq_entries__module_id"), "faq_entries", ["module_id"], unique=False)
    op.create_index(
        "uq__faq_entries__shown",
        "faq_entries",
        ["question_id"],
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("faq_entries")
    op.drop_table("question_replies")
    op.drop_table("questions")
