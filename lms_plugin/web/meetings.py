"""The leader's page of a meeting: the code to show, who is there, the list, and confirming it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import segno
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lms_plugin.domain import meetings as rules
from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.meeting_wording import passed_over_sentence
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import meeting_access, meeting_confirming, meeting_list, meeting_questions, meetings
from lms_plugin.services.meeting_confirming import Confirmed
from lms_plugin.services.meeting_questions import ShownQuestion
from lms_plugin.services.meetings import ShownCode
from lms_plugin.storage.study import Meeting
from lms_plugin.web import live
from lms_plugin.web.meeting_times import clock_time
from lms_plugin.web.numbers import as_id, in_query

ROWS_ON_A_PAGE = 100
QUESTIONS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class MarkForm:
    """What a leader filled in for one learner; `error` says why it was not taken."""

    enrolment_id: int = 0
    what: str = ""
    came: str = ""
    went: str = ""
    reason: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class CancelForm:
    reason: str = ""
    error: str | None = None


def meeting(meeting_id: int) -> ResponseReturnValue:
    """The leader's page; a learner whom the meeting is for goes on to the page for signing in."""
    actor = current_actor()
    try:
        return _page(meeting_id, MarkForm(), CancelForm())
    except NotFound:
        with context().database.reading() as store:
            meeting_access.attended_meeting(store, actor, meeting_id)
        return redirect(url_for("pages.meeting_sign_in", meeting_id=meeting_id))


def meeting_live(meeting_id: int) -> ResponseReturnValue:
    """The part of the leader's page that changes by itself; somebody signed out is led to sign in again."""
    gone = live.signed_out()
    if gone is not None:
        return gone
    with context().database.reading() as store:
        parts = _live(store, meeting_id)
    shown: ShownCode | None = parts["shown"]
    return live.part(
        render_template("_meeting_live.html", **parts),
        _asked_again(shown),
        seconds_left=shown.seconds_left if shown is not None else None,
    )


def meeting_state(meeting_id: int) -> ResponseReturnValue:
    """Open, close, confirm or call off a meeting."""
    actor, shared = current_actor(), context()
    now, action = shared.clock(), request.form.get("action", "")
    reason = request.form.get("reason", "")
    work: dict[str, Callable[[Session], object]] = {
        "open": lambda store: meetings.open_meeting(store, actor, meeting_id, now),
        "close": lambda store: meetings.close_meeting(store, actor, meeting_id),
        "cancel": lambda store: meetings.cancel_meeting(store, actor, meeting_id, reason=reason, now=now),
        "confirm": lambda store: meeting_confirming.confirm(store, actor, meeting_id, now),
    }
    with shared.database.reading() as store:
        meeting_access.run_meeting(store, actor, meeting_id)
    if action not in work:
        raise Malformed
    try:
        done = shared.database.transact(work[action])
    except Conflict as refusal:
        flash(refusal_sentence(refusal), "error")
    except Malformed as refusal:
        return _page(meeting_id, MarkForm(), CancelForm(reason, refusal_sentence(refusal))), 422
    else:
        if isinstance(done, Confirmed):
            _say_confirmed(meeting_id, done)
    return redirect(url_for("pages.meeting", meeting_id=meeting_id), 303)


def meeting_attendance(meeting_id: int) -> ResponseReturnValue:
    """Mark learners on the list: those that are ticked as there for the whole time, or one with times or a reason."""
    actor, shared, now = current_actor(), context(), context().clock()
    with shared.database.reading() as store:
        found = meeting_access.run_meeting(store, actor, meeting_id)
        zone = meeting_access.programme_of(store, found).window.timezone
    what = request.form.get("what", "")
    ids = [one for one in map(as_id, request.form.getlist("enrolment_id")) if one is not None]
    if not ids:
        flash(_("Please tick somebody on the list first."), "warning")
    form = MarkForm(
        ids[0] if ids else 0,
        what,
        request.form.get("came", ""),
        request.form.get("went", ""),
        request.form.get("reason", ""),
    )
    try:
        if what == "absent":
            shared.database.transact(
                lambda store: meeting_confirming.mark_absent(store, actor, meeting_id, ids, reason=form.reason, now=now)
            )
        elif what != "present":
            # What is not understood says nothing of anybody.
            raise Malformed()
        else:
            in_at, out_at = (_instant(text, found, zone) for text in (form.came, form.went))
            shared.database.transact(
                lambda store: meeting_confirming.mark_present(
                    store, actor, meeting_id, ids, now=now, in_at=in_at, out_at=out_at, reason=form.reason
                )
            )
    except (Malformed, Conflict) as refusal:
        refused = MarkForm(form.enrolment_id, what, form.came, form.went, form.reason, refusal_sentence(refusal))
        return _page(meeting_id, refused, CancelForm()), 422 if isinstance(refusal, Malformed) else 409
    page = in_query("page", 1, least=1)
    anchor = f"learner-{ids[0]}" if len(ids) == 1 else "list"
    return redirect(url_for("pages.meeting", meeting_id=meeting_id, page=page, _anchor=anchor), 303)


