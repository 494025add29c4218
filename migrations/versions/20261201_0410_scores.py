"""Reports carry the class hours that a score says, and the time the last message about them bore."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_0410"
down_revision = "20261201_0300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("reports") as table:
        table.add_column(sa.Column("credited_hours", sa.Numeric(10, 4), nullable=True))
        table.add_column(sa.Column("required_hours", sa.Numeric(10, 4), nullable=True))
        table.add_column(sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=True))
        table.create_check_constraint(
            op.f("ck__reports__hours_of_a_requirement"), "(credited_hours IS NULL) = (required_hours IS NULL)"
        )


def downgrade() -> None:
    with op.batch_alter_table("reports") as table:
        table.drop_constraint(op.f("ck__reports__hours_of_a_requirement"), type_="check")
        table.drop_column("stamped_at")
        table.drop_column("required_hours")
        table.drop_column("credited_hours")
