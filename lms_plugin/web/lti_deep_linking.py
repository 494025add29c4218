"""The picker: an author on a platform chooses what of ours a course links to (Deep Linking 2.0).

It stands in the platform's frame, where no cookie may be kept: the secret in its address speaks for the author.
"""

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale

from lms_plugin.domain.errors import Malformed
from lms_plugin.http.context import context
from lms_plugin.http.languages import LANGUAGES, current_language
from lms_plugin.http.security import framed_by, policy, sending_to
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import lti_catalogue, lti_deep_linking
from lms_plugin.services.lti_deep_linking import Picking
from lms_plugin.services.lti_registration import OurAddresses
from lms_plugin.services.lti_signing import signer

WORDS_LIMIT = 200


def picker(secret: str) -> ResponseReturnValue:
    """Search and look at programmes and modules; POST sends the choice, or none, back to the platform."""
    shared = context()
    with shared.database.reading() as store:
        picking = lti_deep_linking.waiting(store, secret, shared.clock())
    with force_locale(_language(picking)):
        if request.method != "POST":
            return _page(secret, picking)
        try:
            return _answer(secret, picking)
        except Malformed as refusal:
            return _page(secret, picking, error=refusal_sentence(refusal), status=422)


def _answer(secret: str, picking: Picking) -> Response:
    shared, now, language = context(), context().clock(), current_language()
    chosen = [] if request.form.get("action") == "cancel" else request.form.getlist("chosen")
    if not chosen and request.form.get("action") != "cancel":
        raise Malformed("picking_empty")
    launch_url = OurAddresses(shared.base_url).launch
    answer = shared.database.transact(
        lambda store: lti_deep_linking.answer(
            store,
            secret,
            chosen,
            language=language,
            launch_url=launch_url,
            sign=signer(store, shared.seal, now),
            now=now,
        )
    )
    page = render_template("lti_picked.html", answer=answer, language=language)
    return _framed(page, picking, may_send=True)


def _page(secret: str, picking: Picking, *, error: str | None = None, status: int = 200) -> Response:
    shared = context()
    words = request.values.get("words", "")[:WORDS_LIMIT]
    chosen = request.values.getlist("chosen")
    if not picking.accept_multiple:
        chosen = chosen[-1:]
    with shared.database.reading() as store:
        shelves = lti_catalogue.shelves(store, shared.clock(), words)
        shown = {one.key for shelf in shelves for one in (shelf.programme, *shelf.modules)}
        kept = [one for one in lti_catalogue.chosen(store, shared.clock(), chosen) if one.key not in shown]
    page = render_template(
        "lti_picker.html",
        secret=secret,
        picking=picking,
        shelves=shelves,
        kept=kept,
        chosen=chosen,
        words=words,
        error=error,
        language=current_language(),
    )
    return _framed(page, picking, status=status)


def _framed(page: str, picking: Picking, *, may_send: bool = False, status: int = 200) -> Response:
    answer = make_response(page, status)
    # A form's policy holds for redirects as well: platforms send the browser on from their return address.
    allowed = sending_to(policy(context().media_base_url), picking.frame_origins if may_send else ())
    answer.headers["Content-Security-Policy"] = framed_by(allowed, picking.frame_origins)
    return answer


def _language(picking: Picking) -> str:
    """What the author chose on the page, else what the platform asks for, else what the browser prefers."""
    chosen = request.values.get("language", "")
    if chosen in LANGUAGES:
        return chosen
    wished = picking.locale.replace("_", "-").partition("-")[0].lower()
    return wished if wished in LANGUAGES else current_language()
