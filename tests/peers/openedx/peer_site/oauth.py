"""Two rules that edx-platform adds to django-oauth-toolkit: whose a client's token is, and tokens as JWTs."""

import json
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpResponse
from oauth2_provider.models import AccessToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.views import TokenView

from peer_site.clock import Clock


class OwnersTokens(OAuth2Validator):
    """A token by client credentials acts for the client's owner."""

    def save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        super().save_bearer_token(token, request, *args, **kwargs)
        if request.grant_type == "client_credentials":
            AccessToken.objects.filter(token=token["access_token"]).update(user=request.client.user)


class AccessTokenView(TokenView):
    """Answers with a JWT where the caller asked for `token_type=jwt`."""

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        if response.status_code != 200 or request.POST.get("token_type", "").lower() != "jwt":
            return response
        answer = json.loads(response.content)
        owner = AccessToken.objects.get(token=answer["access_token"]).user
        issued_at = int(Clock.time())
        claims = {
            "aud": settings.JWT_AUTH["JWT_AUDIENCE"],
            "iss": settings.JWT_ISSUER,
            "iat": issued_at,
            "exp": issued_at + answer["expires_in"],
            "preferred_username": owner.username,
            "email": owner.email,
            "administrator": owner.is_staff,
            "superuser": owner.is_superuser,
            "scopes": answer["scope"].split(),
            "filters": [],
            "is_restricted": False,
            "version": "1.2.0",
            "sub": f"user-{owner.pk}",
            "grant_type": "client-credentials",
        }
        token = jwt.encode(claims, settings.JWT_KEY, algorithm="RS512", headers={"kid": "peer"})
        answer.update(token_type="JWT", access_token=token)
        response.content = json.dumps(answer)
        return response
