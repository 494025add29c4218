"""Disputes of credit entries as tutors propose on them and the office decides them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, Refusal
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.http.context import context
from lms_plugin.http.dispute_wording import amount_words, shown_badge
from lms_plugin.http.entry_wording import record_facts, record_lines, source_sentence
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import attachments, dispute_access, dispute_list, disputes, hours, record_evidence
from lms_plugin.services.access import OFFICE, TUTOR, Actor
from lms_plugin.services.dispute_list import ShownDispute
from lms_plugin.storage.notices import Dispute
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.web.entries import shown_entry
from lms_plugin.web.numbers import in_query

ROWS_ON_A_PAGE = 50
ADD, TAKE, NOTHING = "add", "take", "none"
_WHOLE = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A tutor's or admin's form as it was typed: `change` is add, take or none."""

    change: str = ""
    minutes: str = ""
    reason: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def amount(self) -> int:
        """Minutes, negative where they are taken back.

        Raises:
            Malformed: `change_missing`, or the minutes are no whole number above zero (`minutes_missing`).
        """
        if self.change == NOTHING:
            return 0
        if self.change not in (ADD, TAKE):
            raise Malformed("change_missing", field="change")
        if _WHOLE.fullmatch(self.minutes.strip()) is None or int(self.minutes) == 0:
            raise Malformed("minutes_missing", field="minutes")
        return int(self.minutes) if self.change == ADD else -int(self.minutes)


def tutor_list() -> str:
    """Disputes of the learners of the tutor's class groups."""
    return _list_page(TUTOR, dispute_list.of_tutor)


def office_list() -> str:
    """Disputes of the learners in the admin's regions."""
    return _list_page(OFFICE, dispute_list.of_office)


def proposal(dispute_id: int) -> ResponseReturnValue:
    """One dispute for the tutor, with what the entry rests on; POST proposes what to do."""
    actor, now = current_actor(), context().clock()

    def write(store: Session, form: Verdict) -> None:
        disputes.propose(store, actor, dispute_id, minutes=form.amount, reason=form.reason, now=now)

    return _answered(dispute_id, TUTOR, write, _("The proposal is with the programme office now."))


def decision(dispute_id: int) -> ResponseReturnValue:
    """One dispute for the office, with what the entry rests on; POST decides it."""
    actor, now = current_actor(), context().clock()

    def write(store: Session, form: Verdict) -> None:
        amount = form.amount
        if amount:
            disputes.accept(store, actor, dispute_id, minutes=amount, reason=form.reason, now=now)
        else:
            disputes.refuse(store, actor, dispute_id, reason=form.reason, now=now)

    return _answered(dispute_id, OFFICE, write, _("It is decided. The learner and the tutor can read it."))


def _answered(dispute_id: int, role: str, write: Callable[[Session, Verdict], None], said: str) -> ResponseReturnValue:
    if request.method != "POST":
        return _one_page(dispute_id, role, None)
    with context().database.reading() as store:
        _dispute(store, current_actor(), dispute_id, role)
    typed = request.form
    form = Verdict(typed.get("change", ""), typed.get("minutes", ""), typed.get("reason", ""))
    try:
        context().database.transact(lambda store: write(store, form))
    except (Malformed, Conflict) as refusal:
        return _one_page(dispute_id, role, replace(form, errors=errors_of(refusal))), status_of(refusal)
    flash(said, "success")
    return redirect(url_for(f"pages.{role}_disputes"), 303)


def _list_page(role: str, listed: Callable[..., list[ShownDispute]]) -> str:
    actor, now = current_actor(), context().clock()
    decided, beyond = request.args.get("decided") == "1", in_query("beyond", 0)
    with context().database.reading() as store:
        found = listed(store, actor, now, undecided=not decided, beyond=beyond, limit=ROWS_ON_A_PAGE + 1)
    shown = found[:ROWS_ON_A_PAGE]
    return render_template(
        "disputes.html",
        role=role,
        found=shown,
        decided=decided,
        is_first=beyond == 0,
        next_beyond=shown[-1].row.id if len(found) > len(shown) else None,
        **words(),
    )


