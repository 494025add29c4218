"""LTI Advantage: what is known of each platform, who its people are here, and which of its links show what of ours.

Terms are those of LTI 1.3 (IMS Security Framework 1.0; LTI 1.3 core; AGS 2.0; NRPS 2.0; Deep Linking 2.0). A platform
is a row of `platforms` of the kind `lti` with one of `lti_platforms` beside it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class LtiPlatform(Base):
    """How a platform is reached and recognised. Its client id stands in `platforms.client_id`.

    One issuer may have registered this tool several times, each time with another client id.
    """

    __tablename__ = "lti_platforms"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    platform_id: Mapped[int] = mapped_column(ForeignKey("platforms.id"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    authorization_url: Mapped[str] = mapped_column(String(500))
    """Where a launch asks the platform who it is that launches (OIDC authentication request)."""
    token_url: Mapped[str | None] = mapped_column(String(500))
    """Where access tokens for AGS and NRPS are given; None for a platform that only launches."""
    token_audience: Mapped[str | None] = mapped_column(String(500))
    """The `aud` of our assertion where it is another one than `token_url`."""
    key_set_url: Mapped[str] = mapped_column(String(500))
    key_set: Mapped[dict[str, Any] | None]
    """The platform's public keys (RFC 7517) as last read; kept, so that a launch need not wait for the platform."""
    key_set_read_at: Mapped[datetime | None]


class LtiDeployment(Base):
    """One deployment of this tool on a platform; a launch from another one is refused."""

    __tablename__ = "lti_deployments"

    platform_id: Mapped[int] = mapped_column(ForeignKey("platforms.id"), primary_key=True)
    deployment_id: Mapped[str] = mapped_column(String(255), primary_key=True)


class LtiKey(Base):
    """A key of this tool's own: it signs until `retires_at`, and stands in the published key set until `ends_at`."""

    __tablename__ = "lti_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed_private_key: Mapped[bytes]
    public_key: Mapped[dict[str, Any]]
    """The public half as a JWK (RFC 7517)."""
    created_at: Mapped[datetime]
    retires_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]


class LtiLogin(Base):
    """A launch that was begun and not ended yet; the state is kept as a digest and serves once."""

    __tablename__ = "lti_logins"
    __table_args__ = (Index(None, "expires_at"),)

    state_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platforms.id"))
    nonce: Mapped[str] = mapped_column(String(64))
    deployment_id: Mapped[str | None] = mapped_column(String(255))
    target_link_uri: Mapped[str] = mapped_column(String(500))
    browser_digest: Mapped[str | None] = mapped_column(String(64))
    """Of what this browser alone holds; None until it has shown whether it keeps cookies in a frame."""
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LtiNonce(Base):
    """A nonce that came back in a launch; kept for longer than any token that bears it is valid."""

    __tablename__ = "lti_nonces"
    __table_args__ = (Index(None, "expires_at"),)

    platform_id: Mapped[int] = mapped_column(ForeignKey("platforms.id"), primary_key=True)
    nonce_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime]


class PlatformAccount(Base):
    """Who a person is on a platform: `subject` is the `sub` of LTI, or the name an XBlock's server vouches for.

    One account there belongs to one person here, and the other way round; a link is never made by e-mail alone.
    `origin` says how it came about: launch, roster or office.
    """

    __tablename__ = "platform_accounts"
    __table_args__ = (
        UniqueConstraint("platform_id", "user_id"),
        CheckConstraint("origin IN ('launch', 'roster', 'office')", name="origin"),
        Index(
            "ix__platform_accounts__due",
            "owe_again_at",
            sqlite_where=text("owe_again_at IS NOT NULL"),
            postgresql_where=text("owe_again_at IS NOT NULL"),
        ),
    )

    platform_id: Mapped[int] = mapped_column(ForeignKey("platforms.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    origin: Mapped[str] = mapped_column(String(10))
    linked_at: Mapped[datetime]
    linked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    owe_again_at: Mapped[datetime | None]
    """When what is owed to it is reckoned once more; None where that is done."""


class LtiLink(Base):
    """A resource link on a platform that shows a programme (`module_id` None) or one of its modules.

    `line_item_url` is where scores go (AGS): the platform's own, or one this tool has made. `line_items_url` is where
    one can be made or found.
    """

    __tablename__ = "lti_links"
    __table_args__ = (
        UniqueConstraint("platform_id", "deployment_id", "context_id", "resource_link_id"),
        Index(None, "programme_id", "module_id"),
        Index(
            "ix__lti_links__due",
            "owe_again_at",
            sqlite_where=text("owe_again_at IS NOT NULL"),
            postgresql_where=text("owe_again_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platforms.id"))
    deployment_id: Mapped[str] = mapped_column(String(255))
    context_id: Mapped[str] = mapped_column(String(255))
    context_title: Mapped[str] = mapped_column(String(255), default="")
    resource_link_id: Mapped[str] = mapped_column(String(255))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"))
    module_id: Mapped[int | None] = mapped_column(ForeignKey("modules.id"))
    line_item_url: Mapped[str | None] = mapped_column(Text)
    line_items_url: Mapped[str | None] = mapped_column(Text)
    memberships_url: Mapped[str | None] = mapped_column(Text)
    """Names and Roles; None where the platform gives none."""
    class_group_id: Mapped[int | None] = mapped_column(ForeignKey("class_groups.id"))
    """The class group that the platform's roster is kept in step with; None where it is not."""
    roster_read_at: Mapped[datetime | None]
    seen_at: Mapped[datetime]
    """The last launch."""
    owe_again_at: Mapped[datetime | None]
    """When what is owed to it is reckoned once more; None where that is done."""


class Ticket(Base):
    """A one-time right to go on as somebody in a window of one's own; kept as a digest, for a minute or two."""

    __tablename__ = "tickets"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    target: Mapped[str] = mapped_column(String(500))
    """A path on this service."""
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
