"""Access tokens for the services, and the tool's keys: IMS Security Framework 1.0, 4.1 and 6.3."""

import json
import secrets
from typing import Any

import httpx
import jwt
from werkzeug.wrappers import Request, Response

from tests.peers.lti.site.names import ASSERTION_TYPE, SCOPES
from tests.peers.lti.site.store import Store
from tests.peers.lti.site.web import Refusal, answer

TOKEN_SECONDS = 3600
LONGEST_ASSERTION_SECONDS = 3600
LEEWAY_SECONDS = 60
FORM = "application/x-www-form-urlencoded"


class ToolKeys:
    """Reads the tool's published key set, and again when a key is not in it (rotation)."""

    def __init__(self) -> None:
        self._read: dict[str, dict[str, Any]] = {}

    def decode(self, token: str, tool: Any, *, audience: list[str], now: float) -> dict[str, Any]:
        """The claims of a message the tool has signed for this platform.

        Raises:
            Refusal: the signature, the issuer, the audience or the times are not right.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(header, tool),
                algorithms=["RS256"],
                audience=audience,
                issuer=tool["client_id"],
                # The times are judged by this platform's own clock, not by that of the machine.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "iat"]},
            )
            issued, ends = float(claims["iat"]), float(claims["exp"])
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise Refusal(400, f"the tool's token is not valid: {error}", "invalid_client") from None
        if ends + LEEWAY_SECONDS < now:
            raise Refusal(400, "the tool's token has expired", "invalid_client")
        if issued - LEEWAY_SECONDS > now:
            raise Refusal(400, "the tool's token is not valid yet", "invalid_client")
        if ends - issued > LONGEST_ASSERTION_SECONDS:
            raise Refusal(400, "the tool's token is valid for more than an hour", "invalid_client")
        return claims

    def _key(self, header: dict[str, Any], tool: Any) -> Any:
        if not tool["key_set_url"]:
            return tool["public_key"]
        kid = header.get("kid")
        for attempt in ("kept", "read anew"):
            keys = self._key_set(tool["key_set_url"], again=attempt == "read anew")
            for key in keys.get("keys", []):
                if kid and key.get("kid") == kid:
                    return jwt.PyJWK(key, algorithm="RS256").key
        raise Refusal(400, f"key {kid!r} is not in the tool's key set", "invalid_client")

    def _key_set(self, url: str, *, again: bool) -> dict[str, Any]:
        if again or url not in self._read:
            try:
                self._read[url] = httpx.get(url, timeout=10, trust_env=False).raise_for_status().json()
            except (httpx.HTTPError, ValueError) as error:
                raise Refusal(400, f"the tool's key set cannot be read: {error}", "invalid_client") from None
        return self._read[url]


class Tokens:
    def __init__(self, store: Store, issuer: str, keys: ToolKeys) -> None:
        self._store = store
        self._token_url = f"{issuer}/token"
        self._keys = keys

    def issue(self, request: Request) -> Response:
        """Client credentials with a signed assertion (4.1.1)."""
        if request.mimetype != FORM:
            raise Refusal(400, f"a token is asked for with {FORM}", "invalid_request")
        form = request.form
        if form.get("grant_type") != "client_credentials":
            raise Refusal(400, "grant_type must be client_credentials", "unsupported_grant_type")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Refusal(400, f"client_assertion_type must be {ASSERTION_TYPE}", "invalid_request")
        assertion = form.get("client_assertion", "")
        tool = self._tool(assertion)
        claims = self._keys.decode(assertion, tool, audience=[self._token_url], now=self._store.now())
        if claims.get("sub") != tool["client_id"]:
            raise Refusal(400, "sub must be the client id", "invalid_client")
        if not claims.get("jti") or not self._store.once("jti", str(claims["jti"])):
            raise Refusal(400, "jti is missing or was used before", "invalid_client")
        granted = sorted(set(form.get("scope", "").split()) & set(SCOPES))
        if not granted:
            raise Refusal(400, "no scope this platform knows", "invalid_scope")
        token = secrets.token_urlsafe(24)
        ends_at = self._store.now() + TOKEN_SECONDS
        self._store.run(
            "INSERT INTO tokens VALUES (?, ?, ?, ?)", token, tool["client_id"], json.dumps(granted), ends_at
        )
        response = answer(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "scope": " ".join(granted),
            }
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def client(self, request: Request, *scopes: str) -> str:
        """Whose request this is; refuses one without a valid token (401) or without any of the scopes (403)."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        row = self._store.row("SELECT * FROM tokens WHERE token = ?", token)
        if kind.lower() != "bearer" or row is None or row["ends_at"] < self._store.now():
            refusal = Refusal(401, "a valid access token is needed", "invalid_token")
            refusal.response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            raise refusal
        if not set(json.loads(row["scopes"])) & set(scopes):
            raise Refusal(403, f"this needs the scope {scopes[0]}", "insufficient_scope")
        return str(row["client_id"])

    def _tool(self, assertion: str) -> Any:
        try:
            issuer = jwt.decode(assertion, options={"verify_signature": False}).get("iss", "")
        except jwt.PyJWTError:
            raise Refusal(400, "client_assertion is no JWT", "invalid_request") from None
        tool = self._store.row("SELECT * FROM tools WHERE client_id = ?", issuer)
        if tool is None:
            raise Refusal(401, "no such client", "invalid_client")
        return tool
