"""A learner's enrolments, hours and ledger."""

from flask import Response, jsonify

from lms_plugin.api.reading import read_query
from lms_plugin.api.shapes import (
    CompletionAnswer,
    EnrolmentAnswer,
    EntryAnswer,
    HoursAnswer,
    LedgerAnswer,
    LedgerQuery,
    MissingAnswer,
    ModuleAnswer,
    ProgrammeAnswer,
    StandingAnswer,
    VideoAnswer,
    WindowAnswer,
    seconds,
)
from lms_plugin.domain.hours import Standing
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import missing_sentence
from lms_plugin.services import access, catalogue, hours, oversight, posting


def mine() -> Response:
    """The learner's enrolments with their modules, in order of programme key."""
    actor, shared, language = current_actor(), context(), current_language()
    with shared.database.reading() as store:
        answers = []
        for enrolment in oversight.own_enrolments(store, actor):
            current = catalogue.for_enrolment(store, enrolment, shared.clock())
            programme = current.programme
            answers.append(
                EnrolmentAnswer(
                    id=enrolment.id,
                    programme=ProgrammeAnswer(key=programme.key, title=programme.title.in_language(language)),
                    window=WindowAnswer(opens_on=programme.window.opens_on, closes_on=programme.window.closes_on),
                    modules=[
                        ModuleAnswer(
                            id=one.id,
                            key=one.module.key,
                            title=one.module.title.in_language(language),
                            video=VideoAnswer(id=one.video.id, duration_seconds=seconds(one.video.duration_ms))
                            if one.video is not None
                            else None,
                        )
                        for one in catalogue.modules_of(store, current, enrolment.id)
                    ],
                    completion_ratio=enrolment.completion_ratio,
                )
            )
    return jsonify([answer.model_dump(mode="json") for answer in answers])


def hours_of(enrolment_id: int) -> Response:
    """The hours of an enrolment: the learner's own, or one that a tutor or admin answers for."""
    actor, shared, language = current_actor(), context(), current_language()
    now = shared.clock()
    with shared.database.reading() as store:
        access.visible_enrolment(store, actor, enrolment_id)
    shared.database.transact(
        lambda store: posting.settle(store, access.visible_enrolment(store, actor, enrolment_id), now)
    )
    with shared.database.reading() as store:
        found = hours.read(store, access.visible_enrolment(store, actor, enrolment_id), now)
    answer = HoursAnswer(
        class_hour_minutes=found.programme.class_hour_minutes,
        components=[_standing(standing, language) for standing in found.hours.components],
        total=_standing(found.hours.total, language),
        completion=CompletionAnswer(
            complete=found.completion.complete,
            ratio=found.completion.ratio,
            missing=[
                MissingAnswer(code=one.code, message=missing_sentence(one, found.programme, language))
                for one in found.completion.missing
            ],
        ),
        as_of=found.as_of,
        ledger_head=found.ledger_head,
    )
    return jsonify(answer.model_dump(mode="json"))


def ledger_of(enrolment_id: int) -> Response:
    """The credit entries of an enrolment, oldest first, those numbered above `after`."""
    actor, shared = current_actor(), context()
    query = read_query(LedgerQuery)
    with shared.database.reading() as store:
        enrolment = access.visible_enrolment(store, actor, enrolment_id)
        rows = hours.entries(store, enrolment.id, after=query.after, limit=query.limit)
    answer = LedgerAnswer(
        entries=[
            EntryAnswer(
                number=row.number,
                component=row.component_key,
                credited_seconds=seconds(row.amount_ms),
                source=row.source_kind,
                source_id=row.source_id,
                detail=row.detail,
                rule_version=row.rule_version,
                decided_by=row.decided_by_id,
                recorded_at=row.recorded_at,
                previous_hash=row.previous_hash,
                hash=row.hash,
            )
            for row in rows
        ],
        next_after=rows[-1].number if len(rows) == query.limit else None,
    )
    return jsonify(answer.model_dump(mode="json"))


def _standing(standing: Standing, language: str) -> StandingAnswer:
    component = standing.component
    return StandingAnswer(
        key=component.key if component else None,
        title=component.title.in_language(language) if component else None,
        required_class_hours=standing.required_class_hours,
        credited_seconds=seconds(standing.counted_ms),
        credited_class_hours=standing.credited_class_hours,
        remaining_class_hours=standing.remaining_class_hours,
        pending_seconds=seconds(standing.pending_ms),
    )
