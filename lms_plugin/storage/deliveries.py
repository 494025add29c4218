"""What of a film was served to which playback session: the evidence that delivery proof is judged by."""

from sqlalchemy import CheckConstraint, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base, BigId


class SegmentDelivery(Base):
    """One media segment, in any quality, that was served to a playback session: its range [from_ms, to_ms) of the film.

    Written once and never changed. It has no foreign keys: it may be read from an access log long after the film
    was served, and a row about a session nobody knows proves nothing and harms nothing.
    """

    __tablename__ = "segment_deliveries"
    __table_args__ = (CheckConstraint("from_ms >= 0 AND to_ms > from_ms", name="range"),)

    user_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    playback_session_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    from_ms: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    to_ms: Mapped[int]
