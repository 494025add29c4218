"""Requests to an Open edX platform in the name of its service account, with OAuth2 client credentials."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus

from lms_plugin.adapters.exchanges import Undelivered, exchange
from lms_plugin.adapters.guarded_http import GuardedClient, HttpAnswer
from lms_plugin.adapters.http_answers import on_one_line, platform_words, refusal_of_any
from lms_plugin.services.ports import RefusalCode, Refused, TryLater

OAUTH_PATH = "/oauth2/access_token"
MARGIN_SECONDS = 60
LIFE_SECONDS_UNSAID = 300


class ServiceAccount:
    """Keeps one token until shortly before it ends; safe to share between threads.

    Open edX takes a JWT under `Authorization: JWT` only; under `Bearer` it is refused.
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
        self._client = client
        self._client_id = client_id
        self._client_secret = client_secret
        self._monotonic = monotonic
        self._now = now
        self._guard = threading.Lock()
        self._token: str | None = None
        self._token_ends_at = 0.0

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json_body: object = None,
    ) -> HttpAnswer:
        """Send with the token, renewed once where the platform no longer takes it; the answer is 2xx, 3xx or 4xx.

        Raises Undelivered when there is no answer, only a passing one, or no way to be let in.
        """
        token = self._current_token()
        answer = self._sent_with(token, method, path, query, json_body)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            answer = self._sent_with(self._current_token(instead_of=token), method, path, query, json_body)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise Undelivered(Refused(RefusalCode.BAD_CREDENTIALS, platform_words(answer)))
        return answer

    def _sent_with(
        self, token: str, method: str, path: str, query: Mapping[str, str] | None, json_body: object
    ) -> HttpAnswer:
        headers = {"Authorization": f"JWT {token}"}
        return self._exchange(method, path, query=query, headers=headers, json_body=json_body)

    def _current_token(self, *, instead_of: str | None = None) -> str:
        with self._guard:
            token = self._token
            if token is None or token == instead_of or self._monotonic() >= self._token_ends_at:
                self._token = None
                token, seconds = self._new_token()
                self._token_ends_at = self._monotonic() + seconds - min(MARGIN_SECONDS, seconds / 10)
                self._token = token
            return token

    def _new_token(self) -> tuple[str, float]:
        """A JWT by client credentials (RFC 6749, 4.4) and the seconds it lives."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "token_type": "jwt",
        }
        answer = self._exchange("POST", OAUTH_PATH, form=form)
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            raise Undelivered(Refused(RefusalCode.BAD_CREDENTIALS, platform_words(answer)))
        if answer.status != HTTPStatus.OK:
            raise Undelivered(refusal_of_any(answer))
        said = answer.json_object()
        token, kind, seconds = said.get("access_token"), said.get("token_type"), said.get("expires_in")
        if not isinstance(token, str) or not (token.isascii() and token.isprintable() and token):
            raise Undelivered(TryLater("the answer is not the platform's: it has no token"))
        if str(kind).lower() != "jwt":
            words = on_one_line(f"the platform gave a token of type {kind} where a JWT was asked for")
            raise Undelivered(Refused(RefusalCode.BAD_CREDENTIALS, words))
        said_seconds = isinstance(seconds, int | Decimal) and seconds > 0
        return token, float(str(seconds)) if said_seconds else LIFE_SECONDS_UNSAID

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json_body: object = None,
    ) -> HttpAnswer:
        return exchange(
            self._client, method, path, now=self._now, query=query, headers=headers, form=form, json_body=json_body
        )
