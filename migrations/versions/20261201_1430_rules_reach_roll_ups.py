"""A programme knows which of its versions the roll-ups were last brought in line with.

What came into force while nobody brought them in line is newer than the first version, and so is due.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261201_1430"
down_revision = "20261201_0480"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("rolled_up_version", sa.Integer(), server_default=sa.text("1"), nullable=False)
    op.add_column("programmes", column)


def downgrade() -> None:
    # Without making the table anew, which other tables refer to.
    op.drop_column("programmes", "rolled_up_version")
