"""Rows of a file of completions earned elsewhere: each read into what it claims, or all that is wrong with it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from lms_plugin.domain.hours import milliseconds_of
from lms_plugin.domain.programme import MINUTE_MS, Component, Programme
from lms_plugin.services import elsewhere
from lms_plugin.services.access import Actor
from lms_plugin.services.elsewhere import Claim
from lms_plugin.services.findings import Finding
from lms_plugin.services.rosterfile import TableRow
from lms_plugin.services.study_rules import Place, Rules
from lms_plugin.storage.programmes import Enrolment

MOST_MINUTES: Final = 30_000
"""The most that one completion can be: 500 hours."""
LONGEST: Final[Mapping[str, int]] = {
    "course": 200,
    "institution": 200,
    "person": 120,
    "reference": 100,
    "reason": 500,
}
_NEEDED = ("course", "institution", "person", "reference")
_DAY = re.compile(r"(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?(?:[ T]00:00(?::00)?)?")


@dataclass(frozen=True, slots=True)
class Learner:
    """A learner whom a row names."""

    enrolment: Enrolment
    login: str
    name: str

    @property
    def place(self) -> Place:
        one = self.enrolment
        return Place(one.id, one.user_id, one.programme_id, one.variant, one.state)


def claim_of(
    row: TableRow, learner: Learner | None, rules: Rules, current: Programme, actor: Actor, now: datetime
) -> tuple[Claim | None, list[Finding]]:
    """What a row claims, or everything that is wrong with it."""
    wrong = [
        Finding(row.number, column, "cell_missing")
        for column in ("component", "completed_on", *_NEEDED)
        if not row.values.get(column)
    ]
    for column, longest in LONGEST.items():
        if len(row.values.get(column, "")) > longest:
            wrong.append(Finding(row.number, column, "cell_too_long", {"longest": longest}))
    completed_on = _day_of(row.values.get("completed_on", ""))
    if completed_on is None and row.values.get("completed_on"):
        value = row.values["completed_on"]
        wrong.append(Finding(row.number, "completed_on", "completed_on_malformed", {"value": value}))
    amount, found = _amount_of(row)
    wrong += found
    if learner is None or completed_on is None:
        return None, wrong
    if learner.enrolment.user_id == actor.user_id:
        wrong.append(Finding(row.number, "login", "elsewhere_own"))
    if learner.enrolment.state != "active":
        wrong.append(Finding(row.number, "login", "candidate_withdrawn"))
    programme = rules.at(learner.place, elsewhere.moment_of(current, completed_on)).programme
    wrong += _day_faults(row, completed_on, programme, now)
    component, found = _component_of(row, programme)
    wrong += found
    given_ms = _given_ms(amount, programme)
    if given_ms > MOST_MINUTES * MINUTE_MS:
        wrong.append(Finding(row.number, "class_hours", "hours_over_most", {"most": MOST_MINUTES // 60}))
    if wrong or component is None:
        return None, wrong
    values = row.values
    return (
        Claim(
            enrolment_id=learner.enrolment.id,
            institution=values["institution"],
            reference=values["reference"],
            component_key=component.key,
            given_ms=given_ms,
            completed_on=completed_on,
            title=values["course"],
            person=values["person"],
            reason=values.get("reason", ""),
        ),
        [],
    )


def _amount_of(row: TableRow) -> tuple[tuple[str, Decimal] | None, list[Finding]]:
    """("class_hours" or "minutes", how many) of a row."""
    given = [(column, row.values[column]) for column in ("class_hours", "minutes") if row.values.get(column)]
    if len(given) != 1:
        return None, [Finding(row.number, "class_hours", "hours_and_minutes" if given else "hours_missing")]
    column, text = given[0]
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not 0 < amount <= MOST_MINUTES or not isinstance(exponent, int) or exponent < -4:
        return None, [Finding(row.number, column, "hours_malformed", {"value": text})]
    return (column, amount), []


def _given_ms(amount: tuple[str, Decimal] | None, programme: Programme) -> int:
    if amount is None:
        return 0
    return milliseconds_of(amount[1], programme.class_hour_ms if amount[0] == "class_hours" else MINUTE_MS)


def _day_of(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    try:
        return date(*(int(part) for part in found.groups())) if found is not None else None
    except ValueError:
        return None


def _day_faults(row: TableRow, day: date, programme: Programme, now: datetime) -> Iterator[Finding]:
    window = programme.window
    if day > window.day_of(now):
        yield Finding(row.number, "completed_on", "completed_on_to_come", {"value": day.isoformat()})
    elif not window.opens_on <= day < window.closes_on:
        params = {
            "value": day.isoformat(),
            "opens": window.opens_on.isoformat(),
            "closes": window.closes_on.isoformat(),
        }
        yield Finding(row.number, "completed_on", "completed_on_outside_window", params)


def _component_of(row: TableRow, programme: Programme) -> tuple[Component | None, list[Finding]]:
    """The component that a row names by its key or title, where it takes anything from elsewhere."""
    named = row.values.get("component", "")
    if not named:
        return None, []
    found = next((one for one in programme.components if named in (one.key, one.title.zh, one.title.en)), None)
    if found is None:
        return None, [Finding(row.number, "component", "component_unknown", {"value": named})]
    if not found.study.elsewhere_share:
        return None, [Finding(row.number, "component", "component_takes_none", {"value": named})]
    return found, []
