"""People, catalogue, activity, ledger and outbox; the ledger refuses to be changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_0300"
down_revision = None
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

SQLITE_GUARDS = [
    f"CREATE TRIGGER credit_entries_no_{verb} BEFORE {verb} ON credit_entries "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for verb in ("update", "delete")
]
POSTGRESQL_GUARDS = [
    "CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
    "CREATE TRIGGER credit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_entries "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()",
]


def upgrade() -> None:
    op.create_table(
        "platforms",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("base_url", sa.String(length=300), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("paused_reason", sa.String(length=500), nullable=True),
        sa.Column("fault_code", sa.String(length=60), nullable=True),
        sa.Column("fault_words", sa.String(length=500), nullable=True),
        sa.Column("fault_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure_words", sa.String(length=500), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(fault_code IS NULL) = (fault_since IS NULL)", name=op.f("ck__platforms__fault_has_its_time")
        ),
        sa.CheckConstraint("failures >= 0", name=op.f("ck__platforms__failures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__platforms")),
        sa.UniqueConstraint("key", name=op.f("uq__platforms__key")),
    )
    op.create_table(
        "programmes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__programmes")),
        sa.UniqueConstraint("key", name=op.f("uq__programmes__key")),
    )
    op.create_table(
        "regions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("parent_id", BIG_ID, nullable=True),
        sa.Column("province_id", BIG_ID, nullable=True),
        sa.Column("city_id", BIG_ID, nullable=True),
        sa.Column("county_id", BIG_ID, nullable=True),
        sa.CheckConstraint("level IN ('province', 'city', 'county', 'school')", name=op.f("ck__regions__level")),
        sa.ForeignKeyConstraint(["city_id"], ["regions.id"], name=op.f("fk__regions__city_id__regions")),
        sa.ForeignKeyConstraint(["county_id"], ["regions.id"], name=op.f("fk__regions__county_id__regions")),
        sa.ForeignKeyConstraint(["parent_id"], ["regions.id"], name=op.f("fk__regions__parent_id__regions")),
        sa.ForeignKeyConstraint(["province_id"], ["regions.id"], name=op.f("fk__regions__province_id__regions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__regions")),
        sa.UniqueConstraint("code", name=op.f("uq__regions__code")),
    )
    op.create_index(op.f("ix__regions__city_id"), "regions", ["city_id"], unique=False)
    op.create_index(op.f("ix__regions__county_id"), "regions", ["county_id"], unique=False)
    op.create_index(op.f("ix__regions__province_id"), "regions", ["province_id"], unique=False)
    op.create_table(
        "class_groups",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programmes.id"], name=op.f("fk__class_groups__programme_id__programmes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__class_groups")),
        sa.UniqueConstraint("programme_id", "name", name=op.f("uq__class_groups__programme_id_name")),
    )
    op.create_table(
        "modules",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programmes.id"], name=op.f("fk__modules__programme_id__programmes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__modules")),
        sa.UniqueConstraint("programme_id", "key", name=op.f("uq__modules__programme_id_key")),
    )
    op.create_table(
        "programme_versions",
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("declaration", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programmes.id"], name=op.f("fk__programme_versions__programme_id__programmes")
        ),
        sa.PrimaryKeyConstraint("programme_id", "number", name=op.f("pk__programme_versions")),
    )
    op.create_table(
        "users",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("login", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("region_id", BIG_ID, nullable=True),
        sa.Column("lms_username", sa.String(length=150), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("sign_in_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("language IN ('zh', 'en')", name=op.f("ck__users__language")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk__users__region_id__regions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__users")),
        sa.UniqueConstraint("login", name=op.f("uq__users__login")),
    )
    op.create_index(op.f("ix__users__region_id"), "users", ["region_id"], unique=False)
    op.create_table(
        "api_tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("sign_in_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__api_tokens__user_id__users")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk__api_tokens")),
    )
    op.create_index(op.f("ix__api_tokens__user_id_expires_at"), "api_tokens", ["user_id", "expires_at"], unique=False)
    op.create_table(
        "class_group_tutors",
        sa.Column("class_group_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__class_group_tutors__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__class_group_tutors__user_id__users")),
        sa.PrimaryKeyConstraint("class_group_id", "user_id", name=op.f("pk__class_group_tutors")),
    )
    op.create_index(op.f("ix__class_group_tutors__user_id"), "class_group_tutors", ["user_id"], unique=False)
    op.create_table(
        "enrolments",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("class_group_id", BIG_ID, nullable=True),
        sa.Column("region_id", BIG_ID, nullable=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted_ms", sa.Integer(), nullable=False),
        sa.Column("completion_ratio", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__enrolments__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programmes.id"], name=op.f("fk__enrolments__programme_id__programmes")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk__enrolments__region_id__regions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__enrolments__user_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__enrolments")),
        sa.UniqueConstraint("user_id", "programme_id", name=op.f("uq__enrolments__user_id_programme_id")),
    )
    op.create_index(
        op.f("ix__enrolments__programme_id_class_group_id"),
        "enrolments",
        ["programme_id", "class_group_id"],
        unique=False,
    )
    op.create_index(op.f("ix__enrolments__region_id"), "enrolments", ["region_id"], unique=False)
    op.create_table(
        "person_clocks",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("playback_session_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__person_clocks__user_id__users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk__person_clocks")),
    )
    op.create_table(
        "role_grants",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("region_id", BIG_ID, nullable=True),
        sa.CheckConstraint("role IN ('learner', 'tutor', 'provider', 'office')", name=op.f("ck__role_grants__role")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk__role_grants__region_id__regions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__role_grants__user_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__role_grants")),
        sa.UniqueConstraint("user_id", "role", "region_id", name=op.f("uq__role_grants__user_id_role_region_id")),
    )
    op.create_table(
        "threads",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("module_id", BIG_ID, nullable=False),
        sa.Column("class_group_id", BIG_ID, nullable=True),
        sa.Column("author_id", BIG_ID, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk__threads__author_id__users")),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__threads__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk__threads__module_id__modules")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__threads")),
    )
    op.create_index(
        op.f("ix__threads__module_id_class_group_id_id"), "threads", ["module_id", "class_group_id", "id"], unique=False
    )
    op.create_table(
        "videos",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("module_id", BIG_ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("captions", JSON, nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("duration_ms > 0", name=op.f("ck__videos__has_length")),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk__videos__module_id__modules")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__videos")),
        sa.UniqueConstraint("module_id", "digest", name=op.f("uq__videos__module_id_digest")),
    )
    op.create_table(
        "component_totals",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("credited_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__component_totals__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "component_key", name=op.f("pk__component_totals")),
    )
    op.create_table(
        "coverage",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("video_id", BIG_ID, nullable=False),
        sa.Column("covered", sa.LargeBinary(), nullable=False),
        sa.Column("covered_ms", sa.Integer(), nullable=False),
        sa.Column("position_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__coverage__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk__coverage__video_id__videos")),
        sa.PrimaryKeyConstraint("enrolment_id", "video_id", name=op.f("pk__coverage")),
    )
    op.create_table(
        "credit_entries",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("amount_ms", sa.Integer(), nullable=False),
        sa.Column("source_kind", sa.String(length=30), nullable=False),
        sa.Column("source_id", sa.String(length=60), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("rule_version", sa.String(length=60), nullable=False),
        sa.Column("decided_by_id", BIG_ID, nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk__credit_entries__decided_by_id__users")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__credit_entries__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "number", name=op.f("pk__credit_entries")),
    )
    op.create_table(
        "ledger_heads",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__ledger_heads__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", name=op.f("pk__ledger_heads")),
    )
    op.create_table(
        "playback_sessions",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("video_id", BIG_ID, nullable=False),
        sa.Column("max_rate_permille", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("spent_ms", sa.Integer(), nullable=False),
        sa.Column("unposted", sa.LargeBinary(), nullable=False),
        sa.Column("unposted_ms", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "ended_at IS NULL OR ended_at >= opened_at", name=op.f("ck__playback_sessions__ends_after_it_opened")
        ),
        sa.CheckConstraint(
            "unposted_ms >= 0 AND spent_ms >= unposted_ms", name=op.f("ck__playback_sessions__unposted_was_spent")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__playback_sessions__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__playback_sessions__user_id__users")),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk__playback_sessions__video_id__videos")),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk__playback_sessions")),
    )
    op.create_index(
        op.f("ix__playback_sessions__enrolment_id_video_id"),
        "playback_sessions",
        ["enrolment_id", "video_id"],
        unique=False,
    )
    op.create_index(
        "ix__playback_sessions__unposted",
        "playback_sessions",
        ["enrolment_id"],
        unique=False,
        sqlite_where=sa.text("unposted_ms > 0"),
        postgresql_where=sa.text("unposted_ms > 0"),
    )
    op.create_table(
        "posts",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("thread_id", BIG_ID, nullable=False),
        sa.Column("author_id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=True),
        sa.Column("reply_to_id", BIG_ID, nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("judgement", JSON, nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk__posts__author_id__users")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk__posts__enrolment_id__enrolments")),
        sa.ForeignKeyConstraint(["reply_to_id"], ["posts.id"], name=op.f("fk__posts__reply_to_id__posts")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk__posts__thread_id__threads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__posts")),
    )
    op.create_index(op.f("ix__posts__enrolment_id_id"), "posts", ["enrolment_id", "id"], unique=False)
    op.create_index(op.f("ix__posts__thread_id_id"), "posts", ["thread_id", "id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("platform_key", sa.String(length=60), nullable=False),
        sa.Column("course_key", sa.String(length=255), nullable=False),
        sa.Column("block_key", sa.String(length=255), nullable=False),
        sa.Column("ratio", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("acknowledged_ratio", sa.Numeric(precision=5, scale=4), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unanswered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.String(length=80), nullable=True),
        sa.Column("last_error_code", sa.String(length=60), nullable=True),
        sa.Column("last_error_words", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'acknowledged', 'refused')", name=op.f("ck__reports__state")),
        sa.CheckConstraint("ratio >= 0 AND ratio <= 1", name=op.f("ck__reports__ratio_range")),
        sa.CheckConstraint(
            "state <> 'waiting' OR next_attempt_at IS NOT NULL", name=op.f("ck__reports__waiting_is_due_some_day")
        ),
        sa.CheckConstraint(
            "state <> 'refused' OR next_attempt_at IS NULL", name=op.f("ck__reports__refused_is_not_due")
        ),
        sa.CheckConstraint(
            "(leased_until IS NULL) = (leased_by IS NULL)", name=op.f("ck__reports__lease_has_its_holder")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__reports__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__reports")),
        sa.UniqueConstraint(
            "enrolment_id", "platform_key", "block_key", name=op.f("uq__reports__enrolment_id_platform_key_block_key")
        ),
    )
    op.create_index(
        "ix__reports__due",
        "reports",
        ["platform_key", "next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_table(
        "beats",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("playback_session_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("claimed", JSON, nullable=False),
        sa.Column("answer", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "playback_session_id"],
            ["playback_sessions.user_id", "playback_sessions.id"],
            name=op.f("fk__beats__user_id_playback_session_id__playback_sessions"),
        ),
        sa.PrimaryKeyConstraint("user_id", "playback_session_id", "seq", name=op.f("pk__beats")),
    )
    for guard in SQLITE_GUARDS if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_GUARDS:
        op.execute(guard)


def downgrade() -> None:
    op.drop_table("beats")
    op.drop_index(
        "ix__reports__due",
        table_name="reports",
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.drop_table("reports")
    op.drop_index(op.f("ix__posts__thread_id_id"), table_name="posts")
    op.drop_index(op.f("ix__posts__enrolment_id_id"), table_name="posts")
    op.drop_table("posts")
    op.drop_index(
        "ix__playback_sessions__unposted",
        table_name="playback_sessions",
        sqlite_where=sa.text("unposted_ms > 0"),
        postgresql_where=sa.text("unposted_ms > 0"),
    )
    op.drop_index(op.f("ix__playback_sessions__enrolment_id_video_id"), table_name="playback_sessions")
    op.drop_table("playback_sessions")
    op.drop_table("ledger_heads")
    op.drop_table("credit_entries")
    op.drop_table("coverage")
    op.drop_table("component_totals")
    op.drop_table("videos")
    op.drop_index(op.f("ix__threads__module_id_class_group_id_id"), table_name="threads")
    op.drop_table("threads")
    op.drop_table("role_grants")
    op.drop_table("person_clocks")
    op.drop_index(op.f("ix__enrolments__region_id"), table_name="enrolments")
    op.drop_index(op.f("ix__enrolments__programme_id_class_group_id"), table_name="enrolments")
    op.drop_table("enrolments")
    op.drop_index(op.f("ix__class_group_tutors__user_id"), table_name="class_group_tutors")
    op.drop_table("class_group_tutors")
    op.drop_index(op.f("ix__api_tokens__user_id_expires_at"), table_name="api_tokens")
    op.drop_table("api_tokens")
    op.drop_index(op.f("ix__users__region_id"), table_name="users")
    op.drop_table("users")
    op.drop_table("programme_versions")
    op.drop_table("modules")
    op.drop_table("class_groups")
    op.drop_index(op.f("ix__regions__province_id"), table_name="regions")
    op.drop_index(op.f("ix__regions__county_id"), table_name="regions")
    op.drop_index(op.f("ix__regions__city_id"), table_name="regions")
    op.drop_table("regions")
    op.drop_table("programmes")
    op.drop_table("platforms")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_is_append_only()")
