"""The bodies and answers of the API. Media times are seconds with three decimals, instants RFC 3339 in UTC."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from lms_plugin.http.identifiers import LARGEST_ID

Hours = Annotated[Decimal, PlainSerializer(float, return_type=float)]
Ratio = Annotated[Decimal, PlainSerializer(float, return_type=float)]
Seconds = float
Span = tuple[Seconds, Seconds]
Id = Annotated[int, Field(ge=0, le=LARGEST_ID)]


def seconds(milliseconds: int) -> Seconds:
    """Milliseconds as the API's seconds."""
    return round(milliseconds / 1000, 3)


class Body(BaseModel):
    """A request body: unknown fields are ignored, so that newer clients can talk to older servers."""

    model_config = ConfigDict(str_max_length=100_000)


class TokenRequest(Body):
    login: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TokenAnswer(BaseModel):
    token: str
    expires_at: datetime


class RegionAnswer(BaseModel):
    id: int
    role: str
    name: str | None


class MeAnswer(BaseModel):
    id: int
    login: str
    name: str
    roles: list[str]
    regions: list[RegionAnswer]


class ProgrammeAnswer(BaseModel):
    key: str
    title: str


class WindowAnswer(BaseModel):
    """Half-open: `closes_on` is the first day on which nothing counts any more."""

    opens_on: date
    closes_on: date


class VideoAnswer(BaseModel):
    id: int
    duration_seconds: Seconds


class ModuleAnswer(BaseModel):
    id: int
    key: str
    title: str
    video: VideoAnswer | None


class EnrolmentAnswer(BaseModel):
    id: int
    programme: ProgrammeAnswer
    window: WindowAnswer
    modules: list[ModuleAnswer]
    completion_ratio: Ratio


class StandingAnswer(BaseModel):
    key: str | None
    title: str | None
    required_class_hours: Hours
    credited_seconds: Seconds
    credited_class_hours: Hours
    remaining_class_hours: Hours
    pending_seconds: Seconds = 0
    """What of the credit waits for its week, where there is a weekly pace; it is not among `credited_seconds`."""


class MissingAnswer(BaseModel):
    code: str
    message: str


class CompletionAnswer(BaseModel):
    complete: bool
    ratio: Ratio
    missing: list[MissingAnswer]


class HoursAnswer(BaseModel):
    class_hour_minutes: int
    components: list[StandingAnswer]
    total: StandingAnswer
    completion: CompletionAnswer
    as_of: datetime
    ledger_head: str


class LedgerQuery(Body):
    after: Id = 0
    limit: int = Field(100, ge=1, le=1000)


class EntryAnswer(BaseModel):
    number: int
    component: str
    credited_seconds: Seconds
    source: str
    source_id: str
    detail: dict[str, object]
    rule_version: str
    decided_by: int | None
    recorded_at: datetime
    previous_hash: str
    hash: str


class LedgerAnswer(BaseModel):
    entries: list[EntryAnswer]
    next_after: int | None


class StretchAnswer(BaseModel):
    """A stretch of film that does not count, and why."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Seconds = Field(alias="from")
    to: Seconds
    reason: str


class CheckAnswer(BaseModel):
    """A presence check; `answer_within_seconds` is what is left of its time as the service sees it."""

    id: str
    question: str
    choices: list[str]
    answer_by: datetime
    answer_within_seconds: float


class SessionRequest(Body):
    enrolment_id: Id


class SessionAnswer(BaseModel):
    id: str
    opened_at: datetime
    max_rate: float
    beat_interval_seconds: int
    manifest_url: str
    resume_at_seconds: Seconds
    skipping_ahead: bool
    covered: list[Span]
    covered_seconds: Seconds
    held: list[StretchAnswer]
    withheld: list[StretchAnswer]
    presence_check: CheckAnswer | None


class FilmAnswer(BaseModel):
    """The whole standing of a film."""

    covered: list[Span]
    covered_seconds: Seconds
    held: list[StretchAnswer]
    withheld: list[StretchAnswer]
    lease: str
    presence_check: CheckAnswer | None


class StretchToldAnswer(StretchAnswer):
    """A stretch with its reason in words."""

    message: str


class FilmOfModuleAnswer(BaseModel):
    """How a module's film stands for one learner; a stretch is in at most one of covered, held and withheld."""

    module_id: int
    module_key: str
    title: str
    video_id: int
    duration_seconds: Seconds
    covered: list[Span]
    covered_seconds: Seconds
    held: list[StretchToldAnswer]
    withheld: list[StretchToldAnswer]


