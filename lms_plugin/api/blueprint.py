"""The JSON API: all resources under /api/v1, described by /api/v1/openapi.json."""

from functools import wraps

from apiflask import APIFlask
from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter

from lms_plugin.api import discussion, enrolments, people, playback, reports, shapes
from lms_plugin.api.description import PREFIX, Route, View, describe
from lms_plugin.http.identity import current_actor
from lms_plugin.http.security import throttle_sign_in

ROUTES = (
    # tokens and people
    Route(
        "POST", "/tokens", people.create_token, shapes.TokenRequest, None, shapes.TokenAnswer, status=201, is_open=True
    ),
    Route("DELETE", "/tokens/current", people.end_token, status=204),
    Route("GET", "/me", people.me, answer=shapes.MeAnswer),
    # a learner's enrolments, hours and ledger
    Route("GET", "/me/enrolments", enrolments.mine, answer=shapes.EnrolmentAnswer, many=True),
    Route("GET", "/enrolments/<id:enrolment_id>/hours", enrolments.hours_of, answer=shapes.HoursAnswer),
    Route(
        "GET",
        "/enrolments/<id:enrolment_id>/ledger",
        enrolments.ledger_of,
        query=shapes.LedgerQuery,
        answer=shapes.LedgerAnswer,
    ),
    # watching
    Route(
        "POST",
        "/videos/<id:video_id>/playback-sessions",
        playback.open_session,
        body=shapes.SessionRequest,
        answer=shapes.SessionAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/playback-sessions/<playback_session_id>/beats",
        playback.take_beat,
        body=shapes.BeatRequest,
        answer=shapes.BeatResponse,
    ),
    # discussion
    Route(
        "GET",
        "/modules/<id:module_id>/threads",
        discussion.threads_of,
        query=shapes.ThreadsQuery,
        answer=shapes.ThreadsAnswer,
    ),
    Route(
        "POST",
        "/modules/<id:module_id>/threads",
        discussion.start_thread,
        body=shapes.ThreadRequest,
        answer=shapes.WrittenAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/modules/<id:module_id>/posts/preview",
        discussion.preview,
        body=shapes.PreviewRequest,
        answer=shapes.JudgementAnswer,
    ),
    Route(
        "GET",
        "/threads/<id:thread_id>/posts",
        discussion.posts_of,
        query=shapes.PostsQuery,
        answer=shapes.PostsAnswer,
    ),
    Route(
        "POST",
        "/threads/<id:thread_id>/posts",
        discussion.reply,
        body=shapes.PostRequest,
        answer=shapes.WrittenAnswer,
        status=201,
    ),
    # the office
    Route(
        "GET",
        "/reports/completions",
        reports.completions,
        query=shapes.CompletionsQuery,
        answer=shapes.CompletionsAnswer,
        files=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ),
    Route("GET", "/lms/deliveries", reports.deliveries, query=shapes.DeliveriesQuery, answer=shapes.DeliveriesAnswer),
)


def register(app: APIFlask, limiter: Limiter) -> None:
    """Add the API and its description to an application."""
    api = Blueprint("api", __name__, url_prefix=PREFIX)
    for route in ROUTES:
        view = route.view if route.is_open else _signed_in(route.view)
        if route.view is people.create_token:
            view = throttle_sign_in(limiter, view)
        api.add_url_rule(route.rule, route.view.__name__, view, methods=[route.method])
    app.register_blueprint(api)
    describe(app, ROUTES)


def _signed_in(view: View) -> View:
    """Refuse whoever is not signed in before anything of the request is read."""

    @wraps(view)
    def checked(*args: object, **kwargs: object) -> ResponseReturnValue:
        current_actor()
        return view(*args, **kwargs)

    return checked
