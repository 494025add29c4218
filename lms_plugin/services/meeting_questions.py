"""Questions to a Q&A session: put and voted for by the learners it is for, answered and merged by who runs it.

They are open from planning until the session ends. Everything about one session is written while its row is held, so
that nobody votes for a question that is being merged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.services import notices
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_access import attended_meeting, run_meeting
from lms_plugin.services.meeting_trail import note_deed
from lms_plugin.services.meetings import CANCELLED, CONFIRMED
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.trail import SESSION_QUESTION_ANSWERED
from lms_plugin.storage.meeting_extras import MeetingQuestion, QuestionVote
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Meeting

OPEN, ANSWERED, MERGED, WITHDRAWN = "open", "answered", "merged", "withdrawn"
SHORTEST, LONGEST, LONGEST_NOTE = 5, 1000, 2000
"""In characters."""
MOST_OF_ONE = 10
"""So many questions one learner may have open at a session."""
ANSWERED_NOTICE = "session_question_answered"


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """A question as somebody sees it; `votes` holds those of the questions merged into it, which `also` names."""

    id: int
    body: str
    author: str
    asked_at: datetime
    is_answered: bool
    note: str
    votes: int
    is_own: bool
    has_voted: bool
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionList:
    """The questions of a session for somebody who runs it, or (`enrolment_id`) may attend it."""

    meeting: Meeting
    questions: tuple[ShownQuestion, ...]
    enrolment_id: int | None
    runs: bool
    is_open: bool


def listed(session: Session, actor: Actor, meeting_id: int, now: datetime) -> QuestionList:
    """The questions of a session: those that are open by votes, then the answered ones.

    Raises:
        NotFound: the actor neither runs nor may attend it, or it is no Q&A session.
    """
    meeting, enrolment, runs = _placed(session, actor, meeting_id)
    mine = enrolment.id if enrolment is not None else None
    rows = session.execute(
        select(MeetingQuestion, User.name)
        .join(Enrolment, Enrolment.id == MeetingQuestion.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(MeetingQuestion.meeting_id == meeting.id, MeetingQuestion.state != WITHDRAWN)
        .order_by(MeetingQuestion.id)
    ).all()
    votes = _votes(session, [row.id for row, _ in rows])
    also: dict[int, list[str]] = {}
    for row, _ in rows:
        if row.merged_into_id is not None:
            also.setdefault(row.merged_into_id, []).append(row.body)
    shown = [
        ShownQuestion(
            id=row.id,
            body=row.body,
            author=name,
            asked_at=row.asked_at,
            is_answered=row.state == ANSWERED,
            note=row.note,
            votes=len(votes.get(row.id, ())),
            is_own=row.enrolment_id == mine,
            has_voted=mine in votes.get(row.id, ()),
            also=tuple(also.get(row.id, ())),
        )
        for row, name in rows
        if row.state != MERGED
    ]
    shown.sort(key=lambda one: (one.is_answered, -one.votes, one.id))
    return QuestionList(meeting, tuple(shown), mine, runs, takes_questions(meeting, now))


def takes_questions(meeting: Meeting, now: datetime) -> bool:
    """Whether one can ask and vote at this moment."""
    return meeting.kind == ComponentKind.QNA and meeting.state not in (CANCELLED, CONFIRMED) and now < meeting.ends_at


def ask(session: Session, actor: Actor, meeting_id: int, body: str, now: datetime) -> MeetingQuestion:
    """Put a question to a session.

    Raises:
        NotFound: it is not for the actor, or no Q&A session.
        Conflict: `questions_closed`, `too_many_questions`, `question_twice` (the same words are there already).
        Malformed: `question_too_short`, `question_too_long`.
    """
    meeting, enrolment = _attended(session, actor, meeting_id, now)
    body = _checked(body, SHORTEST, LONGEST, "question")
    mine = select(MeetingQuestion).where(
        MeetingQuestion.meeting_id == meeting.id, MeetingQuestion.state.in_((OPEN, ANSWERED))
    )
    known = session.scalars(mine).all()
    if any(_same(one.body) == _same(body) for one in known):
        raise Conflict("question_twice")
    if sum(one.enrolment_id == enrolment.id and one.state == OPEN for one in known) >= MOST_OF_ONE:
        raise Conflict("too_many_questions", most=MOST_OF_ONE)
    question = MeetingQuestion(meeting_id=meeting.id, enrolment_id=enrolment.id, body=body, asked_at=now)
    session.add(question)
    session.flush()
    return question


def withdraw(session: Session, actor: Actor, meeting_id: int, question_id: int, now: datetime) -> None:
    """Take an own question back that nobody has answered or merged.

    Raises:
        NotFound: it is not the actor's, or not of this session.
        Conflict: `questions_closed`, `question_settled`.
    """
    meeting, enrolment = _attended(session, actor, meeting_id, now)
    question = _question(session, meeting, question_id)
    if question.enrolment_id != enrolment.id:
        raise NotFound(what="question")
    if question.state != OPEN:
        raise Conflict("question_settled")
    question.state, question.decided_by_id, question.decided_at = WITHDRAWN, actor.user_id, now
    session.flush()


def vote(session: Session, actor: Actor, meeting_id: int, question_id: int, *, wanted: bool, now: datetime) -> None:
    """Vote for somebody else's question, or take the vote back; said again, either changes nothing.

    Raises:
        NotFound: the session is not for the actor, or has no such question.
        Conflict: `questions_closed`, `own_question`, `question_settled` (answered already).
    """
    meeting, enrolment = _attended(session, actor, meeting_id, now)
    question = _question(session, meeting, question_id)
    if question.enrolment_id == enrolment.id:
        raise Conflict("own_question")
    if question.state != OPEN:
        raise Conflict("question_settled")
    if wanted:
        _keep_votes(session, question.id, [enrolment.id], now)
    else:
        known = session.get(QuestionVote, (enrolment.id, question.id))
        if known is not None:
            session.delete(known)
    session.flush()


def answer(
    session: Session, actor: Actor, meeting_id: int, question_id: int, *, note: str, now: datetime
) -> MeetingQuestion:
    """Mark a question as answered, with a note that the learners can read; again, it sets another note.

    Who put it, and who put those merged into it, is told once. After the session as well: that is when notes are
    written.

    Raises:
        NotFound: the actor does not run the session, or it has no such question.
        Conflict: `meeting_settled` (called off).
        Malformed: `note_too_long`.
    """
    meeting = _run(session, actor, meeting_id)
    question = _question(session, meeting, question_id)
    note = _checked(note, 0, LONGEST_NOTE, "note")
    question.state, question.note = ANSWERED, note
    question.decided_by_id, question.decided_at = actor.user_id, now
    session.flush()
    askers = session.execute(
        select(MeetingQuestion.id, Enrolment.user_id)
        .join(Enrolment, Enrolment.id == MeetingQuestion.enrolment_id)
        .where((MeetingQuestion.id == question.id) | (MeetingQuestion.merged_into_id == question.id))
    ).all()
    told = [
        NewNotice(
            user_id,
            ANSWERED_NOTICE,
            f"question/{one}",
            {"meeting": meeting.id, "title": meeting.title},
            f"/meetings/{meeting.id}/questions",
        )
        for one, user_id in askers
        if user_id != actor.user_id
    ]
    notices.tell_many(session, told, now)
    note_deed(session, actor, SESSION_QUESTION_ANSWERED, meeting, now)
    return question


def reopen(session: Session, actor: Actor, meeting_id: int, question_id: int) -> None:
    """Let a question that was marked as answered be open again; its note goes.

    Raises:
        NotFound, Conflict: as for `answer`.
    """
    question = _question(session, _run(session, actor, meeting_id), question_id)
    question.state, question.note, question.decided_by_id, question.decided_at = OPEN, "", None, None
    session.flush()


def merge(
    session: Session, actor: Actor, meeting_id: int, question_id: int, *, into_id: int, now: datetime
) -> MeetingQuestion:
    """Make one question part of another of the same session: who put it or voted for it stands behind the other one.

    Everybody counts once, and who put the other one not at all.

    Raises:
        NotFound: the actor does not run the session, or it has no such questions.
        Conflict: `merge_with_itself`, `meeting_settled` (called off).
    """
    meeting = _run(session, actor, meeting_id)
    source, target = _question(session, meeting, question_id), _question(session, meeting, into_id)
    if source.id == target.id:
        raise Conflict("merge_with_itself")
    behind = {source.enrolment_id, *_votes(session, [source.id]).get(source.id, ())} - {target.enrolment_id}
    _keep_votes(session, target.id, sorted(behind), now)
    earlier = session.scalars(select(MeetingQuestion).where(MeetingQuestion.merged_into_id == source.id)).all()
    for one in (source, *earlier):
        one.state, one.merged_into_id = MERGED, target.id
        one.decided_by_id, one.decided_at = actor.user_id, now
    session.flush()
    return target


def number_open(session: Session, meeting_id: int) -> int:
    """How many questions of a session wait for an answer."""
    query = select(func.count()).where(MeetingQuestion.meeting_id == meeting_id, MeetingQuestion.state == OPEN)
    return session.scalar(query) or 0


def _placed(session: Session, actor: Actor, meeting_id: int) -> tuple[Meeting, Enrolment | None, bool]:
    """The session with the actor's enrolment where it is for them, and whether they run it."""
    runs, enrolment = True, None
    try:
        meeting = run_meeting(session, actor, meeting_id)
    except NotFound:
        runs = False
        meeting, enrolment = attended_meeting(session, actor, meeting_id)
    else:
        try:
            enrolment = attended_meeting(session, actor, meeting_id)[1]
        except NotFound:
            enrolment = None
    _check_kind(meeting)
    return meeting, enrolment, runs


