"""The test's own addresses for LTI: the course and its links beforehand, clicks, and what the package's tables hold."""

import html
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from completion.models import BlockCompletion
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from lti_consumer.api import config_id_for_block, get_lti_1p3_launch_start_url
from lti_consumer.models import (
    CourseAllowPIISharingInLTIFlag,
    Lti1p3Passport,
    LtiAgsLineItem,
    LtiAgsScore,
    LtiConfiguration,
    LtiDlContentItem,
)
from lti_consumer.utils import (
    get_lms_lti_access_token_link,
    get_lms_lti_keyset_link,
    get_lms_lti_launch_link,
    get_lti_ags_lineitems_url,
)
from opaque_keys.edx.keys import CourseKey, UsageKey

from peer_site import clock
from peer_site.courses.models import Enrolment, Title
from peer_site.lti.blocks import PASSPORT_ID, ModuleStore
from peer_site.lti.models import ExternalId, Grade, Placement, Profile, Tool

COURSE = "course-v1:Peer+TT101+2026"
CHOOSER = "chooser"
CHOSEN = "chosen-"
ROLES = {"Learner": "student", "Instructor": "staff"}


def block_key(link: str) -> str:
    return str(CourseKey.from_string(COURSE).make_usage_key("lti_consumer", link))


def passport() -> Lti1p3Passport:
    """The registration of the tool that all blocks of the course share."""
    made, _ = Lti1p3Passport.objects.get_or_create(
        passport_id=PASSPORT_ID, defaults={"name": "peer", "context_key": COURSE}
    )
    return made


def place(link: str, fields: dict[str, Any]) -> None:
    """Put a block into the course, as its author does in Studio, and let the package make its configuration."""
    key = block_key(link)
    Placement.objects.update_or_create(block_key=key, defaults={"fields": fields})
    config_id_for_block(ModuleStore().get_item(UsageKey.from_string(key)))


def clear() -> None:
    """Forget links, scores, grades and chosen content; the tool's registration and the keys stay."""
    chooser = block_key(CHOOSER)
    for model in (LtiAgsScore, LtiAgsLineItem, LtiDlContentItem, Grade, ExternalId, Profile, Title):
        model.objects.all().delete()
    kept = LtiConfiguration.objects.filter(location=UsageKey.from_string(chooser)).values_list("pk", flat=True)
    LtiConfiguration.objects.exclude(pk__in=list(kept)).delete()
    Placement.objects.exclude(block_key=chooser).delete()
    cache.clear()
    clock.set_ahead(0)
    allow_personal_data(True)
    tool = Tool.objects.first()
    if tool:
        tool.fields = {**tool.fields, **sharing(True), "lti_advantage_ags_mode": "declarative"}
        tool.save()
        place(CHOOSER, {"display_name": CHOOSER})


def sharing(personal_data: bool) -> dict[str, bool]:
    """The author's choice to send a name and an e-mail address in launches."""
    return {"ask_to_send_full_name": personal_data, "ask_to_send_email": personal_data}


def allow_personal_data(allowed: bool) -> None:
    """The admin's choice for a course, which also governs the roster."""
    CourseAllowPIISharingInLTIFlag.objects.create(course_id=CourseKey.from_string(COURSE), enabled=allowed)


def information() -> dict[str, str]:
    """What Studio shows an author to register the platform with a tool."""
    own = passport()
    return {
        "issuer": settings.LTI_API_BASE,
        "client_id": own.lti_1p3_client_id,
        "deployment_id": "1",
        "authorization_url": get_lms_lti_launch_link(),
        "token_url": get_lms_lti_access_token_link(own.passport_id),
        "key_set_url": get_lms_lti_keyset_link(own.passport_id),
        "context_id": COURSE,
    }


@csrf_exempt
@require_POST
@transaction.atomic
def control(request: HttpRequest, what: str) -> JsonResponse:
    return JsonResponse(COMMANDS[what](**json.loads(request.body)))


def seed(
    *,
    users: list[Any],
    links: list[Any],
    context_title: str | None,
    declarative: bool | None,
    personal_data: bool | None,
) -> dict[str, Any]:
    if context_title is not None:
        Title.objects.update_or_create(course_key=COURSE, defaults={"title": context_title})
    tool = Tool.objects.first() or Tool(fields={})
    if declarative is not None:
        tool.fields["lti_advantage_ags_mode"] = "declarative" if declarative else "programmatic"
    if personal_data is not None:
        tool.fields.update(sharing(personal_data))
        allow_personal_data(personal_data)
    tool.save()
    enrol(people=users)
    for link in links:
        fields = {
            "display_name": link["title"] or link["name"],
            "has_score": True,
            "weight": float(link["maximum"]),
            "custom_parameters": [f"{name}={value}" for name, value in link["custom"].items()],
        }
        if link["target_link_uri"]:
            fields["lti_1p3_launch_url"] = link["target_link_uri"]
        place(link["name"], fields)
        # A declarative line item comes into being when the platform first looks at the block's services.
        LtiConfiguration.objects.get(location=UsageKey.from_string(block_key(link["name"]))).get_lti_consumer()
    return {}


def enrol(*, people: list[Any]) -> dict[str, Any]:
    for person in people:
        user, _ = get_user_model().objects.update_or_create(
            username=person["username"], defaults={"email": person["email"] or f"{person['username']}@example.org"}
        )
        Profile.objects.update_or_create(user=user, defaults={"name": person["name"], "role": ROLES[person["role"]]})
        Enrolment.objects.get_or_create(user=user, course_key=COURSE)
    return {}


