"""The page of notices, how often they come by e-mail, and the way out of it that needs no sign-in."""

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, Unavailable
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.letters import unsubscribed
from lms_plugin.http.notice_wording import notice_sentence
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import notices
from lms_plugin.services.notices import NEVER
from lms_plugin.web.addresses import here_or_home
from lms_plugin.web.numbers import id_in_query

ON_A_PAGE = 30
MOST_COUNTED = 99


def page() -> ResponseReturnValue:
    """What a person was told, the newest first; POST says how often it comes by e-mail."""
    if request.method != "POST":
        return _page()
    actor, chosen = current_actor(), request.form.get("digest", "")
    try:
        context().database.transact(lambda store: notices.choose_digest(store, actor.user_id, chosen))
    except Malformed as refusal:
        return _page(error=refusal_sentence(refusal)), 422
    flash(_("Saved."), "success")
    return redirect(url_for("pages.notices"), 303)


def read() -> ResponseReturnValue:
    """Note that everything is read."""
    actor, shared = current_actor(), context()
    shared.database.transact(lambda store: notices.mark_read(store, actor, shared.clock()))
    return redirect(url_for("pages.notices"), 303)


def follow(notice_id: int) -> ResponseReturnValue:
    """Note that one is read, and go where it leads."""
    actor, shared = current_actor(), context()

    def note(store: Session) -> str:
        notices.mark_read(store, actor, shared.clock(), notice_id=notice_id)
        return notices.own(store, actor, notice_id).address

    return redirect(here_or_home(shared.database.transact(note) or url_for("pages.notices")), 303)


def unsubscribe(token: str) -> ResponseReturnValue:
    """End e-mail to whom a letter was for: GET asks, POST does it (as mail programs do with one click, RFC 8058).

    The token in the address is what allows it, signed in or not.
    """
    user_id = unsubscribed(current_app.config["SECRET_KEY"], token)
    if user_id is None:
        abort(404)
    if request.method == "POST":
        context().database.transact(lambda store: notices.choose_digest(store, user_id, NEVER))
    return render_template("unsubscribe.html", token=token, done=request.method == "POST")


def unread() -> int:
    """How many notices the visitor has not read, at most MOST_COUNTED + 1; 0 where the store does not answer."""
    if not current_user.is_authenticated:
        return 0
    try:
        with context().database.reading() as store:
            return min(notices.unread(store, current_user.user_id), MOST_COUNTED + 1)
    except Unavailable:
        return 0


def _page(error: str | None = None) -> str:
    actor, language = current_actor(), current_language()
    with context().database.reading() as store:
        found = notices.latest(store, actor, before=id_in_query("before"), limit=ON_A_PAGE + 1)
        choice = notices.mail_choice(store, actor.user_id)
    return render_template(
        "notices.html",
        notices=[(one, notice_sentence(one.kind, one.params, language)) for one in found[:ON_A_PAGE]],
        before=found[ON_A_PAGE - 1].id if len(found) > ON_A_PAGE else None,
        is_first=id_in_query("before") is None,
        choice=choice,
        choices=[
            ("daily", _("Once a day, all together")),
            ("each", _("At once")),
            ("never", _("Never; I read them here")),
        ],
        error=error,
    )
