"""Rosters of LTI platforms that class groups are kept in step with."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_0470"
down_revision = "20261201_0460"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "lti_rosters",
        sa.Column("link_id", BIG_ID, nullable=False),
        sa.Column("confirmed_by_id", BIG_ID, nullable=False),
        sa.Column("confirmed_at", INSTANT, nullable=False),
        sa.Column("differences_url", sa.Text(), nullable=True),
        sa.Column("whole_at", INSTANT, nullable=True),
        sa.Column("tried_at", INSTANT, nullable=True),
        sa.Column("failure_words", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["confirmed_by_id"], ["users.id"], name=op.f("fk__lti_rosters__confirmed_by_id__users")
        ),
        sa.ForeignKeyConstraint(["link_id"], ["lti_links.id"], name=op.f("fk__lti_rosters__link_id__lti_links")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk__lti_rosters")),
    )
    op.create_table(
        "lti_members",
        sa.Column("link_id", BIG_ID, nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("has_enrolled", sa.Boolean(), nullable=False),
        sa.Column("has_placed", sa.Boolean(), nullable=False),
        sa.Column("has_withdrawn", sa.Boolean(), nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.CheckConstraint("status IN ('Active', 'Inactive', 'Deleted')", name=op.f("ck__lti_members__status")),
        sa.ForeignKeyConstraint(["link_id"], ["lti_links.id"], name=op.f("fk__lti_members__link_id__lti_links")),
        sa.PrimaryKeyConstraint("link_id", "subject", name=op.f("pk__lti_members")),
    )


def downgrade() -> None:
    op.drop_table("lti_members")
    op.drop_table("lti_rosters")
