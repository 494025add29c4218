"""The page that changes a meeting's plan: title, times, place, link."""

from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.meeting_wording import fault_sentences
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import meeting_access, meeting_changing, meetings
from lms_plugin.services.meeting_changing import Change
from lms_plugin.storage.study import Meeting
from lms_plugin.web.meeting_times import times_of


@dataclass(frozen=True, slots=True)
class EditForm:
    """What somebody typed to change a plan; `errors` has sentences by field."""

    title: str
    day: str
    starts: str
    ends: str
    place: str
    link: str
    errors: dict[str, str] = field(default_factory=dict)


def meeting_edit(meeting_id: int) -> ResponseReturnValue:
    """The plan of a meeting in a form; POST changes it, and everybody invited is told."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        found = meeting_access.run_meeting(store, actor, meeting_id)
        zone = meeting_access.programme_of(store, found).window.timezone
    if request.method != "POST":
        return _page(found, zone, _as_planned(found, zone))
    form, now = _typed(), shared.clock()
    try:
        starts_at, ends_at = times_of(form.day, form.starts, form.ends, zone)
        to = Change(form.title, starts_at, ends_at, form.place, form.link)
        shared.database.transact(lambda store: meeting_changing.change(store, actor, meeting_id, to, now))
    except Malformed as refusal:
        return _page(found, zone, replace(form, errors=fault_sentences(refusal))), 422
    except Conflict as refusal:
        return _page(found, zone, replace(form, errors={"": refusal_sentence(refusal)})), 409
    flash(_("Saved. Everybody invited is told what is new."), "success")
    return redirect(url_for("pages.meeting", meeting_id=meeting_id), 303)


def _page(found: Meeting, zone: str, form: EditForm) -> str:
    return render_template(
        "meeting_edit.html",
        meeting=found,
        form=form,
        zone=zone,
        own_zone=context().timezone,
        can_change=found.state == meetings.PLANNED,
    )


def _as_planned(found: Meeting, zone: str) -> EditForm:
    starts_at, ends_at = (one.astimezone(ZoneInfo(zone)) for one in (found.starts_at, found.ends_at))
    return EditForm(
        found.title,
        starts_at.date().isoformat(),
        f"{starts_at:%H:%M}",
        f"{ends_at:%H:%M}",
        found.place,
        found.link,
    )


def _typed() -> EditForm:
    given = request.form.get
    return EditForm(
        title=given("title", ""),
        day=given("day", ""),
        starts=given("starts", ""),
        ends=given("ends", ""),
        place=given("place", ""),
        link=given("link", ""),
    )
