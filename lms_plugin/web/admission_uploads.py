"""Nominations, quotas and completions from a file: see what it would do and every fault, then take it or not."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Conflict, Malformed, NotFound, TooLarge
from lms_plugin.http import admission_wording as words
from lms_plugin.http import elsewhere_wording
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, admission_uploads
from lms_plugin.web import admission, findings

FAULTS_SHOWN = 500
PAGE_OF = {
    "nominations": "pages.admission_nominations",
    "quotas": "pages.admission_quotas",
    "completions": "pages.elsewhere",
}
COLUMNS = {
    "nominations": (
        "login",
        "name",
        "region_code",
        "phone",
        "email",
        "subject",
        "degree",
        "title",
        "teaching_years",
        "born_on",
        "sex",
        "is_rural",
        "phase",
        "tier",
    ),
    "quotas": ("region_code", "places", "phase"),
    "completions": (
        "login",
        "registration_number",
        "component",
        "class_hours",
        "minutes",
        "completed_on",
        "course",
        "institution",
        "person",
        "reference",
        "reason",
    ),
}


def template(key: str, kind: str) -> Response:
    """An empty file with all columns of a kind, for filling in."""
    access.office_scope(current_actor())
    with context().database.reading() as store:
        admission.in_force(store, key)
    if kind not in COLUMNS:
        raise NotFound(what="kind")
    names = _column_names(kind)
    line = ",".join(names[one] for one in COLUMNS[kind]) + "\r\n"
    return Response(
        b"\xef\xbb\xbf" + line.encode(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{kind}.csv"'},
    )


def receive(key: str, kind: str) -> ResponseReturnValue:
    """Keep an uploaded file and show what it would do."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    file, new_id, now = request.files.get("file"), shared.new_id(), shared.clock()
    if kind not in COLUMNS:
        raise NotFound(what="kind")
    back = redirect(url_for(PAGE_OF[kind], key=key), 303)
    try:
        if file is None or not file.filename:
            raise Malformed("upload_missing")
        name, content = file.filename, file.read()
        shared.database.transact(
            lambda store: admission_uploads.receive(
                store,
                actor,
                key,
                kind=kind,
                name=name,
                content=content,
                seal=shared.file_seal,
                new_id=new_id,
                now=now,
            )
        )
    except (Malformed, TooLarge, Conflict) as refusal:
        flash(_file_sentence(refusal, kind), "error")
        return back
    return redirect(url_for("pages.admission_upload", upload_id=new_id), 303)


def upload(upload_id: str) -> ResponseReturnValue:
    """What a file would do; POST takes it or throws it away."""
    actor, shared = current_actor(), context()
    if request.method != "POST":
        return _page(upload_id)
    now = shared.clock()
    if request.form.get("action") == "discard":
        key = shared.database.transact(lambda store: admission_uploads.discard(store, actor, upload_id, now))
        flash(_("The file was discarded. Nothing of it was imported."), "success")
        return redirect(url_for("pages.admission", key=key), 303)
    seen = request.form.get("faulty_rows", "")
    try:
        shared.database.transact(
            lambda store: admission_uploads.take(
                store,
                actor,
                upload_id,
                seen_faulty_rows=int(seen) if seen.isascii() and seen.isdecimal() else -1,
                seal=shared.file_seal,
                now=now,
            )
        )
    except (Conflict, Malformed) as refusal:
        flash(refusal_sentence(refusal), "warning")
    else:
        flash(_("The file was imported."), "success")
    return redirect(url_for("pages.admission_upload", upload_id=upload_id), 303)


def _page(upload_id: str) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        found = admission_uploads.look(store, actor, upload_id, shared.file_seal, shared.clock())
        programme = admission.in_force(store, found.programme_key).programme
    return render_template(
        "admission_upload.html",
        programme=programme,
        upload=found,
        faults=found.faults[:FAULTS_SHOWN],
        sentence=findings.sentence,
        column_names=_column_names(found.kind),
        page_of=PAGE_OF[found.kind],
        kind_name=_kind_names()[found.kind],
        components={one.key: one.title for one in programme.components},
        figures=_figures(found.kind, found.figures),
    )


def _figures(kind: str, figures: object) -> list[tuple[str, int]]:
    names = {
        "nominations": {
            "nominated": _("Nominated"),
            "with_misfits": _("Of these with points to look at"),
            **words.misfit_names(),
        },
        "quotas": {"new": _("New quotas"), "changed": _("Changed"), "unchanged": _("Unchanged")},
        "completions": {
            "new": _("New completions"),
            "corrected": _("Corrected"),
            "unchanged": _("Entered before, unchanged"),
            "over": _("Of these over what may come from elsewhere"),
        },
    }[kind]
    counts = figures if isinstance(figures, dict) else {}
    return [(name, counts[one]) for one, name in names.items() if one in counts]


def _kind_names() -> dict[str, str]:
    return {
        "nominations": _("Nominations"),
        "quotas": _("Quotas"),
        "completions": _("Completed elsewhere"),
    }


def _column_names(kind: str) -> dict[str, str]:
    return elsewhere_wording.column_names() if kind == "completions" else words.field_names()


def _file_sentence(refusal: Malformed | TooLarge | Conflict, kind: str) -> str:
    """Why a file is not taken; columns by the names that its readers know."""
    names = _column_names(kind)
    columns = refusal.params.get("columns")
    if refusal.code == "columns_missing" and isinstance(columns, tuple):
        return _(
            "The header has no column for: %(columns)s. Please start from the empty file below.",
            columns=_(", ").join(names[one] for one in columns),
        )
    if refusal.code == "column_twice":
        column = names[str(refusal.params["column"])]
        return _("The column “%(column)s” stands in the file twice.", column=column)
    return refusal_sentence(refusal)
