"""The append-only ledger of credit entries and its sums per component."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.domain.ledger import CreditEntry
from lms_plugin.storage.base import Base


class CreditEntryRow(Base):
    """One entry of the chain. Rows are only ever added; the database refuses updates and deletes."""

    __tablename__ = "credit_entries"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    component_key: Mapped[str] = mapped_column(String(60))
    amount_ms: Mapped[int]
    source_kind: Mapped[str] = mapped_column(String(30))
    source_id: Mapped[str] = mapped_column(String(60))
    detail: Mapped[dict[str, Any]]
    rule_version: Mapped[str] = mapped_column(String(60))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    def as_entry(self) -> CreditEntry:
        return CreditEntry(
            enrolment_id=self.enrolment_id,
            number=self.number,
            component_key=self.component_key,
            amount_ms=self.amount_ms,
            source_kind=self.source_kind,
            source_id=self.source_id,
            detail=self.detail,
            rule_version=self.rule_version,
            decided_by_id=self.decided_by_id,
            recorded_at=self.recorded_at,
            previous_hash=self.previous_hash,
        )


class LedgerHead(Base):
    """Where an enrolment's chain ends; locked by whoever appends."""

    __tablename__ = "ledger_heads"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


class ComponentTotal(Base):
    """The sum of an enrolment's entries for one component; `pending_ms` of it waits for its week to reach the pace."""

    __tablename__ = "component_totals"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    component_key: Mapped[str] = mapped_column(String(60), primary_key=True)
    credited_ms: Mapped[int]
    pending_ms: Mapped[int] = mapped_column(default=0, server_default="0")


class ComponentWeek(Base):
    """The sum of an enrolment's entries for one component in one week, named by its Monday: where it has a pace."""

    __tablename__ = "component_weeks"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    component_key: Mapped[str] = mapped_column(String(60), primary_key=True)
    week_on: Mapped[date] = mapped_column(primary_key=True)
    credited_ms: Mapped[int]
