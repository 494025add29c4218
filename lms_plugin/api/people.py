"""Tokens, and who one is."""

from datetime import timedelta

from flask import Response, jsonify, request

from lms_plugin.api.reading import read_body
from lms_plugin.api.shapes import MeAnswer, RegionAnswer, TokenAnswer, TokenRequest
from lms_plugin.http.context import context
from lms_plugin.http.identity import bearer_token, check_password, current_actor
from lms_plugin.services import people, sign_in

TOKEN_LIFETIME = timedelta(days=30)


def create_token() -> tuple[Response, int]:
    """A bearer token for a login and password."""
    body = read_body(TokenRequest)
    shared = context()
    now = shared.clock()
    user_id = check_password(body.login, body.password).actor.user_id
    token, expires_at = shared.database.transact(lambda store: sign_in.issue_token(store, user_id, now, TOKEN_LIFETIME))
    return jsonify(TokenAnswer(token=token, expires_at=expires_at).model_dump(mode="json")), 201


def end_token() -> tuple[str, int]:
    """End the token that this request was made with."""
    token = bearer_token(request)
    if token is not None:
        context().database.transact(lambda store: sign_in.revoke_token(store, token))
    return "", 204


def me() -> Response:
    """Who the token or the signed-in page belongs to."""
    actor = current_actor()
    with context().database.reading() as store:
        names = people.region_names(store, [grant.region_id for grant in actor.grants if grant.region_id is not None])
    answer = MeAnswer(
        id=actor.user_id,
        login=actor.login,
        name=actor.name,
        roles=list(actor.roles),
        regions=[
            RegionAnswer(id=grant.region_id, role=grant.role, name=names.get(grant.region_id))
            for grant in actor.grants
            if grant.region_id is not None
        ],
    )
    return jsonify(answer.model_dump(mode="json"))
