"""Parts of pages that keep themselves up to date: sent whole where they are new, and as "nothing new" otherwise."""

from flask import Response, g, make_response
from flask.typing import ResponseReturnValue
from flask_login import current_user

from lms_plugin.http.conditional import unless_known


def signed_out() -> ResponseReturnValue | None:
    """What leads somebody to sign in again whose session has ended while the page stood open; None for others."""
    if current_user.is_authenticated:
        return None
    return make_response("", 401, {"HX-Refresh": "true"})


def part(html: str, next_seconds: float, *, seconds_left: int | None = None) -> Response:
    """A part of a page, to be asked for again in so many seconds; `seconds_left` is how long its code is still good.

    Both go in headers, so that the part itself stays the same as long as there is nothing new in it.
    """
    answer = Response(html, content_type="text/html; charset=utf-8")
    # A page's CSRF token is another one in every second, and the one it has stays good: it makes nothing new.
    made = g.get("csrf_token")
    answer = unless_known(answer, tag_of=html.replace(made, "") if made else html)
    answer.headers["X-Next-Seconds"] = f"{next_seconds:.1f}"
    if seconds_left is not None:
        answer.headers["X-Seconds-Left"] = str(seconds_left)
    return answer
