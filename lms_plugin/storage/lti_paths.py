"""LTI on its way to a link: registrations that wait for an admin's word, and authors who are choosing what to link."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base


class LtiRegistration(Base):
    """A platform that came by dynamic registration and that no admin has confirmed yet.

    Its deployment stands here and not among `lti_deployments`: until then every launch from it is one from an unknown
    deployment. The row goes when the registration is confirmed or discarded.
    """

    __tablename__ = "lti_registrations"

    platform_id: Mapped[int] = mapped_column(ForeignKey("platforms.id"), primary_key=True)
    deployment_id: Mapped[str | None] = mapped_column(String(255))
    """As the platform gave it; None where it gives one only when it deploys the tool."""
    product: Mapped[str] = mapped_column(String(120))
    """What the platform calls its software."""
    configuration_url: Mapped[str] = mapped_column(String(500))
    registered_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    registered_at: Mapped[datetime]


class LtiPicking(Base):
    """A verified deep linking request that waits for its answer; known by the digest of a secret, answered once."""

    __tablename__ = "lti_pickings"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platforms.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """Who the author is here; None for somebody whom only the platform knows."""
    deployment_id: Mapped[str] = mapped_column(String(255))
    return_url: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]]
    """What else of the request decides on the answer: accept_multiple, takes_line_item, data, locale."""
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
