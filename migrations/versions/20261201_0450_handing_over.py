"""A platform may hand its learners over: the secret that its server signs with."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_0450"
down_revision = "20261201_0420"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("platforms") as table:
        table.add_column(sa.Column("sealed_handover_secret", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("platforms") as table:
        table.drop_column("sealed_handover_secret")
