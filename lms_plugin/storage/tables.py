"""All tables, by importing every file that declares some; migrations compare against this."""

from lms_plugin.storage import (
    activity,
    admission,
    deliveries,
    elsewhere,
    evidence,
    ledger,
    lti,
    lti_paths,
    lti_rosters,
    meeting_extras,
    notices,
    outbox,
    people,
    programmes,
    questions,
    repeats,
    study,
    tutoring,
)
from lms_plugin.storage.base import Base

__all__ = [
    "activity",
    "admission",
    "deliveries",
    "elsewhere",
    "evidence",
    "ledger",
    "lti",
    "lti_paths",
    "lti_rosters",
    "meeting_extras",
    "metadata",
    "notices",
    "outbox",
    "people",
    "programmes",
    "questions",
    "repeats",
    "study",
    "tutoring",
]

metadata = Base.metadata
