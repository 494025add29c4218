"""Who is told what of questions: the askers of an answer, and of being merged; each thing once."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import Text
from lms_plugin.domain.questions import QuestionState
from lms_plugin.services import catalogue, notices
from lms_plugin.services.notices import NewNotice
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.storage.questions import Question, QuestionReply

ANSWERED, MERGED = "question_answered", "question_merged"


def answered(session: Session, question: Question, answer: QuestionReply, now: datetime) -> None:
    """Tell everybody who asked: the asker, and those whose questions were merged into this one."""
    merged = select(Question).where(
        Question.merged_into_id == question.id, Question.state == QuestionState.MERGED.value
    )
    tell_answered(session, [question, *session.scalars(merged)], answer, now)


def tell_answered(session: Session, asked: Iterable[Question], answer: QuestionReply, now: datetime) -> None:
    """Tell the askers of these questions that there is this answer; not whoever wrote it."""
    _tell(
        session,
        [one for one in asked if one.author_id != answer.author_id],
        ANSWERED,
        f"answer/{answer.id}",
        now,
    )


def merged(session: Session, questions: Iterable[Question], into: Question, now: datetime) -> None:
    """Tell the askers that their questions are answered together with another one, which still waits."""
    _tell(session, questions, MERGED, f"into/{into.id}", now)


def _tell(session: Session, questions: Iterable[Question], kind: str, what: str, now: datetime) -> None:
    titles: dict[int, Text] = {}
    told = []
    for one in questions:
        if one.module_id not in titles:
            titles[one.module_id] = _title(session, one.module_id, now)
        told.append(
            NewNotice(
                one.author_id,
                kind,
                f"question/{one.id}/{what}",
                {"module": asdict(titles[one.module_id])},
                f"/enrolments/{one.enrolment_id}/questions/{one.id}",
            )
        )
    notices.tell_many(session, told, now)


def _title(session: Session, module_id: int, now: datetime) -> Text:
    """A module's title; the programme's, where a new version has left the module out."""
    module = session.get_one(ModuleRow, module_id)
    programme = catalogue.in_force(session, module.programme_id, now).programme
    return next((one.title for one in programme.modules if one.key == module.key), programme.title)
