"""How teachers study: the kinds of people there are, drawn from a seed, and how much each does in each week."""

import random
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
    """A post of at least so many Chinese characters, about a class of one's own.

    Drawn word by word, so that hardly any are variations of one text: such ones would not count.
    """
    parts = [f"我教{chance.choice(_GRADES)}{chance.choice(_SUBJECTS)}，"]
    while sum(map(len, parts)) <= characters * 1.3 + 10:
        nouns = chance.sample(_NOUNS, 4)
        verbs = chance.sample(_VERBS, 3)
        parts.append(
            chance.choice(_SENTENCES).format(
                when=chance.choice(_WHEN), who=chance.choice(_WHO), n=nouns, v=verbs, how=chance.choice(_HOW)
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
_SENTENCES = (
    "{when}{who}{v[0]}{n[0]}，{v[1]}到{n[1]}才{how}。",
    "{when}拿{n[0]}{v[0]}{n[1]}，{who}{how}。",
    "{who}把{n[0]}{v[0]}成{n[1]}，{when}{v[1]}{n[2]}。",
    "先{v[0]}{n[0]}，再{v[1]}{n[1]}，{who}{how}。",
    "{n[0]}怎么{v[0]}，{who}{when}{v[1]}{n[1]}{how}。",
    "从{n[0]}讲到{n[1]}，{when}{who}{v[0]}{n[2]}。",
    "{who}不肯{v[0]}{n[0]}，换{n[1]}{v[1]}，{how}。",
    "{when}没有{n[0]}，用{n[1]}{v[0]}{n[2]}，{how}。",
    "原想{v[0]}{n[0]}，{who}却{v[1]}{n[1]}，{how}。",
    "{n[0]}旁边放{n[1]}，{when}{v[0]}，{who}{v[1]}{n[2]}。",
)
_WHEN = (
    *("早读", "晨会", "午休前", "放学路上", "雨天", "期中以后", "开学头一周", "赶集那天", "停电那晚", "课间"),
    *("周一", "周三下午", "秋收时", "霜降前后", "下雪那周", "第二节", "自习课", "大扫除后", "春游回来"),
    *("复习阶段", "公开课上", "家长会前", "临放学", "天刚亮"),
)
_WHO = (
    *("后排男生", "小组长", "转学生", "值日生", "双胞胎", "课代表", "大孩子", "新来的女孩", "班长", "左撇子"),
    *("胆小的", "爱插嘴的", "住校生", "村东头几个", "姐妹俩", "记录员", "最矮的", "常请假的", "搭班老师"),
    *("实习老师", "老校长", "食堂师傅", "他爷爷", "邻班同学"),
)
_HOW = (
    *("笑出了声", "想通了", "争红了脸", "安静下来", "不再抢答", "举起了手", "改了三遍", "写满一页", "说不下去"),
    *("换了办法", "愿意再试", "记住了", "慢慢会了", "反倒糊涂", "各有主张", "互相纠正", "点头称是", "忘了下课"),
    *("主动擦掉", "另起一行", "吃了一惊", "讲清了理由", "省下十分钟", "没人走神"),
)
_VERBS = (
    *("量", "画", "称", "数", "记", "改写", "比较", "拆开", "拼接", "猜测", "抄写", "朗读", "表演", "追问"),
    *("折叠", "剪贴", "种下", "观察", "估计", "排列", "测试", "搬运", "描述", "计算", "核对", "涂色", "辨认"),
    *("翻译", "背诵", "提炼", "归类", "示范", "模仿", "推敲", "标注", "交换", "挑选", "补充", "省略", "复述"),
    *("检验", "对照", "编排", "串联", "删减", "放大", "缩小", "平分", "称赞", "质疑", "点评", "誊写"),
)
_NOUNS = (
    *("影子", "课桌", "水渠", "玉米", "账本", "门票", "车票", "钟表", "竹筒", "石磨", "菜地", "路牌", "粉笔"),
    *("挂图", "算盘", "秤砣", "麻绳", "瓶盖", "皮尺", "红薯", "毛线", "纸板", "水桶", "跳绳", "镜子", "蜡烛"),
    *("磁铁", "风筝", "蚕茧", "豆芽", "雨量", "地图", "信封", "邮票", "菜谱", "药盒", "电池", "灯泡", "齿轮"),
    *("杠杆", "斜坡", "蛋壳", "树叶", "年轮", "蚂蚁", "燕窝", "渔网", "斗笠", "草鞋", "窗花", "灯笼", "鼓点"),
    *("口哨", "竹笛", "谚语", "谜语", "童谣", "家书", "族谱", "碑文", "县志", "老照片", "日历", "节气", "集市"),
    *("渡口", "梯田", "古桥", "分数", "小数", "比例", "周长", "面积", "体积", "角度", "方程", "坐标", "图表"),
    *("平均数", "概率", "单位", "余数", "倍数", "时态", "音标", "词根", "段落", "标点", "比喻", "对话", "提纲"),
    *("结尾", "题目", "批注", "错别字", "读后感", "实验单", "观察表", "错题", "练习册", "座位表", "课堂笔记"),
)
