"""Meetings: planning them, signing in with the code, and the list; Q&A sessions have addresses of their own."""

from datetime import datetime

from flask import Response, jsonify
from sqlalchemy.orm import Session

from lms_plugin.api.meeting_shapes import (
    AttendanceListAnswer,
    AttendanceListRequest,
    AttendanceRequest,
    AttendeeAnswer,
    CheckInAnswer,
    CheckInRequest,
    CodeAnswer,
    LeftOutAnswer,
    MeetingAnswer,
    MeetingChangeRequest,
    MeetingRequest,
    MeetingStateRequest,
    PassedOverAnswer,
    QnaSessionRequest,
    RecordedAnswer,
)
from lms_plugin.api.reading import read_body
from lms_plugin.api.shapes import seconds
from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.meeting_wording import passed_over_sentence
from lms_plugin.http.study_wording import left_out_sentence
from lms_plugin.services import (
    access,
    catalogue,
    meeting_access,
    meeting_changing,
    meeting_confirming,
    meeting_list,
    meeting_planning,
    meeting_signing,
    meetings,
    study_records,
)
from lms_plugin.services.meeting_changing import Change
from lms_plugin.services.meeting_confirming import Confirmed
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.storage.study import Meeting


def plan_qna_session(class_group_id: int) -> tuple[Response, int]:
    """Plan a Q&A session of a class group that the caller tutors."""
    body = read_body(QnaSessionRequest)
    return _planned(class_group_id, body, None)


def plan_meeting(class_group_id: int) -> tuple[Response, int]:
    """Plan a meeting of any kind for a class group that the caller tutors."""
    body = read_body(MeetingRequest)
    return _planned(class_group_id, body, body)


def meeting_of(meeting_id: int) -> Response:
    """A meeting that the caller runs or may attend."""
    actor = current_actor()
    with context().database.reading() as store:
        try:
            found = meeting_access.run_meeting(store, actor, meeting_id)
        except NotFound:
            found, _ = meeting_access.attended_meeting(store, actor, meeting_id)
        return jsonify(_meeting(store, found))


def change_meeting(meeting_id: int) -> Response:
    """Change the plan of a meeting that has not begun; everybody invited is told what is new."""
    actor, shared, body = current_actor(), context(), read_body(MeetingChangeRequest)
    now = shared.clock()

    def write(store: Session) -> dict[str, object]:
        found = meeting_access.run_meeting(store, actor, meeting_id, locked=True)
        to = Change(
            title=found.title if body.title is None else body.title,
            starts_at=body.starts_at or found.starts_at,
            ends_at=body.ends_at or found.ends_at,
            place=found.place if body.place is None else body.place,
            link=found.link if body.link is None else body.link,
        )
        return _meeting(store, meeting_changing.change(store, actor, meeting_id, to, now))

    return jsonify(shared.database.transact(write))


def set_meeting_state(meeting_id: int) -> Response:
    """Open a meeting for signing in, close it, or call it off."""
    actor, shared, body = current_actor(), context(), read_body(MeetingStateRequest)
    now = shared.clock()

    def write(store: Session) -> dict[str, object]:
        if body.action == "open":
            found = meetings.open_meeting(store, actor, meeting_id, now)
        elif body.action == "close":
            found = meetings.close_meeting(store, actor, meeting_id)
        else:
            found = meetings.cancel_meeting(store, actor, meeting_id, reason=body.reason, now=now)
        return _meeting(store, found)

    return jsonify(shared.database.transact(write))


def code_of(meeting_id: int) -> Response:
    """The code of this moment, for who runs the meeting while it is open."""
    with context().database.reading() as store:
        shown = meetings.shown_code(store, current_actor(), meeting_id, context().clock())
    return jsonify(CodeAnswer(code=shown.code, seconds_left=shown.seconds_left).model_dump(mode="json"))


def check_in(meeting_id: int) -> Response:
    """Sign in or out with the code that the leader shows."""
    return _checked_in(meeting_id, None)


def check_in_at_qna_session(meeting_id: int) -> Response:
    """Sign in or out at a Q&A session with the code that the tutor shows."""
    return _checked_in(meeting_id, ComponentKind.QNA)


def attendance_of(meeting_id: int) -> Response:
    """The list of a meeting that the caller runs."""
    with context().database.reading() as store:
        return jsonify(_list(store, meeting_id, Confirmed((), {})))


def set_attendance(meeting_id: int) -> Response:
    """Mark learners present or absent, and confirm the list."""
    return _attendance(meeting_id, None)


def set_attendance_of_qna_session(meeting_id: int) -> Response:
    """Mark learners of a Q&A session present or absent, and confirm the list."""
    return _attendance(meeting_id, ComponentKind.QNA)


