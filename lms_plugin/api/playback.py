"""Playback sessions, beats and presence checks."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Response, jsonify, request, session, url_for
from werkzeug.exceptions import BadRequest

from lms_plugin.api.reading import read_body, read_json
from lms_plugin.api.shapes import (
    CheckAnswer,
    CheckRequest,
    CheckResponse,
    FilmAnswer,
    SessionAnswer,
    SessionRequest,
    StretchAnswer,
    seconds,
)
from lms_plugin.domain.errors import Malformed, NotAuthenticated, NotFound
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.watching import Claim, Stretch
from lms_plugin.http.context import context
from lms_plugin.http.identity import bearer_token, current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.security import SIGNED_IN
from lms_plugin.services import film_standing, presence, viewing
from lms_plugin.services.beats import BeatSent, Sender
from lms_plugin.services.presence import CheckShown
from lms_plugin.services.viewing import BeatAnswer

MAX_SEGMENTS = 2_000
LARGEST_SECONDS = 1_000_000
LARGEST_SEQ = 2**53
LARGEST_CHECK = 2**31 - 1


def open_session(video_id: int) -> tuple[Response, int]:
    """Open a playback session; the person's lease passes to it."""
    actor, shared = current_actor(), context()
    body = read_body(SessionRequest)
    now, new_id = shared.clock(), shared.new_id()
    opened = shared.database.transact(
        lambda store: viewing.open_session(
            store, actor, video_id=video_id, enrolment_id=body.enrolment_id, new_id=new_id, now=now
        )
    )
    signed = shared.media.grant(
        actor.user_id,
        opened.video.digest,
        playback_session_id=opened.id,
        record_deliveries=opened.delivery_proof,
    )
    answer = SessionAnswer(
        id=opened.id,
        opened_at=opened.opened_at,
        max_rate=float(opened.max_rate),
        beat_interval_seconds=opened.beat_interval_seconds,
        manifest_url=url_for("pages.media", signed=signed, name="master.m3u8"),
        resume_at_seconds=seconds(opened.resume_at_ms),
        skipping_ahead=opened.skipping_ahead,
        covered=_spans(opened.film.covered),
        covered_seconds=seconds(opened.film.covered_ms),
        held=_stretches(opened.film.held),
        withheld=_stretches(opened.film.withheld),
        presence_check=_check(opened.film.check, now),
    )
    return jsonify(answer.model_dump(mode="json", by_alias=True)), 201


def film_of(playback_session_id: str) -> Response:
    """The whole standing of a session's film: what counts, what is held and withheld, and why."""
    actor, shared = current_actor(), context()
    now = shared.clock()
    film = shared.database.transact(lambda store: film_standing.film_shown(store, actor, playback_session_id, now))
    answer = FilmAnswer(
        covered=_spans(film.covered),
        covered_seconds=seconds(film.covered_ms),
        held=_stretches(film.held),
        withheld=_stretches(film.withheld),
        lease="held" if film.lease_is_held else "lost",
        presence_check=_check(film.check, now),
    )
    return jsonify(answer.model_dump(mode="json", by_alias=True))


def take_beat(playback_session_id: str) -> Response:
    """Take one beat: the segments played since the one before."""
    sender, shared = _sender(), context()
    try:
        content = read_json()
        seq, claims = read_beat(content)
    except (BadRequest, Malformed):
        current_actor()  # whoever is not signed in is told that, and nothing else
        raise
    now = shared.clock()
    found = shared.beats.take(BeatSent(sender, playback_session_id, seq, claims, now, read_unanswered(content)))
    return Response(rendered(found, _check(found.check, now)), mimetype="application/json")


def answer_check(playback_session_id: str, check_id: str) -> Response:
    """Answer a presence check."""
    actor, shared = current_actor(), context()
    body = read_body(CheckRequest)
    number = _check_number(check_id)
    now = shared.clock()
    result = shared.database.transact_plainly(
        lambda connection: presence.answer(connection, actor, playback_session_id, number, choice=body.answer, now=now)
    )
    answer = CheckResponse(
        passed=result.passed, film_changed=result.film_changed, presence_check=_check(result.check, now)
    )
    return jsonify(answer.model_dump(mode="json"))


