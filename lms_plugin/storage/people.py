"""People, what they may do and where: regions, users, roles, API tokens."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms_plugin.storage.base import Base, BigId

LEVELS = ("province", "city", "county", "school")


class Region(Base):
    """A province, city, county or school. A region knows all its ancestors, itself included, by column."""

    __tablename__ = "regions"
    __table_args__ = (CheckConstraint("level IN ('province', 'city', 'county', 'school')", name="level"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    """The official six-digit division code; a school has the code its county gave it."""
    level: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(120))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"))
    province_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"), index=True)
    city_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"), index=True)
    county_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"), index=True)

    @property
    def lineage(self) -> tuple[int, ...]:
        """Ids of the region and of everything above it."""
        above = (self.province_id, self.city_id, self.county_id, self.id)
        return tuple(dict.fromkeys(one for one in above if one is not None))


class User(Base):
    """A person who can sign in. `region_id` is where they teach or work, at best a school."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("language IN ('zh', 'en')", name="language"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    login: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    """argon2id; None for somebody who cannot sign in with a password."""
    email: Mapped[str | None] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(2), default="zh")
    region_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"), index=True)
    lms_username: Mapped[str | None] = mapped_column(String(150))
    """The same person's account name in the LMS; without one, reports wait and say so."""
    is_active: Mapped[bool] = mapped_column(default=True)
    sign_in_epoch: Mapped[int] = mapped_column(default=0)
    """Raised when the password changes: signed-in pages and tokens of an earlier epoch end."""
    created_at: Mapped[datetime]

    region: Mapped[Region | None] = relationship(lazy="raise_on_sql")


class RoleGrant(Base):
    """A role somebody has, for one region and all below it, or everywhere (`region_id` None)."""

    __tablename__ = "role_grants"
    __table_args__ = (
        UniqueConstraint("user_id", "role", "region_id"),
        CheckConstraint("role IN ('learner', 'tutor', 'provider', 'office')", name="role"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    role: Mapped[str] = mapped_column(String(10))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"))


class ApiToken(Base):
    """A bearer token; only its SHA-256 is kept."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index(None, "user_id", "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    sign_in_epoch: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
