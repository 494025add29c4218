"""School-based activities (校本研修) that learners hand in: what is wrong with one, and who has to approve it next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from lms_plugin.domain.modes import SchoolActivityKind, StudyRule
from lms_plugin.domain.own_text import measure
from lms_plugin.domain.programme import Window

LONGEST_TITLE: Final = 200
LONGEST_TEXT: Final = 20_000
LONGEST: Final = timedelta(hours=8)
"""One activity is at most a working day; a longer one is handed in day by day."""
LEAST_CHARACTERS: Final = 30
"""Chinese characters (two for a word of another language) of a text that is evidence without a file."""

SUBMITTED, SCHOOL_APPROVED, APPROVED, RETURNED, REFUSED = (
    "submitted",
    "school_approved",
    "approved",
    "returned",
    "refused",
)
SCHOOL, COUNTY = "school", "county"


@dataclass(frozen=True, slots=True)
class HandedIn:
    """An activity as it is handed in; `kind` is what the form says, which may be no kind at all."""

    kind: str
    title: str
    text: str
    starts_at: datetime | None
    ends_at: datetime | None
    files: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with what was handed in: which part of it, a stable code and figures."""

    part: str
    code: str
    params: dict[str, object] = field(default_factory=dict)


def faults_of(activity: HandedIn, rule: StudyRule, window: Window, now: datetime) -> list[Fault]:
    """Everything that is wrong with an activity; nothing where it can be taken."""
    found = [*_faults_of_kind(activity.kind, rule), *_faults_of_words(activity)]
    starts_at, ends_at = activity.starts_at, activity.ends_at
    if starts_at is None:
        found.append(Fault("starts_at", "time_missing"))
    if ends_at is None:
        found.append(Fault("ends_at", "time_missing"))
    if starts_at is None or ends_at is None:
        return found
    if ends_at <= starts_at:
        found.append(Fault("ends_at", "ends_before_it_starts"))
    elif ends_at - starts_at > LONGEST:
        found.append(Fault("ends_at", "activity_too_long", {"hours": LONGEST // timedelta(hours=1)}))
    if starts_at < window.opens_at or ends_at > window.closes_at:
        found.append(Fault("starts_at", "activity_outside_window"))
    if ends_at > now:
        found.append(Fault("ends_at", "activity_in_future"))
    return found


def levels_passed(state: str, levels: Sequence[str]) -> int:
    """How many of the approvals an activity has."""
    if state == APPROVED:
        return len(levels)
    return 1 if state == SCHOOL_APPROVED else 0


def next_level(state: str, levels: Sequence[str]) -> str | None:
    """Who approves next: "school" or "county"; None where nobody does."""
    if state not in (SUBMITTED, SCHOOL_APPROVED):
        return None
    passed = levels_passed(state, levels)
    return levels[passed] if passed < len(levels) else None


def after_approval(state: str, levels: Sequence[str]) -> str:
    """The state after one more approval; without any level to wait for it is approved at once."""
    passed = levels_passed(state, levels)
    return APPROVED if passed + 1 >= len(levels) else SCHOOL_APPROVED


def _faults_of_kind(kind: str, rule: StudyRule) -> list[Fault]:
    if kind not in [one.value for one in SchoolActivityKind]:
        return [Fault("kind", "kind_missing")]
    if rule.activity(SchoolActivityKind(kind)) is None:
        return [Fault("kind", "kind_does_not_count")]
    return []


def _faults_of_words(activity: HandedIn) -> list[Fault]:
    found = []
    if not activity.title.strip():
        found.append(Fault("title", "activity_title_missing"))
    elif len(activity.title.strip()) > LONGEST_TITLE:
        found.append(Fault("title", "title_too_long", {"longest": LONGEST_TITLE}))
    if len(activity.text) > LONGEST_TEXT:
        found.append(Fault("text", "body_too_long", {"longest": LONGEST_TEXT}))
    characters, words = measure(activity.text)
    if not activity.files and characters + 2 * words < LEAST_CHARACTERS:
        found.append(Fault("text", "evidence_missing", {"characters": LEAST_CHARACTERS}))
    return found
