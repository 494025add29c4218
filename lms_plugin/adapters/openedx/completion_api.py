"""Reports completion to Open edX through its REST addresses, as a staff service account.

Writing: `POST /api/completion/v1/completion-batch` (edx-completion 5.0.0, `api/v1/views.py`). A batch is atomic; a
lower ratio replaces a higher one; a block's existence is not checked, only that its key belongs to the course.

Reading back: edx-completion itself lets nobody read another user's completion (its subsection view answers staff
with 403), so `held` asks edx-platform's Course Blocks API, `GET /api/courses/v1/blocks/`, which shows a staff
account what the named learner would see. A reconciliation can learn the stored ratio of every leaf block that the
learner can see in the course, and that a block is not among them (a wrong key, unpublished, hidden from the
learner's group). It cannot learn whether a 0 was stored or never written, when and by whom a ratio was stored, nor
anything of blocks that only group others.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from http import HTTPStatus

from lms_plugin.adapters.exchanges import Undelivered
from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.http_answers import platform_words
from lms_plugin.adapters.one_by_one import send_one_by_one
from lms_plugin.adapters.openedx.answers import completion_of, refusal_of_reading, refusal_of_writing
from lms_plugin.adapters.openedx.service_account import ServiceAccount
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

BATCH_PATH = "/api/completion/v1/completion-batch"
BLOCKS_PATH = "/api/courses/v1/blocks/"
BLOCK_TYPE = re.compile(r"\+type@([^+@]+)\+block@")
SMALLEST_STEP = Decimal("0.0001")


def sendable_ratio(ratio: Decimal) -> Decimal:
    """A ratio inside 0..1 with four decimals, rounded down so that only a finished learner reads 1."""
    return min(max(ratio, Decimal(0)), Decimal(1)).quantize(SMALLEST_STEP, ROUND_DOWN)


class CompletionApi:
    """The LmsReporter of one Open edX platform; safe to share between threads.

    A message with several blocks goes out as one batch. When the platform refuses it and a block may be at fault,
    the blocks are sent again one by one, and the answer names those that were refused; the others are stored.
    """

    def __init__(
        self,
        client: GuardedClient,
        client_id: str,
        client_secret: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account = ServiceAccount(client, client_id, client_secret, monotonic=monotonic, now=now)

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        """Store the message's ratios at the platform."""
        answer = self._send_batch(message, message.blocks)
        if len(message.blocks) == 1 or not isinstance(answer, Refused):
            return answer
        if answer.code.concern is Concern.BLOCK or answer.code is RefusalCode.REJECTED:
            return send_one_by_one(
                message.blocks, lambda block_key, ratio: self._send_batch(message, {block_key: ratio})
            )
        return answer

    def held(self, username: str, course_key: str, block_keys: Iterable[str]) -> HeldAnswer:
        """Read what the platform shows of a learner's completion; the module's text says what that can't tell."""
        wanted = list(block_keys)
        query = {
            "course_id": course_key,
            "username": username,
            "depth": "all",
            "requested_fields": "completion",
        }
        typed = [found[1] for found in map(BLOCK_TYPE.search, wanted) if found]
        if len(typed) == len(wanted):  # a course may have thousands of blocks: ask for the wanted kinds only
            query["block_types_filter"] = ",".join(sorted(set(typed)))
        try:
            answer = self._account.request("GET", BLOCKS_PATH, query=query)
        except Undelivered as outcome:
            return outcome.answer
        if answer.status != HTTPStatus.OK:
            return refusal_of_reading(answer)
        shown = answer.json_object().get("blocks")
        if not isinstance(shown, dict):
            return TryLater("the answer is not the platform's: it has no blocks")
        return Held({block_key: completion_of(shown.get(block_key)) for block_key in wanted})

    def probe(self) -> DeliveryAnswer:
        """Find out whether the address, the credentials, the account's rights and the completion switch are right.

        An empty batch stores nothing; a platform that would take a full one complains of the missing username.
        """
        try:
            answer = self._account.request("POST", BATCH_PATH, json_body={})
        except Undelivered as outcome:
            return outcome.answer
        if answer.status == HTTPStatus.BAD_REQUEST and "'username'" in platform_words(answer):
            return Acknowledged()
        if answer.status == HTTPStatus.OK:
            return TryLater("the answer is not the platform's: it took an empty batch")
        return refusal_of_writing(answer)

    def _send_batch(self, message: CompletionMessage, blocks: Mapping[str, Decimal]) -> DeliveryAnswer:
        batch = {
            "username": message.username,
            "course_key": message.course_key,
            "blocks": {block_key: float(sendable_ratio(ratio)) for block_key, ratio in blocks.items()},
        }
        try:
            answer = self._account.request("POST", BATCH_PATH, json_body=batch)
        except Undelivered as outcome:
            return outcome.answer
        if answer.status != HTTPStatus.OK:
            return refusal_of_writing(answer)
        if "detail" not in answer.json_object():  # a maintenance page in front of the platform answers 200 too
            return TryLater("the answer is not the platform's: it does not confirm the batch")
        return Acknowledged()
