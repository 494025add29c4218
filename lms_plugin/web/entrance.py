"""Coming in and going out, the language, and what happens to whoever is not signed in."""

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh
from flask_limiter.errors import RateLimitExceeded
from flask_login import current_user
from flask_wtf.csrf import CSRFError

from lms_plugin.domain.errors import NotAuthenticated
from lms_plugin.http.identity import begin_page_session, check_password, end_page_session
from lms_plugin.http.languages import LANGUAGES
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.web import discussion
from lms_plugin.web.addresses import form_page, here_or_home
from lms_plugin.web.drafts import Draft, carried, typed

RETRY_AFTER_SECONDS = 60
WHILE_TYPING = frozenset({"pages.preview", "pages.alike"})
"""Endpoints that a form asks by itself while somebody types."""


def login() -> ResponseReturnValue:
    """Sign in, and go on where one was going; a text that was being written is shown again first."""
    target = here_or_home(request.values.get("next"))
    if request.method != "POST":
        return redirect(target) if current_user.is_authenticated else _login_page(target)
    draft = carried()
    try:
        verified = check_password(request.form.get("login", ""), request.form.get("password", ""))
    except NotAuthenticated as refusal:
        return _login_page(target, draft, error=refusal_sentence(refusal)), 401
    begin_page_session(verified.actor, verified.sign_in_epoch)
    if draft and not draft.is_for(verified.actor.user_id):
        flash(_("What was kept belongs to the person who was signed in here before, and is not shown to you."), "info")
        return redirect(url_for("pages.home"))
    if draft:
        refresh()
        return render_template("draft.html", draft=draft)
    return redirect(target)


def logout() -> ResponseReturnValue:
    """Sign out; the chosen language stays."""
    chosen = session.get("language")
    end_page_session()
    if chosen in LANGUAGES:
        session["language"] = chosen
    refresh()
    flash(_("You are signed out."), "success")
    return redirect(url_for("pages.login"))


def language() -> ResponseReturnValue:
    """Choose the language of the pages in this browser; the page that signs in is shown again with what it keeps."""
    chosen = request.form.get("language")
    if chosen in LANGUAGES:
        session["language"] = chosen
    if _is_at_sign_in() and not current_user.is_authenticated:
        refresh()
        return _login_page(here_or_home(request.form.get("next")), carried())
    return redirect(here_or_home(request.form.get("next")))


def on_not_authenticated(refusal: NotAuthenticated) -> ResponseReturnValue:
    """Ask to sign in; what was being written goes along."""
    if request.endpoint in WHILE_TYPING:
        return discussion.preview_note(_("You are no longer signed in. Send your text as usual: nothing will be lost."))
    draft = typed()
    if draft:
        return _signed_out(draft)
    target = request.full_path.rstrip("?") if request.method == "GET" else form_page()
    return redirect(url_for("pages.login", next=target))


def on_csrf_error(error: CSRFError) -> ResponseReturnValue:
    """A page that stood open for too long: show it again with what was typed."""
    if request.endpoint in WHILE_TYPING:
        return discussion.preview_note(
            _("This page has been open for long. Send your text as usual: nothing will be lost.")
        )
    again = _("This page has been open for long. Please send it once more; what you wrote is still here.")
    if _is_at_sign_in():
        return _login_page(here_or_home(request.form.get("next")), carried(), error=again), 400
    if not current_user.is_authenticated:
        return _signed_out(typed())
    draft = typed()
    if draft:
        return render_template("draft.html", draft=draft, note=again), 400
    return render_template(
        "error.html",
        status=400,
        code="page_too_old",
        detail=_("This page has been open for long. Go back, reload it and try again."),
    ), 400


def on_limit(error: RateLimitExceeded) -> ResponseReturnValue:
    """Too many attempts to sign in, or too much written; what was typed is shown again."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    detail = _("Too many attempts. Please wait a minute and try again.")
    if request.endpoint == "pages.login":
        return _login_page(here_or_home(request.form.get("next")), carried(), error=detail), 429, headers
    draft = typed()
    if draft:
        note = _("You have written a lot in a short time. Please wait a few minutes and send it then.")
        return render_template("draft.html", draft=draft, note=note), 429, headers
    return render_template("error.html", status=429, code="throttled", detail=detail), 429, headers


def _is_at_sign_in() -> bool:
    """Whether the form that was sent stands on the page that signs in."""
    return request.endpoint == "pages.login" or (request.endpoint == "pages.language" and "sign_in" in request.form)


def _signed_out(draft: Draft) -> ResponseReturnValue:
    notice = _("You have been signed out. Sign in again: what you wrote is kept and shown to you before it is sent.")
    return _login_page(draft.page or form_page(), draft, notice=notice if draft else None), 401


def _login_page(target: str, draft: Draft | None = None, *, error: str | None = None, notice: str | None = None) -> str:
    return render_template(
        "login.html",
        target=target,
        draft=draft or Draft(),
        login=request.form.get("login", "") if request.endpoint == "pages.login" else "",
        error=error,
        notice=notice,
    )
