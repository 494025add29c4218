"""Statements as they are built: by the Video Profile's own text, taken by ralph's models, and the same every time."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.adapters.xapi.statements import (
    EXTENSIONS,
    Installation,
    played_segments,
    standing_statement,
    watching_statements,
)
from lms_plugin.domain.programme import Text
from lms_plugin.domain.viewing_steps import Step, StepKind
from lms_plugin.services.experience import Film, Named, Standing, Watching
from tests.builders import NOW
from tests.peers.xapi.process import models_of

HERE = Installation("https://hours.example.org")
PROGRAMME = Named("rural", Text("农村教师远程培训", "Remote training of rural teachers"))
MODULE = Named("reading", Text("读懂学生", "Understanding pupils"))


def step(kind: StepKind, number: int, **changes: Any) -> Step:
    values: dict[str, Any] = {
        "kind": kind,
        "play": 1,
        "number": number,
        "at": NOW + timedelta(seconds=number),
        "known_at": NOW,
        "position_ms": 44_000,
        "from_ms": 12_500,
        "covered_ms": 26_500,
        "spent_ms": 26_500,
        "played": ((0, 12_500), (30_000, 44_000)),
        "rate_permille": 1250,
    }
    return Step(**values | changes)


def watching(*steps: Step) -> Watching:
    film = Film("0123456789abcdef" * 4, 1_200_000, Fraction(95, 100))
    ratio = Decimal("0.0220")
    return Watching("video:reading", 5, 9, PROGRAMME, MODULE, ratio, film, {1: "a" * 32, 2: "b" * 32}, steps)


def standing(ratio: str, module: Named | None = None, *, spent_ms: int = 5_400_000) -> Standing:
    return Standing("programme", 17, 9, PROGRAMME, module, Decimal(ratio), NOW, spent_ms)


ALL_STEPS = tuple(step(kind, number) for number, kind in enumerate(StepKind))


def of_kind(kind: StepKind) -> dict[str, Any]:
    position = list(StepKind).index(kind)
    return list(watching_statements(HERE, "wang.li", watching(*ALL_STEPS)))[position]


def test_every_kind_is_taken_by_the_model_that_is_made_for_it() -> None:
    statements = [
        *watching_statements(HERE, "wang.li", watching(*ALL_STEPS)),
        standing_statement(HERE, "wang.li", standing("0.5")),
        standing_statement(HERE, "王丽", standing("1", MODULE)),
        standing_statement(HERE, "t1", standing("0.0001", MODULE, spent_ms=0)),
        standing_statement(HERE, "t1", standing("1")),
    ]
    assert models_of(statements) == [
        "VideoInitialized",
        "VideoPlayed",
        "VideoPaused",
        "VideoSeeked",
        "VideoCompleted",
        "VideoTerminated",
        *["BaseXapiStatement"] * 4,
    ]


class TestVideoProfile:
    def test_a_pause_says_where_how_far_and_what_was_played(self) -> None:
        paused = of_kind(StepKind.PAUSED)
        assert paused["result"] == {
            "extensions": {
                f"{EXTENSIONS}/time": 44.0,
                f"{EXTENSIONS}/progress": 0.022,
                f"{EXTENSIONS}/played-segments": "0[.]12.5[,]30[.]44",
            }
        }
        assert paused["context"]["extensions"] == {
            f"{EXTENSIONS}/session-id": of_kind(StepKind.INITIALIZED)["id"],
            f"{EXTENSIONS}/length": 1200.0,
            f"{EXTENSIONS}/completion-threshold": 0.95,
        }
        assert paused["context"]["contextActivities"] == {
            "category": [
                {
                    "objectType": "Activity",
                    "id": "https://w3id.org/xapi/video",
                    "definition": {"type": "http://adlnet.gov/expapi/activities/profile"},
                }
            ],
            "parent": [
                {
                    "objectType": "Activity",
                    "id": "https://hours.example.org/xapi/programmes/rural/modules/reading",
                }
            ],
            "grouping": [{"objectType": "Activity", "id": "https://hours.example.org/xapi/programmes/rural"}],
        }

    def test_a_seek_says_from_where_to_where_and_nothing_else(self) -> None:
        assert of_kind(StepKind.SEEKED)["result"] == {
            "extensions": {f"{EXTENSIONS}/time-from": 12.5, f"{EXTENSIONS}/time-to": 44.0}
        }

    def test_only_a_completion_is_one_and_says_how_long_it_took(self) -> None:
        completed = of_kind(StepKind.COMPLETED)["result"]
        assert (completed["completion"], completed["duration"]) == (True, "PT26.5S")
        for kind in set(StepKind) - {StepKind.COMPLETED}:
            assert "completion" not in of_kind(kind).get("result", {})

    def test_playing_says_how_fast(self) -> None:
        assert of_kind(StepKind.PLAYED)["context"]["extensions"][f"{EXTENSIONS}/speed"] == "1.25x"

    def test_people_are_known_by_their_accounts_alone(self) -> None:
        assert of_kind(StepKind.PLAYED)["actor"] == {
            "objectType": "Agent",
            "account": {"homePage": "https://hours.example.org", "name": "wang.li"},
        }

    def test_films_are_named_in_both_languages(self) -> None:
        assert of_kind(StepKind.PLAYED)["object"] == {
            "objectType": "Activity",
            "id": "https://hours.example.org/xapi/programmes/rural/modules/reading/films/0123456789abcdef",
            "definition": {
                "type": "https://w3id.org/xapi/video/activity-type/video",
                "name": {"zh-CN": "读懂学生", "en": "Understanding pupils"},
            },
        }


class TestStandings:
    def test_half_way_is_progress(self) -> None:
        statement = standing_statement(HERE, "wang.li", standing("0.5", MODULE))
        assert statement["verb"]["id"] == "http://adlnet.gov/expapi/verbs/progressed"
        assert statement["result"] == {"completion": False, "score": {"scaled": 0.5}, "duration": "PT5400S"}
        assert statement["timestamp"] == "2026-11-24T12:00:00.000Z"

    def test_the_whole_is_completed(self) -> None:
        statement = standing_statement(HERE, "wang.li", standing("1"))
        assert statement["verb"]["id"] == "http://adlnet.gov/expapi/verbs/completed"
        assert statement["result"]["completion"] is True
        assert statement["object"]["definition"]["type"] == "http://adlnet.gov/expapi/activities/course"


class TestIds:
    def test_they_are_the_same_every_time_and_each_a_uuid_of_its_own(self) -> None:
        def made() -> list[dict[str, Any]]:
            steps = watching(*ALL_STEPS, step(StepKind.INITIALIZED, 0, play=2))
            standings = [standing("0.5"), standing("0.6"), standing("1")]
            return [
                *watching_statements(HERE, "wang.li", steps),
                *(standing_statement(HERE, "wang.li", one) for one in standings),
            ]

        ids = [UUID(statement["id"]) for statement in made()]
        assert made() == made()
        assert len(set(ids)) == len(ids)
        assert {one.version for one in ids} == {5}

    def test_two_installations_share_none(self) -> None:
        elsewhere = standing_statement(Installation("https://other.example.org"), "wang.li", standing("0.5"))
        assert elsewhere["id"] != standing_statement(HERE, "wang.li", standing("0.5"))["id"]


MILLISECONDS = st.integers(0, 100_000_000)


@given(st.lists(st.tuples(MILLISECONDS, MILLISECONDS), max_size=5))
def test_played_segments_read_back_to_the_millisecond(segments: list[tuple[int, int]]) -> None:
    text = played_segments(tuple(segments))
    parts = [part.split("[.]") for part in text.split("[,]")] if text else []
    assert [(round(float(start) * 1000), round(float(end) * 1000)) for start, end in parts] == segments
