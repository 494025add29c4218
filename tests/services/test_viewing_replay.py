"""Random lives of a learner through the real services: the books agree after every step, and the evidence replays."""

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.watching import Claim, Lease, judge_beat
from lms_plugin.services import auditing, catalogue
from lms_plugin.storage.activity import Beat, PlaybackSession
from lms_plugin.storage.programmes import Enrolment, ProgrammeVersion, Video
from lms_plugin.storage.session import Database
from tests.builders import make_programme
from tests.services.viewers import Viewer, also_in, make_viewer

FILM_MS = 600_000
SHARED = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

segments = st.tuples(st.integers(-2_000, FILM_MS + 5_000), st.integers(-2_000, 200_000)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)
# (seconds that pass, what happens)
steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0005, 1.0, 30.0, 400.0, 8_000.0]),
        st.one_of(
            st.tuples(st.just("open"), st.integers(0, 1), st.just([])),
            st.tuples(st.just("beat"), st.integers(0, 5), st.lists(segments, max_size=4)),
            st.tuples(st.just("beat"), st.integers(0, 5), st.lists(segments, max_size=4)),
            st.tuples(st.just("repeat"), st.integers(0, 5), st.lists(segments, max_size=2)),
            st.tuples(st.just("settle"), st.integers(0, 1), st.just([])),
        ),
    ),
    max_size=14,
)


class Life:
    """One learner in two programmes, and the sessions opened so far."""

    def __init__(self, database: Database, number: int) -> None:
        first = make_viewer(database, f"learner-{number}", durations_ms={"reading": FILM_MS})
        self.viewers = [first, also_in(first, make_programme("senior-high"))]
        self.sessions: list[tuple[str, Viewer]] = []
        self.seq = count(1)
        self.at = 0.0
        self.open(0)

    def open(self, which: int) -> None:
        name = f"s{len(self.sessions)}-{self.viewers[0].actor.user_id}"
        self.viewers[which].open(name, self.at)
        self.sessions.append((name, self.viewers[which]))

    def step(self, seconds: float, kind: str, which: int, claimed: list[tuple[int, int]]) -> None:
        self.at += seconds
        if kind == "open":
            self.open(which)
        elif kind == "settle":
            self.viewers[which].settle(self.at)
        else:
            name, viewer = self.sessions[which % len(self.sessions)]
            # Half of the numbers of a "repeat" were taken before, by this session or another one.
            seq = next(self.seq) if kind == "beat" else which + 1
            answer = viewer.beat(name, seq, self.at, *claimed)
            assert viewer.beat(name, seq, self.at + 5) == answer


@pytest.mark.parametrize("checked", ["books", "replay"])
def test_the_books_agree_and_the_evidence_reproduces_them(database: Database, checked: str) -> None:
    numbers = count()

    @SHARED
    @given(steps)
    def live(history: list[tuple[float, tuple[str, int, list[tuple[int, int]]]]]) -> None:
        life = Life(database, next(numbers))
        for seconds, (kind, which, claimed) in history:
            life.step(seconds, kind, which, claimed)
            if checked == "books":
                for viewer in life.viewers:
                    viewer.check_books()
        for viewer in life.viewers:
            if checked == "replay":
                viewer.settle(life.at)
                check_replay(database, viewer)
            viewer.check_books()

    live()


def check_replay(database: Database, viewer: Viewer) -> None:
    """Judge all the evidence anew, with nothing but the beats, the leases and the rules of their time."""
    with database.reading() as session:
        enrolment = session.get_one(Enrolment, viewer.enrolment_id)
        assert auditing.first_difference(session, enrolment) is None
        leases = {
            one.id: one
            for one in session.scalars(select(PlaybackSession).where(PlaybackSession.enrolment_id == enrolment.id))
        }
        beats = session.scalars(select(Beat).where(Beat.playback_session_id.in_(leases))).all()
        durations = {video.id: video.duration_ms for video in session.scalars(select(Video))}
        rules = {
            (version.programme_id, version.number): catalogue.read_declaration(version.declaration)
            for version in session.scalars(select(ProgrammeVersion))
        }
    covered: dict[int, Segments] = defaultdict(tuple)
    spent: dict[str, int] = defaultdict(int)
    for beat in sorted(beats, key=lambda one: (one.received_at, one.answer["covered_ms"], one.seq)):
        kept = leases[beat.playback_session_id]
        programme = rules[enrolment.programme_id, beat.rule_version]
        verdict = judge_beat(
            [Claim(start, end, rate, bool(sound)) for start, end, rate, sound in beat.claimed["segments"]],
            covered=covered[kept.video_id],
            video_ms=durations[kept.video_id],
            lease=Lease(
                kept.opened_at,
                kept.opened_at,
                Fraction(kept.max_rate_permille, 1000),
                spent[kept.id],
                # Without an end it was held all the time: it must not lapse for want of its contacts.
                kept.ended_at or beat.received_at + timedelta(microseconds=1),
            ),
            window=programme.window,
            rule=programme.watching,
            now=beat.received_at,
        )
        covered[kept.video_id] = verdict.covered
        spent[kept.id] += verdict.credited_ms
        assert [list(one) for one in verdict.credited] == beat.answer["credited"]
        assert [[one.from_ms, one.to_ms, one.reason] for one in verdict.withheld] == beat.answer["withheld"]
        assert intervals.length(verdict.covered) == beat.answer["covered_ms"]
    assert {name: one.spent_ms for name, one in leases.items()} == {name: spent[name] for name in leases}
    in_ledger: dict[str, list[Any]] = defaultdict(list)
    for row in viewer.ledger():
        in_ledger[row.source_id] += row.detail["segments"]
        assert row.amount_ms == sum(end - start for start, end in row.detail["segments"])
    assert {name: sum(end - start for start, end in posted) for name, posted in in_ledger.items()} == {
        name: ms for name, ms in spent.items() if ms
    }
