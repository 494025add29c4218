"""Random lives of a learner through the real services: the books agree after every step, and the evidence replays."""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def test_the_books_agree_and_the_evidence_reproduces_them(database: Database) -> None:
    numbers = count()

    @SHARED
    @given(steps)
    def live(history: list[tuple[float, tuple[str, int, list[tuple[int, int]]]]]) -> None:
        life = Life(database, next(numbers))
        for seconds, (kind, which, claimed) in history:
            life.step(seconds, kind, which, claimed)
            for viewer in life.viewers:
                viewer.check_books()
        for viewer in life.viewers:
            viewer.settle(life.at)
            viewer.check_books()

    live()
