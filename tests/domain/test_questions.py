"""Questions: how long they wait, which are alike, their first line, and names in a text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import questions
from lms_plugin.domain.questions import QuestionState, Waiting

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=5)

# what it was in -> what it is in after the asker wrote more
FOLLOW_UPS = [
    (Waiting(QuestionState.OPEN, EARLIER),  Waiting(QuestionState.OPEN, EARLIER)),
    (Waiting(QuestionState.ANSWERED, None), Waiting(QuestionState.OPEN, NOW)),
    (Waiting(QuestionState.MERGED, None),   Waiting(QuestionState.OPEN, NOW)),
]  # fmt: skip

LONG = [
    (timedelta(0),                       False),
    (timedelta(hours=23, minutes=59),    False),
    (timedelta(days=1),                  True),
    (timedelta(days=3),                  True),
]  # fmt: skip

ASKED = "三位数乘两位数的竖式，学生总是忘记进位怎么办？"
ALIKE = [
    (ASKED,                                             True),
    ("学生做竖式总是忘记进位，有什么好办法？",          True),
    ("> " + ASKED + "\n\n教研活动安排在哪一天？",       False),  # a quote is not one's own question
    ("复式班里两个年级怎样同时上课？",                  False),
    ("老师好",                                          False),
    ("",                                                False),
]  # fmt: skip

HEADLINES = [
    ("怎么量？",                     "怎么量？"),
    ("\n\n## 怎么量？\n我试过了。",  "怎么量？"),
    ("- **第一步**怎么做",           "第一步怎么做"),
    ("> 引用",                       "引用"),
    ("***",                          "***"),
    ("字" * 81,                      "字" * 79 + "…"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), FOLLOW_UPS)
def test_a_follow_up_reopens_and_takes_no_place_away(before: Waiting, after: Waiting) -> None:
    assert questions.followed_up(before, NOW) == after


@pytest.mark.parametrize(("waited", "is_long"), LONG)
def test_a_question_waits_long_from_the_limit_on(waited: timedelta, is_long: bool) -> None:
    assert questions.asked(NOW - waited).is_long(NOW) is is_long
    assert not questions.answered().is_long(NOW)
    assert not questions.merged().is_long(NOW)


@pytest.mark.parametrize(("other", "found"), ALIKE)
def test_alike_questions_are_found_and_others_are_not(other: str, found: bool) -> None:
    assert questions.alike(ASKED, [("key", other)]) == (["key"] if found else [])


def test_the_most_alike_come_first_and_no_more_than_asked_for() -> None:
    others = [(1, "学生做竖式总是忘记进位，有什么好办法？"), (2, "别的"), (3, ASKED), (4, ASKED)]
    assert questions.alike(ASKED, others) == [3, 4, 1]
    assert questions.alike(ASKED, others, most=1) == [3]


@pytest.mark.parametrize("text", ["", "怎么", "> 怎样让学生先估一估再量", "??!"])
def test_nothing_is_like_a_text_that_says_nothing_yet(text: str) -> None:
    assert questions.alike(text, [("key", text), ("other", "怎样让学生先估一估再量")]) == []


@pytest.mark.parametrize(("body", "line"), HEADLINES)
def test_a_list_shows_the_first_line(body: str, line: str) -> None:
    assert questions.headline(body) == line


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("先估后量。", ["王丽", "李建国"], None),
        ("如王丽老师所说，先估后量。", ["李建国", "王丽"], "王丽"),
        ("国王的尺子", ["王"], None),
        ("", ["王丽"], None),
    ],
)
def test_a_name_in_a_text_is_found(text: str, names: list[str], found: str | None) -> None:
    assert questions.named_in(text, names) == found


STEPS = st.lists(st.sampled_from(["answer", "merge", "follow up"]), max_size=12)


@given(STEPS)
def test_a_question_waits_exactly_while_it_is_open_and_never_from_the_future(steps: list[str]) -> None:
    waiting, now = questions.asked(NOW), NOW
    for step in steps:
        now += timedelta(minutes=1)
        was = waiting
        waiting = {
            "answer": questions.answered(),
            "merge": questions.merged(),
            "follow up": questions.followed_up(was, now),
        }[step]
        assert (waiting.state is QuestionState.OPEN) == (waiting.since is not None)
        if waiting.since is not None:
            assert NOW <= waiting.since <= now
            assert was.since in (None, waiting.since), "a follow-up makes nobody wait anew"


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=5))
def test_being_alike_is_total_and_gives_only_what_was_there(text: str, others: list[str]) -> None:
    keyed = list(enumerate(others))
    found = questions.alike(text, keyed, most=3)
    assert len(found) == len(set(found)) <= 3
    assert set(found) <= {key for key, _ in keyed}


@given(st.text(max_size=300))
def test_a_headline_is_one_short_line(body: str) -> None:
    line = questions.headline(body)
    assert len(line) <= 80
    assert len(line.splitlines()) <= 1
