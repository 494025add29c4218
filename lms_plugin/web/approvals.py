"""The office's pages of school-based activities: the list with many approvals at once, and one activity in full."""

from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, Refusal
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.problems import STATUS
from lms_plugin.http.school_wording import activity_state
from lms_plugin.http.study_wording import activity_names, span
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, approval_list, approvals, attachments, catalogue
from lms_plugin.services.approval_list import STATES
from lms_plugin.services.study_records import ms_of
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import SchoolActivity
from lms_plugin.web.moments import as_moment, seen_by_id
from lms_plugin.web.numbers import in_query
from lms_plugin.web.school_study import credits_of

ROWS_ON_A_PAGE = 50
APPROVE, REVOKE = "approve", "revoke"
WITH_A_REASON = {"return": approvals.send_back, "refuse": approvals.refuse}


def approvals_page() -> ResponseReturnValue:
    """Activities that wait, and those decided; POST approves those that are ticked."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    if request.method == "POST":
        return _approve_many()
    state = request.args.get("state", "waiting")
    if state not in STATES:
        raise Malformed("unknown_grouping", grouping=state)
    after = in_query("after", 0)
    with shared.database.reading() as store:
        rows = approval_list.listed(store, actor, state=state, after=after, limit=ROWS_ON_A_PAGE + 1)
    return render_template(
        "approvals.html",
        rows=rows[:ROWS_ON_A_PAGE],
        state=state,
        states=_state_names(),
        is_first=after == 0,
        next_after=rows[ROWS_ON_A_PAGE - 1].row.id if len(rows) > ROWS_ON_A_PAGE else None,
        activity_names=activity_names(),
        activity_state=activity_state,
        span=_span,
    )


def approval(activity_id: int) -> ResponseReturnValue:
    """One activity with its evidence; POST approves it, sends it back, refuses it, or takes its approval back."""
    if request.method != "POST":
        return _detail_page(activity_id)
    actor, shared = current_actor(), context()
    now = shared.clock()
    decision, reason = request.form.get("decision", ""), request.form.get("reason", "")
    seen_at = as_moment(request.form.get("seen_at", ""))

    def decide(store: Session) -> None:
        if decision == APPROVE:
            approvals.approve(store, actor, activity_id, now, seen_at=seen_at)
        elif decision == REVOKE:
            approvals.revoke(store, actor, activity_id, reason=reason, now=now)
        elif decision in WITH_A_REASON:
            WITH_A_REASON[decision](store, actor, activity_id, reason=reason, seen_at=seen_at, now=now)
        else:
            # What is not understood is no approval.
            raise Malformed()

    try:
        shared.database.transact(decide)
    except (Malformed, Conflict, NotAllowed) as refusal:
        return _detail_page(activity_id, decision, reason, refusal), STATUS[refusal.kind]
    said = {
        "return": _("Sent back: the learner reads your reason and can hand it in again."),
        "refuse": _("Refused: the learner reads your reason."),
        REVOKE: _("The approval is taken back, and its hours with it."),
    }
    flash(said.get(decision) or _("Approved."), "success")
    return redirect(url_for("pages.approvals"), 303)


def _approve_many() -> ResponseReturnValue:
    actor, shared = current_actor(), context()
    now = shared.clock()
    seen = seen_by_id(request.form.getlist("activity"))
    done = shared.database.transact(lambda store: approvals.approve_many(store, actor, list(seen), now, seen=seen))
    if done.approved:
        flash(
            ngettext("%(num)s activity approved.", "%(num)s activities approved.", done.approved),
            "success",
        )
    elif not done.handed_in_again:
        flash(_("Nothing was ticked that you could approve."), "info")
    for title in done.handed_in_again.values():
        flash(f"{title}: {refusal_sentence(Conflict('handed_in_again'))}", "warning")
    return redirect(url_for("pages.approvals"), 303)


def _detail_page(activity_id: int, decision: str = "", reason: str = "", refusal: Refusal | None = None) -> str:
    """The activity as it is now, with what was typed: in its form, or to be copied where that is offered no longer."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        row = approvals.activity_for_office(store, actor, activity_id)
        (found,) = approval_list.shown(store, actor, [row])
        enrolment = store.get_one(Enrolment, row.enrolment_id)
        programme = catalogue.for_enrolment(store, enrolment, row.starts_at).programme
        may_revoke = approval_list.may_revoke(store, actor, row)
        takes_reason = may_revoke if decision == REVOKE else found.may_decide
        return render_template(
            "approval.html",
            found=found,
            credit=credits_of(store, enrolment, programme).get(approvals.source_of(row.id)),
            class_hour_ms=programme.class_hour_ms,
            others=attachments.used_by_others(store, found.files),
            approvers=[
                (level, name, datetime.fromisoformat(at))
                for level, name, at in approval_list.names_of_approvers(store, row)
            ],
            may_revoke=may_revoke,
            reason=reason,
            takes_reason=takes_reason,
            error=refusal_sentence(refusal) if refusal is not None else None,
            is_of_field=takes_reason and isinstance(refusal, Malformed),
            longest=approvals.LONGEST_REASON,
            activity_names=activity_names(),
            state=activity_state(row.state, found.next_level),
            span=_span,
            is_own=row.user_id == actor.user_id,
        )


def _span(row: SchoolActivity, timezone: str) -> str:
    return span(ms_of(row.starts_at), ms_of(row.ends_at), timezone)


def _state_names() -> list[tuple[str, str]]:
    return [
        ("waiting", _("To be approved")),
        ("returned", _("Sent back")),
        ("approved", _("Approved")),
        ("refused", _("Not approved")),
    ]