def remove(*, usernames: list[str]) -> dict[str, Any]:
    Enrolment.objects.filter(user__username__in=usernames, course_key=COURSE).delete()
    return {}


def set_tool(*, launch_url: str, login_url: str, key_set_url: str, public_key: str) -> dict[str, Any]:
    own = passport()
    own.lti_1p3_tool_public_key, own.lti_1p3_tool_keyset_url = public_key, key_set_url
    own.save()
    tool = Tool.objects.first() or Tool(fields={"lti_advantage_ags_mode": "declarative", **sharing(True)})
    tool.fields.update(
        {
            "config_type": "new",
            "lti_version": "lti_1p3",
            "lti_1p3_passport_id": PASSPORT_ID,
            "lti_1p3_launch_url": launch_url,
            "lti_1p3_oidc_url": login_url,
            "lti_1p3_redirect_uris": [launch_url],
            "lti_1p3_tool_key_mode": "keyset_url" if key_set_url else "public_key",
            "lti_1p3_tool_keyset_url": key_set_url,
            "lti_1p3_tool_public_key": public_key,
            "lti_1p3_enable_nrps": True,
            "lti_advantage_deep_linking_enabled": True,
            "lti_advantage_deep_linking_launch_url": launch_url,
            "accept_grades_past_due": True,
        }
    )
    tool.save()
    place(CHOOSER, {"display_name": CHOOSER})
    return {}


def start_url(username: str, link: str, *, deep_link: bool = False) -> str:
    """Where a click on the block sends the browser: the genuine launch data of the genuine block."""
    user = get_user_model().objects.get(username=username)
    item = None
    if link.startswith(CHOSEN):
        item = LtiDlContentItem.objects.order_by("id")[int(link.removeprefix(CHOSEN)) - 1]
    place_of = CHOOSER if deep_link or item else link
    block = ModuleStore().get_item(UsageKey.from_string(block_key(place_of)), user)
    return str(
        get_lti_1p3_launch_start_url(
            block.get_lti_1p3_launch_data(), deep_link_launch=deep_link, dl_content_id=item.pk if item else None
        )
    )


def login_request(*, user: str, link: str, deep_link: bool) -> dict[str, Any]:
    return {"parameters": dict(parse_qsl(urlsplit(start_url(user, link, deep_link=deep_link)).query))}


def rotate(*, keep_old: bool) -> dict[str, Any]:
    """A new key pair, as when an admin empties the fields; the package itself publishes one key only."""
    own = passport()
    before = own.lti_1p3_public_jwk["keys"] if keep_old else []
    own.lti_1p3_internal_private_key = ""
    own.save()
    now = own.lti_1p3_public_jwk
    own.lti_1p3_internal_public_jwk = json.dumps({"keys": [*now["keys"], *before]})
    own.save()
    return {}


def set_clock(*, minutes: float) -> dict[str, Any]:
    clock.set_ahead(minutes)
    return {}


def frame(request: HttpRequest) -> HttpResponse:
    """A course page with the block in it, for a browser that is signed in here."""
    user = get_user_model().objects.get(username=request.GET["user"])
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    link = request.GET["link"]
    source = html.escape(start_url(user.username, link))
    title = html.escape(link)
    return HttpResponse(
        f"<!doctype html><title>{title}</title><h1>{title}</h1>"
        f'<iframe name="tool" width="900" height="700" src="{source}"></iframe>'
    )


def state(request: HttpRequest) -> JsonResponse:
    """What the genuine tables hold."""
    names = {UsageKey.from_string(key).block_id: key for key in Placement.objects.values_list("block_key", flat=True)}
    by_key = {key: name for name, key in names.items()}

    def url(item: LtiAgsLineItem) -> str:
        return str(get_lti_ags_lineitems_url(item.lti_configuration_id, item.pk))

    return JsonResponse(
        {
            "links": names,
            "line_items": [
                {"url": url(item), "resource_link_id": str(item.resource_link_id or ""), "maximum": item.score_maximum}
                for item in LtiAgsLineItem.objects.order_by("id")
            ],
            "scores": [
                {
                    "url": url(score.line_item),
                    "subject": score.user_id,
                    "given": score.score_given,
                    "maximum": score.score_maximum,
                    "activity": score.activity_progress,
                    "grading": score.grading_progress,
                    "timestamp": score.timestamp.isoformat(),
                    "comment": score.comment or "",
                }
                for score in LtiAgsScore.objects.select_related("line_item").order_by("id")
            ],
            "gradebook": [
                [by_key.get(row.block_key, row.block_key), row.user.username, row.value / row.max_value, row.times]
                for row in Grade.objects.select_related("user")
            ],
            "completions": [
                [str(row.block_key), row.user.username, row.completion]
                for row in BlockCompletion.objects.select_related("user")
            ],
            "content_items": [item.attributes for item in LtiDlContentItem.objects.order_by("id")],
            "requests": list(request.environ["peer.requests"]),
        }
    )


def members(course_key: Any) -> dict[int, dict[str, Any]]:
    """edx-platform's list of a course's members, as the package asks for it."""
    rows = Enrolment.objects.filter(course_key=str(course_key)).select_related("user__profile")
    return {
        row.user.pk: {
            "id": row.user.pk,
            "username": row.user.username,
            "email": row.user.email,
            "name": row.user.profile.name,
            "roles": [row.user.profile.role],
        }
        for row in rows
    }


COMMANDS = {
    "seed": seed,
    "members": enrol,
    "remove": remove,
    "tool": set_tool,
    "login": login_request,
    "rotate": rotate,
    "clock": set_clock,
}
