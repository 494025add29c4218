"""Disputes: a learner says that a credit entry is wrong or missing, the tutor proposes, an admin of the region decides.

What is decided becomes a new entry; those that are there stay as they are.
"""

import hashlib
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import access, catalogue, dispute_notices
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.dispute_access import (
    ACCEPTED,
    OPEN,
    PROPOSED,
    PROPOSED_WITHIN,
    REFUSED,
    UNDECIDED,
    WITHDRAWN,
    office_dispute,
    own_dispute,
    parties,
    tutored_dispute,
    waits_for_tutor,
)
from lms_plugin.services.entering import Credit, Entering, day_of_entry, enter_many
from lms_plugin.services.trail import DISPUTE_PROPOSED, note_action
from lms_plugin.storage.ledger import ComponentTotal, CreditEntryRow, LedgerHead
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.programmes import Enrolment

RULE = "dispute/1"
SOURCE_KIND = "dispute"

LONGEST_ACCOUNT = 2000
LONGEST_REASON = 500
MOST_MINUTES = 30_000
"""500 hours: more than any programme gives for one thing."""

MOST_UNDECIDED = 20
_LARGEST_NUMBER = 2**31 - 1


def dispute_entry(
    session: Session, actor: Actor, enrolment_id: int, number: int, *, account: str, now: datetime
) -> Dispute:
    """Say that a credit entry of one's own is wrong, and why.

    Raises:
        NotFound: the enrolment is not the actor's, or its ledger has no such entry.
        Malformed: `account_missing` or `account_too_long`.
        Conflict: `dispute_open` for this entry, or `disputes_too_many` in all.
    """
    enrolment = access.own_enrolment(session, actor, enrolment_id)
    entry = session.get(CreditEntryRow, (enrolment_id, number)) if number <= _LARGEST_NUMBER else None
    if entry is None:
        raise NotFound(what="credit_entry")
    programme = catalogue.for_enrolment(session, enrolment, now).programme
    day = day_of_entry(programme, entry.detail, entry.recorded_at)
    return _open(session, enrolment, number, entry.component_key, day, account, now)


def dispute_missing(
    session: Session,
    actor: Actor,
    enrolment_id: int,
    component_key: str,
    happened_on: date | None,
    *,
    account: str,
    now: datetime,
) -> Dispute:
    """Say that something on a day is missing from one's ledger, and what happened.

    Raises:
        NotFound: the enrolment is not the actor's.
        Malformed: `account_missing`, `account_too_long`, `dispute_component_unknown`, `day_missing`, or
            `day_outside_window`: the day is none of the programme's, or to come.
        Conflict: `disputes_too_many` are undecided.
    """
    enrolment = access.own_enrolment(session, actor, enrolment_id)
    programme = catalogue.for_enrolment(session, enrolment, now).programme
    if programme.component(component_key) is None:
        raise Malformed("dispute_component_unknown", field="component")
    if happened_on is None:
        raise Malformed("day_missing", field="happened_on")
    window = programme.window
    if not window.opens_on <= happened_on < window.closes_on or happened_on > window.day_of(now):
        raise Malformed("day_outside_window", field="happened_on")
    return _open(session, enrolment, None, component_key, happened_on, account, now)


def withdraw(session: Session, actor: Actor, dispute_id: int, now: datetime) -> Dispute:
    """Take back a dispute that is not decided.

    Raises:
        NotFound: it is not the actor's.
        Conflict: `dispute_is_over`.
    """
    dispute, enrolment = own_dispute(session, actor, dispute_id, locked=True)
    _check_undecided(dispute)
    dispute.state, dispute.decided_at = WITHDRAWN, now
    session.flush()
    dispute_notices.withdrawn(session, dispute, enrolment, now)
    return dispute


