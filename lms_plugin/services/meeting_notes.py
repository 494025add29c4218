"""What is published after a meeting: notes, a recording, and questions on the notes for who makes up for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.domain.links import is_safe_link
from lms_plugin.services import meeting_notices
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import run_meeting
from lms_plugin.services.meeting_trail import note_deed
from lms_plugin.services.meetings import CANCELLED
from lms_plugin.services.trail import NOTES_PUBLISHED
from lms_plugin.storage.meeting_extras import MeetingNotes
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.storage.study import Meeting

LONGEST_BODY = 20_000
LONGEST_QUESTION, LONGEST_CHOICE = 300, 200
MOST_QUESTIONS = 3
FEWEST_CHOICES, MOST_CHOICES = 3, 6


@dataclass(frozen=True, slots=True)
class NotesQuestion:
    """A question on the notes; `answer` is an index into `choices`."""

    text: str
    choices: tuple[str, ...]
    answer: int

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "NotesQuestion":
        return cls(str(kept["text"]), tuple(str(one) for one in kept["choices"]), int(kept["answer"]))

    def write(self) -> dict[str, Any]:
        return {"text": self.text, "choices": list(self.choices), "answer": self.answer}


@dataclass(frozen=True, slots=True)
class NewNotes:
    """Notes about to be published; `module_id` names a module whose film is the recording."""

    body: str = ""
    recording_link: str = ""
    module_id: int | None = None
    questions: Sequence[NotesQuestion] = field(default_factory=tuple)


def publish(session: Session, actor: Actor, meeting_id: int, new: NewNotes, now: datetime) -> MeetingNotes:
    """Publish what was said at a meeting that has begun, or set it anew; everybody invited is told the first time.

    Raises:
        NotFound: the actor does not run it.
        Conflict: `meeting_not_begun`, `meeting_settled` (called off).
        Malformed: `notes_malformed`, with `faults` by field.
    """
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    if meeting.state == CANCELLED:
        raise Conflict("meeting_settled")
    if now < meeting.starts_at:
        raise Conflict("meeting_not_begun")
    body, link = new.body.replace("\r\n", "\n").strip(), new.recording_link.strip()
    faults = list(_faults(session, meeting, new, body, link))
    if faults:
        raise Malformed("notes_malformed", faults=[{"field": name, "code": code} for name, code in faults])
    row = session.get(MeetingNotes, meeting.id, with_for_update=True, populate_existing=True)
    if row is None:
        row = MeetingNotes(meeting_id=meeting.id, published_by_id=actor.user_id, published_at=now)
        session.add(row)
    row.body, row.recording_link, row.recording_module_id = body, link, new.module_id
    row.questions = {"questions": [one.write() for one in new.questions]}
    row.changed_at = now
    session.flush()
    meeting_notices.notes_published(session, meeting, by_id=actor.user_id, now=now)
    note_deed(session, actor, NOTES_PUBLISHED, meeting, now)
    return row


def of_meeting(session: Session, meeting_id: int) -> MeetingNotes | None:
    """What is published of a meeting that the caller may show."""
    return session.get(MeetingNotes, meeting_id)


def with_notes(session: Session, meeting_ids: Sequence[int]) -> set[int]:
    """Which of these meetings have something published."""
    return set(session.scalars(select(MeetingNotes.meeting_id).where(MeetingNotes.meeting_id.in_(meeting_ids))))


def questions_of(notes: MeetingNotes) -> tuple[NotesQuestion, ...]:
    """The questions on notes."""
    return tuple(NotesQuestion.read(one) for one in notes.questions.get("questions", ()))


def _faults(session: Session, meeting: Meeting, new: NewNotes, body: str, link: str) -> list[tuple[str, str]]:
    faults = []
    if not body and not link and new.module_id is None:
        faults.append(("body", "notes_missing"))
    if len(body) > LONGEST_BODY:
        faults.append(("body", "notes_too_long"))
    if link and not is_safe_link(link):
        faults.append(("recording_link", "link_malformed"))
    if new.module_id is not None:
        module = session.get(ModuleRow, new.module_id)
        if module is None or module.programme_id != meeting.programme_id:
            faults.append(("module_id", "module_unknown"))
    if new.questions and not body:
        faults.append(("body", "notes_missing"))
    if len(new.questions) > MOST_QUESTIONS:
        faults.append(("questions", "too_many_questions_on_notes"))
    for place, one in enumerate(new.questions, 1):
        code = _fault_of(one)
        if code:
            faults.append((f"question_{place}", code))
    return list(dict.fromkeys(faults))


def _fault_of(question: NotesQuestion) -> str:
    choices = [one.strip() for one in question.choices]
    if not question.text.strip():
        return "question_text_missing"
    if len(question.text) > LONGEST_QUESTION or any(len(one) > LONGEST_CHOICE for one in choices):
        return "question_text_too_long"
    if not FEWEST_CHOICES <= len(choices) <= MOST_CHOICES or not all(choices):
        return "choices_few_or_many"
    if len(set(choices)) < len(choices):
        return "choices_alike"
    return "" if 0 <= question.answer < len(choices) else "answer_unknown"
