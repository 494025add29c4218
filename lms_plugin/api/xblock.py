"""For the XBlock's server, which shows a module in an Open edX course page: it signs each call with its own secret."""

from flask import Response, jsonify, request
from flask_babel import force_locale

from lms_plugin.api.reading import read_query
from lms_plugin.api.shapes import MissingAnswer, ProgrammeAnswer, seconds
from lms_plugin.api.xblock_shapes import (
    XBlockFilmAnswer,
    XBlockHoursAnswer,
    XBlockModuleAnswer,
    XBlockModulesAnswer,
    XBlockModulesQuery,
    XBlockStandingAnswer,
)
from lms_plugin.domain.errors import NotAuthenticated, NotFound
from lms_plugin.domain.handover import Purpose
from lms_plugin.http.context import context
from lms_plugin.http.identity import bearer_token
from lms_plugin.http.wording import missing_sentence
from lms_plugin.services import handovers, xblock_standing
from lms_plugin.services.handovers import Verified
from lms_plugin.services.xblock_standing import ModuleStanding
from lms_plugin.storage.programmes import Enrolment


def xblock_modules() -> Response:
    """The modules of all programmes that an author of a course page can choose from, found by words.

    Authorised by a hand-over (a JWT of the platform's server) for `lms-plugin:modules`.
    """
    shared = context()
    verified = _verified(Purpose.MODULES)
    query = read_query(XBlockModulesQuery)
    language = verified.handover.language
    with shared.database.reading() as store:
        found = xblock_standing.listing(store, query.q, shared.clock())
    answer = XBlockModulesAnswer(
        modules=[
            XBlockModuleAnswer(
                key=one.key,
                title=one.module.title.in_language(language),
                programme=ProgrammeAnswer(key=one.programme.key, title=one.programme.title.in_language(language)),
                film_seconds=seconds(one.film_ms) if one.film_ms is not None else None,
            )
            for one in found
        ]
    )
    return jsonify(answer.model_dump(mode="json"))


def standing_for_xblock() -> Response:
    """How the learner of a hand-over stands in its module: film, hours, what is missing.

    Authorised by a hand-over (a JWT of the platform's server) for `lms-plugin:standing`.
    """
    shared = context()
    verified = _verified(Purpose.STANDING)
    now, module = shared.clock(), verified.handover.module
    if module is None:
        raise NotFound(what="module")
    user_id = shared.database.transact(lambda store: handovers.learner_of(store, verified, now).id)
    with shared.database.reading() as store:
        enrolment, module_id = xblock_standing.place_of(store, user_id, module, now)
        enrolment_id = enrolment.id
    shared.database.transact(lambda store: xblock_standing.settle(store, store.get_one(Enrolment, enrolment_id), now))
    with shared.database.reading() as store:
        found = xblock_standing.standing(store, store.get_one(Enrolment, enrolment_id), module_id, now)
    language = verified.handover.language
    with force_locale(language):
        answer = _standing(found, language)
    return jsonify(answer.model_dump(mode="json"))


def _verified(purpose: Purpose) -> Verified:
    """What the call's hand-over says; from here on it is used."""
    token, shared = bearer_token(request), context()
    if token is None or token.count(".") != 2:
        raise NotAuthenticated()
    return shared.database.transact(lambda store: handovers.verify(store, shared.seal, token, purpose, shared.clock()))


def _standing(found: ModuleStanding, language: str) -> XBlockStandingAnswer:
    declared, programme, video = found.module.module, found.hours.programme, found.module.video
    total = found.hours.hours.total
    return XBlockStandingAnswer(
        key=f"{programme.key}/{declared.key}",
        title=declared.title.in_language(language),
        programme=ProgrammeAnswer(key=programme.key, title=programme.title.in_language(language)),
        film=XBlockFilmAnswer(
            duration_seconds=seconds(video.duration_ms), counted_seconds=seconds(found.module.covered_ms)
        )
        if video is not None
        else None,
        ratio=found.ratio,
        hours=XBlockHoursAnswer(
            credited_class_hours=total.credited_class_hours, required_class_hours=total.required_class_hours
        ),
        complete=found.hours.completion.complete,
        missing=[
            MissingAnswer(code=one.code, message=missing_sentence(one, programme, language))
            for one in found.hours.completion.missing
        ],
    )
