"""The learner's pages of study besides films: what was handed in, what became of it, and the reading button."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain import school_activities as rules
from lms_plugin.domain.errors import Malformed, NotFound, Refusal
from lms_plugin.domain.filetypes import IMAGES
from lms_plugin.domain.modes import ComponentKind, SchoolActivityKind
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.school_wording import activity_state, fault_sentences, month_state, reading_result, work_state
from lms_plugin.http.study_wording import activity_names, left_out_sentence
from lms_plugin.services import (
    access,
    approvals,
    attachments,
    catalogue,
    coursework,
    examinations,
    placements,
    readings,
    school_activities,
    study_records,
)
from lms_plugin.services.attachments import NewFile
from lms_plugin.services.school_activities import ActivityForm
from lms_plugin.services.study_records import RecordShown
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Attachment, SchoolActivity
from lms_plugin.web.numbers import as_id

SANDBOX = "default-src 'none'; sandbox"
MINUTE_MS = 60_000
FIRST_YEAR = 1970


@dataclass(frozen=True, slots=True)
class Credit:
    """What a confirmed piece of study counts, and sentences for what of it does not."""

    counted_ms: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActivityShown:
    """An activity in a list: its state in words, its files, and what it counts (None: nothing is decided)."""

    row: SchoolActivity
    state: tuple[str, str]
    files: Sequence[Attachment]
    credit: Credit | None


@dataclass(frozen=True, slots=True)
class TypedActivity:
    """The form of an activity as it stands in the page."""

    kind: str = ""
    title: str = ""
    text: str = ""
    day: str = ""
    starts: str = ""
    ends: str = ""
    without: tuple[int, ...] = ()

    def read(self, timezone: str) -> ActivityForm:
        """The form as the service takes it; a time that is none is left open."""
        return ActivityForm(
            self.kind, self.title, self.text, _instant(self.day, self.starts, timezone),
            _instant(self.day, self.ends, timezone),
        )  # fmt: skip


def study_page(enrolment_id: int) -> str:
    """Everything a learner does besides films and posts: activities, placements, homework, the examination."""
    actor, shared = current_actor(), context()
    now = shared.clock()
    with shared.database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        programme = catalogue.for_enrolment(store, enrolment, now).programme
        credits = credits_of(store, enrolment, programme)
        pieces = coursework.pieces_of(store, enrolment, programme)
        handed_in = school_activities.of_enrolment(store, enrolment.id)
        return render_template(
            "study.html",
            enrolment=enrolment,
            programme=programme,
            has_school_study=programme.component_of(ComponentKind.SCHOOL_BASED) is not None,
            activities=_shown(store, handed_in, credits),
            activity_names=activity_names(),
            placed=placements.of_enrolment(store, enrolment.id, now),
            has_placement=programme.component_of(ComponentKind.PLACEMENT) is not None,
            pieces=pieces,
            examination=programme.component_of(ComponentKind.EXAMINATION),
            attempts=examinations.of_enrolment(store, enrolment.id),
            credits=credits,
            work_state=work_state,
            month_state=month_state,
            is_open=programme.window.contains(now),
        )


def new_activity(enrolment_id: int) -> ResponseReturnValue:
    """The form to hand in an activity with; POST hands it in."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        programme = catalogue.for_enrolment(store, enrolment, shared.clock()).programme
    if request.method != "POST":
        return _form_page(enrolment, programme, None, TypedActivity(), {}, ())
    typed, files, now = _typed(), sent_files(), shared.clock()
    try:
        shared.database.transact(
            lambda store: (
                school_activities.hand_in(
                    store,
                    actor,
                    enrolment_id,
                    typed.read(programme.window.timezone),
                    files=files,
                    folder=shared.attachments,
                    now=now,
                ).id
            )
        )
    except Malformed as refusal:
        return _form_page(enrolment, programme, None, typed, file_errors(refusal, files), ()), 422
    flash(_("Your activity is handed in. You see here what becomes of it."), "success")
    return redirect(url_for("pages.study", enrolment_id=enrolment_id, _anchor="activities"), 303)


