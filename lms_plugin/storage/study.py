"""Study outside of films and posts: meetings and who signed in, school-based activities, placements, coursework,
readings, and the study records that they become when somebody confirms them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class StudyRecord(Base):
    """Study of one enrolment that somebody confirmed, or that the service saw itself; the ledger follows from these.

    `kind` is the component's (domain.modes.ComponentKind), `activity` the kind of school-based study where it is one,
    `source` what it comes from, as "meeting/12". Timed study has `present`, packed half-open segments in milliseconds
    since 1970 (domain.intervals), and `counted`, what of them counts; `starts_at` and `ends_at` are their hull. Whole
    study has None and `given_ms`. `most_ms` limits what the record gives. `counted_ms` is what stands in the ledger.
    A record that is revoked counts nothing and stays.
    """

    __tablename__ = "study_records"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "source"),
        Index(None, "user_id", "starts_at"),
        CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name="hull_is_whole"),
        CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="ends_after_it_started"),
    )

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    component_key: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(20))
    activity: Mapped[str] = mapped_column(String(20), default="")
    source: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(200), default="")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    present: Mapped[bytes] = mapped_column(default=b"")
    given_ms: Mapped[int] = mapped_column(default=0)
    most_ms: Mapped[int | None]
    counted: Mapped[bytes] = mapped_column(default=b"")
    counted_ms: Mapped[int] = mapped_column(default=0)
    rule_version: Mapped[int]
    """Number of the programme version that was in force when it took place."""
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    confirmed_at: Mapped[datetime]
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None] = mapped_column(String(500))


class Meeting(Base):
    """One dated occasion that learners attend together: face to face, a group viewing, a Q&A session.

    `medium` is how a group viewing gets its film: "satellite", "disc" or "network". `most_minutes` limits what it gives
    (a full day gives six class hours, say, breaks left out). `code_secret` makes the rotating code while it is open.
    `state` is planned, open, closed, confirmed or cancelled. `region_id` is where it takes place, at best a school; who
    may attend are the class groups of MeetingGroup, or all learners of the region where there are none. `link` is where
    one comes in from afar, shown to those invited only. `sequence` counts the changes of the plan, as calendars do
    (RFC 5545), the last of them `changed_at`.
    """

    __tablename__ = "meetings"
    __table_args__ = (
        Index(None, "programme_id", "starts_at"),
        Index(None, "leader_id", "starts_at"),
        CheckConstraint("ends_at > starts_at", name="ends_after_it_started"),
        CheckConstraint("state IN ('planned', 'open', 'closed', 'confirmed', 'cancelled')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"))
    component_key: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(20))
    medium: Mapped[str] = mapped_column(String(20), default="")
    title: Mapped[str] = mapped_column(String(200))
    place: Mapped[str] = mapped_column(String(200), default="")
    region_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"), index=True)
    module_id: Mapped[int | None] = mapped_column(ForeignKey("modules.id"))
    leader_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    most_minutes: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10), default="planned")
    code_secret: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    confirmed_at: Mapped[datetime | None]
    cancelled_because: Mapped[str | None] = mapped_column(String(500))
    link: Mapped[str] = mapped_column(String(500), default="")
    sequence: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime | None]


class MeetingGroup(Base):
    """A class group that a meeting is for."""

    __tablename__ = "meeting_groups"

    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    class_group_id: Mapped[int] = mapped_column(ForeignKey("class_groups.id"), primary_key=True, index=True)


class SignIn(Base):
    """One learner at one meeting: when they came and went, how that is known, and what the leader's list says.

    `in_by` and `out_by` are "code" or "list". `device` is a hash of the device that a code came from, so that a leader
    sees many people on one. `state` is signed, confirmed, or refused (with `reason`).
    """

    __tablename__ = "sign_ins"
    __table_args__ = (
        Index(None, "meeting_id"),
        CheckConstraint("state IN ('signed', 'confirmed', 'refused')", name="state"),
    )

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    in_at: Mapped[datetime | None]
    in_by: Mapped[str] = mapped_column(String(10), default="")
    out_at: Mapped[datetime | None]
    out_by: Mapped[str] = mapped_column(String(10), default="")
    device: Mapped[str] = mapped_column(String(16), default="")
    state: Mapped[str] = mapped_column(String(10), default="signed")
    reason: Mapped[str] = mapped_column(String(500), default="")
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime]


class SchoolActivity(Base):
    """A school-based activity that a learner hands in with evidence; the school approves it, then the county.

    `state` is submitted, school_approved, approved, returned (to be handed in again) or refused. `approvals` lists who
    approved, in order: [{"level", "by", "at"}].
    """

    __tablename__ = "school_activities"
    __table_args__ = (
        Index(None, "enrolment_id", "starts_at"),
        Index(None, "state", "region_id"),
        CheckConstraint("ends_at > starts_at", name="ends_after_it_started"),
        CheckConstraint("state IN ('submitted', 'school_approved', 'approved', 'returned', 'refused')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"))
    """The school that approves: where the learner taught when it was handed in."""
    component_key: Mapped[str] = mapped_column(String(60))
    activity: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20), default="submitted")
    approvals: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(String(500), default="")
    submitted_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class Attachment(Base):
    """A file handed in with a school-based activity or as homework; kept under its SHA-256 in the data folder."""

    __tablename__ = "attachments"
    __table_args__ = (Index(None, "owner"), Index(None, "digest"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    owner: Mapped[str] = mapped_column(String(60))
    """What it belongs to: "activity/7", "coursework/3"."""
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class Placement(Base):
    """Where a learner is placed: a host (a university, a school with a teacher to shadow), from and to which day.

    `host_user_id` is who confirms its months.
    """

    __tablename__ = "placements"
    __table_args__ = (Index(None, "enrolment_id"), Index(None, "host_user_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    component_key: Mapped[str] = mapped_column(String(60))
    host: Mapped[str] = mapped_column(String(200))
    host_user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    mentor: Mapped[str] = mapped_column(String(120), default="")
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]


class PlacementMonth(Base):
    """One month of a placement, numbered from 1, as its host reports it: days present, a word on it."""

    __tablename__ = "placement_months"
    __table_args__ = (CheckConstraint("state IN ('confirmed', 'refused')", name="state"),)

    placement_id: Mapped[int] = mapped_column(ForeignKey("placements.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    days_present: Mapped[int]
    remark: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(10))
    decided_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime]


class Coursework(Base):
    """A piece of homework handed in (`piece` from 1), or an examination (`piece` counts the attempts), and its mark.

    `kind` is homework or examination; `mark` is 0 to 100, None while it is not marked.
    """

    __tablename__ = "coursework"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "component_key", "piece"),
        CheckConstraint("mark IS NULL OR (mark >= 0 AND mark <= 100)", name="mark_in_range"),
        CheckConstraint("state IN ('submitted', 'returned', 'passed', 'failed')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    component_key: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(20))
    piece: Mapped[int]
    text: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(10), default="submitted")
    mark: Mapped[int | None]
    remark: Mapped[str] = mapped_column(String(500), default="")
    submitted_at: Mapped[datetime]
    marked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    marked_at: Mapped[datetime | None]


class Reading(Base):
    """A learner at a module's reading: when it was opened last, and when a question on it was answered rightly."""

    __tablename__ = "readings"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    module_id: Mapped[int] = mapped_column(ForeignKey("modules.id"), primary_key=True)
    opened_at: Mapped[datetime]
    question_key: Mapped[str] = mapped_column(String(80), default="")
    tries: Mapped[int] = mapped_column(default=0)
    read_at: Mapped[datetime | None]
