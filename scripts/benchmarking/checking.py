"""Comparing what was answered with what is stored and with what the rule gives; to the millisecond."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.services import auditing
from lms_plugin.storage.activity import Coverage
from lms_plugin.storage.session import Database
from scripts.benchmarking.load import Answered
from scripts.benchmarking.seeding import Seeded

_OK = 200


@dataclass(slots=True)
class Account:
    """What one honest learner must have: every claim fits, so that the rule credits what of it is new, and whole."""

    learner: Seeded
    covered: Segments = NOTHING
    beats: int = 0
    differences: int = 0

    def take(self, answers: Sequence[Answered]) -> None:
        """Compare the answers to beats of one segment each, in the order in which they were sent."""
        for one in answers:
            self.compare(((one.from_ms, one.to_ms),), one.status, one.body)

    def compare(self, claimed: Segments, status: int, body: str) -> None:
        """Compare the answer to one beat with what the rule gives for it."""
        self.beats += 1
        if status != _OK:
            self.differences += 1
            return
        answer = json.loads(body)
        new = intervals.subtract(intervals.merge(claimed), self.covered)
        self.covered = intervals.merge(self.covered + new)
        self.differences += (
            read_spans(answer["credited"]) != new
            or answer["withheld"] != []
            or answer["held"] != []
            or round(answer["covered_seconds"] * 1000) != intervals.length(self.covered)
        )


def read_spans(spans: Sequence[Sequence[float]]) -> Segments:
    """Spans of an answer, in seconds, as segments in milliseconds."""
    return tuple((round(start * 1000), round(end * 1000)) for start, end in spans)


def compare_coverage(database: Database, accounts: Sequence[Account]) -> int:
    """How many films are not stored as covered exactly as was answered."""
    expected = {(one.learner.enrolment_id, one.learner.video_id): one.covered for one in accounts}
    with database.reading() as session:
        rows = session.execute(
            select(Coverage.enrolment_id, Coverage.video_id, Coverage.covered, Coverage.covered_ms)
        ).all()
    stored = {
        (row.enrolment_id, row.video_id): (intervals.unpack(row.covered), row.covered_ms)
        for row in rows
        if (row.enrolment_id, row.video_id) in expected
    }
    return sum(stored.get(key) != (covered, intervals.length(covered)) for key, covered in expected.items())


def audit(database: Database, accounts: Sequence[Account]) -> int:
    """How many enrolments the audit finds at odds with their evidence, replayed by the rule."""
    found = 0
    for account in accounts:
        with database.reading() as session:
            found += auditing.first_difference(session, account.learner.user_id) is not None
    return found
