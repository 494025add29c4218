"""Watching leaves a log of evidence per person; presence checks, held stretches and limits of the day are kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_2340"
down_revision = "20261124_2330"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

EARLIER = ("beats", "playback_sessions", "coverage", "person_clocks")
LATER = (
    "presence_checks",
    "watched_days",
    "playback_sessions",
    "coverage",
    "evidence_cuts",
    "evidence_chunks",
    "person_clocks",
)
# Rows that every beat rewrites: room on the page lets PostgreSQL do it without touching an index.
REWRITTEN = ("person_clocks", "playback_sessions", "coverage")
SQLITE_GUARD = (
    "CREATE TRIGGER evidence_chunks_no_update BEFORE UPDATE ON evidence_chunks "
    "BEGIN SELECT RAISE(ABORT, 'evidence is never changed'); END"
)
POSTGRESQL_GUARDS = (
    "CREATE FUNCTION evidence_is_never_changed() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'evidence is never changed'; END $$",
    "CREATE TRIGGER evidence_chunks_never_changed BEFORE UPDATE ON evidence_chunks "
    "FOR EACH STATEMENT EXECUTE FUNCTION evidence_is_never_changed()",
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM beats")):
        raise RuntimeError(
            "this database holds watching recorded before the first release, in a form that leaves nothing to check:"
            " start with an empty database"
        )
    for table in EARLIER:
        op.drop_table(table)
    op.create_table(
        "person_clocks",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("playback_session_id", sa.String(length=32), nullable=True),
        sa.Column("plays", sa.Integer(), nullable=False),
        sa.Column("log_chunks", sa.Integer(), nullable=False),
        sa.Column("log_body", sa.LargeBinary(), nullable=False),
        sa.Column("log_context", sa.LargeBinary(), nullable=False),
        sa.Column("log_head", sa.LargeBinary(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("next_check_in_ms", sa.Integer(), nullable=True),
        sa.Column("is_blocked", sa.Boolean(), nullable=False),
        sa.Column("open_check", sa.Integer(), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__person_clocks__user_id__users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk__person_clocks")),
    )
    op.create_index(
        "ix__person_clocks__answer_by",
        "person_clocks",
        ["answer_by"],
        unique=False,
        sqlite_where=sa.text("answer_by IS NOT NULL"),
        postgresql_where=sa.text("answer_by IS NOT NULL"),
    )
    op.create_table(
        "evidence_chunks",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__evidence_chunks__user_id__users")),
        sa.PrimaryKeyConstraint("user_id", "number", name=op.f("pk__evidence_chunks")),
    )
    op.create_table(
        "evidence_cuts",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("cut_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("plays", sa.Integer(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__evidence_cuts__user_id__users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk__evidence_cuts")),
    )
    op.create_table(
        "playback_sessions",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("video_id", BIG_ID, nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("max_rate_permille", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("spent_ms", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("first_chunk", sa.Integer(), nullable=False),
        sa.Column("unposted", sa.LargeBinary(), nullable=False),
        sa.Column("retracted", sa.LargeBinary(), nullable=False),
        sa.Column("unconfirmed", sa.LargeBinary(), nullable=False),
        sa.Column("pending", sa.LargeBinary(), nullable=False),
        sa.Column("waiting", sa.LargeBinary(), nullable=False),
        sa.Column("delivered", sa.LargeBinary(), nullable=False),
        sa.Column("post_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("has_open_matters", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "ended_at IS NULL OR ended_at >= opened_at", name=op.f("ck__playback_sessions__ends_after_it_opened")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__playback_sessions__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__playback_sessions__user_id__users")),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk__playback_sessions__video_id__videos")),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk__playback_sessions")),
        sa.UniqueConstraint("user_id", "number", name=op.f("uq__playback_sessions__user_id_number")),
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
        sqlite_where=sa.text("post_at IS NOT NULL"),
        postgresql_where=sa.text("post_at IS NOT NULL"),
    )
    op.create_index(
        "ix__playback_sessions__post_at",
        "playback_sessions",
        ["post_at"],
        unique=False,
        sqlite_where=sa.text("post_at IS NOT NULL"),
        postgresql_where=sa.text("post_at IS NOT NULL"),
    )
    op.create_table(
        "coverage",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("video_id", BIG_ID, nullable=False),
        sa.Column("covered", sa.LargeBinary(), nullable=False),
        sa.Column("covered_ms", sa.Integer(), nullable=False),
        sa.Column("missed", sa.LargeBinary(), nullable=False),
        sa.Column("withheld", sa.LargeBinary(), nullable=False),
        sa.Column("position_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__coverage__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk__coverage__video_id__videos")),
        sa.PrimaryKeyConstraint("enrolment_id", "video_id", name=op.f("pk__coverage")),
    )
    op.create_table(
        "watched_days",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__watched_days__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "day", name=op.f("pk__watched_days")),
    )
    op.create_table(
        "presence_checks",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("playback_session_id", sa.String(length=32), nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("module_id", BIG_ID, nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("question_key", sa.String(length=80), nullable=False),
        sa.Column("choice_order", sa.String(length=80), nullable=False),
        sa.Column("correct", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__presence_checks__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk__presence_checks__module_id__modules")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__presence_checks__user_id__users")),
        sa.PrimaryKeyConstraint("user_id", "number", name=op.f("pk__presence_checks")),
    )
    if is_sqlite:
        op.execute(SQLITE_GUARD)
        return
    for table in REWRITTEN:
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")
    for guard in POSTGRESQL_GUARDS:
        op.execute(guard)


def downgrade() -> None:
    for table in LATER:
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION evidence_is_never_changed()")
    op.create_table(
        "person_clocks",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("playback_session_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__person_clocks__user_id__users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk__person_clocks")),
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
