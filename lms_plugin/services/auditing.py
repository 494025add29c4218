"""Auditing: the ledger's chain, its sums, and the coverage that a replay of the evidence gives."""

from collections import defaultdict

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.ledger import first_break
from lms_plugin.storage.activity import Beat, Coverage, PlaybackSession
from lms_plugin.storage.ledger import ComponentTotal, CreditEntryRow
from lms_plugin.storage.programmes import Enrolment, ProgrammeRow


def enrolments(programme_key: str | None) -> Select[tuple[int]]:
    """Ids of all enrolments, or of one programme's."""
    query = select(Enrolment.id).order_by(Enrolment.id)
    if programme_key is not None:
        query = query.join(ProgrammeRow).where(ProgrammeRow.key == programme_key)
    return query


def first_difference(session: Session, enrolment: Enrolment) -> str | None:
    """The first thing that does not agree, in words; None where everything does.

    Checked are the chain of hashes, the sums per component, and, to the millisecond, that the coverage of every
    film is what its beats were credited, and that what was watched is in the ledger or waiting to be posted.
    """
    rows = session.scalars(
        select(CreditEntryRow)
        .where(CreditEntryRow.enrolment_id == enrolment.id)
        .order_by(CreditEntryRow.number)
        .execution_options(populate_existing=True)
    ).all()
    broken = first_break((row.as_entry(), row.hash) for row in rows)
    if broken is not None:
        return f"credit entry {broken} does not fit the chain"
    sums: dict[str, int] = defaultdict(int)
    watched_ms = 0
    for row in rows:
        sums[row.component_key] += row.amount_ms
        if row.source_kind == "playback_session":
            watched_ms += row.amount_ms
    for total in session.scalars(select(ComponentTotal).where(ComponentTotal.enrolment_id == enrolment.id)):
        entered = sums.pop(total.component_key, 0)
        if entered != total.credited_ms:
            return f"the sum of {total.component_key} is {total.credited_ms} ms, its entries add up to {entered} ms"
    if sums:
        return f"there is no sum for {', '.join(sorted(sums))}"
    return _watching_difference(session, enrolment, watched_ms)


def _watching_difference(session: Session, enrolment: Enrolment, watched_ms: int) -> str | None:
    credited: dict[int, Segments] = defaultdict(lambda: NOTHING)
    beats_ms = 0
    beats = session.execute(
        select(PlaybackSession.video_id, Beat.answer)
        .join(
            Beat,
            (Beat.user_id == PlaybackSession.user_id) & (Beat.playback_session_id == PlaybackSession.id),
        )
        .where(PlaybackSession.enrolment_id == enrolment.id)
    )
    for video_id, answer in beats:
        segments = tuple((start, end) for start, end in answer["credited"])
        beats_ms += intervals.length(segments)
        credited[video_id] = intervals.merge(credited[video_id] + segments)
    covered_ms = 0
    for coverage in session.scalars(select(Coverage).where(Coverage.enrolment_id == enrolment.id)):
        covered = intervals.unpack(coverage.covered)
        covered_ms += coverage.covered_ms
        if covered != credited[coverage.video_id] or coverage.covered_ms != intervals.length(covered):
            return f"the coverage of video {coverage.video_id} is not what its beats were credited"
    if beats_ms != covered_ms:
        return f"beats were credited {beats_ms} ms, films are covered for {covered_ms} ms"
    waiting = session.scalars(select(PlaybackSession.unposted_ms).where(PlaybackSession.enrolment_id == enrolment.id))
    unposted_ms = sum(waiting)
    if watched_ms + unposted_ms != covered_ms:
        return f"films are covered for {covered_ms} ms, the ledger has {watched_ms} ms and {unposted_ms} ms wait"
    return None
