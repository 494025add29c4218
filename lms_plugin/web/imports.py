"""Imports for the programme office: upload a file, see what it would do and every fault, then import it or not."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Conflict, Malformed, NotFound, Refusal, TooLarge
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, importing, reportfile, uploads
from lms_plugin.services.importing import CarriedOut
from lms_plugin.services.uploads import LAYOUTS, Noted
from lms_plugin.web import findings
from lms_plugin.web.numbers import as_id, in_query

FAULTS_ON_A_PAGE = 50
NOTICES_SHOWN = 50


def imports() -> ResponseReturnValue:
    """The form to upload a file with, and the files that wait."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    if request.method == "GET":
        return _list_page("people", "")
    kind = request.form.get("kind", "")
    file = request.files.get("file")
    new_id = shared.new_id()
    try:
        if file is None or not file.filename:
            raise Malformed("upload_missing")
        uploads.receive(
            shared.database,
            actor,
            kind=kind,
            name=file.filename,
            content=file.read(),
            seal=shared.file_seal,
            new_id=new_id,
            now=shared.clock(),
        )
    except (Malformed, TooLarge, Conflict) as refusal:
        return _list_page(kind, _file_sentence(kind, refusal)), 422
    return redirect(url_for("pages.import_preview", upload_id=new_id), 303)


def import_template(kind: str) -> Response:
    """An empty file with all columns of a kind, for filling in."""
    access.office_scope(current_actor())
    if kind not in LAYOUTS:
        raise NotFound(what="kind")
    return _csv_file(f"{kind}.csv", list(findings.column_names(kind).values()), [])


def import_preview(upload_id: str) -> str:
    """What importing a waiting file would do, with its faults page by page; afterwards, what it did."""
    actor, shared = current_actor(), context()
    page = in_query("page", 1, least=1)
    with shared.database.reading() as store:
        upload = uploads.look(store, actor, upload_id)
    first = (page - 1) * FAULTS_ON_A_PAGE
    faults = upload.preview.faults if upload.preview is not None else ()
    return render_template(
        "import.html",
        upload=upload,
        faults=faults[first : first + FAULTS_ON_A_PAGE],
        page=page,
        has_more=first + FAULTS_ON_A_PAGE < len(faults),
        notices_shown=NOTICES_SHOWN,
        sentence=findings.sentence,
        column_name=findings.column_name,
        figure_names=findings.figure_names(upload.kind),
        kind_names=findings.kind_names(),
    )


def import_faults(upload_id: str) -> Response:
    """Every fault of a waiting file as CSV: row, column, value, reason."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        upload = uploads.look(store, actor, upload_id)
    found = uploads.all_faults(shared.database, actor, upload_id, shared.file_seal, shared.clock())
    header = [_("Row"), _("Column"), _("Value"), _("Reason")]
    return _csv_file(f"faults-{upload.created_at:%Y%m%d-%H%M}.csv", header, _fault_lines(upload.kind, found))


def import_check(upload_id: str) -> ResponseReturnValue:
    """Look at a waiting file anew: regions, people or programmes may have come meanwhile."""
    actor, shared = current_actor(), context()
    uploads.check_again(shared.database, actor, upload_id, shared.file_seal, shared.clock())
    flash(_("The file was checked again."), "success")
    return redirect(url_for("pages.import_preview", upload_id=upload_id), 303)


def import_discard(upload_id: str) -> ResponseReturnValue:
    """Throw a waiting file away."""
    actor, shared = current_actor(), context()
    now = shared.clock()
    shared.database.transact(lambda store: uploads.discard(store, actor, upload_id, now))
    flash(_("The file was discarded. Nothing of it was imported."), "success")
    return redirect(url_for("pages.imports"), 303)


def import_confirm(upload_id: str) -> ResponseReturnValue:
    """Import a waiting file, whole or its good rows; the answer is the only page that can fetch the drawn passwords."""
    actor, shared = current_actor(), context()
    seen = as_id(request.form.get("faulty_rows", ""))
    try:
        done = importing.carry_out(
            shared.database,
            actor,
            upload_id,
            only_good=request.form.get("choice") == "good",
            seen_faulty_rows=-1 if seen is None else seen,
            seal=shared.file_seal,
            now=shared.clock(),
        )
    except Conflict as refusal:
        if refusal.code not in ("import_has_faults", "import_changed"):
            raise
        uploads.check_again(shared.database, actor, upload_id, shared.file_seal, shared.clock())
        flash(refusal_sentence(refusal), "warning")
        return redirect(url_for("pages.import_preview", upload_id=upload_id), 303)
    if done.slips_key is None:
        flash(_("The file was imported."), "success")
        return redirect(url_for("pages.import_preview", upload_id=upload_id), 303)
    return _done_page(upload_id, done)


def import_passwords(upload_id: str) -> Response:
    """The drawn passwords of an import as CSV, once."""
    actor, shared = current_actor(), context()
    key = request.form.get("key", "")
    slips = shared.database.transact(lambda store: importing.fetch_slips(store, actor, upload_id, key))
    header = [_("Account"), _("Name"), _("First password")]
    return _csv_file("passwords.csv", header, ((slip.login, slip.name, slip.password) for slip in slips))


def _list_page(kind: str, fault: str) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        waiting, done = uploads.own_uploads(store, actor)
    return render_template(
        "imports.html", waiting=waiting, done=done, kind=kind, fault=fault, kind_names=findings.kind_names()
    )


def _done_page(upload_id: str, done: CarriedOut) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        upload = uploads.look(store, actor, upload_id)
    return render_template(
        "import_done.html",
        upload=upload,
        slips=done.slips,
        slips_key=done.slips_key,
        figure_names=findings.figure_names(upload.kind),
        kind_names=findings.kind_names(),
    )


def _file_sentence(kind: str, refusal: Refusal) -> str:
    """Why a file is not taken; columns by the names that its readers know."""
    if refusal.code not in ("columns_missing", "column_twice") or kind not in LAYOUTS:
        return refusal_sentence(refusal)
    names = findings.column_names(kind)
    if refusal.code == "column_twice":
        return _("The column “%(column)s” stands in the file twice.", column=names[str(refusal.params["column"])])
    missing = refusal.params["columns"]
    listed = missing if isinstance(missing, tuple) else ()
    return _(
        "The header has no column for: %(columns)s. Please start from the empty file below.",
        columns=_(", ").join(names[one] for one in listed),
    )


def _fault_lines(kind: str, found: Sequence[Noted]) -> Iterable[Sequence[str]]:
    for one in found:
        column = findings.column_name(kind, one.finding.column)
        yield str(one.finding.row), column, one.value, findings.sentence(one.finding)


def _csv_file(name: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> Response:
    """A CSV in UTF-8 with a mark, without which Excel misreads Chinese; no cell is taken for a formula."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([reportfile.harmless(cell) for cell in line] for line in lines)
    return Response(
        b"\xef\xbb\xbf" + text.getvalue().encode(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