def activity(enrolment_id: int, activity_id: int) -> ResponseReturnValue:
    """One activity of the learner's; POST hands it in again, changed."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        row = school_activities.own_activity(store, actor, activity_id)
        if row.enrolment_id != enrolment.id:
            raise NotFound(what="activity")
        programme = catalogue.for_enrolment(store, enrolment, shared.clock()).programme
        files = attachments.of_owner(store, approvals.source_of(row.id))
        (shown,) = _shown(store, [row], credits_of(store, enrolment, programme))
    if request.method != "POST":
        return _form_page(enrolment, programme, shown, _as_typed(row, programme.window.timezone), {}, files)
    typed, new, now = _typed(), sent_files(), shared.clock()
    try:
        shared.database.transact(
            lambda store: (
                school_activities.change(
                    store,
                    actor,
                    activity_id,
                    typed.read(programme.window.timezone),
                    files=new,
                    without=typed.without,
                    folder=shared.attachments,
                    now=now,
                ).id
            )
        )
    except Malformed as refusal:
        return _form_page(enrolment, programme, shown, typed, file_errors(refusal, new), files), 422
    flash(_("Your activity is handed in again."), "success")
    return redirect(url_for("pages.study", enrolment_id=enrolment_id, _anchor="activities"), 303)


def attachment(attachment_id: int) -> ResponseReturnValue:
    """A file that was handed in: a photo is shown, anything else is saved; nothing of it is ever run."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        row = attachments.visible(store, actor, attachment_id)
    path = shared.attachments.path_of(row.digest)
    if not path.is_file():
        raise NotFound(what="attachment")
    response = send_file(
        path,
        mimetype=row.media_type,
        as_attachment=row.media_type not in IMAGES,
        download_name=row.name,
        conditional=True,
        etag=row.digest,
        max_age=0,
    )
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def reading(enrolment_id: int, module_id: int) -> ResponseReturnValue:
    """POST starts a module's reading, or takes "I have read it"."""
    actor, shared = current_actor(), context()
    now = shared.clock()
    back = redirect(
        url_for("pages.module", enrolment_id=enrolment_id, module_id=module_id, _anchor="reading-title"), 303
    )
    if request.form.get("step") == "begin":
        shared.database.transact(
            lambda store: readings.open_reading(store, actor, enrolment_id, module_id, now).module_id
        )
        return back
    choice = as_id(request.form.get("choice", ""))
    result = shared.database.transact(
        lambda store: readings.finish(store, actor, enrolment_id, module_id, choice=choice, now=now)
    )
    counted_ms = result.recorded.counted_ms if result.recorded is not None else 0
    kind, words = reading_result(result.outcome.value, result.missing_seconds, counted_ms // MINUTE_MS)
    flash(words, kind)
    return back


def credits_of(store: Session, enrolment: Enrolment, programme: Programme) -> dict[str, Credit]:
    """What counts of an enrolment's confirmed study, by source; what was revoked is not among it."""
    return {
        one.row.source: Credit(one.row.counted_ms, _sentences(one, programme))
        for one in study_records.records_of(store, enrolment.id)
        if not one.is_revoked
    }


def sent_files() -> list[NewFile]:
    """The files of the request's form; a field without one is none."""
    return [NewFile(one.filename or "", one.read()) for one in request.files.getlist("files") if one.filename]


def file_errors(refusal: Refusal, files: Sequence[NewFile]) -> dict[str, str]:
    """A refused form's sentences by field; a browser forgets chosen files, so that the page has to say it."""
    errors = fault_sentences(refusal)
    if files:
        again = _("Please choose your files again: nothing was saved yet.")
        errors["files"] = f"{errors['files']} {again}" if "files" in errors else again
    return errors


def without_ids() -> tuple[int, ...]:
    """The ids of files that the form takes away."""
    return tuple(found for one in request.form.getlist("without") if (found := as_id(one)) is not None)


def _sentences(record: RecordShown, programme: Programme) -> tuple[str, ...]:
    return tuple(left_out_sentence(one, programme) for one in record.left_out)


def _shown(store: Session, rows: Sequence[SchoolActivity], credits: Mapping[str, Credit]) -> list[ActivityShown]:
    files = attachments.of_owners(store, [approvals.source_of(row.id) for row in rows])
    found = []
    for row in rows:
        source = approvals.source_of(row.id)
        level = rules.next_level(row.state, approvals.levels_of(store, row))
        found.append(ActivityShown(row, activity_state(row.state, level), files[source], credits.get(source)))
    return found


def _form_page(
    enrolment: Enrolment,
    programme: Programme,
    shown: ActivityShown | None,
    typed: TypedActivity,
    errors: Mapping[str, str],
    files: Sequence[Attachment],
) -> str:
    names = activity_names()
    found = [one for one in programme.components if one.kind is ComponentKind.SCHOOL_BASED]
    counting = {
        kind: name
        for kind, name in names.items()
        if any(one.study.activity(SchoolActivityKind(kind)) is not None for one in found)
    }
    return render_template(
        "activity.html",
        enrolment=enrolment,
        programme=programme,
        shown=shown,
        typed=typed,
        errors=errors,
        files=files,
        kinds=counting,
        activity_names=names,
        may_change=shown is None or shown.row.state in (rules.SUBMITTED, rules.RETURNED),
        today=programme.window.day_of(context().clock()).isoformat(),
    )


def _typed() -> TypedActivity:
    form = request.form
    return TypedActivity(
        kind=form.get("kind", ""),
        title=form.get("title", ""),
        text=form.get("body", ""),
        day=form.get("day", ""),
        starts=form.get("starts", ""),
        ends=form.get("ends", ""),
        without=without_ids(),
    )


def _as_typed(row: SchoolActivity, timezone: str) -> TypedActivity:
    zone = ZoneInfo(timezone)
    starts, ends = row.starts_at.astimezone(zone), row.ends_at.astimezone(zone)
    return TypedActivity(row.activity, row.title, row.text, f"{starts:%Y-%m-%d}", f"{starts:%H:%M}", f"{ends:%H:%M}")


def _instant(day: str, time: str, timezone: str) -> datetime | None:
    """The moment that a day and a time name in a time zone; None where they name none."""
    try:
        local = datetime.fromisoformat(f"{day}T{time}")
    except ValueError:
        return None
    if local.tzinfo is not None or not FIRST_YEAR <= local.year < date.max.year or not (day and time):
        return None
    return local.replace(tzinfo=ZoneInfo(timezone))
