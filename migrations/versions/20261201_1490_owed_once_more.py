"""Links and accounts of LTI platforms that are owed once more some minutes after they appeared."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_1490"
down_revision = "20261201_1450"
branch_labels = None
depends_on = None

TABLES = ("lti_links", "platform_accounts")


def upgrade() -> None:
    for name in TABLES:
        op.add_column(name, sa.Column("owe_again_at", sa.DateTime(timezone=True), nullable=True))
        op.create_index(
            op.f(f"ix__{name}__due"),
            name,
            ["owe_again_at"],
            sqlite_where=sa.text("owe_again_at IS NOT NULL"),
            postgresql_where=sa.text("owe_again_at IS NOT NULL"),
        )


def downgrade() -> None:
    for name in TABLES:
        op.drop_index(op.f(f"ix__{name}__due"), table_name=name)
        # Without making the table anew, which other tables refer to.
        op.drop_column(name, "owe_again_at")
