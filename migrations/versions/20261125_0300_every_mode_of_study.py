"""Every mode of study: meetings, school-based activities, placements, coursework; coming into a programme; notices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_0300"
down_revision = "20261125_0010"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "registration_series",
        sa.Column("series", sa.String(length=100), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk__registration_series")),
    )
    op.create_table(
        "attachments",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("owner", sa.String(length=60), nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__attachments__user_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__attachments")),
    )
    op.create_index(op.f("ix__attachments__owner"), "attachments", ["owner"], unique=False)
    op.create_index(op.f("ix__attachments__digest"), "attachments", ["digest"], unique=False)

    op.create_table(
        "mail_states",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("digest", sa.String(length=10), nullable=False),
        sa.Column("last_mailed_at", INSTANT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=False),
        sa.Column("claimed_until", INSTANT, nullable=True),
        sa.Column("letter_up_to", sa.BigInteger(), nullable=True),
        sa.Column("unsure", sa.Integer(), nullable=False),
        sa.Column("refused_address", sa.String(length=254), nullable=False),
        sa.CheckConstraint("digest IN ('each', 'daily', 'never')", name=op.f("ck__mail_states__digest")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__mail_states__user_id__users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk__mail_states")),
    )
    op.create_table(
        "meetings",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("medium", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("region_id", BIG_ID, nullable=True),
        sa.Column("module_id", BIG_ID, nullable=True),
        sa.Column("leader_id", BIG_ID, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("most_minutes", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("code_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_by_id", BIG_ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("confirmed_by_id", BIG_ID, nullable=True),
        sa.Column("confirmed_at", INSTANT, nullable=True),
        sa.Column("cancelled_because", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'open', 'closed', 'confirmed', 'cancelled')", name=op.f("ck__meetings__state")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck__meetings__ends_after_it_started")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["users.id"], name=op.f("fk__meetings__confirmed_by_id__users")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk__meetings__created_by_id__users")),
        sa.ForeignKeyConstraint(["leader_id"], ["users.id"], name=op.f("fk__meetings__leader_id__users")),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk__meetings__module_id__modules")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programmes.id"], name=op.f("fk__meetings__programme_id__programmes")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk__meetings__region_id__regions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__meetings")),
    )
    op.create_index(op.f("ix__meetings__leader_id_starts_at"), "meetings", ["leader_id", "starts_at"], unique=False)
    op.create_index(
        op.f("ix__meetings__programme_id_starts_at"), "meetings", ["programme_id", "starts_at"], unique=False
    )
    op.create_index(op.f("ix__meetings__region_id"), "meetings", ["region_id"], unique=False)

    op.create_table(
        "notices",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("about", sa.String(length=120), nullable=False),
        sa.Column("params", JSON, nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("read_at", INSTANT, nullable=True),
        sa.Column("mail_state", sa.String(length=10), nullable=False),
        sa.Column("mailed_at", INSTANT, nullable=True),
        sa.CheckConstraint("mail_state IN ('none', 'waiting', 'sent', 'failed')", name=op.f("ck__notices__mail_state")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__notices__user_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__notices")),
        sa.UniqueConstraint("user_id", "kind", "about", name=op.f("uq__notices__user_id_kind_about")),
    )
    op.create_index(
        "ix__notices__to_mail",
        "notices",
        ["user_id"],
        unique=False,
        sqlite_where=sa.text("mail_state = 'waiting'"),
        postgresql_where=sa.text("mail_state = 'waiting'"),
    )

    op.create_table(
        "quotas",
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("region_id", BIG_ID, nullable=False),
        sa.Column("phase", sa.String(length=60), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("set_by_id", BIG_ID, nullable=True),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.CheckConstraint("places >= 0", name=op.f("ck__quotas__not_negative")),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk__quotas__programme_id__programmes")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk__quotas__region_id__regions")),
        sa.ForeignKeyConstraint(["set_by_id"], ["users.id"], name=op.f("fk__quotas__set_by_id__users")),
        sa.PrimaryKeyConstraint("programme_id", "region_id", "phase", name=op.f("pk__quotas")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("outcome", JSON, nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'done', 'discarded')", name=op.f("ck__uploads__state")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__uploads__user_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__uploads")),
    )
    op.create_index(op.f("ix__uploads__user_id_created_at"), "uploads", ["user_id", "created_at"], unique=False)

    op.create_table(
        "component_weeks",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("week_on", sa.Date(), nullable=False),
        sa.Column("credited_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__component_weeks__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "component_key", "week_on", name=op.f("pk__component_weeks")),
    )
    op.create_table(
        "coursework",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=True),
        sa.Column("remark", sa.String(length=500), nullable=False),
        sa.Column("submitted_at", INSTANT, nullable=False),
        sa.Column("marked_by_id", BIG_ID, nullable=True),
        sa.Column("marked_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "state IN ('submitted', 'returned', 'passed', 'failed')", name=op.f("ck__coursework__state")
        ),
        sa.CheckConstraint("mark IS NULL OR (mark >= 0 AND mark <= 100)", name=op.f("ck__coursework__mark_in_range")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__coursework__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["marked_by_id"], ["users.id"], name=op.f("fk__coursework__marked_by_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__coursework")),
        sa.UniqueConstraint(
            "enrolment_id", "component_key", "piece", name=op.f("uq__coursework__enrolment_id_component_key_piece")
        ),
    )
    op.create_table(
        "disputes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("entry_number", sa.Integer(), nullable=True),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("proposed_ms", sa.Integer(), nullable=True),
        sa.Column("proposed_reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by_id", BIG_ID, nullable=True),
        sa.Column("proposed_at", INSTANT, nullable=True),
        sa.Column("decided_ms", sa.Integer(), nullable=True),
        sa.Column("decided_reason", sa.String(length=500), nullable=False),
        sa.Column("decided_by_id", BIG_ID, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("entry_after", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'proposed', 'accepted', 'refused', 'withdrawn')", name=op.f("ck__disputes__state")
        ),
        sa.CheckConstraint(
            "(state = 'accepted') = (entry_after IS NOT NULL)", name=op.f("ck__disputes__accepted_has_entry")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk__disputes__decided_by_id__users")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__disputes__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["users.id"], name=op.f("fk__disputes__proposed_by_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__disputes")),
    )
    op.create_index(op.f("ix__disputes__enrolment_id"), "disputes", ["enrolment_id"], unique=False)
    op.create_index(op.f("ix__disputes__state"), "disputes", ["state"], unique=False)
    op.create_index(
        "uq__disputes__undecided",
        "disputes",
        ["enrolment_id", "entry_number"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'proposed')"),
        postgresql_where=sa.text("state IN ('open', 'proposed')"),
    )

    op.create_table(
        "enrolment_changes",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("before", sa.String(length=200), nullable=False),
        sa.Column("after", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("changed_by_id", BIG_ID, nullable=True),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by_id"], ["users.id"], name=op.f("fk__enrolment_changes__changed_by_id__users")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__enrolment_changes__enrolment_id__enrolments")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "number", name=op.f("pk__enrolment_changes")),
    )
    op.create_table(
        "meeting_groups",
        sa.Column("meeting_id", BIG_ID, nullable=False),
        sa.Column("class_group_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["class_group_id"], ["class_groups.id"], name=op.f("fk__meeting_groups__class_group_id__class_groups")
        ),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk__meeting_groups__meeting_id__meetings")),
        sa.PrimaryKeyConstraint("meeting_id", "class_group_id", name=op.f("pk__meeting_groups")),
    )
    op.create_index(op.f("ix__meeting_groups__class_group_id"), "meeting_groups", ["class_group_id"], unique=False)

    op.create_table(
        "nominations",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("region_id", BIG_ID, nullable=False),
        sa.Column("school_id", BIG_ID, nullable=True),
        sa.Column("phase", sa.String(length=60), nullable=False),
        sa.Column("tier", sa.String(length=60), nullable=False),
        sa.Column("login", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("degree", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=20), nullable=False),
        sa.Column("teaching_years", sa.Integer(), nullable=True),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("sex", sa.String(length=6), nullable=False),
        sa.Column("is_rural", sa.Boolean(), nullable=True),
        sa.Column("warnings", JSON, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("nominated_by_id", BIG_ID, nullable=False),
        sa.Column("nominated_at", INSTANT, nullable=False),
        sa.Column("decided_by_id", BIG_ID, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("waiting_since", INSTANT, nullable=True),
        sa.Column("enrolment_id", BIG_ID, nullable=True),
        sa.CheckConstraint("sex IN ('male', 'female', '')", name=op.f("ck__nominations__sex")),
        sa.CheckConstraint(
            "state IN ('submitted', 'waiting', 'accepted', 'refused', 'withdrawn')", name=op.f("ck__nominations__state")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk__nominations__decided_by_id__users")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__nominations__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(
            ["nominated_by_id"], ["users.id"], name=op.f("fk__nominations__nominated_by_id__users")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programmes.id"], name=op.f("fk__nominations__programme_id__programmes")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk__nominations__region_id__regions")),
        sa.ForeignKeyConstraint(["school_id"], ["regions.id"], name=op.f("fk__nominations__school_id__regions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__nominations")),
    )
    op.create_index(op.f("ix__nominations__programme_id_login"), "nominations", ["programme_id", "login"], unique=False)
    op.create_index(
        op.f("ix__nominations__programme_id_region_id_state"),
        "nominations",
        ["programme_id", "region_id", "state"],
        unique=False,
    )

    op.create_table(
        "placements",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("host_user_id", BIG_ID, nullable=False),
        sa.Column("mentor", sa.String(length=120), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("created_by_id", BIG_ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk__placements__created_by_id__users")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__placements__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["host_user_id"], ["users.id"], name=op.f("fk__placements__host_user_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__placements")),
    )
    op.create_index(op.f("ix__placements__enrolment_id"), "placements", ["enrolment_id"], unique=False)
    op.create_index(op.f("ix__placements__host_user_id"), "placements", ["host_user_id"], unique=False)

    op.create_table(
        "readings",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("module_id", BIG_ID, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("question_key", sa.String(length=80), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("read_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__readings__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk__readings__module_id__modules")),
        sa.PrimaryKeyConstraint("enrolment_id", "module_id", name=op.f("pk__readings")),
    )
    op.create_table(
        "school_activities",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("region_id", BIG_ID, nullable=True),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("activity", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("approvals", JSON, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("submitted_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "state IN ('submitted', 'school_approved', 'approved', 'returned', 'refused')",
            name=op.f("ck__school_activities__state"),
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck__school_activities__ends_after_it_started")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__school_activities__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk__school_activities__region_id__regions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__school_activities__user_id__users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk__school_activities")),
    )
    op.create_index(
        op.f("ix__school_activities__enrolment_id_starts_at"),
        "school_activities",
        ["enrolment_id", "starts_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix__school_activities__state_region_id"), "school_activities", ["state", "region_id"], unique=False
    )

    op.create_table(
        "sign_ins",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("meeting_id", BIG_ID, nullable=False),
        sa.Column("in_at", INSTANT, nullable=True),
        sa.Column("in_by", sa.String(length=10), nullable=False),
        sa.Column("out_at", INSTANT, nullable=True),
        sa.Column("out_by", sa.String(length=10), nullable=False),
        sa.Column("device", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("changed_by_id", BIG_ID, nullable=True),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.CheckConstraint("state IN ('signed', 'confirmed', 'refused')", name=op.f("ck__sign_ins__state")),
        sa.ForeignKeyConstraint(["changed_by_id"], ["users.id"], name=op.f("fk__sign_ins__changed_by_id__users")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__sign_ins__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], name=op.f("fk__sign_ins__meeting_id__meetings")),
        sa.PrimaryKeyConstraint("enrolment_id", "meeting_id", name=op.f("pk__sign_ins")),
    )
    op.create_index(op.f("ix__sign_ins__meeting_id"), "sign_ins", ["meeting_id"], unique=False)

    op.create_table(
        "study_records",
        sa.Column("enrolment_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("component_key", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("activity", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=True),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column("present", sa.LargeBinary(), nullable=False),
        sa.Column("given_ms", sa.Integer(), nullable=False),
        sa.Column("most_ms", sa.Integer(), nullable=True),
        sa.Column("counted", sa.LargeBinary(), nullable=False),
        sa.Column("counted_ms", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("confirmed_by_id", BIG_ID, nullable=True),
        sa.Column("confirmed_at", INSTANT, nullable=False),
        sa.Column("revoked_by_id", BIG_ID, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("revoked_because", sa.String(length=500), nullable=True),
        sa.CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name=op.f("ck__study_records__hull_is_whole")),
        sa.CheckConstraint(
            "ends_at IS NULL OR ends_at >= starts_at", name=op.f("ck__study_records__ends_after_it_started")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by_id"], ["users.id"], name=op.f("fk__study_records__confirmed_by_id__users")
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk__study_records__enrolment_id__enrolments")
        ),
        sa.ForeignKeyConstraint(["revoked_by_id"], ["users.id"], name=op.f("fk__study_records__revoked_by_id__users")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk__study_records__user_id__users")),
        sa.PrimaryKeyConstraint("enrolment_id", "number", name=op.f("pk__study_records")),
        sa.UniqueConstraint("enrolment_id", "source", name=op.f("uq__study_records__enrolment_id_source")),
    )
    op.create_index(
        op.f("ix__study_records__user_id_starts_at"), "study_records", ["user_id", "starts_at"], unique=False
    )

    op.create_table(
        "placement_months",
        sa.Column("placement_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("days_present", sa.Integer(), nullable=False),
        sa.Column("remark", sa.String(length=500), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_by_id", BIG_ID, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.CheckConstraint("state IN ('confirmed', 'refused')", name=op.f("ck__placement_months__state")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["users.id"], name=op.f("fk__placement_months__decided_by_id__users")
        ),
        sa.ForeignKeyConstraint(
            ["placement_id"], ["placements.id"], name=op.f("fk__placement_months__placement_id__placements")
        ),
        sa.PrimaryKeyConstraint("placement_id", "number", name=op.f("pk__placement_months")),
    )
    with op.batch_alter_table("class_groups") as table:
        table.add_column(sa.Column("size_limit", sa.Integer(), nullable=True))

    with op.batch_alter_table("component_totals") as table:
        table.add_column(sa.Column("pending_ms", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("enrolments") as table:
        table.add_column(sa.Column("variant", sa.String(length=160), server_default=sa.text("''"), nullable=False))
        table.add_column(sa.Column("state", sa.String(length=10), server_default="active", nullable=False))
        table.add_column(sa.Column("registration_number", sa.String(length=40), nullable=True))
        table.create_unique_constraint(table.f("uq__enrolments__registration_number"), ["registration_number"])
        table.create_check_constraint(table.f("ck__enrolments__state"), "state IN ('active', 'withdrawn')")

    with op.batch_alter_table("modules") as table:
        table.drop_column("is_retired")

    with op.batch_alter_table("programme_versions") as table:
        table.add_column(sa.Column("applies_at", INSTANT, nullable=True))
    op.execute("UPDATE programme_versions SET applies_at = published_at")
    with op.batch_alter_table("programme_versions") as table:
        table.alter_column("applies_at", existing_type=INSTANT, nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("programme_versions") as table:
        table.drop_column("applies_at")

    with op.batch_alter_table("modules") as table:
        table.add_column(sa.Column("is_retired", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("modules") as table:
        table.alter_column("is_retired", existing_type=sa.Boolean(), existing_nullable=False, server_default=None)

    with op.batch_alter_table("enrolments") as table:
        table.drop_constraint(table.f("ck__enrolments__state"), type_="check")
        table.drop_constraint(table.f("uq__enrolments__registration_number"), type_="unique")
        table.drop_column("registration_number")
        table.drop_column("state")
        table.drop_column("variant")

    with op.batch_alter_table("component_totals") as table:
        table.drop_column("pending_ms")

    with op.batch_alter_table("class_groups") as table:
        table.drop_column("size_limit")

    op.drop_table("placement_months")

    op.drop_table("study_records")

    op.drop_table("sign_ins")

    op.drop_table("school_activities")
    op.drop_table("readings")

    op.drop_table("placements")

    op.drop_table("nominations")

    op.drop_table("meeting_groups")
    op.drop_table("enrolment_changes")

    op.drop_table("disputes")
    op.drop_table("coursework")
    op.drop_table("component_weeks")

    op.drop_table("uploads")
    op.drop_table("quotas")

    op.drop_table("notices")

    op.drop_table("meetings")
    op.drop_table("mail_states")

    op.drop_table("attachments")
    op.drop_table("registration_series")
