"""OIDC login and launch: IMS Security Framework 1.0, 5.1.1 and LTI 1.3 core, 5."""

import json
import secrets
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm
from werkzeug.wrappers import Request, Response

from tests.peers.lti.site.names import (
    CLAIM,
    COURSE,
    DEEP_LINKING_CLAIM,
    GRADES_CLAIM,
    INSTITUTION_ROLE,
    LINE_ITEM_READ_SCOPE,
    LINE_ITEM_SCOPE,
    MEMBERSHIP_ROLE,
    RESULT_SCOPE,
    ROSTER_CLAIM,
    SCORE_SCOPE,
)
from tests.peers.lti.site.store import Store
from tests.peers.lti.site.web import Refusal, answer, posting_form

CONTEXT_ID = "course-1"
DEPLOYMENT = "deployment-1"
TOKEN_SECONDS = 300
REQUIRED = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}


class Launches:
    def __init__(self, store: Store, issuer: str) -> None:
        self._store = store
        self._issuer = issuer

    def key_set(self, request: Request) -> Response:
        keys = []
        for row in self._store.key_rows():
            private = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(row["pem"])
            public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
            keys.append({**public, "kid": row["kid"], "alg": "RS256", "use": "sig"})
        return answer({"keys": keys})

    def login(
        self,
        username: str,
        link: str,
        *,
        message: str = "LtiResourceLinkRequest",
        client_id: str,
        deployment_id: str = "",
    ) -> tuple[str, dict[str, str]]:
        """The tool's login URL and what a browser brings to it (third-party initiated login)."""
        tool = self._store.row("SELECT * FROM tools WHERE client_id = ?", client_id)
        if tool is None:
            raise Refusal(404, "no such tool")
        shown = self._store.row("SELECT target FROM links WHERE name = ?", link)
        if shown is None and message == "LtiResourceLinkRequest":
            raise Refusal(404, f"no link {link!r}")
        deployment = deployment_id or tool["deployment_id"]
        hint, login_hint = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._store.run(
            "INSERT INTO launches VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(hint, login_hint, client_id, username, message, link, deployment, self._store.now()),
        )
        return tool["login_url"], {
            "iss": self._issuer,
            "login_hint": login_hint,
            "target_link_uri": (shown["target"] if shown else "") or tool["launch_url"],
            "lti_message_hint": hint,
            "client_id": client_id,
            "lti_deployment_id": deployment,
        }

    def authorize(self, request: Request) -> Response:
        """The authentication request (5.1.1.2) and its response (5.1.1.3)."""
        asked = request.values.to_dict()
        launch = self._store.row("SELECT * FROM launches WHERE hint = ?", asked.get("lti_message_hint", ""))
        tool = self._store.row("SELECT * FROM tools WHERE client_id = ?", asked.get("client_id", ""))
        if launch is None or tool is None or launch["client_id"] != tool["client_id"]:
            raise Refusal(400, "no such launch for this client", "unauthorized_client")
        if asked.get("redirect_uri") not in json.loads(tool["redirect_uris"]):
            raise Refusal(400, "redirect_uri is not registered", "invalid_request")
        for name, value in REQUIRED.items():
            if asked.get(name) != value:
                raise Refusal(400, f"{name} must be {value}", "invalid_request")
        for name in ("state", "nonce", "login_hint"):
            if not asked.get(name):
                raise Refusal(400, f"{name} is missing", "invalid_request")
        if asked["login_hint"] != launch["login_hint"]:
            raise Refusal(400, "login_hint is another person's", "login_required")
        token = self.sign(self._claims(launch, tool, asked["nonce"]))
        return posting_form(asked["redirect_uri"], {"id_token": token, "state": asked["state"]})

    def sign(self, claims: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
        key = self._store.key_rows()[0]
        return jwt.encode(claims, key["pem"], algorithm="RS256", headers={"kid": key["kid"], **(headers or {})})

    def _claims(self, launch: Any, tool: Any, nonce: str) -> dict[str, Any]:
        member = self._store.row("SELECT * FROM members WHERE username = ?", launch["username"])
        if member is None or member["status"] != "Active":
            raise Refusal(403, "not a member of the course", "login_required")
        now = int(self._store.now())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": tool["client_id"],
            "sub": member["subject"],
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "nonce": nonce,
            f"{CLAIM}message_type": launch["message"],
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}deployment_id": launch["deployment_id"],
            f"{CLAIM}roles": [f"{MEMBERSHIP_ROLE}{member['role']}", f"{INSTITUTION_ROLE}Member"],
            f"{CLAIM}context": {
                "id": CONTEXT_ID,
                "label": "TT-1",
                "title": self._store.setting("context_title"),
                "type": [COURSE],
            },
            f"{CLAIM}tool_platform": {"guid": "own-platform", "name": "Own", "product_family_code": "own"},
            f"{CLAIM}launch_presentation": {
                "document_target": "iframe",
                "return_url": f"{self._issuer}/returned",
                "locale": "zh-CN",
            },
        }
        if self._store.setting("personal_data"):
            claims.update(name=member["name"], locale="zh-CN")
            if member["email"]:
                claims["email"] = member["email"]
        if launch["message"] == "LtiDeepLinkingRequest":
            claims.update(self._deep_linking(member, tool))
        else:
            claims.update(self._resource_link(launch, tool))
        return self._odd(claims)

    def _resource_link(self, launch: Any, tool: Any) -> dict[str, Any]:
        link = self._store.row("SELECT * FROM links WHERE name = ?", launch["link"])
        assert link is not None
        declarative = self._store.setting("declarative")
        grades: dict[str, Any] = {"scope": [LINE_ITEM_READ_SCOPE, RESULT_SCOPE, SCORE_SCOPE]}
        if not declarative:
            grades["scope"].append(LINE_ITEM_SCOPE)
        grades["lineitems"] = f"{self._issuer}/courses/{CONTEXT_ID}/lineitems?type_id=1"
        item = self._store.rows(
            "SELECT id FROM line_items WHERE resource_link_id = ? AND client_id = ?",
            *(link["resource_link_id"], tool["client_id"]),
        )
        if len(item) == 1:  # AGS 2.0, 3.2.9: only where the link has exactly one
            grades["lineitem"] = line_item_url(self._issuer, item[0]["id"])
        claims: dict[str, Any] = {
            f"{CLAIM}target_link_uri": link["target"] or tool["launch_url"],
            f"{CLAIM}resource_link": {"id": link["resource_link_id"], "title": link["title"]},
            GRADES_CLAIM: grades,
            ROSTER_CLAIM: {
                "context_memberships_url": f"{self._issuer}/courses/{CONTEXT_ID}/memberships?type_id=1",
                "service_versions": ["2.0"],
            },
        }
        custom = json.loads(link["custom"])
        if custom:
            claims[f"{CLAIM}custom"] = custom
        return claims

    def _deep_linking(self, member: Any, tool: Any) -> dict[str, Any]:
        """Deep Linking 2.0, 4.4.1."""
        if member["role"] != "Instructor":
            raise Refusal(403, "only an instructor may choose content", "login_required")
        data = secrets.token_urlsafe(12)
        self._store.run("INSERT INTO deep_links VALUES (?, ?, 0)", data, tool["client_id"])
        return {
            f"{CLAIM}target_link_uri": tool["launch_url"],
            f"{DEEP_LINKING_CLAIM}deep_linking_settings": {
                "deep_link_return_url": f"{self._issuer}/deep-links",
                "accept_types": ["ltiResourceLink"],
                "accept_presentation_document_targets": ["iframe", "window"],
                "accept_multiple": True,
                "accept_lineitem": True,
                "auto_create": True,
                "data": data,
            },
        }

    def _odd(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Change the next token as the test wants it: {claim: value}, with None taken away."""
        with self._store.lock:
            changes = self._store.setting("claims")
            self._store.set("claims", None)
        for name, value in (changes or {}).items():
            if value is None:
                claims.pop(name, None)
            else:
                claims[name] = value
        return claims


def line_item_url(issuer: str, number: int) -> str:
    """With a query, as some platforms have it: `/scores` belongs before the question mark (AGS 2.0, 3.4)."""
    return f"{issuer}/courses/{CONTEXT_ID}/lineitems/{number}/lineitem?type_id=1"
