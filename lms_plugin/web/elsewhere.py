"""Study completed elsewhere, for the office: what was entered of a programme, files of more, and taking one back."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, elsewhere
from lms_plugin.storage.programmes import ProgrammeRow
from lms_plugin.web import admission
from lms_plugin.web.numbers import in_query

ROWS_ON_A_PAGE = 50


def page(key: str) -> str:
    """What learners of a programme completed elsewhere, and the form for a file of more."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    before = in_query("before", 0) or None
    with shared.database.reading() as store:
        current = admission.in_force(store, key)
        rows = elsewhere.listing(store, actor, current.id, before=before, limit=ROWS_ON_A_PAGE + 1)
    programme = current.programme
    return render_template(
        "elsewhere.html",
        programme=programme,
        taking=[one for one in programme.components if one.study.elsewhere_share],
        components={one.key: one.title for one in programme.components},
        rows=rows[:ROWS_ON_A_PAGE],
        next_before=rows[ROWS_ON_A_PAGE - 1].vouched.completion.id if len(rows) > ROWS_ON_A_PAGE else None,
        is_first=before is None,
    )


def remove(completion_id: int) -> ResponseReturnValue:
    """Let a completion count nothing any more."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    now, reason = shared.clock(), request.form.get("reason", "")
    with shared.database.reading() as store:
        programme_id = elsewhere.of_programme(store, completion_id)
        key = store.get_one(ProgrammeRow, programme_id).key
    try:
        shared.database.transact(lambda store: elsewhere.take_back(store, actor, completion_id, reason=reason, now=now))
    except (Conflict, Malformed) as refusal:
        flash(refusal_sentence(refusal), "error")
    else:
        flash(_("It counts nothing any more. The entry with its reason stands in the learner's ledger."), "success")
    return redirect(url_for("pages.elsewhere", key=key), 303)
