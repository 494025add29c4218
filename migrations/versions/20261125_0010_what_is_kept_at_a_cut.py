"""A cut of the evidence keeps the state that what follows is replayed from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_0010"
down_revision = "20261124_2340"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    # Nothing has written a cut so far.
    with op.batch_alter_table("evidence_cuts") as table:
        table.add_column(sa.Column("kept", JSON, nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("evidence_cuts") as table:
        table.drop_column("kept")
