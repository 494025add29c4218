"""Answers that are sent only where they are new: a tag of their content, and 304 for who has it already (RFC 9110)."""

import hashlib

from flask import Response, request


def unless_known(answer: Response, *, tag_of: str | None = None) -> Response:
    """The answer, or 304 without a body where the request names its tag; whoever keeps it asks before using it again.

    `tag_of` is what the tag stands for where something in the answer changes that need not be sent for itself.
    """
    if tag_of is None:
        answer.add_etag()
    else:
        answer.set_etag(_digest(tag_of))
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["Vary"] = "Cookie, Accept-Language"
    answer.make_conditional(request)
    return answer


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
