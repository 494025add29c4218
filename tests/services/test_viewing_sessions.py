"""Playback sessions are the one lease a person has: over films, programmes, tabs, devices and processes."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.programme import WatchingRule
from lms_plugin.services import catalogue, viewing
from lms_plugin.services.access import Actor
from lms_plugin.storage.session import Database
from tests.builders import FILM_MS, NOW, actor_for, make_film, make_programme, make_user, video_of
from tests.services.viewers import Viewer, after, also_in, make_viewer
from tests.waiting import is_lock_waited_for, until

WAIT_SECONDS = 30


@pytest.fixture
def viewer(database: Database) -> Viewer:
    return make_viewer(database)


def test_a_new_session_tells_its_player_where_it_stands(viewer: Viewer) -> None:
    opened = viewer.open("first", 0)
    assert (opened.id, opened.opened_at, opened.video.id) == ("first", NOW, viewer.video_id)
    assert (opened.covered, opened.resume_at_ms) == ((), 0)
    assert (opened.max_rate, opened.beat_interval_seconds) == (Fraction(3, 2), 30)
    viewer.beat("first", 1, 60, (0, 60_000), (90_000, 100_000))
    again = viewer.open("second", 90)
    assert (again.covered, again.resume_at_ms) == (((0, 60_000), (90_000, 100_000)), 100_000)


def test_a_takeover_ends_the_lease_before_it_at_the_same_instant(viewer: Viewer) -> None:
    viewer.open("phone", 0)
    viewer.open("desk", 100)
    assert viewer.lease("phone").ended_at == viewer.lease("desk").opened_at == after(100)
    assert not viewer.beat("phone", 1, 101).lease_is_held
    assert viewer.beat("desk", 1, 101).lease_is_held
    viewer.open("phone again", 200)
    assert not viewer.beat("desk", 2, 201).lease_is_held


def test_late_beats_after_a_takeover_draw_on_their_own_budget(viewer: Viewer) -> None:
    viewer.open("phone", 0)
    viewer.open("desk", 100)
    # An hour later the phone finds its line again: it really played 150 s in those 100 s, and claims 10 s more.
    late = viewer.beat("phone", 1, 3700, (0, 160_000))
    assert late.credited == ((0, 150_000),)
    assert [(one.from_ms, one.to_ms, one.reason.value) for one in late.withheld] == [(150_000, 160_000, "too_fast")]
    assert viewer.beat("desk", 1, 3700, (200_000, 800_000)).credited == ((200_000, 800_000),)
    viewer.check_books()


def test_two_programmes_of_one_learner_share_one_clock(viewer: Viewer) -> None:
    other = also_in(viewer, make_programme("senior-high"))
    viewer.open("rural", 0)
    other.open("senior", 60)
    first = viewer.beat("rural", 1, 120, (0, FILM_MS))
    second = other.beat("senior", 1, 120, (0, FILM_MS))
    assert (first.covered_ms, second.covered_ms) == (90_000, 90_000)  # together 1.5 x 120 s
    assert not first.lease_is_held
    viewer.check_books()
    other.check_books()


def test_opening_many_sessions_earns_no_more_than_one(viewer: Viewer) -> None:
    names = [f"tab-{number}" for number in range(20)]
    for number, name in enumerate(names):
        viewer.open(name, number / 10)
    for name in names:
        viewer.beat(name, 1, 60, (0, FILM_MS))
    assert sum(end - start for start, end in viewer.covered()) == 90_000
    assert [one.ended_at for one in viewer.leases()[:-1]] == [one.opened_at for one in viewer.leases()[1:]]


def test_leases_do_not_overlap_when_the_clock_steps_back(viewer: Viewer) -> None:
    viewer.open("first", 0)
    viewer.beat("first", 1, 600, (0, FILM_MS))
    assert viewer.open("second", 300).opened_at == after(600)
    assert viewer.lease("first").ended_at == after(600)
    assert viewer.open("third", -900).opened_at == after(600)
    assert viewer.beat("third", 1, 500, (900_000, FILM_MS)).credited == ()
    assert viewer.beat("third", 2, 610, (900_000, FILM_MS)).covered_ms == 900_000 + 15_000
    viewer.check_books()


def test_a_beat_written_before_the_takeover_that_read_its_clock_first(viewer: Viewer) -> None:
    viewer.open("phone", 0)
    viewer.beat("phone", 1, 100.2, (0, FILM_MS))
    opened = viewer.open("desk", 100.0)
    assert viewer.lease("phone").ended_at == opened.opened_at == after(100.2)
    assert viewer.lease("phone").spent_ms <= 150_300


def test_a_lease_left_alone_ends_with_the_late_window(viewer: Viewer) -> None:
    viewer.open("tablet", 0)
    viewer.beat("tablet", 1, 60, (0, 60_000))
    assert viewer.open("next day", 86_400).opened_at == after(86_400)
    assert viewer.lease("tablet").ended_at == after(60 + 7200)
    assert viewer.beat("tablet", 2, 86_500, (60_000, FILM_MS)).covered_ms == FILM_MS


def test_nobody_finds_or_uses_another_learners_session(viewer: Viewer) -> None:
    with viewer.database.writing() as session:
        stranger = actor_for(session, make_user(session, "li.na"))
    viewer.open("mine", 0)
    theirs = replace(viewer, actor=stranger)
    with pytest.raises(NotFound):
        theirs.beat("mine", 1, 10, (0, 1000))
    with pytest.raises(NotFound):
        theirs.open("theirs", 10)  # with my enrolment
    with pytest.raises(NotFound):
        viewer.beat("none such", 1, 10, (0, 1000))
    assert viewer.covered() == ()
    assert viewer.lease("mine").ended_at is None


def test_a_film_of_another_programme_or_none_is_not_found(viewer: Viewer) -> None:
    other = also_in(viewer, make_programme("senior-high"))
    for video_id in (other.video_id, 10**9):
        with pytest.raises(NotFound):
            viewer.open("x", 0, video_id=video_id)
    with pytest.raises(NotFound):
        replace(viewer, enrolment_id=10**9).open("x", 0)


def republish(viewer: Viewer, film_ms: int, **changes: Any) -> int:
    """Publish the programme anew with a film of another length in the first module; gives the new film's id."""
    with viewer.database.writing() as session:
        programme = make_programme(**changes)
        films = {module.key: make_film(f"{programme.key}/{module.key}", film_ms) for module in programme.modules}
        catalogue.publish(session, programme, films, NOW)
        current = catalogue.in_force(session, catalogue.programme_id_of(session, programme.key), NOW)
        return video_of(session, current, programme.modules[0].key).id


