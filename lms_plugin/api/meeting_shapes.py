"""Bodies and answers about meetings: face to face, group viewings and Q&A sessions."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from lms_plugin.api.shapes import Body, Id, Seconds

Line = Annotated[str, StringConstraints(max_length=200)]
Link = Annotated[str, StringConstraints(max_length=500)]


class QnaSessionRequest(Body):
    title: Line
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    place: Line = ""
    link: Link = ""


class MeetingRequest(QnaSessionRequest):
    """`component_key` names what it counts for; `most_minutes` is the most it gives; `medium` and `module_id` are of
    group viewings; without `leader` the caller leads it."""

    component_key: Line
    most_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    medium: Literal["satellite", "disc", "network"] | None = None
    module_id: Id | None = None
    leader: Line = ""


class MeetingAnswer(BaseModel):
    id: int
    programme: str
    component_key: str
    kind: str
    title: str
    place: str
    link: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    state: str
    sequence: int


class MeetingChangeRequest(Body):
    """What a plan says from now on; what is missing stays as it is."""

    title: Line | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    place: Line | None = None
    link: Link | None = None


class MeetingStateRequest(Body):
    """`reason` is needed to cancel."""

    action: Literal["open", "close", "cancel"]
    reason: Line = ""


class CodeAnswer(BaseModel):
    code: str
    seconds_left: int


class CheckInRequest(Body):
    """Without `way`, the first one signs in and later ones sign out. `device` is any name of the device that stays."""

    code: Annotated[str, StringConstraints(max_length=20)]
    way: Literal["in", "out"] | None = None
    device: Annotated[str, StringConstraints(max_length=100)] = ""


class CheckInAnswer(BaseModel):
    way: str
    signed_in_at: AwareDatetime | None
    signed_out_at: AwareDatetime | None


class AttendanceRequest(Body):
    """A learner was present (a time that is missing is what is known, else the meeting's), or absent for a reason."""

    enrolment_id: Id
    present: bool = True
    in_at: AwareDatetime | None = None
    out_at: AwareDatetime | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class AttendanceListRequest(Body):
    """The list, or some of it; `confirm` lets everybody who is complete on it count."""

    attendance: Annotated[list[AttendanceRequest], Field(default_factory=list, max_length=5000)]
    confirm: bool = False


class AttendeeAnswer(BaseModel):
    """`state` is "" (not here), signed, confirmed or refused; `shares_with` names others on the same device."""

    enrolment_id: int
    name: str
    in_at: AwareDatetime | None
    out_at: AwareDatetime | None
    state: str
    present_seconds: Seconds
    late: bool
    late_minutes: int
    early_minutes: int
    shares_with: list[str]


class LeftOutAnswer(BaseModel):
    from_at: AwareDatetime
    to_at: AwareDatetime
    reason: str
    message: str


class RecordedAnswer(BaseModel):
    enrolment_id: int
    credited_seconds: Seconds
    left_out: list[LeftOutAnswer]


class PassedOverAnswer(BaseModel):
    enrolment_id: int
    reason: str
    message: str


class AttendanceListAnswer(BaseModel):
    """The whole list, and, where it was confirmed, what became of it."""

    state: str
    attendance: list[AttendeeAnswer]
    recorded: list[RecordedAnswer]
    passed_over: list[PassedOverAnswer]


class SessionQuestionRequest(Body):
    body: Annotated[str, StringConstraints(max_length=1000)]


class SessionQuestionAnswer(BaseModel):
    """`votes` holds those of questions merged into it, which `also` has; `own` and `voted` are the caller's."""

    id: int
    body: str
    author: str
    asked_at: AwareDatetime
    votes: int
    answered: bool
    note: str
    own: bool
    voted: bool
    also: list[str]


class SessionQuestionsAnswer(BaseModel):
    """Those that wait for an answer by votes, then the answered ones; `open` while one can ask and vote."""

    open: bool
    questions: list[SessionQuestionAnswer]


class QuestionNoteRequest(Body):
    note: Annotated[str, StringConstraints(max_length=2000)] = ""


class QuestionMergeRequest(Body):
    into: Id
