"""Playback sessions and beats."""

import math

from flask import Response, jsonify, url_for

from lms_plugin.api.reading import read_body, read_json
from lms_plugin.api.shapes import BeatResponse, SessionAnswer, SessionRequest, WithheldAnswer, seconds
from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.watching import Claim
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import viewing

MAX_SEGMENTS = 2_000
LARGEST_SECONDS = 1_000_000
LARGEST_SEQ = 2**53


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
    signed = shared.media.grant(actor.user_id, opened.video.digest)
    answer = SessionAnswer(
        id=opened.id,
        opened_at=opened.opened_at,
        max_rate=float(opened.max_rate),
        beat_interval_seconds=opened.beat_interval_seconds,
        manifest_url=url_for("pages.media", signed=signed, name="master.m3u8"),
        covered=_spans(opened.covered),
        resume_at_seconds=seconds(opened.resume_at_ms),
    )
    return jsonify(answer.model_dump(mode="json")), 201


def take_beat(playback_session_id: str) -> Response:
    """Take one beat: the segments played since the one before."""
    actor, shared = current_actor(), context()
    seq, claims = read_beat(read_json())
    now = shared.clock()
    found = shared.database.transact(
        lambda store: viewing.take_beat(store, actor, playback_session_id, seq=seq, claims=claims, now=now)
    )
    answer = BeatResponse(
        credited=_spans(found.credited),
        withheld=[
            WithheldAnswer(from_=seconds(one.from_ms), to=seconds(one.to_ms), reason=one.reason.value)
            for one in found.withheld
        ],
        held=_spans(found.held),
        covered_seconds=seconds(found.covered_ms),
        lease="held" if found.lease_is_held else "lost",
        presence_check=None,
    )
    return jsonify(answer.model_dump(mode="json", by_alias=True))


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
    if not math.isfinite(value) or abs(value) > LARGEST_SECONDS:
        return None
    return round(value * 1000)


def _spans(segments: Segments) -> list[tuple[float, float]]:
    return [(seconds(start), seconds(end)) for start, end in segments]
