"""Posts that share text find each other: a few fingerprints of each, those written already included."""

import sqlalchemy as sa
from alembic import op

from lms_plugin.domain.repeats import fingerprints

revision = "20261201_0100"
down_revision = "20261130_2120"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT_ONCE = 1000


def upgrade() -> None:
    table = op.create_table(
        "post_fingerprints",
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("post_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk__post_fingerprints__post_id__posts")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programmes.id"], name=op.f("fk__post_fingerprints__programme_id__programmes")
        ),
        sa.PrimaryKeyConstraint("programme_id", "fingerprint", "post_id", name=op.f("pk__post_fingerprints")),
    )
    connection = op.get_bind()
    written = sa.text(
        "SELECT posts.id, posts.body, modules.programme_id FROM posts"
        " JOIN threads ON threads.id = posts.thread_id JOIN modules ON modules.id = threads.module_id"
        " WHERE posts.id > :after ORDER BY posts.id LIMIT :at_once"
    )
    after = 0
    while posts := connection.execute(written, {"after": after, "at_once": AT_ONCE}).all():
        rows = [
            {"programme_id": post.programme_id, "fingerprint": one, "post_id": post.id}
            for post in posts
            for one in fingerprints(post.body)
        ]
        if rows:
            connection.execute(table.insert(), rows)
        after = posts[-1].id


def downgrade() -> None:
    op.drop_table("post_fingerprints")
