"""Bodies and answers of the calls about school-based activities and coursework."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from lms_plugin.api.shapes import Body, Seconds

FIRST_YEAR, LAST_YEAR = 1970, 9000


def _in_reach(instant: datetime) -> datetime:
    if not FIRST_YEAR <= instant.year < LAST_YEAR:
        raise ValueError("out of reach")
    return instant


Moment = Annotated[AwareDatetime, AfterValidator(_in_reach)]


class ActivityRequest(Body):
    """`kind` is lecture, lesson_recording, lesson_review, self_study or seminar; `text` is its evidence."""

    kind: str
    title: str
    text: str
    starts_at: Moment
    ends_at: Moment


class LeftOutAnswer(BaseModel):
    """Why some of a study does not count."""

    reason: str
    message: str


class ActivityAnswer(BaseModel):
    """`next_level` is who decides next, "school" or "county"; `credited_seconds` is None before it counts.

    `submitted_at` is when it was handed in as it is shown here: what a decision on it gives as `seen_at`.
    """

    id: int
    kind: str
    title: str
    starts_at: datetime
    ends_at: datetime
    submitted_at: datetime
    state: str
    next_level: str | None
    reason: str
    files: int
    credited_seconds: Seconds | None
    left_out: list[LeftOutAnswer]


class ActivitiesAnswer(BaseModel):
    activities: list[ActivityAnswer]


class ActivityDecisionRequest(Body):
    """Anything but an approval needs a reason.

    `seen_at` is when what was read was handed in: what its learner changed since is not decided on. It says nothing of
    taking an approval back, as nothing that is approved can be changed.
    """

    decision: Annotated[str, StringConstraints(pattern="^(approve|return|refuse|revoke)$")]
    reason: str = ""
    seen_at: Moment | None = None


class ActivityStateAnswer(BaseModel):
    id: int
    state: str


class HomeworkRequest(Body):
    component: str
    piece: int = Field(ge=1, le=1000)
    text: str


class WorkAnswer(BaseModel):
    """A piece of homework, or an attempt at the examination (`piece` counts the attempts)."""

    id: int
    component: str
    kind: str
    piece: int
    state: str
    mark: int | None
    remark: str
    submitted_at: datetime
    marked_at: datetime | None


class CourseworkAnswer(BaseModel):
    coursework: list[WorkAnswer]


class MarkRequest(Body):
    mark: int = Field(ge=0, le=100)
    remark: str = ""
