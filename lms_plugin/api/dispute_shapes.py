"""The bodies and answers of disputes. What changes is said in whole minutes, negative where they are taken back."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from lms_plugin.api.shapes import Body, Id


class DisputeRequest(Body):
    """About an `entry` by its number; or, without one, about something missing of a `component` on a day."""

    entry: Id | None = None
    component: str = Field("", max_length=60)
    happened_on: date | None = None
    reason: str


class ProposalRequest(Body):
    minutes: int = Field(ge=-1_000_000, le=1_000_000)
    reason: str


class DecisionRequest(Body):
    """`minutes` is needed where it is accepted, and left out of account where it is not."""

    accepted: bool
    minutes: int = Field(0, ge=-1_000_000, le=1_000_000)
    reason: str


class VerdictAnswer(BaseModel):
    by: str
    minutes: int
    reason: str
    at: datetime


class DisputeAnswer(BaseModel):
    """`state` is open, proposed, accepted, refused or withdrawn; `new_entry` is what an accepted one was entered as."""

    id: int
    enrolment_id: int
    entry: int | None
    component: str
    happened_on: date
    reason: str
    state: str
    opened_at: datetime
    proposal: VerdictAnswer | None
    decision: VerdictAnswer | None
    new_entry: int | None


class DisputesAnswer(BaseModel):
    disputes: list[DisputeAnswer]
