"""How an enrolment's films stand, and a tutor's decision to let held film count."""

from collections.abc import Iterable

from flask import Response, jsonify

from lms_plugin.api.reading import read_body
from lms_plugin.api.shapes import (
    FilmOfModuleAnswer,
    FilmsAnswer,
    ReleaseRequest,
    ReleaseResponse,
    Span,
    StretchToldAnswer,
    seconds,
)
from lms_plugin.domain import intervals
from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.watching import Stretch
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import stretch_sentence
from lms_plugin.services import access, catalogue, releases, study
from lms_plugin.services.study import StudyModule

LARGEST_SECONDS = 1_000_000


def films_of(enrolment_id: int) -> Response:
    """What of an enrolment's films counts, is held and is withheld, with the reasons in words."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        enrolment = access.visible_enrolment(store, actor, enrolment_id)
        modules = study.modules(store, catalogue.for_enrolment(store, enrolment, shared.clock()), enrolment)
    answer = FilmsAnswer(films=[_film(one, current_language()) for one in modules if one.video is not None])
    return jsonify(answer.model_dump(mode="json", by_alias=True))


def release(enrolment_id: int) -> tuple[Response, int]:
    """Let held stretches of a learner's film count; 0 seconds where nothing of them is held."""
    actor, shared = current_actor(), context()
    body = read_body(ReleaseRequest)
    wanted, now = _segments(body.segments), shared.clock()
    released_ms = shared.database.transact(
        lambda store: releases.release(store, actor, enrolment_id, body.video_id, wanted, reason=body.reason, now=now)
    )
    return jsonify(ReleaseResponse(released_seconds=seconds(released_ms)).model_dump(mode="json")), 201


def _film(one: StudyModule, language: str) -> FilmOfModuleAnswer:
    if one.video is None:
        raise AssertionError("unreachable")
    return FilmOfModuleAnswer(
        module_id=one.id,
        module_key=one.module.key,
        title=one.module.title.in_language(language),
        video_id=one.video.id,
        duration_seconds=seconds(one.video.duration_ms),
        covered=[(seconds(start), seconds(end)) for start, end in one.covered],
        covered_seconds=seconds(one.covered_ms),
        held=_told(one.held, held=True),
        withheld=_told(one.only_withheld, held=False),
    )


def _told(stretches: Iterable[Stretch], *, held: bool) -> list[StretchToldAnswer]:
    return [
        StretchToldAnswer(
            from_=seconds(one.from_ms),
            to=seconds(one.to_ms),
            reason=one.reason.value,
            message=stretch_sentence(one.reason, held=held).rstrip(":："),
        )
        for one in stretches
    ]


def _segments(spans: list[Span]) -> Segments:
    faults = [
        {"field": f"segments.{place}", "code": "not_a_stretch", "message": "[from, to] in seconds, from before to"}
        for place, (start, end) in enumerate(spans)
        if not 0 <= start < end <= LARGEST_SECONDS
    ]
    if faults:
        raise Malformed(faults=faults)
    return intervals.merge((round(start * 1000), round(end * 1000)) for start, end in spans)