def propose(session: Session, actor: Actor, dispute_id: int, *, minutes: int, reason: str, now: datetime) -> Dispute:
    """Propose what to add to the ledger in minutes (negative: to take back; 0: to change nothing), and why.

    Whoever confirmed what is disputed may propose: they know it best, and another person decides. A proposal can be
    made anew until then.

    Raises:
        NotAllowed: the person is no tutor, or is the learner (`dispute_own`).
        NotFound: the learner is not one of theirs.
        Malformed: `reason_needed`, `reason_too_long` or `minutes_out_of_range`.
        Conflict: `dispute_is_over`, or less would be left than nothing (`hours_below_zero`).
    """
    dispute, enrolment = tutored_dispute(session, actor, dispute_id, locked=True)
    if enrolment.user_id == actor.user_id:
        raise NotAllowed("dispute_own")
    _check_undecided(dispute)
    reason = _reason(reason)
    amount_ms = _amount(minutes)
    _check_sum(session, dispute, amount_ms)
    dispute.state = PROPOSED
    dispute.proposed_ms, dispute.proposed_reason = amount_ms, reason
    dispute.proposed_by_id, dispute.proposed_at = actor.user_id, now
    session.flush()
    dispute_notices.proposed(session, dispute, enrolment, now)
    about = f"dispute/{dispute.id}"
    note_action(session, actor, DISPUTE_PROPOSED, about, enrolment.id, now, proposed_ms=amount_ms, reason=reason)
    return dispute


def accept(session: Session, actor: Actor, dispute_id: int, *, minutes: int, reason: str, now: datetime) -> Dispute:
    """Decide that the ledger changes by so many minutes, which need not be those proposed; enters them.

    Raises:
        NotAllowed: the person is no office admin, or is one of the `parties`.
        NotFound: the learner is in no region of theirs.
        Malformed: `reason_needed`, `reason_too_long`, `minutes_out_of_range`, or `minutes_zero`.
        Conflict: `dispute_is_over`, `dispute_awaits_proposal`, or less would be left than nothing (`hours_below_zero`).
    """
    dispute, enrolment, reason = _about_to_decide(session, actor, dispute_id, reason, now)
    amount_ms = _amount(minutes)
    if amount_ms == 0:
        raise Malformed("minutes_zero", field="minutes")
    session.scalar(select(LedgerHead.number).where(LedgerHead.enrolment_id == enrolment.id).with_for_update())
    _check_sum(session, dispute, amount_ms)
    current = catalogue.for_enrolment(session, enrolment, now)
    dispute.decided_ms, dispute.decided_reason = amount_ms, reason
    dispute.decided_by_id, dispute.decided_at = actor.user_id, now
    (dispute.entry_after,) = enter_many(session, [_entering(dispute, current)], now)
    dispute.state = ACCEPTED
    session.flush()
    dispute_notices.decided(session, dispute, enrolment, now)
    return dispute


def refuse(session: Session, actor: Actor, dispute_id: int, *, reason: str, now: datetime) -> Dispute:
    """Decide that the ledger stays as it is, and why.

    Raises:
        NotAllowed, NotFound, Malformed, Conflict: as for `accept`.
    """
    dispute, enrolment, reason = _about_to_decide(session, actor, dispute_id, reason, now)
    dispute.state, dispute.decided_ms, dispute.decided_reason = REFUSED, 0, reason
    dispute.decided_by_id, dispute.decided_at = actor.user_id, now
    session.flush()
    dispute_notices.decided(session, dispute, enrolment, now)
    return dispute


def digest_of(account: str) -> str:
    """What ties the ledger to a learner's words, which stay out of it: they may be private, and it keeps for good."""
    return hashlib.sha256(account.encode()).hexdigest()


# --- steps ------------------------------------------------------------------------------------------------------------


