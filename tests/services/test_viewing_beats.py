"""Beats: idempotent, in any order, however late; and what becomes of them in the ledger and for the LMS."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.evidence import Beaten, Event, Opened, Outcome
from lms_plugin.domain.programme import LmsCourse, Window
from lms_plugin.domain.watching import RULE, Claim, Reason, Stretch
from lms_plugin.services import delivery, evidence_log, viewing
from lms_plugin.storage.outbox import Report
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import FILM_MS, make_programme
from tests.services.viewers import Viewer, after, make_viewer

MINUTE = 60_000


@pytest.fixture
def viewer(database: Database) -> Viewer:
    return make_viewer(database)


def evidence(viewer: Viewer) -> list[Event]:
    with viewer.database.reading() as session:
        log = evidence_log.read(session, viewer.actor.user_id)
        assert log is not None
        return [logged.event for logged in log.events()]


def state(viewer: Viewer, name: str) -> tuple[object, ...]:
    lease = viewer.lease(name)
    return (
        viewer.covered(),
        lease.spent_ms,
        lease.unposted,
        lease.last_contact_at,
        lease.ended_at,
        len(viewer.ledger()),
    )


def test_a_repeated_beat_gets_the_same_answer_word_for_word_and_changes_nothing(viewer: Viewer) -> None:
    viewer.open("a", 0)
    viewer.beat("a", 1, 10, (0, 10_000))
    segments = [(5_000, 40_000), (1_190_000, 1_300_000), (-1, 5)]
    first = viewer.beat("a", 2, 20, *segments)
    viewer.beat("a", 3, 60, (20_000, 80_000))
    before = state(viewer, "a")
    assert {one.reason for one in first.withheld} == {Reason.TOO_FAST, Reason.BEYOND_THE_END, Reason.MALFORMED}
    for at, again in ((61, segments), (3_000, segments), (90_000, [(0, 1)])):
        assert viewer.beat("a", 2, at, *again) == first
        assert state(viewer, "a") == before


def test_a_repeat_after_the_lease_was_lost_still_gets_its_first_answer(viewer: Viewer) -> None:
    viewer.open("a", 0)
    first = viewer.beat("a", 1, 10, (0, 10_000))
    viewer.open("b", 20)
    assert viewer.beat("a", 1, 30, (0, 10_000)) == first
    assert first.lease_is_held
    assert not viewer.beat("a", 2, 30).lease_is_held


def test_the_same_number_in_another_session_is_another_beat(viewer: Viewer) -> None:
    viewer.open("a", 0)
    viewer.beat("a", 1, 10, (0, 10_000))
    viewer.open("b", 10)
    assert viewer.beat("b", 1, 20, (10_000, 20_000)).covered_ms == 20_000


def test_one_beat_sent_by_many_at_once_is_taken_once(viewer: Viewer) -> None:
    viewer.open("a", 0)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: viewer.beat("a", 1, 30, (0, 60_000)), range(6)))
    assert len(set(answers)) == 1
    assert answers[0].credited == ((0, 45_000),)
    assert [event.seq for event in evidence(viewer) if isinstance(event, Beaten)] == [1]


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (4, 3, 2, 1), (2, 4, 1, 3)])
def test_the_order_of_arrival_does_not_matter_to_an_honest_player(viewer: Viewer, order: tuple[int, ...]) -> None:
    viewer.open("a", 0)
    for at, seq in enumerate(order):
        answer = viewer.beat("a", seq, 120 + at, ((seq - 1) * 45_000, seq * 45_000))
        assert answer.withheld == ()
    assert viewer.covered() == ((0, 180_000),)
    assert viewer.lease("a").last_seq == 4
    viewer.check_books()


def test_half_an_hour_without_a_line_loses_nothing(viewer: Viewer) -> None:
    viewer.open("a", 0)
    viewer.beat("a", 1, 30, (0, 30_000))
    answer = viewer.beat("a", 2, 30 + 1800, *[(at, at + 30_000) for at in range(30_000, FILM_MS, 30_000)])
    assert answer.covered_ms == FILM_MS
    assert answer.withheld == ()


def test_beats_of_a_lapsed_lease_count_until_the_window_closes(viewer: Viewer) -> None:
    viewer.open("a", 0)
    days = 68 * 86_400 + 4 * 3600  # 31 January, 16:00 UTC: midnight in Shanghai
    on_time = viewer.beat("a", 1, days - 1, (0, 60_000))
    assert (on_time.covered_ms, on_time.lease_is_held) == (60_000, False)
    late = viewer.beat("a", 2, days, (60_000, 120_000))
    assert late.withheld == (Stretch(60_000, 120_000, Reason.OUTSIDE_WINDOW),)
    assert late.credited == ()


def test_before_the_window_opens_nothing_counts(database: Database) -> None:
    viewer = make_viewer(database, window=Window(date(2026, 11, 25), date(2026, 12, 25)))
    opens = 4 * 3600  # midnight in Shanghai is 16:00 UTC
    viewer.open("a", opens - 60)
    assert viewer.beat("a", 1, opens - 1, (0, 1000)).withheld == (Stretch(0, 1000, Reason.OUTSIDE_WINDOW),)
    assert viewer.beat("a", 2, opens + 10, (0, 60_000)).credited == ((0, 15_000),)


def test_the_evidence_of_a_beat_is_kept_as_it_came(viewer: Viewer) -> None:
    viewer.open("a", 0)
    viewer.claim("a", 7, 10.5, [Claim(0, 1000, 16_000), Claim(0, 0, well_formed=False), Claim(-3, 9)])
    opened, beat = evidence(viewer)
    assert isinstance(opened, Opened)
    assert (opened.at, opened.session_id, opened.version, opened.max_rate_permille) == (after(0), "a", 1, 1500)
    assert beat == Beaten(
        at=after(10.5),
        play=1,
        seq=7,
        claims=(Claim(0, 1000, 16_000), Claim(0, 0, well_formed=False), Claim(-3, 9)),
        outcome=Outcome(
            credited=((0, 1000),),
            withheld=(Stretch(0, 0, Reason.MALFORMED), Stretch(-3, 9, Reason.MALFORMED)),
            held=(),
            covered_ms=1000,
            lease_is_held=True,
            film_changed=False,
            check=0,
        ),
    )


# beats as (sequence number, segments); where the learner goes on, in a film of 20 minutes
RESUMES: list[tuple[list[tuple[int, list[tuple[int, int]]]], int]] = [
    ([],                                                          0),
    ([(1, [(0, 30_000)])],                                        30_000),
    ([(1, [(0, 30_000)]), (2, [(500_000, 510_000)])],             510_000),
    ([(1, [(500_000, 510_000)]), (2, [(0, 10_000)])],             10_000),
    ([(2, [(500_000, 510_000)]), (1, [(0, 10_000)])],             510_000),  # the older beat came later
    ([(1, [(0, 30_000)]), (2, [])],                               30_000),
    ([(1, [(0, 30_000)]), (2, [(9, 9), (-4, 2)])],                30_000),
    ([(1, [(0, FILM_MS - 3_001)])],                               FILM_MS - 3_001),
    ([(1, [(0, FILM_MS - 3_000)])],                               FILM_MS - 3_000),  # the rest is the first gap
    ([(1, [(0, FILM_MS)])],                                       0),
    ([(1, [(0, FILM_MS + 9_000)])],                               0),
    ([(1, [(0, 10_000), (20_000, FILM_MS)])],                     10_000),  # to the end, with a stretch left out
    ([(1, [(0, 10_000), (12_999, FILM_MS)])],                     0),  # too short a gap to go back for
]  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("beats", "resume_at_ms"), RESUMES)
def test_a_learner_goes_on_where_they_stopped(
    viewer: Viewer, beats: list[tuple[int, list[tuple[int, int]]]], resume_at_ms: int
) -> None:
    viewer.open("a", -1200)
    for seq, segments in beats:
        viewer.beat("a", seq, 0, *segments)
    assert viewer.open("b", 10).resume_at_ms == resume_at_ms


def test_a_beat_that_waited_while_the_next_was_taken_elsewhere_is_credited_whole(viewer: Viewer) -> None:
    """It bears the moment at which it was received, and the time that the next one had is spent."""
    viewer.open("a", 0)
    assert viewer.beat("a", 2, 34, (45_000, 51_000)).withheld == ()
    assert viewer.beat("a", 1, 30, (0, 45_000)).withheld == ()
    assert viewer.covered() == ((0, 51_000),)
    viewer.check_books()


def test_late_beats_of_a_device_left_behind_do_not_move_the_playhead(viewer: Viewer) -> None:
    viewer.open("phone", -100)
    viewer.open("desk", 0)
    viewer.beat("desk", 1, 60, (300_000, 360_000))
    viewer.beat("phone", 1, 70, (0, 30_000))
    assert viewer.open("again", 80).resume_at_ms == 360_000


def due(viewer: Viewer, at: float) -> int:
    """How many enrolments a worker posts something for."""
    return delivery.settle_watching(viewer.database, after(at))


def test_credit_is_posted_in_portions_and_at_the_end_of_a_lease(viewer: Viewer) -> None:
    viewer.open("a", 0)
    for minute in range(1, 15):
        viewer.beat("a", minute, minute * 60, ((minute - 1) * MINUTE, minute * MINUTE))
    assert due(viewer, 15 * 60) == 0
    viewer.beat("a", 15, 15 * 60, (14 * MINUTE, 15 * MINUTE))
    assert due(viewer, 16 * 60) == 1
    assert [row.amount_ms for row in viewer.ledger()] == [15 * MINUTE]
    viewer.beat("a", 16, 16 * 60, (15 * MINUTE, 16 * MINUTE))
    viewer.open("b", 1000)
    entries = viewer.ledger()
    assert [row.amount_ms for row in entries] == [15 * MINUTE, MINUTE]
    assert [(row.component_key, row.source_kind, row.source_id) for row in entries] == [
        ("video", "playback_session", "a")
    ] * 2
    head = entries[1].detail.pop("evidence")
    assert entries[1].detail == {
        "module": "reading",
        "video": viewer.video_id,
        "segments": [[15 * MINUTE, 16 * MINUTE]],
    }
    assert len(bytes.fromhex(head)) == 32
    assert entries[1].rule_version == f"rural@1 {RULE}"
    assert entries[1].recorded_at == after(1000)
    viewer.beat("a", 17, 1100, (16 * MINUTE, 17 * MINUTE))  # a late beat of an ended lease is due at once
    assert due(viewer, 1100) == 1
    assert [row.amount_ms for row in viewer.ledger()] == [15 * MINUTE, MINUTE, MINUTE]
    viewer.check_books()


def test_a_film_seen_to_its_end_is_due_to_be_posted_at_once(viewer: Viewer) -> None:
    viewer.open("a", 0)
    viewer.beat("a", 1, 1200, (0, FILM_MS - 60_000))
    assert due(viewer, 1200) == 0
    viewer.beat("a", 2, 1201, (FILM_MS - 60_000, FILM_MS))
    assert due(viewer, 1201) == 1
    assert sum(row.amount_ms for row in viewer.ledger()) == FILM_MS
    assert viewer.lease("a").unposted == b""


def test_settling_posts_exactly_what_was_credited_and_only_once(viewer: Viewer) -> None:
    assert not viewer.settle(0)
    viewer.open("a", 0)
    assert not viewer.settle(1)
    viewer.beat("a", 1, 10, (0, 4_321), (10_000, 12_345))
    assert viewer.settle(11)
    assert [row.amount_ms for row in viewer.ledger()] == [4_321 + 2_345]
    assert not viewer.settle(12)
    viewer.beat("a", 2, 20, (0, 5_000))
    assert viewer.settle(21)
    assert [row.amount_ms for row in viewer.ledger()] == [6_666, 679]
    viewer.check_books()


def test_many_who_settle_at_once_post_once(viewer: Viewer) -> None:
    viewer.open("a", 0)
    viewer.beat("a", 1, 60, (0, 60_000))
    with ThreadPoolExecutor(5) as pool:
        settled = list(pool.map(lambda _: viewer.settle(61), range(5)))
    assert any(settled)
    assert [row.amount_ms for row in viewer.ledger()] == [60_000]
    viewer.check_books()


def test_the_roll_up_of_an_enrolment_follows_the_ledger(viewer: Viewer) -> None:
    viewer.open("a", 0)
    viewer.beat("a", 1, 1200, (0, FILM_MS))
    viewer.settle(1200)
    with viewer.database.reading() as session:
        enrolment = session.get_one(Enrolment, viewer.enrolment_id)
        assert (enrolment.counted_ms, enrolment.completion_ratio) == (FILM_MS, Decimal("0.1481"))
        assert enrolment.completed_at is None


LMS = LmsCourse("campus", "course-v1:edu+rural+2026", "block-v1:programme")


def lms_programme() -> Any:
    programme = make_programme(lms=LMS)
    first, second = programme.modules
    return replace(programme, modules=(replace(first, block_key="block-v1:first"), second))


def owed(viewer: Viewer) -> dict[str, str]:
    with viewer.database.reading() as session:
        found = session.execute(
            select(Report.block_key, Report.ratio).where(Report.enrolment_id == viewer.enrolment_id)
        )
        return {row.block_key.removeprefix("block-v1:"): str(row.ratio) for row in found}


def test_what_is_posted_is_owed_to_the_lms_and_never_goes_down(database: Database) -> None:
    viewer = make_viewer(database, programme=lms_programme())
    viewer.open("a", 0)
    viewer.beat("a", 1, 400, (0, FILM_MS // 2))
    viewer.settle(400)
    assert owed(viewer) == {"programme": "0.0740", "first": "0.5000"}
    # 98 per cent of a film is the whole module for the LMS; the hours still count every second.
    viewer.beat("a", 2, 1200, (FILM_MS // 2, FILM_MS * 98 // 100 - 1))
    viewer.settle(1200)
    assert owed(viewer)["first"] == "0.9799"
    viewer.beat("a", 3, 1200, (FILM_MS * 98 // 100 - 1, FILM_MS * 98 // 100))
    viewer.settle(1200)
    assert owed(viewer)["first"] == "1.0000"
    viewer.settle(1300)
    assert sum(row.amount_ms for row in viewer.ledger()) == FILM_MS * 98 // 100


def test_a_beat_whose_transaction_failed_can_be_sent_again(viewer: Viewer) -> None:
    viewer.open("a", 0)

    def take_and_fail(session: Session) -> None:
        viewing.take_beat(session, viewer.actor, "a", seq=1, claims=[Claim(0, 30_000)], now=after(30))
        session.flush()
        raise RuntimeError("the plug was pulled")

    with pytest.raises(RuntimeError, match="pulled"):
        viewer.database.transact(take_and_fail)
    assert viewer.covered() == ()
    assert viewer.beat("a", 1, 31, (0, 30_000)).covered_ms == 30_000
    viewer.check_books()
