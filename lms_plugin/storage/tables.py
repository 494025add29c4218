"""All tables, by importing every file that declares some; migrations compare against this."""

from lms_plugin.storage import activity, ledger, outbox, people, programmes
from lms_plugin.storage.base import Base

__all__ = ["activity", "ledger", "metadata", "outbox", "people", "programmes"]

metadata = Base.metadata
