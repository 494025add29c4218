"""A tool written by hand to test the platforms themselves with; it shares no code with the service."""

import functools
import json
import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.peers.lti.interface import LtiTestPlatform
from tests.peers.lti.site.names import (
    ASSERTION_TYPE,
    CLAIM,
    DEEP_LINKING_CLAIM,
    LINE_ITEM_SCOPE,
    RESULT_SCOPE,
    RESULTS,
    ROSTER_SCOPE,
    SCORE,
    SCORE_SCOPE,
)

ALL_SCOPES = (LINE_ITEM_SCOPE, SCORE_SCOPE, RESULT_SCOPE, ROSTER_SCOPE)


@functools.cache
def _first_key() -> rsa.RSAPrivateKey:
    """The key a tool begins with; one for all tests of a process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class KeySetServer:
    """Publishes a key set on 127.0.0.1; a context manager."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"keys": outer.keys}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class HandMadeTool:
    """Says what a tool says, with every part open to change."""

    base = "http://127.0.0.1:9"  # nobody listens: the browser's posts to the tool are read, not sent
    launch_url = f"{base}/launch"
    login_url = f"{base}/login"

    def __init__(self, platform: LtiTestPlatform, keys: KeySetServer) -> None:
        self.platform = platform
        self._keys = keys
        self.http = httpx.Client(trust_env=False, timeout=30)
        self.new_key(_first_key())
        platform.set_tool(launch_url=self.launch_url, login_url=self.login_url, key_set_url=keys.url)

    def new_key(self, key: rsa.RSAPrivateKey | None = None) -> None:
        """Sign with a new key from now on; the key set holds both."""
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = secrets.token_hex(4)
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self._keys.keys.append({**public, "kid": self.kid, "alg": "RS256", "use": "sig"})

    @property
    def public_pem(self) -> str:
        return (
            self.key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def request_of(self, login: Mapping[str, str], **changes: str) -> dict[str, str]:
        """The authentication request that answers a third-party-initiated login."""
        return {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": login["client_id"],
            "redirect_uri": self.launch_url,
            "login_hint": login["login_hint"],
            "lti_message_hint": login["lti_message_hint"],
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            **changes,
        }

    def launch(self, login: Mapping[str, str], **changes: str) -> dict[str, Any]:
        """The verified claims of a launch."""
        asked = self.request_of(login, **changes)
        form = self.platform.authorize(asked)
        assert form["state"] == asked["state"]
        claims = self.verified(form["id_token"])
        assert claims["nonce"] == asked["nonce"]
        return claims

    def verified(self, token: str) -> dict[str, Any]:
        kid = jwt.get_unverified_header(token)["kid"]
        keys = self.http.get(self.platform.key_set_url).raise_for_status().json()["keys"]
        key = next(key for key in keys if key["kid"] == kid)
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(key, algorithm="RS256").key,
            algorithms=["RS256"],
            audience=self.platform.client_id,
            issuer=self.platform.issuer,
            leeway=600,
        )
        return claims

    def signed(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self.key, algorithm="RS256", headers={"kid": self.kid})

    def assertion(self, **changes: Any) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.platform.client_id,
            "sub": self.platform.client_id,
            "aud": self.platform.token_url,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(8),
            **changes,
        }
        return self.signed({name: value for name, value in claims.items() if value is not None})

    def ask_token(self, assertion: str = "", *, scopes: tuple[str, ...] = ALL_SCOPES, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(),
            "scope": " ".join(scopes),
            **changes,
        }
        return self.http.post(self.platform.token_url, data=form)

    def bearer(self, *scopes: str) -> dict[str, str]:
        token = self.ask_token(scopes=scopes or ALL_SCOPES).raise_for_status().json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def score(
        self,
        line_item: str,
        subject: str,
        given: float | None,
        *,
        timestamp: str,
        headers: Mapping[str, str],
        **more: Any,
    ) -> httpx.Response:
        body: dict[str, Any] = {
            "timestamp": timestamp,
            "activityProgress": "InProgress",
            "gradingProgress": "Pending",
            "userId": subject,
            **more,
        }
        if given is not None:
            body.update(scoreGiven=given, scoreMaximum=body.get("scoreMaximum", 6))
        content = json.dumps(body)
        return self.http.post(below(line_item, "scores"), content=content, headers={"Content-Type": SCORE, **headers})

    def results(self, line_item: str, *, headers: Mapping[str, str]) -> list[dict[str, Any]]:
        """All pages."""
        found: list[dict[str, Any]] = []
        url: str | None = below(line_item, "results")
        while url:
            answer = self.http.get(url, headers={"Accept": RESULTS, **headers}).raise_for_status()
            found += answer.json()
            url = answer.links.get("next", {}).get("url")
        return found

    def deep_link_response(self, claims: Mapping[str, Any], items: list[dict[str, Any]], **changes: Any) -> str:
        """The answer to a deep linking request (Deep Linking 2.0, 4.5)."""
        now = int(time.time())
        response: dict[str, Any] = {
            "iss": self.platform.client_id,
            "aud": self.platform.issuer,
            "iat": now,
            "exp": now + 60,
            "nonce": secrets.token_urlsafe(8),
            f"{CLAIM}deployment_id": claims[f"{CLAIM}deployment_id"],
            f"{CLAIM}message_type": "LtiDeepLinkingResponse",
            f"{CLAIM}version": "1.3.0",
            f"{DEEP_LINKING_CLAIM}content_items": items,
            **changes,
        }
        settings = claims[f"{DEEP_LINKING_CLAIM}deep_linking_settings"]
        if "data" in settings:
            response.setdefault(f"{DEEP_LINKING_CLAIM}data", settings["data"])
        return self.signed(response)


def below(line_item: str, what: str) -> str:
    """`/scores` or `/results` belongs to the path, before any query (AGS 2.0, 3.3 and 3.4)."""
    path, mark, query = line_item.partition("?")
    return f"{path}/{what}{mark}{query}"
