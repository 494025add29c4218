"""Replaying a log: the same state after every step, and whatever was changed is named with its place."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from lms_plugin.domain.evidence import (
    NO_HEAD,
    Answered,
    Beaten,
    Delivered,
    Event,
    Opened,
    Outcome,
    Posted,
    Released,
    Ruled,
    Swept,
)
from lms_plugin.domain.programme import WatchingRule, Window
from lms_plugin.domain.replay import Differs, Replay
from lms_plugin.domain.watching import Claim, Reason, Stretch, Terms
from tests.domain.in_memory_desk import InMemoryDesk, PlayAtDesk

OPENED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 1), date(2026, 12, 16))
RULE = WatchingRule(presence_check_minutes=15, skipping_ahead=False, delivery_proof=True)
TERMS = {
    (1, 1): Terms(WINDOW, RULE, 3_600_000),
    (1, 2): Terms(WINDOW, replace(RULE, presence_tries=1)),
    (2, 1): Terms(WINDOW, replace(RULE, max_rate=Fraction(2))),
}
FILM_MS = {1: 600_000, 2: 300_000}


def after(seconds: float) -> datetime:
    return OPENED + timedelta(seconds=seconds)


class Story:
    """A day on which everything happens that can be recorded; `tell` is called after each step."""

    def __init__(self, tell: Callable[[InMemoryDesk], None] = lambda desk: None) -> None:
        self.desk = InMemoryDesk(FILM_MS, TERMS, draw=lambda _: 90_000, chunk_bytes=100)
        self.tell = tell
        first = self._did(self.desk.open(1, 1, OPENED))
        self._play(first, 1, 60, 0, 60)
        self._play(first, 2, 100, 80, 100, served=False)
        self._play(first, 3, 120, 60, 80)
        self.desk.serve(first.id, ((80_000, 100_000),))
        self._did(self.desk.prove(first.id, after(121)))
        self._did(self.desk.answer(1, False, after(125)))
        self._did(self.desk.answer(2, True, after(126)))
        self.desk.post(after(130))
        self._did(None)
        second = self._did(self.desk.open(1, 2, after(200)))
        self._play(second, 1, 300, 0, 95)
        self.desk.post(after(301))
        self._did(None)
        self._did(self.desk.sweep(after(500)))
        self._play(second, 2, 510, 95, 100)
        self.desk.versions[1] = 2
        self._play(second, 3, 800, 100, 101, unanswered=self.desk.presence.open_number)
        self.desk.post(after(801))
        self._did(self.desk.release(1, 2, ((10_000, 20_000),), after(802)))
        self._did(self.desk.answer(self.desk.presence.open_number or 0, True, after(803)))
        third = self._did(self.desk.open(2, 1, after(900)))
        self._play(third, 1, 910, 0, 30)
        self._play(first, 4, 911, 100, 110)
        self.desk.post(after(912))
        self._did(None)

    def _play(
        self,
        one: PlayAtDesk,
        seq: int,
        at: float,
        start: int,
        end: int,
        *,
        served: bool = True,
        unanswered: int | None = None,
    ) -> None:
        claim = Claim(start * 1000, end * 1000)
        if served:
            self.desk.serve(one.id, ((claim.from_ms, claim.to_ms),))
        self._did(self.desk.beat(one.id, seq, [claim], after(at), unanswered=unanswered))

    def _did(self, result: Any) -> Any:
        self.tell(self.desk)
        return result


def events_of(story: Story) -> list[Event]:
    return [event for event, _ in story.desk.events()]


def replayed(events: list[Event]) -> Replay:
    again = Replay(FILM_MS.__getitem__, lambda enrolment, version: TERMS[enrolment, version])
    for event in events:
        again.take(event, NO_HEAD)
    return again


def test_every_step_replays_to_the_same_state() -> None:
    states: list[int] = []

    def tell(desk: InMemoryDesk) -> None:
        desk.prove_by_replay()
        states.append(desk.log_bytes)

    story = Story(tell)
    assert states == sorted(states)
    kinds = {type(event) for event in events_of(story)}
    assert kinds == {Opened, Beaten, Answered, Swept, Ruled, Posted, Delivered, Released}
    assert len(story.desk.closed) > 1


def test_a_replay_knows_the_last_beat_the_checks_and_the_rules_of_a_session() -> None:
    story = Story()
    again = story.desk.replayed()
    assert [again.plays[number].last_seq for number in (1, 2, 3)] == [4, 3, 1]
    assert [one.version for one in again.plays.values()] == [one.version for one in story.desk.plays.values()]
    assert again.terms_of(again.plays[2]) == TERMS[1, 2]
    assert again.holder == 3
    first = again.checks[1]
    assert first is not None
    assert (first.check, first.is_right, first.next_check) == (1, False, 2)
    assert set(again.checks) == set(range(1, story.desk.put + 1))


def test_an_entry_knows_the_evidence_that_it_rests_on() -> None:
    story = Story()
    heads = [head for event, head in story.desk.events() if isinstance(event, Posted | Released)]
    assert [one.evidence for one in story.desk.replayed().entries] == heads


def test_a_log_that_was_cut_goes_on_with_its_numbers() -> None:
    desk = InMemoryDesk(FILM_MS, TERMS)
    desk.open(1, 1, OPENED)
    event = next(event for event, _ in desk.events())
    assert isinstance(event, Opened)
    again = Replay(FILM_MS.__getitem__, lambda enrolment, version: TERMS[enrolment, version], put=7, first_play=4)
    again.take(replace(event, play=5), NO_HEAD)
    assert list(again.plays) == [5]
    assert again.put == 7


def test_what_was_posted_without_an_entry_is_no_entry() -> None:
    events = [
        replace(event, entry=0) if isinstance(event, Posted | Released) else event for event in events_of(Story())
    ]
    assert replayed(events).entries == []


Change = Callable[[Any], Any]


def outcome(**fields: Any) -> Change:
    return lambda event: replace(event, outcome=replace(event.outcome, **fields))


def change(**fields: Any) -> Change:
    return lambda event: replace(event, **fields)


MINUTE = timedelta(minutes=1)

# which event of its kind is changed, and how; what the auditor reads
CHANGES: list[tuple[type, int, Change, str]] = [
    (Opened,    0, change(play=2),                    "playback session somebody-1 is number 2, not 1"),
    (Opened,    1, change(play=9),                    "playback session somebody-2 is number 9, not 2"),
    (Opened,    1, change(opened_at=after(199)),      "the lease of somebody-2 began at 2026-11-24T12:03:20.000"),
    (Opened,    0, change(opened_at=after(-60)),      "the lease of somebody-1 began at 2026-11-24T12:00:00.000"),
    (Opened,    0, change(max_rate_permille=16_000),  "the greatest rate of somebody-1 is not its programme's"),
    (Opened,    0, change(check=1),                   "with the opening of somebody-1 presence check 1 was put"),
    (Opened,    1, change(video_id=1),                "beat 1 of playback session somebody-2"),
    (Beaten,    0, change(play=7),                    "a playback session with the number 7, which was never opened"),
    (Beaten,    0, change(claims=(Claim(0, 61_000),)), "beat 1 of playback session somebody-1"),
    (Beaten,    0, change(at=after(10)),              "credited [0-60000] instead of [0-15000]"),
    (Beaten,    0, change(delivered=()),              "beat 1 of playback session somebody-1"),
    (Beaten,    0, change(draw_ms=0),                 "beat 1 of playback session somebody-1"),
    (Beaten,    1, change(draw_ms=5),                 "beat 2 of playback session somebody-1 drew a presence check"),
    (Beaten,    0, outcome(credited=((0, 60_001),)),  "credited [0-60001] instead of [0-60000]"),
    (Beaten,    0, outcome(credited=()),              "credited [] instead of [0-60000]"),
    (Beaten,    1, outcome(held=()),                  "held [] instead of [80000-100000 not_delivered]"),
    (Beaten,    0, outcome(covered_ms=60_001),        "covered_ms 60001 instead of 60000"),
    (Beaten,    0, outcome(lease_is_held=False),      "lease_is_held False instead of True"),
    (Beaten,    0, outcome(film_changed=True),        "film_changed True instead of False"),
    (Beaten,    0, outcome(check=3),                  "check 3 instead of 0"),
    (Beaten,    0, outcome(withheld=(Stretch(0, 1, Reason.TOO_FAST),)), "withheld [0-1 too_fast] instead of []"),
    (Answered,  0, change(check=3),                   "presence check 3 was not open at"),
    (Answered,  0, change(at=after(5_000)),           "presence check 1 was not open at 2026-11-24T13:23:20.000"),
    (Answered,  0, change(next_check=0),              "with the answer to presence check 1 presence check 0 was put"),
    (Answered,  0, change(is_right=True),             "with the answer to presence check 1"),
    (Answered,  1, change(is_right=False),            "with the answer to presence check 2|beat 1 of|were posted"),
    (Answered,  1, change(draw_ms=100_000),           "check 1 instead of 0|check 3 instead of 0"),
    (Swept,     0, change(at=after(301)),             "was given up at 2026-11-24T12:05:01.000+00:00 that"),
    (Ruled,     0, change(play=8),                    "a playback session with the number 8, which was never opened"),
    (Posted,    0, change(amount_ms=100_001),         "100001 ms of playback session somebody-1 were posted, the"),
    (Posted,    0, change(play=6),                    "a playback session with the number 6, which was never opened"),
    (Posted,    0, change(amount_ms=-100_000),        "-100000 ms of playback session somebody-1 were posted"),
    (Delivered, 0, change(play=6),                    "a playback session with the number 6, which was never opened"),
    (Delivered, 0, change(segments=()),               "beat|posted|presence check"),
    (Released,  0, change(segments=((0, 200_000),)),  "something of video 2 was released at 2026-11-24T12:13:22.000"),
    (Released,  0, change(video_id=9),                "something of video 9 was released"),
    (Released,  0, change(enrolment_id=2),            "something of video 2 was released"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "which", "changed", "says"), CHANGES)
def test_whatever_is_changed_is_named_with_its_place(kind: type, which: int, changed: Change, says: str) -> None:
    events = events_of(Story())
    place = [number for number, event in enumerate(events) if isinstance(event, kind)][which]
    events[place] = changed(events[place])
    with pytest.raises(Differs) as difference:
        replayed(events)
    assert any(part in str(difference.value) for part in says.split("|")), str(difference.value)


@pytest.mark.parametrize("place", range(len(events_of(Story()))))
def test_no_event_can_be_left_out(place: int) -> None:
    story = Story()
    events = events_of(story)
    without = events[:place] + events[place + 1 :]
    try:
        again = replayed(without)
    except Differs:
        return
    # What leaves no trace in what follows still gives another state, or another ledger.
    assert standing(again) != standing(story.desk.replayed())


def standing(again: Replay) -> tuple[object, ...]:
    plays = {number: (one.version, one.play) for number, one in again.plays.items()}
    return plays, again.films, again.presence, again.entries


def test_beats_cannot_change_places() -> None:
    events = events_of(Story())
    beats = [number for number, event in enumerate(events) if isinstance(event, Beaten)]
    events[beats[0]], events[beats[1]] = events[beats[1]], events[beats[0]]
    with pytest.raises(Differs):
        replayed(events)


def test_an_outcome_is_compared_in_every_part() -> None:
    assert set(Outcome.__dataclass_fields__) == {
        "credited", "withheld", "held", "covered_ms", "lease_is_held", "film_changed", "check"
    }  # fmt: skip
