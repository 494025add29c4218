"""The bodies and answers of questions and the FAQ. A second is a whole one of the film that the question is about."""

from datetime import datetime

from pydantic import BaseModel, Field

from lms_plugin.api.shapes import Body, Id


class QuestionsQuery(Body):
    own: bool = False
    before: Id | None = None
    limit: int = Field(20, ge=1, le=100)


class OpenQuery(Body):
    module: Id | None = None
    class_group: Id | None = None
    limit: int = Field(50, ge=1, le=200)


class QuestionRequest(Body):
    """`at_seconds` is rounded down to a whole second; `key` is the asker's own name for the question, and what is sent
    again under it is taken as sent before; private ones are read by the tutors only."""

    body: str
    at_seconds: float | None = Field(None, ge=0, le=1_000_000)
    is_private: bool = False
    key: str = Field("", max_length=40)


class AlikeRequest(Body):
    body: str


class ReplyRequest(Body):
    body: str


class AnswerRequest(Body):
    """`also` are questions that are alike: they are merged into this one, and answered by the same."""

    body: str
    also: list[Id] = Field(default_factory=list, max_length=100)


class MergeRequest(Body):
    questions: list[Id] = Field(max_length=100)


class FaqRequest(Body):
    question: str
    answer: str


class QuestionAnswer(BaseModel):
    """`state` is open, answered or merged; `waiting_since` says since when an open one waits."""

    id: int
    module_id: int
    class_group: str
    author: str
    body: str
    at_seconds: int | None
    is_private: bool
    state: str
    asked_at: datetime
    waiting_since: datetime | None
    replies: int


class QuestionsAnswer(BaseModel):
    questions: list[QuestionAnswer]
    next_before: int | None


class OpenQuestionAnswer(QuestionAnswer):
    waiting_seconds: int
    waits_long: bool


class OpenAnswer(BaseModel):
    """Whoever waits longest comes first; `waiting` counts all of them, not only those listed."""

    questions: list[OpenQuestionAnswer]
    waiting: int
    oldest_at: datetime | None


class ReplyAnswer(BaseModel):
    id: int
    question_id: int
    author: str
    is_tutor: bool
    is_asker: bool
    is_answer: bool
    marked_by: str | None
    body: str
    written_at: datetime


class WholeQuestionAnswer(QuestionAnswer):
    """`merged_into` is the question that this one was merged into, where one may read it, and `merged_answer` that
    one's answer. `merged_here` counts those that were merged into this one. In `written` stands all that was written
    to it."""

    merged_into: int | None
    merged_answer: str | None
    merged_here: int
    written: list[ReplyAnswer]


class AlikeAnswer(BaseModel):
    """`answered_in` is faq, or class_group for a question of one's own class group."""

    answered_in: str
    id: int
    question: str
    answer: str
    at_seconds: int | None


class AlikeAnswers(BaseModel):
    alike: list[AlikeAnswer]


class FaqEntryAnswer(BaseModel):
    id: int
    module_id: int
    question: str
    answer: str
    at_seconds: int | None
    promoted_at: datetime
    withdrawn_at: datetime | None


class FaqAnswer(BaseModel):
    entries: list[FaqEntryAnswer]
