"""Questions that are alike: what was answered already while a learner types, and what a tutor can answer in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import questions
from lms_plugin.domain.questions import QuestionState
from lms_plugin.services import access, questions_faq
from lms_plugin.services.access import Actor
from lms_plugin.services.questions_access import tutored_question, visible_to
from lms_plugin.services.questions_answering import latest_answer
from lms_plugin.services.questions_list import ListedQuestion, listed
from lms_plugin.storage.questions import Question

MOST_COMPARED = 300
"""So many of the latest questions of a module are looked at: enough to find one, few enough while somebody types."""
MOST_SHOWN = 3


class AnsweredIn(StrEnum):
    FAQ = "faq"
    GROUP = "class_group"


@dataclass(frozen=True, slots=True)
class AlikeAnswer:
    """Something alike that was answered: in the FAQ for everybody, or in the reader's own class group."""

    answered_in: AnsweredIn
    id: int
    question: str
    answer: str
    video_id: int | None
    at_seconds: int | None


def answered_already(session: Session, actor: Actor, module_id: int, text: str) -> list[AlikeAnswer]:
    """What of a module is like a question that is being typed and has an answer that the actor may read.

    Raises:
        NotFound: the actor has no place in the module.
    """
    place = access.place_in_module(session, actor, module_id)
    entries = {one.id: one for one in questions_faq.of_module(session, module_id)}
    promoted = {one.question_id for one in entries.values()}
    rows = session.scalars(
        select(Question)
        .where(
            Question.module_id == module_id,
            Question.state == QuestionState.ANSWERED.value,
            visible_to(actor, place),
        )
        .order_by(Question.id.desc())
        .limit(MOST_COMPARED)
    )
    asked = {one.id: one for one in rows if one.id not in promoted}
    known = [((AnsweredIn.FAQ, key), one.question) for key, one in entries.items()]
    known += [((AnsweredIn.GROUP, key), one.body) for key, one in asked.items()]
    found = []
    for kind, key in questions.alike(text, known, most=MOST_SHOWN):
        if kind is AnsweredIn.FAQ:
            entry = entries[key]
            found.append(AlikeAnswer(kind, key, entry.question, entry.answer, entry.video_id, entry.at_seconds))
            continue
        row, answer = asked[key], latest_answer(session, key)
        if answer is not None:
            found.append(AlikeAnswer(kind, key, row.body, answer.body, row.video_id, row.at_seconds))
    return found


def alike_of(session: Session, actor: Actor, question_id: int, *, state: QuestionState) -> Sequence[ListedQuestion]:
    """Questions in this state, of the tutor's class groups and the same module, that are like one of them.

    Raises:
        NotAllowed, NotFound: the actor does not tutor the class group, or there is no such question.
    """
    question = tutored_question(session, actor, question_id)
    groups = [one.id for one in access.tutored_groups(session, actor)]
    conditions = [
        Question.module_id == question.module_id,
        Question.id != question.id,
        Question.class_group_id.in_(groups),
        Question.state == state.value,
    ]
    # An answer that others may not read is nobody else's answer.
    if state is QuestionState.ANSWERED:
        conditions.append(Question.is_private.is_(False))
    others = {one.row.id: one for one in listed(session, conditions, [Question.id.desc()], MOST_COMPARED)}
    found = questions.alike(question.body, [(key, one.row.body) for key, one in others.items()], most=10)
    return [others[one] for one in found]
