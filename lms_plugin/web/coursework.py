"""Pages of homework: where a learner hands a piece in, and where a tutor marks it."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.coursework import BEST, LONGEST_TEXT, PASSED
from lms_plugin.domain.errors import Conflict, Malformed, NotFound, OutsideWindow
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.problems import STATUS
from lms_plugin.http.school_wording import work_state
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, attachments, catalogue, coursework, study
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.web.moments import as_moment
from lms_plugin.web.numbers import as_id
from lms_plugin.web.school_study import credits_of, file_errors, sent_files, without_ids

STATES = ("submitted", "returned", "passed")


def homework(enrolment_id: int, component_key: str, piece: int) -> ResponseReturnValue:
    """One piece of homework; POST hands it in, or hands it in again."""
    if request.method != "POST":
        return _homework_page(enrolment_id, component_key, piece, None, {})
    actor, shared = current_actor(), context()
    text, files, without, now = request.form.get("body", ""), sent_files(), without_ids(), shared.clock()
    try:
        shared.database.transact(
            lambda store: (
                coursework.hand_in(
                    store,
                    actor,
                    enrolment_id,
                    component_key,
                    piece,
                    text=text,
                    files=files,
                    without=without,
                    folder=shared.attachments,
                    now=now,
                ).id
            )
        )
    except Malformed as refusal:
        errors = file_errors(refusal, files) or {"text": refusal_sentence(refusal)}
        return _homework_page(enrolment_id, component_key, piece, text, errors), 422
    except Conflict as refusal:
        status = 422 if isinstance(refusal, OutsideWindow) else STATUS[refusal.kind]
        return _homework_page(enrolment_id, component_key, piece, text, {"text": refusal_sentence(refusal)}), status
    flash(_("Your homework is handed in."), "success")
    return redirect(url_for("pages.study", enrolment_id=enrolment_id, _anchor="homework"), 303)


def tutor_list() -> str:
    """Homework of the tutor's class groups, what waits first."""
    actor, shared = current_actor(), context()
    state = request.args.get("state", STATES[0])
    if state not in STATES:
        raise Malformed("unknown_grouping", grouping=state)
    with shared.database.reading() as store:
        found = coursework.to_mark(store, actor, shared.clock(), state=state)
    return render_template(
        "tutor_coursework.html",
        found=found,
        state=state,
        states=[
            ("submitted", _("To be marked")),
            ("returned", _("Sent back")),
            ("passed", _("Passed")),
        ],
        work_state=work_state,
    )


def tutor_work(coursework_id: int) -> ResponseReturnValue:
    """One piece of homework of a tutor's learner; POST marks it."""
    if request.method != "POST":
        return _work_page(coursework_id, None, {})
    actor, shared = current_actor(), context()
    now = shared.clock()
    form = {name: request.form.get(name, "").strip() for name in ("mark", "remark", "seen_at")}
    mark = as_id(form["mark"])
    try:
        state = shared.database.transact(
            lambda store: (
                coursework.mark(
                    store,
                    actor,
                    coursework_id,
                    mark=-1 if mark is None else mark,
                    remark=form["remark"],
                    seen_at=as_moment(form["seen_at"]),
                    now=now,
                ).state
            )
        )
    except (Malformed, Conflict) as refusal:
        field = "mark" if refusal.code == "mark_out_of_range" else "remark"
        return _work_page(coursework_id, form, {field: refusal_sentence(refusal)}), 422
    passed = _("Passed: its hours are in the learner's ledger.")
    flash(passed if state == PASSED else _("Sent back: the learner reads your remark and does it again."), "success")
    return redirect(url_for("pages.tutor_coursework"), 303)


def _homework_page(
    enrolment_id: int, component_key: str, piece: int, typed: str | None, errors: Mapping[str, str]
) -> str:
    """The piece as it was handed in; `typed` is what was refused: in its form, or to be copied where there is none."""
    actor, shared = current_actor(), context()
    now = shared.clock()
    with shared.database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        programme = catalogue.for_enrolment(store, enrolment, now).programme
        pieces = coursework.pieces_of(store, enrolment, programme)
        found = next((one for one in pieces if (one.component.key, one.number) == (component_key, piece)), None)
        if found is None:
            raise NotFound(what="coursework")
        source = coursework.source_of(found.row.id) if found.row is not None else None
        files = attachments.of_owner(store, source) if source is not None else []
        credits = credits_of(store, enrolment, programme)
    row = found.row
    has_passed, is_open = row is not None and row.state == PASSED, programme.window.contains(now)
    return render_template(
        "homework.html",
        enrolment=enrolment,
        programme=programme,
        found=found,
        state=work_state(row.state if row is not None else None),
        credit=credits.get(source) if source is not None else None,
        typed=typed,
        text=row.text if row is not None else "",
        files=files,
        errors=errors,
        longest=LONGEST_TEXT,
        has_passed=has_passed,
        is_open=is_open,
    )


def _work_page(coursework_id: int, form: Mapping[str, str] | None, errors: Mapping[str, str]) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        row = coursework.work_for_tutor(store, actor, coursework_id)
        enrolment = store.get_one(Enrolment, row.enrolment_id)
        programme = catalogue.for_enrolment(store, enrolment, shared.clock()).programme
        where = study.who_and_where(store, enrolment)
        files = attachments.of_owner(store, coursework.source_of(row.id))
        others = attachments.used_by_others(store, files)
    return render_template(
        "tutor_work.html",
        row=row,
        programme=programme,
        component=programme.component(row.component_key),
        where=where,
        files=files,
        others=others,
        state=work_state(row.state),
        form=form or {"mark": "" if row.mark is None else str(row.mark), "remark": row.remark},
        errors=errors,
        best=BEST,
        longest=coursework.LONGEST_REMARK,
    )
