"""Disputes of credit entries: opening one, the tutor's proposal, the office's decision."""

from collections.abc import Callable
from datetime import datetime

from flask import Response, jsonify
from sqlalchemy.orm import Session

from lms_plugin.api.dispute_shapes import (
    DecisionRequest,
    DisputeAnswer,
    DisputeRequest,
    DisputesAnswer,
    ProposalRequest,
    VerdictAnswer,
)
from lms_plugin.api.reading import read_body
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import access, dispute_list, disputes
from lms_plugin.services.dispute_list import ShownDispute
from lms_plugin.storage.notices import Dispute


def disputes_of(enrolment_id: int) -> Response:
    """The disputes of an enrolment, newest first: the learner's own, or one that a tutor or admin answers for."""
    with context().database.reading() as store:
        enrolment = access.visible_enrolment(store, current_actor(), enrolment_id)
        found = dispute_list.of_enrolment(store, enrolment, context().clock())
    answer = DisputesAnswer(disputes=[_answer(one) for one in found])
    return jsonify(answer.model_dump(mode="json"))


def open_dispute(enrolment_id: int) -> tuple[Response, int]:
    """Say that an entry of one's own ledger is wrong, or that one is missing."""
    actor, now = current_actor(), context().clock()
    with context().database.reading() as store:
        access.own_enrolment(store, actor, enrolment_id)
    body = read_body(DisputeRequest)

    def write(store: Session) -> Dispute:
        if body.entry is not None:
            return disputes.dispute_entry(store, actor, enrolment_id, body.entry, account=body.reason, now=now)
        return disputes.dispute_missing(
            store, actor, enrolment_id, body.component, body.happened_on, account=body.reason, now=now
        )

    return _written(write, now), 201


def withdraw_dispute(dispute_id: int) -> Response:
    """Take back one's own dispute."""
    actor, now = current_actor(), context().clock()
    return _written(lambda store: disputes.withdraw(store, actor, dispute_id, now), now)


def propose(dispute_id: int) -> Response:
    """What the tutor proposes; 0 minutes to change nothing."""
    actor, now, body = current_actor(), context().clock(), read_body(ProposalRequest)
    return _written(
        lambda store: disputes.propose(store, actor, dispute_id, minutes=body.minutes, reason=body.reason, now=now), now
    )


def decide(dispute_id: int) -> Response:
    """What an admin of the learner's region decides; an accepted dispute becomes a credit entry."""
    actor, now, body = current_actor(), context().clock(), read_body(DecisionRequest)

    def write(store: Session) -> Dispute:
        if body.accepted:
            return disputes.accept(store, actor, dispute_id, minutes=body.minutes, reason=body.reason, now=now)
        return disputes.refuse(store, actor, dispute_id, reason=body.reason, now=now)

    return _written(write, now)


def _written(write: Callable[[Session], Dispute], now: datetime) -> Response:
    shown = context().database.transact(lambda store: dispute_list.shown(store, write(store), now))
    return jsonify(_answer(shown).model_dump(mode="json"))


def _answer(shown: ShownDispute) -> DisputeAnswer:
    row = shown.row
    return DisputeAnswer(
        id=row.id,
        enrolment_id=row.enrolment_id,
        entry=row.entry_number,
        component=row.component_key,
        happened_on=row.happened_on,
        reason=row.reason,
        state=row.state,
        opened_at=row.opened_at,
        proposal=_verdict(shown.proposed_by, row.proposed_ms, row.proposed_reason, row.proposed_at),
        decision=_verdict(shown.decided_by, row.decided_ms, row.decided_reason, row.decided_at),
        new_entry=row.entry_after,
    )


def _verdict(by: str | None, amount_ms: int | None, reason: str, at: datetime | None) -> VerdictAnswer | None:
    if by is None or at is None:
        return None
    return VerdictAnswer(by=by, minutes=(amount_ms or 0) // MINUTE_MS, reason=reason, at=at)
