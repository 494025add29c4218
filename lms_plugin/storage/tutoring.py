"""What tutors do: messages to their learners, notes, briefs, who stands in for whom, and the trail of every action."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class TrailEntry(Base):
    """One thing that somebody did in tutoring: who, when, what, about whom. Rows are only ever added; the database
    refuses updates and deletes.

    `about` is the object, as "message/12"; `on_behalf_of_id` is the tutor whom the actor stood in for; `params` are
    the figures of the sentence.
    """

    __tablename__ = "trail_entries"
    __table_args__ = (
        Index(None, "enrolment_id", "id"),
        Index(None, "class_group_id", "id"),
        Index(None, "actor_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    happened_at: Mapped[datetime]
    actor_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    on_behalf_of_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(40))
    about: Mapped[str] = mapped_column(String(120))
    class_group_id: Mapped[int | None] = mapped_column(ForeignKey("class_groups.id"))
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolments.id"))
    params: Mapped[dict[str, Any]]


class TutorMessage(Base):
    """A message to learners of a class group, as the tutor wrote it, with its placeholders.

    `kind` is message or brief. `once` names the form it was sent from: the same form sends nothing a second time.
    """

    __tablename__ = "tutor_messages"
    __table_args__ = (
        UniqueConstraint("author_id", "once"),
        Index(None, "class_group_id", "id"),
        CheckConstraint("kind IN ('message', 'brief')", name="kind"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    class_group_id: Mapped[int] = mapped_column(ForeignKey("class_groups.id"))
    kind: Mapped[str] = mapped_column(String(10), default="message")
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    on_behalf_of_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    once: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(100))
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime]


class MessageRecipient(Base):
    """Who got a message, and the text as they got it, with every placeholder filled in."""

    __tablename__ = "message_recipients"
    __table_args__ = (Index(None, "message_id"),)

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("tutor_messages.id"), primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    body: Mapped[str] = mapped_column(Text)


class TutorNote(Base):
    """What a tutor noted of a learner, for the group's tutors and the office alone; the learner never sees it."""

    __tablename__ = "tutor_notes"
    __table_args__ = (Index(None, "enrolment_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]


class TutorBrief(Base):
    """A class group's brief of a week as it was sent, in both languages, with the ledger's figures of that moment.

    `audience` is group or office; sent to the group it is a message too.
    """

    __tablename__ = "tutor_briefs"
    __table_args__ = (
        UniqueConstraint("author_id", "once"),
        Index(None, "class_group_id", "id"),
        CheckConstraint("audience IN ('group', 'office')", name="audience"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    class_group_id: Mapped[int] = mapped_column(ForeignKey("class_groups.id"))
    week_on: Mapped[date]
    audience: Mapped[str] = mapped_column(String(10))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    on_behalf_of_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("tutor_messages.id"))
    once: Mapped[str] = mapped_column(String(40))
    text_zh: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]]
    sent_at: Mapped[datetime]


class Substitution(Base):
    """Somebody stands in for a tutor of a class group from `starts_on` to before `ends_on`, with a handover note.

    `starts_at` and `ends_at` are these days' instants in the programme's time zone: outside of them nothing is allowed.
    `ended_at` is when it was ended before its time.
    """

    __tablename__ = "substitutions"
    __table_args__ = (
        Index(None, "substitute_id", "ends_at"),
        Index(None, "class_group_id", "starts_at"),
        CheckConstraint("ends_at > starts_at", name="ends_after_it_started"),
        CheckConstraint("substitute_id <> tutor_id", name="of_two_people"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    class_group_id: Mapped[int] = mapped_column(ForeignKey("class_groups.id"))
    substitute_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    tutor_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(Text)
    given_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    given_at: Mapped[datetime]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[datetime | None]
