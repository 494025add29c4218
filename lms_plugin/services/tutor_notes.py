"""Notes of tutors on their learners: for the tutors of the class group and the office, never for the learner."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed
from lms_plugin.services import access
from lms_plugin.services.access import Actor
from lms_plugin.services.trail import NOTE_WRITTEN, note_action
from lms_plugin.storage.people import User
from lms_plugin.storage.tutoring import TutorNote

LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class NoteShown:
    """A note with the name of who wrote it."""

    row: TutorNote
    author_name: str


def write(session: Session, actor: Actor, enrolment_id: int, text: str, now: datetime) -> TutorNote:
    """Note something of a learner.

    Raises:
        NotFound: the actor neither tutors nor answers for the learner.
        Malformed: `note_missing`, or `note_too_long` (longest).
    """
    access.guided_enrolment(session, actor, enrolment_id)
    text = text.strip()
    if not text:
        raise Malformed("note_missing", field="body")
    if len(text) > LONGEST_NOTE:
        raise Malformed("note_too_long", field="body", longest=LONGEST_NOTE)
    note = TutorNote(enrolment_id=enrolment_id, author_id=actor.user_id, text=text, written_at=now)
    session.add(note)
    session.flush()
    # What it says stays with the note: the trail is read by more people.
    note_action(session, actor, NOTE_WRITTEN, f"note/{note.id}", enrolment_id, now)
    return note


def of_enrolment(session: Session, actor: Actor, enrolment_id: int) -> list[NoteShown]:
    """The notes on a learner, the newest first.

    Raises:
        NotFound: the actor neither tutors nor answers for the learner.
    """
    access.guided_enrolment(session, actor, enrolment_id)
    rows = session.execute(
        select(TutorNote, User.name)
        .join(User, User.id == TutorNote.author_id)
        .where(TutorNote.enrolment_id == enrolment_id)
        .order_by(TutorNote.id.desc())
    )
    return [NoteShown(*row) for row in rows]
