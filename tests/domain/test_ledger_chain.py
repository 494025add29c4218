"""The ledger's chain: whatever is changed, dropped, swapped or put in between shows, and the first one is named."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.ledger import GENESIS, CreditEntry, first_break

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
Chain = list[tuple[CreditEntry, str]]


def entry(number: int = 1, previous_hash: str = GENESIS, amount_ms: int = 300_000) -> CreditEntry:
    return CreditEntry(
        enrolment_id=7,
        number=number,
        component_key="video",
        amount_ms=amount_ms,
        source_kind="playback_session",
        source_id=f"session-{number}",
        detail={"module": "一", "segments": [[0, amount_ms]]},
        rule_version="class-teachers@1 two-clocks/1",
        decided_by_id=None,
        recorded_at=AT + timedelta(minutes=number),
        previous_hash=previous_hash,
    )


def chain(length: int) -> Chain:
    entries: Chain = []
    for number in range(1, length + 1):
        one = entry(number, entries[-1][1] if entries else GENESIS, 1000 * number)
        entries.append((one, one.hash))
    return entries


def head(entries: Chain) -> tuple[int, str]:
    return (entries[-1][0].number, entries[-1][1]) if entries else (0, GENESIS)


@pytest.mark.parametrize("length", [0, 1, 2, 30])
def test_a_sound_chain_has_no_break(length: int) -> None:
    entries = chain(length)
    assert first_break(entries) is None
    assert first_break(entries, head(entries)) is None


CHANGES: dict[str, Any] = {
    "enrolment_id": 8,
    "number": 9,
    "component_key": "discussion",
    "amount_ms": 300_001,
    "source_kind": "post",
    "source_id": "session-1b",
    "detail": {"module": "一", "segments": [[0, 300_001]]},
    "rule_version": "class-teachers@2 two-clocks/1",
    "decided_by_id": 0,
    "recorded_at": AT + timedelta(minutes=1, microseconds=1),
    "previous_hash": "f" * 64,
}


def test_every_field_is_under_the_hash() -> None:
    assert CHANGES.keys() == {field.name for field in fields(CreditEntry)}
    assert len({replace(entry(), **{name: value}).hash for name, value in CHANGES.items()} | {entry().hash}) == 12


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_changed_entry_is_named(name: str, at: int) -> None:
    entries = chain(5)
    changed = replace(entries[at - 1][0], **{name: CHANGES[name]})
    entries[at - 1] = (changed, entries[at - 1][1])
    assert first_break(entries) == changed.number


def forged(number: int, entries: Chain) -> tuple[CreditEntry, str]:
    """An entry that continues the chain before it, with a hash that fits it."""
    one = entry(number, entries[number - 2][1])
    return one, one.hash


# What is done to a chain of five; the entry named without knowing the head, and with it
TAMPERED: dict[str, tuple[Callable[[Chain], object], int | None, int | None]] = {
    "the first dropped":          (lambda entries: entries.pop(0),                                2,    2),
    "one dropped":                (lambda entries: entries.pop(2),                                4,    4),
    "the last dropped":           (lambda entries: entries.pop(),                                 None, 5),
    "the last two dropped":       (lambda entries: (entries.pop(), entries.pop()),                None, 4),
    "all dropped":                (lambda entries: entries.clear(),                               None, 1),
    "two swapped":                (lambda entries: entries.insert(1, entries.pop(2)),             3,    3),
    "one put in":                 (lambda entries: entries.insert(2, forged(3, entries)),         3,    3),
    "one put at the end":         (lambda entries: entries.append(forged(6, entries)),            None, 6),
    "a stored hash changed":      (lambda entries: entries.append((entries.pop()[0], "0" * 64)),  5,    5),
    "one changed with its hash":  (lambda entries: entries.__setitem__(2, forged(3, entries)),    4,    4),
    "the last one with its hash": (lambda entries: entries.__setitem__(4, forged(5, entries)),    None, 5),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "named", "named_by_head"), TAMPERED.values(), ids=TAMPERED.keys())
def test_the_first_entry_that_does_not_fit_is_named(
    tamper: Callable[[Chain], object], named: int | None, named_by_head: int | None
) -> None:
    entries = chain(5)
    known = head(entries)
    tamper(entries)
    assert first_break(entries) == named
    assert first_break(entries, known) == named_by_head


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), json_values, max_size=4))
def test_what_a_store_gives_back_has_the_same_hash(detail: dict[str, object]) -> None:
    kept = replace(entry(), detail=detail)
    shuffled = dict(reversed(json.loads(json.dumps(detail)).items()))
    elsewhere = kept.recorded_at.astimezone(timezone(timedelta(hours=8)))
    assert replace(kept, detail=shuffled, recorded_at=elsewhere).hash == kept.hash
