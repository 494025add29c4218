"""A module's FAQ: answered questions that a tutor edited for all class groups of the programme, naming nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import questions
from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.domain.questions import QuestionState
from lms_plugin.services import access
from lms_plugin.services.access import Actor
from lms_plugin.services.questions import MAX_REPLY, checked
from lms_plugin.services.questions_access import tutored_question, withdrawable_entry
from lms_plugin.services.trail import FAQ_PROMOTED, FAQ_WITHDRAWN, note_action
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.storage.questions import FaqEntry, Question, QuestionReply

MAX_TITLE = 200
"""A question that a list can show whole."""


@dataclass(frozen=True, slots=True)
class FaqRecord:
    """An entry as the office sees it: by whom it was promoted, and withdrawn (None: it is shown)."""

    row: FaqEntry
    module_key: str
    programme_id: int
    promoted_by: str
    withdrawn_by: str | None


def promote(session: Session, actor: Actor, question_id: int, *, question: str, answer: str, now: datetime) -> FaqEntry:
    """Put a question, in words for everybody, into its module's FAQ.

    Raises:
        NotAllowed, NotFound: the actor does not tutor the class group, or there is no such question.
        Malformed: a text is empty or too long, or names somebody of the question (`faq_names_somebody`).
        Conflict: `question_not_answered`; `question_is_private`; `faq_entry_exists`, for who wants other words
            withdraws the entry that is there first.
    """
    row = tutored_question(session, actor, question_id, locked=True)
    if row.is_private:
        raise Conflict("question_is_private")
    if row.state != QuestionState.ANSWERED.value:
        raise Conflict("question_not_answered")
    texts = {
        "question": checked(question, "question", MAX_TITLE),
        "answer": checked(answer, "answer", MAX_REPLY),
    }
    names = _names_around(session, row)
    for field, text in texts.items():
        named = questions.named_in(text, names)
        if named is not None:
            raise Malformed("faq_names_somebody", field=field, name=named)
    if entry_of(session, row.id) is not None:
        raise Conflict("faq_entry_exists")
    entry = FaqEntry(
        module_id=row.module_id,
        question_id=row.id,
        video_id=row.video_id,
        at_seconds=row.at_seconds,
        promoted_by_id=actor.user_id,
        promoted_at=now,
        **texts,
    )
    session.add(entry)
    session.flush()
    _note(session, actor, FAQ_PROMOTED, entry, now)
    return entry


def withdraw(session: Session, actor: Actor, entry_id: int, now: datetime) -> FaqEntry:
    """Take an entry out of the FAQ; it stays on record. One that is out already stays as it is.

    Raises:
        NotAllowed, NotFound: the actor neither tutors in the programme nor is of the whole office; there is none.
    """
    entry = withdrawable_entry(session, actor, entry_id)
    if entry.withdrawn_at is None:
        entry.withdrawn_by_id, entry.withdrawn_at = actor.user_id, now
        session.flush()
        _note(session, actor, FAQ_WITHDRAWN, entry, now)
    return entry


def of_module(session: Session, module_id: int) -> list[FaqEntry]:
    """What a module's FAQ shows, in the order of the film; the caller has checked that the reader has a place there."""
    rows = session.scalars(
        select(FaqEntry).where(FaqEntry.module_id == module_id, FaqEntry.withdrawn_at.is_(None)).order_by(FaqEntry.id)
    )
    return sorted(rows, key=lambda one: (one.at_seconds is None, one.at_seconds or 0, one.id))


def entry_of(session: Session, question_id: int) -> FaqEntry | None:
    """The entry that a question has in the FAQ now."""
    return session.scalar(select(FaqEntry).where(FaqEntry.question_id == question_id, FaqEntry.withdrawn_at.is_(None)))


def records(session: Session, actor: Actor, *, before: int | None = None, limit: int = 50) -> list[FaqRecord]:
    """All that was ever put into a FAQ, newest first, with who did it; those with an id below `before`.

    Raises:
        NotAllowed: the person is no office admin.
    """
    access.office_scope(actor)
    query = (
        select(FaqEntry, ModuleRow.key, ModuleRow.programme_id)
        .join(ModuleRow, ModuleRow.id == FaqEntry.module_id)
        .order_by(FaqEntry.id.desc())
        .limit(limit)
    )
    rows = session.execute(query if before is None else query.where(FaqEntry.id < before)).tuples().all()
    names = _names(session, [one for row, *_ in rows for one in (row.promoted_by_id, row.withdrawn_by_id) if one])
    return [
        FaqRecord(
            row,
            key,
            programme_id,
            names[row.promoted_by_id],
            names[row.withdrawn_by_id] if row.withdrawn_by_id is not None else None,
        )
        for row, key, programme_id in rows
    ]


def _note(session: Session, actor: Actor, kind: str, entry: FaqEntry, now: datetime) -> None:
    asked = session.get_one(Question, entry.question_id)
    about = f"faq/{entry.id}"
    note_action(session, actor, kind, about, None, now, class_group_id=asked.class_group_id, question=entry.question)


def _names_around(session: Session, question: Question) -> list[str]:
    """The names of everybody who asked the question or wrote to it."""
    wrote = select(QuestionReply.author_id).where(QuestionReply.question_id == question.id)
    asked = select(Question.author_id).where(Question.merged_into_id == question.id)
    people = {question.author_id, *session.scalars(wrote), *session.scalars(asked)}
    return sorted(_names(session, sorted(people)).values())


def _names(session: Session, user_ids: Sequence[int]) -> dict[int, str]:
    return dict(session.execute(select(User.id, User.name).where(User.id.in_(user_ids))).tuples().all())
