"""Posts that repeat somebody's: copies, parts of several, variations; how they are found; what replies are worth."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.discussion import FIRST_RULE, EarlierPost, Judgement, OthersPost, PostReason, judge_post
from lms_plugin.domain.own_text import own_words, plain_words
from lms_plugin.domain.programme import DiscussionRule, Window
from lms_plugin.domain.repeats import MOST_FINGERPRINTS, fingerprints, gist, repeat_of
from tests.domain.test_judging_posts import HONEST_EN, HONEST_ZH, chinese, english

WINDOW = Window(date(2026, 11, 1), date(2026, 12, 16))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MAY = NOW - timedelta(days=9)
NO_CAPS = DiscussionRule(max_per_module=None, max_per_day=None, max_total=None)
SPUN = (
    "通过这次培训，我深刻认识到课堂提问的重要性。过去我上课总是一讲到底，学生没有机会思考。今后我要精心设计每一个问题，给学生留出足够的时间，让课堂真正活起来。",
    "经过这次学习，我深深体会到课堂提问的重要意义。以前我上课常常一讲到底，学生很少有机会思考。以后我要用心设计每一个问题，给学生留出充分的时间，让课堂真正动起来。",
)


def judge(
    body: str,
    *others: OthersPost | EarlierPost,
    rule: DiscussionRule = NO_CAPS,
    is_reply: bool = False,
    by: str = "own-words/2",
) -> Judgement:
    return judge_post(
        body,
        module_key="m",
        earlier=[one for one in others if isinstance(one, EarlierPost)],
        others=[one for one in others if isinstance(one, OthersPost)],
        is_reply=is_reply,
        rule=rule,
        window=WINDOW,
        now=NOW,
        by=by,
    )


def said(body: str, number: int = 7, at: datetime = MAY) -> OthersPost:
    return OthersPost(number, body, at)


def half(body: str, other: str) -> str:
    return body[: len(body) // 2] + other[len(other) // 2 :]


# A post, what others said before, and whether it repeats them
REPEATS = {
    "the same":                  (HONEST_ZH[2], [HONEST_ZH[2]], True),
    "the same in English":       (HONEST_EN[0], [HONEST_EN[0]], True),
    "greeted":                   (f"老师好！{HONEST_ZH[2]}谢谢大家。", [HONEST_ZH[2]], True),
    "shortened":                 (HONEST_ZH[3][8:], [HONEST_ZH[3]], True),
    "a copy inside a long one":  (HONEST_ZH[2], ["".join(HONEST_ZH)], True),
    "halves of two":             (half(HONEST_ZH[0], HONEST_ZH[1]), [HONEST_ZH[0], HONEST_ZH[1]], True),
    "half of one":               (half(HONEST_ZH[0], HONEST_ZH[1]), [HONEST_ZH[0]], True),
    "half of one and a post":    (f"{HONEST_ZH[0][:45]}。{HONEST_ZH[2]}", [HONEST_ZH[0]], False),
    "a variation and a post":    (f"{SPUN[1]}{HONEST_ZH[2]}", [SPUN[0]], False),
    "a variation":               (SPUN[1], [SPUN[0]], True),
    "the same subject":          (HONEST_ZH[1], [HONEST_ZH[0], HONEST_ZH[2], HONEST_ZH[3]], False),
    "taken up, with a post":     (f"{HONEST_ZH[0]}\n{HONEST_ZH[2]}", [HONEST_ZH[0]], False),
    "taken up, with a remark":   (f"{HONEST_ZH[0]}\n我校也是，人少。", [HONEST_ZH[0]], True),
    "words put in all through":  ("换".join(HONEST_ZH[0][at : at + 9] for at in range(0, 99, 9)), [HONEST_ZH[0]], True),
    "a remark they made":        (HONEST_ZH[0], ["看完这节录像课"], False),
    "nothing before":            (HONEST_ZH[0], [], False),
}  # fmt: skip


@pytest.mark.parametrize(("body", "before", "repeats"), REPEATS.values(), ids=REPEATS.keys())
def test_what_repeats_somebody_elses_post(body: str, before: list[str], repeats: bool) -> None:
    judgement = judge(body, *(said(one, number) for number, one in enumerate(before)))
    assert judgement.reason is (PostReason.REPEATS_ANOTHERS_POST if repeats else PostReason.COUNTS)
    assert judgement.compared_with == tuple((number, 0) for number in range(len(before)))
    assert (judgement.repeats_at, judgement.similarity_percent is not None) == (MAY if repeats else None, repeats)


def test_the_figure_says_how_much_of_this_post_stands_there() -> None:
    assert judge(HONEST_ZH[2], said(HONEST_ZH[2])).similarity_percent == 100
    varied = judge(SPUN[1], said(SPUN[0])).similarity_percent
    assert varied is not None
    assert 50 < varied < 95


def test_ones_own_post_is_named_before_anothers_that_is_as_close() -> None:
    mine = EarlierPost(HONEST_ZH[2], "m", NOW - timedelta(days=2), True)
    assert judge(HONEST_ZH[2], said(HONEST_ZH[2]), mine).reason is PostReason.REPEATS_OWN_POST


def test_the_rule_before_knew_only_copies_and_measured_every_word() -> None:
    assert judge(SPUN[1], EarlierPost(SPUN[0], "m", MAY, True), by=FIRST_RULE).counts
    courteous = "各位老师大家好，很高兴认识大家！" + chinese(46)
    assert judge(courteous).reason is PostReason.TOO_SHORT
    assert judge(courteous, by=FIRST_RULE).counts
    again = judge(HONEST_ZH[0], EarlierPost(HONEST_ZH[0], "m", MAY, True), by=FIRST_RULE)
    assert again.reason is PostReason.REPEATS_OWN_POST


# old words in common, new words, ratio: whether one is a variation of the other, where neither is a copy
LIKENESS = [
    (40, 60, Fraction(4, 5), False),  # 39 of 99 pairs: 0.394
    (41, 59, Fraction(4, 5), True),   # 40 of 99: 0.404
    (41, 59, Fraction(9, 10), False),
]  # fmt: skip


@pytest.mark.parametrize(("common", "new", "ratio", "repeats"), LIKENESS)
def test_a_variation_begins_at_half_the_ratio_of_pairs(common: int, new: int, ratio: Fraction, repeats: bool) -> None:
    text, other = chinese(common) + chinese(new, 0x7000), chinese(common) + chinese(new, 0x8000)
    found = repeat_of(plain_words(text), [plain_words(other)], ratio, lambda _: False)
    assert (found is not None) is repeats


texts = st.text("教学生课堂问题的一是在ab ", min_size=1, max_size=60).map(plain_words)


@given(texts, st.lists(texts, max_size=4))
def test_a_text_repeats_itself_and_names_one_that_is_there(text: object, others: list[object]) -> None:
    found = repeat_of(text, [*others, text], Fraction(4, 5), lambda _: False)
    if text.words:
        assert found is not None
        assert found.place <= len(others)
        assert 0 <= found.percent <= 100


@given(texts, st.lists(texts, max_size=4))
def test_who_says_enough_that_is_new_copies_nobody(text: object, others: list[object]) -> None:
    found = repeat_of(text, others, Fraction(4, 5), lambda _: True, only_copies=True)
    assert found is None


# --- finding


def shared(text: str, other: str) -> int:
    return len(set(fingerprints(text)) & set(fingerprints(other)))


@pytest.mark.parametrize("body", [*HONEST_ZH, *HONEST_EN, SPUN[0]])
def test_a_copy_has_the_fingerprints_of_what_it_was_made_of(body: str) -> None:
    own = fingerprints(body)
    assert len(own) >= 8
    assert list(own) == sorted(set(own))
    assert fingerprints(f"**老师好！{body.upper()}**") == own
    assert all(one < 2**32 for one in own)


def test_copies_inside_others_halves_and_variations_are_found() -> None:
    everything = "\n".join(HONEST_ZH)
    assert all(shared(body, everything) for body in HONEST_ZH)
    assert shared(half(HONEST_ZH[0], HONEST_ZH[1]), HONEST_ZH[0])
    assert shared(half(HONEST_ZH[0], HONEST_ZH[1]), HONEST_ZH[1])
    assert shared(*SPUN)
    assert not any(shared(one, other) for one in HONEST_ZH for other in HONEST_ZH if one < other)


# own words -> fingerprints
NUMBERS = [
    ("", 0),
    ("一二三", 0),
    ("一二三四", 1),
    (chinese(11), 8),
    (chinese(12), 8),
    (english(3), 0),
    (english(4), 1),
]


@pytest.mark.parametrize(("body", "count"), NUMBERS)
def test_a_short_text_has_few_fingerprints(body: str, count: int) -> None:
    assert len(fingerprints(body)) == count


def test_a_long_text_has_its_lowest_and_no_more_than_so_many() -> None:
    assert len(fingerprints(chinese(800))) < MOST_FINGERPRINTS
    assert len(fingerprints(chinese(8000))) == MOST_FINGERPRINTS


@pytest.mark.parametrize("body", [*HONEST_ZH, *HONEST_EN, SPUN[0]])
def test_whoever_writes_the_same_has_the_same_gist(body: str) -> None:
    assert gist(f"**老师好！{body.upper()}**") == gist(body) is not None
    assert (gist(body) or 0) < 2**32


def test_texts_of_which_little_is_alike_have_another_gist() -> None:
    bodies = [*HONEST_ZH, *HONEST_EN]
    assert len({gist(body) for body in bodies}) == len(bodies)
    assert gist("一二三") != gist("一二四")
    assert gist("老师好！") is None


def test_the_same_phrase_in_many_texts_does_not_give_them_one_gist() -> None:
    phrases = [chinese(15, 0x8000 + 15 * at) for at in range(20)]
    bodies = [f"{phrase}，{chinese(100, 0x4E00 + 100 * at)}" for phrase in phrases for at in range(20)]
    for at in range(0, len(bodies), 20):
        assert len({gist(body) for body in bodies[at : at + 20]}) == 20


def test_most_texts_that_differ_in_one_word_have_the_same_gist() -> None:
    body = chinese(120)
    changed = [f"{body[:at]}龘{body[at + 1 :]}" for at in range(len(body))]
    assert sum(gist(one) == gist(body) for one in changed) > len(body) / 2


# --- replies and set phrases as the programme says

# reply_minutes, whether it is a reply -> what it is worth, whether it counts
REPLIES = [
    (None, False, 15, True),
    (None, True,  15, True),
    (5,    False, 15, True),
    (5,    True,   5, True),
    (20,   True,  20, True),
    (0,    False, 15, True),
    (0,    True,   0, False),
]  # fmt: skip


@pytest.mark.parametrize(("reply_minutes", "is_reply", "minutes", "counts"), REPLIES)
def test_replies_are_worth_their_own_minutes(
    reply_minutes: int | None, is_reply: bool, minutes: int, counts: bool
) -> None:
    rule = DiscussionRule(reply_minutes=reply_minutes)
    judgement = judge(HONEST_ZH[0], rule=rule, is_reply=is_reply)
    assert (judgement.counts, judgement.is_reply) == (counts, is_reply)
    assert judgement.reason is (PostReason.COUNTS if counts else PostReason.REPLIES_EARN_NOTHING)
    assert rule.minutes_of(judgement.is_reply) == minutes


def test_a_programme_has_set_phrases_of_its_own() -> None:
    body = "我校坚持立德树人，" + chinese(58)
    assert own_words(body).characters == 66
    assert own_words(body, ("坚持立德树人", "我校")).characters == 58
    assert judge(body).counts
    assert judge(body, rule=DiscussionRule(set_phrases=("我校坚持立德树人",))).reason is PostReason.TOO_SHORT


def test_a_set_phrase_is_no_longer_than_a_sentence() -> None:
    long_clause = "谢谢" + "老师的课我们" * 12
    assert own_words(long_clause[:20]).characters == 0
    assert own_words(chinese(61) + "谢谢").characters == 63
