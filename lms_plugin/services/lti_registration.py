"""Dynamic registration (LTI Dynamic Registration 1.0): a platform tells of itself, and this tool registers there.

What came of it waits for an admin: until they confirm it, nothing is sent and nothing can be launched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import delete
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Refusal
from lms_plugin.services import lti_platforms, platforms
from lms_plugin.services.access import Actor
from lms_plugin.services.lti_platforms import DEPLOYMENT_LIMIT, LtiDetails, LtiPlatformView, origin_of
from lms_plugin.services.platforms import AddressCheck
from lms_plugin.storage.lti import LtiDeployment, LtiLogin, LtiNonce, LtiPlatform
from lms_plugin.storage.lti_paths import LtiRegistration
from lms_plugin.storage.outbox import Platform

RESOURCE_LINK, DEEP_LINKING = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"
SCOPES = (
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem",
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/score",
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
)
CLAIMS = ("iss", "sub", "name", "given_name", "family_name", "locale")
"""What we ask to be told of people. No e-mail address: nobody is recognised by one."""
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
CLIENT_NAME = {"": "Class Hours", "#zh-CN": "培训学时"}
ADDRESS_LIMIT, PRODUCT_LIMIT, TOKEN_LIMIT = 500, 120, 8000
UNCONFIRMED = "registered by the platform itself; waits to be confirmed"


class RegistrationFailed(Refusal):
    """The platform's answer is of no use; `params` hold `step` (configuration or registration) and its `words`."""

    code = "lti_registration_failed"
    kind = "conflict"


@dataclass(frozen=True, slots=True)
class OurAddresses:
    """This tool's addresses, as a platform is told them. Deep linking comes to the launch address as well."""

    base_url: str

    @property
    def login(self) -> str:
        return f"{self.base_url}/lti/login"

    @property
    def launch(self) -> str:
        return f"{self.base_url}/lti/launch"

    @property
    def key_set(self) -> str:
        return f"{self.base_url}/lti/jwks.json"

    @property
    def registration(self) -> str:
        return f"{self.base_url}/lti/register"

    @property
    def icon(self) -> str:
        return f"{self.base_url}/static/img/mark.svg"


@dataclass(frozen=True, slots=True)
class PlatformConfiguration:
    """What a platform tells of itself (LTI Dynamic Registration 1.0, 3.5.1)."""

    issuer: str
    authorization_url: str
    key_set_url: str
    token_url: str
    token_audience: str
    registration_url: str
    product: str
    scopes: tuple[str, ...]
    claims: tuple[str, ...]
    messages: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of what a registration cannot do without, as OpenID Connect calls them."""
        needed = {
            "issuer": self.issuer,
            "authorization_endpoint": self.authorization_url,
            "jwks_uri": self.key_set_url,
            "registration_endpoint": self.registration_url,
        }
        return tuple(name for name, value in needed.items() if not value)


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """Whom a platform has registered this tool as (3.7); the deployment where it has made one already."""

    client_id: str
    deployment_id: str | None


class RegistrationCalls(Protocol):
    """The two calls of a dynamic registration.

    Both raise RegistrationFailed where there is no answer or one of no use, AddressRefused for a forbidden address.
    """

    def configuration(self, address: str) -> Mapping[str, Any]:
        """The JSON object at a platform's `openid_configuration` address."""
        ...

    def register(self, address: str, token: str, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """The platform's answer to the metadata of this tool; `token` is empty where the platform gave none."""
        ...


def read_configuration(said: Mapping[str, Any]) -> PlatformConfiguration:
    """What a platform tells of itself, with everything that has the wrong form left out.

    Raises:
        RegistrationFailed: something is missing that a registration needs.
    """
    about = said.get(PLATFORM_CONFIGURATION)
    about = about if isinstance(about, Mapping) else {}
    messages = about.get("messages_supported")
    found = PlatformConfiguration(
        issuer=_text(said, "issuer"),
        authorization_url=_text(said, "authorization_endpoint"),
        key_set_url=_text(said, "jwks_uri"),
        token_url=_text(said, "token_endpoint"),
        token_audience=_text(said, "authorization_server"),
        registration_url=_text(said, "registration_endpoint"),
        product=_text(about, "product_family_code")[:PRODUCT_LIMIT],
        scopes=_texts(said.get("scopes_supported")),
        claims=_texts(said.get("claims_supported")),
        messages=tuple(
            _text(one, "type") for one in (messages if isinstance(messages, list) else []) if isinstance(one, Mapping)
        ),
    )
    if found.missing:
        raise RegistrationFailed(step="configuration", words=", ".join(found.missing))
    return found


def comes_from_elsewhere(configuration: PlatformConfiguration, configuration_url: str) -> bool:
    """Whether a platform names an issuer on another host than the one that told of it.

    That is so for hosted platforms with one issuer for all; it is also what a forged configuration looks like.
    """
    return urlsplit(origin_of(configuration.issuer)).hostname != urlsplit(origin_of(configuration_url)).hostname


def client_metadata(ours: OurAddresses, configuration: PlatformConfiguration) -> dict[str, Any]:
    """What this tool registers itself with (3.6); scopes and claims only as far as the platform has them."""
    scopes = [one for one in SCOPES if not configuration.scopes or one in configuration.scopes]
    claims = [one for one in CLAIMS if not configuration.claims or one in configuration.claims or one in ("iss", "sub")]
    messages = [one for one in (RESOURCE_LINK, DEEP_LINKING) if not configuration.messages or _has(configuration, one)]
    host = urlsplit(ours.base_url)
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": ours.login,
        "redirect_uris": [ours.launch],
        **{f"client_name{language}": name for language, name in CLIENT_NAME.items()},
        "jwks_uri": ours.key_set,
        "logo_uri": ours.icon,
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(scopes),
        TOOL_CONFIGURATION: {
            "domain": host.netloc,
            "target_link_uri": ours.launch,
            "custom_parameters": {},
            "claims": claims,
            "messages": [
                {
                    "type": one,
                    "target_link_uri": ours.launch,
                    **{f"label{language}": name for language, name in CLIENT_NAME.items()},
                }
                for one in messages
            ],
        },
    }


