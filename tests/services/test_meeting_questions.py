"""Questions to a Q&A session: one vote each and none for one's own, merged without counting anybody twice."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.services import meeting_confirming, meeting_questions, meetings
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_questions import LONGEST, MOST_OF_ONE, QuestionList
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Meeting
from tests import builders
from tests.builders import NOW
from tests.services.gatherings import NINE, NOON, Gathering, gather


@dataclass
class Asking:
    """A Q&A session of the tutor's group with Wang, Zhang and two more."""

    here: Gathering
    meeting: Meeting
    wang: Actor
    zhang: Actor
    liu: Actor
    zhao: Actor
    tutor: Actor

    def ask(self, who: Actor, body: str = "怎样让学生先量后估？") -> int:
        return meeting_questions.ask(self.here.session, who, self.meeting.id, body, NOW).id

    def vote(self, who: Actor, question_id: int, *, wanted: bool = True) -> None:
        meeting_questions.vote(self.here.session, who, self.meeting.id, question_id, wanted=wanted, now=NOW)

    def seen(self, who: Actor) -> QuestionList:
        return meeting_questions.listed(self.here.session, who, self.meeting.id, NOW)

    def votes(self) -> dict[str, int]:
        return {one.body: one.votes for one in self.seen(self.tutor).questions}


def asking(session: Session) -> Asking:
    here = gather(session)
    more = [
        builders.make_user(session, login, name=name, region=here.regions.school)
        for login, name in (("liu", "刘洋"), ("zhao", "赵敏"))
    ]
    for one in more:
        builders.enrol(session, one, here.current, group=here.group)
    actors = [here.actor(one) for one in (here.wang, here.zhang, *more, here.tutor)]
    return Asking(here, here.planned("qna"), *actors)


def test_questions_stand_by_votes_and_answered_ones_last(database: Database) -> None:
    with database.writing() as session:
        at = asking(session)
        first, second, third = (at.ask(at.wang, f"第 {one} 个问题，怎么办？") for one in (1, 2, 3))
        for who in (at.zhang, at.liu):
            at.vote(who, second)
        at.vote(at.zhao, third)
        meeting_questions.answer(session, at.tutor, at.meeting.id, second, note="见教材第 12 页", now=NOW)

        seen = at.seen(at.zhang)
        assert [(one.id, one.votes, one.is_answered) for one in seen.questions] == [
            (third, 1, False),
            (first, 0, False),
            (second, 2, True),
        ]
        assert seen.questions[-1].note == "见教材第 12 页"
        assert [one.has_voted for one in seen.questions] == [False, False, True]
        assert (seen.runs, seen.is_open, at.seen(at.tutor).runs, at.seen(at.tutor).enrolment_id) == (
            False,
            True,
            True,
            None,
        )
        assert all(one.is_own for one in at.seen(at.wang).questions)


def test_everybody_has_one_vote_for_a_question_and_none_for_the_own(database: Database) -> None:
    with database.writing() as session:
        at = asking(session)
        question = at.ask(at.wang)
        for _ in range(3):
            at.vote(at.zhang, question)
        assert at.votes() == {"怎样让学生先量后估？": 1}
        for _ in range(2):
            at.vote(at.zhang, question, wanted=False)
        assert at.votes() == {"怎样让学生先量后估？": 0}
        with pytest.raises(Conflict, match="own_question"):
            at.vote(at.wang, question)
        with pytest.raises(NotFound):
            at.vote(at.tutor, question)


def test_merged_questions_count_everybody_once_and_tell_all_who_asked(database: Database) -> None:
    with database.writing() as session:
        at = asking(session)
        one, two, three = (
            at.ask(at.wang, "先估还是先量好呢"),
            at.ask(at.zhang, "先量还是先估"),
            at.ask(at.liu, "估和量的先后"),
        )
        at.vote(at.zhang, one)
        at.vote(at.zhao, two)
        at.vote(at.wang, two)
        at.vote(at.zhao, three)
        merge = meeting_questions.merge
        # Two stands behind three, and both behind one: Zhang and Liu asked, Zhao voted twice, Wang put the first.
        merge(session, at.tutor, at.meeting.id, two, into_id=three, now=NOW)
        merge(session, at.tutor, at.meeting.id, three, into_id=one, now=NOW)

        assert at.votes() == {"先估还是先量好呢": 3}
        (shown,) = at.seen(at.zhang).questions
        assert sorted(shown.also) == ["估和量的先后", "先量还是先估"]
        with pytest.raises(Conflict, match="merge_with_itself"):
            merge(session, at.tutor, at.meeting.id, one, into_id=one, now=NOW)
        with pytest.raises(NotFound):
            merge(session, at.tutor, at.meeting.id, two, into_id=one, now=NOW)
        for _ in range(2):
            meeting_questions.answer(session, at.tutor, at.meeting.id, one, note="", now=NOW)
        told = session.scalars(select(Notice.user_id).where(Notice.kind == "session_question_answered")).all()
        assert sorted(told) == sorted([at.wang.user_id, at.zhang.user_id, at.liu.user_id])


