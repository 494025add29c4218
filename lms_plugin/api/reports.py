"""For the programme office: completion reports, and what the LMS has been told."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal

from flask import Response, jsonify

from lms_plugin.api.reading import read_query
from lms_plugin.api.shapes import (
    CompletionsQuery,
    DeliveriesAnswer,
    DeliveriesQuery,
    DeliveryAnswer,
)
from lms_plugin.domain.programme import Text
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import report_wording
from lms_plugin.services import delivery_list, reportfile, reports

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def completions() -> Response:
    """The completion report of whatever the admin answers for.

    `group_by` lists province, city, county, school, class_group or learner, separated by commas. CSV and XLSX are
    streamed.
    """
    actor, shared, query = current_actor(), context(), read_query(CompletionsQuery)
    now, group_by = shared.clock(), [one for one in query.group_by.split(",") if one]
    chosen = {"programme_key": query.programme, "region_code": query.region}
    reports.settle(shared.database, actor, now, **chosen)
    wording = report_wording(current_language())
    with ExitStack() as held:
        store = held.enter_context(shared.database.reading())
        report = reports.completions(store, actor, now, group_by=group_by, **chosen)
        if query.format == "json":
            return jsonify(
                columns=[{"key": column.key, "title": wording.label(column)} for column in report.columns],
                rows=[
                    {
                        column.key: _plain(value, wording.language)
                        for column, value in zip(report.columns, row, strict=True)
                    }
                    for row in report.rows
                ],
                as_of=now.isoformat().replace("+00:00", "Z"),
            )
        # The rows are read while the answer is sent: the session outlives this function and ends with the stream.
        open_until_sent = held.pop_all()
    write = reportfile.csv_chunks if query.format == "csv" else reportfile.xlsx_chunks
    response = Response(
        _streamed(write(report, wording), open_until_sent),
        mimetype="text/csv" if query.format == "csv" else XLSX,
    )
    name = f"completions-{query.programme or 'all'}-{now:%Y%m%d}.{query.format}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def deliveries() -> Response:
    """What the LMS is owed and was told, in order of id: rows above `after`, of a platform or state."""
    actor, query = current_actor(), read_query(DeliveriesQuery)
    with context().database.reading() as store:
        found = delivery_list.deliveries(
            store,
            actor,
            platform_key=query.platform,
            state=query.state,
            after=query.after,
            limit=query.limit,
        )
    answer = DeliveriesAnswer(
        deliveries=[
            DeliveryAnswer(
                id=one.id,
                platform=one.platform_key,
                login=one.learner_login,
                programme=one.programme_key,
                course_key=one.course_key,
                block_key=one.block_key,
                ratio=one.ratio,
                state=one.state,
                attempts=one.attempts,
                acknowledged_ratio=one.acknowledged_ratio,
                acknowledged_at=one.acknowledged_at,
                next_attempt_at=one.next_attempt_at,
                last_error_code=one.error_code,
                last_error_words=one.error_words,
            )
            for one in found
        ],
        next_after=found[-1].id if len(found) == query.limit else None,
    )
    return jsonify(answer.model_dump(mode="json"))


def _streamed(chunks: Iterator[bytes], held: ExitStack) -> Iterator[bytes]:
    with held:
        yield from chunks


def _plain(value: reports.Value, language: str) -> object:
    match value:
        case Text():
            return value.in_language(language)
        case Decimal():
            return float(value)
        case datetime():
            return value.isoformat()
        case _:
            return value
