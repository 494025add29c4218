"""All pages: a table of their addresses, and what every template can use."""

from typing import Any

from flask import Blueprint, Flask
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError

from lms_plugin.domain.errors import NotAuthenticated
from lms_plugin.http.languages import current_language
from lms_plugin.http.security import throttle_sign_in
from lms_plugin.web import (
    api_docs,
    deliveries,
    discussion,
    drafts,
    entrance,
    learner,
    ledger,
    media,
    office,
    showing,
    tutor,
)

FORM = ["GET", "POST"]


def register(app: Flask, limiter: Limiter) -> None:
    """Add the pages to an application; tries to sign in are throttled per account and per address."""
    pages = Blueprint("pages", __name__)
    at = pages.add_url_rule

    at("/login", "login", throttle_sign_in(limiter, entrance.login), methods=FORM)
    at("/logout", "logout", entrance.logout, methods=["POST"])
    at("/language", "language", entrance.language, methods=["POST"])

    at("/", "home", learner.home)
    at("/enrolments/<id:enrolment_id>", "programme", learner.programme)
    at("/enrolments/<id:enrolment_id>/hours", "hours", ledger.hours_page)
    at("/enrolments/<id:enrolment_id>/modules/<id:module_id>", "module", learner.module, methods=FORM)
    at("/enrolments/<id:enrolment_id>/threads/<id:thread_id>", "thread", learner.thread, methods=FORM)
    at("/modules/<id:module_id>/preview", "preview", discussion.preview, methods=["POST"])

    at("/tutor", "tutor", tutor.groups)
    at("/tutor/modules/<id:module_id>", "tutor_module", tutor.module, methods=FORM)
    at("/tutor/threads/<id:thread_id>", "tutor_thread", tutor.thread, methods=FORM)

    at("/office", "office", office.report)
    at("/office/deliveries", "deliveries", deliveries.deliveries)
    at("/office/deliveries/<id:report_id>/retry", "retry", deliveries.retry, methods=["POST"])
    at("/office/platforms/<platform_key>/retry", "retry_platform", deliveries.retry_platform, methods=["POST"])

    at("/media/<signed>/<path:name>", "media", media.media)
    at("/api/v1/docs", "api_docs", api_docs.api_docs)

    pages.register_error_handler(NotAuthenticated, entrance.on_not_authenticated)
    pages.register_error_handler(CSRFError, entrance.on_csrf_error)
    pages.register_error_handler(RateLimitExceeded, entrance.on_limit)
    # For the application: pages of errors are shown for addresses outside of the blueprint as well.
    pages.app_context_processor(_shared_values)
    app.register_blueprint(pages)


def _shared_values() -> dict[str, Any]:
    return {"language": current_language(), "typed": drafts.typed, "show": showing}