def _page(meeting_id: int, form: MarkForm, cancelling: CancelForm) -> str:
    actor, shared = current_actor(), context()
    now, page = shared.clock(), in_query("page", 1, least=1)
    with shared.database.reading() as store:
        parts = _live(store, meeting_id)
        found: Meeting = parts["meeting"]
        programme = meeting_access.programme_of(store, found)
        rows = meeting_list.attendees(
            store, actor, meeting_id, first=(page - 1) * ROWS_ON_A_PAGE, limit=ROWS_ON_A_PAGE + 1
        )
        own = _is_for(store, meeting_id)
    zone = ZoneInfo(programme.window.timezone)
    return render_template(
        "meeting.html",
        **parts,
        next_seconds=_asked_again(parts["shown"]),
        programme=programme,
        rows=rows[:ROWS_ON_A_PAGE],
        has_more=len(rows) > ROWS_ON_A_PAGE,
        page=page,
        form=form,
        cancelling=cancelling,
        can_confirm=now >= found.ends_at and found.state != meetings.CANCELLED,
        can_open=found.state in (meetings.PLANNED, meetings.CLOSED)
        and found.starts_at - meetings.OPENS_BEFORE <= now < found.ends_at + meetings.STAYS_OPEN,
        local=lambda instant: f"{instant.astimezone(zone):%H:%M}",
        longest_reason=meetings.LONGEST_REASON,
        is_own=own,
        actor_id=actor.user_id,
        passed_over_sentence=passed_over_sentence,
    )


def _live(store: Session, meeting_id: int) -> dict[str, Any]:
    """What the part that changes by itself shows."""
    actor, now = current_actor(), context().clock()
    found = meeting_access.run_meeting(store, actor, meeting_id)
    zone = ZoneInfo(meeting_access.programme_of(store, found).window.timezone)
    shown = None
    if meetings.takes_codes(found, now):
        shown = meetings.shown_code(store, actor, meeting_id, now)
    return {
        "meeting": found,
        "now": now,
        "shown": shown,
        "qr": _qr(meeting_id, shown) if shown is not None else None,
        "tally": meeting_list.tally(store, actor, meeting_id),
        "latest": [
            (name, f"{at.astimezone(zone):%H:%M}") for name, at in meeting_list.latest(store, actor, meeting_id)
        ],
        "devices": meeting_list.shared_devices(store, actor, meeting_id),
        "questions": _questions(store, found, now),
    }


def _questions(store: Session, found: Meeting, now: datetime) -> list[ShownQuestion]:
    """The questions that wait for an answer, those with the most votes first."""
    if found.kind != ComponentKind.QNA:
        return []
    listed = meeting_questions.listed(store, current_actor(), found.id, now).questions
    return [one for one in listed if not one.is_answered][:QUESTIONS_SHOWN]


def _asked_again(shown: ShownCode | None) -> float:
    """In how many seconds the page asks for what is new: in time for the next code."""
    return min(shown.seconds_left + 0.3, 5.0) if shown is not None else 20.0


def _qr(meeting_id: int, shown: ShownCode) -> str:
    """A QR code, as SVG, of the address that signs in with the present code."""
    address = context().base_url.rstrip("/") + url_for("pages.meeting_sign_in", meeting_id=meeting_id, code=shown.code)
    return segno.make(address, error="m", micro=False).svg_inline(
        border=2, omitsize=True, svgclass="qr", lineclass=None
    )


def _is_for(store: Session, meeting_id: int) -> bool:
    """Whether the leader is one of the learners as well."""
    try:
        meeting_access.attended_meeting(store, current_actor(), meeting_id)
    except NotFound:
        return False
    return True


def _instant(text: str, found: Meeting, timezone: str) -> datetime | None:
    """A time of the meeting's day as an instant; None where nothing is typed.

    Raises:
        Malformed: it is no time, or one that the clocks leave out.
    """
    if not text.strip():
        return None
    day = found.starts_at.astimezone(ZoneInfo(timezone)).date()
    return rules.instant_of(datetime.combine(day, clock_time(text)), timezone)


def _say_confirmed(meeting_id: int, done: Confirmed) -> None:
    count = len(done.recorded)
    flash(ngettext("%(num)s learner is confirmed.", "%(num)s learners are confirmed.", count), "success")
    passed = len(done.passed_over)
    if passed:
        flash(
            ngettext(
                "%(num)s learner got nothing yet: the list below says why.",
                "%(num)s learners got nothing yet: the list below says why.",
                passed,
            ),
            "warning",
        )
