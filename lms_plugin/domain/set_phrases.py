"""Greetings, thanks, praise and good resolutions: clauses that could stand under any lesson say nothing of this one.

A clause is a set phrase where something of CORE stands in it and hardly anything is left without the words that keep
such phrases company. One that says something besides keeps all its words: 听您的课受益匪浅 is left out,
受益匪浅的是她等了二十秒 is not.
"""

import re
from functools import lru_cache

CORE_ZH = """
谢谢 感谢 多谢 致谢 鸣谢 谢意 辛苦 费心 点赞 手动赞 致敬 抱拳 大家好 老师好 老师们好 您好 你好 大家早 早上好 下午好
晚上好 报到 签到 打卡 路过 顶 沙发 板凳 前排 围观 留名 占座 支持 认识大家 认识各位 很荣幸 关照 指教 赐教 批评指正
抛砖引玉 我来说两句 一点浅见 一点拙见 我的一点想法 以上就是 我来自 我是来自 学习了 学习一下 认真学习 努力学习
好好学习 继续学习 不断学习 继续努力 不懈努力 共同学习 一起学习 互相学习 相互学习 学习无止境 学无止境 向您学习
向你学习 向大家学习 向各位 向老师学习 学以致用 活到老 学到老 提高自己 充实自己 完善自己 提升自己 不断进步 不断提高
共同进步 共同提高 共同成长 一起进步 一起努力 一起成长 共勉 学到了很多 学到很多 学到了不少 学到的知识 开阔了眼界
开阔了视野 拓宽了视野 更新了观念 更新了理念 转变了观念 受益匪浅 获益匪浅 受益良多 获益良多 受益颇多 受益非浅
受益终身 收获满满 收获很大 收获颇丰 收获良多 收获颇多 收获很多 有收获 有启发 受启发 有帮助 有意义 有价值 有道理
有水平 有高度 有深度 有见地 有借鉴 有感触 感触很深 感触颇深 感受颇深 感慨万千 感慨颇多 深有体会 茅塞顿开 豁然开朗
耳目一新 醍醐灌顶 干货满满 深入浅出 通俗易懂 生动有趣 引人入胜 听君一席话 胜读十年书 百听不厌 高屋建瓴 如沐春风
回味无穷 津津有味 精神盛宴 条理清晰 重点突出 指明了方向 不忘初心 砥砺前行 路漫漫其修远兮 吾将上下而求索
一棵树摇动另一棵树 一朵云推动另一朵云 以此次培训为契机 好老师 相互切磋 携手 初次见面 多多包涵 包涵 值得学习
值得我们学习 值得我学习 值得大家学习 值得借鉴 值得我们借鉴 值得推广 值得反复 值得收藏 值得深思 值得一看 赞同 同意
认同 同感 英雄所见略同 说得对 说得好 说得是 说得太 说得非常 说的对 说的好 说的是 讲得好 讲得真 讲得太 讲得非常
讲的好 讲的真 写得好 写得真 写得太 写的好 写的真 太好了 太棒了 太精彩 真棒 真好 很好 非常好 很棒 棒棒 赞赞 好极了
不错 给力 厉害 精彩 实用 生动 透彻 独到 到位 精辟 字字珠玑 句句在理 心坎 拜读 收藏 转发 楼主 楼上 好帖 好文 佩服
加油 祝大家 祝愿 祝福 祝您 祝各位 工作顺利 身体健康 万事如意 一生平安 阖家幸福 心想事成 期待您 期待更多 期待与
期待下 敬请期待 珍惜 积极参与 积极参加 按时完成 认真听 认真观看 认真聆听 认真完成 深刻领会 运用到今后 运用到以后
用到今后 用到教学 合格的人民教师 合格的教师 优秀的教师
"""
COMPANY_ZH = """
各位 大家 我们 咱们 你们 我 您 你 老师们 老师 教师 专家们 专家 教授 同行 同学们 同学 学员 朋友们 朋友 同事们 同事
班主任 辅导 主办方 领导 国培 的 地 得 了 着 过 很 非常 十分 特别 真的 真是 真 实在 太 更 最 都 也 又 还 就 再 只 才
好 大 多 多么 那么 这么 无比 极其 深深 衷心 由衷 再次 一定 必将 必定 定 这样 那样 这次 本次 此次 今天 今后 以后 未来
日后 每次 这个 那个 这些 一下 一次 一个 一名 一位 一起 共同 继续 不断 努力 认真 积极 和 与 跟 同 及 对 在 向 给 为
让 使 令 把 将 被 从 到 中 里 去 来 上 下 参加 参与 听 听了 听完 看 看了 看完 观看 学习 学完 通过 经过 感到 觉得
感觉 希望 能 能够 可以 会 要 应该 需要 请 是 有 们 做 成为 培训 研修 课程 课 讲座 讲课 讲解 讲授 讲述 视频 分享 发言
帖子 观点 看法 分析 意见 见解 内容 平台 机会 付出 教诲 指导 知识 工作 教学 自己 进步 成长 提供 带来 许多 很多 不少
更多 说 讲 写 认识 高兴 荣幸 愉快 日子 时间 句 两 几
"""
CORE_EN = r"""
thanks? | thank you | thank | grateful | cheers | salute | applause | congratulations | hello | hi | dear
greetings | welcome | good (?:morning|afternoon|evening|day|luck|night)
(?:nice|glad|pleased|happy) to (?:meet|join|be) | my name is | best wishes | all the best | checking in | passing by
bump | well (?:said|done|written|put) | good (?:job|work|point|post|one) | bravo | thumbs up | hats off | a pleasure
(?:marvellous|great|fine) job | every minute | fruitful | keep (?:it up|going|on|up) | come on | let's go
you can do it | we can do it | agree | agreed | couldn't agree more | so true | true | same here | same feeling
(?:feel|think) (?:exactly )?the same | same | learn(?:ed|t)? (?:a lot|so much|much|many things|something)
benefit(?:ed|ted)? | gain(?:ed)? (?:a lot|much|so much) | broadened | updated my | study hard | work(?:ing)? hard
hard work | improve (?:myself|ourselves) | make progress | learn together | learning never ends | cherish
listen carefully | active part | on time | watched the video | use what | look(?:ing)? forward | hope | honou?r
deeply (?:impressed|moved) | inspired | said what | humble thoughts | let me say | my experience so far
what do you (?:all )?think | excellent | brilliant | fantastic | awesome | superb | outstanding | wonderful
marvell?ous | perfect | amazing | great | good | nice | cool | super | lovely | beautiful | splendid | terrific
incredible | wow | helpful | useful | interesting | inspiring | impressive | valuable | unique | deep | meaningful
vivid
"""
"""Patterns, on their lines and between bars."""
COMPANY_EN = """
a an the this that these those i me my mine we us our you your he she it its they them their all everyone everybody
anybody each other both one ones who what which am is are was were be been being have has had do does did will would
shall should can could may might must let let's not never no of to for from in on at with by as and or but so than
then too very much many more most lot lots some any such really truly absolutely totally completely fully extremely
quite just only also again always today now here there way together indeed deeply carefully sincerely how next
teacher teachers tutor tutors expert experts professor colleague colleagues friend friends classmate classmates
organiser organisers team training course courses lecture lectures lesson lessons class video post posts sharing
share shared opinion view views idea ideas analysis point points word words work thing things opportunity chance
platform time knowledge study learn learned reading read listen hear say said wanted want feel felt think take took
join part full
"""
LEFT_OVER = 1
LONGEST = 60
"""No set phrase has more words or characters."""
_BETWEEN = re.compile(r" \| ")
_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def _any_of(phrases: list[str]) -> str:
    """A pattern of phrases, longest first, those with the same first sign together: most are never tried."""
    by_first: dict[str, list[str]] = {}
    for phrase in sorted(phrases, key=len, reverse=True):
        by_first.setdefault(phrase[:1], []).append(re.escape(phrase[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rests)})" for first, rests in by_first.items())


_PATTERNS_EN = [part.strip() for line in CORE_EN.splitlines() for part in _BETWEEN.split(line) if part.strip()]
_CORE_EN = re.compile(rf"\b(?:{'|'.join(_PATTERNS_EN)})\b")
_CORE_ZH = CORE_ZH.split()
_COMPANY_ZH = re.compile(_any_of(COMPANY_ZH.split()))
_COMPANY_EN = frozenset(COMPANY_EN.split())
_LATIN = re.compile("[a-z]")


def is_set_phrase(clause: str, also: tuple[str, ...]) -> bool:
    """Whether a clause of at most `LONGEST` words says nothing but set phrases; `also` are further ones."""
    rest, found = _core(also).subn(" ", clause)
    if _LATIN.search(rest):
        rest, found_too = _CORE_EN.subn(" ", rest)
        found += found_too
    if not found:
        return False
    rest = _COMPANY_ZH.sub(" ", rest)
    left = sum(len(_CJK.findall(word)) or word not in _COMPANY_EN for word in rest.split())
    return left <= LEFT_OVER


@lru_cache(maxsize=64)
def _core(also: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_any_of([*also, *_CORE_ZH]))
