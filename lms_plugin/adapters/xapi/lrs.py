"""Tells a learning record store (LRS) what learners have done, in statements of xAPI 1.0.3.

Writing: `POST /statements` with arrays. A store keeps the first statement of an id for good: the same one again changes
nothing, and 409 says that another one stands under it (Communication, 2.1.2): either way it is told. A refused array
is halved until the statements at fault are alone.

Reading back: a standing's own statement is asked for by its id, and where it is not there, all that the store has of
the learner and the activity. The ratio held of a film is the share of its statements that are there.
"""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from lms_plugin.adapters.exchanges import Undelivered, exchange
from lms_plugin.adapters.guarded_http import GuardedClient, HttpAnswer, Query
from lms_plugin.adapters.http_answers import on_one_line, platform_words, refusal_of_any
from lms_plugin.adapters.xapi.statements import (
    SMALLEST_RATIO,
    Installation,
    Statement,
    sendable_ratio,
    standing_id,
    statements_of,
)
from lms_plugin.services.experience import Experience, ExperienceReader, Standing, Watching
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

VERSION = "1.0.3"
STATEMENTS_PATH, ABOUT_PATH = "/statements", "/about"
AT_ONCE = 50
"""Statements in one request; a store that takes fewer says so (413)."""

PAGE, MOST_PAGES = 500, 40
_NOT_AN_LRS = "the answer is not a record store's"
_SPLIT_AT = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


