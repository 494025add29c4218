"""LTI platforms, their links and people; platforms hear of completions in more ways than one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261201_0300"
down_revision = "20261201_0100"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

TABLES = (
    "tickets",
    "lti_links",
    "platform_accounts",
    "lti_nonces",
    "lti_logins",
    "lti_keys",
    "lti_deployments",
    "lti_platforms",
)


def upgrade() -> None:
    with op.batch_alter_table("platforms") as table:
        table.add_column(sa.Column("kind", sa.String(length=10), nullable=False, server_default="completion"))
        table.create_check_constraint(op.f("ck__platforms__kind"), "kind IN ('completion', 'lti', 'lrs')")
    op.create_table(
        "lti_platforms",
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("authorization_url", sa.String(length=500), nullable=False),
        sa.Column("token_url", sa.String(length=500), nullable=True),
        sa.Column("token_audience", sa.String(length=500), nullable=True),
        sa.Column("key_set_url", sa.String(length=500), nullable=False),
        sa.Column("key_set", JSON, nullable=True),
        sa.Column("key_set_read_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["platforms.id"], name=op.f("fk__lti_platforms__platform_id__platforms")
        ),
        sa.PrimaryKeyConstraint("platform_id", name=op.f("pk__lti_platforms")),
        sa.UniqueConstraint("issuer", "client_id", name=op.f("uq__lti_platforms__issuer_client_id")),
    )
    op.create_table(
        "lti_deployments",
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("deployment_id", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["platforms.id"], name=op.f("fk__lti_deployments__platform_id__platforms")
        ),
        sa.PrimaryKeyConstraint("platform_id", "deployment_id", name=op.f("pk__lti_deployments")),
    )
    op.create_table(
        "lti_keys",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("retires_at", INSTANT, nullable=True),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk__lti_keys")),
    )
    op.create_table(
        "lti_logins",
        sa.Column("state_digest", sa.String(length=64), nullable=False),
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("deployment_id", sa.String(length=255), nullable=True),
        sa.Column("target_link_uri", sa.String(length=500), nullable=False),
        sa.Column("browser_digest", sa.String(length=64), nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name=op.f("fk__lti_logins__platform_id__platforms")),
        sa.PrimaryKeyConstraint("state_digest", name=op.f("pk__lti_logins")),
    )
    op.create_index(op.f("ix__lti_logins__expires_at"), "lti_logins", ["expires_at"], unique=False)
    op.create_table(
        "lti_nonces",
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("nonce_digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name=op.f("fk__lti_nonces__platform_id__platforms")),
        sa.PrimaryKeyConstraint("platform_id", "nonce_digest", name=op.f("pk__lti_nonces")),
    )
    op.create_index(op.f("ix__lti_nonces__expires_at"), "lti_nonces", ["expires_at"], unique=False)
    op.create_table(
        "platform_accounts",
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("linked_at", INSTANT, nullable=False),
        sa.Column("linked_by", BIG_ID, nullable=True),
        sa.CheckConstraint("origin IN ('launch', 'roster', 'office')", name=op.f("ck__platform_accounts__origin")),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["platforms.id"], name=op.f("fk__platform_accounts__platform_id__platforms")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__platform_accounts__user_id__users")),
        sa.ForeignKeyConstraint(["linked_by"], ["users.id"], name=op.f("fk__platform_accounts__linked_by__users")),
        sa.PrimaryKeyConstraint("platform_id", "subject", name=op.f("pk__platform_accounts")),
        sa.UniqueConstraint("platform_id", "user_id", name=op.f("uq__platform_accounts__platform_id_user_id")),
    )
    op.create_index(op.f("ix__platform_accounts__user_id"), "platform_accounts", ["user_id"], unique=False)
    op.create_table(
        "lti_links",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("deployment_id", sa.String(length=255), nullable=False),
        sa.Column("context_id", sa.String(length=255), nullable=False),
        sa.Column("context_title", sa.String(length=255), nullable=False),
        sa.Column("resource_link_id", sa.String(length=255), nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("module_id", BIG_ID, nullable=True),
        sa.Column("line_item_url", sa.Text(), nullable=True),
        sa.Column("line_items_url", sa.Text(), nullable=True),
        sa.Column("memberships_url", sa.Text(), nullable=True),
        sa.Column("class_group_id", BIG_ID, nullable=True),
        sa.Column("roster_read_at", INSTANT, nullable=True),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"], name=op.f("fk__lti_links__platform_id__platforms")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programmes.id"], name=op.f("fk__lti_links__programme_id__programmes")
        ),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk__lti_links__module_id__modules")),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__lti_links__class_group_id__class_groups")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__lti_links")),
        sa.UniqueConstraint(
            "platform_id",
            "deployment_id",
            "context_id",
            "resource_link_id",
            name=op.f("uq__lti_links__platform_id_deployment_id_context_id_resource_link_id"),
        ),
    )
    op.create_index(
        op.f("ix__lti_links__programme_id_module_id"), "lti_links", ["programme_id", "module_id"], unique=False
    )
    op.create_table(
        "tickets",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("target", sa.String(length=500), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__tickets__user_id__users")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk__tickets")),
    )
    op.create_index(op.f("ix__tickets__expires_at"), "tickets", ["expires_at"], unique=False)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    with op.batch_alter_table("platforms") as table:
        table.drop_constraint(op.f("ck__platforms__kind"), type_="check")
        table.drop_column("kind")
