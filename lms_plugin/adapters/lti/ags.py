"""Reports class hours as scores to an LTI platform (Assignment and Grade Services 2.0).

A block is `link:{id}`, a username the platform's `sub`. A platform keeps one score for each line item and user, and
refuses one whose timestamp is not later than the last (3.4.7). So where a sending got no answer, and where a platform
refuses one for its time, the results are read first, and what is there already is acknowledged.

Reading back: a result shows the ratio, and of a score that is not graded in full some platforms show nothing (None).
"""

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus

from lms_plugin.adapters.exchanges import Undelivered
from lms_plugin.adapters.guarded_http import HttpAnswer
from lms_plugin.adapters.http_answers import on_one_line, platform_words
from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.adapters.lti.line_items import LineItems
from lms_plugin.adapters.lti.scores import Comment, Score, ratio_shown, score_of
from lms_plugin.adapters.lti.services import LINE_ITEMS_SCOPE, SCORES_SCOPE, GradeServices, refusal_of_address
from lms_plugin.adapters.one_by_one import send_one_by_one
from lms_plugin.services.line_items import ScoredLinks
from lms_plugin.services.links_owed import link_id_of
from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    Concern,
    DeliveryAnswer,
    Held,
    HeldAnswer,
    RefusalCode,
    Refused,
    TryLater,
)

SHOWN_SECONDS = 30.0
"""How long a whole list of results, from a platform that gives everybody's at once, serves for comparing."""

AGAIN = timedelta(milliseconds=1)
"""Between two sendings of one score at once; messages about it are further apart (outbox.STAMPS_APART)."""

STORED_IN_VAIN = 2
"""After so many earlier attempts, a score that is stored and answered with 500 each time is taken to be in vain."""

OUTDATED_IN_VAIN = 6
"""After so many earlier attempts, each with a later time, a score that is refused for its time is so for good."""

