"""The programme office's report: who has completed, who is under way, who has not begun."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from flask import render_template, request
from flask_babel import gettext as _

from lms_plugin.domain.errors import Malformed
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import access, catalogue, regions, reports
from lms_plugin.web.numbers import in_query

ROWS_ON_A_PAGE = 100
LAST_PAGE = 100
"""Whoever wants more than this takes the file: each page is read from the beginning."""
# A county is known by what it lies in: names repeat across the country.
GROUPINGS = {
    "": (),
    "province": ("province",),
    "city": ("province", "city"),
    "county": ("province", "city", "county"),
    "school": ("province", "city", "county", "school"),
    "class_group": ("class_group",),
    "learner": ("learner",),
}


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A page of a report's rows, as dictionaries by the report's column keys."""

    rows: Sequence[dict[str, reports.Value]]
    columns: Sequence[reports.Column]
    has_more: bool


def report() -> str:
    """The completion report: each programme in short, and one table by region, class group or learner."""
    actor, shared = current_actor(), context()
    programme = request.args.get("programme") or None
    region = request.args.get("region") or None
    grouping = request.args.get("group_by", "")
    if grouping not in GROUPINGS:
        raise Malformed("unknown_grouping", grouping=grouping, known=tuple(GROUPINGS))
    page = min(in_query("page", 1, least=1), LAST_PAGE)
    now = shared.clock()
    reports.settle(shared.database, actor, now, programme_key=programme, region_code=region)
    with shared.database.reading() as store:
        scope = access.office_scope(actor)
        places = regions.choices(store, scope, region)
        programmes = [one.programme for one in catalogue.all_in_force(store)]
        whole = reports.completions(store, actor, programme_key=programme, region_code=region)
        summary = _taken(whole, 0)
        table = None
        if grouping:
            found = reports.completions(
                store, actor, programme_key=programme, region_code=region, group_by=GROUPINGS[grouping]
            )
            table = _taken(found, (page - 1) * ROWS_ON_A_PAGE)
    return render_template(
        "office.html",
        programmes=programmes,
        places=places,
        summary=summary,
        table=table,
        page=page,
        last_page=LAST_PAGE,
        now=now,
        chosen={"programme": programme, "region": region, "group_by": grouping or None},
        groupings=_grouping_names(),
        file_grouping=",".join(GROUPINGS[grouping]) or None,
    )


def _taken(found: reports.Report, first: int) -> ShownReport:
    keys = [column.key for column in found.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in islice(found.rows, first, first + ROWS_ON_A_PAGE + 1)]
    return ShownReport(rows[:ROWS_ON_A_PAGE], found.columns, len(rows) > ROWS_ON_A_PAGE)


def _grouping_names() -> list[tuple[str, str]]:
    return [
        ("", _("Programmes only")),
        ("province", _("Province")),
        ("city", _("City")),
        ("county", _("County")),
        ("school", _("School")),
        ("class_group", _("Class group")),
        ("learner", _("Learner")),
    ]
