"""The examiner's pages: marks one by one, and from a file after a look at it."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from lms_plugin.domain.coursework import BEST, PASSED
from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal, TooLarge
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.school_wording import work_state
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, examination_marks, examinations
from lms_plugin.services.examination_marks import MarksPlan
from lms_plugin.web import findings
from lms_plugin.web.numbers import as_id, in_query

ROWS_ON_A_PAGE = 50
FAULTS_SHOWN = 200
FIELDS = ("enrolment_id", "attempt_id", "attempts_seen", "mark", "remark")


def page() -> ResponseReturnValue:
    """The learners of a programme with their attempts; POST enters a mark, or changes one."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    if request.method != "POST":
        return _page({}, None)
    form = {name: request.form.get(name, "").strip() for name in FIELDS}
    mark, enrolment_id, attempt_id, seen = (
        as_id(form[name]) for name in ("mark", "enrolment_id", "attempt_id", "attempts_seen")
    )
    now = shared.clock()
    value = -1 if mark is None else mark
    try:
        if attempt_id is not None:
            state = shared.database.transact(
                lambda store: (
                    examinations.change(store, actor, attempt_id, mark=value, reason=form["remark"], now=now).state
                )
            )
        else:
            state = shared.database.transact(
                lambda store: (
                    examinations.enter(
                        store,
                        actor,
                        enrolment_id or 0,
                        mark=value,
                        remark=form["remark"],
                        attempts_seen=seen,
                        now=now,
                    ).state
                )
            )
    except (Malformed, Conflict, NotAllowed) as refusal:
        status = 403 if isinstance(refusal, NotAllowed) else 422
        return _page(form, refusal_sentence(refusal)), status
    flash(_("The mark is entered: passed.") if state == PASSED else _("The mark is entered: not passed."), "success")
    programme, search, after = request.args.get("programme"), request.args.get("search"), in_query("after", 0) or None
    return redirect(url_for("pages.examinations", programme=programme, search=search, after=after), 303)


def marks_file(programme_key: str) -> ResponseReturnValue:
    """A file of marks: POST shows what it would do; confirmed, it is entered."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    if request.method != "POST":
        return _file_page(programme_key, None, None)
    now = shared.clock()
    confirmed = request.form.get("marks")
    try:
        content = confirmed.encode() if confirmed is not None else _sent()
        with shared.database.reading() as store:
            planned = examination_marks.plan(store, actor, programme_key, content, now)
        if confirmed is None or planned.faults:
            return _file_page(programme_key, planned, None), 422 if planned.faults else 200
        entered = shared.database.transact(lambda store: examination_marks.enter(store, actor, planned, now))
    except (Malformed, TooLarge, Conflict) as refusal:
        return _file_page(programme_key, None, _sentence(refusal)), 422
    flash(ngettext("%(num)s mark is entered.", "%(num)s marks are entered.", entered), "success")
    return redirect(url_for("pages.examinations", programme=programme_key), 303)


def _page(form: Mapping[str, str], error: str | None) -> str:
    actor, shared = current_actor(), context()
    now = shared.clock()
    after, search = in_query("after", 0), request.args.get("search", "").strip()
    with shared.database.reading() as store:
        programmes = examinations.examined_programmes(store, now)
        wanted = request.args.get("programme", "")
        chosen = next((one for one in programmes if one.key == wanted), programmes[0] if programmes else None)
        rows = (
            examinations.candidates(store, actor, chosen.key, search=search, after=after, limit=ROWS_ON_A_PAGE + 1)
            if chosen is not None
            else []
        )
    return render_template(
        "examinations.html",
        programmes=programmes,
        chosen=chosen,
        rows=rows[:ROWS_ON_A_PAGE],
        next_after=rows[ROWS_ON_A_PAGE - 1].enrolment_id if len(rows) > ROWS_ON_A_PAGE else None,
        is_first=after == 0,
        search=search,
        form=form,
        error=error,
        work_state=work_state,
        best=BEST,
    )


def _file_page(programme_key: str, planned: MarksPlan | None, error: str | None) -> str:
    shared = context()
    with shared.database.reading() as store:
        programmes = examinations.examined_programmes(store, shared.clock())
    chosen = next((one for one in programmes if one.key == programme_key), None)
    if chosen is None:
        raise NotFound(what="programme")
    return render_template(
        "examination_file.html",
        chosen=chosen,
        planned=planned,
        error=error,
        fault_sentence=findings.sentence,
        column_names={"login": _("Account"), "name": _("Name"), "mark": _("Mark"), "remark": _("Remark")},
        faults_shown=FAULTS_SHOWN,
        most_rows=examination_marks.MOST_ROWS,
    )


def _sent() -> bytes:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Malformed("upload_missing")
    return file.read()


def _sentence(refusal: Refusal) -> str:
    if refusal.code == "columns_missing":
        return _("The file needs the columns “Account” (账号) and “Mark” (成绩).")
    if refusal.code == "mark_entered_meanwhile":
        return _(
            "Marks of learners in this file were entered meanwhile, so nothing was entered this time."
            " Please look at the file again before you enter more."
        )
    return refusal_sentence(refusal)
