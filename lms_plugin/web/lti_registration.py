"""Dynamic registration: the page that a platform's administrator is sent to (LTI Dynamic Registration 1.0, 3.3)."""

from dataclasses import dataclass

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, Refusal
from lms_plugin.http import platform_wording
from lms_plugin.http.context import context
from lms_plugin.http.identity import Visitor
from lms_plugin.http.security import framed_by, policy
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import lti_registration
from lms_plugin.services.access import Actor
from lms_plugin.services.lti_platforms import origin_of
from lms_plugin.services.lti_registration import TOKEN_LIMIT, OurAddresses, PlatformConfiguration

FRAMES = frozenset({"iframe", "frame", "embed", "object"})
ADDRESS_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a platform's page has handed over: where it tells of itself, and its token for one registration."""

    configuration_url: str
    token: str

    @property
    def is_whole(self) -> bool:
        return 0 < len(self.configuration_url) <= ADDRESS_LIMIT and len(self.token) <= TOKEN_LIMIT


def register() -> ResponseReturnValue:
    """Read what a platform tells of itself and, once the admin says so, register there.

    In a platform's frame nothing is done: no cookie may be kept there, and a click in a frame can be another's.
    """
    asked = Asked(request.values.get("openid_configuration", "").strip(), request.values.get("registration_token", ""))
    visitor: Visitor | None = current_user._get_current_object() if current_user.is_authenticated else None
    if request.headers.get("Sec-Fetch-Dest") in FRAMES:
        return _in_frame(asked)
    if visitor is None or not visitor.runs_whole_office:
        return _page(asked, signed_in=visitor is not None), 403 if visitor is not None else 401
    if not asked.is_whole:
        return _page(asked, is_incomplete=True), 422
    return _for_admin(visitor.actor, asked)


def _for_admin(actor: Actor, asked: Asked) -> ResponseReturnValue:
    shared, key = context(), request.form.get("key", "")
    ours = OurAddresses(shared.base_url)
    configuration = None
    try:
        configuration = lti_registration.read_configuration(
            shared.registration_calls.configuration(asked.configuration_url)
        )
        if request.method != "POST":
            return _page(asked, configuration, key=_suggested_key(configuration))
        # Whatever can be wrong here is found before the platform registers anything.
        with shared.database.reading() as store:
            lti_registration.check(store, actor, shared.check_lms_address, key=key, configuration=configuration)
        metadata = lti_registration.client_metadata(ours, configuration)
        client = lti_registration.read_registered(
            shared.registration_calls.register(configuration.registration_url, asked.token, metadata)
        )
        kept = configuration

        def keep(store: Session) -> str:
            return lti_registration.keep(
                store,
                actor,
                shared.check_lms_address,
                key=key,
                configuration=kept,
                configuration_url=asked.configuration_url,
                client=client,
                now=shared.clock(),
            ).key

        platform_key = shared.database.transact(keep)
    except Malformed as refusal:
        errors = platform_wording.field_errors(refusal)
        return _page(asked, configuration, key=key, errors=errors, refused=refusal_sentence(refusal)), 422
    except Refusal as refusal:
        return _page(asked, configuration, key=key, refused=refusal_sentence(refusal)), 409
    return redirect(url_for("pages.platform", platform_key=platform_key, closing=1), 303)


def _in_frame(asked: Asked) -> ResponseReturnValue:
    answer = make_response(render_template("lti_register_frame.html", here=request.full_path.rstrip("?")))
    origin = origin_of(asked.configuration_url)
    framed = framed_by(policy(context().media_base_url), [origin] if origin else [])
    answer.headers["Content-Security-Policy"] = framed
    return answer


def _page(
    asked: Asked,
    configuration: PlatformConfiguration | None = None,
    *,
    signed_in: bool = True,
    is_incomplete: bool = False,
    key: str = "",
    errors: dict[str, str] | None = None,
    refused: str | None = None,
) -> str:
    elsewhere = configuration is not None and lti_registration.comes_from_elsewhere(
        configuration, asked.configuration_url
    )
    return render_template(
        "lti_register.html",
        asked=asked,
        configuration=configuration,
        elsewhere=elsewhere,
        signed_in=signed_in,
        is_incomplete=is_incomplete,
        key=key,
        errors=errors or {},
        refused=refused,
        here=request.full_path.rstrip("?"),
    )


def _suggested_key(configuration: PlatformConfiguration) -> str:
    """A key that most would choose: what the platform calls its software."""
    return "".join(letter for letter in configuration.product.lower() if letter.isascii() and letter.isalnum())[:60]