def test_a_new_version_of_a_film_leaves_earned_hours_and_the_begun_film(viewer: Viewer) -> None:
    viewer.open("before", 0)
    viewer.beat("before", 1, 100, (0, 100_000))
    new_film = republish(viewer, 5_000)
    assert viewer.beat("before", 2, 200, (100_000, 200_000)).covered_ms == 200_000
    assert viewer.open("after", 300).video.id == viewer.video_id != new_film
    with pytest.raises(Conflict, match="video_replaced"):
        viewer.open("new", 400, video_id=new_film)
    viewer.settle(500)
    assert [(row.amount_ms, row.detail["video"]) for row in viewer.ledger()] == [(200_000, viewer.video_id)]
    viewer.check_books()


def test_who_has_not_begun_gets_the_new_film_only(viewer: Viewer) -> None:
    new_film = republish(viewer, 5_000)
    with pytest.raises(Conflict, match="video_replaced"):
        viewer.open("old", 0)
    assert viewer.open("new", 0, video_id=new_film).video.duration_ms == 5_000


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite lets one write at a time
def test_a_film_replaced_while_two_devices_open_it_is_begun_once(viewer: Viewer) -> None:
    def open_old(session: Session) -> None:
        viewing.open_session(
            session, viewer.actor, video_id=viewer.video_id, enrolment_id=viewer.enrolment_id, new_id="old", now=NOW
        )

    viewer.open("somewhere else", -10, video_id=video_in(viewer, "teaching"))
    with ThreadPoolExecutor(1) as pool:
        with viewer.database.writing() as session:
            open_old(session)
            new_film = republish(viewer, 5_000)
            other = pool.submit(viewer.open, "new", 1, video_id=new_film)
            until(lambda: is_lock_waited_for(viewer.database), "nobody waits")
        with pytest.raises(Conflict, match="video_replaced"):
            other.result(WAIT_SECONDS)


