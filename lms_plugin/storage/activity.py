"""What learners do: playback sessions and beats, coverage, discussion. Hot keys begin with the learner or enrolment."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class PersonClock(Base):
    """The one row per person that every watching transaction locks first; it names the session holding the lease."""

    __tablename__ = "person_clocks"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    playback_session_id: Mapped[str | None] = mapped_column(String(32))


class PlaybackSession(Base):
    """A lease: one person playing one video from `opened_at` until `ended_at` (None while held).

    `spent_ms` is the new media time charged to it; `unposted` (packed) and `unposted_ms` are what of that is not
    in the ledger yet.
    """

    __tablename__ = "playback_sessions"
    __table_args__ = (
        Index(None, "enrolment_id", "video_id"),
        Index(
            "ix__playback_sessions__unposted",
            "enrolment_id",
            sqlite_where=text("unposted_ms > 0"),
            postgresql_where=text("unposted_ms > 0"),
        ),
        CheckConstraint("unposted_ms >= 0 AND spent_ms >= unposted_ms", name="unposted_was_spent"),
        CheckConstraint("ended_at IS NULL OR ended_at >= opened_at", name="ends_after_it_opened"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id"))
    max_rate_permille: Mapped[int]
    opened_at: Mapped[datetime]
    last_contact_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    spent_ms: Mapped[int] = mapped_column(default=0)
    unposted: Mapped[bytes] = mapped_column(default=b"")
    unposted_ms: Mapped[int] = mapped_column(default=0)
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0)


class Beat(Base):
    """The evidence of one beat: what was claimed, when it came, what was answered. Never changed."""

    __tablename__ = "beats"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "playback_session_id"], ["playback_sessions.user_id", "playback_sessions.id"]),
    )

    user_id: Mapped[int] = mapped_column(primary_key=True)
    playback_session_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    received_at: Mapped[datetime]
    rule_version: Mapped[int]
    claimed: Mapped[dict[str, Any]]
    answer: Mapped[dict[str, Any]]


class Coverage(Base):
    """The merged credited segments of one enrolment in one video, packed, and where the learner stopped."""

    __tablename__ = "coverage"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id"), primary_key=True)
    covered: Mapped[bytes]
    covered_ms: Mapped[int]
    position_ms: Mapped[int]


class Thread(Base):
    """A thread of a module, seen by one class group (None: by those of the programme without a group)."""

    __tablename__ = "threads"
    __table_args__ = (Index(None, "module_id", "class_group_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    module_id: Mapped[int] = mapped_column(ForeignKey("modules.id"))
    class_group_id: Mapped[int | None] = mapped_column(ForeignKey("class_groups.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]


class Post(Base):
    """One post. `enrolment_id` is the learner's enrolment; None for a tutor's post, which earns nothing.

    `counts` and `judgement` keep what the rule said when it was written.
    """

    __tablename__ = "posts"
    __table_args__ = (Index(None, "thread_id", "id"), Index(None, "enrolment_id", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    thread_id: Mapped[int] = mapped_column(ForeignKey("threads.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolments.id"))
    reply_to_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id"))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    counts: Mapped[bool]
    judgement: Mapped[dict[str, Any]]
