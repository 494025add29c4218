"""The service with an LTI platform beside it, which is another process on 127.0.0.1."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from sqlalchemy import select

from lms_plugin.adapters.reporters import check_address
from lms_plugin.services import lti_deep_linking, lti_keys, lti_platforms
from lms_plugin.services.lti_deep_linking import DeepLinkingRequest
from lms_plugin.services.lti_platforms import LtiDetails
from lms_plugin.services.platforms import CONSOLE
from lms_plugin.storage.lti import LtiLink
from lms_plugin.storage.programmes import ProgrammeRow
from tests.application import make_app
from tests.peers.lti.platform import LtiPlatform
from tests.web.stage import HOST, Stage, settings_of

KEY = "own"
SETTINGS = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"


def reach_loopback(stage: Stage, database_url: str, folder: Path) -> None:
    """Let the service call platforms on 127.0.0.1."""
    settings = replace(settings_of(database_url, folder), lms_allow_loopback=True)
    stage.app = make_app(settings, clock=stage.clock)


def details_of(platform: LtiPlatform) -> LtiDetails:
    return LtiDetails(
        issuer=platform.issuer,
        client_id=platform.client_id,
        authorization_url=platform.authorization_url,
        key_set_url=platform.key_set_url,
        token_url=platform.token_url,
        deployment_ids=(platform.deployment_id,),
    )


def register(stage: Stage, platform: LtiPlatform) -> int:
    """Register each with the other; gives the platform's id."""
    with stage.database.writing() as session:
        view = lti_platforms.register(
            session,
            CONSOLE,
            lambda address: check_address(address, allow_loopback=True),
            key=KEY,
            details=details_of(platform),
        )
    introduce(stage, platform)
    return view.platform_id


def introduce(stage: Stage, platform: LtiPlatform) -> None:
    """Let the platform know the service's addresses and key, and let it have the service's time."""
    with stage.database.writing() as session:
        key = lti_keys.signing_key(session, stage.app.extensions["lms_plugin"].seal, stage.clock())
    public = load_pem_private_key(key.private_key_pem.encode(), None).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    platform.set_tool(launch_url=f"{HOST}/lti/launch", login_url=f"{HOST}/lti/login", public_key=pem)
    platform.set_clock((stage.clock() - datetime.now(UTC)).total_seconds() / 60)


def note_link(stage: Stage, platform_id: int, platform: LtiPlatform) -> None:
    """A link that was launched, with the addresses that its launch gave."""
    with stage.database.writing() as session:
        session.add(
            LtiLink(
                platform_id=platform_id,
                deployment_id=platform.deployment_id,
                context_id=platform.context_id,
                context_title="第一期远程研修",
                resource_link_id=platform.resource_link_id("whole"),
                programme_id=session.scalars(select(ProgrammeRow.id)).one(),
                line_items_url=services_of(platform)["lineitems"],
                memberships_url=services_of(platform)["memberships"],
                seen_at=stage.clock(),
            )
        )


def services_of(platform: LtiPlatform) -> dict[str, str]:
    """The addresses that a launch of the link `whole` gives."""
    claims = claims_of(platform, platform.login_request("author", "whole"))
    ags = claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]
    nrps = claims["https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"]
    return {"lineitems": ags["lineitems"], "memberships": nrps["context_memberships_url"]}


def claims_of(platform: LtiPlatform, login: dict[str, str]) -> dict[str, Any]:
    """What the token says that the platform answers a login with; whether it is right is for launches to check."""
    form = platform.authorize(
        {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": f"{HOST}/lti/launch",
            "login_hint": login["login_hint"],
            "lti_message_hint": login.get("lti_message_hint", ""),
            "state": "s",
            "nonce": "n",
        }
    )
    return jwt.decode(form["id_token"], options={"verify_signature": False})


def ask_for_links(stage: Stage, platform_id: int, platform: LtiPlatform, **changed: Any) -> str:
    """A deep linking request of the platform; gives the address of the picker."""
    claims = claims_of(platform, platform.deep_link_request("author"))
    settings = claims[SETTINGS]
    request = DeepLinkingRequest(
        platform_id=platform_id,
        deployment_id=claims["https://purl.imsglobal.org/spec/lti/claim/deployment_id"],
        return_url=settings["deep_link_return_url"],
        accept_types=tuple(settings["accept_types"]),
        accept_multiple=settings["accept_multiple"],
        accept_line_item=settings["accept_lineitem"],
        data=settings["data"],
    )
    with stage.database.writing() as session:
        secret = lti_deep_linking.begin(session, replace(request, **changed), stage.clock())
    return f"/lti/deep-linking/{secret}"
