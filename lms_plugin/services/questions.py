"""What learners do with questions: ask one, write more to their own, reply to a colleague's. Nothing earns hours."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lms_plugin.domain import questions
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.questions import QuestionState, Waiting
from lms_plugin.services import access, catalogue
from lms_plugin.services.access import Actor, Place
from lms_plugin.services.questions_access import check_writes, visible_question
from lms_plugin.storage.programmes import Enrolment, Video
from lms_plugin.storage.questions import Question, QuestionReply

MAX_QUESTION = 4_000
MAX_REPLY = 20_000
MAX_NAME = 40


def ask(
    session: Session,
    actor: Actor,
    module_id: int,
    *,
    body: str,
    at_seconds: int | None,
    is_private: bool,
    asked_as: str,
    now: datetime,
) -> Question:
    """Ask the tutors of one's class group, at a second of the module's film or about the module as a whole.

    `asked_as` is the asker's own name for the question: sent again under it, it is the question that is there already.

    Raises:
        NotFound: the actor does not learn in the module's programme, or there is no such module (any more).
        Malformed: the text or the name is empty or too long, or the film has no such second (`second_not_in_film`).
        Conflict: `no_class_group`, so there is nobody to answer; `enrolment_withdrawn`.
    """
    place = access.place_in_module(session, actor, module_id)
    enrolment = place.enrolment
    if enrolment is None:
        raise NotFound(what="module")
    check_writes(place)
    if enrolment.class_group_id is None:
        raise Conflict("no_class_group")
    if not asked_as or len(asked_as) > MAX_NAME:
        raise Malformed(field="key")
    known = _asked_before(session, enrolment, asked_as)
    if known is not None:
        return known
    video = _film(session, enrolment, place, now)
    if at_seconds is not None and (video is None or not 0 <= at_seconds * 1000 <= video.duration_ms):
        raise Malformed("second_not_in_film", field="at_seconds")
    waiting = questions.asked(now)
    _insert_once(
        session,
        {
            "enrolment_id": enrolment.id,
            "author_id": actor.user_id,
            "module_id": module_id,
            "class_group_id": enrolment.class_group_id,
            "video_id": video.id if video is not None and at_seconds is not None else None,
            "at_seconds": at_seconds,
            "is_private": is_private,
            "body": checked(body, "question", MAX_QUESTION),
            "asked_as": asked_as,
            "asked_at": now,
            "state": waiting.state.value,
            "waiting_since": waiting.since,
        },
    )
    # Whichever of two messages came first has written it.
    return session.scalars(_called(enrolment, asked_as)).one()


def reply(session: Session, actor: Actor, question_id: int, *, body: str, now: datetime) -> QuestionReply:
    """A learner writes to a question: the asker's own word makes an answered one wait again, a colleague's does not.

    Raises:
        NotFound: the actor does not see the question as a learner, or there is none.
        Malformed: the text is empty or too long.
        Conflict: `enrolment_withdrawn`.
    """
    question, place = visible_question(session, actor, question_id, locked=True)
    if place.enrolment is None:
        raise NotFound(what="question")
    check_writes(place)
    written = QuestionReply(
        question_id=question.id,
        author_id=actor.user_id,
        enrolment_id=place.enrolment.id,
        body=checked(body, "body", MAX_REPLY),
        written_at=now,
    )
    session.add(written)
    if question.author_id == actor.user_id:
        put(question, questions.followed_up(waiting_of(question), now))
    session.flush()
    return written


def waiting_of(question: Question) -> Waiting:
    """What a question is in, as the domain has it."""
    return Waiting(QuestionState(question.state), question.waiting_since)


def put(question: Question, waiting: Waiting) -> None:
    """Write down what a question is in from now on."""
    question.state, question.waiting_since = waiting.state.value, waiting.since


def checked(text: str, name: str, longest: int) -> str:
    """A text without the blanks around it.

    Raises:
        Malformed: it is empty or too long.
    """
    text = text.strip()
    if not text:
        raise Malformed(f"{name}_missing", field=name)
    if len(text) > longest:
        raise Malformed(f"{name}_too_long", field=name, longest=longest)
    return text


def _asked_before(session: Session, enrolment: Enrolment, asked_as: str) -> Question | None:
    return session.scalar(_called(enrolment, asked_as))


def _called(enrolment: Enrolment, asked_as: str) -> Select[tuple[Question]]:
    return select(Question).where(Question.enrolment_id == enrolment.id, Question.asked_as == asked_as)


def _film(session: Session, enrolment: Enrolment, place: Place, now: datetime) -> Video | None:
    """The film that a learner has in a module.

    Raises:
        NotFound: the programme has the module no longer.
    """
    current = catalogue.for_enrolment(session, enrolment, now)
    for one in catalogue.modules_of(session, current, enrolment.id):
        if one.id == place.module.id:
            return one.video
    raise NotFound(what="module")


def _insert_once(session: Session, values: Mapping[str, Any]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(Question).values(dict(values)).on_conflict_do_nothing())