def rendered(found: BeatAnswer, check: CheckAnswer | None) -> bytes:
    """The answer to a beat as JSON."""
    answer = {
        "credited": _spans(found.credited),
        "withheld": _plain(found.withheld),
        "held": [(seconds(one.from_ms), seconds(one.to_ms)) for one in found.held],
        "held_reasons": _plain(found.held),
        "covered_seconds": seconds(found.covered_ms),
        "lease": "held" if found.lease_is_held else "lost",
        "presence_check": None if check is None else check.model_dump(mode="json"),
        "film_changed": found.film_changed,
    }
    return json.dumps(answer, separators=(",", ":")).encode()


def _sender() -> Sender:
    """Who says to have sent a beat; whether it is true is looked up together with everything else.

    Raises:
        NotAuthenticated: the request carries neither a token nor a signed-in page's cookie.
    """
    token = bearer_token(request)
    if token is not None:
        return Sender.with_token(token)
    sender = page_sender(str(session.get(SIGNED_IN, "")))
    if sender is None:
        raise NotAuthenticated()
    return sender


def page_sender(signed_in: str) -> Sender | None:
    """The sender that a page's cookie names (user id and sign-in epoch); None where it names nobody."""
    user_id, _, epoch = signed_in.partition(".")
    if not (user_id.isdecimal() and epoch.isdecimal()):
        return None
    return Sender(page=(int(user_id), int(epoch)))


def _check_number(check_id: str) -> int:
    if not check_id.isdecimal() or not check_id.isascii() or int(check_id) > LARGEST_CHECK:
        raise NotFound(what="presence_check")
    return int(check_id)


def read_unanswered(content: object) -> int | None:
    """The presence check that the player says nobody answered; whatever is no check's name says nothing."""
    name = content.get("unanswered") if isinstance(content, dict) else None
    if not isinstance(name, str) or not name.isdecimal() or not name.isascii() or len(name) > len(str(LARGEST_CHECK)):
        return None
    return int(name)


def read_beat(content: object) -> tuple[int, list[Claim]]:
    """A beat's number and claims; a segment that cannot be read becomes a claim that is withheld as malformed.

    Raises:
        Malformed: it has no usable number, or its segments are no list or far too many.
    """
    if not isinstance(content, dict):
        raise Malformed(faults=[{"field": "", "code": "not_an_object", "message": "a beat is an object"}])
    seq, segments = content.get("seq"), content.get("segments")
    faults = []
    if isinstance(seq, bool) or not isinstance(seq, int) or not 1 <= seq <= LARGEST_SEQ:
        faults.append({"field": "seq", "code": "not_a_number", "message": "a whole number from 1 on"})
    if not isinstance(segments, list) or len(segments) > MAX_SEGMENTS:
        faults.append({"field": "segments", "code": "not_a_list", "message": f"a list of at most {MAX_SEGMENTS}"})
    if faults or not isinstance(segments, list) or not isinstance(seq, int):
        raise Malformed(faults=faults)
    return seq, [_claim(segment) for segment in segments]


def _claim(segment: object) -> Claim:
    if not isinstance(segment, dict):
        return Claim(0, 0, well_formed=False)
    start, end, rate = (_milli(segment.get(name)) for name in ("from", "to", "rate"))
    if start is None or end is None:
        return Claim(0, 0, well_formed=False)
    return Claim(start, end, rate if rate is not None else 1000)


def _milli(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not abs(value) <= LARGEST_SECONDS:  # nor is NaN
        return None
    return round(value * 1000)


def _spans(segments: Segments) -> list[tuple[float, float]]:
    return [(seconds(start), seconds(end)) for start, end in segments]


def _plain(stretches: Iterable[Stretch]) -> list[dict[str, Any]]:
    return [{"from": seconds(one.from_ms), "to": seconds(one.to_ms), "reason": one.reason.value} for one in stretches]


def _stretches(stretches: Iterable[Stretch]) -> list[StretchAnswer]:
    return [StretchAnswer.model_validate(one) for one in _plain(stretches)]


def _check(check: CheckShown | None, now: datetime) -> CheckAnswer | None:
    if check is None:
        return None
    language = current_language()
    return CheckAnswer(
        id=str(check.number),
        question=check.question.in_language(language),
        choices=[choice.in_language(language) for choice in check.choices],
        answer_by=check.answer_by,
        answer_within_seconds=max(0.0, round((check.answer_by - now).total_seconds(), 3)),
    )
