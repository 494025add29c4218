"""What somebody who was launched sees: the module itself, or in a frame a small page that opens it in a window."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale

from lms_plugin.domain.lti_claims import DEEP_LINKING_REQUEST, Launch
from lms_plugin.http.context import context
from lms_plugin.http.identity import begin_page_session
from lms_plugin.http.languages import LANGUAGES, current_language
from lms_plugin.services import access, lti_deep_linking, lti_links, sign_in, tickets
from lms_plugin.services import lti_launching as launching
from lms_plugin.services.lti_deep_linking import DeepLinkingRequest
from lms_plugin.services.lti_launching import Arrival
from lms_plugin.services.lti_links import LinkPlace
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.people import User
from lms_plugin.web import lti_tokens
from lms_plugin.web.lti_framing import fills_a_window, in_frames_of, platform_name
from lms_plugin.web.standing import standing_of

TICKET_LIFETIME = timedelta(hours=1)
"""How long the button in a frame opens its window; a course page stays open for longer than it is looked at."""
SUBJECT_PURPOSE = "an LTI platform's subject that is to be linked, 1"


def answer(arrival: Arrival, *, is_bound: bool, browser_digest: str | None) -> ResponseReturnValue:
    """Let somebody in whose launch is believed.

    `is_bound`: this browser began the launch. Only then is anybody signed in without a further step, and only where
    the launch fills the window.
    """
    launch = arrival.launch
    if launch.message_type == DEEP_LINKING_REQUEST:
        return _to_the_picker(arrival)
    target = target_of(arrival.link, launch)
    if arrival.user_id is None:
        return _first_time(arrival, target, is_bound=is_bound, browser_digest=browser_digest)
    shared, user_id, now = context(), arrival.user_id, context().clock()
    if is_bound and fills_a_window():
        with shared.database.reading() as store:
            actor, epoch = access.actor_of(store, user_id, now), sign_in.sign_in_epoch(store, user_id)
        begin_page_session(actor, epoch)
        return redirect(target, 303)
    ticket = shared.database.transact(
        lambda store: tickets.issue(store, user_id, target, now, lifetime=TICKET_LIFETIME)
    )
    with shared.database.reading() as store:
        user = store.get_one(User, user_id)
        place = arrival.link
        enrolment = lti_links.own_enrolment(store, user_id, place.programme_id) if place is not None else None
    with force_locale(_language(launch, user.language)):
        page = render_template(
            "lti_frame.html",
            language=current_language(),
            name=user.name,
            place=place,
            standing=standing_of(enrolment.id) if enrolment is not None else None,
            ticket=ticket,
            in_frame=not fills_a_window(),
        )
    return in_frames_of(make_response(page), _ancestors(arrival))


def target_of(place: LinkPlace | None, launch: Launch) -> str:
    """Where a launch leads: the page of what its link shows, else of its target link, else the first page."""
    if place is not None:
        if place.module_key is None:
            return url_for("pages.lti_programme", key=place.programme_key)
        return url_for("pages.lti_module", key=place.programme_key, module_key=place.module_key)
    root = urlsplit(context().base_url).path.rstrip("/")
    parts = urlsplit(launch.target_link_uri)
    path = parts.path.removeprefix(root)
    is_page = path.startswith("/") and not path.startswith(("//", "/lti/", "/api/"))
    target = f"{path}?{parts.query}" if parts.query else path
    return target if is_page and len(target) <= 500 else url_for("pages.home")


def _first_time(arrival: Arrival, target: str, *, is_bound: bool, browser_digest: str | None) -> ResponseReturnValue:
    """Somebody whom only the platform knows yet: they link their account in a window of its own."""
    launch = arrival.launch
    subject = {
        "platform_id": arrival.platform_id,
        "subject": launch.subject,
        "name": launch.name,
        "target": target,
        "bound": is_bound,
        "browser": browser_digest,
    }
    with context().database.reading() as store:
        storage_origin = next(iter(launching.origins_of(launching.authorization_url(store, arrival.platform_id))), "")
        platform = store.get_one(Platform, arrival.platform_id)
    with force_locale(_language(launch, None)):
        page = render_template(
            "lti_first.html",
            language=current_language(),
            name=launch.name,
            platform=platform_name(platform.base_url, platform.key),
            place=arrival.link,
            subject=lti_tokens.sign(SUBJECT_PURPOSE, subject),
            storage_origin=storage_origin,
            storage_target=request.form.get("lti_storage_target", "")[:100],
            storage_key=launching.storage_key(request.form.get("state", "")),
            in_frame=not fills_a_window(),
        )
    return in_frames_of(make_response(page), _ancestors(arrival))


def _ancestors(arrival: Arrival) -> tuple[str, ...]:
    """Whose pages may show this launch in a frame: the platform's, at its registered addresses and at those that it has
    signed, for a platform in the cloud has another host for every school."""
    launch = arrival.launch
    signed = [launch.return_url, launch.memberships_url]
    if launch.scores is not None:
        signed += [launch.scores.line_item_url, launch.scores.line_items_url]
    with context().database.reading() as store:
        known = launching.origins(store, arrival.platform_id)
    return (*known, *launching.origins_of(*(one for one in signed if one)))


def _to_the_picker(arrival: Arrival) -> ResponseReturnValue:
    """Keep what the platform asks to choose, and go to the page where its author chooses."""
    launch, settings = arrival.launch, arrival.launch.deep_linking
    if settings is None:
        raise AssertionError("unreachable")
    asked = DeepLinkingRequest(
        arrival.platform_id,
        launch.deployment_id,
        settings.return_url,
        settings.accept_types,
        user_id=arrival.user_id,
        accept_multiple=settings.accepts_multiple,
        accept_line_item=settings.accepts_line_item,
        data=settings.data,
        locale=launch.locale,
    )
    shared, now = context(), context().clock()
    secret = shared.database.transact(lambda store: lti_deep_linking.begin(store, asked, now))
    return redirect(url_for("pages.lti_picker", secret=secret), 303)


def _language(launch: Launch, own: str | None) -> str:
    """The platform's language for this person, else their own here, else the browser's best."""
    said = launch.locale.replace("_", "-").partition("-")[0].lower()
    return said if said in LANGUAGES else own or current_language()
