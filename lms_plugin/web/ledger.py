"""The hours of an enrolment and the ledger behind every figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.services import access, hours, study
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.web.learner import standing_of
from lms_plugin.web.numbers import in_query
from lms_plugin.web.showing import clock

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
    programme = standing.hours.programme
    wanted = programme.component(request.args.get("component", ""))
    entries = [one for one in _shown(rows, programme) if wanted is None or one.row.component_key == wanted.key]
    page = in_query("page", 1, least=1)
    first = (page - 1) * ENTRIES_ON_A_PAGE
    return render_template(
        "hours.html",
        standing=standing,
        where=where,
        is_own=standing.enrolment.user_id == actor.user_id,
        component=wanted,
        entries=entries[first : first + ENTRIES_ON_A_PAGE],
        entry_count=len(entries),
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
                source=_source(row, programme, language),
                thread_id=_thread_of(row),
                sum_ms=sum_ms,
                sum_class_hours=class_hours(sum_ms, programme.class_hour_ms, rounding=ROUND_DOWN),
            )
        )
    return shown


def _source(row: CreditEntryRow, programme: Programme, language: str) -> str:
    """Where an entry comes from, in words."""
    key = row.detail.get("module")
    module = next((one.title.in_language(language) for one in programme.modules if one.key == key), str(key or ""))
    if row.source_kind == "playback_session":
        spans = _(", ").join(f"{clock(start)}–{clock(end)}" for start, end in row.detail.get("segments", []))
        return str(_("Watched “%(module)s”, %(spans)s", module=module, spans=spans))
    if row.source_kind == "post":
        thread = row.detail.get("title", "")
        return str(_("Post that counts in “%(thread)s” (%(module)s)", thread=thread, module=module))
    return str(_("Decision %(number)s", number=row.source_id))


def _thread_of(row: CreditEntryRow) -> int | None:
    thread = row.detail.get("thread")
    return thread if row.source_kind == "post" and isinstance(thread, int) else None
