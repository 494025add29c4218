"""Questions that learners ask their tutors between meetings, what is written to them, and a module's FAQ."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class Question(Base):
    """A learner's question on a module, seen by the class group that it was asked in (private: by its tutors only).

    `state` is open, answered or merged; `waiting_since` is when an open one began to wait: when it was asked, or
    followed up after an answer. `at_seconds` is the second of that video at which it was asked. `merged_into_id` names
    the question whose answer is this one's too; it stays when a follow-up opens this one again. `asked_as` is what the
    asker's device called it: the same question sent twice is one.
    """

    __tablename__ = "questions"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "asked_as"),
        Index(None, "module_id", "class_group_id", "id"),
        Index(None, "merged_into_id"),
        Index(
            "ix__questions__waiting",
            "class_group_id",
            "waiting_since",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        CheckConstraint("state IN ('open', 'answered', 'merged')", name="state"),
        CheckConstraint("(state = 'open') = (waiting_since IS NOT NULL)", name="only_open_waits"),
        CheckConstraint("state <> 'merged' OR merged_into_id IS NOT NULL", name="merged_into_one"),
        CheckConstraint("at_seconds IS NULL OR (at_seconds >= 0 AND video_id IS NOT NULL)", name="second_of_a_film"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    module_id: Mapped[int] = mapped_column(ForeignKey("modules.id"))
    class_group_id: Mapped[int] = mapped_column(ForeignKey("class_groups.id"))
    video_id: Mapped[int | None] = mapped_column(ForeignKey("videos.id"))
    at_seconds: Mapped[int | None]
    is_private: Mapped[bool]
    body: Mapped[str] = mapped_column(Text)
    asked_as: Mapped[str] = mapped_column(String(40))
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="open")
    waiting_since: Mapped[datetime | None]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("questions.id"))


class QuestionReply(Base):
    """Something written to a question: by a tutor, a colleague or the asker (`enrolment_id` None: a tutor).

    An answer is a reply that a tutor wrote as one or marked as one (`marked_at`); the one marked last is the answer.
    """

    __tablename__ = "question_replies"
    __table_args__ = (
        Index(None, "question_id", "id"),
        CheckConstraint("(marked_at IS NULL) = (marked_by_id IS NULL)", name="marked_by_somebody"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolments.id"))
    body: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]
    marked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    marked_at: Mapped[datetime | None]


class FaqEntry(Base):
    """A question with its answer as a tutor edited them for all class groups of the programme, naming nobody.

    It is never changed: who wants other words withdraws it and promotes the question again.
    """

    __tablename__ = "faq_entries"
    __table_args__ = (
        Index(None, "module_id"),
        Index(
            "uq__faq_entries__shown",
            "question_id",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)", name="withdrawn_by_somebody"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    module_id: Mapped[int] = mapped_column(ForeignKey("modules.id"))
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"))
    video_id: Mapped[int | None] = mapped_column(ForeignKey("videos.id"))
    at_seconds: Mapped[int | None]
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    promoted_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    promoted_at: Mapped[datetime]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    withdrawn_at: Mapped[datetime | None]
