"""Who was tutor of a class group stays known; those who were dismissed so far are read from the trail."""

import sqlalchemy as sa
from alembic import op

revision = "20261201_1450"
down_revision = "20261201_1430"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "former_tutors",
        sa.Column("class_group_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__former_tutors__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__former_tutors__user_id__users")),
        sa.PrimaryKeyConstraint("class_group_id", "user_id", name=op.f("pk__former_tutors")),
    )
    op.execute(
        """
        INSERT INTO former_tutors (class_group_id, user_id, ended_at)
        SELECT class_group_id, CAST(substr(about, 6) AS BIGINT), max(happened_at)
        FROM trail_entries
        WHERE kind = 'tutor_dismissed' AND about LIKE 'user/%' AND class_group_id IS NOT NULL
        GROUP BY class_group_id, about
        """
    )


def downgrade() -> None:
    op.drop_table("former_tutors")
