"""A learner's own disputes: what is wrong or missing, and what became of it."""

from dataclasses import dataclass, field, replace
from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.http.context import context
from lms_plugin.http.entry_wording import source_sentence
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, catalogue, dispute_access, dispute_list, disputes
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.web.disputes import errors_of, status_of, words
from lms_plugin.web.numbers import as_id, id_in_query


@dataclass(frozen=True, slots=True)
class Account:
    """A learner's form as it was typed; `errors` are sentences by field."""

    entry: int | None = None
    component: str = ""
    happened_on: str = ""
    account: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def day(self) -> date | None:
        try:
            return date.fromisoformat(self.happened_on)
        except ValueError:
            return None


def own(enrolment_id: int) -> ResponseReturnValue:
    """The learner's disputes of one programme; POST opens one."""
    if request.method != "POST":
        return _own_page(enrolment_id, Account(entry=id_in_query("entry"), component=request.args.get("component", "")))
    actor, shared, now = current_actor(), context(), context().clock()
    typed = request.form
    form = Account(
        as_id(typed.get("entry", "")),
        typed.get("component", ""),
        typed.get("happened_on", ""),
        typed.get("account", ""),
    )

    def write(store: Session) -> int:
        if form.entry is not None:
            return disputes.dispute_entry(store, actor, enrolment_id, form.entry, account=form.account, now=now).id
        return disputes.dispute_missing(
            store, actor, enrolment_id, form.component, form.day, account=form.account, now=now
        ).id

    try:
        dispute_id = shared.database.transact(write)
    except (Malformed, Conflict) as refusal:
        return _own_page(enrolment_id, replace(form, errors=errors_of(refusal))), status_of(refusal)
    flash(_("Your dispute was handed in. You can follow here what becomes of it."), "success")
    return redirect(url_for("pages.disputes", enrolment_id=enrolment_id, _anchor=f"dispute-{dispute_id}"), 303)


def withdraw(dispute_id: int) -> ResponseReturnValue:
    """Take back one's own dispute."""
    actor, shared, now = current_actor(), context(), context().clock()
    with shared.database.reading() as store:
        enrolment_id = dispute_access.own_dispute(store, actor, dispute_id)[1].id
    try:
        shared.database.transact(lambda store: disputes.withdraw(store, actor, dispute_id, now))
    except Conflict as refusal:
        flash(refusal_sentence(refusal), "info")
    else:
        flash(_("The dispute is withdrawn. The entry stays as it is."), "success")
    return redirect(url_for("pages.disputes", enrolment_id=enrolment_id), 303)


def _own_page(enrolment_id: int, form: Account) -> str:
    actor, now = current_actor(), context().clock()
    with context().database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        programme = catalogue.for_enrolment(store, enrolment, now).programme
        found = dispute_list.of_enrolment(store, enrolment, now)
        entry = _entry(store, enrolment, form.entry)
    is_open = entry is not None and any(one.is_undecided and one.row.entry_number == entry.number for one in found)
    return render_template(
        "disputes_own.html",
        enrolment=enrolment,
        programme=programme,
        found=found,
        form=form,
        entry=entry,
        about_entry=source_sentence(entry, programme, current_language()) if entry is not None else "",
        is_open=is_open,
        today=programme.window.day_of(now),
        longest=disputes.LONGEST_ACCOUNT,
        **words(),
    )


def _entry(store: Session, enrolment: Enrolment, number: int | None) -> CreditEntryRow | None:
    """The entry that a form is about; an unknown one is refused when the form is sent."""
    if number is None or not 0 < number < 2**31:
        return None
    return store.get(CreditEntryRow, (enrolment.id, number))