def video_in(viewer: Viewer, module_key: str) -> int:
    with viewer.database.reading() as session:
        return video_of(
            session, catalogue.in_force(session, catalogue.programme_id_of(session, "rural"), NOW), module_key
        ).id


def test_a_module_the_programme_no_longer_has_is_not_opened(viewer: Viewer) -> None:
    viewer.open("before", 0)
    republish(viewer, FILM_MS, modules=make_programme().modules[1:])
    with pytest.raises(NotFound):
        viewer.open("after", 100)
    # What was played before counts all the same.
    assert viewer.beat("before", 1, 100, (0, 100_000)).covered_ms == 100_000
    viewer.settle(200)
    assert [row.amount_ms for row in viewer.ledger()] == [100_000]


def test_a_player_is_told_the_rate_that_is_enforced(database: Database) -> None:
    viewer = make_viewer(database, watching=WatchingRule(max_rate=Fraction(4, 3)))
    opened = viewer.open("a", 0)
    assert opened.max_rate == Fraction(1333, 1000)
    assert viewer.beat("a", 1, 100, (0, FILM_MS)).covered_ms == 100 * 1333


def test_sessions_opened_by_many_threads_at_once_never_overlap(viewer: Viewer) -> None:
    at_once = threading.Barrier(4)

    def open_some(thread: int) -> None:
        for number in range(5):
            if number == 0:
                at_once.wait(WAIT_SECONDS)
            viewer.open(f"{thread}-{number}", thread / 7 + number / 3)
            viewer.beat(f"{thread}-{number}", 1, thread / 7 + number / 3 + 0.2, (0, FILM_MS))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(open_some, thread) for thread in range(4)]:
            done.result(WAIT_SECONDS)
    check_leases(viewer, 20)


def open_in_a_process(url: str, viewer_of: tuple[Actor, int, int], process: int) -> None:
    database = Database(url)
    viewer = Viewer(database, *viewer_of)
    for number in range(8):
        viewer.open(f"{process}-{number}", process / 7 + number / 3)
        viewer.beat(f"{process}-{number}", 1, process / 7 + number / 3 + 0.2, (0, FILM_MS))
    database.dispose()


def test_sessions_opened_by_several_processes_at_once_never_overlap(viewer: Viewer, database_url: str) -> None:
    whose = (viewer.actor, viewer.enrolment_id, viewer.video_id)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(open_in_a_process, database_url, whose, process) for process in range(2)]:
            done.result(WAIT_SECONDS)
    check_leases(viewer, 16)


def check_leases(viewer: Viewer, count: int) -> None:
    leases = viewer.leases()
    assert len(leases) == count
    assert sum(one.ended_at is None for one in leases) == 1
    for one, following in pairwise(leases):
        assert one.ended_at is not None
        assert one.opened_at <= one.ended_at <= following.opened_at
    for one in leases:
        length = (one.ended_at or max(one.last_contact_at, one.opened_at)) - one.opened_at
        assert one.spent_ms <= 1500 * (length / timedelta(seconds=1))
    viewer.check_books()