class FilmsAnswer(BaseModel):
    films: list[FilmOfModuleAnswer]


class ReleaseRequest(Body):
    video_id: Id
    segments: Annotated[list[Span], Field(min_length=1, max_length=1000)]
    reason: str


class ReleaseResponse(BaseModel):
    released_seconds: Seconds


class CheckRequest(Body):
    answer: int = Field(ge=0, le=1000)


class CheckResponse(BaseModel):
    """`presence_check` is another try's question, after a wrong answer."""

    passed: bool
    film_changed: bool
    presence_check: CheckAnswer | None


class BeatRequest(BaseModel):
    """Only for the description: a beat's segments are read one by one, so that a bad one spoils no other."""

    class SegmentClaim(BaseModel):
        from_: float = Field(alias="from", ge=0)
        to: float
        rate: float = 1.0

    seq: int = Field(ge=1)
    segments: list[SegmentClaim]
    unanswered: str | None = None
    """The id of a presence check that was shown, and that nobody answered in time."""


class BeatResponse(BaseModel):
    """`film_changed` says that more of the film changed than this beat's credit: ask for its whole standing."""

    credited: list[Span]
    withheld: list[StretchAnswer]
    held: list[Span]
    held_reasons: list[StretchAnswer]
    covered_seconds: Seconds
    lease: str
    presence_check: CheckAnswer | None
    film_changed: bool


class ThreadsQuery(Body):
    before: Id | None = None
    limit: int = Field(30, ge=1, le=200)


class ThreadAnswer(BaseModel):
    id: int
    title: str
    author: str
    created_at: datetime
    posts: int
    last_post_at: datetime


class ThreadsAnswer(BaseModel):
    threads: list[ThreadAnswer]
    next_before: int | None


class ThreadRequest(Body):
    title: str
    body: str
    class_group_id: Id | None = None


class PostRequest(Body):
    body: str
    reply_to: Id | None = None


class PreviewRequest(Body):
    body: str
    thread: Id | None = None
    """Where it would stand; none where it would begin a thread."""
    reply_to: Id | None = None


class JudgementAnswer(BaseModel):
    counts: bool
    reason: str
    message: str


class WrittenAnswer(JudgementAnswer):
    id: int
    thread_id: int


class PostsQuery(Body):
    after: Id = 0
    limit: int = Field(100, ge=1, le=500)


class PostAnswer(BaseModel):
    id: int
    author: str
    is_tutor: bool
    body: str
    reply_to: int | None
    created_at: datetime
    judgement: JudgementAnswer | None
    mark: str
    edited_at: datetime | None
    taken_back_at: datetime | None


class PostsAnswer(BaseModel):
    thread_id: int
    title: str
    posts: list[PostAnswer]
    next_after: int | None


class CompletionsQuery(Body):
    programme: str | None = None
    region: str | None = None
    group_by: str = ""
    format: Annotated[str, StringConstraints(pattern="^(json|csv|xlsx)$")] = "json"


class DeliveriesQuery(Body):
    platform: str | None = None
    state: Annotated[str, StringConstraints(pattern="^(waiting|acknowledged|refused)$")] | None = None
    after: Id = 0
    limit: int = Field(100, ge=1, le=1000)


class CompletionsAnswer(BaseModel):
    """Rows as objects; `columns` gives their keys in order with a title for each."""

    columns: list[dict[str, str]]
    rows: list[dict[str, object]]
    as_of: datetime


class DeliveryAnswer(BaseModel):
    id: int
    platform: str
    login: str
    programme: str
    course_key: str
    block_key: str
    ratio: Ratio
    state: str
    attempts: int
    acknowledged_ratio: Ratio | None
    acknowledged_at: datetime | None
    next_attempt_at: datetime | None
    last_error_code: str | None
    last_error_words: str | None


class DeliveriesAnswer(BaseModel):
    deliveries: list[DeliveryAnswer]
    next_after: int | None


class ProblemAnswer(BaseModel):
    """RFC 9457 problem details; `code` is stable, `detail` a sentence in the reader's language."""

    type: str
    status: int
    code: str
    title: str
    detail: str
    faults: list[dict[str, object]] | None = None
