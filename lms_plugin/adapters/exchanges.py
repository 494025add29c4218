"""Exchanges with a platform whose outcome is an answer to the caller's own message, whatever happens on the way."""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus

from lms_plugin.adapters.guarded_http import AddressRefused, GuardedClient, HttpAnswer, NoAnswer, Query
from lms_plugin.adapters.http_answers import is_passing, on_one_line, platform_words, retry_after_seconds
from lms_plugin.services.ports import RefusalCode, Refused, TryLater


class Undelivered(Exception):
    """Ends a request early; `answer` is what the caller of the reporter gets to know.

    `status` is the platform's where it answered at all and that says more.
    """

    def __init__(self, answer: Refused | TryLater, status: int | None = None) -> None:
        self.answer = answer
        self.status = status
        super().__init__(answer)


def refused_address(fault: AddressRefused) -> Undelivered:
    """What an address that may not be called means for the message."""
    return Undelivered(
        Refused(RefusalCode.BAD_ADDRESS, on_one_line(f"{fault.params['host']}: {fault.params['reason']}"))
    )


def exchange(
    client: GuardedClient,
    method: str,
    path: str,
    *,
    now: Callable[[], datetime],
    query: Query | None = None,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    json_body: object = None,
) -> HttpAnswer:
    """Send one request; the answer is 2xx, 3xx or 4xx and no passing fault.

    Raises:
        Undelivered: there is no answer, only a passing one, or the address may not be called.
    """
    try:
        answer = client.exchange(method, path, query=query, headers=headers, form=form, json_body=json_body)
    except AddressRefused as fault:
        raise refused_address(fault) from fault
    except NoAnswer as fault:
        raise Undelivered(TryLater(on_one_line(str(fault.params["words"])))) from fault
    if is_passing(answer):
        pause_seconds = retry_after_seconds(answer.headers.get("retry-after"), now())
        is_untaken = answer.status == HTTPStatus.TOO_MANY_REQUESTS
        raise Undelivered(TryLater(platform_words(answer), pause_seconds, is_untaken), answer.status)
    return answer
