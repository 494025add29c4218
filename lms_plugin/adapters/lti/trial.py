"""Tries an LTI platform's registration out at the platform itself: key set, token, line items, roster."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from lms_plugin.adapters.exchanges import Undelivered, exchange, refused_address
from lms_plugin.adapters.guarded_http import AddressRefused, HttpAnswer
from lms_plugin.adapters.http_answers import refusal_of_any
from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.adapters.origin_clients import OriginClients, address_of
from lms_plugin.services.lti_signing import Sign
from lms_plugin.services.platform_trial import Finding, Outcome, Step, TrialSubject, Untried

LINE_ITEM_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
ROSTER_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
LINE_ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
ROSTER_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
READ_SECONDS = 8.0
"""Somebody waits for the page."""


class Trial:
    """Implements services.platform_trial.PlatformTrial; each trial has clients and tokens of its own."""

    def __init__(self, *, allow_loopback: bool, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._allow_loopback = allow_loopback
        self._now = now

    def __call__(self, subject: TrialSubject, sign: Sign) -> tuple[Finding, ...]:
        """One finding for each step; nothing is stored at the platform."""
        with OriginClients(allow_loopback=self._allow_loopback, read_seconds=READ_SECONDS) as clients:
            key_set = _found(Step.KEY_SET, lambda: self._keys(subject.key_set_url, clients))
            if not subject.token_url:
                rest = tuple(_untried(one, Untried.NO_TOKEN_URL) for one in list(Step)[1:])
                return (key_set, *rest)
            tokens = AccessTokens(
                token_url=subject.token_url,
                client_id=subject.client_id,
                audience=subject.token_audience or subject.token_url,
                sign=sign,
                client_for=clients,
                now=self._now,
            )
            return (key_set, *_with_tokens(subject, tokens))

    def _keys(self, url: str, clients: OriginClients) -> int:
        try:
            address = address_of(url)
            client = clients(address.origin)
        except AddressRefused as fault:
            raise refused_address(fault) from fault
        answer = exchange(client, "GET", address.path, now=self._now, query=list(address.query))
        keys = _sound(answer).json_object().get("keys")
        if not isinstance(keys, list):
            raise _Useless("no key set (RFC 7517)")
        return len(keys)


class _Useless(Exception):
    """An answer that is not what was asked for; says what it should have been."""


def _with_tokens(subject: TrialSubject, tokens: AccessTokens) -> tuple[Finding, ...]:
    token = _found(Step.TOKEN, lambda: _obtained(tokens, LINE_ITEM_SCOPE))
    if token.outcome is Outcome.FAILED and subject.memberships_url:
        # A platform that takes no scores may well give its roster.
        again = _found(Step.TOKEN, lambda: _obtained(tokens, ROSTER_SCOPE))
        token = again if again.outcome is Outcome.FOUND else token
    if token.outcome is Outcome.FAILED:
        return (token, _untried(Step.LINE_ITEMS, Untried.NO_TOKEN), _untried(Step.ROSTER, Untried.NO_TOKEN))
    missing = Untried.NOT_OFFERED if subject.has_link else Untried.NO_LINK
    line_items, members = subject.line_items_url, subject.memberships_url
    return (
        token,
        _found(Step.LINE_ITEMS, lambda: _line_items(tokens, line_items))
        if line_items
        else _untried(Step.LINE_ITEMS, missing),
        _found(Step.ROSTER, lambda: _members(tokens, members)) if members else _untried(Step.ROSTER, missing),
    )


def _obtained(tokens: AccessTokens, scope: str) -> None:
    tokens.obtain(scope)


def _line_items(tokens: AccessTokens, url: str) -> int:
    """How many line items the first page has (AGS 2.0, 3.2.4)."""
    answer = tokens.request("GET", url, scope=LINE_ITEM_SCOPE, headers={"Accept": LINE_ITEMS_TYPE})
    try:
        found = json.loads(_sound(answer).body)
    except (ValueError, RecursionError) as fault:
        raise _Useless("no list of line items (AGS 2.0, 3.2.4)") from fault
    if not isinstance(found, list):
        raise _Useless("no list of line items (AGS 2.0, 3.2.4)")
    return len(found)


def _members(tokens: AccessTokens, url: str) -> int:
    """How many people the first page has (NRPS 2.0, 2.1)."""
    answer = tokens.request("GET", url, scope=ROSTER_SCOPE, headers={"Accept": ROSTER_TYPE})
    members = _sound(answer).json_object().get("members")
    if not isinstance(members, list):
        raise _Useless("no members (NRPS 2.0, 2.1)")
    return len(members)


def _sound(answer: HttpAnswer) -> HttpAnswer:
    if answer.status != HTTPStatus.OK:
        raise Undelivered(refusal_of_any(answer))
    return answer


def _found(step: Step, look: Callable[[], int | None]) -> Finding:
    try:
        count = look()
    except Undelivered as fault:
        return Finding(step, Outcome.FAILED, words=fault.answer.words)
    except _Useless as fault:
        return Finding(step, Outcome.FAILED, words=str(fault))
    return Finding(step, Outcome.FOUND, count=count)


def _untried(step: Step, reason: Untried) -> Finding:
    return Finding(step, Outcome.UNTRIED, reason=reason)
