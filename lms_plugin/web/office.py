"""The programme office's reports: who has completed and who has not begun; and in brief, who keeps up."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.pace import PaceState
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import report_wording
from lms_plugin.services import access, brief, catalogue, regions, reportfile, reports
from lms_plugin.services.access import Actor
from lms_plugin.web.numbers import in_query
from lms_plugin.web.pace import state_name

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
IN_BRIEF = tuple(one for one in GROUPINGS if one != "learner")
"""The brief is about many: it names no single learner."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked for: a programme and a region (None: all), what it is broken down by, and which page."""

    programme: str | None
    region: str | None
    grouping: str
    page: int

    @property
    def group_by(self) -> tuple[str, ...]:
        return GROUPINGS[self.grouping]


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A page of a report's rows, as dictionaries by the report's column keys."""

    rows: Sequence[dict[str, reports.Value]]
    columns: Sequence[reports.Column]
    has_more: bool


def report() -> str:
    """The completion report: each programme in short, and one table by region, class group or learner."""
    actor, shared, asked = current_actor(), context(), _asked(GROUPINGS)
    now = shared.clock()
    reports.settle(shared.database, actor, now, programme_key=asked.programme, region_code=asked.region)
    with shared.database.reading() as store:
        read = partial(reports.completions, store, actor, now, programme_key=asked.programme, region_code=asked.region)
        values = _shown(store, actor, now, asked, GROUPINGS, read)
    return render_template("office.html", file_grouping=",".join(asked.group_by) or None, **values)


def progress_brief() -> ResponseReturnValue:
    """The brief: who is through, on track, behind, or has not begun, by region or class group; as a page or CSV."""
    actor, shared, asked = current_actor(), context(), _asked(IN_BRIEF)
    now = shared.clock()
    with shared.database.reading() as store:
        read = partial(brief.brief, store, actor, now, programme_key=asked.programme, region_code=asked.region)
        if request.args.get("format") == "csv":
            # A few thousand rows at most: one for each class group or school.
            body = b"".join(reportfile.csv_chunks(read(group_by=asked.group_by), _wording()))
            return _file(body, f"brief-{asked.programme or 'all'}-{now:%Y%m%d}")
        values = _shown(store, actor, now, asked, IN_BRIEF, read)
    return render_template("brief.html", **values)


def _asked(groupings: Iterable[str]) -> Asked:
    grouping = request.args.get("group_by", "")
    if grouping not in groupings:
        raise Malformed("unknown_grouping", grouping=grouping, known=tuple(groupings))
    return Asked(
        request.args.get("programme") or None,
        request.args.get("region") or None,
        grouping,
        min(in_query("page", 1, least=1), LAST_PAGE),
    )


def _shown(
    store: Session,
    actor: Actor,
    now: datetime,
    asked: Asked,
    groupings: Iterable[str],
    read: Callable[..., reports.Report],
) -> dict[str, Any]:
    """What the templates of both reports show: the programmes in short, one table, and what can be chosen."""
    places = regions.choices(store, access.office_scope(actor), asked.region)
    programmes = [one.programme for one in catalogue.all_in_force(store, now)]
    summary = _taken(read(), 0)
    table = _taken(read(group_by=asked.group_by), (asked.page - 1) * ROWS_ON_A_PAGE) if asked.grouping else None
    return {
        "programmes": programmes,
        "places": places,
        "summary": summary,
        "table": table,
        "page": asked.page,
        "last_page": LAST_PAGE,
        "now": now,
        "chosen": {"programme": asked.programme, "region": asked.region, "group_by": asked.grouping or None},
        "groupings": [(one, _grouping_name(one)) for one in groupings],
    }


def _taken(found: reports.Report, first: int) -> ShownReport:
    """A page of rows, from the row with this index on."""
    keys = [column.key for column in found.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in islice(found.rows, first, first + ROWS_ON_A_PAGE + 1)]
    return ShownReport(rows[:ROWS_ON_A_PAGE], found.columns, len(rows) > ROWS_ON_A_PAGE)


def _grouping_name(grouping: str) -> str:
    return {
        "": _("Programmes only"),
        "province": _("Province"),
        "city": _("City"),
        "county": _("County"),
        "school": _("School"),
        "class_group": _("Class group"),
        "learner": _("Learner"),
    }[grouping]


def _wording() -> reportfile.Wording:
    wording = report_wording(current_language())
    names = {
        "on_track": state_name(PaceState.ON_TRACK),
        "behind": state_name(PaceState.BEHIND),
        "not_started": state_name(PaceState.NOT_STARTED),
        "completed": state_name(PaceState.COMPLETE),
        "behind_ratio": _("Share behind or not begun"),
    }
    return replace(wording, labels={**wording.labels, **names})


def _file(body: bytes, name: str) -> Response:
    response = Response(body, mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.csv")
    return response
