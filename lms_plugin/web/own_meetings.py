"""The learner's pages of meetings: those to come, what became of the past ones, and signing in with the code."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.meeting_wording import outcome_lines
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import (
    meeting_notes,
    meeting_planning,
    meeting_questions,
    meeting_signing,
    meetings,
    study_records,
)
from lms_plugin.services.meeting_questions import ShownQuestion
from lms_plugin.services.meeting_signing import OUT
from lms_plugin.services.meetings import OwnMeeting
from lms_plugin.storage.study import Meeting
from lms_plugin.web import live

DEVICE = "device"
QUESTIONS_SHOWN = 8
NEAR_SECONDS, SELDOM_SECONDS = 10.0, 120.0
_DEVICE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class ShownMeeting:
    """A learner's meeting with what there is to say of it."""

    own: OwnMeeting
    lines: list[str]
    takes_codes: bool
    is_to_come: bool
    has_notes: bool


def own_meetings() -> str:
    """The learner's meetings: first those to come, then the past ones with what counted and why not more."""
    actor, shared = current_actor(), context()
    now = shared.clock()
    with shared.database.reading() as store:
        found = meetings.own_meetings(store, actor)
        records = {
            (enrolment_id, one.row.source): one
            for enrolment_id in {one.enrolment.id for one in found}
            for one in study_records.records_of(store, enrolment_id)
        }
        noted = meeting_notes.with_notes(store, [one.meeting.id for one in found])
        led = meetings.led_by(store, actor)
        can_view = bool(meeting_planning.viewing_programmes(store, actor, now))
    shown = [
        ShownMeeting(
            one,
            outcome_lines(one, records.get((one.enrolment.id, meetings.source_of(one.meeting.id))), now),
            meetings.takes_codes(one.meeting, now),
            _is_to_come(one.meeting, now),
            one.meeting.id in noted,
        )
        for one in found
    ]
    to_come = [one for one in shown if one.is_to_come]
    return render_template(
        "own_meetings.html",
        to_come=to_come[::-1],
        past=[one for one in shown if one not in to_come],
        led=led,
        can_view=can_view,
        now=now,
    )


def meeting_sign_in(meeting_id: int) -> ResponseReturnValue:
    """Signing in or out at one meeting; a scanned QR code brings the code along in the address."""
    if request.method != "POST":
        return _page(meeting_id, request.args.get("code", "")[:20], None)
    actor, shared = current_actor(), context()
    now, typed = shared.clock(), request.form.get("code", "")
    way = request.form.get("way") or None
    device = request.cookies.get(DEVICE) or secrets.token_urlsafe(16)
    try:
        done = shared.database.transact(
            lambda store: meeting_signing.sign(
                store,
                actor,
                meeting_id,
                typed,
                device=meeting_signing.device_mark(device, meeting_id),
                now=now,
                way=way,
            )
        )
    except (Malformed, Conflict) as refusal:
        page = _page(meeting_id, typed, refusal_sentence(refusal))
        answer = make_response(page, 422 if isinstance(refusal, Malformed) else 409)
    else:
        flash(
            _("You have signed out of this meeting.") if done.way == OUT else _("You have signed in at this meeting."),
            "success",
        )
        answer = make_response(redirect(url_for("pages.meeting_sign_in", meeting_id=meeting_id), 303))
    answer.set_cookie(
        DEVICE,
        device,
        max_age=_DEVICE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
    )
    return answer


def own_meeting_live(meeting_id: int) -> ResponseReturnValue:
    """The part of a learner's page that changes by itself: where the meeting stands, and its questions by votes."""
    gone = live.signed_out()
    if gone is not None:
        return gone
    standing = _standing(meeting_id)
    return live.part(render_template("_own_meeting_live.html", **standing), _asked_again(standing["meeting"]))


def _page(meeting_id: int, code: str, error: str | None) -> str:
    standing = _standing(meeting_id)
    found, meeting = standing["own"], standing["meeting"]
    component = found.programme.component(meeting.component_key)
    with context().database.reading() as store:
        has_notes = meeting_notes.of_meeting(store, meeting_id) is not None
    return render_template(
        "meeting_sign_in.html",
        **standing,
        has_notes=has_notes,
        needs_both=component is None or component.study.both_ends,
        is_late_in_it=standing["now"] >= meeting.starts_at + (meeting.ends_at - meeting.starts_at) / 2,
        code=code,
        error=error,
        next_seconds=_asked_again(meeting),
    )


def _standing(meeting_id: int) -> dict[str, Any]:
    """What a learner's page of a meeting says of it at this moment."""
    actor, now = current_actor(), context().clock()
    with context().database.reading() as store:
        found = meetings.own_meeting(store, actor, meeting_id)
        records = {}
        if found.meeting.state == meetings.CONFIRMED:
            # What counts is reckoned from all records of the person: not for every look at a page before that.
            records = {one.row.source: one for one in study_records.records_of(store, found.enrolment.id)}
        asked: tuple[ShownQuestion, ...] = ()
        if found.meeting.kind == ComponentKind.QNA and found.enrolment.state == "active":
            asked = meeting_questions.listed(store, actor, meeting_id, now).questions
    return {
        "own": found,
        "meeting": found.meeting,
        "lines": outcome_lines(found, records.get(meetings.source_of(meeting_id)), now),
        "takes_codes": meetings.takes_codes(found.meeting, now),
        "questions": asked[:QUESTIONS_SHOWN],
        "now": now,
    }


def _asked_again(meeting: Meeting) -> float:
    """Soon again around the meeting, seldom otherwise."""
    now = context().clock()
    is_near = meeting.starts_at - meetings.OPENS_BEFORE <= now < meeting.ends_at + meetings.STAYS_OPEN
    return NEAR_SECONDS if is_near and meeting.state != meetings.CANCELLED else SELDOM_SECONDS


def _is_to_come(meeting: Meeting, now: datetime) -> bool:
    return meetings.takes_codes(meeting, now) or (meeting.ends_at > now and meeting.state != meetings.CANCELLED)
