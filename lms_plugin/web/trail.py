"""The trail of what tutors did: the tutor's own, and all that an office answers for; as a page or CSV."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.trail_wording import deed_sentence, kinds
from lms_plugin.http.wording import report_wording
from lms_plugin.services import reportfile, reports, trail
from lms_plugin.services.reports import Kind, Report, Row
from lms_plugin.services.trail import Deed, Sought
from lms_plugin.web.numbers import id_in_query

ROWS_ON_A_PAGE = 50
MOST_IN_FILE = 50_000
COLUMNS = ("happened_at", "actor", "on_behalf_of", "kind", "what", "class_group", "learner", "about")


def own() -> ResponseReturnValue:
    """What the tutor did, and others on their behalf."""
    return _trail("pages.tutor_trail", trail.own)


def office() -> ResponseReturnValue:
    """What was done about the learners and class groups that an office admin answers for."""
    return _trail("pages.office_trail", trail.for_office)


def _trail(endpoint: str, read: Callable[..., Iterator[Deed]]) -> ResponseReturnValue:
    actor, shared = current_actor(), context()
    form = {name: request.args.get(name, "").strip() for name in ("kind", "login", "first", "last")}
    sought = Sought(
        kind=form["kind"] if form["kind"] in kinds() else "",
        login=form["login"].lower(),
        class_group_id=id_in_query("group"),
        since=_midnight(form["first"], 0),
        before=_midnight(form["last"], 1),
    )
    with shared.database.reading() as store:
        if request.args.get("format") == "csv":
            return _file(read(store, actor, sought, limit=MOST_IN_FILE))
        below = id_in_query("below")
        found = list(islice(read(store, actor, sought, below=below, limit=ROWS_ON_A_PAGE + 1), ROWS_ON_A_PAGE + 1))
    return render_template(
        "trail.html",
        endpoint=endpoint,
        deeds=[(one, deed_sentence(one)) for one in found[:ROWS_ON_A_PAGE]],
        below=found[ROWS_ON_A_PAGE - 1].row.id if len(found) > ROWS_ON_A_PAGE else None,
        is_first=below is None,
        names=kinds(),
        choices=[("", _("Everything")), *kinds().items()],
        form=form,
        group_id=sought.class_group_id,
    )


def _file(deeds: Iterator[Deed]) -> Response:
    timezone, names = ZoneInfo(context().timezone), kinds()

    def row(one: Deed) -> Row:
        return (
            one.row.happened_at.astimezone(timezone),
            one.actor_name,
            one.on_behalf_of,
            names.get(one.row.kind, one.row.kind),
            deed_sentence(one),
            one.group_name,
            one.learner_name,
            one.row.about,
        )

    columns = tuple(reports.Column(key, Kind.INSTANT if key == "happened_at" else Kind.TEXT) for key in COLUMNS)
    wording = replace(report_wording(current_language()), labels=_labels())
    report = Report(columns, (row(one) for one in deeds), lambda: None)
    response = Response(b"".join(reportfile.csv_chunks(report, wording)), mimetype="text/csv")
    name = f"trail-{context().clock().astimezone(timezone):%Y%m%d}.csv"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _labels() -> dict[str, str]:
    return {
        "happened_at": _("When"),
        "actor": _("Who"),
        "on_behalf_of": _("On behalf of"),
        "kind": _("Kind"),
        "what": _("Deed"),
        "class_group": _("Class group"),
        "learner": _("Learner"),
        "about": _("Reference"),
    }


def _midnight(text: str, days_later: int) -> datetime | None:
    """The beginning of a day that was typed, or of one after it; None where it is no day."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days_later)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(day, time.min, ZoneInfo(context().timezone))
