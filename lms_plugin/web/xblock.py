"""The way in from a course page of an LMS (the XBlock), inside its frame or in a window of one's own.

The page posts what its server signed (services/handovers.py). The answer sets a cookie and leads on; whether that
cookie comes back says whether this browser keeps cookies in the frame. Where it does, the module is shown there; where
it does not, a page offers a window of its own, into which a ticket leads. Nobody who is signed in becomes somebody else
without being asked. Nor is anybody signed in without being asked where another page than the course's has sent the
hand-over, or another browser: it may be somebody else's, who would have them study for that account.
"""

import secrets
from dataclasses import dataclass

import structlog
from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeTimedSerializer

from lms_plugin.domain.errors import NotFound, Refusal
from lms_plugin.domain.handover import HandoverExpired, HandoverRefused, Purpose
from lms_plugin.http import framing
from lms_plugin.http.context import context
from lms_plugin.http.identity import begin_page_session
from lms_plugin.http.problems import STATUS
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, handovers, sign_in, tickets, xblock_standing
from lms_plugin.services import lti_launching as launching
from lms_plugin.services.handovers import Verified
from lms_plugin.web.lti_framing import sender_origin

PROBE = "lms_plugin_frame"
"""A cookie that says that cookies are kept here, and which way in this browser was given."""
LASTS_SECONDS = 120
"""How long the way from the hand-over to the module may take: as long as its ticket."""
_SALT = "lms-plugin way in from a course page"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _WayIn:
    """What is carried from the hand-over to the module: whose, by which ticket, and whose pages are around.

    `browser_digest` is of the secret of the browser that came from a page of the course; "" for one that did not.
    """

    user_id: int
    ticket: str
    frame_origins: tuple[str, ...]
    language: str
    browser_digest: str = ""


def xblock_open() -> ResponseReturnValue:
    """POST takes a hand-over for a module and leads on; GET shows the module, or how it can be shown."""
    if request.method == "POST":
        return _taken(request.form.get("token", ""))
    way_in = _read(request.args.get("way", ""))
    if way_in is None:
        return _refused(HandoverExpired(), context_language())
    framing.allow(way_in.frame_origins)
    if PROBE not in request.cookies:
        address = url_for("pages.continue_with_ticket", ticket=way_in.ticket)
        with force_locale(way_in.language):
            return render_template("xblock_window.html", address=address)
    if current_user.is_authenticated:
        is_sure = current_user.user_id == way_in.user_id
    else:
        is_sure = launching.is_right_secret(request.cookies[PROBE], way_in.browser_digest)
    return _signed_in(way_in) if is_sure else _asks(way_in)


def xblock_continue() -> ResponseReturnValue:
    """Sign in as whom the course page names, also in place of who is signed in here: after being asked."""
    way_in = _read(request.form.get("way", ""))
    if way_in is None:
        return _refused(HandoverExpired(), context_language())
    framing.allow(way_in.frame_origins)
    return _signed_in(way_in)


def context_language() -> str:
    """The language of who has no hand-over that holds."""
    return str(request.accept_languages.best_match(("zh", "en")) or "zh")


def _taken(token: str) -> ResponseReturnValue:
    shared = context()
    now = shared.clock()
    try:
        verified = shared.database.transact(
            lambda store: handovers.verify(store, shared.seal, token, Purpose.OPEN, now)
        )
    except Refusal as refusal:
        return _refused(refusal, context_language())
    framing.allow(verified.frame_origins)
    try:
        way_in = _way_in(verified)
    except Refusal as refusal:
        return _refused(refusal, verified.handover.language)
    browser_secret = secrets.token_urlsafe()
    digest = launching.digest_of(browser_secret) if sender_origin() in verified.frame_origins else ""
    signed = _serializer().dumps([way_in.user_id, way_in.ticket, list(way_in.frame_origins), way_in.language, digest])
    answer = redirect(url_for("pages.xblock_open", way=signed), 303)
    answer.set_cookie(
        PROBE,
        browser_secret,
        max_age=LASTS_SECONDS,
        path=url_for("pages.xblock_open"),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return answer


def _way_in(verified: Verified) -> _WayIn:
    shared, handover = context(), verified.handover
    now, module = shared.clock(), handover.module
    if module is None:
        raise NotFound(what="module")
    # What links a person is kept, whatever becomes of this opening.
    user_id = shared.database.transact(lambda store: handovers.learner_of(store, verified, now).id)
    with shared.database.reading() as store:
        enrolment, module_id = xblock_standing.place_of(store, user_id, module, now)
        target = url_for("pages.module", enrolment_id=enrolment.id, module_id=module_id)
    ticket = shared.database.transact(lambda store: tickets.issue(store, user_id, target, now))
    return _WayIn(user_id, ticket, verified.frame_origins, handover.language)


def _signed_in(way_in: _WayIn) -> ResponseReturnValue:
    shared = context()
    now = shared.clock()
    try:
        ticket = shared.database.transact(lambda store: tickets.redeem(store, way_in.ticket, now))
        user_id, target = ticket.user_id, ticket.target
        with shared.database.reading() as store:
            actor, epoch = access.actor_of(store, user_id, now), sign_in.sign_in_epoch(store, user_id)
    except Refusal as refusal:
        return _refused(refusal, way_in.language)
    begin_page_session(actor, epoch)
    framing.allow_from_here_on(way_in.frame_origins)
    return redirect(target, 303)


def _asks(way_in: _WayIn) -> ResponseReturnValue:
    shared = context()
    with shared.database.reading() as store:
        other = access.actor_of(store, way_in.user_id, shared.clock())
    present = current_user.name if current_user.is_authenticated else None
    return render_template("xblock_other.html", present=present, there=other.name, way=request.args["way"])


def _refused(refusal: Refusal, language: str) -> ResponseReturnValue:
    """One clear page for whoever cannot be let in, with what can be done about it."""
    if isinstance(refusal, HandoverRefused):
        _log.warning(
            "hand-over refused", code=refusal.code, **{name: str(value) for name, value in refusal.params.items()}
        )
    with force_locale(language):
        page = render_template(
            "xblock_refused.html",
            detail=refusal_sentence(refusal),
            code=refusal.code,
            username=refusal.params.get("username"),
        )
    return page, STATUS[refusal.kind]


def _read(signed: str) -> _WayIn | None:
    try:
        user_id, ticket, origins, language, digest = _serializer().loads(signed, max_age=LASTS_SECONDS)
    except (BadSignature, ValueError):
        return None
    return _WayIn(user_id, ticket, tuple(origins), language, digest)


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=_SALT)
