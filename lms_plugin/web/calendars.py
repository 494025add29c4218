"""Meetings for people's own calendars: a file for each, and a secret address that a calendar asks again and again."""

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _

from lms_plugin.domain import icalendar
from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.icalendar import Event
from lms_plugin.http import study_wording
from lms_plugin.http.calendar_address import calendar_named, calendar_token
from lms_plugin.http.conditional import unless_known
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.services import calendars
from lms_plugin.services.calendars import Appointment
from lms_plugin.services.meetings import CANCELLED

MEDIA_TYPE = "text/calendar; charset=utf-8"


def calendar() -> ResponseReturnValue:
    """The actor's calendar address; POST draws the first, or another one."""
    actor, shared = current_actor(), context()
    if request.method == "POST":
        shared.database.transact(lambda store: calendars.draw_anew(store, actor, shared.clock()))
        flash(_("This is your calendar address from now on."), "success")
        return redirect(url_for("pages.calendar"), 303)
    with shared.database.reading() as store:
        draw = calendars.draw_of(store, actor.user_id)
    address = None
    if draw is not None:
        token = calendar_token(current_app.config["SECRET_KEY"], actor.user_id, draw)
        address = shared.base_url.rstrip("/") + url_for("pages.calendar_feed", token=token)
    return render_template("calendar.html", address=address)


def calendar_feed(token: str) -> Response:
    """Somebody's calendar. The token in the address is what allows it: calendar programs do not sign in."""
    shared = context()
    named = calendar_named(current_app.config["SECRET_KEY"], token)
    if named is None:
        raise NotFound(what="calendar")
    with shared.database.reading() as store:
        owner = calendars.owner_of(store, *named)
        found = calendars.appointments(store, owner, shared.clock())
    with force_locale(owner.language):
        written = icalendar.write([_event(one) for one in found], name=_("My meetings"))
    return unless_known(Response(written, content_type=MEDIA_TYPE))


def meeting_file(meeting_id: int) -> Response:
    """One meeting as a file for a calendar."""
    actor = current_actor()
    with context().database.reading() as store:
        found = calendars.appointment(store, actor, meeting_id)
    answer = Response(icalendar.write([_event(found)], name=found.meeting.title), content_type=MEDIA_TYPE)
    answer.headers.set("Content-Disposition", "attachment", filename=f"meeting-{meeting_id}.ics")
    return answer


def _event(one: Appointment) -> Event:
    meeting, language = one.meeting, current_language()
    lines = [
        f"{study_wording.kind_name(meeting.kind)} · {one.programme.title.in_language(language)}",
        _("led by %(name)s", name=one.leader_name),
    ]
    if meeting.link:
        lines.append(_("Come in here: %(link)s", link=meeting.link))
    if meeting.state == CANCELLED:
        lines.append(_("Called off: %(reason)s", reason=meeting.cancelled_because))
    return Event(
        uid=one.uid,
        sequence=meeting.sequence,
        stamp=one.stamp,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        summary=meeting.title,
        location=meeting.place,
        description="\n".join(lines),
        address=context().base_url.rstrip("/") + url_for("pages.meeting", meeting_id=meeting.id),
        is_cancelled=meeting.state == CANCELLED,
    )
