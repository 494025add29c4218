"""Marks, edits and taking back: who may, what the ledger enters, who is told, and the audit of it; on both stores."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.modes import WeeklyPace
from lms_plugin.domain.programme import MINUTE_MS, Component, ComponentKind, Text
from lms_plugin.services import catalogue, discussion, disputes, entry_evidence, explaining, post_history, posts_to_mark
from lms_plugin.storage.activity import Post, PostChange
from lms_plugin.storage.ledger import ComponentWeek, CreditEntryRow
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.services.forum import RULE, SHORT, TEXTS, Forum, open_forum

LATER = NOW + timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One transaction that is rolled back: nothing here looks at it from outside."""
    with database.reading() as opened:
        yield opened


@pytest.fixture
def forum(session: Session) -> Forum:
    return open_forum(session)


def answer(action: Callable[[], object]) -> str:
    """What became of it: ok, or the code of the refusal."""
    try:
        action()
    except Refusal as refusal:
        return refusal.code
    return "ok"


# --- who may ----------------------------------------------------------------------------------------------------------

# mark, withdraw, edit, take back, read the history
RIGHTS = {
    "learner":      ("not_allowed", "not_allowed", "ok",        "ok",        "ok"),
    "mate":         ("not_allowed", "not_allowed", "not_found", "not_found", "not_found"),
    "stranger":     ("not_allowed", "not_allowed", "not_found", "not_found", "not_found"),
    "tutor":        ("ok",          "ok",          "not_found", "not_found", "ok"),
    "second-tutor": ("ok",          "ok",          "not_found", "not_found", "ok"),
    "other-tutor":  ("not_found",   "not_found",   "not_found", "not_found", "not_found"),
    "county":       ("not_allowed", "not_allowed", "not_found", "not_found", "not_found"),
}  # fmt: skip


@pytest.mark.parametrize("who", RIGHTS)
def test_who_may_do_what(session: Session, forum: Forum, who: str) -> None:
    post = forum.write(session, TEXTS[0])
    assert (
        answer(lambda: forum.mark(session, post, "excellent", by=who)),
        answer(lambda: forum.withdraw(session, post, "excellent", by=who)),
        answer(lambda: forum.edit(session, post, TEXTS[1], by=who)),
        answer(lambda: forum.take_back(session, post, by=who)),
        answer(lambda: post_history.read(session, forum.actor(session, who), post)),
    ) == RIGHTS[who]


def test_nobody_marks_their_own_post_nor_a_tutors(session: Session, forum: Forum) -> None:
    learner = forum.actor(session, "learner")
    post = forum.write(session, TEXTS[0])
    group = session.get_one(Enrolment, forum.enrolments["learner"]).class_group_id
    session.execute(
        text("INSERT INTO class_group_tutors (class_group_id, user_id) VALUES (:group, :user)"),
        {"group": group, "user": learner.user_id},
    )
    session.execute(text("INSERT INTO role_grants (user_id, role) VALUES (:user, 'tutor')"), {"user": learner.user_id})
    assert answer(lambda: forum.mark(session, post, "excellent", by="learner")) == "post_own"
    thread = session.get_one(Post, post).thread_id
    tutors = discussion.reply(
        session, forum.actor(session, "tutor"), thread, body=TEXTS[1], reply_to_id=post, now=NOW
    ).id
    assert answer(lambda: forum.mark(session, tutors, "void", by="second-tutor")) == "not_found"


