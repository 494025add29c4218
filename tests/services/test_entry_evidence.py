"""An entry's evidence: the reports it sums up, the check that took it back, the tutor who gave it, the post."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.programme import WatchingRule
from lms_plugin.domain.watching import Reason, Stretch
from lms_plugin.services import access, discussion, entry_evidence, explaining, presence, releases, retention
from lms_plugin.services.access import Actor
from lms_plugin.services.entry_evidence import EntryEvidence
from lms_plugin.storage.activity import PersonClock, PresenceCheck
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, enrol, make_class_group, make_programme, make_user, publish, video_of
from tests.services.viewers import Viewer, after, make_viewer

CHECKED = WatchingRule(presence_check_minutes=2, presence_answer_seconds=60, presence_tries=1)


def evidence_of(viewer: Viewer, number: int) -> EntryEvidence:
    with viewer.database.reading() as session:
        return entry_evidence.read(session, session.get_one(Enrolment, viewer.enrolment_id), number)


@dataclass(frozen=True)
class Class:
    """A learner whose film is checked for presence, and the tutors of two groups."""

    viewer: Viewer
    group: ClassGroup
    tutor: Actor
    other_tutor: Actor

    def miss_a_check(self, name: str = "a", at: float = 0) -> tuple[float, int, int]:
        """Watch until a check comes and answer it wrongly; gives when, up to where in the film, and its number."""
        viewer, film_at, seq = self.viewer, 0, 0
        while (number := self._open_check()) is None:
            film_at, at, seq = film_at + 10_000, at + 10, seq + 1
            viewer.beat(name, seq, at, (film_at - 10_000, film_at))
        viewer.settle(at)
        with viewer.database.writing() as session:
            row = session.get_one(PresenceCheck, (viewer.actor.user_id, number))
            wrong = (row.correct + 1) % 4
            presence.answer(session.connection(), viewer.actor, name, number, choice=wrong, now=after(at + 5))
        viewer.settle(at + 6)
        return at + 5, film_at, number

    def release(self, actor: Actor, *segments: tuple[int, int], reason: str = "停电", at: float = 900) -> int:
        viewer = self.viewer
        return viewer.database.transact(
            lambda session: releases.release(
                session, actor, viewer.enrolment_id, viewer.video_id, segments, reason=reason, now=after(at)
            )
        )

    def held(self) -> list[releases.HeldFilm]:
        with self.viewer.database.reading() as session:
            return releases.held_in_group(session, self.group, NOW)

    def _open_check(self) -> int | None:
        with self.viewer.database.reading() as session:
            return session.get_one(PersonClock, self.viewer.actor.user_id).open_check


@pytest.fixture
def room(database: Database) -> Class:
    with database.writing() as session:
        current = publish(session, make_programme(watching=CHECKED))
        tutor, other = make_user(session, "zhao", access.TUTOR, name="赵明"), make_user(session, "qian", access.TUTOR)
        group = make_class_group(session, current, "一班", tutor)
        make_class_group(session, current, "二班", other)
        user = make_user(session)
        enrolment = enrol(session, user, current, group=group)
        viewer = Viewer(database, actor_for(session, user), enrolment.id, video_of(session, current).id)
        return Class(viewer, group, actor_for(session, tutor), actor_for(session, other))


def test_watched_time_shows_its_session_and_reports_with_late_and_withheld_ones(database: Database) -> None:
    viewer = make_viewer(database)
    viewer.open("a", 0)
    viewer.beat("a", 1, 30, (0, 30_000))
    viewer.settle(31)
    viewer.beat("a", 3, 60, (60_000, 120_000))  # twice as fast as allowed
    viewer.open("b", 90)
    viewer.beat("a", 2, 100, (30_000, 40_000))  # came late, and after the third
    viewer.settle(101)

    first, *_, second = (evidence_of(viewer, row.number) for row in viewer.ledger())

    assert first.session is not None
    assert (first.session.id, first.session.opened_at, first.session.ended_at) == ("a", after(0), after(90))
    assert [(one.seq, one.at, one.played, one.credited_ms) for one in first.session.reports] == [
        (1, after(30), ((0, 30_000),), 30_000)
    ]
    assert first.is_anchored
    assert second.is_anchored
    assert (first.difference, first.removed_at) == (None, None)
    assert (first.video is not None, first.module_key, first.segments) == (True, "reading", ((0, 30_000),))
    assert second.session is not None
    (late,) = second.session.reports
    assert (late.seq, late.is_late, late.is_out_of_order) == (2, True, True)
    viewer.check_books()


def test_a_report_that_was_withheld_in_part_says_what_and_why(database: Database) -> None:
    viewer = make_viewer(database)
    viewer.open("a", 0)
    viewer.beat("a", 1, 40, (0, 100_000))
    viewer.settle(41)

    found = evidence_of(viewer, 1).session

    assert found is not None
    (report,) = found.reports
    assert (report.played_ms, report.credited_ms) == (100_000, 60_000)
    assert report.withheld == (Stretch(60_000, 100_000, Reason.TOO_FAST),)


def test_what_is_taken_back_names_the_check_and_what_is_released_the_tutor(room: Class) -> None:
    viewer = room.viewer
    viewer.open("a", 0)
    at, film_at, number = room.miss_a_check()
    assert room.release(room.tutor, (0, film_at)) == film_at

    watched, taken, given = (evidence_of(viewer, row.number) for row in viewer.ledger())

    assert [one.row.amount_ms for one in (watched, taken, given)] == [film_at, -film_at, film_at]
    assert watched.checks == ()
    (check,) = taken.checks
    assert (check.number, check.kind, check.found_at) == (number, explaining.FAILED, after(at))
    assert check.put_at is not None
    assert check.question is not None
    assert "What is" in check.question.en
    assert (given.checks, given.decided_by, given.reason) == ((check,), "赵明", "停电")
    assert given.session is None
    assert all(one.is_anchored and one.difference is None for one in (watched, taken, given))


def test_what_the_log_does_not_agree_with_is_said(room: Class) -> None:
    viewer = room.viewer
    viewer.open("a", 0)
    viewer.beat("a", 1, 30, (0, 30_000))
    viewer.settle(31)
    with viewer.database.writing() as session:
        clock = session.get_one(PersonClock, viewer.actor.user_id)
        clock.log_body = clock.log_body[:-1] + bytes([clock.log_body[-1] ^ 1])

    found = evidence_of(viewer, 1)

    assert not found.is_anchored or found.difference is not None
    assert found.difference is not None


def test_a_post_shows_its_judgement_by_the_rule_of_its_time(database: Database) -> None:
    viewer = make_viewer(database)
    body = (
        "上周我带学生到操场量花坛的边，同一条边用不同的玉米棒量出来的数不一样，学生自己提"
        "出要用一样长的东西来量，下一节课我准备换成铅笔再引出厘米，让他们先估一估再动手。"
    )
    with database.writing() as session:
        module_id = video_of(session, publish(session, make_programme())).module_id
        _, post = discussion.start_thread(session, viewer.actor, module_id, title="量花坛", body=body, now=after(5))
        assert post.counts
        post_id, thread_id = post.id, post.thread_id

    found = evidence_of(viewer, 1).post

    assert found is not None
    assert (found.id, found.thread_id, found.title, found.written_at) == (post_id, thread_id, "量花坛", after(5))
    assert found.judgement.counts
    assert found.programme.discussion.credit_minutes == 15


def test_evidence_whose_time_was_over_is_said_to_be_removed(database: Database) -> None:
    viewer = make_viewer(database)
    viewer.open("a", 0)
    viewer.beat("a", 1, 30, (0, 30_000))
    viewer.settle(31)
    later = datetime(2027, 3, 1, tzinfo=UTC)
    list(retention.cut_all(database, [viewer.actor.user_id], date(2027, 2, 1), later))

    found = evidence_of(viewer, 1)

    assert (found.removed_at, found.difference) == (later, None)
    assert found.session is not None
    assert found.session.reports == ()


@pytest.mark.parametrize("number", [0, 99, 2**63 - 1])
def test_an_entry_that_there_is_not_is_not_found(database: Database, number: int) -> None:
    viewer = make_viewer(database)
    with pytest.raises(NotFound):
        evidence_of(viewer, number)


def test_a_tutor_sees_what_is_held_since_when_and_lets_it_count_with_a_reason(room: Class) -> None:
    assert room.held() == []
    room.viewer.open("a", 0)
    at, film_at, _ = room.miss_a_check()

    (held,) = room.held()

    assert (held.learner_name, held.module_key, held.held_ms) == ("王丽", "reading", film_at)
    assert held.missed_at == after(at)
    with pytest.raises(NotFound):
        room.release(room.other_tutor, *held.segments)
    for reason, code in (("  ", "reason_missing"), ("很" * 501, "reason_too_long")):
        with pytest.raises(Malformed, match=code):
            room.release(room.tutor, *held.segments, reason=reason)
    assert room.held() == [held]
    assert room.release(room.tutor, (0, 20_000)) == 20_000
    assert room.held() == [replace(held, segments=((20_000, film_at),))]
    room.viewer.check_books()
