"""Study completed elsewhere, with who vouches for it."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_0460"
down_revision = "20261201_0450"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "elsewhere_completions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("institution", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__elsewhere_completions__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__elsewhere_completions")),
        sa.UniqueConstraint(
            "enrolment_id",
            "institution",
            "reference",
            name=op.f("uq__elsewhere_completions__enrolment_id_institution_reference"),
        ),
    )
    op.create_table(
        "elsewhere_vouchers",
        sa.Column("completion_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("given_ms", sa.Integer(), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("person", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("entered_by_id", BIG_ID, nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["completion_id"],
            ["elsewhere_completions.id"],
            name=op.f("fk__elsewhere_vouchers__completion_id__elsewhere_completions"),
        ),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["users.id"], name=op.f("fk__elsewhere_vouchers__entered_by_id__users")
        ),
        sa.PrimaryKeyConstraint("completion_id", "number", name=op.f("pk__elsewhere_vouchers")),
    )


def downgrade() -> None:
    op.drop_table("elsewhere_vouchers")
    op.drop_table("elsewhere_completions")