def check(
    session: Session, by: Actor, check_address: AddressCheck, *, key: str, configuration: PlatformConfiguration
) -> None:
    """Find out whether a registration could be kept, before the platform is asked for one.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        Malformed: as lti_platforms.register.
    """
    lti_platforms.require_right(by)
    # Whom the platform registers us as is not known yet.
    details = _details(configuration, client_id="-")
    faults = lti_platforms.faults_of_key(session, key.strip())
    faults += lti_platforms.faults_of(session, details, check_address, platform_id=None)
    if faults:
        raise lti_platforms.malformed(faults)


def read_registered(said: Mapping[str, Any]) -> RegisteredClient:
    """What a platform answered to our metadata.

    Raises:
        RegistrationFailed: it has no client id.
    """
    client_id, ours = _text(said, "client_id"), said.get(TOOL_CONFIGURATION)
    if not client_id:
        raise RegistrationFailed(step="registration", words="client_id")
    deployment_id = _text(ours, "deployment_id") if isinstance(ours, Mapping) else ""
    if len(deployment_id) > DEPLOYMENT_LIMIT:
        raise RegistrationFailed(step="registration", words="deployment_id")
    return RegisteredClient(client_id, deployment_id or None)


def keep(
    session: Session,
    by: Actor,
    check_address: AddressCheck,
    *,
    key: str,
    configuration: PlatformConfiguration,
    configuration_url: str,
    client: RegisteredClient,
    now: datetime,
) -> LtiPlatformView:
    """Keep what came of a registration: paused, without a deployment, until an admin confirms it.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        Malformed: as lti_platforms.register, of what the platform told.
    """
    details = _details(configuration, client.client_id)
    view = lti_platforms.register(session, by, check_address, key=key, details=details)
    session.add(
        LtiRegistration(
            platform_id=view.platform_id,
            deployment_id=client.deployment_id,
            product=configuration.product,
            configuration_url=configuration_url[:ADDRESS_LIMIT],
            registered_by=by.user_id,
            registered_at=now,
        )
    )
    platforms.pause(session, by, key=view.key, reason=UNCONFIRMED)
    session.flush()
    return lti_platforms.get(session, by, view.key)


def confirm(session: Session, by: Actor, key: str) -> LtiPlatformView:
    """Take a registration as it is: its deployment is one of the platform's now, and delivery may begin.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no LTI platform has this key.
        Conflict: it does not wait for a word (`registration_not_waiting`).
    """
    row = _waiting(session, by, key)
    if row.deployment_id and session.get(LtiDeployment, (row.platform_id, row.deployment_id)) is None:
        session.add(LtiDeployment(platform_id=row.platform_id, deployment_id=row.deployment_id))
    session.delete(row)
    session.flush()
    platforms.resume(session, by, key=key)
    session.flush()
    return lti_platforms.get(session, by, key)


def discard(session: Session, by: Actor, key: str) -> None:
    """Forget a platform that nobody confirmed. It still knows of this tool, which knows nothing of it any more.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no LTI platform has this key.
        Conflict: it does not wait for a word (`registration_not_waiting`).
    """
    row = _waiting(session, by, key)
    platform_id = row.platform_id
    # Somebody may have begun a launch, which came to nothing.
    for begun in (LtiRegistration, LtiLogin, LtiNonce, LtiDeployment, LtiPlatform):
        session.execute(delete(begun).where(begun.platform_id == platform_id))
    session.execute(delete(Platform).where(Platform.id == platform_id))


def _details(configuration: PlatformConfiguration, client_id: str) -> LtiDetails:
    return LtiDetails(
        issuer=configuration.issuer,
        client_id=client_id,
        authorization_url=configuration.authorization_url,
        key_set_url=configuration.key_set_url,
        token_url=configuration.token_url,
        token_audience=configuration.token_audience if configuration.token_url else "",
    )


def _waiting(session: Session, by: Actor, key: str) -> LtiRegistration:
    platform = lti_platforms.get(session, by, key)
    row = session.get(LtiRegistration, platform.platform_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise Conflict("registration_not_waiting", key=key)
    return row


def _has(configuration: PlatformConfiguration, message: str) -> bool:
    """Whether a platform has a kind of message; some name deep linking without its suffix."""
    return any(one == message or one == message.removesuffix("Request") for one in configuration.messages)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) and value.isprintable() else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