def test_who_tutors_the_learner_by_now_marks_the_post(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    moved = session.get_one(Enrolment, forum.enrolments["learner"])
    moved.class_group_id = session.scalars(select(ClassGroup.id).where(ClassGroup.name == "二班")).one()
    session.flush()
    assert answer(lambda: forum.mark(session, post, "void", by="tutor")) == "not_found"
    assert answer(lambda: forum.mark(session, post, "void", by="other-tutor")) == "ok"


@pytest.mark.parametrize(
    ("kind", "reason", "code"),
    [
        ("void", " ", "reason_needed"),
        ("void", "x" * 501, "reason_too_long"),
        ("excellent", "x" * 501, "reason_too_long"),
        ("excellent", "", "ok"),
        ("brilliant", "r", "mark_unknown"),
        ("", "r", "mark_unknown"),
    ],
)
def test_what_a_mark_needs(session: Session, forum: Forum, kind: str, reason: str, code: str) -> None:
    post = forum.write(session, TEXTS[0])
    assert answer(lambda: forum.mark(session, post, kind, reason)) == code
    if code == "ok":
        assert answer(lambda: forum.withdraw(session, post, kind, " ")) == "reason_needed"


# --- what the ledger enters -------------------------------------------------------------------------------------------


def test_a_void_takes_the_credit_and_lifting_it_gives_it_back(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    before = session.scalars(select(CreditEntryRow.hash)).all()
    for _ in range(2):
        forum.mark(session, post, "void", "照抄网文", at=LATER)
    for _ in range(2):
        forum.withdraw(session, post, "void", "出处系本人博客", at=TOMORROW)
    assert forum.ledger(session) == [("post", 15), ("void", -15), ("void_lifted", 15)]
    rows = session.scalars(select(CreditEntryRow).order_by(CreditEntryRow.number)).all()
    assert [rows[0].hash] == before
    assert [(row.decided_by_id, row.detail["reason"], row.detail["on"]) for row in rows[1:]] == [
        (forum.users["tutor"], "照抄网文", "2026-11-24"),
        (forum.users["tutor"], "出处系本人博客", "2026-11-24"),
    ]
    assert forum.audited(session) is None


def test_excellence_earns_more_up_to_its_limit_and_is_withdrawn(session: Session, forum: Forum) -> None:
    current = [forum.write(session, TEXTS[at], module=at % 2) for at in range(3)]
    for post in current * 2:
        forum.mark(session, post, "excellent", "")
    assert forum.ledger(session)[3:] == [("excellent", 5), ("excellent", 5)]
    forum.withdraw(session, current[0], "excellent")
    forum.withdraw(session, current[2], "excellent")
    forum.mark(session, current[2], "excellent", "")
    assert forum.ledger(session)[5:] == [("excellent_withdrawn", -5), ("excellent", 5)]
    assert forum.credited_ms(session) == (3 * 15 + 2 * 5) * MINUTE_MS
    assert forum.audited(session) is None


def test_excellence_is_an_honour_where_the_programme_gives_nothing_for_it_or_the_post_does_not_count(
    session: Session, forum: Forum
) -> None:
    post = forum.write(session, SHORT)
    assert forum.mark(session, post, "excellent", "").mark == "excellent"
    assert forum.ledger(session) == []
    builders.publish(session, builders.make_programme(discussion=replace(RULE, excellent_minutes=0)), now=LATER)
    counting = forum.write(session, TEXTS[0], at=LATER)
    assert forum.mark(session, counting, "excellent", "", at=LATER).extra_ms == 0
    assert forum.ledger(session) == [("post", 15)]
    assert forum.audited(session) is None


def test_a_void_ends_the_mark_of_excellence_and_both_never_stand(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    forum.mark(session, post, "excellent", "")
    assert forum.mark(session, post, "void").mark == "void"
    assert answer(lambda: forum.mark(session, post, "excellent", "")) == "post_is_void"
    forum.withdraw(session, post, "excellent")
    assert forum.withdraw(session, post, "void").mark == ""
    assert forum.ledger(session) == [("post", 15), ("excellent", 5), ("void", -20), ("void_lifted", 15)]
    assert forum.audited(session) is None


def test_a_post_is_judged_anew_when_it_is_edited(session: Session, forum: Forum) -> None:
    post = forum.write(session, SHORT)
    forum.edit(session, post, TEXTS[0], at=LATER)
    forum.edit(session, post, TEXTS[0], at=LATER)
    forum.edit(session, post, TEXTS[1], at=LATER)
    forum.edit(session, post, SHORT, at=TOMORROW)
    assert forum.ledger(session) == [("edited", 15), ("edited", -15)]
    found = post_history.read(session, forum.actor(session, "learner"), post)
    assert [one.body for one in found.versions] == [SHORT, TEXTS[0], TEXTS[1], SHORT]
    assert [one.judgement.counts for one in found.versions] == [False, True, True, False]
    assert [(one.kind, one.by) for one in found.events] == [("edited", "王丽")] * 3
    assert forum.audited(session) is None


def test_an_edit_cannot_repeat_another_post_nor_what_was_made_void(session: Session, forum: Forum) -> None:
    first, second = forum.write(session, TEXTS[0]), forum.write(session, TEXTS[1], module=1)
    assert not forum.edit(session, first, TEXTS[1], at=LATER).counts
    forum.mark(session, second, "void", at=LATER)
    forum.take_back(session, second, at=LATER)
    assert not forum.edit(session, first, TEXTS[1] + "好", at=LATER).counts
    assert forum.edit(session, first, TEXTS[2], at=LATER).counts
    assert forum.audited(session) is None


def test_what_was_taken_back_can_be_said_again_and_earns_once(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    for _ in range(2):
        forum.take_back(session, post, at=LATER)
    forum.write(session, TEXTS[0], module=1, at=LATER)
    assert forum.ledger(session) == [("post", 15), ("taken_back", -15), ("post", 15)]
    assert forum.audited(session) is None


@pytest.mark.parametrize(("how", "code"), [("void", "post_is_void"), ("taken_back", "post_taken_back")])
def test_what_is_void_or_taken_back_stays_as_it_is(session: Session, forum: Forum, how: str, code: str) -> None:
    post = forum.write(session, TEXTS[0])
    if how == "void":
        forum.mark(session, post, "void")
    else:
        forum.take_back(session, post)
    assert answer(lambda: forum.edit(session, post, TEXTS[1])) == code
    assert answer(lambda: forum.mark(session, post, "excellent")) == code


def test_edits_have_their_time(session: Session, forum: Forum) -> None:
    builders.publish(session, builders.make_programme(discussion=replace(RULE, edit_within_hours=2)))
    post = forum.write(session, TEXTS[0])
    assert answer(lambda: forum.edit(session, post, TEXTS[1], at=NOW + timedelta(minutes=119))) == "ok"
    assert answer(lambda: forum.edit(session, post, TEXTS[2], at=NOW + timedelta(hours=2))) == "edit_time_over"
    assert answer(lambda: forum.edit(session, post, " ", at=NOW)) == "body_missing"
    assert answer(lambda: forum.take_back(session, post, at=NOW + timedelta(days=200))) == "ok"


def test_who_has_withdrawn_changes_nothing_and_is_given_nothing_more(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    session.get_one(Enrolment, forum.enrolments["learner"]).state = "withdrawn"
    session.flush()
    assert answer(lambda: forum.edit(session, post, TEXTS[1])) == "enrolment_withdrawn"
    assert answer(lambda: forum.take_back(session, post)) == "enrolment_withdrawn"
    assert forum.mark(session, post, "excellent", "").extra_ms == 0
    forum.mark(session, post, "void")
    assert forum.ledger(session) == [("post", 15), ("void", -15)]
    assert forum.audited(session) is None


def test_a_tutors_own_post_is_edited_and_taken_back_without_credit(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0], by="tutor")
    forum.edit(session, post, TEXTS[1], by="tutor", at=NOW + timedelta(days=200))
    assert forum.take_back(session, post, by="tutor").taken_back_at is not None
    assert session.scalars(select(CreditEntryRow)).all() == []


# --- caps -------------------------------------------------------------------------------------------------------------


def test_a_void_frees_a_place_for_what_comes_after_and_lifting_it_exceeds_no_cap(
    session: Session, forum: Forum
) -> None:
    first, second, third = (forum.write(session, TEXTS[at]) for at in range(3))
    assert not session.get_one(Post, third).counts  # two of a module
    forum.mark(session, first, "void", at=LATER)
    assert not session.get_one(Post, third).counts
    assert forum.edit(session, third, TEXTS[2] + "补充一句新的体会。", at=LATER).counts
    lifted = forum.withdraw(session, first, "void", at=TOMORROW)
    assert (lifted.counts, lifted.judgement["reason"]) == (False, "module_cap")
    assert forum.credited_ms(session) == 2 * 15 * MINUTE_MS
    forum.take_back(session, second, at=TOMORROW)
    assert forum.edit(session, first, TEXTS[0] + "再改一次措辞。", at=TOMORROW).counts
    assert forum.audited(session) is None


def test_mending_a_slip_takes_no_place_of_another_day(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    for at in (1, 2, 3):
        forum.write(session, TEXTS[at], module=at % 2, at=TOMORROW)
    blank = forum.write(session, SHORT, module=1)
    assert forum.edit(session, post, TEXTS[0] + "（改错字）", at=TOMORROW).counts
    edited = forum.edit(session, blank, TEXTS[4], at=TOMORROW)
    assert (edited.counts, edited.judgement["reason"]) == (False, "module_cap")
    assert forum.audited(session) is None


def test_a_week_gives_back_what_it_had(session: Session) -> None:
    paced = Component(
        "discussion", ComponentKind.DISCUSSION, Text("研讨", "Discussion"), Decimal(1), pace=WeeklyPace(Decimal(1), 4)
    )
    forum = open_forum(session, components=(builders.make_programme().components[0], paced))
    post = forum.write(session, TEXTS[0])
    forum.mark(session, post, "void", at=NOW + timedelta(days=9))
    session.flush()
    assert [(week.week_on.isoformat(), week.credited_ms) for week in session.scalars(select(ComponentWeek))] == [
        ("2026-11-23", 0)
    ]
    assert forum.audited(session) is None


def test_what_a_decision_took_is_not_taken_again(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    learner, tutor, county = (forum.actor(session, name) for name in ("learner", "tutor", "county"))
    enrolment_id = forum.enrolments["learner"]
    row = disputes.dispute_entry(session, learner, enrolment_id, 1, account="多记了", now=NOW)
    disputes.propose(session, tutor, row.id, minutes=-10, reason="属实", now=NOW)
    disputes.accept(session, county, row.id, minutes=-10, reason="同意", now=NOW)
    forum.mark(session, post, "void", at=LATER)
    assert forum.credited_ms(session) == 0
    assert forum.audited(session) is None
    forum.withdraw(session, post, "void", at=TOMORROW)
    assert forum.credited_ms(session) == 5 * MINUTE_MS
    assert forum.audited(session) is None


@pytest.mark.parametrize("are_edits", [False, True])
def test_the_first_posts_of_all_at_the_same_moment_do_not_pass_a_cap_together(
    database: Database, are_edits: bool
) -> None:
    """Nothing was entered for the learner before, so that there is no head of a ledger to wait at."""
    with database.writing() as session:
        forum = open_forum(session, replace(RULE, max_per_module=1))
        blanks = [forum.write(session, SHORT) for _ in TEXTS] if are_edits else []
    together = threading.Barrier(len(TEXTS), timeout=60)

    def write(number: int) -> bool:
        def work(store: Session) -> bool:
            if are_edits:
                return forum.edit(store, blanks[number], TEXTS[number], at=LATER).counts
            return store.get_one(Post, forum.write(store, TEXTS[number], at=LATER)).counts

        together.wait()
        return database.transact(work)

    with ThreadPoolExecutor(len(TEXTS)) as pool:
        assert sorted(pool.map(write, range(len(TEXTS)))) == [False] * (len(TEXTS) - 1) + [True]
    with database.reading() as session:
        assert forum.credited_ms(session) == 15 * MINUTE_MS
        assert forum.audited(session) is None


def test_two_edits_at_the_same_moment_do_not_both_pass_a_cap(database: Database) -> None:
    with database.writing() as session:
        forum = open_forum(session, replace(RULE, max_per_module=2, max_per_day=2))
        forum.write(session, TEXTS[0])
        blanks = [forum.write(session, SHORT) for _ in range(2)]

    def edit(number: int) -> bool:
        return database.transact(lambda store: forum.edit(store, blanks[number], TEXTS[number + 1], at=LATER).counts)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(edit, range(2))) == [False, True]
    with database.reading() as session:
        assert forum.credited_ms(session) == 30 * MINUTE_MS
        assert forum.audited(session) is None


def test_two_tutors_at_the_same_moment_take_the_credit_once(database: Database) -> None:
    with database.writing() as session:
        forum = open_forum(session)
        post = forum.write(session, TEXTS[0])

    def void(who: str) -> str:
        return database.transact(lambda store: forum.mark(store, post, "void", by=who, at=LATER).mark)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(void, ("tutor", "second-tutor"))) == ["void", "void"]
    with database.reading() as session:
        assert forum.ledger(session) == [("post", 15), ("void", -15)]
        assert forum.audited(session) is None


# --- who is told, and what is shown -----------------------------------------------------------------------------------


def test_the_author_is_told_with_the_reason_and_led_to_the_entry(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    forum.mark(session, post, "void", "照抄网文", at=LATER)
    forum.withdraw(session, post, "void", "误判", at=LATER)
    forum.mark(session, post, "excellent", "", at=LATER)
    forum.withdraw(session, post, "excellent", "点错", at=LATER)
    told = session.scalars(select(Notice).order_by(Notice.id)).all()
    enrolment = forum.enrolments["learner"]
    assert [(one.user_id, one.kind, one.params["reason"], one.address) for one in told] == [
        (forum.users["learner"], f"post_{kind}", reason, f"/enrolments/{enrolment}/hours/entries/{number}")
        for kind, reason, number in (
            ("void", "照抄网文", 2),
            ("void_lifted", "误判", 3),
            ("excellent", "", 4),
            ("excellent_withdrawn", "点错", 5),
        )
    ]


def test_others_see_neither_a_void_nor_what_was_taken_back(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    thread = session.get_one(Post, post).thread_id
    forum.mark(session, post, "void")
    forum.take_back(session, post)
    session.flush()
    seen = {
        who: [
            (one.body == TEXTS[0], one.mark, one.taken_back_at is not None)
            for one in discussion.posts(session, forum.actor(session, who), thread)[1]
        ]
        for who in ("learner", "mate", "tutor")
    }
    assert seen == {"learner": [(True, "void", True)], "mate": [(False, "", True)], "tutor": [(True, "void", True)]}


def test_an_entry_shows_what_the_post_said_when_it_was_written(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    forum.edit(session, post, SHORT, at=LATER)
    enrolment = session.get_one(Enrolment, forum.enrolments["learner"])
    found = [entry_evidence.read(session, enrolment, number).post for number in (1, 2)]
    assert [one is not None and one.judgement.counts for one in found] == [True, False]
    told = explaining.explain(session, enrolment.id, LATER)
    assert [one.written_at for one in told.entries] == [NOW, NOW]


# --- the list of a tutor ----------------------------------------------------------------------------------------------


def test_posts_wait_until_a_tutor_has_looked_at_them_as_they_are(session: Session, forum: Forum) -> None:
    first = forum.write(session, TEXTS[0])
    second = forum.write(session, TEXTS[1], by="mate", at=LATER)
    forum.write(session, TEXTS[2], by="stranger", at=LATER)
    forum.write(session, TEXTS[3], by="tutor", at=LATER)
    tutor = forum.actor(session, "tutor")

    def listed(order: str = "newest") -> list[int]:
        session.flush()
        return [one.id for one in posts_to_mark.posts_to_mark(session, tutor, order=order)]

    assert (listed(), listed("waiting"), posts_to_mark.waiting_posts(session, tutor)) == (
        [second, first],
        [first, second],
        2,
    )
    assert posts_to_mark.mark_looked_at(session, tutor, [first, second, 999], shown_at=NOW, now=TOMORROW) == 1
    assert listed() == [second]
    forum.edit(session, first, TEXTS[4], at=TOMORROW)
    assert listed() == [first, second]
    forum.take_back(session, first, at=TOMORROW)
    forum.mark(session, second, "excellent", "", by="second-tutor", at=TOMORROW)
    assert (listed(), posts_to_mark.waiting_posts(session, tutor)) == ([], 0)
    learner = forum.actor(session, "learner")
    assert posts_to_mark.waiting_posts(session, learner) == 0
    assert answer(lambda: posts_to_mark.posts_to_mark(session, learner)) == "not_allowed"
    assert answer(lambda: posts_to_mark.mark_looked_at(session, learner, [], shown_at=None, now=NOW)) == "not_allowed"


@pytest.mark.parametrize("order", posts_to_mark.ORDERS)
def test_page_after_page_shows_every_post_that_waits_once(session: Session, forum: Forum, order: str) -> None:
    written = [forum.write(session, f"{TEXTS[0]} {number}", at=NOW + timedelta(seconds=number)) for number in range(9)]
    session.flush()
    tutor = forum.actor(session, "tutor")
    pages = [
        [one.id for one in posts_to_mark.posts_to_mark(session, tutor, order=order, first=first, limit=5)]
        for first in (0, 4, 8)
    ]
    expected = written if order == posts_to_mark.LONGEST_WAITING else written[::-1]
    assert pages == [expected[:5], expected[4:9], expected[8:]]


# --- the audit --------------------------------------------------------------------------------------------------------

# what somebody with the store's password does to a post that was edited, marked and made void: what the audit says
BENT = [
    ("UPDATE posts SET mark = ''", "is not what its changes (post_changes) made of it"),
    ("UPDATE posts SET taken_back_at = NULL WHERE taken_back_at IS NOT NULL", "is not what its changes"),
    ("UPDATE posts SET taken_back_at = created_at WHERE taken_back_at IS NULL", "is not what its changes"),
    ("UPDATE posts SET counts = NOT counts", "was judged otherwise than by the rule of its time"),
    ("UPDATE posts SET body = '好' WHERE mark = 'void'", "was judged otherwise than by the rule of its time"),
    ("UPDATE posts SET credit_ms = 1800000", "(post_changes) was judged otherwise"),
    ("DELETE FROM post_changes WHERE kind = 'void'", "is not what its changes"),
    ("UPDATE post_changes SET reason = '无' WHERE kind = 'void'", "does not say what change"),
    ("UPDATE post_changes SET extra_ms = 1 WHERE kind = 'excellent'", "adds 1 ms, the rule of its time"),
    ("UPDATE post_changes SET kind = 'void_lifted' WHERE kind = 'void'", "does not keep what it replaced"),
    ("UPDATE post_changes SET kind = 'excellent' WHERE kind = 'void'", "which the post could not become"),
    ("UPDATE post_changes SET by_id = (SELECT MIN(user_id) FROM enrolments)", "was made by the author"),
    ("UPDATE post_changes SET post_id = (SELECT MAX(id) FROM posts), after_post_id = NULL", "there was such a post"),
]


@pytest.mark.parametrize(("statement", "said"), BENT)
def test_a_post_that_was_bent_is_named(session: Session, forum: Forum, statement: str, said: str) -> None:
    post = forum.write(session, SHORT)
    forum.edit(session, post, TEXTS[0], at=LATER)
    forum.mark(session, post, "excellent", "", at=LATER)
    forum.mark(session, post, "void", at=LATER)
    other = forum.write(session, TEXTS[1], module=1, at=LATER)
    forum.edit(session, other, SHORT, at=LATER)
    forum.take_back(session, other, at=LATER)
    assert forum.audited(session) is None
    session.execute(text(statement))
    difference = forum.audited(session)
    assert difference is not None
    assert said in difference


def test_an_entry_without_its_change_or_a_change_without_its_entry_is_named(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    session.add(
        PostChange(
            post_id=post,
            enrolment_id=forum.enrolments["learner"],
            after_post_id=post,
            kind="void",
            by_id=forum.users["tutor"],
            at=NOW,
            reason="r",
        )
    )
    session.get_one(Post, post).mark = "void"
    assert "has no credit entry of -900000 ms" in str(forum.audited(session))


def test_the_version_in_force_decides_on_an_edit(session: Session, forum: Forum) -> None:
    post = forum.write(session, TEXTS[0])
    builders.publish(session, builders.make_programme(discussion=replace(RULE, credit_minutes=10)), now=LATER)
    forum.edit(session, post, TEXTS[1], at=LATER)
    assert forum.ledger(session) == [("post", 15), ("edited", -5)]
    enrolment = session.get_one(Enrolment, forum.enrolments["learner"])
    assert catalogue.for_enrolment(session, enrolment, LATER).version == 2
    assert forum.audited(session) is None
