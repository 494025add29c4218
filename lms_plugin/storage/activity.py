"""What learners do: playback sessions and beats, coverage, discussion. Hot keys begin with the learner or enrolment."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId

_TO_MARK = "looked_at IS NULL AND taken_back_at IS NULL AND enrolment_id IS NOT NULL"


class PersonClock(Base):
    """The one row per person that every watching transaction locks first.

    `playback_session_id` names the session holding the lease, `plays` and `checks` number sessions and presence checks.
    The log_ columns are the end of the person's log of evidence (domain/evidence.py): closed chunks so far, the chunk
    that is written to, what its next event is reckoned from, and the head. The rest is `domain.watching.Presence`.
    """

    __tablename__ = "person_clocks"
    __table_args__ = (
        Index(
            "ix__person_clocks__answer_by",
            "answer_by",
            sqlite_where=text("answer_by IS NOT NULL"),
            postgresql_where=text("answer_by IS NOT NULL"),
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    playback_session_id: Mapped[str | None] = mapped_column(String(32))
    plays: Mapped[int] = mapped_column(default=0)
    log_chunks: Mapped[int] = mapped_column(default=0)
    log_body: Mapped[bytes] = mapped_column(default=b"")
    log_context: Mapped[bytes] = mapped_column(default=b"")
    log_head: Mapped[bytes] = mapped_column(default=bytes(32))
    checks: Mapped[int] = mapped_column(default=0)
    next_check_in_ms: Mapped[int | None]
    is_blocked: Mapped[bool] = mapped_column(default=False)
    open_check: Mapped[int | None]
    answer_by: Mapped[datetime | None]
    tries_left: Mapped[int] = mapped_column(default=0)


class EvidenceChunk(Base):
    """A closed chunk of a person's log of evidence, numbered from 1, with the log's head after it. Never changed."""

    __tablename__ = "evidence_chunks"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes]
    head: Mapped[bytes]


class PlaybackSession(Base):
    """A lease: one person playing one video from `opened_at` until `ended_at` (None while held).

    `spent_ms` is the new media time charged to it. The packed sets are those of `domain.watching.Play`; `post_at` is
    when a worker posts what the ledger lacks of it (None: it lacks nothing), `has_open_matters` says that its credit
    may still change by itself.
    `number` counts the person's sessions; evidence of it stands in no chunk before `first_chunk`.
    """

    __tablename__ = "playback_sessions"
    __table_args__ = (
        UniqueConstraint("user_id", "number"),
        Index(None, "enrolment_id", "video_id"),
        Index(
            "ix__playback_sessions__unposted",
            "enrolment_id",
            sqlite_where=text("post_at IS NOT NULL"),
            postgresql_where=text("post_at IS NOT NULL"),
        ),
        Index(
            "ix__playback_sessions__post_at",
            "post_at",
            sqlite_where=text("post_at IS NOT NULL"),
            postgresql_where=text("post_at IS NOT NULL"),
        ),
        CheckConstraint("ended_at IS NULL OR ended_at >= opened_at", name="ends_after_it_opened"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int]
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id"))
    rule_version: Mapped[int]
    max_rate_permille: Mapped[int]
    opened_at: Mapped[datetime]
    last_contact_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    spent_ms: Mapped[int] = mapped_column(default=0)
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    first_chunk: Mapped[int] = mapped_column(default=1)
    unposted: Mapped[bytes] = mapped_column(default=b"")
    retracted: Mapped[bytes] = mapped_column(default=b"")
    unconfirmed: Mapped[bytes] = mapped_column(default=b"")
    pending: Mapped[bytes] = mapped_column(default=b"")
    waiting: Mapped[bytes] = mapped_column(default=b"")
    delivered: Mapped[bytes] = mapped_column(default=b"")
    post_at: Mapped[datetime | None]
    has_open_matters: Mapped[bool] = mapped_column(default=False)


class Coverage(Base):
    """One enrolment in one video: the packed sets of `domain.watching.Film`, and where the learner stopped."""

    __tablename__ = "coverage"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id"), primary_key=True)
    covered: Mapped[bytes] = mapped_column(default=b"")
    covered_ms: Mapped[int] = mapped_column(default=0)
    missed: Mapped[bytes] = mapped_column(default=b"")
    withheld: Mapped[bytes] = mapped_column(default=b"")
    position_ms: Mapped[int] = mapped_column(default=0)


class WatchedDay(Base):
    """What an enrolment was charged on one day, where its programme limits the day."""

    __tablename__ = "watched_days"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used_ms: Mapped[int]


class PresenceCheck(Base):
    """A question put to a person. `choice_order` says which choice of the question stands where; `answer` is as shown.

    `outcome` is open, passed, failed, or unanswered.
    """

    __tablename__ = "presence_checks"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    playback_session_id: Mapped[str] = mapped_column(String(32))
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    module_id: Mapped[int] = mapped_column(ForeignKey("modules.id"))
    rule_version: Mapped[int]
    question_key: Mapped[str] = mapped_column(String(80))
    choice_order: Mapped[str] = mapped_column(String(80))
    correct: Mapped[int]
    issued_at: Mapped[datetime]
    answer_by: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answer: Mapped[int | None]
    outcome: Mapped[str] = mapped_column(String(12), default="open")


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

    `counts` and `judgement` keep what the rule said when it was written, or edited last; `judged_at` is the moment
    whose day and window it was judged by, `credit_ms` what it is worth as long as it counts. `mark` is empty, excellent
    (which adds `extra_ms`) or void. What was taken back (`taken_back_at`) stays for the tutor. `looked_at` is when a
    tutor saw it as it is. How it came to be so is in PostChange.
    """

    __tablename__ = "posts"
    __table_args__ = (
        Index(None, "thread_id", "id"),
        Index(None, "enrolment_id", "id"),
        Index(
            "ix__posts__to_mark",
            "enrolment_id",
            sqlite_where=text(_TO_MARK),
            postgresql_where=text(_TO_MARK),
        ),
        CheckConstraint("mark IN ('', 'excellent', 'void')", name="mark"),
        CheckConstraint("extra_ms = 0 OR mark = 'excellent'", name="extra_is_for_excellence"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    thread_id: Mapped[int] = mapped_column(ForeignKey("threads.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolments.id"))
    reply_to_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id"))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    counts: Mapped[bool]
    judgement: Mapped[dict[str, Any]]
    judged_at: Mapped[datetime] = mapped_column(default=lambda made: made.get_current_parameters()["created_at"])
    credit_ms: Mapped[int] = mapped_column(default=0)
    component_key: Mapped[str] = mapped_column(String(60), default="")
    mark: Mapped[str] = mapped_column(String(10), default="")
    extra_ms: Mapped[int] = mapped_column(default=0)
    edited_at: Mapped[datetime | None]
    edits: Mapped[int] = mapped_column(default=0)
    taken_back_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    looked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class PostChange(Base):
    """What became of a post after it was written, in the order of the ids. Never changed.

    `kind` is edited, taken_back, excellent, excellent_withdrawn, void or void_lifted. `after_post_id` is the last post
    of the same enrolment by then. What an edit or the lifting of a void replaced is kept: what the post said and what
    that was worth; `rule_version` is the version of the programme that judged it anew.
    """

    __tablename__ = "post_changes"
    __table_args__ = (
        Index(None, "post_id", "id"),
        Index(None, "enrolment_id", "id"),
        CheckConstraint(
            "kind IN ('edited', 'taken_back', 'excellent', 'excellent_withdrawn', 'void', 'void_lifted')", name="kind"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"))
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolments.id"))
    after_post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id"))
    kind: Mapped[str] = mapped_column(String(20))
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(500), default="")
    extra_ms: Mapped[int] = mapped_column(default=0)
    rule_version: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    judgement: Mapped[dict[str, Any] | None]
    judged_at: Mapped[datetime | None]
    credit_ms: Mapped[int] = mapped_column(default=0)
    component_key: Mapped[str] = mapped_column(String(60), default="")
