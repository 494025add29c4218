"""Questions and people: who sees one, who answers it. What is not allowed here is denied (services/access.py)."""

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, NotAllowed, NotFound
from lms_plugin.services import access
from lms_plugin.services.access import Actor, Place
from lms_plugin.storage.programmes import ClassGroup, ModuleRow
from lms_plugin.storage.questions import FaqEntry, Question


def visible_question(
    session: Session, actor: Actor, question_id: int, *, locked: bool = False
) -> tuple[Question, Place]:
    """A question that the actor may read: their own, one of their class group that is not private, one they tutor.

    Raises:
        NotFound: none of these holds, or there is none.
    """
    question = session.get(Question, question_id, with_for_update=locked)
    if question is not None:
        place = access.place_in_module(session, actor, question.module_id)
        if _sees(actor, place, question):
            return question, place
    raise NotFound(what="question")


def visible_to(actor: Actor, place: Place) -> ColumnElement[bool]:
    """An SQL condition on Question: the actor may read it, from this place in its module."""
    groups = [one for one in place.class_group_ids if one is not None]
    of_group = Question.class_group_id.in_(groups) if groups else false()
    if place.enrolment is None:
        return of_group
    return or_(and_(of_group, Question.is_private.is_(False)), Question.author_id == actor.user_id)


def tutored_question(session: Session, actor: Actor, question_id: int, *, locked: bool = False) -> Question:
    """A question asked in a class group that the actor tutors.

    Raises:
        NotAllowed: the person is no tutor.
        NotFound: it is another group's, or there is none.
    """
    if not actor.has(access.TUTOR):
        raise NotAllowed(needs=access.TUTOR)
    question = session.get(Question, question_id, with_for_update=locked)
    if question is None:
        raise NotFound(what="question")
    try:
        access.tutored_group(session, actor, question.class_group_id)
    except NotFound as refusal:
        raise NotFound(what="question") from refusal
    return question


def tutors_in(session: Session, actor: Actor, module_id: int) -> list[ClassGroup]:
    """The class groups that the actor tutors in a module's programme.

    Raises:
        NotAllowed: the person is no tutor.
        NotFound: they tutor none there, or there is no such module.
    """
    own = access.tutored_groups(session, actor)
    module = session.get(ModuleRow, module_id)
    found = [one for one in own if module is not None and one.programme_id == module.programme_id]
    if not found:
        raise NotFound(what="module")
    return found


def check_writes(place: Place) -> None:
    """Who has withdrawn reads on, and writes no more.

    Raises:
        Conflict: `enrolment_withdrawn`.
    """
    if place.enrolment is not None and place.enrolment.state != "active":
        raise Conflict("enrolment_withdrawn")


def withdrawable_entry(session: Session, actor: Actor, entry_id: int) -> FaqEntry:
    """A FAQ entry, locked, that the actor may withdraw: a tutor of its programme, or the whole programme office.

    Raises:
        NotAllowed: the person is neither a tutor nor of the whole office.
        NotFound: they tutor in other programmes, or there is none.
    """
    if not actor.has(access.TUTOR):
        access.require_whole_office(actor)
    entry = session.get(FaqEntry, entry_id, with_for_update=True)
    if entry is None:
        raise NotFound(what="faq_entry")
    if _is_whole_office(actor):
        return entry
    try:
        tutors_in(session, actor, entry.module_id)
    except NotFound as refusal:
        raise NotFound(what="faq_entry") from refusal
    return entry


def _is_whole_office(actor: Actor) -> bool:
    return actor.has(access.OFFICE) and access.office_scope(actor).region_ids is None


def _sees(actor: Actor, place: Place, question: Question) -> bool:
    is_of_group = question.class_group_id in place.class_group_ids
    if place.enrolment is None:
        return is_of_group
    return question.author_id == actor.user_id or (is_of_group and not question.is_private)
