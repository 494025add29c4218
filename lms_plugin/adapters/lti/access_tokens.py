"""Requests to an LTI platform's services with its access tokens (IMS Security Framework 1.0, 4.1).

A token is given against an assertion that this tool has signed (RFC 7523; Security Framework 4.1.1). The assertion
bears up to five minutes between the platform's clock and ours, in either direction.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus

from lms_plugin.adapters.exchanges import Undelivered, exchange, refused_address
from lms_plugin.adapters.guarded_http import AddressRefused, GuardedClient, HttpAnswer, Query
from lms_plugin.adapters.http_answers import on_one_line, platform_words, refusal_of_any
from lms_plugin.adapters.origin_clients import address_of
from lms_plugin.services.ports import RefusalCode, Refused, TryLater

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLOCK_SKEW = timedelta(minutes=5)
ASSERTION_MARGIN = timedelta(seconds=60)
"""An assertion is used at once; this is for the way."""

TOKEN_MARGIN_SECONDS = 60
LIFE_SECONDS_UNSAID = 300


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    ends_at: float


class AccessTokens:
    """Keeps one token for each scope until shortly before it ends; safe to share between threads.

    `sign` makes a JWT of claims with a key that the platform finds in our key set; it is asked anew for each token,
    so that a rotated key is used from the next one on. `client_for` gives the client of an origin, and may raise
    AddressRefused. `audience` is the assertion's `aud`, the token address itself on most platforms.
    """

    def __init__(
        self,
        *,
        token_url: str,
        client_id: str,
        audience: str,
        sign: Callable[[dict[str, object]], str],
        client_for: Callable[[str], GuardedClient],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._audience = audience
        self._sign = sign
        self._client_for = client_for
        self._now = now
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._tokens: dict[str, _Token] = {}

    def request(
        self,
        method: str,
        url: str,
        *,
        scope: str,
        headers: Mapping[str, str] | None = None,
        json_body: object = None,
        query: Query | None = None,
    ) -> HttpAnswer:
        """Send with a token for `scope` (several stand in one text, a space between), renewed once where it is refused.

        `query` goes behind what the address itself asks. The answer is 2xx, 3xx or 4xx, never 401 nor a passing fault.

        Raises:
            Undelivered: there is no answer, only a passing one, no token, or an address that may not be called. Its
                status is 401 where this very address refuses a token that was given anew for it.
        """
        wanted = " ".join(sorted(set(scope.split())))
        token = self._current(wanted)
        answer = self._sent_with(token, method, url, headers, json_body, query)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            token = self._current(wanted, instead_of=token)
            answer = self._sent_with(token, method, url, headers, json_body, query)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise Undelivered(Refused(RefusalCode.BAD_CREDENTIALS, platform_words(answer)), answer.status)
        return answer

    def obtain(self, scope: str) -> None:
        """See that there is a token for `scope`, new or kept.

        Raises:
            Undelivered: the platform gives none.
        """
        self._current(" ".join(sorted(set(scope.split()))))

    def _sent_with(
        self,
        token: str,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        json_body: object,
        query: Query | None,
    ) -> HttpAnswer:
        return self._exchange(
            method,
            url,
            headers={**(headers or {}), "Authorization": f"Bearer {token}"},
            json_body=json_body,
            query=query,
        )

    def _current(self, scope: str, *, instead_of: str | None = None) -> str:
        with self._guard:
            token = self._tokens.get(scope)
            if token is None or token.text == instead_of or self._monotonic() >= token.ends_at:
                self._tokens.pop(scope, None)
                token = self._tokens[scope] = self._new(scope)
            return token.text

    def _new(self, scope: str) -> _Token:
        """A token by client credentials with an assertion (Security Framework 4.1.1)."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._sign(self._claims()),
            "scope": scope,
        }
        asked_at = self._monotonic()
        answer = self._exchange("POST", self._token_url, form=form)
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            raise Undelivered(_refused_token(answer))
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise Undelivered(refusal_of_any(answer))
        said = answer.json_object()
        token, kind, seconds = said.get("access_token"), said.get("token_type", "Bearer"), said.get("expires_in")
        if not isinstance(token, str) or not (token.isascii() and token.isprintable() and token):
            raise Undelivered(TryLater("the answer is not the platform's: it has no token"))
        if str(kind).lower() != "bearer":
            words = on_one_line(f"the platform gave a token of type {kind} where a bearer token was asked for")
            raise Undelivered(Refused(RefusalCode.BAD_CREDENTIALS, words))
        said_seconds = isinstance(seconds, int | Decimal) and seconds > 0
        life_seconds = float(str(seconds)) if said_seconds else LIFE_SECONDS_UNSAID
        return _Token(token, asked_at + life_seconds - min(TOKEN_MARGIN_SECONDS, life_seconds / 10))

    def _claims(self) -> dict[str, object]:
        """Long issued for a platform whose clock is behind, and still valid for one whose clock is ahead."""
        now, stretch = self._now(), CLOCK_SKEW + ASSERTION_MARGIN
        return {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._audience,
            "iat": int((now - stretch).timestamp()),
            "exp": int((now + stretch).timestamp()),
            "jti": uuid.uuid4().hex,
        }

    def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json_body: object = None,
        query: Query | None = None,
    ) -> HttpAnswer:
        try:
            address = address_of(url)
            client = self._client_for(address.origin)
        except AddressRefused as fault:
            raise refused_address(fault) from fault
        further = query.items() if isinstance(query, Mapping) else query or ()
        return exchange(
            client,
            method,
            address.path,
            now=self._now,
            query=[*address.query, *further],
            headers=headers,
            form=form,
            json_body=json_body,
        )


def _refused_token(answer: HttpAnswer) -> Refused:
    """Why there is no token (RFC 6749, 5.2): a scope that is not ours is a matter of rights, all else of the key."""
    words, error = platform_words(answer), answer.json_object().get("error")
    if error in ("invalid_scope", "unauthorized_client") and error not in words:
        words = on_one_line(f"{error}: {words}")
    return Refused(RefusalCode.NOT_PERMITTED if error == "invalid_scope" else RefusalCode.BAD_CREDENTIALS, words)
