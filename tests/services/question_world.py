"""Two class groups of one programme with their learners and tutors, and what they do with questions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Refusal
from lms_plugin.services import questions, questions_answering, questions_faq, questions_list, questions_queue
from lms_plugin.services.access import Actor
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup
from lms_plugin.storage.questions import Question
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW

LATER = NOW + timedelta(hours=1)
HOW = "三位数乘两位数的竖式，学生总是忘记进位怎么办？"
ALIKE = "三位数乘两位数，学生总是忘记进位怎么办呢？"
PEOPLE = ("asker", "mate", "stranger", "tutor", "other-tutor", "office", "far")


@dataclass
class World:
    """`asker` and `mate` are of the first class group (of `tutor`), `stranger` of the second (of `other-tutor`)."""

    database: Database
    users: dict[str, int] = field(default_factory=dict)
    enrolments: dict[str, int] = field(default_factory=dict)
    modules: dict[str, int] = field(default_factory=dict)
    sent: int = 0

    def actor(self, session: Session, name: str) -> Actor:
        return builders.actor_for(session, session.get_one(User, self.users[name]))

    def ask(
        self,
        by: str = "asker",
        body: str = HOW,
        *,
        module: str = "reading",
        at_seconds: int | None = None,
        is_private: bool = False,
        asked_as: str | None = None,
        now: datetime = NOW,
    ) -> int:
        self.sent += 1
        name = asked_as or f"question {self.sent}"
        with self.database.writing() as session:
            return questions.ask(
                session,
                self.actor(session, by),
                self.modules[module],
                body=body,
                at_seconds=at_seconds,
                is_private=is_private,
                asked_as=name,
                now=now,
            ).id

    def reply(self, question: int, by: str = "asker", body: str = "还有一点不明白。", now: datetime = LATER) -> int:
        with self.database.writing() as session:
            return questions.reply(session, self.actor(session, by), question, body=body, now=now).id

    def answer(
        self,
        question: int,
        by: str = "tutor",
        body: str = "先口算个位，再把进位写小。",
        *,
        also: Sequence[int] = (),
        now: datetime = LATER,
    ) -> int:
        with self.database.writing() as session:
            actor = self.actor(session, by)
            return questions_answering.answer(session, actor, question, body=body, also=also, now=now).id

    def mark(self, question: int, reply: int, by: str = "tutor", now: datetime = LATER) -> None:
        with self.database.writing() as session:
            questions_answering.mark(session, self.actor(session, by), question, reply, now)

    def merge(self, into: int, *others: int, by: str = "tutor", now: datetime = LATER) -> None:
        with self.database.writing() as session:
            questions_answering.merge(session, self.actor(session, by), into, others, now)

    def promote(
        self, question: int, by: str = "tutor", text: str = "忘记进位怎么办？", answer: str = "把进位写小。"
    ) -> int:
        with self.database.writing() as session:
            actor = self.actor(session, by)
            return questions_faq.promote(session, actor, question, question=text, answer=answer, now=LATER).id

    def withdraw(self, entry: int, by: str = "tutor", now: datetime = LATER) -> None:
        with self.database.writing() as session:
            questions_faq.withdraw(session, self.actor(session, by), entry, now)

    def read(self, question: int, by: str = "asker") -> questions_list.ShownQuestion:
        with self.database.reading() as session:
            return questions_list.shown(session, self.actor(session, by), question)[0]

    def seen(self, by: str = "asker", module: str = "reading") -> list[int]:
        with self.database.reading() as session:
            found = questions_list.of_module(session, self.actor(session, by), self.modules[module])
            return [one.row.id for one in found]

    def queue(self, by: str = "tutor", now: datetime = LATER, **filters: int) -> list[int]:
        with self.database.reading() as session:
            found = questions_queue.open_questions(session, self.actor(session, by), now, **filters)
            return [one.listed.row.id for one in found]

    def state(self, question: int) -> str:
        with self.database.reading() as session:
            return session.get_one(Question, question).state

    def told(self, name: str) -> list[tuple[str, str]]:
        """(kind, address) of a person's notices."""
        with self.database.reading() as session:
            rows = session.scalars(select(Notice).where(Notice.user_id == self.users[name]).order_by(Notice.id))
            return [(one.kind, one.address) for one in rows]

    def own_page(self, name: str, question: int) -> str:
        return f"/enrolments/{self.enrolments[name]}/questions/{question}"


def make_world(database: Database) -> World:
    found = World(database)
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        people = {
            name: builders.make_user(session, name, *roles, name=full, region=regions.school, scope=scope)
            for name, full, roles, scope in (
                ("asker", "王丽", (), None),
                ("mate", "张小梅", (), None),
                ("stranger", "陈静", (), None),
                ("alone", "孙悦", (), None),
                ("tutor", "李建国", ("tutor",), None),
                ("other-tutor", "周敏", ("tutor",), None),
                ("office", "项目管理办公室", ("office",), None),
                ("far", "武都区教育局", ("office",), regions.far_county),
            )
        }
        found.users = {name: one.id for name, one in people.items()}
        current = builders.publish(session)
        group = builders.make_class_group(session, current, "一班", people["tutor"])
        other = builders.make_class_group(session, current, "二班", people["other-tutor"])
        places: list[tuple[str, ClassGroup | None]] = [
            ("asker", group),
            ("mate", group),
            ("stranger", other),
            ("alone", None),
        ]
        for name, place in places:
            found.enrolments[name] = builders.enrol(session, people[name], current, group=place).id
        for key in ("reading", "teaching"):
            found.modules[key] = builders.video_of(session, current, key).module_id
    return found


def outcome(action: Callable[[], object]) -> str:
    """What became of it: ok, or the code of the refusal (missing for what one may not know of)."""
    try:
        action()
    except Refusal as refusal:
        return "missing" if refusal.kind == "missing" else refusal.code
    return "ok"
