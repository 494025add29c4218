"""All tables, by importing every file that declares some; migrations compare against this."""

from lms_plugin.storage import (
    activity,
    admission,
    deliveries,
    evidence,
    ledger,
    notices,
    outbox,
    people,
    programmes,
    repeats,
    study,
)
from lms_plugin.storage.base import Base

__all__ = [
    "activity",
    "admission",
    "deliveries",
    "evidence",
    "ledger",
    "metadata",
    "notices",
    "outbox",
    "people",
    "programmes",
    "repeats",
    "study",
]

metadata = Base.metadata
