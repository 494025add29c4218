"""Presence checks through the services: put to a player, answered, missed, lapsed, and what the ledger says of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.programme import Module, Question, Text, WatchingRule
from lms_plugin.domain.watching import Reason, Stretch
from lms_plugin.services import access, delivery, posting, presence, releases, viewing
from lms_plugin.services.presence import AnswerResult, CheckShown
from lms_plugin.services.viewing import BeatAnswer
from lms_plugin.storage.activity import PersonClock, PresenceCheck
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import actor_for, enrol, make_class_group, make_programme, make_user, publish, video_of
from tests.services.viewers import Viewer, after, make_viewer

RULE = WatchingRule(presence_check_minutes=2, presence_answer_seconds=60)
QUESTION = Question(
    "colour", Text("天空是什么颜色？", "What colour is the sky?"), (Text("绿", "green"), Text("蓝", "blue")), 1
)


def checked_programme(**rule: Any) -> Any:
    programme = make_programme(watching=replace(RULE, **rule))
    first, second = programme.modules
    return replace(programme, modules=(Module(first.key, first.title, questions=(QUESTION,)), second))


@pytest.fixture
def viewer(database: Database) -> Viewer:
    return make_viewer(database, programme=checked_programme())


def play_until_asked(viewer: Viewer, name: str, at: float = 0, *, film_at: int = 0) -> tuple[float, int, CheckShown]:
    """Play 10 s a beat until a check comes; gives when, up to where in the film, and the check."""
    for number in range(1, 40):
        film_at += 10_000
        at += 10
        answer = viewer.beat(name, number, at, (film_at - 10_000, film_at))
        assert answer.withheld == answer.held == ()
        if answer.check is not None:
            return at, film_at, answer.check
    raise AssertionError("no check came")


def answer(viewer: Viewer, name: str, check: CheckShown, at: float, *, right: bool = True) -> AnswerResult:
    with viewer.database.reading() as session:
        row = session.get_one(PresenceCheck, (viewer.actor.user_id, check.number))
    choice = row.correct if right else (row.correct + 1) % len(check.choices)
    return give(viewer, name, check.number, choice, at)


def give(viewer: Viewer, name: str, number: int, choice: int, at: float) -> AnswerResult:
    return viewer.database.transact_plainly(
        lambda connection: presence.answer(connection, viewer.actor, name, number, choice=choice, now=after(at))
    )


def report_unanswered(viewer: Viewer, name: str, seq: int, check: CheckShown, at: float) -> BeatAnswer:
    return viewer.database.transact(
        lambda session: viewing.take_beat(
            session, viewer.actor, name, seq=seq, claims=[], now=after(at), unanswered=check.number
        )
    )


def outcome(viewer: Viewer, number: int) -> str:
    with viewer.database.reading() as session:
        return session.get_one(PresenceCheck, (viewer.actor.user_id, number)).outcome


def test_a_check_comes_within_the_range_and_holds_nothing_while_it_is_open(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    assert 60_000 <= film_at <= 190_000
    assert check.answer_by == after(at + 60)
    assert check.question == QUESTION.text
    assert set(check.choices) == set(QUESTION.choices)
    later = viewer.beat("a", 50, at + 10, (film_at, film_at + 10_000))
    assert later.credited == ((film_at, film_at + 10_000),)
    assert later.check == check
    viewer.check_books()


def test_a_right_answer_is_a_sign_of_presence_and_the_next_check_is_another_one(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    assert answer(viewer, "a", check, at + 30) == AnswerResult(True, False, None)
    assert viewer.beat("a", 50, at + 40, (film_at, film_at + 10_000)).check is None
    assert outcome(viewer, check.number) == "passed"
    assert answer(viewer, "a", check, at + 50).passed  # once more, as after a lost answer
    assert answer(viewer, "a", check, at + 50, right=False).passed
    viewer.check_books()


def test_after_a_wrong_answer_another_question_is_put_in_the_same_time(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, _, check = play_until_asked(viewer, "a")
    first = answer(viewer, "a", check, at + 10, right=False)
    assert (first.passed, first.film_changed) == (False, False)
    assert first.check is not None
    assert first.check.number == check.number + 1
    assert first.check.answer_by == check.answer_by
    assert answer(viewer, "a", first.check, at + 20).passed
    assert (outcome(viewer, check.number), outcome(viewer, first.check.number)) == ("failed", "passed")
    viewer.check_books()


def test_wrong_to_the_end_holds_what_was_watched_since_the_last_sign(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    second = answer(viewer, "a", check, at + 10, right=False).check
    assert second is not None
    assert answer(viewer, "a", second, at + 20, right=False) == AnswerResult(False, True, None)
    assert viewer.covered() == ()
    shown = viewer.film("a")
    assert shown.held == (Stretch(0, film_at, Reason.PRESENCE_UNANSWERED),)
    viewer.check_books()


def test_a_missed_check_is_taken_back_in_the_ledger_and_earned_again_by_watching(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    viewer.settle(at)
    told = report_unanswered(viewer, "a", 50, check, at + 61)
    assert told.film_changed
    assert told.check is not None  # nothing new counts until somebody is there
    assert outcome(viewer, check.number) == "unanswered"
    viewer.settle(at + 62)
    entries = [(row.source_kind, row.amount_ms) for row in viewer.ledger()]
    assert entries == [("playback_session", film_at), ("presence_check", -film_at)]
    viewer.check_books()
    pending = viewer.beat("a", 51, at + 100, (0, 20_000))
    assert pending.held == (Stretch(0, 20_000, Reason.PRESENCE_PENDING),)
    assert answer(viewer, "a", told.check, at + 101) == AnswerResult(True, True, None)
    assert viewer.covered() == ((0, 20_000),)
    again = viewer.beat("a", 52, at + 300, (20_000, film_at))
    assert again.credited == ((20_000, film_at),)
    assert viewer.film("a").held == ()
    viewer.settle(at + 301)
    assert sum(row.amount_ms for row in viewer.ledger()) == film_at
    viewer.check_books()


def test_a_check_that_lapsed_on_a_dead_line_brings_everything_back_with_the_next_answer(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    # Ten minutes without a line; the player kept what it played meanwhile.
    back = viewer.beat("a", 50, at + 600, (film_at, film_at + 300_000))
    assert back.held == (Stretch(film_at, film_at + 300_000, Reason.PRESENCE_PENDING),)
    assert back.film_changed
    assert back.check is not None
    assert back.check.number != check.number
    assert viewer.covered() == ()
    viewer.check_books()
    assert answer(viewer, "a", back.check, at + 610) == AnswerResult(True, True, None)
    assert viewer.covered() == ((0, film_at + 300_000),)
    viewer.check_books()


def test_an_answer_that_comes_too_late_counts_as_none(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, _, check = play_until_asked(viewer, "a")
    assert answer(viewer, "a", check, at + 60) == AnswerResult(False, True, None)
    assert outcome(viewer, check.number) == "unanswered"
    viewer.check_books()


def test_a_worker_deals_with_a_check_that_nobody_wrote_after(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    assert delivery.sweep_presence(viewer.database, after(at + 61)) == 0  # the player may still say what happened
    assert delivery.sweep_presence(viewer.database, after(at + 400)) == 1
    assert delivery.sweep_presence(viewer.database, after(at + 400)) == 0
    assert outcome(viewer, check.number) == "unanswered"
    assert viewer.film("a").held == (Stretch(0, film_at, Reason.PRESENCE_PENDING),)
    viewer.check_books()


def test_a_new_session_does_not_shake_off_an_open_check(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    opened = viewer.open("b", at + 10)
    assert opened.film.check == check
    late = viewer.open("c", at + 100)
    assert late.film.check is not None
    assert late.film.check.number == check.number + 1
    assert viewer.beat("c", 1, at + 120, (film_at, film_at + 10_000)).held
    assert answer(viewer, "c", late.film.check, at + 121).film_changed
    assert viewer.covered() == ((0, film_at + 10_000),)
    viewer.check_books()


def test_a_module_without_questions_asks_a_small_sum(database: Database) -> None:
    viewer = make_viewer(database, programme=make_programme(watching=RULE))
    viewer.open("a", 0)
    _, _, check = play_until_asked(viewer, "a")
    assert len(check.choices) == 4
    with database.reading() as session:
        row = session.get_one(PresenceCheck, (viewer.actor.user_id, check.number))
    first, second = (int(part) for part in row.question_key.split(":")[1:3])
    assert check.choices[row.correct].en == str(first + second)
    assert check.question.en == f"What is {first} plus {second}?"


def test_a_programme_without_checks_never_asks(database: Database) -> None:
    viewer = make_viewer(database)
    viewer.open("a", 0)
    viewer.beat("a", 1, 1200, (0, 1_200_000))
    with database.reading() as session:
        assert session.get_one(PersonClock, viewer.actor.user_id).next_check_in_ms is None


def test_nobody_answers_for_somebody_else_or_twice_or_beside_the_choices(viewer: Viewer) -> None:
    viewer.open("a", 0)
    at, _, check = play_until_asked(viewer, "a")
    with viewer.database.writing() as session:
        stranger = replace(viewer, actor=actor_for(session, make_user(session, "li.na")))
    with pytest.raises(NotFound):
        give(stranger, "a", check.number, 0, at)
    for name, number in (("b", check.number), ("a", check.number + 1)):
        with pytest.raises(NotFound):
            give(viewer, name, number, 0, at)
    for choice in (-1, 2):
        with pytest.raises(Malformed):
            give(viewer, "a", check.number, choice, at)
    assert outcome(viewer, check.number) == "open"


def test_a_tutor_lets_held_film_count_and_the_ledger_says_who_and_why(database: Database) -> None:
    with database.writing() as session:
        current = publish(session, checked_programme(presence_tries=1))
        tutor, other = make_user(session, "zhao", access.TUTOR), make_user(session, "qian", access.TUTOR)
        user = make_user(session, "wang.li")
        group = make_class_group(session, current, "一班", tutor)
        make_class_group(session, current, "二班", other)
        enrolment = enrol(session, user, current, group=group)
        viewer = Viewer(database, actor_for(session, user), enrolment.id, video_of(session, current).id)
        tutor_actor, other_actor = actor_for(session, tutor), actor_for(session, other)
    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    answer(viewer, "a", check, at + 1, right=False)

    def release(actor: access.Actor, *segments: tuple[int, int]) -> int:
        return database.transact(
            lambda session: posting.release(
                session,
                actor,
                viewer.enrolment_id,
                viewer.video_id,
                segments,
                reason="现场看到她在学习",
                now=after(at + 60),
            )
        )

    with pytest.raises(NotFound):
        release(other_actor, (0, film_at))
    assert release(tutor_actor, (0, 30_000)) == 30_000
    assert release(tutor_actor, (0, 30_000)) == 0
    entry = viewer.ledger()[-1]
    assert (entry.source_kind, entry.amount_ms, entry.decided_by_id) == ("release", 30_000, tutor_actor.user_id)
    assert entry.detail["reason"] == "现场看到她在学习"
    assert viewer.covered() == ((0, 30_000),)
    assert viewer.film("a").held == (Stretch(30_000, film_at, Reason.PRESENCE_UNANSWERED),)
    viewer.check_books()


def test_film_that_waits_for_a_check_when_the_window_closes_is_on_the_tutors_list(database: Database) -> None:
    """Nobody is asked again after the window, so that only a tutor can let it count."""
    with database.writing() as session:
        current = publish(session, checked_programme())
        tutor, user = make_user(session, "zhao", access.TUTOR), make_user(session, "wang.li")
        group = make_class_group(session, current, "一班", tutor)
        enrolment = enrol(session, user, current, group=group)
        viewer = Viewer(database, actor_for(session, user), enrolment.id, video_of(session, current).id)
        tutor_actor, group_id, closes_at = actor_for(session, tutor), group.id, current.programme.window.closes_at
    evening = (closes_at - after(0)).total_seconds() - 1200
    viewer.open("a", evening)
    at, film_at, _ = play_until_asked(viewer, "a", evening)
    viewer.settle(at)
    delivery.sweep_presence(database, after(at + 400))
    assert viewer.covered() == ()

    def held(now: datetime) -> list[tuple[int, int]]:
        with database.reading() as session:
            found = releases.held_in_groups(session, [group_id], now)
            return [segment for one in found.get(group_id, ()) for segment in one.segments]

    assert held(closes_at - timedelta(seconds=1)) == []  # the next right answer brings it back by itself
    assert held(closes_at) == [(0, film_at)]

    def release(to: int) -> int:
        return database.transact(
            lambda session: releases.release(
                session,
                tutor_actor,
                viewer.enrolment_id,
                viewer.video_id,
                ((0, to),),
                reason="最后一晚断网",
                now=closes_at + timedelta(hours=1),
            )
        )

    assert release(30_000) == 30_000
    viewer.check_books()
    assert held(closes_at) == [(30_000, film_at)]
    assert release(film_at) == film_at - 30_000
    assert release(film_at) == 0
    assert viewer.covered() == ((0, film_at),)
    assert held(closes_at) == []
    viewer.check_books()


def test_hours_taken_back_take_completion_back_and_hours_watched_again_give_it_again(database: Database) -> None:
    programme = checked_programme(presence_tries=1)
    only = replace(programme.components[0], required_class_hours=Decimal("0.01"))  # 27 s
    viewer = make_viewer(database, programme=replace(programme, components=(only,), total_class_hours=Decimal("0.01")))

    def completed() -> bool:
        with database.reading() as session:
            return session.get_one(Enrolment, viewer.enrolment_id).completed_at is not None

    viewer.open("a", 0)
    at, film_at, check = play_until_asked(viewer, "a")
    viewer.settle(at)
    assert completed()
    answer(viewer, "a", check, at + 1, right=False)
    viewer.settle(at + 2)
    assert not completed()
    again = viewer.open("b", at + 3).film.check
    assert again is not None
    answer(viewer, "b", again, at + 4)
    viewer.beat("b", 1, at + 4 + film_at / 1000, (0, film_at))
    viewer.settle(at + 5 + film_at / 1000)
    assert completed()
    viewer.check_books()
