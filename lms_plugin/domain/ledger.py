"""The ledger's chain: what a credit entry says, and the hash that ties it to the one before it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

GENESIS = "0" * 64
"""The hash before the first entry of every enrolment."""


@dataclass(frozen=True, slots=True)
class CreditEntry:
    """One entry: `amount_ms` of credit for a component, where it comes from, under which rule, and who decided.

    Entries of an enrolment are numbered from 1. A correction is a new entry with a negative amount.
    `source_kind` and `source_id` name the evidence (a playback session, a post); `detail` says the rest.
    """

    enrolment_id: int
    number: int
    component_key: str
    amount_ms: int
    source_kind: str
    source_id: str
    detail: Mapping[str, object]
    rule_version: str
    decided_by_id: int | None
    recorded_at: datetime
    previous_hash: str

    @property
    def hash(self) -> str:
        """SHA-256, in hex, over the canonical JSON of all fields, the previous hash included."""
        content = json.dumps(
            [
                self.enrolment_id,
                self.number,
                self.component_key,
                self.amount_ms,
                self.source_kind,
                self.source_id,
                self.detail,
                self.rule_version,
                self.decided_by_id,
                self.recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
                self.previous_hash,
            ],
            ensure_ascii=True,
            separators=(",", ":"),
            sort_keys=True,
        )
        return hashlib.sha256(content.encode()).hexdigest()


def first_break(entries: Iterable[tuple[CreditEntry, str]], head: tuple[int, str] | None = None) -> int | None:
    """The number of the first entry (given with its stored hash, in order) that breaks the chain, or None.

    `head` is the number and hash of what is known to be the last entry, (0, GENESIS) before the first: with it,
    entries that are missing from the end are named too.
    """
    previous, expected = GENESIS, 1
    for entry, stored_hash in entries:
        if entry.number != expected or entry.previous_hash != previous or entry.hash != stored_hash:
            return entry.number
        previous, expected = stored_hash, expected + 1
    if head is None or head == (expected - 1, previous):
        return None
    return head[0] if head[0] == expected - 1 else min(expected, head[0] + 1)
