"""Where a person's log of evidence was cut."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base


class EvidenceCut(Base):
    """The first chunks of a person's log were deleted when their time was over: so many chunks, sessions and checks.

    `head` is the log's head at the cut; what follows goes on from it, and from the state `kept`
    (services/evidence_log.py): films, days, sessions, and the numbers of the credit entries that were there.
    """

    __tablename__ = "evidence_cuts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    cut_at: Mapped[datetime]
    chunks: Mapped[int]
    plays: Mapped[int]
    checks: Mapped[int]
    head: Mapped[bytes]
    kept: Mapped[dict[str, Any]]