def _one_page(dispute_id: int, role: str, form: Verdict | None) -> str:
    actor, now = current_actor(), context().clock()
    with context().database.reading() as store:
        dispute, enrolment = _dispute(store, actor, dispute_id, role)
        found = dispute_list.shown(store, dispute, now)
        evidence = (
            shown_entry(store, actor, enrolment, dispute.entry_number, now)
            if dispute.entry_number is not None
            else _around(store, actor, enrolment, dispute, found)
        )
        before = [
            one
            for one in dispute_list.of_enrolment(store, enrolment, now)
            if one.row.id != dispute.id and one.row.entry_number == dispute.entry_number is not None
        ]
        refused = _why_not(store, actor, dispute, enrolment, role, now)
    return render_template(
        "dispute.html",
        role=role,
        shown=found,
        before=before,
        why_not=refusal_sentence(refused) if refused is not None else None,
        form=form or _proposed(dispute, role),
        longest_reason=disputes.LONGEST_REASON,
        most_minutes=disputes.MOST_MINUTES,
        **evidence,
        **words(),
    )


def _dispute(store: Session, actor: Actor, dispute_id: int, role: str) -> tuple[Dispute, Enrolment]:
    if role == TUTOR:
        return dispute_access.tutored_dispute(store, actor, dispute_id)
    return dispute_access.office_dispute(store, actor, dispute_id)


def _why_not(
    store: Session, actor: Actor, dispute: Dispute, enrolment: Enrolment, role: str, now: datetime
) -> Refusal | None:
    """Why the person cannot answer this dispute now; None where they can."""
    if dispute.state not in dispute_access.UNDECIDED:
        return Conflict("dispute_is_over")
    if enrolment.user_id == actor.user_id:
        return Conflict("dispute_own")
    if role == TUTOR:
        return None
    party = dispute_access.parties(store, dispute, enrolment).get(actor.user_id)
    if party is not None:
        return Conflict(party)
    waits = dispute_access.waits_for_tutor(store, dispute, enrolment, now)
    return Conflict("dispute_awaits_proposal") if waits else None


def _proposed(dispute: Dispute, role: str) -> Verdict:
    """The form as it opens: with what was proposed; the tutor's with the reason as well."""
    if dispute.proposed_ms is None:
        return Verdict()
    minutes = dispute.proposed_ms // MINUTE_MS
    change = ADD if minutes > 0 else TAKE if minutes < 0 else NOTHING
    reason = dispute.proposed_reason if role == TUTOR else ""
    return Verdict(change, str(abs(minutes)) if minutes else "", reason)


def _around(
    store: Session, actor: Actor, enrolment: Enrolment, dispute: Dispute, shown: ShownDispute
) -> dict[str, Any]:
    """What is known of the day and component that something is missing of."""
    programme, language = shown.programme, current_language()
    records = record_evidence.of_day(
        store, enrolment, dispute.component_key, dispute.happened_on, programme.window.timezone
    )
    rows = [
        one for one in hours.entries(store, enrolment.id, limit=10_000) if one.component_key == dispute.component_key
    ]
    return {
        "found": None,
        "records": [
            (
                one.record.row.title,
                record_facts(one, programme),
                list(record_lines(one, programme)),
                attachments.visible_of(store, actor, one.record.row.source),
            )
            for one in records
        ],
        "entries": [(one, source_sentence(one, programme, language)) for one in rows[-20:]],
    }


def words() -> dict[str, Any]:
    """How templates name a dispute, its component, its state and its amounts."""
    language = current_language()
    return {
        "badge_of": shown_badge,
        "amount_words": amount_words,
        "about": lambda shown: _about(shown, language),
        "component_of": lambda shown: _component(shown, language),
    }


def _about(shown: ShownDispute, language: str) -> str:
    """What a dispute is about."""
    if shown.entry is None:
        return str(_("Something is missing: %(component)s", component=_component(shown, language)))
    return source_sentence(shown.entry, shown.programme, language)


def _component(shown: ShownDispute, language: str) -> str:
    component = shown.programme.component(shown.row.component_key)
    return component.title.in_language(language) if component is not None else shown.row.component_key


def errors_of(refusal: Refusal) -> dict[str, str]:
    """The sentence of a refusal under the field it is about; "" for the form as a whole."""
    name = "minutes" if refusal.code == "hours_below_zero" else str(refusal.params.get("field", ""))
    return {name: refusal_sentence(refusal)}


def status_of(refusal: Refusal) -> int:
    """The answer to a form that is shown again."""
    return 422 if isinstance(refusal, Malformed) else 409
