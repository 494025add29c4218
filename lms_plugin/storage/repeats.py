"""Where posts that share text find each other."""

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from lms_plugin.storage.base import Base


class PostFingerprint(Base):
    """A number that stands for a few words of a post (domain.repeats.fingerprints).

    The one table of discussions whose key begins with the programme: whoever asks looks for what others wrote. Nothing
    else is in it, so that a question is answered from the key alone.
    """

    __tablename__ = "post_fingerprints"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programmes.id"), primary_key=True)
    fingerprint: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"), primary_key=True)