def _planned(class_group_id: int, body: QnaSessionRequest, asked: MeetingRequest | None) -> tuple[Response, int]:
    actor, shared = current_actor(), context()
    now = shared.clock()

    def write(store: Session) -> dict[str, object]:
        group = access.tutored_group(store, actor, class_group_id)
        new = NewMeeting(
            programme_id=group.programme_id,
            component_key=asked.component_key if asked is not None else _qna(store, group.programme_id, body.starts_at),
            title=body.title,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            place=body.place,
            link=body.link,
            group_ids=(group.id,),
            module_id=asked.module_id if asked is not None else None,
            medium=(asked.medium or "") if asked is not None else "",
            leader_login=asked.leader if asked is not None else "",
            most_minutes=asked.most_minutes if asked is not None else None,
        )
        return _meeting(store, meeting_planning.plan(store, actor, new, now))

    return jsonify(shared.database.transact(write)), 201


def _qna(store: Session, programme_id: int, at: datetime) -> str:
    component = catalogue.in_force(store, programme_id, at).programme.component_of(ComponentKind.QNA)
    if component is None:
        raise Conflict("component_unknown")
    return component.key


def _checked_in(meeting_id: int, kind: ComponentKind | None) -> Response:
    actor, shared, body = current_actor(), context(), read_body(CheckInRequest)
    now = shared.clock()

    def write(store: Session) -> meeting_signing.Signed:
        _check_kind(store, meeting_id, kind)
        mark = meeting_signing.device_mark(body.device, meeting_id)
        return meeting_signing.sign(store, actor, meeting_id, body.code, device=mark, now=now, way=body.way)

    done = shared.database.transact(write)
    answer = CheckInAnswer(way=done.way, signed_in_at=done.in_at, signed_out_at=done.out_at)
    return jsonify(answer.model_dump(mode="json"))


def _attendance(meeting_id: int, kind: ComponentKind | None) -> Response:
    actor, shared, body = current_actor(), context(), read_body(AttendanceListRequest)
    now = shared.clock()

    def write(store: Session) -> Confirmed:
        _check_kind(store, meeting_id, kind)
        meeting_access.run_meeting(store, actor, meeting_id, locked=True)
        if len({one.enrolment_id for one in body.attendance}) < len(body.attendance):
            raise Conflict("record_twice")
        # Learners with the same times are marked together: a hundred of them cost no more than one.
        alike: dict[tuple[bool, datetime | None, datetime | None, str], list[AttendanceRequest]] = {}
        for one in body.attendance:
            alike.setdefault((one.present, one.in_at, one.out_at, one.reason), []).append(one)
        for (present, in_at, out_at, reason), some in alike.items():
            ids = [one.enrolment_id for one in some]
            if present:
                meeting_confirming.mark_present(
                    store, actor, meeting_id, ids, now=now, in_at=in_at, out_at=out_at, reason=reason
                )
            else:
                meeting_confirming.mark_absent(store, actor, meeting_id, ids, reason=reason, now=now)
        return meeting_confirming.confirm(store, actor, meeting_id, now) if body.confirm else Confirmed((), {})

    done = shared.database.transact(write)
    with shared.database.reading() as store:
        return jsonify(_list(store, meeting_id, done))


def _check_kind(store: Session, meeting_id: int, kind: ComponentKind | None) -> None:
    """An address of Q&A sessions leads to nothing else."""
    found = store.get(Meeting, meeting_id)
    if found is None or (kind is not None and found.kind != kind.value):
        raise NotFound(what="meeting")


def _meeting(store: Session, found: Meeting) -> dict[str, object]:
    answer = MeetingAnswer(
        id=found.id,
        programme=meeting_access.programme_of(store, found).key,
        component_key=found.component_key,
        kind=found.kind,
        title=found.title,
        place=found.place,
        link=found.link,
        starts_at=found.starts_at,
        ends_at=found.ends_at,
        state=found.state,
        sequence=found.sequence,
    )
    return answer.model_dump(mode="json")


def _list(store: Session, meeting_id: int, done: Confirmed) -> dict[str, object]:
    actor = current_actor()
    found = meeting_access.run_meeting(store, actor, meeting_id)
    programme = meeting_access.programme_of(store, found)
    answer = AttendanceListAnswer(
        state=found.state,
        attendance=[
            AttendeeAnswer(
                enrolment_id=one.enrolment_id,
                name=one.name,
                in_at=one.sign_in.in_at if one.sign_in is not None else None,
                out_at=one.sign_in.out_at if one.sign_in is not None else None,
                state=one.state,
                present_seconds=seconds(one.most_ms),
                late=one.is_late,
                late_minutes=one.late_minutes,
                early_minutes=one.early_minutes,
                shares_with=list(one.shares_with),
            )
            for one in meeting_list.attendees(store, actor, meeting_id)
        ],
        recorded=[_recorded(one, programme) for one in done.recorded],
        passed_over=[
            PassedOverAnswer(enrolment_id=one, reason=why, message=passed_over_sentence(why))
            for one, why in done.passed_over.items()
        ],
    )
    return answer.model_dump(mode="json")


def _recorded(one: study_records.Recorded, programme: Programme) -> RecordedAnswer:
    return RecordedAnswer(
        enrolment_id=one.enrolment_id,
        credited_seconds=seconds(one.counted_ms),
        left_out=[
            LeftOutAnswer(
                from_at=study_records.instant_of(left.from_ms),
                to_at=study_records.instant_of(left.to_ms),
                reason=left.reason.value,
                message=left_out_sentence(left, programme),
            )
            for left in one.left_out
        ],
    )
