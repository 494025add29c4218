"""What people are told: notices in the page and by e-mail, each once; and disputes of credit entries."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class Notice(Base):
    """One thing a person is told. `kind` and `params` make its sentence in the person's language; `about` makes it
    unique: nobody is told twice of the same thing. `address` is the page it leads to.

    `mailed_at` is when the e-mail that carried it was accepted; `mail_state` is none (not to be mailed), waiting, sent
    or failed.
    """

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("user_id", "kind", "about"),
        Index(
            "ix__notices__to_mail",
            "user_id",
            sqlite_where=text("mail_state = 'waiting'"),
            postgresql_where=text("mail_state = 'waiting'"),
        ),
        CheckConstraint("mail_state IN ('none', 'waiting', 'sent', 'failed')", name="mail_state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(40))
    about: Mapped[str] = mapped_column(String(120))
    params: Mapped[dict[str, Any]]
    address: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    mail_state: Mapped[str] = mapped_column(String(10), default="none")
    mailed_at: Mapped[datetime | None]


class MailState(Base):
    """How a person gets notices by e-mail: `digest` is each, daily or never; when the last e-mail went, what failed.

    `claimed_until` is the lease of a worker that is writing to the person. `letter_up_to` is the last notice of the
    letter under way, written down before it is sent, so that a letter sent again is the same one; `unsure` counts how
    often nobody knows whether it was sent. `refused_address` is where no e-mail is sent to any more.
    """

    __tablename__ = "mail_states"
    __table_args__ = (CheckConstraint("digest IN ('each', 'daily', 'never')", name="digest"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(10), default="daily")
    last_mailed_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(String(300), default="")
    claimed_until: Mapped[datetime | None]
    letter_up_to: Mapped[int | None] = mapped_column(BigInteger)
    unsure: Mapped[int] = mapped_column(default=0)
    refused_address: Mapped[str] = mapped_column(String(254), default="")


class Dispute(Base):
    """A learner disputes a credit entry, or asks for one that is missing (`entry_number` None).

    `state` is open, proposed (the tutor proposed `proposed_ms`), accepted, refused or withdrawn; the class admin
    decides. `happened_on` is the day in question, `entry_after` the ledger entry that the decision wrote.
    """

    __tablename__ = "disputes"
    __table_args__ = (
        Index(None, "enrolment_id"),
        Index(None, "state"),
        Index(
            "uq__disputes__undecided",
            "enrolment_id",
            "entry_number",
            unique=True,
            sqlite_where=text("state IN ('open', 'proposed')"),
            postgresql_where=text("state IN ('open', 'proposed')"),
        ),
        CheckConstraint("state IN ('open', 'proposed', 'accepted', 'refused', 'withdrawn')", name="state"),
        CheckConstraint("(state = 'accepted') = (entry_after IS NOT NULL)", name="accepted_has_entry"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    entry_number: Mapped[int | None]
    component_key: Mapped[str] = mapped_column(String(60))
    happened_on: Mapped[date]
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open")
    opened_at: Mapped[datetime]
    proposed_ms: Mapped[int | None]
    """What is to be added to the ledger (negative: taken back), in milliseconds."""
    proposed_reason: Mapped[str] = mapped_column(String(500), default="")
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    proposed_at: Mapped[datetime | None]
    decided_ms: Mapped[int | None]
    decided_reason: Mapped[str] = mapped_column(String(500), default="")
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    entry_after: Mapped[int | None]
