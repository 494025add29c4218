"""What of a post is the author's own: quotes, code, addresses and repeats add nothing, honest words all count."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lms_plugin.domain.own_text import measure, own_text

HONEST = (
    "我在县里教五年级语文，班上有四十二个孩子，其中一半是留守儿童。看完这节课，我最大的感触是提问要有梯度："
    "先让每个孩子都能开口，再把问题引向文本深处。上周我试着把课后题拆成三个小问题，原来不举手的几个学生也站起来说了两句。"
)

# What is written                                              characters  words
OWN = [
    ("",                                                                0, 0),
    ("黑板擦！",                                                         3, 0),
    ("提问要有梯度。",                                                    6, 0),
    ("Questions need a gradient.",                                      0, 4),
    ("don't re-teach the same lesson’s words",                          0, 6),
    ("我用PPT上课",                                                      4, 1),
    ("ＰＰＴ和ppt",                                                      1, 2),  # full-width letters are letters
    ("3 + 5 = 8，２０２６年１１月",                                         2, 0),  # numbers are no words
    ("**先让每个孩子开口**，再引向_文本_深处",                                15, 0),  # Markdown marks don't count
    ("1. 先提问\n2) 再讨论\n- 后总结\n# 小标题",                              12, 0),
    ("教学&nbsp;&emsp;&#8203;相长",                                       4, 0),  # entities that show nothing
    ("𠮷野家",                                                           3, 0),  # characters beyond the basic plane
    ("😀😃😄😁🎉👍🏽❤️‍🔥✨",                                               0, 0),
    ("————……！！！？？？～～～",                                            0, 0),
    ("gra\u00addi\u200bent ex\ufeffercise",                                0, 2),  # unseen signs make no words
    ("g\u0336r\u0336a\u0336d\u0336e\u0336",                              0, 1),
    ("\u3164 \u115f \u1160 \uffa0",                                      0, 0),
    ("བོད་སྐད་ཀྱི་སློབ་ཁྲིད།",                                           0, 5),  # Tibetan, by the syllable
    # quotes
    ("> 别人说的话很长很长\n我同意前半句",                                      6, 0),
    ("  > 缩进的引用\n后面是我的",                                             5, 0),
    (">没有空格的引用\n我的看法",                                              4, 0),
    ("＞全角的不是引用",                                                      7, 0),
    ("成绩 > 兴趣吗",                                                        5, 0),
    # code
    ("```\n代码代码代码\n```\n说明",                                         2, 0),
    ("~~~python\nprint('你好')\n~~~\n说明",                               2, 0),
    ("````\n```\n里面还是代码\n````\n外面",                                  2, 0),
    ("```\n没有结束的代码",                                                 0, 0),
    ("```行内```也是文字",                                                  6, 0),
    ("～～～～～～\n我的体会是这样的",                                          8, 0),  # decoration is no code
    ("我的体会～～～\n是这样的",                                              8, 0),
    # links and images
    ("[这篇文章](https://example.com/a?b=很长)值得读",                        7, 0),
    ("[维基](https://example.com/a_(b))值得读",                            5, 0),
    ("![图片的说明文字](a.png)如图",                                          2, 0),
    ("<https://example.com/path/words> 看看",                             2, 0),
    ("请看https://example.com/a这个网站的内容",                               9, 0),  # no space after the address
    ("请看HTTPS://EXAMPLE.COM/A，内容很长",                                  6, 0),
    ("[甲]: https://example.com '看不见的题目'\n看得见",                      3, 0),  # a link's definition isn't shown
    ("[注]：这一行看得见",                                                   7, 0),
    ("[没有地址]的括号",                                                     7, 0),
    # repeats within the post
    ("哈哈哈哈哈哈哈哈哈哈",                                                  1, 0),
    ("跑步跑步跑步跑步",                                                     2, 0),
    ("哈哈，我也这样想",                                                     7, 0),  # twice is a way to say it
    ("好 好 好 好 好 好 好 好",                                              1, 0),
    ("chalk chalk chalk chalk chalk",                                        0, 1),
    ("Chalk! chalk, CHALK. chalk",                                          0, 1),
    ("red chalk red chalk red chalk red chalk",                         0, 2),
    ("我下课。我下课！我下课？我下课，我下课；我下课",                             3, 0),
    ("我觉得这个方法很好，" * 12,                                             9, 0),
    ("我觉得这个方法很好 " * 12,                                            13, 0),  # 9, and 4 until it is recognised
    ("我觉得这个方法很好" * 12,                                             13, 0),
    ("This method is really good for my pupils " * 9,                   0, 12),
    # greetings, thanks, praise and good resolutions
    ("老师好！各位老师大家好，很高兴认识大家！",                                0, 0),
    ("听了王老师的讲座，我受益匪浅，今后一定认真学习，不断提高自己。",                8, 0),
    ("感谢王老师的精彩分享，学习了！分数要从分东西讲起。",                           9, 0),
    ("非常赞同，说得太好了，向您学习，加油！",                                   0, 0),
    ("受益匪浅的是她等了二十秒才点名",                                         15, 0),  # says something besides
    ("学习了这节课以后，我把提问减到九个",                                     16, 0),
    ("哪里你不同意",                                                         6, 0),
    ("Thanks for sharing! I learned a lot. Well said, I totally agree.",  0, 0),
    ("Very good point, dear colleagues! Sticks with names work better.",  0, 5),
    ("I agree with the timer",                                            0, 0),
    ("I agree with the timer but not with the stars",                     0, 10),
]  # fmt: skip


@pytest.mark.parametrize(("body", "characters", "words"), OWN)
def test_only_the_authors_own_words_are_measured(body: str, characters: int, words: int) -> None:
    assert measure(own_text(body)) == (characters, words)


def test_an_honest_post_counts_to_the_last_character() -> None:
    assert measure(own_text(HONEST)) == measure(HONEST) == (100, 0)


def test_a_term_named_again_and_again_costs_an_honest_post_little() -> None:
    body = "小组合作学习要分工。我校的小组合作学习常常变成优生独白，所以小组合作学习之前要先独立思考。"
    characters, _ = measure(body)
    assert measure(own_text(body)) == (characters - 2 * 2, 0)


words_of_a_language = st.text(st.characters(categories=("Lu", "Ll", "Lo")), min_size=1, max_size=6)
plain_texts = st.lists(words_of_a_language, max_size=30).map(" ".join)
markdown = st.text(st.sampled_from("我你他学a b\n>`~[]()!*_-#:/.，。\t\"'<&;") | st.characters(), max_size=80)


@given(plain_texts, st.integers(2, 5))
def test_saying_everything_again_adds_nothing(text: str, times: int) -> None:
    assert own_text("\n".join([text] * times)) == own_text(text)


@given(plain_texts, plain_texts)
def test_quoting_adds_nothing(text: str, quoted: str) -> None:
    assert own_text(f"> {quoted}\n\n{text}") == own_text(text)


@given(plain_texts, plain_texts)
def test_code_adds_nothing(text: str, code: str) -> None:
    assert own_text(f"```\n{code}\n```\n{text}") == own_text(text)


@given(plain_texts, st.text("0123456789 +-=%😀🎉，。！", max_size=30))
def test_numbers_signs_and_pictures_add_nothing(text: str, padding: str) -> None:
    assert own_text(f"{text}\n{padding}") == own_text(text)


@given(st.text(st.sampled_from("教学生课堂问题的一是在"), min_size=1, max_size=12), st.integers(3, 40))
def test_a_phrase_repeated_without_a_break_is_worth_little_more_than_itself(phrase: str, times: int) -> None:
    characters, _ = measure(own_text(phrase * times))
    assert characters <= len(phrase) + 4


@given(markdown)
def test_a_post_never_measures_more_than_it_says(body: str) -> None:
    text = own_text(body)
    assert own_text(body) == text
    assert sum(measure(text)) <= sum(measure(text.casefold())) <= len(text)


@example("𐄇")
@example("x𐄇y 三")
@given(markdown)
def test_own_text_holds_nothing_but_words(body: str) -> None:
    # Newer Chinese characters stand in planes that this Python need not know as letters yet.
    assert all(character.isalpha() or character > "\U00020000" or character in " '’-" for character in own_text(body))


# Each made one of the patterns look at the whole rest of the post from every place in it.
HOSTILE = {
    "opened brackets": "[" * 20_000,
    "opened images": "![" * 10_000,
    "opened addresses": "[](" * 6_667,
    "nested addresses": "[a](b(" * 3_333,
    "blank lines": "a" + "\n" * 19_998 + "b",
    "empty quotes": "\n>" * 10_000,
    "unclosed fences": "```\n" * 5_000,
    "one long fence": "`" * 19_999 + "x",
    "fences of two kinds": "```\n~~~\n" * 2_500,
    "definitions": "[a]:\n" * 4_000,
    "a long definition": "[a]: b" + " " * 19_990 + "c",
    "spaces": "a" + " " * 19_998 + "b",
    "addresses": "http://" * 2_857,
    "hyphens": "a-" * 10_000,
    "almost runs": "abcdefabcdeg" * 1_666,
    "almost repeated characters": "学学生" * 6_666,
    "letters that unfold": "ﷺ" * 20_000,
    "marks upon marks": "a" + "\u0301" * 19_999,
    "entities": "&" * 20_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_longest_hostile_post_is_read_to_its_end(body: str) -> None:
    # Where a pattern looks back from every place again, this takes until the suite's limit for one test.
    assert sum(measure(own_text(body))) <= len(body) * len("صلى الله عليه وسلم")
