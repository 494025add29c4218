"""What the platform's services share: errors as answers, JSON with a media type, pages of lists, forms."""

import html
import json
from collections.abc import Mapping
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response


class Refusal(Exception):
    """Ends a request with a status and the platform's words."""

    def __init__(self, status: int, words: str, error: str = "") -> None:
        super().__init__(words)
        self.response = answer({"error": error or "refused", "error_description": words}, status=status)


def answer(body: object, *, status: int = 200, media_type: str = "application/json", next_page: str = "") -> Response:
    response = Response(json.dumps(body, ensure_ascii=False), status=status, content_type=media_type)
    if next_page:
        response.headers.add("Link", f'<{next_page}>; rel="next"')
    return response


def accepts(request: Request, media_type: str) -> None:
    """Refuse a request that does not take the media type the service answers with (406)."""
    if not request.accept_mimetypes.quality(media_type):
        raise Refusal(406, f"this service answers {media_type}")


def bears(request: Request, media_type: str) -> object:
    """The JSON body; refuses another media type (415) and what is no JSON (400)."""
    if request.mimetype != media_type:
        raise Refusal(415, f"this service takes {media_type}, not {request.mimetype or 'nothing'}")
    try:
        return json.loads(request.get_data())
    except ValueError:
        raise Refusal(400, "the body is no JSON") from None


def page_of(request: Request, total: int, size: int) -> tuple[int, int, str]:
    """Where this page begins and ends, and the address of the next one ('' after the last)."""
    try:
        limit = min(size, max(1, int(request.args.get("limit", size))))
        start = max(0, int(request.args.get("from", 0)))
    except ValueError:
        raise Refusal(400, "limit and from are whole numbers") from None
    end = start + limit
    if end >= total:
        return start, end, ""
    return start, end, f"{request.base_url}?{urlencode({**request.args.to_dict(), 'from': end})}"


def posting_form(action: str, fields: Mapping[str, str]) -> Response:
    """The page by which a platform sends a browser on with a form post."""
    inputs = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields.items()
    )
    page = (
        f'<!doctype html><title>…</title><form id="f" method="post" action="{html.escape(action)}">{inputs}</form>'
        "<script>document.getElementById('f').submit()</script>"
    )
    return Response(page, content_type="text/html; charset=utf-8")
