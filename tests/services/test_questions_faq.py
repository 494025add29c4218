"""A module's FAQ: only what is answered and for everybody, nobody's name in it, and a record of who did it."""

import pytest

from lms_plugin.services import questions_faq
from lms_plugin.storage.session import Database
from tests.services.question_world import World, make_world, outcome


@pytest.fixture
def world(database: Database) -> World:
    return make_world(database)


def faq(world: World, module: str = "reading") -> list[tuple[str, str]]:
    with world.database.reading() as session:
        return [(one.question, one.answer) for one in questions_faq.of_module(session, world.modules[module])]


def test_an_answered_question_is_edited_for_all_class_groups(world: World) -> None:
    question = world.ask(at_seconds=760)
    world.answer(question)
    world.promote(question, text="怎样记住进位？", answer="写在横线上。")
    assert faq(world) == [("怎样记住进位？", "写在横线上。")]
    assert faq(world, "teaching") == []
    with world.database.reading() as session:
        (entry,) = questions_faq.of_module(session, world.modules["reading"])
        assert entry.at_seconds == 760
        assert entry.video_id is not None


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("", "答", "question_missing"),
        ("问", " ", "answer_missing"),
        ("王丽老师问：怎么办？", "答", "faq_names_somebody"),
        ("怎么办？", "张小梅的办法很好。", "faq_names_somebody"),
        ("怎么办？", "李建国回答过。", "faq_names_somebody"),
        ("怎么办？", "陈静没有参与。", "ok"),
    ],
)
def test_what_is_empty_or_names_somebody_is_refused(world: World, text: str, answer: str, expected: str) -> None:
    question = world.ask()
    world.reply(question, "mate")
    world.answer(question)
    assert outcome(lambda: world.promote(question, text=text, answer=answer)) == expected
    assert len(faq(world)) == (expected == "ok")


def test_only_answered_questions_for_everybody_and_each_once(world: World) -> None:
    private, waiting = world.ask(is_private=True), world.ask()
    world.answer(private)
    assert outcome(lambda: world.promote(private)) == "question_is_private"
    assert outcome(lambda: world.promote(waiting)) == "question_not_answered"
    world.answer(waiting)
    entry = world.promote(waiting)
    assert outcome(lambda: world.promote(waiting)) == "faq_entry_exists"
    world.withdraw(entry)
    assert faq(world) == []
    assert outcome(lambda: world.promote(waiting, text="换一种说法？")) == "ok"
    assert faq(world)[0][0] == "换一种说法？"


def test_entries_stand_in_the_order_of_the_film(world: World) -> None:
    for at_seconds in (300, None, 10):
        question = world.ask(at_seconds=at_seconds)
        world.answer(question)
        world.promote(question, text=f"第{at_seconds}秒")
    assert [text for text, _ in faq(world)] == ["第10秒", "第300秒", "第None秒"]


def test_the_office_sees_who_promoted_and_who_withdrew(world: World) -> None:
    question = world.ask()
    world.answer(question)
    entry = world.promote(question)
    world.withdraw(entry, "office")
    world.withdraw(entry, "tutor")
    world.promote(question)

    def records(name: str) -> list[tuple[str, str | None]]:
        with world.database.reading() as session:
            found = questions_faq.records(session, world.actor(session, name))
            return [(one.promoted_by, one.withdrawn_by) for one in found]

    assert records("office") == [("李建国", None), ("李建国", "项目管理办公室")], "the first withdrawal is the one kept"
    assert records("far") == records("office")
    assert outcome(lambda: records("tutor")) == "not_allowed"
