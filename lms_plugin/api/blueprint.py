"""The JSON API: all resources under /api/v1, described by /api/v1/openapi.json."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from apiflask import APIBlueprint
from flask import Flask
from flask_limiter import Limiter

from lms_plugin.api import discussion, enrolments, people, playback, reports
from lms_plugin.http.identity import current_actor
from lms_plugin.http.security import SIGN_IN_ADDRESS_LIMIT, SIGN_IN_LIMIT, account_tried

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def register(app: Flask, limiter: Limiter) -> None:
    """Add the API to an application."""
    api = APIBlueprint("api", __name__, url_prefix="/api/v1", tag="lms-plugin")

    create_token = limiter.limit(SIGN_IN_LIMIT, key_func=account_tried)(people.create_token)
    create_token = limiter.limit(SIGN_IN_ADDRESS_LIMIT)(create_token)
    api.post("/tokens")(create_token)
    api.delete("/tokens/current")(_signed_in(people.end_token))
    api.get("/me")(_signed_in(people.me))

    api.get("/me/enrolments")(_signed_in(enrolments.mine))
    api.get("/enrolments/<int:enrolment_id>/hours")(_signed_in(enrolments.hours_of))
    api.get("/enrolments/<int:enrolment_id>/ledger")(_signed_in(enrolments.ledger_of))

    api.post("/videos/<int:video_id>/playback-sessions")(_signed_in(playback.open_session))
    api.post("/playback-sessions/<playback_session_id>/beats")(_signed_in(playback.take_beat))

    api.get("/modules/<int:module_id>/threads")(_signed_in(discussion.threads_of))
    api.post("/modules/<int:module_id>/threads")(_signed_in(discussion.start_thread))
    api.post("/modules/<int:module_id>/posts/preview")(_signed_in(discussion.preview))
    api.get("/threads/<int:thread_id>/posts")(_signed_in(discussion.posts_of))
    api.post("/threads/<int:thread_id>/posts")(_signed_in(discussion.reply))

    api.get("/reports/completions")(_signed_in(reports.completions))
    api.get("/lms/deliveries")(_signed_in(reports.deliveries))
    app.register_blueprint(api)


def _signed_in(view: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Refuse whoever is not signed in before anything of the request is read."""

    @wraps(view)
    def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        current_actor()
        return view(*args, **kwargs)

    return checked