class RecordStore:
    """The LmsReporter of one record store below `client`'s address; safe to share between threads.

    A message's username is a login, its course key a programme's, its block keys those of services/owing_lrs.py; what
    is told of them is what `read` finds stored, which may be further by now than the message says.
    """

    def __init__(
        self,
        client: GuardedClient,
        key: str,
        secret: str,
        *,
        base_path: str,
        here: Installation,
        read: ExperienceReader,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        basic = base64.b64encode(f"{key}:{secret}".encode()).decode("ascii")
        self._client = client
        self._base_path = base_path.rstrip("/")
        self._headers = {"Authorization": f"Basic {basic}", "X-Experience-API-Version": VERSION}
        self._here = here
        self._read = read
        self._now = now

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        """Tell the store all that it has not been told of the message's blocks."""
        experience = self._read(message.username, message.course_key, list(message.blocks))
        refusals = {
            block_key: Refused(RefusalCode.UNKNOWN_BLOCK, words) for block_key, words in experience.lacking.items()
        }
        try:
            for part in experience.parts:
                statements = statements_of(self._here, experience, part)
                told = part.told if isinstance(part, Watching) else 0
                refusal = self._told(statements[told:])
                if refusal is not None:
                    refusals[part.block_key] = refusal
        except Undelivered as outcome:
            # What was stored so far is sent again when the message comes back: the same statements, one effect.
            return outcome.answer
        if not refusals:
            return Acknowledged()
        first = next(iter(refusals.values()))
        words = on_one_line("; ".join(dict.fromkeys(refusal.words for refusal in refusals.values())))
        return Refused(first.code, words, () if len(refusals) == len(message.blocks) else tuple(refusals))

    def held(self, username: str, course_key: str, block_keys: Iterable[str]) -> HeldAnswer:
        """What the store has of a learner; None for a block that there is nothing to tell of."""
        wanted = list(block_keys)
        experience = self._read(username, course_key, wanted)
        ratios: dict[str, Decimal | None] = dict.fromkeys(wanted)
        try:
            for part in experience.parts:
                if isinstance(part, Standing):
                    ratios[part.block_key] = self._held_standing(experience, part)
                else:
                    ratios[part.block_key] = self._held_watching(experience, part)
        except Undelivered as outcome:
            return outcome.answer
        return Held(ratios)

    def probe(self) -> DeliveryAnswer:
        """Find out whether a store of this version is there, and whether it lets us in; nothing is stored."""
        try:
            about = self._exchange("GET", ABOUT_PATH)
            if about.status == HTTPStatus.OK:
                versions = about.json_object().get("version")
                if not isinstance(versions, list) or not any(str(one).startswith("1.0") for one in versions):
                    return Refused(RefusalCode.BAD_ADDRESS, on_one_line(f"{_NOT_AN_LRS}: versions {versions}"))
            elif about.status != HTTPStatus.NOT_FOUND:  # Ralph has no such address
                return refusal_of_any(about)
            answer = self._exchange("GET", STATEMENTS_PATH, query={"limit": "1"})
        except Undelivered as outcome:
            return outcome.answer
        if answer.status != HTTPStatus.OK:
            return refusal_of_any(answer)
        return Acknowledged() if "statements" in answer.json_object() else TryLater(_NOT_AN_LRS)

    # --- writing

    def _told(self, statements: Sequence[Statement]) -> Refused | None:
        """Store statements; gives the first refusal of one of them, the others being stored.

        Raises:
            Undelivered: the store does not answer, or refuses us altogether.
        """
        refused = None
        for at in range(0, len(statements), AT_ONCE):
            refused = refused or self._posted(statements[at : at + AT_ONCE])
        return refused

    def _posted(self, some: Sequence[Statement]) -> Refused | None:
        answer = self._exchange("POST", STATEMENTS_PATH, json_body=list(some))
        if answer.status == HTTPStatus.OK:
            if answer.json_objects() is None:  # a maintenance page in front of the store answers 200 too
                raise Undelivered(TryLater(f"{_NOT_AN_LRS}: it does not confirm the statements"))
            return None
        if answer.status == HTTPStatus.NO_CONTENT:
            return None
        if answer.status in _SPLIT_AT and len(some) > 1:
            half = len(some) // 2
            refusals = [self._posted(some[:half]), self._posted(some[half:])]
            return next((refusal for refusal in refusals if refusal is not None), None)
        if answer.status == HTTPStatus.CONFLICT:
            return None
        refusal = refusal_of_any(answer)
        if refusal.code.concern is Concern.PLATFORM:
            raise Undelivered(refusal)
        return refusal

    # --- reading back

    def _held_standing(self, experience: Experience, standing: Standing) -> Decimal:
        one = self._exchange("GET", STATEMENTS_PATH, query={"statementId": standing_id(self._here, standing)})
        said = one.json_object()
        # Ralph gives a list of the one statement.
        if one.status == HTTPStatus.OK and ("actor" in said or said.get("statements")):
            return sendable_ratio(standing.ratio)
        if one.status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise Undelivered(refusal_of_any(one))
        found = self._found(experience.login, self._here.standing_iri(standing))
        return max((_scaled(statement) for statement in found), default=Decimal(0))

    def _held_watching(self, experience: Experience, watching: Watching) -> Decimal:
        expected = {statement["id"] for statement in statements_of(self._here, experience, watching)}
        found = {
            str(statement.get("id")).lower()
            for statement in self._found(experience.login, self._here.film_iri(watching))
        }
        ratio = sendable_ratio(watching.ratio)
        missing = len(expected - found)
        if not missing:
            return ratio
        share = Decimal(len(expected) - missing) / Decimal(len(expected))
        return min(sendable_ratio(ratio * share), max(ratio - SMALLEST_RATIO, Decimal(0)))

    def _found(self, login: str, activity: str) -> list[dict[str, object]]:
        """All statements that the store has of a learner and an activity, the newest first."""
        query: Query | None = {
            "agent": json.dumps(self._here.actor(login), ensure_ascii=False),
            "activity": activity,
            "limit": str(PAGE),
        }
        path, found = STATEMENTS_PATH, list[dict[str, object]]()
        for _ in range(MOST_PAGES):
            answer = self._exchange("GET", path, query=query)
            if answer.status != HTTPStatus.OK:
                raise Undelivered(refusal_of_any(answer))
            page = answer.json_object()
            statements = page.get("statements")
            if not isinstance(statements, list):
                raise Undelivered(TryLater(_NOT_AN_LRS))
            found += [one for one in statements if isinstance(one, dict)]
            more = page.get("more")
            if not isinstance(more, str) or not more or not statements:
                break
            path, query = self._further(more)
        return found

    def _further(self, more: str) -> tuple[str, Query]:
        """Where the next page stands: `more` begins at the store's host (Data, 5), and is looked for there only."""
        parts = urlsplit(more)
        if not parts.path.startswith(f"{self._base_path}/"):
            words = on_one_line(f"the next page stands outside the store's address: {more}")
            raise Undelivered(Refused(RefusalCode.BAD_ADDRESS, words))
        return parts.path[len(self._base_path) :], parse_qsl(parts.query, keep_blank_values=True)

    def _exchange(self, method: str, path: str, *, query: Query | None = None, json_body: object = None) -> HttpAnswer:
        """One request with our credentials; the answer is none that asks for others.

        Raises:
            Undelivered: there is no answer, only a passing one, or we are not let in.
        """
        answer = exchange(
            self._client, method, path, now=self._now, query=query, headers=self._headers, json_body=json_body
        )
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise Undelivered(Refused(RefusalCode.BAD_CREDENTIALS, platform_words(answer)))
        return answer


def _scaled(statement: dict[str, object]) -> Decimal:
    """The ratio that a statement of ours says; 0 for one of somebody else's that says none."""
    result = statement.get("result")
    score = result.get("score") if isinstance(result, dict) else None
    scaled = score.get("scaled") if isinstance(score, dict) else None
    return Decimal(scaled) if isinstance(scaled, int | Decimal) and not isinstance(scaled, bool) else Decimal(0)
