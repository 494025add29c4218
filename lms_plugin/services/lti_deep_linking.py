"""Deep Linking 2.0: an author on a platform chooses programmes and modules, and the platform gets links to them.

Between the verified request and its answer, what was asked waits here under a secret that stands in the picker's
address only. It speaks for the author: the picker works in a frame in which no cookie is kept.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.services import lti_catalogue
from lms_plugin.services.lti_catalogue import Choice
from lms_plugin.services.lti_platforms import origin_of
from lms_plugin.services.lti_signing import Sign
from lms_plugin.services.sign_in import digest_of
from lms_plugin.storage.lti import LtiPlatform
from lms_plugin.storage.lti_paths import LtiPicking
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.people import User

LINK_TYPE = "ltiResourceLink"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
LINKING_CLAIM = "https://purl.imsglobal.org/spec/lti-dl/claim/"
PICKING_LIFE = timedelta(hours=2)
ANSWER_LIFE = timedelta(minutes=5)
RETURN_URL_LIMIT, MOST_CHOSEN = 4000, 50


@dataclass(frozen=True, slots=True)
class DeepLinkingRequest:
    """A verified LtiDeepLinkingRequest (Deep Linking 2.0, 4.4): who asks, from where, and what may be answered.

    `user_id` is who the author is here, None for somebody whom only the platform knows. `accept_line_item` False: the
    platform takes no line items along; None: it does not say. `data` goes back as it came. `locale` is the platform's
    wish for the language, empty where it has none.
    """

    platform_id: int
    deployment_id: str
    return_url: str
    accept_types: tuple[str, ...]
    user_id: int | None = None
    accept_multiple: bool = False
    accept_line_item: bool | None = None
    data: str | None = None
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Picking:
    """A request that waits for its answer, as the picker needs it."""

    platform_id: int
    platform_key: str
    return_url: str
    frame_origins: tuple[str, ...]
    """Where the picker may stand in a frame: the platform's own addresses."""
    accept_multiple: bool
    accept_line_item: bool
    locale: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the author's browser takes to the platform: a form with one field, `JWT`."""

    return_url: str
    jwt: str
    count: int


def begin(session: Session, request: DeepLinkingRequest, now: datetime) -> str:
    """Keep a request until it is answered, for two hours; gives the secret of the picker's address.

    Raises:
        Malformed: the platform takes no links (`deep_linking_takes_no_links`), or its return address is neither
            https nor on an origin that it is registered with (`deep_linking_return_refused`).
    """
    platform = session.get_one(LtiPlatform, request.platform_id)
    if LINK_TYPE not in request.accept_types:
        raise Malformed("deep_linking_takes_no_links")
    origin = origin_of(request.return_url)
    is_known = origin in _origins(platform)
    if not origin or len(request.return_url) > RETURN_URL_LIMIT or "\\" in request.return_url:
        raise Malformed("deep_linking_return_refused")
    if not is_known and not request.return_url.startswith("https://"):
        raise Malformed("deep_linking_return_refused")
    session.execute(delete(LtiPicking).where(LtiPicking.expires_at <= now))
    secret = secrets.token_urlsafe(32)
    session.add(
        LtiPicking(
            digest=digest_of(secret),
            platform_id=request.platform_id,
            user_id=request.user_id,
            deployment_id=request.deployment_id,
            return_url=request.return_url,
            settings={
                "accept_multiple": request.accept_multiple,
                "accept_line_item": request.accept_line_item is not False,
                "data": request.data,
                "locale": request.locale[:35],
            },
            expires_at=now + PICKING_LIFE,
        )
    )
    session.flush()
    return secret


def waiting(session: Session, secret: str, now: datetime) -> Picking:
    """The request that waits under a secret.

    Raises:
        NotFound: there is none, or its author's account was closed.
        Conflict: it was answered (`picking_answered`) or waited for too long (`picking_expired`).
    """
    return _picking(session, _waiting(session, secret, now))


