"""Questions: who may do what, what is asked twice, how one waits, what is answered together, and who is told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from lms_plugin.domain.questions import QuestionState
from lms_plugin.services import auditing, questions, questions_alike, questions_queue, reminding
from lms_plugin.services.questions_alike import AnsweredIn
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.programmes import ClassGroupTutor, Enrolment
from lms_plugin.storage.questions import Question
from lms_plugin.storage.session import Database
from tests.builders import FILM_MS, NOW
from tests.services.question_world import ALIKE, HOW, LATER, PEOPLE, World, make_world, outcome


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


# --- who may do what --------------------------------------------------------------------------------------------------

NO = "not_allowed"
# with a question of the asker's: read it, read it where it is private, write to it, answer it, mark, merge, promote it,
# withdraw what was promoted
RIGHTS = {
    "asker":       ("ok",      "ok",      "ok",      NO,        NO,        NO,        NO,        NO),
    "mate":        ("ok",      "missing", "ok",      NO,        NO,        NO,        NO,        NO),
    "stranger":    ("missing", "missing", "missing", NO,        NO,        NO,        NO,        NO),
    "tutor":       ("ok",      "ok",      "missing", "ok",      "ok",      "ok",      "ok",      "ok"),
    "other-tutor": ("missing", "missing", "missing", "missing", "missing", "missing", "missing", "ok"),
    "office":      ("missing", "missing", "missing", NO,        NO,        NO,        NO,        "ok"),
    "far":         ("missing", "missing", "missing", NO,        NO,        NO,        NO,        NO),
}  # fmt: skip


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_may_do_what_is_theirs_and_no_more(world: World, person: str) -> None:
    question, private, alike = world.ask(), world.ask(is_private=True), world.ask("mate", ALIKE)
    reply = world.reply(question, "mate")
    tried = (
        lambda: world.read(question, person),
        lambda: world.read(private, person),
        lambda: world.reply(question, person),
        lambda: world.answer(question, person),
        lambda: world.mark(question, reply, person),
        lambda: world.merge(question, alike, by=person),
    )
    found = [outcome(one) for one in tried]
    world.answer(question)
    found.append(outcome(lambda: world.promote(question, person)))
    entry = world.promote(question) if found[-1] != "ok" else 1
    found.append(outcome(lambda: world.withdraw(entry, person)))
    assert tuple(found) == RIGHTS[person]


def test_lists_hold_what_may_be_read_and_queues_what_is_to_be_answered(world: World) -> None:
    public, private, far = world.ask(), world.ask(is_private=True), world.ask("stranger")
    assert world.seen("asker") == [private, public]
    assert world.seen("mate") == [public]
    assert world.seen("stranger") == [far]
    assert world.seen("tutor") == [private, public]
    assert world.seen("asker", "teaching") == []
    assert world.queue("tutor") == [public, private]
    assert world.queue("other-tutor") == [far]
    assert outcome(lambda: world.queue("asker")) == "not_allowed"
    assert outcome(lambda: world.seen("office")) == "missing"


# --- asking -----------------------------------------------------------------------------------------------------------

SECONDS = [
    (None,                  "ok"),
    (0,                     "ok"),
    (760,                   "ok"),
    (FILM_MS // 1000,       "ok"),
    (FILM_MS // 1000 + 1,   "second_not_in_film"),
    (-1,                    "second_not_in_film"),
]  # fmt: skip


@pytest.mark.parametrize(("at_seconds", "expected"), SECONDS)
def test_a_question_is_asked_at_a_second_of_the_film_or_of_the_module(
    world: World, at_seconds: int | None, expected: str
) -> None:
    assert outcome(lambda: world.ask(at_seconds=at_seconds)) == expected
    with world.database.reading() as session:
        found = session.scalar(select(Question))
    if expected == "ok":
        assert found is not None
        assert (found.at_seconds, found.video_id is None) == (at_seconds, at_seconds is None)
    else:
        assert found is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "question_missing"),
        (" \n ", "question_missing"),
        ("字" * questions.MAX_QUESTION, "ok"),
        ("字" * (questions.MAX_QUESTION + 1), "question_too_long"),
    ],
)
def test_an_empty_or_endless_question_is_refused_in_words(world: World, body: str, expected: str) -> None:
    assert outcome(lambda: world.ask(body=body)) == expected


def test_who_has_no_class_group_or_has_left_cannot_ask(world: World) -> None:
    assert outcome(lambda: world.ask("alone")) == "no_class_group"
    question = world.ask()
    with world.database.writing() as session:
        session.get_one(Enrolment, world.enrolments["asker"]).state = "withdrawn"
    assert outcome(lambda: world.ask(asked_as="again")) == "enrolment_withdrawn"
    assert outcome(lambda: world.reply(question)) == "enrolment_withdrawn"
    assert world.read(question).row.id == question, "reading on is allowed"


def test_the_same_question_sent_twice_is_one_however_it_arrives(world: World) -> None:
    first = world.ask(asked_as="from a phone")
    assert world.ask(asked_as="from a phone", body="另一种说法") == first
    assert world.read(first).row.body == HOW
    assert world.ask("mate", asked_as="from a phone") != first, "a name is its asker's own"

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(lambda _: world.ask(asked_as="on a bad line"), range(4)))
    assert len(ids) == 1


def test_a_question_stays_with_the_group_it_was_asked_in(world: World) -> None:
    question = world.ask()
    with world.database.writing() as session:
        moved = session.get_one(Enrolment, world.enrolments["stranger"]).class_group_id
        session.get_one(Enrolment, world.enrolments["asker"]).class_group_id = moved
    assert world.seen("asker") == [question]
    assert world.queue("tutor") == [question]
    assert world.queue("other-tutor") == []


def test_nothing_of_it_earns_hours(world: World) -> None:
    question = world.ask()
    world.reply(question, "mate", "我带学生用手指比进位，口算之后再写竖式，效果很好，可以先从一位数试起。" * 3)
    world.answer(question)
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CreditEntryRow)) == 0
        assert auditing.first_difference(session, world.users["asker"]) is None


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_whoever_waits_longest_comes_first_and_a_follow_up_waits_anew(world: World) -> None:
    first, second = world.ask(now=NOW), world.ask("mate", now=NOW + timedelta(minutes=1))
    world.reply(first, now=NOW + timedelta(minutes=2))
    assert world.queue() == [first, second], "who asks on keeps their place"
    world.answer(first, now=NOW + timedelta(minutes=3))
    assert world.queue() == [second]
    world.reply(first, "mate", now=NOW + timedelta(minutes=4))
    assert world.queue() == [second], "a colleague's word opens nothing"
    world.reply(first, now=NOW + timedelta(minutes=5))
    assert world.queue() == [second, first]
    assert world.read(first).replies[1].is_answer, "what was answered stays to be read"


def test_the_queue_says_how_long_and_can_be_narrowed(world: World) -> None:
    with world.database.writing() as session:
        second = session.get_one(Enrolment, world.enrolments["stranger"]).class_group_id
        assert second is not None
        session.add(ClassGroupTutor(class_group_id=second, user_id=world.users["tutor"]))
    mine, other, elsewhere = world.ask(), world.ask(module="teaching"), world.ask("stranger")
    assert world.queue() == [mine, other, elsewhere]
    assert world.queue(module_id=world.modules["teaching"]) == [other]
    assert world.queue(class_group_id=second) == [elsewhere]
    assert world.queue("other-tutor", class_group_id=second + 1000) == []
    with world.database.reading() as session:
        tutor = world.actor(session, "tutor")
        (found, *_) = questions_queue.open_questions(session, tutor, NOW + timedelta(days=1, hours=2))
        assert (found.waiting_seconds, found.waits_long) == (26 * 3600, True)
        assert found.listed.class_group_name == "一班"
        assert questions_queue.waiting_questions(session, tutor) == (3, NOW)
        assert sorted(questions_queue.modules_with_open(session, tutor)) == sorted(world.modules.values())
    for one in (mine, other, elsewhere):
        world.answer(one)
    with world.database.reading() as session:
        assert questions_queue.waiting_questions(session, world.actor(session, "tutor")) == (0, None)


# --- answers ----------------------------------------------------------------------------------------------------------


def test_a_colleagues_reply_that_the_tutor_marks_is_the_answer(world: World) -> None:
    question = world.ask()
    helpful = world.reply(question, "mate", "我让学生把进位写在横线上。")
    assert world.state(question) == "open"
    world.mark(question, helpful)
    assert world.state(question) == "answered"
    (reply,) = world.read(question).replies
    assert (reply.is_answer, reply.is_tutor, reply.author_name, reply.marked_by) == (True, False, "张小梅", "李建国")
    assert world.told("asker") == [("question_answered", world.own_page("asker", question))]
    assert world.told("mate") == []

    other = world.ask("mate")
    assert outcome(lambda: world.mark(other, helpful)) == "missing", "written to another question"


def test_the_answer_is_the_one_marked_last(world: World) -> None:
    question = world.ask()
    early = world.reply(question, "mate", "写在横线上。")
    world.answer(question, now=LATER)
    assert [one.is_answer for one in world.read(question).replies] == [False, True]
    world.mark(question, early, now=LATER + timedelta(minutes=1))
    assert [one.is_answer for one in world.read(question).replies] == [True, False]


def test_every_answer_is_told_once(world: World) -> None:
    question = world.ask()
    first = world.answer(question)
    world.mark(question, first)
    assert len(world.told("asker")) == 1
    world.reply(question)
    world.answer(question)
    assert len(world.told("asker")) == 2


# --- merging ----------------------------------------------------------------------------------------------------------


def test_alike_questions_are_answered_in_one_go_and_everybody_is_told(world: World) -> None:
    question, alike, private = world.ask(), world.ask("mate", ALIKE), world.ask("mate", ALIKE, is_private=True)
    answer = world.answer(question, also=[alike, private])
    assert [world.state(one) for one in (question, alike, private)] == ["answered", "merged", "merged"]
    assert world.queue() == []
    assert world.told("asker") == [("question_answered", world.own_page("asker", question))]
    assert world.told("mate") == [("question_answered", world.own_page("mate", one)) for one in (alike, private)]
    shown = world.read(alike, "mate")
    assert shown.merged_answer is not None
    assert (shown.merged_into, shown.merged_answer.id) == (question, answer)
    assert world.read(question).merged_here == 2


def test_merged_questions_wait_for_the_answer_of_the_other_one(world: World) -> None:
    question, alike = world.ask(), world.ask("mate", ALIKE)
    world.merge(question, alike)
    world.merge(question, alike)
    assert world.told("mate") == [("question_merged", world.own_page("mate", alike))]
    assert world.read(alike, "mate").merged_answer is None
    world.answer(question)
    assert [kind for kind, _ in world.told("mate")] == ["question_merged", "question_answered"]


def test_merged_into_an_answered_one_it_is_answered_at_once(world: World) -> None:
    question = world.ask()
    world.answer(question)
    late = world.ask("mate", ALIKE)
    world.merge(question, late)
    assert world.told("mate") == [("question_answered", world.own_page("mate", late))]


def test_what_was_merged_goes_along_and_a_follow_up_comes_back(world: World) -> None:
    one, two, three = world.ask(), world.ask("mate"), world.ask("mate")
    world.merge(two, three)
    world.merge(one, two)
    with world.database.reading() as session:
        assert [session.get_one(Question, each).merged_into_id for each in (two, three)] == [one, one]
    world.reply(three, "mate", now=LATER)
    assert world.queue() == [one, three]
    world.answer(one)
    assert [world.state(each) for each in (one, two, three)] == ["answered", "merged", "open"]
    answered = [address for kind, address in world.told("mate") if kind == "question_answered"]
    assert answered == [world.own_page("mate", two)]


def test_of_another_groups_question_only_the_answer_is_read(world: World) -> None:
    with world.database.writing() as session:
        second = session.get_one(Enrolment, world.enrolments["stranger"]).class_group_id
        session.add(ClassGroupTutor(class_group_id=second, user_id=world.users["tutor"]))
    question, far = world.ask(), world.ask("stranger", ALIKE)
    world.answer(question, also=[far])
    shown = world.read(far, "stranger")
    assert shown.merged_into is None
    assert shown.merged_answer is not None
    assert world.told("stranger") == [("question_answered", world.own_page("stranger", far))]


def test_what_cannot_be_merged_is_refused_in_words_and_changes_nothing(world: World) -> None:
    question, alike, private, elsewhere, far = (
        world.ask(),
        world.ask("mate"),
        world.ask(is_private=True),
        world.ask(module="teaching"),
        world.ask("stranger"),
    )
    assert outcome(lambda: world.merge(question)) == "merge_needs_others"
    assert outcome(lambda: world.merge(question, question)) == "merge_needs_others"
    assert outcome(lambda: world.merge(question, elsewhere)) == "merge_of_other_module"
    assert outcome(lambda: world.merge(private, question)) == "question_is_private"
    assert outcome(lambda: world.merge(question, far)) == "missing"
    assert outcome(lambda: world.merge(question, 999_999)) == "missing"
    assert outcome(lambda: world.answer(question, also=[alike, far])) == "missing"
    world.merge(question, alike)
    assert outcome(lambda: world.merge(alike, private)) == "question_is_merged"
    assert outcome(lambda: world.answer(alike)) == "question_is_merged"
    assert [world.state(one) for one in (question, private, elsewhere, far)] == ["open"] * 4


def test_two_tutors_at_the_same_moment_lose_nothing(world: World) -> None:
    with world.database.writing() as session:
        group = session.get_one(Enrolment, world.enrolments["asker"]).class_group_id
        session.add(ClassGroupTutor(class_group_id=group, user_id=world.users["other-tutor"]))
    one, two = world.ask(), world.ask("mate")
    with ThreadPoolExecutor(2) as pool:
        tried = [
            pool.submit(outcome, lambda: world.merge(one, two)),
            pool.submit(outcome, lambda: world.merge(two, one, by="other-tutor")),
        ]
        found = sorted(future.result(60) for future in tried)
    assert found == ["ok", "question_is_merged"]
    assert sorted(world.state(each) for each in (one, two)) == ["merged", "open"]


# --- alike ones -------------------------------------------------------------------------------------------------------


def test_while_typing_answered_ones_of_the_group_and_the_faq_are_found(world: World) -> None:
    answered, _open, private = world.ask(), world.ask("mate", ALIKE), world.ask(is_private=True)
    far = world.ask("stranger")
    world.answer(answered, body="写小一点。")
    world.answer(private)
    world.answer(far, "other-tutor")

    def found(name: str, text: str = ALIKE) -> list[tuple[str, int]]:
        with world.database.reading() as session:
            actor = world.actor(session, name)
            alike = questions_alike.answered_already(session, actor, world.modules["reading"], text)
            return [(one.answered_in.value, one.id) for one in alike]

    assert found("mate") == [("class_group", answered)]
    assert found("stranger") == [("class_group", far)]
    assert found("mate", "复式班怎样排课？") == []
    assert found("mate", "怎") == []
    entry = world.promote(answered, text=HOW)
    assert found("mate") == [("faq", entry)], "the FAQ says it for the question it came from"
    assert found("stranger")[0] == (AnsweredIn.FAQ.value, entry)
    assert outcome(lambda: found("office")) == "missing"


def test_a_tutor_is_shown_alike_ones_to_merge(world: World) -> None:
    question, alike, private = world.ask(), world.ask("mate", ALIKE), world.ask("mate", ALIKE, is_private=True)
    world.ask("mate", "复式班怎样排课？")
    world.ask("stranger", ALIKE)
    world.ask("mate", ALIKE, module="teaching")

    def found(state: QuestionState) -> list[int]:
        with world.database.reading() as session:
            actor = world.actor(session, "tutor")
            return sorted(one.row.id for one in questions_alike.alike_of(session, actor, question, state=state))

    assert found(QuestionState.OPEN) == [alike, private]
    world.answer(alike)
    world.answer(private)
    assert found(QuestionState.OPEN) == []
    assert found(QuestionState.ANSWERED) == [alike]


# --- reminders --------------------------------------------------------------------------------------------------------


def test_tutors_are_told_daily_of_what_waits_too_long(world: World) -> None:
    question = world.ask()
    world.ask("mate", now=NOW + timedelta(hours=20))

    def remind(after: timedelta) -> list[dict[str, object]]:
        reminding.remind(world.database, NOW + after)
        with world.database.reading() as session:
            rows = session.scalars(select(Notice).where(Notice.kind == reminding.QUESTIONS_WAIT).order_by(Notice.id))
            assert {one.user_id for one in rows} <= {world.users["tutor"]}
        with world.database.reading() as session:
            rows = session.scalars(select(Notice).where(Notice.kind == reminding.QUESTIONS_WAIT).order_by(Notice.id))
            return [dict(one.params) for one in rows]

    assert remind(timedelta(hours=23)) == []
    assert remind(timedelta(hours=25)) == [{"count": 1, "hours": 25}]
    assert len(remind(timedelta(hours=26))) == 1
    assert remind(timedelta(hours=49))[1:] == [{"count": 2, "hours": 49}]
    world.answer(question, also=world.queue()[1:])
    assert len(remind(timedelta(days=5))) == 2


def test_the_limit_can_be_another_and_a_letter_that_has_become_needless_is_not_sent(world: World) -> None:
    question = world.ask()
    reminding.remind(world.database, NOW + timedelta(hours=3), question_limit=timedelta(hours=2))

    def outdated() -> int:
        with world.database.reading() as session:
            told = session.scalars(select(Notice).where(Notice.kind == reminding.QUESTIONS_WAIT)).all()
            assert [one.params for one in told] == [{"count": 1, "hours": 3}]
            return len(reminding.outdated(session, told, LATER))

    assert outdated() == 0
    world.answer(question)
    assert outdated() == 1
