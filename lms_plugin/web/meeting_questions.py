"""The page of questions to a Q&A session: put and voted for by learners, answered and merged by who runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import meeting_access, meeting_questions
from lms_plugin.services.meeting_questions import LONGEST, LONGEST_NOTE
from lms_plugin.web import live
from lms_plugin.web.numbers import as_id

ASKED_AGAIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody wrote: a question, or a note on one (`question_id`); `error` says why it was not taken."""

    body: str = ""
    question_id: int = 0
    error: str | None = None


def questions_page(meeting_id: int) -> ResponseReturnValue:
    """The questions of a session; POST puts one."""
    if request.method != "POST":
        return _page(meeting_id, Typed())
    actor, shared, body = current_actor(), context(), request.form.get("body", "")
    now = shared.clock()
    try:
        shared.database.transact(lambda store: meeting_questions.ask(store, actor, meeting_id, body, now))
    except (Malformed, Conflict) as refusal:
        status = 422 if isinstance(refusal, Malformed) else 409
        return _page(meeting_id, Typed(body, error=refusal_sentence(refusal))), status
    flash(_("Your question is on the list."), "success")
    return redirect(url_for("pages.meeting_questions", meeting_id=meeting_id), 303)


def questions_live(meeting_id: int) -> ResponseReturnValue:
    """The part of the page that changes by itself."""
    return live.signed_out() or live.part(
        render_template("_meeting_questions.html", **_listed(meeting_id), typed=Typed()), ASKED_AGAIN_SECONDS
    )


def question(meeting_id: int, question_id: int) -> ResponseReturnValue:
    """Vote for a question or take that back, take an own one back; or answer it, open it again, merge it."""
    actor, shared = current_actor(), context()
    now, action, note = shared.clock(), request.form.get("action", ""), request.form.get("body", "")
    into_id = as_id(request.form.get("into", "")) or 0
    rules = meeting_questions
    work: dict[str, Callable[[Session], object]] = {
        "vote": lambda store: rules.vote(store, actor, meeting_id, question_id, wanted=True, now=now),
        "unvote": lambda store: rules.vote(store, actor, meeting_id, question_id, wanted=False, now=now),
        "withdraw": lambda store: rules.withdraw(store, actor, meeting_id, question_id, now),
        "answer": lambda store: rules.answer(store, actor, meeting_id, question_id, note=note, now=now),
        "reopen": lambda store: rules.reopen(store, actor, meeting_id, question_id),
        "merge": lambda store: rules.merge(store, actor, meeting_id, question_id, into_id=into_id, now=now),
    }
    with shared.database.reading() as store:
        rules.listed(store, actor, meeting_id, now)
    if action not in work:
        raise Malformed
    try:
        shared.database.transact(work[action])
    except Conflict as refusal:
        flash(refusal_sentence(refusal), "error")
    except Malformed as refusal:
        return _page(meeting_id, Typed(note, question_id, refusal_sentence(refusal))), 422
    anchor = f"question-{into_id if action == 'merge' else question_id}"
    return redirect(url_for("pages.meeting_questions", meeting_id=meeting_id, _anchor=anchor), 303)


def _page(meeting_id: int, typed: Typed) -> str:
    return render_template(
        "meeting_questions.html",
        **_listed(meeting_id),
        typed=typed,
        next_seconds=ASKED_AGAIN_SECONDS,
        longest=LONGEST,
        shortest=meeting_questions.SHORTEST,
    )


def _listed(meeting_id: int) -> dict[str, Any]:
    actor, now = current_actor(), _now()
    with context().database.reading() as store:
        found = meeting_questions.listed(store, actor, meeting_id, now)
        programme = meeting_access.programme_of(store, found.meeting)
    return {
        "found": found,
        "meeting": found.meeting,
        "programme": programme,
        "now": now,
        "longest_note": LONGEST_NOTE,
    }


def _now() -> datetime:
    return context().clock()
