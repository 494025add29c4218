"""Reads the key sets of LTI platforms over HTTP (RFC 7517, 5)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lms_plugin.adapters.guarded_http import AddressRefused, GuardedClient, NoAnswer
from lms_plugin.adapters.http_answers import on_one_line, platform_words
from lms_plugin.services.lti_key_sets import KeySetUnread

LIMIT_BYTES = 200_000
CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 3.0, 5.0, 8.0
"""A person waits for this: shorter than what the worker grants a platform."""


class HttpKeySets:
    """Key sets by address; each is read with a client of its own, for it happens seldom. Safe to share."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback

    def read(self, url: str) -> Mapping[str, Any]:
        """The key set at an address.

        Raises:
            KeySetUnread: the address must not be asked, there is no answer, or it is no key set.
        """
        parts = urlsplit(url)
        try:
            with GuardedClient(
                f"{parts.scheme}://{parts.netloc}",
                allow_loopback=self._allow_loopback,
                connect_seconds=CONNECT_SECONDS,
                read_seconds=READ_SECONDS,
                whole_seconds=WHOLE_SECONDS,
                limit_bytes=LIMIT_BYTES,
            ) as client:
                query = dict(parse_qsl(parts.query, keep_blank_values=True))
                answer = client.exchange("GET", parts.path or "/", query=query)
        except AddressRefused as refusal:
            words = f"{refusal.params['host']}: {refusal.params['reason']}"
            raise KeySetUnread(words=on_one_line(words)) from refusal
        except NoAnswer as refusal:
            raise KeySetUnread(words=on_one_line(str(refusal.params["words"]))) from refusal
        if answer.status != HTTPStatus.OK:
            raise KeySetUnread(words=platform_words(answer))
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError) as fault:
            raise KeySetUnread(words="the answer is not JSON") from fault
        if not isinstance(found, dict):
            raise KeySetUnread(words="the answer is no key set")
        return found