def _attended(session: Session, actor: Actor, meeting_id: int, now: datetime) -> tuple[Meeting, Enrolment]:
    # Held in share by who asks or votes, and wholly by who merges: askers do not wait for each other.
    meeting, enrolment = attended_meeting(session, actor, meeting_id, shared=True)
    _check_kind(meeting)
    if not takes_questions(meeting, now):
        raise Conflict("questions_closed")
    return meeting, enrolment


def _run(session: Session, actor: Actor, meeting_id: int) -> Meeting:
    meeting = run_meeting(session, actor, meeting_id, locked=True)
    _check_kind(meeting)
    if meeting.state == CANCELLED:
        raise Conflict("meeting_settled")
    return meeting


def _check_kind(meeting: Meeting) -> None:
    if meeting.kind != ComponentKind.QNA:
        raise NotFound(what="meeting")


def _question(session: Session, meeting: Meeting, question_id: int) -> MeetingQuestion:
    question = session.get(MeetingQuestion, question_id, populate_existing=True)
    if question is None or question.meeting_id != meeting.id or question.state in (MERGED, WITHDRAWN):
        raise NotFound(what="question")
    return question


def _votes(session: Session, question_ids: Sequence[int]) -> dict[int, set[int]]:
    """Who voted for each of these questions, by enrolment."""
    rows: Select[tuple[int, int]] = select(QuestionVote.question_id, QuestionVote.enrolment_id).where(
        QuestionVote.question_id.in_(question_ids)
    )
    found: dict[int, set[int]] = {}
    for question_id, enrolment_id in session.execute(rows):
        found.setdefault(question_id, set()).add(enrolment_id)
    return found


def _keep_votes(session: Session, question_id: int, enrolment_ids: Sequence[int], now: datetime) -> None:
    if not enrolment_ids:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    rows = [{"enrolment_id": one, "question_id": question_id, "voted_at": now} for one in enrolment_ids]
    session.execute(dialect.insert(QuestionVote).on_conflict_do_nothing(), rows)


def _same(body: str) -> str:
    """A question without what does not make it another one."""
    return "".join(letter for letter in body.casefold() if letter.isalnum())


def _checked(text: str, shortest: int, longest: int, what: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if len(text) < shortest:
        raise Malformed(f"{what}_too_short", shortest=shortest)
    if len(text) > longest:
        raise Malformed(f"{what}_too_long", longest=longest)
    return text
