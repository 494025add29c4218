"""The two calls of a dynamic registration (LTI Dynamic Registration 1.0, 3.5 and 3.6)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from lms_plugin.adapters.exchanges import Undelivered, exchange
from lms_plugin.adapters.guarded_http import HttpAnswer
from lms_plugin.adapters.http_answers import platform_words
from lms_plugin.adapters.origin_clients import OriginClients, address_of
from lms_plugin.services.lti_registration import RegistrationFailed

READ_SECONDS = 10.0
"""Somebody waits for the page."""


class Registration:
    """Implements services.lti_registration.RegistrationCalls."""

    def __init__(self, *, allow_loopback: bool, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._allow_loopback = allow_loopback
        self._now = now

    def configuration(self, address: str) -> Mapping[str, Any]:
        """The JSON object at a platform's `openid_configuration` address.

        Raises:
            AddressRefused: the address is malformed, or its form is not allowed.
            RegistrationFailed: there is no answer, or one that is no JSON object.
        """
        return self._asked("configuration", "GET", address)

    def register(self, address: str, token: str, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """The platform's answer to the metadata of this tool.

        Raises:
            AddressRefused: the address is malformed, or its form is not allowed.
            RegistrationFailed: the platform refused, or gave no answer; nobody knows then what it has kept.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._asked("registration", "POST", address, headers=headers, json_body=dict(metadata))

    def _asked(
        self,
        step: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json_body: object = None,
    ) -> Mapping[str, Any]:
        address = address_of(url)
        with OriginClients(allow_loopback=self._allow_loopback, read_seconds=READ_SECONDS) as clients:
            client = clients(address.origin)
            try:
                answer = exchange(
                    client,
                    method,
                    address.path,
                    now=self._now,
                    query=list(address.query),
                    headers=headers,
                    json_body=json_body,
                )
            except Undelivered as fault:
                raise RegistrationFailed(step=step, words=fault.answer.words) from fault
        return _object(step, answer)


def _object(step: str, answer: HttpAnswer) -> Mapping[str, Any]:
    if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise RegistrationFailed(step=step, words=platform_words(answer))
    found = answer.json_object()
    if not found:
        raise RegistrationFailed(step=step, words="no JSON object")
    return found
