"""Assignment and Grade Services 2.0: line items, scores, results."""

import math
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from tests.peers.lti.site.launch import line_item_url
from tests.peers.lti.site.names import (
    ACTIVITY_PROGRESS,
    GRADING_PROGRESS,
    LINE_ITEM,
    LINE_ITEM_READ_SCOPE,
    LINE_ITEM_SCOPE,
    LINE_ITEMS,
    RESULT_SCOPE,
    RESULTS,
    SCORE,
    SCORE_SCOPE,
)
from tests.peers.lti.site.store import Store
from tests.peers.lti.site.tokens import Tokens
from tests.peers.lti.site.web import Refusal, accepts, answer, bears, page_of

FILTERS = {"resource_link_id": "resource_link_id", "resource_id": "resource_id", "tag": "tag"}


class Grades:
    def __init__(self, store: Store, issuer: str, tokens: Tokens) -> None:
        self._store = store
        self._issuer = issuer
        self._tokens = tokens

    def line_items(self, request: Request) -> Response:
        if request.method == "POST":
            return self._make(request)
        client = self._tokens.client(request, LINE_ITEM_SCOPE, LINE_ITEM_READ_SCOPE)
        accepts(request, LINE_ITEMS)
        wanted = {column: request.args[name] for name, column in FILTERS.items() if name in request.args}
        rows = [
            row
            for row in self._store.rows("SELECT * FROM line_items WHERE client_id = ? ORDER BY id", client)
            if all(row[column] == value for column, value in wanted.items())
        ]
        start, end, following = page_of(request, len(rows), self._store.setting("page_size"))
        return answer([self._shown(row) for row in rows[start:end]], media_type=LINE_ITEMS, next_page=following)

    def line_item(self, request: Request, number: int) -> Response:
        if request.method == "GET":
            row = self._own(request, number, LINE_ITEM_SCOPE, LINE_ITEM_READ_SCOPE)
            accepts(request, LINE_ITEM)
            return answer(self._shown(row), media_type=LINE_ITEM)
        row = self._own(request, number, LINE_ITEM_SCOPE)
        if request.method == "DELETE":
            if row["declared"]:
                raise Refusal(403, "the platform's own line item stays")
            self._store.run("DELETE FROM line_items WHERE id = ?", number)
            return Response(status=204)
        body = self._checked(bears(request, LINE_ITEM))
        if body.get("resourceLinkId", row["resource_link_id"]) != row["resource_link_id"]:
            raise Refusal(400, "resourceLinkId cannot be changed")
        self._store.run(
            "UPDATE line_items SET label = ?, maximum = ?, tag = ?, resource_id = ? WHERE id = ?",
            *(body["label"], body["scoreMaximum"], body.get("tag"), body.get("resourceId"), number),
        )
        return answer(self._shown(self._own(request, number, LINE_ITEM_SCOPE)), media_type=LINE_ITEM)

    def score(self, request: Request, number: int) -> Response:
        """3.4: the platform keeps the latest; `timestamp` must be later than the one it has."""
        self._own(request, number, SCORE_SCOPE)
        body = bears(request, SCORE)
        if not isinstance(body, dict):
            raise Refusal(400, "a score is an object")
        instant = self._instant(body.get("timestamp"))
        given, maximum = self._amounts(body)
        activity, grading = body.get("activityProgress"), body.get("gradingProgress")
        if activity not in ACTIVITY_PROGRESS or grading not in GRADING_PROGRESS:
            raise Refusal(400, "activityProgress and gradingProgress are required, of the values the specification has")
        subject = body.get("userId")
        member = self._store.row("SELECT * FROM members WHERE subject = ?", subject)
        if not isinstance(subject, str) or member is None:
            raise Refusal(404, f"no user {subject!r} in this course")
        if member["role"] != "Learner":
            raise Refusal(400, "only learners have scores")
        with self._store.lock:
            held = self._store.row("SELECT * FROM scores WHERE line_item = ? AND subject = ?", number, subject)
            if held is not None and self._comparable(held["instant"]) >= self._comparable(instant):
                raise Refusal(409, "a score of this or a later time is held")
            self._store.run(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(number, subject, given, maximum, activity, grading, body["timestamp"], instant),
                *(str(body.get("comment") or ""), (held["stored"] if held else 0) + 1),
            )
        return Response(status=204)

    def results(self, request: Request, number: int) -> Response:
        """3.3: one result for each user with a score; scaled to the line item's own maximum."""
        row = self._own(request, number, RESULT_SCOPE)
        accepts(request, RESULTS)
        scores = self._store.rows("SELECT * FROM scores WHERE line_item = ? ORDER BY subject", number)
        if "user_id" in request.args:
            scores = [score for score in scores if score["subject"] == request.args["user_id"]]
        start, end, following = page_of(request, len(scores), self._store.setting("page_size"))
        url = line_item_url(self._issuer, number)
        shown = []
        for score in scores[start:end]:
            result = {
                "id": f"{results_url(url)}&{urlencode({'user_id': score['subject']})}",
                "scoreOf": url,
                "userId": score["subject"],
                "resultMaximum": row["maximum"],
                "comment": score["comment"],
            }
            is_shown = score["grading"] == "FullyGraded" or self._store.setting("pending_results")
            if score["given"] is not None and is_shown:
                result["resultScore"] = score["given"] / score["maximum"] * row["maximum"]
            shown.append(result)
        return answer(shown, media_type=RESULTS, next_page=following)

    def _make(self, request: Request) -> Response:
        client = self._tokens.client(request, LINE_ITEM_SCOPE)
        if self._store.setting("declarative"):
            raise Refusal(403, "this platform makes its line items itself")
        body = self._checked(bears(request, LINE_ITEM))
        link = body.get("resourceLinkId")
        if link is not None and self._store.row("SELECT 1 FROM links WHERE resource_link_id = ?", link) is None:
            raise Refusal(404, "no such resource link")
        number = self._store.run(
            "INSERT INTO line_items (client_id, label, maximum, resource_link_id, resource_id, tag, declared)"
            " VALUES (?, ?, ?, ?, ?, ?, 0)",
            *(client, body["label"], body["scoreMaximum"], link, body.get("resourceId"), body.get("tag")),
        )
        made = self._store.row("SELECT * FROM line_items WHERE id = ?", number)
        return answer(self._shown(made), status=201, media_type=LINE_ITEM)

    def _own(self, request: Request, number: int, *scopes: str) -> Any:
        client = self._tokens.client(request, *scopes)
        if request.args.get("type_id") != "1":
            raise Refusal(400, "the line item's address was not used as it was given: its query is missing")
        row = self._store.row("SELECT * FROM line_items WHERE id = ? AND client_id = ?", number, client)
        if row is None:
            raise Refusal(404, "no such line item")
        return row

    def _shown(self, row: Any) -> dict[str, Any]:
        shown = {
            "id": line_item_url(self._issuer, row["id"]),
            "label": row["label"],
            "scoreMaximum": row["maximum"],
            "resourceLinkId": row["resource_link_id"],
            "resourceId": row["resource_id"],
            "tag": row["tag"],
        }
        return {name: value for name, value in shown.items() if value is not None}

    def _comparable(self, instant: float) -> float:
        """Some platforms read a timestamp to the second only."""
        return math.floor(instant) if self._store.setting("whole_seconds") else instant

    @staticmethod
    def _checked(body: object) -> dict[str, Any]:
        if not isinstance(body, dict) or not isinstance(body.get("label"), str) or not body["label"]:
            raise Refusal(400, "label is required")
        if not _is_number(body.get("scoreMaximum")) or body["scoreMaximum"] <= 0:
            raise Refusal(400, "scoreMaximum must be greater than 0")
        return body

    @staticmethod
    def _instant(timestamp: object) -> float:
        try:
            moment = datetime.fromisoformat(str(timestamp))
        except ValueError:
            raise Refusal(400, "timestamp must be in ISO 8601") from None
        if moment.tzinfo is None:
            raise Refusal(400, "timestamp must say its time zone")
        return moment.timestamp()

    @staticmethod
    def _amounts(body: dict[str, Any]) -> tuple[float | None, float | None]:
        given: Any = body.get("scoreGiven")
        maximum: Any = body.get("scoreMaximum")
        if given is None:
            return None, None
        if not _is_number(given) or given < 0:
            raise Refusal(400, "scoreGiven must be 0 or more")
        if not _is_number(maximum) or maximum <= 0:
            raise Refusal(400, "scoreMaximum must be greater than 0 where there is a scoreGiven")
        return float(given), float(maximum)


def results_url(url: str) -> str:
    path, _, query = url.partition("?")
    return f"{path}/results?{query}"


def gradebook(store: Store) -> list[tuple[str, str, float]]:
    """The grades shown: (link, username, 0..1), of what is fully graded and belongs to a link."""
    return [
        (row["link"], row["username"], min(row["given"] / row["maximum"], 1.0))
        for row in store.rows(
            "SELECT links.name AS link, members.username, scores.given, scores.maximum FROM scores"
            " JOIN line_items ON line_items.id = scores.line_item"
            " JOIN links ON links.resource_link_id = line_items.resource_link_id"
            " JOIN members ON members.subject = scores.subject"
            " WHERE scores.grading = 'FullyGraded' AND scores.given IS NOT NULL"
        )
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
