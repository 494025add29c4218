"""LTI Dynamic Registration 1.0: the platform's configuration, and the address a tool registers at."""

import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from tests.peers.lti.site.names import PLATFORM_CONFIGURATION, SCOPES, TOOL_CONFIGURATION
from tests.peers.lti.site.store import Store
from tests.peers.lti.site.web import Refusal, answer, bears

CLAIMS = ["iss", "sub", "name", "email", "locale"]


class Registration:
    def __init__(self, store: Store, issuer: str) -> None:
        self._store = store
        self._issuer = issuer

    def configuration(self, request: Request) -> Response:
        """OpenID configuration (3.4), with the LTI part (3.4.1)."""
        return answer(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
                "jwks_uri": f"{self._issuer}/keys",
                "registration_endpoint": f"{self._issuer}/register",
                "scopes_supported": ["openid", *SCOPES],
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public", "pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "claims_supported": CLAIMS,
                PLATFORM_CONFIGURATION: {
                    "product_family_code": "own",
                    "version": "1",
                    "messages_supported": [{"type": "LtiResourceLinkRequest"}, {"type": "LtiDeepLinkingRequest"}],
                    "variables": [],
                },
            }
        )

    def request(self) -> dict[str, str]:
        """What the platform adds to the tool's registration address (3.3)."""
        token = secrets.token_urlsafe(16)
        self._store.run("INSERT INTO tokens VALUES (?, '', ?, ?)", token, '["reg"]', self._store.now() + 3600)
        return {
            "openid_configuration": f"{self._issuer}/.well-known/openid-configuration",
            "registration_token": token,
        }

    def register(self, request: Request) -> Response:
        """3.5: the tool's own configuration; answered with its client id and deployment."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        row = self._store.row("SELECT * FROM tokens WHERE token = ? AND scopes = ?", token, '["reg"]')
        if kind.lower() != "bearer" or row is None or row["ends_at"] < self._store.now():
            raise Refusal(401, "a registration token of this platform is needed", "invalid_token")
        wanted = self._checked(bears(request, "application/json"))
        tool = wanted[TOOL_CONFIGURATION]
        client_id, deployment_id = f"tool-{secrets.token_hex(4)}", secrets.token_hex(4)
        self._store.run("DELETE FROM tokens WHERE token = ?", token)
        self._store.run(
            "INSERT INTO tools VALUES (?, ?, ?, ?, ?, ?, '')",
            *(client_id, deployment_id, tool["target_link_uri"], wanted["initiate_login_uri"]),
            *(json.dumps(wanted["redirect_uris"]), wanted["jwks_uri"]),
        )
        scopes = " ".join(sorted(set(str(wanted.get("scope", "")).split()) & set(SCOPES)))
        return answer(
            {
                **wanted,
                "client_id": client_id,
                "scope": scopes,
                TOOL_CONFIGURATION: {**tool, "deployment_id": deployment_id},
            }
        )

    @staticmethod
    def _checked(body: object) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise Refusal(400, "a registration is an object", "invalid_client_metadata")
        fixed = {
            "application_type": "web",
            "token_endpoint_auth_method": "private_key_jwt",
        }
        for name, value in fixed.items():
            if body.get(name) != value:
                raise Refusal(400, f"{name} must be {value}", "invalid_client_metadata")
        lists = {"response_types": {"id_token"}, "grant_types": {"implicit", "client_credentials"}}
        for name, values in lists.items():
            if not values <= set(body.get(name) or []):
                raise Refusal(400, f"{name} must hold {', '.join(sorted(values))}", "invalid_client_metadata")
        for name in ("initiate_login_uri", "jwks_uri", "client_name"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise Refusal(400, f"{name} is missing", "invalid_client_metadata")
        if not isinstance(body.get("redirect_uris"), list) or not body["redirect_uris"]:
            raise Refusal(400, "redirect_uris is missing", "invalid_redirect_uri")
        tool = body.get(TOOL_CONFIGURATION)
        if not isinstance(tool, dict):
            raise Refusal(400, f"{TOOL_CONFIGURATION} is missing", "invalid_client_metadata")
        host = urlsplit(str(tool.get("target_link_uri", ""))).hostname
        if not host or host != tool.get("domain", "").split(":")[0]:
            raise Refusal(400, "target_link_uri is not on the domain", "invalid_client_metadata")
        if not isinstance(tool.get("claims"), list) or not isinstance(tool.get("messages"), list):
            raise Refusal(400, "claims and messages are required", "invalid_client_metadata")
        return body
