"""The claims of an LTI 1.3 launch: what must hold before they are believed, and what they say.

Clauses: IMS Security Framework 1.0, 5.1.3 (authentication response validation); LTI 1.3 core, 5.3 and 5.4 (claims).
Signatures are checked elsewhere; here is what a rightly signed token may still be refused for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

from lms_plugin.domain.errors import Refusal

PREFIX = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
RESOURCE_LINK_REQUEST, DEEP_LINKING_REQUEST = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"
MESSAGE_TYPES = frozenset({RESOURCE_LINK_REQUEST, DEEP_LINKING_REQUEST})
VERSION = "1.3.0"
ALGORITHM = "RS256"

LEEWAY = timedelta(minutes=5)
"""How far a platform's clock may be off, either way."""
LONGEST_LIFE = timedelta(hours=24)
"""A token that lives longer is refused: its nonce would have to be kept for as long."""
SUBJECT_LIMIT = 255
"""Characters of `sub` (LTI 1.3 core, 5.3.6.1), of a deployment's, context's and resource link's id."""

_BRINGS_A_KEY = ("jku", "jwk", "x5u", "x5c")
_STAFF = ("Instructor", "ContentDeveloper", "Mentor", "Administrator", "Manager", "TeachingAssistant")


class LaunchRefused(Refusal):
    """A launch that is not believed; the code names the rule it breaks."""

    code = "lti_refused"
    kind = "forbidden"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a token must say: this platform, this tool, one of its deployments, and the nonce of this login.

    `deployment_id` is the one named when the login began, None where none was. `base_url` is this service's own
    address, that every target link lies under.
    """

    issuer: str
    client_id: str
    deployment_ids: Collection[str]
    nonce: str
    base_url: str
    now: datetime
    deployment_id: str | None = None
    leeway: timedelta = LEEWAY


@dataclass(frozen=True, slots=True)
class Place:
    """A programme, or one of its modules, by their keys."""

    programme_key: str
    module_key: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreService:
    """Assignment and Grade Services (AGS 2.0, 3.1): where scores go; addresses are None where none were given."""

    scopes: tuple[str, ...]
    line_item_url: str | None
    line_items_url: str | None


@dataclass(frozen=True, slots=True)
class DeepLinking:
    """Deep Linking 2.0, 4.4.1: where the author's choice is sent, and what may be chosen.

    `accepts_line_item` is None where the platform does not say whether it takes line items along.
    """

    return_url: str
    accept_types: tuple[str, ...]
    accepts_multiple: bool
    accepts_line_item: bool | None
    data: str | None


@dataclass(frozen=True, slots=True)
class Launch:
    """What a believed launch says. Texts are as the platform gave them, empty where it gave none."""

    subject: str
    deployment_id: str
    message_type: str
    target_link_uri: str
    expires_at: datetime
    name: str
    roles: tuple[str, ...]
    context_id: str
    context_title: str
    resource_link_id: str
    resource_link_title: str
    place: Place | None
    scores: ScoreService | None
    memberships_url: str | None
    deep_linking: DeepLinking | None
    locale: str
    return_url: str | None

    @property
    def is_by_staff(self) -> bool:
        """Whether the platform says that this person teaches or runs the context; worth nothing for rights here."""
        return any(role.rpartition("#")[2] in _STAFF or role in _STAFF for role in self.roles)


def check_header(header: Mapping[str, object]) -> str:
    """The `kid` of a token whose header asks for nothing that is not granted (RFC 7515, 4.1).

    The key is looked up in the platform's registered key set and nowhere else, whatever a header says.

    Raises:
        LaunchRefused: another algorithm than RS256, a key or its address in the header, critical extensions, no kid.
    """
    if header.get("alg") != ALGORITHM:
        raise LaunchRefused("lti_algorithm_wrong", alg=_shown(header.get("alg")))
    brought = [name for name in _BRINGS_A_KEY if name in header]
    if brought:
        raise LaunchRefused("lti_header_brings_key", names=", ".join(brought))
    if "crit" in header or header.get("b64", True) is not True:
        raise LaunchRefused("lti_header_critical")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise LaunchRefused("lti_kid_missing")
    return kid


def check_claims(claims: Mapping[str, object], expected: Expectation) -> Launch:
    """Believe a token's claims, and read them.

    Raises:
        LaunchRefused: a rule is broken; one code for each.
    """
    if claims.get("iss") != expected.issuer:
        raise LaunchRefused("lti_issuer_wrong", iss=_shown(claims.get("iss")))
    _check_audience(claims, expected.client_id)
    expires_at = _check_times(claims, expected)
    if not expected.nonce or claims.get("nonce") != expected.nonce:
        raise LaunchRefused("lti_nonce_wrong" if claims.get("nonce") else "lti_nonce_missing")
    if claims.get(PREFIX + "version") != VERSION:
        raise LaunchRefused("lti_version_wrong", version=_shown(claims.get(PREFIX + "version")))
    message_type = claims.get(PREFIX + "message_type")
    if not isinstance(message_type, str) or message_type not in MESSAGE_TYPES:
        raise LaunchRefused("lti_message_type_wrong", message_type=_shown(message_type))
    deployment_id = claims.get(PREFIX + "deployment_id")
    if (
        not isinstance(deployment_id, str)
        or deployment_id not in expected.deployment_ids
        or expected.deployment_id not in (None, deployment_id)
    ):
        raise LaunchRefused("lti_deployment_wrong", deployment_id=_shown(deployment_id))
    subject = claims.get("sub")
    if not _is_id(subject):
        raise LaunchRefused("lti_subject_missing")
    return _read(claims, str(subject), deployment_id, message_type, expires_at, expected.base_url)


def is_below(address: str, base_url: str) -> bool:
    """Whether an address lies under a base address: the same scheme, host and port, and no way out of its path."""
    try:
        own, other = urlsplit(base_url), urlsplit(address)
        same = (own.scheme, own.hostname, _port(own.scheme, own.port)) == (
            other.scheme,
            other.hostname,
            _port(other.scheme, other.port),
        )
    except ValueError:
        return False
    # Browsers drop control characters and read a backslash as a slash before they look at an address.
    if not same or "@" in other.netloc or "\\" in address or any(ord(letter) <= 0x20 for letter in address):
        return False
    steps = unquote(other.path).split("/")
    root = own.path.rstrip("/")
    return ".." not in steps and (other.path.rstrip("/") == root or other.path.startswith(root + "/"))


def place_of(target_link_uri: str, base_url: str) -> Place | None:
    """The programme or module that a target link names: BASE/lti/programmes/KEY[/modules/KEY]; None for any other."""
    root = urlsplit(base_url).path.rstrip("/")
    match urlsplit(target_link_uri).path.removeprefix(root).strip("/").split("/"):
        case ["lti", "programmes", programme_key] if programme_key:
            return Place(unquote(programme_key))
        case ["lti", "programmes", programme_key, "modules", module_key] if programme_key and module_key:
            return Place(unquote(programme_key), unquote(module_key))
    return None


def _check_audience(claims: Mapping[str, object], client_id: str) -> None:
    """OpenID Connect Core 3.1.3.7, 3 to 5: we are among the audience, and the authorised party where one is named."""
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if client_id not in named:
        raise LaunchRefused("lti_audience_wrong", aud=_shown(audience))
    party = claims.get("azp")
    if party is None and len(named) > 1:
        raise LaunchRefused("lti_azp_missing")
    if party is not None and party != client_id:
        raise LaunchRefused("lti_azp_wrong", azp=_shown(party))


def _check_times(claims: Mapping[str, object], expected: Expectation) -> datetime:
    expires_at, issued_at = _instant(claims, "exp"), _instant(claims, "iat")
    if expires_at is None or issued_at is None:
        raise LaunchRefused("lti_time_missing")
    if expires_at <= expected.now - expected.leeway:
        raise LaunchRefused("lti_expired")
    if issued_at > expected.now + expected.leeway:
        raise LaunchRefused("lti_not_yet_valid")
    not_before = _instant(claims, "nbf")
    if not_before is not None and not_before > expected.now + expected.leeway:
        raise LaunchRefused("lti_not_yet_valid")
    if expires_at - issued_at > LONGEST_LIFE or expires_at - expected.now > LONGEST_LIFE + expected.leeway:
        raise LaunchRefused("lti_lives_too_long")
    return expires_at


def _read(
    claims: Mapping[str, object],
    subject: str,
    deployment_id: str,
    message_type: str,
    expires_at: datetime,
    base_url: str,
) -> Launch:
    target = claims.get(PREFIX + "target_link_uri")
    if not isinstance(target, str) or not is_below(target, base_url):
        raise LaunchRefused("lti_target_elsewhere", target=_shown(target))
    link, context = _object(claims, PREFIX + "resource_link"), _object(claims, PREFIX + "context")
    link_id, context_id = link.get("id"), context.get("id")
    if message_type == RESOURCE_LINK_REQUEST and not _is_id(link_id):
        raise LaunchRefused("lti_resource_link_missing")
    if context_id not in (None, "") and not _is_id(context_id):
        raise LaunchRefused("lti_claim_malformed", claim="context")
    settings = _deep_linking(claims) if message_type == DEEP_LINKING_REQUEST else None
    roles = claims.get(PREFIX + "roles")
    presentation = _object(claims, PREFIX + "launch_presentation")
    return Launch(
        subject=subject,
        deployment_id=deployment_id,
        message_type=message_type,
        target_link_uri=target,
        expires_at=expires_at,
        name=_text(claims.get("name")),
        roles=tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else (),
        context_id=str(context_id or ""),
        context_title=_text(context.get("title")) or _text(context.get("label")),
        resource_link_id=str(link_id) if _is_id(link_id) else "",
        resource_link_title=_text(link.get("title")),
        place=_named_place(_object(claims, PREFIX + "custom")) or place_of(target, base_url),
        scores=_scores(_object(claims, AGS)),
        memberships_url=_url(_object(claims, NRPS).get("context_memberships_url")),
        deep_linking=settings,
        locale=_text(presentation.get("locale")),
        return_url=_url(presentation.get("return_url")),
    )


def _named_place(custom: Mapping[str, object]) -> Place | None:
    programme_key, module_key = _text(custom.get("programme")), _text(custom.get("module"))
    return Place(programme_key, module_key or None) if programme_key else None


def _scores(endpoint: Mapping[str, object]) -> ScoreService | None:
    if not endpoint:
        return None
    scopes = endpoint.get("scope")
    return ScoreService(
        scopes=tuple(one for one in scopes if isinstance(one, str)) if isinstance(scopes, list) else (),
        line_item_url=_url(endpoint.get("lineitem")),
        line_items_url=_url(endpoint.get("lineitems")),
    )


def _deep_linking(claims: Mapping[str, object]) -> DeepLinking:
    settings = _object(claims, DEEP_LINKING)
    return_url, accepted = _url(settings.get("deep_link_return_url")), settings.get("accept_types")
    if return_url is None:
        raise LaunchRefused("lti_claim_malformed", claim="deep_linking_settings")
    data, line_item = settings.get("data"), settings.get("accept_lineitem")
    return DeepLinking(
        return_url=return_url,
        accept_types=tuple(one for one in accepted if isinstance(one, str)) if isinstance(accepted, list) else (),
        accepts_multiple=settings.get("accept_multiple") in (True, "true"),
        accepts_line_item=None if line_item is None else line_item in (True, "true"),
        data=data if isinstance(data, str) else None,
    )


def _object(claims: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A claim that is an object; one that is missing or null is an empty one."""
    value = claims.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise LaunchRefused("lti_claim_malformed", claim=name.rpartition("/")[2])
    return value


def _instant(claims: Mapping[str, object], name: str) -> datetime | None:
    """A NumericDate (RFC 7519, 2); None where there is none."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LaunchRefused("lti_claim_malformed", claim=name)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as fault:
        raise LaunchRefused("lti_claim_malformed", claim=name) from fault


def _port(scheme: str, port: int | None) -> int | None:
    return port or {"http": 80, "https": 443}.get(scheme)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= SUBJECT_LIMIT and "\x00" not in value


def _text(value: object) -> str:
    """A text fit to be kept and shown: at most 255 characters, on one line."""
    return " ".join(value.replace("\x00", "").split())[:SUBJECT_LIMIT] if isinstance(value, str) else ""


def _url(value: object) -> str | None:
    """An address on the web, or None for anything else."""
    if not isinstance(value, str) or "\x00" in value:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.hostname else None


def _shown(value: object) -> str:
    """A refused value for the log."""
    return repr(value)[:200]
