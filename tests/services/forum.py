"""A class group that discusses: two learners, their tutor, and others; and texts that count."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import MINUTE_MS, DiscussionRule
from lms_plugin.services import auditing, discussion, post_edits, post_marks
from lms_plugin.services.access import Actor
from lms_plugin.storage.activity import Post
from lms_plugin.storage.ledger import ComponentTotal, CreditEntryRow
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow
from tests import builders
from tests.builders import NOW

TEXTS = (
    "上周我带二年级学生到操场量花坛的边，用玉米棒量出来的数各不相同，学生自己提出要用一样长的东西，下一节课我准备换成铅笔再引出厘米，让他们先估后量。",
    "家访时发现小军放学后要照顾妹妹，作业总写不完，我和他奶奶商量把作业分成两段，在校完成一半，两周以后他的书写明显工整，课堂上也敢举手回答问题了。",
    "听写错得最多的是形近字，我让每个小组自己编一句口诀，把偏旁的意思讲清楚，再互相出题考对方，一个月下来全班错误率降了三成，孩子们还编出了小册子。",
    "实验课只有四套器材，我把五十名学生分成观察、操作、记录、汇报四种角色，每十分钟轮换一次，保证人人动手，最后用一张大表汇总各组数据并讨论误差来源。",
    "复式班里三年级与五年级同堂，我先给高年级布置自学提纲，再讲低年级新课，中间用同一个话题连接两个年级，比如雨水的去向，各自写出深浅不同的观察日记。",
    "期中以后我请学生给老师写信，谈哪一节课听不懂、为什么，很多人说板书擦得太快，我便留出半块黑板专门保存要点，并把重点用彩色粉笔框起来方便他们回看。",
)
"""Six posts of one's own words, each long enough and unlike the others."""

SHORT = "学习了"
CREDIT_MS = 15 * MINUTE_MS
EXTRA_MS = 5 * MINUTE_MS
RULE = DiscussionRule(excellent_minutes=5, max_excellent=2)


@dataclass
class Forum:
    """Who is there and where they write; every method works in the session that it is given."""

    users: dict[str, int] = field(default_factory=dict)
    enrolments: dict[str, int] = field(default_factory=dict)
    modules: tuple[int, ...] = ()

    def actor(self, session: Session, name: str) -> Actor:
        return builders.actor_for(session, session.get_one(User, self.users[name]))

    def write(self, session: Session, body: str, *, by: str = "learner", module: int = 0, at: datetime = NOW) -> int:
        actor = self.actor(session, by)
        return discussion.start_thread(session, actor, self.modules[module], title="课堂", body=body, now=at)[1].id

    def edit(self, session: Session, post_id: int, body: str, *, by: str = "learner", at: datetime = NOW) -> Post:
        return post_edits.edit(session, self.actor(session, by), post_id, body=body, now=at)

    def take_back(self, session: Session, post_id: int, *, by: str = "learner", at: datetime = NOW) -> Post:
        return post_edits.take_back(session, self.actor(session, by), post_id, at)

    def mark(
        self,
        session: Session,
        post_id: int,
        kind: str,
        reason: str = "照抄他人",
        *,
        by: str = "tutor",
        at: datetime = NOW,
    ) -> Post:
        return post_marks.mark(session, self.actor(session, by), post_id, kind, reason=reason, now=at)

    def withdraw(
        self,
        session: Session,
        post_id: int,
        kind: str,
        reason: str = "核实无误",
        *,
        by: str = "tutor",
        at: datetime = NOW,
    ) -> Post:
        return post_marks.withdraw(session, self.actor(session, by), post_id, kind, reason=reason, now=at)

    def ledger(self, session: Session, of: str = "learner") -> list[tuple[str, int]]:
        """What its entries were written for (the change, or "post"), in minutes."""
        rows = session.scalars(
            select(CreditEntryRow)
            .where(CreditEntryRow.enrolment_id == self.enrolments[of])
            .order_by(CreditEntryRow.number)
        )
        return [(str(row.detail.get("what", row.source_kind)), row.amount_ms // MINUTE_MS) for row in rows]

    def credited_ms(self, session: Session, of: str = "learner") -> int:
        total = select(func.sum(ComponentTotal.credited_ms)).where(
            ComponentTotal.enrolment_id == self.enrolments[of], ComponentTotal.component_key == "discussion"
        )
        return int(session.scalar(total) or 0)

    def audited(self, session: Session, of: str = "learner") -> str | None:
        session.flush()
        return auditing.first_difference(session, self.users[of])


def open_forum(session: Session, rule: DiscussionRule = RULE, **changes: Any) -> Forum:
    """A programme whose posts count by `rule`, with two class groups and an admin of the learner's county."""
    regions = builders.make_region_tree(session)
    people = {
        "learner": builders.make_user(session, "learner", region=regions.school),
        "mate": builders.make_user(session, "mate", name="陈静", region=regions.school),
        "stranger": builders.make_user(session, "stranger", region=regions.far_school),
        "tutor": builders.make_user(session, "tutor", "tutor", name="李建国"),
        "second-tutor": builders.make_user(session, "second-tutor", "tutor"),
        "other-tutor": builders.make_user(session, "other-tutor", "tutor"),
        "county": builders.make_user(session, "county", "office", scope=regions.county),
    }
    current = builders.publish(session, builders.make_programme(discussion=rule, **changes))
    group = builders.make_class_group(session, current, "一班", people["tutor"], people["second-tutor"])
    second = builders.make_class_group(session, current, "二班", people["other-tutor"])
    enrolled: dict[str, Enrolment] = {
        "learner": builders.enrol(session, people["learner"], current, group=group),
        "mate": builders.enrol(session, people["mate"], current, group=group),
        "stranger": builders.enrol(session, people["stranger"], current, group=second),
    }
    return Forum(
        {name: one.id for name, one in people.items()},
        {name: one.id for name, one in enrolled.items()},
        tuple(session.scalars(select(ModuleRow.id).order_by(ModuleRow.position))),
    )
