"""Which posts count: the order of obstacles, repeats of one's own posts, caps by module, day and programme."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.discussion import FIRST_RULE, EarlierPost, Judgement, PostReason, judge_post
from lms_plugin.domain.discussion import RULE as CURRENT
from lms_plugin.domain.own_text import measure, own_text
from lms_plugin.domain.programme import DiscussionRule, Window
from lms_plugin.domain.repeats import similarity

WINDOW = Window(date(2026, 11, 1), date(2026, 12, 16))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RULE = DiscussionRule()
NO_CAPS = DiscussionRule(max_per_module=None, max_per_day=None, max_total=None)

# Five posts of five teachers on the same lesson: alike in subject, not in words.
HONEST_ZH = (
    "看完这节录像课，我想到自己班上的孩子：一提问就低头。老师让学生先在小组里说，再请代表发言，这个办法很适合我们村小，"
    "人少，正好每个人都能轮到。我打算下周的古诗课先试一次。",
    "这节课最打动我的是老师的等待。提出问题以后她停了将近二十秒，没有急着点名。我平时总怕冷场，三五秒就自己说出答案，"
    "学生当然懒得想。以后我要学会把时间还给学生。",
    "我们学校一个班只有九个学生，分组讨论常常变成一个人讲、两个人听。我的做法是给每个孩子一张任务卡，记录、提问、汇报各有分工，"
    "轮换着来，一学期下来最胆小的孩子也敢上台了。",
    "对视频里的板书设计我有不同看法。关键词写得太多，后排的学生根本看不清，不如只留三个词，用箭头连起来。乡镇学校没有投影，"
    "黑板就是最好的课件，更要惜墨如金。",
    "作业分层我试过两年，体会是千万不要让孩子觉得自己被分了等级。我把作业叫做“必做”和“挑战”，自己选，选错了也没关系，"
    "第二天可以换。家长一开始有意见，看到孩子愿意写了也就支持了。",
)
HONEST_EN = (
    "What I take from this lesson is the silence after a question. The teacher counts to ten before she calls on "
    "anybody, and by then nearly every hand is up. In my own class I answer myself, so nobody bothers to think.",
    "My school has only nine pupils in a year, so a discussion in groups of four falls flat. I give each child a card "
    "with one task, such as writing down or asking back, and we change the cards every week. It works.",
    "I would not copy the blackboard of this film. There are too many key words on it, and from the last row one "
    "cannot read them. Three words with arrows say more, above all where there is no projector and chalk is all.",
)
MIXED = (
    "我用Geogebra给学生演示三角形的中线，they could drag every corner themselves，课堂一下子活跃起来，"
    "比我在黑板上画十分钟有用得多，大家都看懂了重心是怎么来的。"
)


def earlier(
    body: str, *, module_key: str = "m", at: datetime = NOW - timedelta(days=3), counted: bool = True
) -> EarlierPost:
    return EarlierPost(body, module_key, at, counted)


def judge(
    body: str, *before: EarlierPost, rule: DiscussionRule = NO_CAPS, now: datetime = NOW, by: str = CURRENT
) -> Judgement:
    return judge_post(body, module_key="m", earlier=before, rule=rule, window=WINDOW, now=now, by=by)


# Chinese characters, English words: (how many of each), whether it is enough for 60 characters or 35 words
LENGTHS = [
    (60,  0, True),
    (59,  0, False),
    (0,  35, True),
    (0,  34, False),
    (30, 18, True),
    (30, 17, False),
    (12, 28, True),
    (11, 28, False),
    (59,  1, True),
    (0,   0, False),
]  # fmt: skip


def chinese(count: int, start: int = 0x4E00) -> str:
    return "".join(chr(start + number) for number in range(count))


def english(count: int, letter: str = "a") -> str:
    return " ".join(letter * (number % 7 + 1) + chr(ord("a") + number // 7) * 2 + "x" for number in range(count))


@pytest.mark.parametrize(("characters", "words", "enough"), LENGTHS)
def test_length_is_characters_or_words_or_a_mixture_that_adds_up(characters: int, words: int, enough: bool) -> None:
    judgement = judge(f"{chinese(characters)} {english(words)}.")
    assert (judgement.characters, judgement.words) == (characters, words)
    assert judgement.reason is (PostReason.COUNTS if enough else PostReason.TOO_SHORT)
    assert judgement.counts is enough


TOO_LITTLE = {
    "a greeting": "各位老师大家好，我是来自云南的王老师，很高兴认识大家！",
    "agreement": "说得太好了，非常赞同，向您学习！",
    "laughter": "哈" * 80,
    "laughter with breaks": "哈哈 " * 40,
    "agreement over and over": "非常赞同您的观点，" * 10,
    "agreement without a break": "非常赞同您的观点" * 10,
    "English over and over": "I totally agree with you. " * 12,
    "one word": "good " * 60,
    "a wall of pictures": "👍🎉😀" * 200,
    "numbers": "1234567890 " * 40,
    "a long quote": f"> {HONEST_ZH[0]}\n\n同意。",
    "a long quote with full-width space": f"　\n>{HONEST_ZH[0]}\n\n同意。",
    "code": f"```\n{HONEST_ZH[0]}\n```",
    "a hidden title": f"[甲]: https://a.cn '{HONEST_ZH[0]}'\n同意",
    "a hidden address": f"[同意](https://a.cn/{'abc-def/' * 40})",
    "a picture's words": f"![{HONEST_ZH[0]}](a.png)",
    "entities": "&ensp;&emsp;&nbsp;&thinsp;" * 30,
    "an own sentence turned about": "老师辛苦了！辛苦了老师！" * 12,
}


@pytest.mark.parametrize("body", TOO_LITTLE.values(), ids=TOO_LITTLE.keys())
def test_padding_is_too_short(body: str) -> None:
    assert judge(body).reason is PostReason.TOO_SHORT


@pytest.mark.parametrize("body", [*HONEST_ZH, *HONEST_EN, MIXED])
def test_honest_posts_count_whatever_the_author_wrote_before(body: str) -> None:
    remarks = ["谢谢您！", "学生", "老师好", "我也是。", "Thank you.", "my own class", "同意，我打算下周试一次。"]
    before = [earlier(text) for text in [*remarks, *HONEST_ZH, *HONEST_EN, MIXED] if text != body]
    assert judge(body, *before).reason is PostReason.COUNTS


def test_a_remark_that_was_too_short_may_be_made_longer() -> None:
    first, rest = HONEST_ZH[0].split("：")
    assert judge(first).reason is PostReason.TOO_SHORT
    assert judge(f"{first}：{rest}", earlier(first, counted=False)).reason is PostReason.COUNTS


def test_a_short_english_post_is_no_repeat_of_a_very_long_one() -> None:
    long_post = "\n".join(
        f"In week {name} we read about {subject}, and what the pupils said about {subject} at the end was that they "
        f"had liked the {thing} best, because nobody had asked them before what they think of a {thing}."
        for name, subject, thing in zip(
            ["one", "two", "three", "four", "five", "six", "seven", "eight"],
            ["rivers", "the moon", "old trades", "bridges", "poems", "bread", "the harvest", "birds"],
            ["map", "model", "interview", "drawing", "rhyme", "smell", "songs", "nest"],
            strict=True,
        )
    )
    assert all(judge(body, earlier(long_post)).counts for body in HONEST_EN)


def change(body: str, every: int) -> str:
    """The post with every so many characters (words, where it is English) replaced."""
    parts = body.split() if " " in body else list(body)
    return (" " if " " in body else "").join("換" if at % every == 3 else part for at, part in enumerate(parts))


COPIES = {
    "the same":            lambda body: body,
    "with a greeting":     lambda body: f"老师您好！{body}",
    "with a new ending":   lambda body: f"{body}以上就是我的一点浅见，请大家批评指正。",
    "with other signs":    lambda body: body.replace("，", " ").replace("。", "！").replace(",", ";"),
    "in capitals":         lambda body: body.upper(),
    "with gaps":           lambda body: body.replace("的", "的\u200b").replace("e", "e\u00ad"),
    "without its opening": lambda body: body[10:],
    "every tenth changed": lambda body: change(body, 10),
    "every eighth changed": lambda body: change(body, 8),
    "bold":                lambda body: f"**{body}**",
    "as a list":           lambda body: "\n".join(f"- {part}" for part in body.split("，")),
}  # fmt: skip


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
@pytest.mark.parametrize("body", [HONEST_ZH[2], HONEST_EN[0]])
def test_a_copy_of_an_own_post_is_a_repeat(body: str, copy: Callable[[str], str]) -> None:
    first = earlier(body, at=NOW - timedelta(days=9))
    other = earlier(HONEST_ZH[0], at=NOW - timedelta(days=1))
    judgement = judge(copy(body), other, first)
    assert judgement.reason is PostReason.REPEATS_OWN_POST
    assert judgement.repeats_at == first.posted_at
    assert judgement.similarity_percent is not None
    assert 70 <= judgement.similarity_percent <= 100


def test_an_earlier_post_may_be_taken_up_when_enough_is_added() -> None:
    first, other = earlier(HONEST_ZH[0]), earlier(HONEST_ZH[1])
    assert judge(f"{HONEST_ZH[0]}\n\n{HONEST_ZH[2]}", first, other).counts
    little = judge(f"{HONEST_ZH[0]}\n\n{chinese(59, 0x7000)}", first, other)
    assert little.reason is PostReason.REPEATS_OWN_POST
    assert little.similarity_percent is not None
    assert little.similarity_percent < 80  # of this post; the earlier one stands in it whole
    assert judge(f"{HONEST_ZH[0]}\n\n{chinese(60, 0x7000)}", first, other).counts


def test_two_own_posts_stuck_together_are_a_repeat() -> None:
    both = earlier(HONEST_ZH[0]), earlier(HONEST_ZH[1])
    assert judge("\n\n".join(HONEST_ZH[:2]), *both).reason is PostReason.REPEATS_OWN_POST


def test_the_closest_of_the_earlier_posts_is_named() -> None:
    posts = [earlier(change(HONEST_ZH[2], every), at=NOW - timedelta(days=every)) for every in (7, 30, 11)]
    assert judge(HONEST_ZH[2], *posts).repeats_at == NOW - timedelta(days=30)


def test_a_repeat_begins_at_exactly_the_ratio() -> None:
    old, new = chinese(60), chinese(50) + chinese(10, 0x6000)
    assert similarity(new, old) == Fraction(5, 6)
    assert judge(new, earlier(old), rule=replace(NO_CAPS, duplicate_ratio=Fraction(5, 6))).similarity_percent == 83
    above = replace(NO_CAPS, duplicate_ratio=Fraction(5, 6) + Fraction(1, 10**9))
    assert judge(new, earlier(old), rule=above, by=FIRST_RULE).counts


SIMILARITIES = [
    ("",           "",           Fraction(0)),
    ("一二三",      "",           Fraction(0)),
    ("一",         "一",          Fraction(1)),
    ("一",         "二",          Fraction(0)),
    ("一二",       "零一二三",      Fraction(0)),
    ("一二三四",    "一二三四",      Fraction(1)),
    ("一二三四五",  "零二三四六",    Fraction(3, 5)),
    ("一二三甲四五六", "一二三乙四五六", Fraction(6, 7)),
    ("一二甲三四乙", "一二丙三四丁",   Fraction(0)),
    ("one two three four", "zero one two three", Fraction(3, 4)),
    ("one two three", "onetwothree", Fraction(0)),
    ("One two THREE", "one two three", Fraction(1)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "other", "expected"), SIMILARITIES)
def test_similarity_counts_what_stands_in_common_runs_of_three(text: str, other: str, expected: Fraction) -> None:
    assert similarity(text, other) == similarity(other, text) == expected


some_texts = st.text("甲乙丙丁戊 ab", max_size=30)


@given(some_texts, some_texts)
def test_similarity_is_a_share_and_the_same_both_ways(text: str, other: str) -> None:
    assert 0 <= similarity(text, other) == similarity(other, text) <= 1
    assert similarity(text, text) == (1 if sum(measure(text)) else 0)


@given(some_texts, some_texts, some_texts)
def test_a_text_put_inside_another_is_all_there(before: str, text: str, after: str) -> None:
    if sum(measure(text)) >= 3:
        assert similarity(text, f"{before}。{text}。{after}") == 1


# caps (module, day, total), then for each earlier counted post (module, days ago), and the first obstacle
CAPS = [
    ((2, 3, None),       [],                                         PostReason.COUNTS,     None),
    ((2, 3, None),       [("m", 9)],                                 PostReason.COUNTS,     None),
    ((2, 3, None),       [("m", 9), ("m", 8)],                       PostReason.MODULE_CAP, 2),
    ((2, 3, None),       [("n", 9), ("n", 8)],                       PostReason.COUNTS,     None),
    ((2, 3, None),       [("m", 0), ("n", 0), ("n", 0)],             PostReason.DAY_CAP,    3),
    ((2, 3, None),       [("m", 0), ("m", 0), ("n", 0)],             PostReason.MODULE_CAP, 2),
    ((2, 3, 4),          [("n", 5), ("o", 4), ("p", 3), ("q", 2)],   PostReason.TOTAL_CAP,  4),
    ((2, 3, 5),          [("n", 5), ("o", 4), ("p", 3), ("q", 2)],   PostReason.COUNTS,     None),
    ((None, 2, 2),       [("m", 0), ("m", 0)],                       PostReason.DAY_CAP,    2),
    ((None, None, 2),    [("m", 0), ("m", 0)],                       PostReason.TOTAL_CAP,  2),
    ((None, None, None), [("m", 0)] * 40,                            PostReason.COUNTS,     None),
]  # fmt: skip


@pytest.mark.parametrize(("caps", "before", "reason", "cap"), CAPS)
def test_caps_count_counting_posts(
    caps: tuple[int | None, int | None, int | None],
    before: list[tuple[str, int]],
    reason: PostReason,
    cap: int | None,
) -> None:
    rule = DiscussionRule(max_per_module=caps[0], max_per_day=caps[1], max_total=caps[2])
    posts = [
        earlier(chinese(70, 0x5000 + 80 * number), module_key=module, at=NOW - timedelta(days=days))
        for number, (module, days) in enumerate(before)
    ]
    for counted in (True, False):
        judgement = judge(HONEST_ZH[0], *(replace(post, counted=counted) for post in posts), rule=rule)
        assert judgement.reason is (reason if counted else PostReason.COUNTS)
        assert judgement.cap == (cap if counted else None)


# Posted in Shanghai at (UTC), the earlier one at (UTC): the same day there or not
DAYS = [
    ("2026-11-24T15:59:59", "2026-11-23T16:00:00", True),
    ("2026-11-24T16:00:00", "2026-11-24T15:59:59", False),
    ("2026-11-24T16:00:00", "2026-11-24T16:00:00", True),
    ("2026-11-25T00:00:00", "2026-11-24T23:59:59", True),
]  # fmt: skip


@pytest.mark.parametrize(("now", "before", "same_day"), DAYS)
def test_the_day_of_the_cap_is_the_programmes_own(now: str, before: str, same_day: bool) -> None:
    at = datetime.fromisoformat(before).replace(tzinfo=UTC)
    rule = DiscussionRule(max_per_module=None, max_per_day=1)
    posted_at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    judgement = judge(HONEST_ZH[0], earlier(HONEST_ZH[1], at=at), rule=rule, now=posted_at)
    assert judgement.reason is (PostReason.DAY_CAP if same_day else PostReason.COUNTS)


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_the_first_obstacle_decides(
    outside: bool, short: bool, repeat: bool, module_cap: bool, day_cap: bool, total_cap: bool
) -> None:
    body = "太短了" if short else HONEST_ZH[0]
    before = [
        earlier(HONEST_ZH[1], at=NOW),
        *([earlier(body, at=NOW - timedelta(days=2), counted=False)] if repeat else []),
    ]
    rule = DiscussionRule(
        max_per_module=1 if module_cap else None, max_per_day=1 if day_cap else None, max_total=1 if total_cap else None
    )
    now = WINDOW.closes_at if outside else NOW
    if outside:
        before = [replace(post, posted_at=post.posted_at + (now - NOW)) for post in before]
    obstacles = [
        (outside, PostReason.OUTSIDE_WINDOW),
        (short, PostReason.TOO_SHORT),
        (repeat, PostReason.REPEATS_OWN_POST),
        (module_cap, PostReason.MODULE_CAP),
        (day_cap, PostReason.DAY_CAP),
        (total_cap, PostReason.TOTAL_CAP),
    ]
    expected = next((reason for stands, reason in obstacles if stands), PostReason.COUNTS)
    judgement = judge(body, *before, rule=rule, now=now)
    assert judgement.reason is expected
    assert judgement.counts is (expected is PostReason.COUNTS)
    assert (judgement.characters, judgement.words) == measure(own_text(body))


@pytest.mark.timeout(60)
def test_a_long_post_after_many_long_ones_is_judged() -> None:
    before = [earlier(chinese(10_000, 0x4E00 + number)) for number in range(10)]
    assert judge(chinese(10_000, 0x4E00 + 10), *before).reason is PostReason.REPEATS_OWN_POST
