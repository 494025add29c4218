"""Reads who is in a course of Open edX, as a staff service account.

`GET /api/enrollment/v1/enrollments?course_id=...` (edx-platform, `openedx/core/djangoapps/enrollments/views.py`,
`CourseEnrollmentsApiListView`): for global staff only, a page at a time with a cursor in `next`, rows of created, mode,
is_active, user and course_id. A course that is not there has an empty list; a key that is none is answered with 400.
"""

import json
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from lms_plugin.adapters.exchanges import Undelivered
from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.http_answers import on_one_line, platform_words
from lms_plugin.adapters.openedx.service_account import ServiceAccount
from lms_plugin.services.roster_ports import PlatformEnrolment, PlatformUnread

ENROLMENTS_PATH = "/api/enrollment/v1/enrollments"
PAGE_SIZE = 100
"""What edx-platform gives without being asked, and more than which it may refuse to give."""
PAGES_READ = 5_000


class EnrolmentApi:
    """The enrolments of one Open edX platform; safe to share between threads."""

    def __init__(self, client: GuardedClient, client_id: str, client_secret: str) -> None:
        self._account = ServiceAccount(client, client_id, client_secret)

    def enrolled(self, course_key: str) -> list[PlatformEnrolment]:
        """Everybody who is or was in a course, by user name.

        Raises:
            PlatformUnread: the platform gives no complete list.
        """
        query = {"course_id": course_key, "page_size": str(PAGE_SIZE)}
        found: dict[str, PlatformEnrolment] = {}
        seen: set[str] = set()
        for _ in range(PAGES_READ):
            rows, following = self._page(query)
            for row in rows:
                one = _read(row, course_key)
                if one is not None:
                    found[one.username] = one
            if following is None:
                return [found[name] for name in sorted(found)]
            # Only what the next page is called is taken from the answer: behind a proxy its address may be another.
            query = {"course_id": course_key, "page_size": str(PAGE_SIZE), **following}
            name = str(sorted(following.items()))
            if name in seen:
                raise PlatformUnread(words="the platform's pages lead in a circle")
            seen.add(name)
        raise PlatformUnread(words=f"the list has more than {PAGES_READ} pages")

    def _page(self, query: dict[str, str]) -> tuple[list[object], dict[str, str] | None]:
        """(rows, what the page after is called or None)."""
        try:
            answer = self._account.request("GET", ENROLMENTS_PATH, query=query)
        except Undelivered as outcome:
            raise PlatformUnread(words=outcome.answer.words) from outcome
        if answer.status != HTTPStatus.OK:
            about_course = answer.json_object().get("course_id")
            words = json.dumps(about_course) if about_course else platform_words(answer)
            raise PlatformUnread(words=on_one_line(words))
        said = answer.json_object()
        rows, following = said.get("results"), said.get("next")
        if not isinstance(rows, list):
            raise PlatformUnread(words="the answer is not the platform's: it has no results")
        if not isinstance(following, str):
            return rows, None
        named = {name: value for name, value in parse_qsl(urlsplit(following).query) if name in ("cursor", "page")}
        if not named:
            raise PlatformUnread(words=on_one_line(f"the next page has no name: {following}"))
        return rows, named


def _read(row: object, course_key: str) -> PlatformEnrolment | None:
    """A row of the list; None for one of another course.

    Raises:
        PlatformUnread: it is no enrolment.
    """
    said = row if isinstance(row, dict) else {}
    username, is_active = said.get("user"), said.get("is_active")
    if not isinstance(username, str) or not username or not isinstance(is_active, bool):
        raise PlatformUnread(words="the answer is not the platform's: a row names no user, or not whether it is active")
    if said.get("course_id", course_key) != course_key:
        return None
    return PlatformEnrolment(username, is_active, str(said.get("mode", "")), _moment(said.get("created")))


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
