"""Study completed elsewhere: what was completed, and who vouches for it."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class Completion(Base):
    """What a learner completed elsewhere, known by an institution's `reference`: the number of a certificate.

    It becomes one study record, "elsewhere/{id}"; what is vouched for stands in its `Voucher`s.
    """

    __tablename__ = "elsewhere_completions"
    __table_args__ = (UniqueConstraint("enrolment_id", "institution", "reference"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    institution: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(100))


class Voucher(Base):
    """What an institution vouches for, numbered from 1; rows are added and never changed: the last one holds.

    `person` is who vouches for it there, `reason` why the one before was wrong (empty for the first).
    """

    __tablename__ = "elsewhere_vouchers"

    completion_id: Mapped[int] = mapped_column(ForeignKey("elsewhere_completions.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    component_key: Mapped[str] = mapped_column(String(60))
    given_ms: Mapped[int]
    completed_on: Mapped[date]
    title: Mapped[str] = mapped_column(String(200))
    person: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(String(500), default="")
    entered_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    entered_at: Mapped[datetime]
