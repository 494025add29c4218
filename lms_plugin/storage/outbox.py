"""The outbox: LMS platforms and the one report per (platform, enrolment, block) that they are owed."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId

WAITING, ACKNOWLEDGED, REFUSED = "waiting", "acknowledged", "refused"


class Platform(Base):
    """A registered LMS. The client secret is kept sealed with a key derived from the service's secret key."""

    __tablename__ = "platforms"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    base_url: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    sealed_secret: Mapped[bytes]
    is_paused: Mapped[bool] = mapped_column(default=False)
    paused_reason: Mapped[str | None] = mapped_column(String(500))


class Report(Base):
    """What an LMS should hold for one learner and block, and how far the delivery is.

    There is one row per (platform, enrolment, block); a new standing raises `ratio` and `revision` in place,
    so that what arrives last is the truth, however often it is sent. The ratio never goes down.
    """

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "platform_key", "block_key"),
        Index("ix__reports__due", "state", "next_attempt_at"),
        CheckConstraint("state IN ('waiting', 'acknowledged', 'refused')", name="state"),
        CheckConstraint("ratio >= 0 AND ratio <= 1", name="ratio_range"),
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
    next_attempt_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    leased_by: Mapped[str | None] = mapped_column(String(80))
    last_error_code: Mapped[str | None] = mapped_column(String(60))
    last_error_words: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