NOT_ENROLLED = re.compile(r"not (a member|enrol)", re.IGNORECASE)
UNKNOWN_LEARNER = re.compile(r"\b(user|learner|student|member)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Shown:
    ratios: dict[str, Decimal | None]
    until: float


@dataclass(frozen=True, slots=True)
class _At:
    """A score for a user of a line item."""

    url: str
    user_id: str
    score: Score
    comment: str
    attempts: int


class ScoreService:
    """The LmsReporter of one LTI platform; safe to share between threads."""

    def __init__(
        self,
        tokens: AccessTokens,
        links: ScoredLinks,
        comment: Comment,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._services = GradeServices(tokens)
        self._links = links
        self._line_items = LineItems(self._services, links, monotonic=monotonic)
        self._comment = comment
        self._now = now
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._shown: dict[str, _Shown] = {}

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        """Store a score for each of the message's links."""

        def send(block_key: str, ratio: Decimal) -> DeliveryAnswer:
            try:
                return self._send(message, block_key, ratio)
            except Undelivered as outcome:
                return outcome.answer

        return send_one_by_one(message.blocks, send)

    def held(self, username: str, course_key: str, block_keys: Iterable[str]) -> HeldAnswer:
        """Read the results of the links' line items; the module's text says what they can't tell."""
        ratios: dict[str, Decimal | None] = {}
        for block_key in block_keys:
            link_id = link_id_of(block_key)
            link = self._line_items.link(link_id) if link_id is not None else None
            ratios[block_key] = None
            if link is None or link.line_item_url is None:
                continue
            try:
                ratios[block_key] = self._compared(link.line_item_url, username)
            except Undelivered as outcome:
                if isinstance(outcome.answer, TryLater) or outcome.answer.code.concern is Concern.PLATFORM:
                    return outcome.answer
        return Held(ratios)

    def probe(self) -> DeliveryAnswer:
        """Find out whether the platform gives tokens and answers; a list of line items is read where one is known."""
        try:
            self._tokens.obtain(SCORES_SCOPE)
            line_items_url = self._links.any_list()
            if line_items_url is not None:
                self._list_one(line_items_url)
        except Undelivered as outcome:
            return outcome.answer
        return Acknowledged()

    def _list_one(self, line_items_url: str) -> None:
        try:
            self._tokens.obtain(LINE_ITEMS_SCOPE)
            next(self._services.line_items(line_items_url, {"limit": "1"}), None)
        except Undelivered as outcome:
            # A course that is gone, or a tool that may not make line items, says nothing against its scores.
            harmless = (RefusalCode.UNKNOWN_BLOCK, RefusalCode.NOT_PERMITTED)
            if not (isinstance(outcome.answer, Refused) and outcome.answer.code in harmless):
                raise

    def _send(self, message: CompletionMessage, block_key: str, ratio: Decimal) -> DeliveryAnswer:
        link_id = link_id_of(block_key)
        if link_id is None:
            return Refused(RefusalCode.UNKNOWN_BLOCK, f"{block_key} is no link of this platform")
        standing = message.standings.get(block_key)
        score = score_of(ratio, standing.hours if standing is not None else None)
        line_item_url = self._line_items.address(link_id, score.line_item_maximum)
        if standing is not None and standing.may_be_held and self._is_held(line_item_url, message.username, score):
            return Acknowledged()
        as_of = standing.as_of if standing is not None else self._now()
        attempts = standing.attempts if standing is not None else 0
        comment = self._comment(message.language, score.hours)
        line_item = _At(line_item_url, message.username, score, comment, attempts)
        answer = self._stored(line_item, as_of)
        if answer is not None and answer.status == HTTPStatus.NOT_FOUND:
            if self._is_there(line_item_url):
                return Refused(RefusalCode.UNKNOWN_LEARNER, platform_words(answer))
            url = self._line_items.anew(link_id, line_item_url, score.line_item_maximum)
            answer = self._stored(replace(line_item, url=url), as_of)
        return Acknowledged() if answer is None else _refusal(answer)

    def _stored(self, at: _At, as_of: datetime) -> HttpAnswer | None:
        """Store a score; None where the platform holds it now, else its answer of 4xx.

        Some platforms store a score and fail afterwards (500): in passing, or each time because they know nobody to
        show the grade of. So it is sent again, at once and later, and only a score that was answered well counts.

        Raises:
            Undelivered: nobody knows whether it is held, it is and no grade is shown, it is refused for its time, which
                the next sending has later, or everything is refused.
        """
        try:
            return self._posted(at, as_of)
        except Undelivered as outcome:
            if not _is_own_fault(outcome) or not self._is_held(at.url, at.user_id, at.score):
                raise
        try:
            return self._posted(at, as_of + AGAIN)
        except Undelivered as outcome:
            if not _is_own_fault(outcome):
                raise
            words = on_one_line(f"{outcome.answer.words}: the score is stored, yet the platform shows no grade")
            if at.attempts >= STORED_IN_VAIN:
                raise Undelivered(Refused(RefusalCode.UNKNOWN_LEARNER, words)) from outcome
            raise Undelivered(TryLater(words, is_untaken=True), outcome.status) from outcome

    def _posted(self, at: _At, as_of: datetime) -> HttpAnswer | None:
        answer = self._services.post_score(at.url, at.score.written(at.user_id, as_of, at.comment))
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            if "html" in answer.headers.get("content-type", ""):
                raise Undelivered(TryLater("the answer is not the platform's: it is a page"))
            return None
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT):
            if self._is_held(at.url, at.user_id, at.score):
                return None
            if _is_for_its_time(answer) and at.attempts < OUTDATED_IN_VAIN:
                raise Undelivered(TryLater(platform_words(answer), is_untaken=True), answer.status)
        return answer

    def _is_held(self, line_item_url: str, user_id: str, score: Score) -> bool:
        try:
            held = self._result(line_item_url, user_id)
        except Undelivered as outcome:
            if isinstance(outcome.answer, Refused) and outcome.answer.code.concern is not Concern.PLATFORM:
                return False
            raise
        return held is not None and score.is_shown_by(held)

    def _is_there(self, line_item_url: str) -> bool:
        """Whether a line item still is, when a score for it was answered with 404."""
        try:
            next(self._services.results(line_item_url, {"limit": "1"}), None)
        except Undelivered as outcome:
            if isinstance(outcome.answer, TryLater) or outcome.answer.code.concern is Concern.PLATFORM:
                raise
            return outcome.status != HTTPStatus.NOT_FOUND
        return True

    def _result(self, line_item_url: str, user_id: str) -> Decimal | None:
        """What the platform shows of a user at this moment."""
        for result in self._services.results(line_item_url, {"user_id": user_id}):
            if result.get("userId") == user_id:
                return ratio_shown(result)
        return None

    def _compared(self, line_item_url: str, user_id: str) -> Decimal | None:
        """As `_result`; where a platform gives everybody's whoever is asked for, they are read once for many."""
        with self._guard:
            shown = self._shown.get(line_item_url)
        if shown is not None and self._monotonic() < shown.until:
            return shown.ratios.get(user_id)
        results = self._services.results(line_item_url, {"user_id": user_id})
        ratios = {str(one.get("userId")): ratio_shown(one) for one in results}
        if ratios.keys() - {user_id}:
            with self._guard:
                self._shown[line_item_url] = _Shown(ratios, self._monotonic() + SHOWN_SECONDS)
        return ratios.get(user_id)


def _is_own_fault(outcome: Undelivered) -> bool:
    return outcome.status == HTTPStatus.INTERNAL_SERVER_ERROR


def _is_for_its_time(answer: HttpAnswer) -> bool:
    """Whether a score is refused because one of its time or a later one is held, or so the platform's clock has it."""
    return answer.status == HTTPStatus.CONFLICT or b"timestamp" in answer.body.lower()


def _refusal(answer: HttpAnswer) -> Refused:
    """What an answer to a score means: it concerns this learner or this link, never everybody."""
    words = platform_words(answer)
    if NOT_ENROLLED.search(words):
        return Refused(RefusalCode.NOT_ENROLLED, words)
    if UNKNOWN_LEARNER.search(words):
        return Refused(RefusalCode.UNKNOWN_LEARNER, words)
    if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT) or (
        answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    ):
        return Refused(RefusalCode.REJECTED, words)
    return refusal_of_address(answer)
