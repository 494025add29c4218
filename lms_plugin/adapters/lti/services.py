"""Requests to a platform's grade services (AGS 2.0): their media types and scopes, and lists over several pages."""

import re
from collections.abc import Iterator
from http import HTTPStatus

import httpx

from lms_plugin.adapters.exchanges import Undelivered
from lms_plugin.adapters.guarded_http import HttpAnswer, Query
from lms_plugin.adapters.http_answers import on_one_line, platform_words
from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.services.ports import RefusalCode, Refused, TryLater

SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"
SCORES_SCOPE = f"{SCOPE}score {SCOPE}result.readonly"
LINE_ITEMS_SCOPE = f"{SCOPE}lineitem"
LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
SCORE = "application/vnd.ims.lis.v1.score+json"

PAGES_READ = 200
_NEXT = re.compile(r'<([^>]*)>[^,<]*;\s*rel\s*=\s*"?next"?', re.IGNORECASE)


class GradeServices:
    """The grade services that links name by address; what is wrong with one address concerns its link alone."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def post_score(self, line_item_url: str, score: dict[str, object]) -> HttpAnswer:
        """Store a score (3.4)."""
        return self._request(
            "POST", below(line_item_url, "scores"), SCORES_SCOPE, headers={"Content-Type": SCORE}, json_body=score
        )

    def results(self, line_item_url: str, query: Query) -> Iterator[dict[str, object]]:
        """The results of a line item (3.3); some platforms give everybody's, whoever is asked for."""
        yield from self._pages(below(line_item_url, "results"), SCORES_SCOPE, RESULTS, query)

    def line_items(self, line_items_url: str, query: Query) -> Iterator[dict[str, object]]:
        """The line items of a context (3.2) that meet the query, as far as the platform heeds it."""
        yield from self._pages(line_items_url, LINE_ITEMS_SCOPE, LINE_ITEMS, query)

    def make_line_item(self, line_items_url: str, line_item: dict[str, object]) -> HttpAnswer:
        headers = {"Content-Type": LINE_ITEM, "Accept": LINE_ITEM}
        return self._request("POST", line_items_url, LINE_ITEMS_SCOPE, headers=headers, json_body=line_item)

    def _pages(self, url: str, scope: str, media_type: str, query: Query) -> Iterator[dict[str, object]]:
        """Whatever stands on a list's pages, which a Link header chains (RFC 8288).

        Raises:
            Undelivered: as `_request`; or the list is refused, or is none.
        """
        following: str | None = url
        for _ in range(PAGES_READ):
            if following is None:
                return
            answer = self._request("GET", following, scope, headers={"Accept": media_type}, query=query)
            if answer.status != HTTPStatus.OK:
                raise Undelivered(refusal_of_address(answer), answer.status)
            found = answer.json_objects()
            if found is None:
                raise Undelivered(TryLater("the answer is not the platform's: it is no list"))
            yield from found
            following, query = _next(following, answer.headers.get("link", "")), ()
        raise Undelivered(Refused(RefusalCode.UNKNOWN_BLOCK, f"the list has more than {PAGES_READ} pages"))

    def _request(
        self,
        method: str,
        url: str,
        scope: str,
        *,
        headers: dict[str, str],
        json_body: object = None,
        query: Query | None = None,
    ) -> HttpAnswer:
        """As `AccessTokens.request`; the answer is 2xx or 4xx and no passing one.

        What only this address or right refuses is the link's fault, not the platform's: an address that may not be
        called, one that refuses a token given anew (Canvas does for a course that the tool was taken out of), and the
        right to line items, which a platform need not give to take scores.
        """
        try:
            self._tokens.obtain(scope)
        except Undelivered as outcome:
            raise _of_the_link(outcome, scope, is_of_token=True) from outcome
        try:
            answer = self._tokens.request(method, url, scope=scope, headers=headers, json_body=json_body, query=query)
        except Undelivered as outcome:
            raise _of_the_link(outcome, scope, is_of_token=False) from outcome
        if _is_passing_all_the_same(answer):
            raise Undelivered(_later(answer), answer.status)
        return answer


def _of_the_link(outcome: Undelivered, scope: str, *, is_of_token: bool) -> Undelivered:
    """What did not come through, as the link's own fault where it is no more than that."""
    answer = outcome.answer
    if isinstance(answer, TryLater):
        return outcome
    is_of_address = answer.code is RefusalCode.BAD_ADDRESS or outcome.status == HTTPStatus.UNAUTHORIZED
    is_of_right = answer.code is RefusalCode.NOT_PERMITTED and scope == LINE_ITEMS_SCOPE
    if is_of_right or (is_of_address and not is_of_token):
        return Undelivered(Refused(RefusalCode.UNKNOWN_BLOCK, answer.words), outcome.status)
    return outcome


def _is_passing_all_the_same(answer: HttpAnswer) -> bool:
    """Whether a grade service may well take the same request later, though the answer's status says otherwise."""
    return _is_redirect(answer) or _is_throttled(answer)


def below(line_item_url: str, name: str) -> str:
    """The address of a line item's scores or results: its path goes on, its query stays (AGS 2.0, 3.3.1 and 3.4.1)."""
    path, mark, query = line_item_url.partition("?")
    return f"{path.rstrip('/')}/{name}{mark}{query}"


def refusal_of_address(answer: HttpAnswer) -> Refused:
    """What an answer other than 2xx says of the address asked: it concerns the block that stands behind it."""
    return Refused(RefusalCode.UNKNOWN_BLOCK, platform_words(answer))


def _is_redirect(answer: HttpAnswer) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST


def _is_throttled(answer: HttpAnswer) -> bool:
    """Whether a 403 is no refusal but a wish for fewer requests, as Canvas says it."""
    if answer.status != HTTPStatus.FORBIDDEN:
        return False
    try:
        is_used_up = float(answer.headers.get("x-rate-limit-remaining", "1")) <= 0
    except ValueError:
        is_used_up = False
    return is_used_up or b"rate limit" in answer.body.lower()


def _later(answer: HttpAnswer) -> TryLater:
    """What a passing answer means; a redirect is no platform's answer, but that of a proxy or a page to sign in."""
    words = platform_words(answer)
    if _is_redirect(answer):
        return TryLater(on_one_line(f"{words}: leads to {answer.headers.get('location', 'nowhere')}, not followed"))
    return TryLater(on_one_line(f"{words}: too many requests"), is_untaken=True)


def _next(url: str, link: str) -> str | None:
    found = _NEXT.search(link)
    return str(httpx.URL(url).join(found[1])) if found else None
