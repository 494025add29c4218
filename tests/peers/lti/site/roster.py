"""Names and Role Provisioning Services 2.0."""

from typing import Any

from werkzeug.wrappers import Request, Response

from tests.peers.lti.site.launch import CONTEXT_ID
from tests.peers.lti.site.names import MEMBERSHIP_ROLE, ROSTER, ROSTER_SCOPE
from tests.peers.lti.site.store import Store
from tests.peers.lti.site.tokens import Tokens
from tests.peers.lti.site.web import Refusal, accepts, answer, page_of


class Roster:
    def __init__(self, store: Store, issuer: str, tokens: Tokens) -> None:
        self._store = store
        self._url = f"{issuer}/courses/{CONTEXT_ID}/memberships?type_id=1"
        self._tokens = tokens

    def memberships(self, request: Request) -> Response:
        """The members, in pages; with `since` those whose membership has changed, `Deleted` ones among them (2.5)."""
        self._tokens.client(request, ROSTER_SCOPE)
        accepts(request, ROSTER)
        if request.args.get("type_id") != "1":
            raise Refusal(400, "the address of the memberships was not used as it was given: its query is missing")
        since = request.args.get("since")
        rows = self._store.rows("SELECT * FROM members ORDER BY subject")
        if since is None:
            rows = [row for row in rows if row["status"] != "Deleted"]
        else:
            rows = [row for row in rows if row["changed"] > int(since)]
        role = request.args.get("role")
        if role is not None:
            rows = [row for row in rows if role in {row["role"], f"{MEMBERSHIP_ROLE}{row['role']}"}]
        start, end, following = page_of(request, len(rows), self._store.setting("page_size"))
        body = {
            "id": self._url,
            "context": {"id": CONTEXT_ID, "label": "TT-1", "title": self._store.setting("context_title")},
            "members": [self._shown(row) for row in rows[start:end]],
        }
        response = answer(body, media_type=ROSTER, next_page=following)
        differences = f"{self._url}&since={self._store.setting('changes')}"
        response.headers.add("Link", f'<{differences}>; rel="differences"')
        return response

    def _shown(self, row: Any) -> dict[str, Any]:
        shown = {
            "status": row["status"],
            "user_id": row["subject"],
            "roles": [f"{MEMBERSHIP_ROLE}{row['role']}"],
        }
        if self._store.setting("personal_data"):
            shown["name"] = row["name"]
            if row["email"]:
                shown["email"] = row["email"]
        return shown
