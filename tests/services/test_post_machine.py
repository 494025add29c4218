"""Whatever authors and tutors do to posts in whatever order: the ledger is what a reckoning from scratch gives."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict
from lms_plugin.domain.programme import DiscussionRule
from lms_plugin.storage.activity import Post
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.session import Database
from tests.builders import NOW
from tests.services.forum import CREDIT_MS, EXTRA_MS, SHORT, TEXTS, open_forum

PER_MODULE, PER_DAY, IN_ALL, MOST_EXCELLENT = 2, 2, 3, 1
RULE = DiscussionRule(
    max_per_module=PER_MODULE,
    max_per_day=PER_DAY,
    max_total=IN_ALL,
    excellent_minutes=5,
    max_excellent=MOST_EXCELLENT,
)
BODIES = (*TEXTS, SHORT)


@dataclass
class Told:
    """A post as the test understands it."""

    id: int
    module: int
    body: str
    counts: bool
    day: datetime
    mark: str = ""
    has_extra: bool = False
    is_gone: bool = False

    @property
    def earns(self) -> bool:
        return self.counts and self.mark != "void" and not self.is_gone

    @property
    def due_ms(self) -> int:
        return (CREDIT_MS + EXTRA_MS * self.has_extra) if self.earns else 0


class Posts(RuleBasedStateMachine):
    """One learner's posts; the database is rolled back after each run."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.database.engine, expire_on_commit=False)
        self.now = NOW
        self.told: list[Told] = []

    @initialize()
    def begin(self) -> None:
        self.forum = open_forum(self.session, RULE)

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    def has_room(self, module: int, day: datetime, without: Told | None = None) -> bool:
        counting = [one for one in self.told if one.earns and one is not without]
        return (
            sum(one.module == module for one in counting) < PER_MODULE
            and sum(one.day == day for one in counting) < PER_DAY
            and len(counting) < IN_ALL
        )

    def counts(self, body: str, module: int, day: datetime, without: Told | None = None) -> bool:
        said = [one.body for one in self.told if one is not without and (not one.is_gone or one.mark == "void")]
        return body != SHORT and body not in said and self.has_room(module, day, without)

    @rule(body=st.sampled_from(BODIES), module=st.integers(0, 1))
    def write(self, body: str, module: int) -> None:
        counts = self.counts(body, module, self.now)
        post_id = self.forum.write(self.session, body, module=module, at=self.now)
        self.told.append(Told(post_id, module, body, counts, self.now))

    @precondition(lambda self: self.told)
    @rule(data=st.data(), body=st.sampled_from(BODIES))
    def edit(self, data: st.DataObject, body: str) -> None:
        one = data.draw(st.sampled_from(self.told))
        if one.is_gone or one.mark == "void":
            try:
                self.forum.edit(self.session, one.id, body, at=self.now)
            except Conflict:
                return
            assert one.body == body
            assert not one.is_gone
            return
        if body != one.body:
            day = one.day if one.counts else self.now
            counts = self.counts(body, one.module, day, without=one)
            one.day = day if counts else one.day
            one.counts, one.body = counts, body
        self.forum.edit(self.session, one.id, body, at=self.now)

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.told))
        self.forum.take_back(self.session, one.id, at=self.now)
        one.is_gone = True

    @precondition(lambda self: self.told)
    @rule(data=st.data(), kind=st.sampled_from(("excellent", "void")))
    def mark(self, data: st.DataObject, kind: str) -> None:
        one = data.draw(st.sampled_from(self.told))
        try:
            self.forum.mark(self.session, one.id, kind, at=self.now)
        except Conflict:
            assert one.is_gone or (one.mark == "void" and kind == "excellent")
            return
        assert not one.is_gone
        if kind == "excellent" and one.mark != "excellent":
            taken = sum(other.has_extra and not other.is_gone for other in self.told)
            one.has_extra = one.earns and taken < MOST_EXCELLENT
        elif kind == "void":
            one.has_extra = False
        one.mark = kind

    @precondition(lambda self: self.told)
    @rule(data=st.data(), kind=st.sampled_from(("excellent", "void")))
    def withdraw(self, data: st.DataObject, kind: str) -> None:
        one = data.draw(st.sampled_from(self.told))
        self.forum.withdraw(self.session, one.id, kind, at=self.now)
        if one.mark != kind:
            return
        if kind == "void" and one.counts and not one.is_gone:
            one.counts = self.has_room(one.module, one.day, without=one)
        one.mark, one.has_extra = "", False

    @rule()
    def sleep(self) -> None:
        self.now += timedelta(days=1)

    @invariant()
    def the_ledger_is_what_a_fresh_reckoning_gives(self) -> None:
        if not hasattr(self, "forum"):
            return
        self.session.flush()
        assert self.forum.credited_ms(self.session) == sum(one.due_ms for one in self.told)
        entered = dict(
            self.session.execute(
                select(CreditEntryRow.source_id, func.sum(CreditEntryRow.amount_ms)).group_by(CreditEntryRow.source_id)
            )
            .tuples()
            .all()
        )
        for one in self.told:
            post = self.session.get_one(Post, one.id)
            assert (post.counts, post.mark, post.taken_back_at is not None) == (one.counts, one.mark, one.is_gone)
            assert entered.get(str(one.id), 0) == one.due_ms

    @invariant()
    def no_cap_is_exceeded(self) -> None:
        counting = [one for one in self.told if one.earns]
        assert len(counting) <= IN_ALL
        assert all(sum(one.module == module for one in counting) <= PER_MODULE for module in (0, 1))
        assert all(sum(one.day == other.day for one in counting) <= PER_DAY for other in counting)
        assert sum(one.has_extra and one.earns for one in self.told) <= MOST_EXCELLENT

    @invariant()
    def no_sum_was_ever_below_nothing(self) -> None:
        total = 0
        query = select(CreditEntryRow.amount_ms).order_by(CreditEntryRow.number)
        for amount_ms in self.session.scalars(query):
            total += amount_ms
            assert total >= 0

    @invariant()
    def the_audit_agrees(self) -> None:
        if hasattr(self, "forum"):
            assert self.forum.audited(self.session) is None


def test_the_ledger_follows_whatever_becomes_of_posts(database: Database) -> None:
    class Here(Posts):
        pass

    Here.database = database
    run_state_machine_as_test(
        Here, settings=hypothesis.settings(max_examples=12, stateful_step_count=18, deadline=None)
    )
