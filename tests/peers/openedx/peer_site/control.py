"""The test's own addresses: what the packages' tables hold, and what is put there beforehand."""

import json
from typing import Any

from completion.models import BlockCompletion
from completion.waffle import ENABLE_COMPLETION_TRACKING_SWITCH
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from oauth2_provider.models import AccessToken, Application
from waffle.models import Switch

from peer_site.courses.models import Block, Enrolment
from peer_site.lti import control as lti


def register_user(username: str, *, staff: bool = False) -> Any:
    user, _ = get_user_model().objects.update_or_create(
        username=username, defaults={"email": f"{username}@example.org", "is_staff": staff}
    )
    return user


def register_client(client_id: str, client_secret: str, owner: str, *, staff: bool) -> None:
    """An OAuth2 client for client credentials, as an admin makes one at /admin/oauth2_provider/application/."""
    Application.objects.update_or_create(
        client_id=client_id,
        defaults={
            "user": register_user(owner, staff=staff),
            "client_secret": client_secret,
            "client_type": Application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Application.GRANT_CLIENT_CREDENTIALS,
            "name": client_id,
        },
    )


def clear() -> None:
    """Forget learners, enrolments, courses, completions and tokens; clients and their owners stay."""
    owners = Application.objects.values_list("user_id", flat=True)
    lti.clear()
    for model in (BlockCompletion, Enrolment, Block, AccessToken):
        model.objects.all().delete()
    get_user_model().objects.exclude(pk__in=list(owners)).delete()


@csrf_exempt
@require_POST
@transaction.atomic
def seed(request: HttpRequest) -> JsonResponse:
    """Takes {reset, tracking, clients, users, courses, enrolments, left}; every part may be missing."""
    wanted = json.loads(request.body)
    if wanted.get("reset"):
        clear()
        request.environ["peer.requests"].clear()
    if "tracking" in wanted:
        Switch.objects.update_or_create(
            name=ENABLE_COMPLETION_TRACKING_SWITCH.name, defaults={"active": wanted["tracking"]}
        )
    for client in wanted.get("clients", []):
        register_client(client["client_id"], client["client_secret"], client["owner"], staff=client["staff"])
    for username in wanted.get("users", []):
        register_user(username)
    for course_key, blocks in wanted.get("courses", {}).items():
        for block_key, hidden in blocks.items():
            Block.objects.update_or_create(block_key=block_key, defaults={"course_key": course_key, "hidden": hidden})
    for username, course_key in wanted.get("enrolments", []):
        enrolment, _ = Enrolment.objects.get_or_create(user=register_user(username), course_key=course_key)
        enrolment.is_active = True
        enrolment.save()
    for username, course_key in wanted.get("left", []):
        Enrolment.objects.filter(user__username=username, course_key=course_key).update(is_active=False)
    return JsonResponse({"seeded": True})


def state(request: HttpRequest) -> JsonResponse:
    """What the genuine tables hold."""
    completions = BlockCompletion.objects.select_related("user").order_by("user__username", "block_key")
    return JsonResponse(
        {
            "tracking": ENABLE_COMPLETION_TRACKING_SWITCH.is_enabled(),
            "completions": [
                {
                    "username": row.user.username,
                    "course_key": str(row.context_key),
                    "block_key": str(row.block_key),
                    "completion": row.completion,
                    "created_at": row.created.isoformat(),
                    "modified_at": row.modified.isoformat(),
                }
                for row in completions
            ],
            "enrolments": [
                {"username": row.user.username, "course_key": row.course_key}
                for row in Enrolment.objects.select_related("user").order_by("user__username", "course_key")
            ],
            "requests": list(request.environ["peer.requests"]),
        }
    )