def test_an_answered_question_can_be_opened_again(database: Database) -> None:
    with database.writing() as session:
        at = asking(session)
        question = at.ask(at.wang)
        meeting_questions.answer(session, at.tutor, at.meeting.id, question, note="好", now=NOW)
        with pytest.raises(Conflict, match="question_settled"):
            at.vote(at.zhang, question)
        meeting_questions.reopen(session, at.tutor, at.meeting.id, question)
        at.vote(at.zhang, question)

        (shown,) = at.seen(at.tutor).questions
        assert (shown.is_answered, shown.note, shown.votes) == (False, "", 1)


def test_an_own_question_is_taken_back_while_it_is_open(database: Database) -> None:
    with database.writing() as session:
        at = asking(session)
        question = at.ask(at.wang)
        with pytest.raises(NotFound):
            meeting_questions.withdraw(session, at.zhang, at.meeting.id, question, NOW)
        meeting_questions.withdraw(session, at.wang, at.meeting.id, question, NOW)
        assert at.seen(at.tutor).questions == ()
        # And may be put again.
        answered = at.ask(at.wang)
        meeting_questions.answer(session, at.tutor, at.meeting.id, answered, note="", now=NOW)
        with pytest.raises(Conflict, match="question_settled"):
            meeting_questions.withdraw(session, at.wang, at.meeting.id, answered, NOW)


@pytest.mark.parametrize(
    ("body", "code"),
    [("", "question_too_short"), ("  为什么 ", "question_too_short"), ("长" * (LONGEST + 1), "question_too_long")],
)
def test_a_question_says_something_and_not_everything(database: Database, body: str, code: str) -> None:
    with database.writing() as session:
        at = asking(session)
        with pytest.raises(Malformed, match=code):
            at.ask(at.wang, body)


def test_the_same_words_are_asked_once_and_nobody_fills_the_list(database: Database) -> None:
    with database.writing() as session:
        at = asking(session)
        at.ask(at.wang)
        with pytest.raises(Conflict, match="question_twice"):
            at.ask(at.zhang, "怎样 让学生先量后估")
        for number in range(MOST_OF_ONE - 1):
            at.ask(at.wang, f"第 {number} 个问题，怎么办？")
        with pytest.raises(Conflict, match="too_many_questions"):
            at.ask(at.wang, "还有一个问题怎么办")
        at.ask(at.zhang, "还有一个问题怎么办")


def test_questions_close_with_the_session_and_notes_do_not(database: Database) -> None:
    with database.writing() as session:
        at = asking(session)
        question = at.ask(at.wang)
        late = NOON
        assert meeting_questions.listed(session, at.wang, at.meeting.id, late).is_open is False
        with pytest.raises(Conflict, match="questions_closed"):
            meeting_questions.ask(session, at.wang, at.meeting.id, "太晚了还能问吗", late)
        with pytest.raises(Conflict, match="questions_closed"):
            meeting_questions.vote(session, at.zhang, at.meeting.id, question, wanted=True, now=late)
        meeting_questions.ask(session, at.wang, at.meeting.id, "还剩一秒能问吗", NOON - timedelta(seconds=1))
        meeting_confirming.confirm(session, at.tutor, at.meeting.id, late)
        meeting_questions.answer(session, at.tutor, at.meeting.id, question, note="会后补充", now=late)
        off = at.here.planned("qna", title="下一次")
        meetings.cancel_meeting(session, at.tutor, off.id, reason="停电", now=NOW)
        with pytest.raises(Conflict, match="questions_closed"):
            meeting_questions.ask(session, at.wang, off.id, "还能问问题吗", NINE)


def test_only_the_invited_see_questions_and_only_q_and_a_sessions_have_them(database: Database) -> None:
    with database.writing() as session:
        at = asking(session)
        question = at.ask(at.wang)
        here = at.here
        for user in (here.chen, here.other_tutor, here.far):
            who = here.actor(user)
            for call in (
                lambda who=who: meeting_questions.listed(session, who, at.meeting.id, NOW),
                lambda who=who: meeting_questions.ask(session, who, at.meeting.id, "能看到问题吗", NOW),
                lambda who=who: at.vote(who, question),
                lambda who=who: meeting_questions.answer(session, who, at.meeting.id, question, note="", now=NOW),
                lambda who=who: meeting_questions.reopen(session, who, at.meeting.id, question),
            ):
                with pytest.raises(NotFound):
                    call()
        with pytest.raises(NotFound):
            meeting_questions.answer(session, at.wang, at.meeting.id, question, note="", now=NOW)
        classes = here.planned("classes")
        with pytest.raises(NotFound):
            meeting_questions.listed(session, at.wang, classes.id, NOW)
        # A question is of its session: through another one nobody reaches it.
        other = here.planned("qna", title="下一次")
        with pytest.raises(NotFound):
            meeting_questions.vote(session, at.zhang, other.id, question, wanted=True, now=NOW)
