"""The hours of an enrolment and the ledger behind every figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.entry_wording import source_sentence
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.services import access, catalogue, dispute_list, hours, study
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.web.numbers import in_query
from lms_plugin.web.standing import standing_of
from lms_plugin.web.stretches import all_not_counted

ENTRIES_ON_A_PAGE = 50
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """A credit entry with its source in words and its component's sum up to and with it."""

    row: CreditEntryRow
    component: str
    source: str
    thread_id: int | None
    sum_ms: int
    sum_class_hours: Decimal


def hours_page(enrolment_id: int) -> ResponseReturnValue:
    """Figures per component and in total, what is missing, and the credit entries that make them up."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        access.visible_enrolment(store, actor, enrolment_id)
    standing = standing_of(enrolment_id)
    with shared.database.reading() as store:
        rows = _all_entries(store, enrolment_id)
        where = study.who_and_where(store, standing.enrolment)
        modules = study.modules(
            store, catalogue.for_enrolment(store, standing.enrolment, shared.clock()), standing.enrolment
        )
        tutors = access.tutors_enrolment(store, actor, standing.enrolment)
        disputes = dispute_list.of_enrolment(store, standing.enrolment, shared.clock())
    is_own = standing.enrolment.user_id == actor.user_id
    programme = standing.hours.programme
    wanted = programme.component(request.args.get("component", ""))
    entries = [one for one in _shown(rows, programme) if wanted is None or one.row.component_key == wanted.key]
    page = in_query("page", 1, least=1)
    first = (page - 1) * ENTRIES_ON_A_PAGE
    return render_template(
        "hours.html",
        standing=standing,
        where=where,
        is_own=is_own,
        is_tutor=tutors,
        not_counted=all_not_counted(modules, enrolment_id, is_own=is_own),
        component=wanted,
        entries=entries[first : first + ENTRIES_ON_A_PAGE],
        entry_count=len(entries),
        disputed={one.row.entry_number for one in disputes if one.is_undecided},
        disputes=disputes,
        page=page,
        pages=max(1, -(-len(entries) // ENTRIES_ON_A_PAGE)),
    )


def _all_entries(store: Session, enrolment_id: int) -> list[CreditEntryRow]:
    """Every entry, so that each page can say the sum so far."""
    found: list[CreditEntryRow] = []
    while batch := hours.entries(store, enrolment_id, after=found[-1].number if found else 0, limit=_BATCH):
        found.extend(batch)
    return found


def _shown(rows: Sequence[CreditEntryRow], programme: Programme) -> list[ShownEntry]:
    language = current_language()
    titles = {one.key: one.title.in_language(language) for one in programme.components}
    sums: dict[str, int] = {}
    shown = []
    for row in rows:
        sums[row.component_key] = sums.get(row.component_key, 0) + row.amount_ms
        sum_ms = sums[row.component_key]
        shown.append(
            ShownEntry(
                row=row,
                component=titles.get(row.component_key, row.component_key),
                source=source_sentence(row, programme, language),
                thread_id=_thread_of(row),
                sum_ms=sum_ms,
                sum_class_hours=class_hours(sum_ms, programme.class_hour_ms, rounding=ROUND_DOWN),
            )
        )
    return shown


def _thread_of(row: CreditEntryRow) -> int | None:
    thread = row.detail.get("thread")
    return thread if row.source_kind == "post" and isinstance(thread, int) else None
