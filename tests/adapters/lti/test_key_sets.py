"""Key sets over HTTP: read in one request, and whatever else comes back is an answer with words."""

import json

import pytest

from lms_plugin.adapters.lti.key_sets import LIMIT_BYTES, HttpKeySets
from lms_plugin.services.lti_key_sets import KeySetUnread
from tests.adapters.openedx.plain_server import PlainServer

KEY_SET = {"keys": [{"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB"}]}


def test_a_key_set_is_read_with_its_query() -> None:
    with PlainServer(chunks=[json.dumps(KEY_SET).encode()]) as server:
        assert HttpKeySets(allow_loopback=True).read(f"http://127.0.0.1:{server.port}/jwks?tenant=a%26b") == KEY_SET
    assert [one.path for one in server.seen] == ["/jwks?tenant=a%26b"]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"not json", "not JSON"),
        (200, b"[" * 100_000, "not JSON"),
        (200, b"[]", "no key set"),
        (200, b" " * (LIMIT_BYTES + 1), "larger than"),
        (302, b"", "302"),
        (404, b"", "404"),
        (500, b"", "500"),
    ],
)
def test_anything_else_is_a_refusal_with_words(status: int, body: bytes, words: str) -> None:
    server = PlainServer(status=status, headers=[("Location", "/elsewhere")], chunks=[body])
    with server, pytest.raises(KeySetUnread) as refused:
        HttpKeySets(allow_loopback=True).read(f"http://127.0.0.1:{server.port}/jwks")
    assert words in str(refused.value.params["words"])
    assert len(server.seen) == 1, "redirects are not followed"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/jwks", "https://127.0.0.1/jwks", "file:///etc/passwd", "https://user@lms.example/", "x"]
)
def test_an_address_that_must_not_be_asked_is_not(url: str) -> None:
    with pytest.raises(KeySetUnread):
        HttpKeySets(allow_loopback=False).read(url)
