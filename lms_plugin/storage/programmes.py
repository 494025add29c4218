"""The catalogue (programmes, their rule versions, modules, videos) and who takes part (enrolments, class groups)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms_plugin.storage.base import Base, BigId
from lms_plugin.storage.people import User


class ProgrammeRow(Base):
    """A programme; `version` is the number of the latest rule version that was published."""

    __tablename__ = "programmes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    version: Mapped[int]
    rolled_up_version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """The newest version that the roll-ups of all enrolments were brought in line with."""


class ProgrammeVersion(Base):
    """What a programme declared when it was published, whole; never changed afterwards."""

    __tablename__ = "programme_versions"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    declaration: Mapped[str] = mapped_column(Text)
    """Canonical JSON, see services/declaration.py."""
    published_at: Mapped[datetime]
    applies_at: Mapped[datetime]
    """In force is the highest number whose moment has come; of a version that never comes to it nothing is seen."""


class ModuleRow(Base):
    """A module of a programme; its texts stand in the programme's declaration under the same key.

    One that a new version leaves out stays: a version says which modules it has.
    """

    __tablename__ = "modules"
    __table_args__ = (UniqueConstraint("programme_id", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"))
    key: Mapped[str] = mapped_column(String(60))
    position: Mapped[int]


class Video(Base):
    """One film of a module, encoded; a changed film is a new video, so that coverage always means the same frames.

    `is_current` marks the film that learners get who have not begun an earlier one.
    """

    __tablename__ = "videos"
    __table_args__ = (
        UniqueConstraint("module_id", "digest"),
        CheckConstraint("duration_ms > 0", name="has_length"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    module_id: Mapped[int] = mapped_column(ForeignKey("modules.id"))
    digest: Mapped[str] = mapped_column(String(64))
    """Names the folder of the package under the media root."""
    duration_ms: Mapped[int]
    captions: Mapped[dict[str, Any]]
    """Language -> file name inside the package."""
    is_current: Mapped[bool]
    created_at: Mapped[datetime]


class ClassGroup(Base):
    """A class group of one programme, with its tutors. `size_limit` None means any number of learners.

    The name stays as it is: the changes of enrolments call by it the groups that a learner was in.
    """

    __tablename__ = "class_groups"
    __table_args__ = (UniqueConstraint("programme_id", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"))
    name: Mapped[str] = mapped_column(String(120))
    size_limit: Mapped[int | None]


class ClassGroupTutor(Base):
    __tablename__ = "class_group_tutors"

    class_group_id: Mapped[int] = mapped_column(ForeignKey("class_groups.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)


class FormerTutor(Base):
    """Somebody who was tutor of a class group, and until when (last); it stays when they are appointed again."""

    __tablename__ = "former_tutors"

    class_group_id: Mapped[int] = mapped_column(ForeignKey("class_groups.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    ended_at: Mapped[datetime]


class Enrolment(Base):
    """One learner in one programme, with the roll-up of the ledger that reports read.

    `counted_ms`, `completion_ratio` and `completed_at` are written by the posting of a credit entry, by a move to
    another tier and when another version comes into force, from the same function that every page uses. `completed_at`
    is the moment the requirements were first met, and known to be.
    `variant` says how the programme is taken (domain.programme.Variant.write). Who is `withdrawn` keeps all hours and
    earns none.
    """

    __tablename__ = "enrolments"
    __table_args__ = (
        UniqueConstraint("user_id", "programme_id"),
        Index(None, "programme_id", "class_group_id"),
        CheckConstraint("state IN ('active', 'withdrawn')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"))
    class_group_id: Mapped[int | None] = mapped_column(ForeignKey("class_groups.id"))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"), index=True)
    """Where the learner teaches, as reports by region count: set when enrolled, and changed only by a move that is kept
    in the enrolment's changes. A nomination's own region still says whose quota the place was taken from."""
    enrolled_at: Mapped[datetime]
    counted_ms: Mapped[int] = mapped_column(default=0)
    completion_ratio: Mapped[Decimal] = mapped_column(Numeric(5, 4), default=Decimal(0))
    completed_at: Mapped[datetime | None]
    variant: Mapped[str] = mapped_column(String(160), default="", server_default=text("''"))
    state: Mapped[str] = mapped_column(String(10), default="active", server_default="active")
    registration_number: Mapped[str | None] = mapped_column(String(40), unique=True)
    """The electronic registration number (电子注册号)."""

    user: Mapped[User] = relationship(lazy="raise_on_sql")
    programme: Mapped[ProgrammeRow] = relationship(lazy="raise_on_sql")
