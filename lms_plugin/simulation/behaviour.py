"""How teachers study: the kinds of people there are, drawn from a seed, and how much each does in each week."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A kind of learner, as training offices know them."""

    EARLY = "early"
    """Begins at once and is through before the others."""
    STEADY = "steady"
    """A little every week."""
    LAST_MINUTE = "last_minute"
    """Hardly anything until the last quarter of the time."""
    BAD_LINE = "bad_line"
    """Steady, on a line that loses, repeats and delays what the player reports."""
    DROP_OUT = "drop_out"
    """Stops somewhere on the way; some say so."""


SHARES = {Kind.EARLY: 15, Kind.STEADY: 45, Kind.LAST_MINUTE: 20, Kind.BAD_LINE: 12, Kind.DROP_OUT: 8}
"""Of a hundred learners, so many are of each kind."""

HAVE_A_LINE = 0.3
"""Of those whose line is not bad, so many have one at all where the programme does not ask for it."""

_ATTENDS = {Kind.EARLY: 0.97, Kind.STEADY: 0.95, Kind.LAST_MINUTE: 0.88, Kind.BAD_LINE: 0.94, Kind.DROP_OUT: 0.85}


@dataclass(frozen=True, slots=True)
class Habits:
    """One learner's habits. `stops_at` is the share of the time (0..1) after which nothing more is done, `says_so`
    whether they withdraw then; `zeal` multiplies what is done beyond what is required. Who has no line worth the name
    watches with others, where the programme lets people choose."""

    kind: Kind
    zeal: float
    stops_at: float
    says_so: bool
    has_line: bool = True

    @property
    def attends(self) -> float:
        """The chance to come to a meeting."""
        return _ATTENDS[self.kind]

    def share_by(self, passed: float) -> float:
        """What share of all is done when a share of the time has passed (both 0..1)."""
        passed = min(1.0, passed)
        if self.kind is Kind.EARLY:
            return min(1.0, passed / 0.6)
        if self.kind is Kind.LAST_MINUTE:
            return 0.15 * passed / 0.7 if passed < 0.7 else min(1.0, 0.15 + 0.85 * (passed - 0.7) / 0.27)
        return min(1.0, passed / 0.95)

    def goes_on(self, passed: float) -> bool:
        return passed <= self.stops_at


def draw(chance: random.Random) -> Habits:
    """One learner's habits."""
    kind = chance.choices(list(SHARES), weights=list(SHARES.values()))[0]
    stops_at = chance.uniform(0.05, 0.75) if kind is Kind.DROP_OUT else 2.0
    has_line = kind is Kind.BAD_LINE or chance.random() < HAVE_A_LINE
    return Habits(kind, chance.uniform(1.01, 1.12), stops_at, chance.random() < 0.3, has_line)


def name(chance: random.Random) -> str:
    """A name as teachers have them."""
    return f"{chance.choice(_SURNAMES)}{chance.choice(_GIVEN)}"


def post(chance: random.Random, characters: int) -> str:
    """A post of at least so many Chinese characters, about a class of one's own."""
    grade, pupils = chance.choice(_GRADES), chance.randint(18, 62)
    parts = [f"我教{grade}{chance.choice(_SUBJECTS)}，班上{pupils}个学生。"]
    pool: Sequence[str] = chance.sample(_OBSERVATIONS, len(_OBSERVATIONS))
    for part in pool:
        if sum(map(len, parts)) > characters * 1.3 + 10:
            break
        parts.append(
            part.format(
                minutes=chance.randint(3, 25),
                some=chance.randint(2, pupils // 2),
                thing=chance.choice(_THINGS),
                pupil=chance.choice(_SURNAMES) + chance.choice("明华丽强芳军敏"),
            )
        )
    return "".join(parts)


_SURNAMES = (
    *"王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓",
    *"曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔",
)
_GIVEN = (
    *"伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚",
    *("秀英", "桂英", "建华", "玉兰", "晓红", "志强", "海燕", "文博", "春梅", "国庆", "雪梅", "永福", "淑珍"),
    *("立新", "金花", "少华", "俊峰", "红梅", "卫东", "小玲", "学文", "秋菊", "振华", "慧敏", "向阳", "素芬"),
)
_GRADES = ("一年级", "二年级", "三年级", "四年级", "五年级", "六年级", "七年级", "八年级", "九年级", "高一", "高二")
_SUBJECTS = ("语文", "数学", "英语", "体育", "科学", "物理", "化学", "生物", "历史", "地理", "美术", "音乐")
_THINGS = (
    *("玉米粒", "竹竿", "旧报纸", "磅秤", "石子", "瓶盖", "皮尺"),
    *("粉笔头", "红薯", "毛线", "硬纸板", "水桶", "跳绳"),
)
_OBSERVATIONS = (
    "上周照着课里讲的，先让学生自己说，再动手，结果有{some}个平时不举手的孩子站了起来。",
    "我把讲的时间压到{minutes}分钟，剩下的都给练习，作业里的错少了一多半。",
    "没有教具，就用{thing}代替，孩子们抢着上来摆，摆错了自己会改。",
    "{pupil}算得快，可是说不清为什么，我就让他给同桌讲一遍，两个人都明白了。",
    "课后我翻了{some}本练习，发现同一个错反复出现，问题在我提问太快。",
    "这回我等了{minutes}秒再点名，安静是安静，可答的人真多了。",
    "教室后面坐着{some}个留守的孩子，我把他们分到各组里当记录员，话慢慢多起来。",
    "备课时我先写学生会怎么错，再写我怎么讲，写了{minutes}条，用上的有一半。",
    "用{thing}量完操场，大家争起来该怎么记，这一争比我讲一节课还管用。",
    "校长来听课说我讲得少了，我说孩子做得多了，他看了{some}份作业，点了头。",
    "晚上给家长打电话，不说成绩，只说{pupil}今天问了一个好问题，电话那头停了好一会儿。",
    "下一步想把单元里的{some}个难点排一排，先难后易试一回，看能不能省下{minutes}分钟。",
    "集体备课时同事说这法子在大班行不通，我们就拆成{some}个小组，轮着来，行得通。",
    "最难的是收住，我在课本边上写了“别讲了”，看见一次就停{minutes}秒。",
    "线上课里那位老师板书只有三行，我数了数自己的，有{some}行，这周改到五行。",
    "检查了{some}个人的笔记，能用自己的话写出来的不到三分之一，我打算每课留{minutes}分钟让他们写。",
)
