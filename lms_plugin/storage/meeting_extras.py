"""What stands around a meeting: questions put beforehand and their votes, what is published afterwards, how far a
learner is with making up for it, and the secret part of somebody's calendar address."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class MeetingQuestion(Base):
    """A question that a learner puts to a Q&A session.

    `state` is open, answered (with `note`, which may be empty), merged (into the question of `merged_into_id`, which is
    never a merged one itself) or withdrawn by who put it.
    """

    __tablename__ = "meeting_questions"
    __table_args__ = (
        Index(None, "meeting_id", "id"),
        Index(None, "enrolment_id"),
        CheckConstraint("state IN ('open', 'answered', 'merged', 'withdrawn')", name="state"),
        CheckConstraint("(state = 'merged') = (merged_into_id IS NOT NULL)", name="merged_into_one"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"))
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    body: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="open")
    note: Mapped[str] = mapped_column(Text, default="")
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("meeting_questions.id"))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]


class QuestionVote(Base):
    """One learner's vote for a question; a question that was merged keeps its own, and its voters' stand for the other
    one too."""

    __tablename__ = "question_votes"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("meeting_questions.id"), primary_key=True, index=True)
    voted_at: Mapped[datetime]


class MeetingNotes(Base):
    """What is published after a meeting: notes in Markdown, a recording (a link, or a module's film), and questions on
    the notes, {"questions": [{"text", "choices", "answer"}]}, for who makes up for what they missed."""

    __tablename__ = "meeting_notes"

    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    body: Mapped[str] = mapped_column(Text, default="")
    recording_link: Mapped[str] = mapped_column(String(500), default="")
    recording_module_id: Mapped[int | None] = mapped_column(ForeignKey("modules.id"))
    questions: Mapped[dict[str, Any]]
    published_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    published_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class MeetingMakeup(Base):
    """A learner at the notes of a meeting that they missed: when these were opened, the question drawn (its place in
    the list) with the order of its choices, and when it was answered rightly."""

    __tablename__ = "meeting_makeups"
    __table_args__ = (Index(None, "meeting_id"),)

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    opened_at: Mapped[datetime]
    question: Mapped[int] = mapped_column(default=0)
    choice_order: Mapped[str] = mapped_column(String(20), default="")
    tries: Mapped[int] = mapped_column(default=0)
    nominal_ms: Mapped[int] = mapped_column(default=0)
    """How long the notes were reckoned to take when they were read."""
    read_at: Mapped[datetime | None]


class CalendarAddress(Base):
    """The part of somebody's calendar address that is drawn anew when they want another one."""

    __tablename__ = "calendar_addresses"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    draw: Mapped[str] = mapped_column(String(32))
    drawn_at: Mapped[datetime]
