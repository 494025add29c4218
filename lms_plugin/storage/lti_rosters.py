"""Rosters of LTI platforms that class groups are kept in step with, and what they did for whom."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base


class LtiRoster(Base):
    """A link's roster that an admin has confirmed; its class group stands in `lti_links.class_group_id`.

    `whole_at` is when all of it was read last; in between, `differences_url` says what has changed. `tried_at` is when
    it was asked for last; `failure_words` say why nothing came of that, None where all is well.
    """

    __tablename__ = "lti_rosters"

    link_id: Mapped[int] = mapped_column(ForeignKey("lti_links.id"), primary_key=True)
    confirmed_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    confirmed_at: Mapped[datetime]
    differences_url: Mapped[str | None] = mapped_column(Text)
    whole_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    failure_words: Mapped[str | None] = mapped_column(String(500))


class LtiMember(Base):
    """A member of a confirmed roster, and what the roster brought about: what it did it may undo, and nothing else.

    `has_enrolled`: it enrolled them; `has_placed`: it put them into the class group; `has_withdrawn`: it withdrew them,
    and nobody took them back since.
    """

    __tablename__ = "lti_members"
    __table_args__ = (CheckConstraint("status IN ('Active', 'Inactive', 'Deleted')", name="status"),)

    link_id: Mapped[int] = mapped_column(ForeignKey("lti_links.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    status: Mapped[str] = mapped_column(String(10))
    role: Mapped[str | None] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(120), default="")
    has_enrolled: Mapped[bool] = mapped_column(default=False)
    has_placed: Mapped[bool] = mapped_column(default=False)
    has_withdrawn: Mapped[bool] = mapped_column(default=False)
    seen_at: Mapped[datetime]
