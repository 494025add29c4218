"""Registrations that platforms make by themselves wait for an admin; authors choose what a link shows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261201_0420"
down_revision = "20261201_0410"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "lti_registrations",
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("deployment_id", sa.String(length=255), nullable=True),
        sa.Column("product", sa.String(length=120), nullable=False),
        sa.Column("configuration_url", sa.String(length=500), nullable=False),
        sa.Column("registered_by", BIG_ID, nullable=False),
        sa.Column("registered_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["platforms.id"], name=op.f("fk__lti_registrations__platform_id__platforms")
        ),
        sa.ForeignKeyConstraint(
            ["registered_by"], ["users.id"], name=op.f("fk__lti_registrations__registered_by__users")
        ),
        sa.PrimaryKeyConstraint("platform_id", name=op.f("pk__lti_registrations")),
    )
    op.create_table(
        "lti_pickings",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=True),
        sa.Column("deployment_id", sa.String(length=255), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["platforms.id"], name=op.f("fk__lti_pickings__platform_id__platforms")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__lti_pickings__user_id__users")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk__lti_pickings")),
    )
    op.create_index(op.f("ix__lti_pickings__expires_at"), "lti_pickings", ["expires_at"])


def downgrade() -> None:
    op.drop_table("lti_pickings")
    op.drop_table("lti_registrations")
