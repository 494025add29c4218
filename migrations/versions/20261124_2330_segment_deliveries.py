"""Which media segments were served to which playback session."""

import sqlalchemy as sa
from alembic import op

revision = "20261124_2330"
down_revision = "20261124_0300"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "segment_deliveries",
        sa.Column("user_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("playback_session_id", sa.String(length=32), nullable=False),
        sa.Column("from_ms", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("to_ms", sa.Integer(), nullable=False),
        sa.CheckConstraint("from_ms >= 0 AND to_ms > from_ms", name=op.f("ck__segment_deliveries__range")),
        sa.PrimaryKeyConstraint("user_id", "playback_session_id", "from_ms", name=op.f("pk__segment_deliveries")),
    )


def downgrade() -> None:
    op.drop_table("segment_deliveries")
