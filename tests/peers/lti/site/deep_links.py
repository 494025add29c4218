"""Deep Linking 2.0: takes the tool's response, keeps its items and makes links of them."""

import json
import secrets
from typing import Any

import jwt
from werkzeug.wrappers import Request, Response

from tests.peers.lti.site.names import CLAIM, DEEP_LINKING_CLAIM
from tests.peers.lti.site.store import Store
from tests.peers.lti.site.tokens import ToolKeys
from tests.peers.lti.site.web import Refusal, answer

FORM = "application/x-www-form-urlencoded"


class DeepLinks:
    def __init__(self, store: Store, issuer: str, keys: ToolKeys) -> None:
        self._store = store
        self._issuer = issuer
        self._keys = keys

    def receive(self, request: Request) -> Response:
        """4.5: a form post with the field `JWT`."""
        if request.mimetype != FORM or "JWT" not in request.form:
            raise Refusal(400, f"a deep linking response is the field JWT of a form in {FORM}")
        claims, tool = self._verified(request.form["JWT"])
        items = claims.get(f"{DEEP_LINKING_CLAIM}content_items", [])
        if not isinstance(items, list):
            raise Refusal(400, "content_items is a list")
        checked = [self._checked(item) for item in items]
        for item in checked:
            self._keep(item, tool)
        return answer({"kept": len(checked), "message": claims.get(f"{DEEP_LINKING_CLAIM}msg", "")})

    def _verified(self, token: str) -> tuple[dict[str, Any], Any]:
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss", "")
        except jwt.PyJWTError:
            raise Refusal(400, "the response is no JWT") from None
        tool = self._store.row("SELECT * FROM tools WHERE client_id = ?", issuer)
        if tool is None:
            raise Refusal(400, "no such client")
        claims = self._keys.decode(token, tool, audience=[self._issuer], now=self._store.now())
        expected = {
            "message_type": "LtiDeepLinkingResponse",
            "version": "1.3.0",
            "deployment_id": tool["deployment_id"],
        }
        for name, value in expected.items():
            if claims.get(f"{CLAIM}{name}") != value:
                raise Refusal(400, f"{name} must be {value}")
        if not claims.get("nonce") or not self._store.once("nonce", str(claims["nonce"])):
            raise Refusal(400, "nonce is missing or was used before")
        data = claims.get(f"{DEEP_LINKING_CLAIM}data")
        with self._store.lock:
            asked = self._store.row("SELECT * FROM deep_links WHERE data = ?", data)
            if asked is None or asked["client_id"] != tool["client_id"] or asked["used"]:
                raise Refusal(400, "data is not what was sent, or was answered before")
            self._store.run("UPDATE deep_links SET used = 1 WHERE data = ?", data)
        return claims, tool

    @staticmethod
    def _checked(item: object) -> dict[str, Any]:
        if not isinstance(item, dict) or item.get("type") != "ltiResourceLink":
            raise Refusal(400, "this platform takes items of the type ltiResourceLink")
        if not isinstance(item.get("custom", {}), dict):
            raise Refusal(400, "custom is an object")
        line_item = item.get("lineItem")
        if line_item is not None and not line_item.get("scoreMaximum"):
            raise Refusal(400, "lineItem needs a scoreMaximum")
        return item

    def _keep(self, item: dict[str, Any], tool: Any) -> None:
        with self._store.lock:
            number = self._store.run("INSERT INTO content_items (item) VALUES (?)", json.dumps(item))
            resource_link_id = f"link-{secrets.token_hex(6)}"
            title = str(item.get("title", ""))
            self._store.run(
                "INSERT INTO links VALUES (?, ?, ?, ?, ?)",
                *(f"chosen-{number}", resource_link_id, title, item.get("url", "")),
                json.dumps(item.get("custom", {})),
            )
            line_item = item.get("lineItem")
            if line_item is not None:
                self._store.run(
                    "INSERT INTO line_items (client_id, label, maximum, resource_link_id, resource_id, tag, declared)"
                    " VALUES (?, ?, ?, ?, ?, ?, 1)",
                    *(tool["client_id"], line_item.get("label") or title, line_item["scoreMaximum"]),
                    *(resource_link_id, line_item.get("resourceId"), line_item.get("tag")),
                )
