"""Coming into a programme and moving in it: quotas, nominations, changes of enrolments, uploads that wait."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class Quota(Base):
    """How many learners a region may send to a programme (名额); `phase` empty means the whole programme."""

    __tablename__ = "quotas"
    __table_args__ = (CheckConstraint("places >= 0", name="not_negative"),)

    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"), primary_key=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("regions.id"), primary_key=True)
    phase: Mapped[str] = mapped_column(String(60), primary_key=True, default="")
    places: Mapped[int]
    set_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    set_at: Mapped[datetime]


class Nomination(Base):
    """Somebody a regional admin nominates for a programme (选派).

    `region_id` is the region whose quota it takes, `school_id` where the nominee teaches. `warnings` are the misfits
    that were found ([{"code", "params"}]), and stay as they were found. `state` is submitted, waiting (fits, no place
    free), accepted, refused or withdrawn; who decided gives a `reason` where something did not fit.
    `enrolment_id` is what came of it.
    """

    __tablename__ = "nominations"
    __table_args__ = (
        Index(None, "programme_id", "region_id", "state"),
        Index(None, "programme_id", "login"),
        CheckConstraint("state IN ('submitted', 'waiting', 'accepted', 'refused', 'withdrawn')", name="state"),
        CheckConstraint("sex IN ('male', 'female', '')", name="sex"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("regions.id"))
    school_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"))
    phase: Mapped[str] = mapped_column(String(60), default="")
    tier: Mapped[str] = mapped_column(String(60), default="")
    login: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str] = mapped_column(String(40), default="")
    subject: Mapped[str] = mapped_column(String(60), default="")
    degree: Mapped[str] = mapped_column(String(20), default="")
    title: Mapped[str] = mapped_column(String(20), default="")
    teaching_years: Mapped[int | None]
    born_on: Mapped[date | None]
    sex: Mapped[str] = mapped_column(String(6), default="")
    is_rural: Mapped[bool | None]
    warnings: Mapped[dict[str, Any]]
    """{"found": [{"code", "params"}]}"""
    state: Mapped[str] = mapped_column(String(10), default="submitted")
    nominated_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    nominated_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(500), default="")
    waiting_since: Mapped[datetime | None]
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolments.id"))


class EnrolmentChange(Base):
    """What was changed of an enrolment, by whom and why; numbered from 1, never changed itself.

    `kind` is enrolled, moved_group, moved_school, moved_tier, moved_phase, withdrawn, returned or registered; `before`
    and `after` are its values in words of the tables.
    """

    __tablename__ = "enrolment_changes"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(20))
    before: Mapped[str] = mapped_column(String(200), default="")
    after: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime]


class RegistrationSeries(Base):
    """The last serial number given out in a series of electronic registration numbers, as "rural-pe-2026-530102"."""

    __tablename__ = "registration_series"

    series: Mapped[str] = mapped_column(String(100), primary_key=True)
    last: Mapped[int]


class Upload(Base):
    """A file that an admin uploaded and has not confirmed yet: kept until it is carried out or thrown away.

    `kind` is people, regions, nominations, quotas or completions. `state` is waiting, done or discarded; `outcome` is
    what it would do, and afterwards what it did. `body` is the file, sealed, as long as it waits; afterwards the drawn
    passwords, sealed with a key that is kept nowhere, until they are fetched.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        Index(None, "user_id", "created_at"),
        CheckConstraint("state IN ('waiting', 'done', 'discarded')", name="state"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    outcome: Mapped[dict[str, Any]]
    done_at: Mapped[datetime | None]