def _open(
    session: Session,
    enrolment: Enrolment,
    entry_number: int | None,
    component_key: str,
    happened_on: date,
    account: str,
    now: datetime,
) -> Dispute:
    account = account.strip()
    if not account:
        raise Malformed("account_missing", field="account")
    if len(account) > LONGEST_ACCOUNT:
        raise Malformed("account_too_long", field="account", longest=LONGEST_ACCOUNT)
    # One after the other: two forms sent at the same moment must not both find that nothing is open.
    session.scalar(select(Enrolment.id).where(Enrolment.id == enrolment.id).with_for_update(key_share=True))
    undecided = select(Dispute).where(Dispute.enrolment_id == enrolment.id, Dispute.state.in_(UNDECIDED))
    known = session.scalars(undecided).all()
    if entry_number is not None and any(one.entry_number == entry_number for one in known):
        raise Conflict("dispute_open")
    if len(known) >= MOST_UNDECIDED:
        raise Conflict("disputes_too_many", most=MOST_UNDECIDED)
    dispute = Dispute(
        enrolment_id=enrolment.id,
        entry_number=entry_number,
        component_key=component_key,
        happened_on=happened_on,
        reason=account,
        state=OPEN,
        opened_at=now,
    )
    session.add(dispute)
    session.flush()
    dispute_notices.opened(session, dispute, enrolment, now)
    return dispute


def _about_to_decide(
    session: Session, actor: Actor, dispute_id: int, reason: str, now: datetime
) -> tuple[Dispute, Enrolment, str]:
    dispute, enrolment = office_dispute(session, actor, dispute_id, locked=True)
    party = parties(session, dispute, enrolment).get(actor.user_id)
    if party is not None:
        raise NotAllowed(party)
    _check_undecided(dispute)
    if waits_for_tutor(session, dispute, enrolment, now):
        raise Conflict("dispute_awaits_proposal", until=dispute.opened_at + PROPOSED_WITHIN)
    return dispute, enrolment, _reason(reason)


def _check_undecided(dispute: Dispute) -> None:
    if dispute.state not in UNDECIDED:
        raise Conflict("dispute_is_over")


def _reason(text: str) -> str:
    text = text.strip()
    if not text:
        raise Malformed("reason_needed", field="reason")
    if len(text) > LONGEST_REASON:
        raise Malformed("reason_too_long", field="reason", longest=LONGEST_REASON)
    return text


def _amount(minutes: int) -> int:
    if abs(minutes) > MOST_MINUTES:
        raise Malformed("minutes_out_of_range", field="minutes", most=MOST_MINUTES)
    return minutes * MINUTE_MS


def _check_sum(session: Session, dispute: Dispute, amount_ms: int) -> None:
    """No component's ledger may come to less than nothing by a decision."""
    total = session.scalar(
        select(func.coalesce(func.sum(ComponentTotal.credited_ms), 0)).where(
            ComponentTotal.enrolment_id == dispute.enrolment_id,
            ComponentTotal.component_key == dispute.component_key,
        )
    )
    credited_ms = int(total or 0)
    if amount_ms < 0 and credited_ms + amount_ms < 0:
        raise Conflict("hours_below_zero", minutes=max(0, credited_ms) // MINUTE_MS)


def _entering(dispute: Dispute, current: InForce) -> Entering:
    detail: dict[str, object] = {"reason": dispute.decided_reason, "account": digest_of(dispute.reason)}
    if dispute.entry_number is not None:
        detail["entry"] = dispute.entry_number
    if dispute.proposed_by_id is not None:
        detail |= {
            "proposed_by": dispute.proposed_by_id,
            "proposed_ms": dispute.proposed_ms,
            "proposed_because": dispute.proposed_reason,
        }
    return Entering(
        dispute.enrolment_id,
        current,
        Credit(
            component_key=dispute.component_key,
            amount_ms=int(dispute.decided_ms or 0),
            source_kind=SOURCE_KIND,
            source_id=str(dispute.id),
            rule=RULE,
            detail=detail,
            decided_by_id=dispute.decided_by_id,
            on=dispute.happened_on,
        ),
    )
