"""The bodies and answers of what becomes of posts: edits, marks, history."""

from datetime import datetime

from pydantic import BaseModel

from lms_plugin.api.shapes import Body, JudgementAnswer


class EditRequest(Body):
    body: str


class PostMarkRequest(Body):
    """`mark` is excellent or void; a void, and withdrawing any mark, needs a `reason`."""

    mark: str
    reason: str = ""


class PostStateAnswer(BaseModel):
    """A post as it is by now: its mark, whether it counts and why, and what the ledger has for it in seconds."""

    id: int
    thread_id: int
    mark: str
    judgement: JudgementAnswer
    credit_seconds: int
    extra_seconds: int
    edited_at: datetime | None
    taken_back_at: datetime | None


class VersionAnswer(BaseModel):
    """What a post said from `since` to `until` (null: it still does)."""

    body: str
    since: datetime
    until: datetime | None
    judgement: JudgementAnswer


class ChangeAnswer(BaseModel):
    kind: str
    by: str
    at: datetime
    reason: str


class HistoryAnswer(BaseModel):
    id: int
    versions: list[VersionAnswer]
    changes: list[ChangeAnswer]