def answer(
    session: Session, secret: str, keys: Sequence[str], *, language: str, launch_url: str, sign: Sign, now: datetime
) -> Answer:
    """Answer a request with links to what was chosen, titles in `language`; none at all is an answer too.

    Raises:
        NotFound: as for `waiting`.
        Conflict: as for `waiting`; of two answers at once the second.
        Malformed: more than one was chosen where the platform takes one (`picking_takes_one`), too many
            (`picking_too_many`), or something that is not there (`picking_unknown`).
    """
    row = _waiting(session, secret, now)
    picking = _picking(session, row)
    wanted = list(dict.fromkeys(keys))
    if len(wanted) > 1 and not picking.accept_multiple:
        raise Malformed("picking_takes_one")
    if len(wanted) > MOST_CHOSEN:
        raise Malformed("picking_too_many", most=MOST_CHOSEN)
    choices = lti_catalogue.chosen(session, now, wanted)
    if len(choices) != len(wanted):
        raise Malformed("picking_unknown")
    used = update(LtiPicking).where(LtiPicking.digest == row.digest, LtiPicking.used_at.is_(None)).values(used_at=now)
    if session.execute(used.returning(LtiPicking.digest)).one_or_none() is None:
        raise Conflict("picking_answered")
    items = [_content_item(one, language, launch_url, with_line_item=picking.accept_line_item) for one in choices]
    platform = session.get_one(LtiPlatform, row.platform_id)
    return Answer(row.return_url, sign(_claims(platform, row, items, now)), len(items))


def _claims(platform: LtiPlatform, row: LtiPicking, items: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """The response message (Deep Linking 2.0, 4.5); `data` must come back where the request had some."""
    claims: dict[str, Any] = {
        "iss": platform.client_id,
        "aud": platform.issuer,
        "iat": int(now.timestamp()),
        "exp": int((now + ANSWER_LIFE).timestamp()),
        "nonce": secrets.token_urlsafe(16),
        f"{CLAIM}message_type": "LtiDeepLinkingResponse",
        f"{CLAIM}version": "1.3.0",
        f"{CLAIM}deployment_id": row.deployment_id,
        f"{LINKING_CLAIM}content_items": items,
    }
    data = row.settings.get("data")
    if data is not None:
        claims[f"{LINKING_CLAIM}data"] = data
    return claims


def _content_item(choice: Choice, language: str, launch_url: str, *, with_line_item: bool) -> dict[str, Any]:
    """A link (Deep Linking 2.0, 3.2), with the line item of its class hours (3.2.2) where there are hours to reach."""
    title = choice.title.in_language(language)
    custom: Mapping[str, str] = {"programme": choice.programme_key}
    if choice.module_key is not None:
        custom = {**custom, "module": choice.module_key}
    item: dict[str, Any] = {"type": LINK_TYPE, "url": launch_url, "title": title, "custom": dict(custom)}
    text = choice.beginning.in_language(language)
    if text:
        item["text"] = text
    if with_line_item and choice.required_class_hours is not None:
        item["lineItem"] = {
            "scoreMaximum": float(choice.required_class_hours),
            "label": title,
            "resourceId": choice.key,
        }
    return item


def _waiting(session: Session, secret: str, now: datetime) -> LtiPicking:
    row = session.get(LtiPicking, digest_of(secret))
    if row is None:
        raise NotFound(what="picking")
    if row.user_id is not None and not session.get_one(User, row.user_id).is_active:
        raise NotFound(what="picking")
    if row.used_at is not None:
        raise Conflict("picking_answered")
    if row.expires_at <= now:
        raise Conflict("picking_expired")
    return row


def _picking(session: Session, row: LtiPicking) -> Picking:
    platform = session.get_one(LtiPlatform, row.platform_id)
    origins = (*_origins(platform), origin_of(row.return_url))
    return Picking(
        platform_id=row.platform_id,
        platform_key=session.scalars(select(Platform.key).where(Platform.id == row.platform_id)).one(),
        return_url=row.return_url,
        frame_origins=tuple(dict.fromkeys(origins)),
        accept_multiple=bool(row.settings.get("accept_multiple")),
        accept_line_item=bool(row.settings.get("accept_line_item")),
        locale=str(row.settings.get("locale") or ""),
    )


def _origins(platform: LtiPlatform) -> list[str]:
    """The origins a platform is registered with."""
    found = (origin_of(one) for one in (platform.issuer, platform.authorization_url, platform.key_set_url))
    return [one for one in found if one]
