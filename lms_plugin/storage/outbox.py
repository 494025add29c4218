"""The outbox: LMS platforms and the one report per (platform, enrolment, block) that they are owed."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId

COMPLETION, LTI, LRS = "completion", "lti", "lrs"
"""Kinds of platforms: by how they hear of completions."""

WAITING, ACKNOWLEDGED, REFUSED = "waiting", "acknowledged", "refused"


class Platform(Base):
    """A registered LMS and how it is doing. The client secret is kept sealed, see services/platforms.py.

    `kind` says how it hears of completions: `completion` by Open edX's completion API, `lti` by scores (AGS), with a
    row of `lti_platforms` beside it and no secret, `lrs` by xAPI statements.

    Two things stop delivery, and neither lifts the other: `is_paused`, which an admin sets and lifts, and a fault
    of the connection (`fault_...`), which the worker sets and lifts. `failures` counts the messages and probes in a
    row that got no answer; nothing is sent before `next_attempt_at`.
    """

    __tablename__ = "platforms"
    __table_args__ = (
        CheckConstraint("(fault_code IS NULL) = (fault_since IS NULL)", name="fault_has_its_time"),
        CheckConstraint("failures >= 0", name="failures"),
        CheckConstraint("kind IN ('completion', 'lti', 'lrs')", name="kind"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    base_url: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    sealed_secret: Mapped[bytes]
    is_paused: Mapped[bool] = mapped_column(default=False)
    paused_reason: Mapped[str | None] = mapped_column(String(500))
    fault_code: Mapped[str | None] = mapped_column(String(60))
    fault_words: Mapped[str | None] = mapped_column(String(500))
    fault_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    last_failure_words: Mapped[str | None] = mapped_column(String(500))
    next_attempt_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    """When the platform last took a message."""
    kind: Mapped[str] = mapped_column(String(10), default=COMPLETION, server_default=COMPLETION)
    sealed_handover_secret: Mapped[bytes | None]
    """What the platform's server signs with when it hands a learner over; None where it may not."""


class Report(Base):
    """What an LMS should hold for one learner and block, and how far the delivery is.

    There is one row per (platform, enrolment, block); a new standing raises `ratio` and `revision` in place,
    so that what arrives last is the truth, however often it is sent. The ratio goes down
    only where an LTI link shows something else than before.
    """

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "platform_key", "block_key"),
        Index(
            "ix__reports__due",
            "platform_key",
            "next_attempt_at",
            sqlite_where=text("next_attempt_at IS NOT NULL"),
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        CheckConstraint("state IN ('waiting', 'acknowledged', 'refused')", name="state"),
        CheckConstraint("ratio >= 0 AND ratio <= 1", name="ratio_range"),
        CheckConstraint("state <> 'waiting' OR next_attempt_at IS NOT NULL", name="waiting_is_due_some_day"),
        CheckConstraint("state <> 'refused' OR next_attempt_at IS NULL", name="refused_is_not_due"),
        CheckConstraint("(leased_until IS NULL) = (leased_by IS NULL)", name="lease_has_its_holder"),
        CheckConstraint("(credited_hours IS NULL) = (required_hours IS NULL)", name="hours_of_a_requirement"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    platform_key: Mapped[str] = mapped_column(String(60))
    """The platform named by the programme; it may be registered later than the first report is due."""
    course_key: Mapped[str] = mapped_column(String(255))
    block_key: Mapped[str] = mapped_column(String(255))
    ratio: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    revision: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(12), default=WAITING)
    acknowledged_ratio: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    acknowledged_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    """How often this standing was sent, or may have been."""
    next_attempt_at: Mapped[datetime | None]
    """None while there is nothing to send. An acknowledged report with one is sent once more, to be sure."""
    unanswered_at: Mapped[datetime | None]
    """The last sending of which nobody knows whether and when it takes effect at the LMS; None when all are settled."""
    failing_since: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    leased_by: Mapped[str | None] = mapped_column(String(80))
    last_error_code: Mapped[str | None] = mapped_column(String(60))
    last_error_words: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    """When what is owed last changed."""
    credited_hours: Mapped[Decimal | None] = mapped_column(Numeric(10, 4))
    """Class hours reached of those required, as they stood when `ratio` did; None where nobody asks for them."""
    required_hours: Mapped[Decimal | None] = mapped_column(Numeric(10, 4))
    stamped_at: Mapped[datetime | None]
    """The time that the last message about it bore, sent or not: each bears a later one (AGS 2.0, 3.4.7)."""
