"""School-based activities and coursework: handing in, deciding, marking."""

from flask import Response, jsonify
from sqlalchemy.orm import Session

from lms_plugin.api.reading import read_body
from lms_plugin.api.school_shapes import (
    ActivitiesAnswer,
    ActivityAnswer,
    ActivityDecisionRequest,
    ActivityRequest,
    ActivityStateAnswer,
    CourseworkAnswer,
    HomeworkRequest,
    LeftOutAnswer,
    MarkRequest,
    WorkAnswer,
)
from lms_plugin.api.shapes import seconds
from lms_plugin.domain.programme import Programme
from lms_plugin.domain.school_activities import next_level
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.study_wording import left_out_sentence
from lms_plugin.services import (
    access,
    approvals,
    attachments,
    catalogue,
    coursework,
    school_activities,
    study_records,
)
from lms_plugin.services.school_activities import ActivityForm
from lms_plugin.services.study_records import RecordShown
from lms_plugin.storage.study import Coursework, SchoolActivity


def activities_of(enrolment_id: int) -> Response:
    """The school-based activities of an enrolment, those that took place last first, with what of them counts."""
    with context().database.reading() as store:
        enrolment = access.visible_enrolment(store, current_actor(), enrolment_id)
        programme = catalogue.for_enrolment(store, enrolment, context().clock()).programme
        records = {one.row.source: one for one in study_records.records_of(store, enrolment.id) if not one.is_revoked}
        rows = school_activities.of_enrolment(store, enrolment.id)
        answer = ActivitiesAnswer(
            activities=[_activity(store, one, programme, records.get(approvals.source_of(one.id))) for one in rows]
        )
    return jsonify(answer.model_dump(mode="json"))


def hand_in_activity(enrolment_id: int) -> tuple[Response, int]:
    """Hand in a school-based activity with a text as its evidence; photos and documents go through the page."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        access.own_enrolment(store, actor, enrolment_id)
    body, now = read_body(ActivityRequest), shared.clock()
    form = ActivityForm(body.kind, body.title, body.text, body.starts_at, body.ends_at)

    def write(store: Session) -> ActivityStateAnswer:
        row = school_activities.hand_in(store, actor, enrolment_id, form, now=now)
        return ActivityStateAnswer(id=row.id, state=row.state)

    return jsonify(shared.database.transact(write).model_dump(mode="json")), 201


def decide_activity(activity_id: int) -> Response:
    """Approve an activity, send it back, refuse it, or take its approval back, as the school's or county's office."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        approvals.activity_for_office(store, actor, activity_id)
    body, now = read_body(ActivityDecisionRequest), shared.clock()
    with_a_reason = {"return": approvals.send_back, "refuse": approvals.refuse}

    def write(store: Session) -> ActivityStateAnswer:
        if body.decision == "approve":
            row = approvals.approve(store, actor, activity_id, now, seen_at=body.seen_at)
        elif body.decision == "revoke":
            row = approvals.revoke(store, actor, activity_id, reason=body.reason, now=now)
        else:
            decide = with_a_reason[body.decision]
            row = decide(store, actor, activity_id, reason=body.reason, seen_at=body.seen_at, now=now)
        return ActivityStateAnswer(id=row.id, state=row.state)

    return jsonify(shared.database.transact(write).model_dump(mode="json"))


def coursework_of(enrolment_id: int) -> Response:
    """The homework that an enrolment handed in, and its attempts at the examination."""
    with context().database.reading() as store:
        enrolment = access.visible_enrolment(store, current_actor(), enrolment_id)
        answer = CourseworkAnswer(coursework=[_work(one) for one in coursework.of_enrolment(store, enrolment.id)])
    return jsonify(answer.model_dump(mode="json"))


def hand_in_homework(enrolment_id: int) -> tuple[Response, int]:
    """Hand in a piece of homework, or hand it in again while it has not passed; files go through the page."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        access.own_enrolment(store, actor, enrolment_id)
    body, now = read_body(HomeworkRequest), shared.clock()
    answer = shared.database.transact(
        lambda store: _work(
            coursework.hand_in(store, actor, enrolment_id, body.component, body.piece, text=body.text, now=now)
        )
    )
    return jsonify(answer.model_dump(mode="json")), 201


def mark_homework(coursework_id: int) -> Response:
    """Mark a piece of homework as the tutor: from the pass mark on it counts, below it goes back with the remark."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        coursework.work_for_tutor(store, actor, coursework_id)
    body, now = read_body(MarkRequest), shared.clock()
    answer = shared.database.transact(
        lambda store: _work(coursework.mark(store, actor, coursework_id, mark=body.mark, remark=body.remark, now=now))
    )
    return jsonify(answer.model_dump(mode="json"))


def _activity(store: Session, row: SchoolActivity, programme: Programme, record: RecordShown | None) -> ActivityAnswer:
    return ActivityAnswer(
        id=row.id,
        kind=row.activity,
        title=row.title,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        submitted_at=row.submitted_at,
        state=row.state,
        next_level=next_level(row.state, approvals.levels_of(store, row)),
        reason=row.reason,
        files=len(attachments.of_owner(store, approvals.source_of(row.id))),
        credited_seconds=seconds(record.row.counted_ms) if record is not None else None,
        left_out=[
            LeftOutAnswer(reason=one.reason.value, message=left_out_sentence(one, programme))
            for one in (record.left_out if record is not None else ())
        ],
    )


def _work(row: Coursework) -> WorkAnswer:
    return WorkAnswer(
        id=row.id,
        component=row.component_key,
        kind=row.kind,
        piece=row.piece,
        state=row.state,
        mark=row.mark,
        remark=row.remark,
        submitted_at=row.submitted_at,
        marked_at=row.marked_at,
    )
