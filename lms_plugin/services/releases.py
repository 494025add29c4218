"""Releases: what of their learners' film a tutor could let count, and letting it count, with a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.programme import Text
from lms_plugin.services import access, catalogue, posting, presence
from lms_plugin.services.access import Actor
from lms_plugin.services.trail import FILM_RELEASED, note_action
from lms_plugin.storage.activity import Coverage, PlaybackSession, PresenceCheck
from lms_plugin.storage.among import among
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, Enrolment, ModuleRow, Video

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class HeldFilm:
    """What of one learner's film is held for want of a sign of presence, so that a tutor can let it count.

    `missed_at` is when the latest presence check in this module came to nothing.
    """

    enrolment_id: int
    learner_name: str
    module_id: int
    module_key: str
    video_id: int
    video_ms: int
    segments: Segments
    missed_at: datetime | None

    @property
    def held_ms(self) -> int:
        return intervals.length(self.segments)


def held_in_group(session: Session, group: ClassGroup, now: datetime) -> list[HeldFilm]:
    """What of a class group's films is held, by learner and module; the caller has checked who may see it.

    Film that is pending is among it once the window has closed: until then the next right answer brings it back.
    """
    return held_in_groups(session, [group.id], now).get(group.id, [])


def held_in_groups(session: Session, group_ids: Sequence[int], now: datetime) -> dict[int, list[HeldFilm]]:
    """`held_in_group` of several, in some statements; groups where nothing is held are left out."""
    pending = _pending(session, group_ids, now)
    rows = session.execute(
        select(
            ClassGroup.id,
            Enrolment.id,
            Enrolment.user_id,
            User.name,
            ModuleRow.id,
            ModuleRow.key,
            Video.id,
            Video.duration_ms,
        )
        .add_columns(Coverage.missed, Coverage.covered)
        .join(
            Enrolment,
            and_(Enrolment.programme_id == ClassGroup.programme_id, Enrolment.class_group_id == ClassGroup.id),
        )
        .join(User, User.id == Enrolment.user_id)
        .join(Coverage, Coverage.enrolment_id == Enrolment.id)
        .join(Video, Video.id == Coverage.video_id)
        .join(ModuleRow, ModuleRow.id == Video.module_id)
        .where(ClassGroup.id.in_(group_ids))
        .where(or_(Coverage.missed != b"", among(Coverage.enrolment_id, sorted({key[0] for key in pending}))))
        .order_by(User.name, User.login, ModuleRow.position, Video.id)
    ).all()
    lost = _lost(session, {row[2] for row in rows})
    found: dict[int, list[HeldFilm]] = {}
    for group_id, enrolment_id, user_id, name, module_id, key, video_id, video_ms, missed, covered in rows:
        waiting = intervals.union(intervals.unpack(missed), pending.get((enrolment_id, video_id), NOTHING))
        segments = intervals.subtract(waiting, intervals.unpack(covered))
        if segments:
            missed_at = lost.get((user_id, module_id)) or lost.get((user_id, None))
            one = HeldFilm(enrolment_id, name, module_id, key, video_id, video_ms, segments, missed_at)
            found.setdefault(group_id, []).append(one)
    return found


def release(
    session: Session, actor: Actor, enrolment_id: int, video_id: int, wanted: Segments, *, reason: str, now: datetime
) -> int:
    """Let held stretches of a film count, for a reason; gives how many milliseconds count by it.

    Raises:
        NotFound: the enrolment is not one of the tutor's learners, or has not begun the film.
        Malformed: there is no reason, or a very long one.
    """
    access.tutored_enrolment(session, actor, enrolment_id)
    reason = checked_reason(reason)
    released_ms = posting.release(session, actor, enrolment_id, video_id, wanted, reason=reason, now=now)
    if released_ms:
        about = f"video/{video_id}"
        note_action(session, actor, FILM_RELEASED, about, enrolment_id, now, released_ms=released_ms, reason=reason)
    return released_ms


def release_films(
    session: Session, actor: Actor, enrolment_id: int, wanted: Mapping[int, Segments], *, reason: str, now: datetime
) -> int:
    """`release` of several films of one learner, by video; gives how many milliseconds count by it.

    One transaction for each learner: whoever takes several at once would take their clocks and ledgers in turns.

    Raises:
        NotFound, Malformed: as `release`.
    """
    return sum(
        release(session, actor, enrolment_id, video_id, segments, reason=reason, now=now)
        for video_id, segments in sorted(wanted.items())
    )


def checked_reason(reason: str) -> str:
    """A reason as it is kept.

    Raises:
        Malformed: there is none, or a very long one.
    """
    reason = reason.strip()
    if not reason:
        raise Malformed("reason_missing")
    if len(reason) > LONGEST_REASON:
        raise Malformed("reason_too_long", longest=LONGEST_REASON)
    return reason


def whose_film(session: Session, enrolment_id: int, video_id: int, now: datetime) -> tuple[Text, str]:
    """The title of a film's module and the learner's name, for who may release it."""
    enrolment = session.get_one(Enrolment, enrolment_id)
    key = session.get_one(ModuleRow, session.get_one(Video, video_id).module_id).key
    programme = catalogue.for_enrolment(session, enrolment, now).programme
    module = next((one for one in programme.modules if one.key == key), None)
    title = module.title if module is not None else Text(key, key)
    return title, session.get_one(User, enrolment.user_id).name


def _pending(session: Session, group_ids: Sequence[int], now: datetime) -> dict[tuple[int, int], Segments]:
    """What is pending in films of learners whose window has closed, by (enrolment, video)."""
    learners = and_(ClassGroup.programme_id == Enrolment.programme_id, ClassGroup.id == Enrolment.class_group_id)
    taken_as = select(Enrolment.programme_id, Enrolment.variant).join(ClassGroup, learners).distinct()
    closed = [
        (programme_id, variant)
        for programme_id, variant in session.execute(taken_as.where(ClassGroup.id.in_(group_ids)))
        if catalogue.in_force(session, programme_id, now, variant).programme.window.closes_at <= now
    ]
    if not closed:
        return {}  # as on every day but the last ones: nobody's sessions are looked through
    rows = session.execute(
        select(PlaybackSession.enrolment_id, PlaybackSession.video_id, PlaybackSession.pending)
        .join(Enrolment, Enrolment.id == PlaybackSession.enrolment_id)
        .join(ClassGroup, learners)
        .where(ClassGroup.id.in_(group_ids), PlaybackSession.pending != b"")
        .where(tuple_(Enrolment.programme_id, Enrolment.variant).in_(closed))
    )
    found: dict[tuple[int, int], Segments] = {}
    for row in rows:
        key = (row.enrolment_id, row.video_id)
        found[key] = intervals.union(found.get(key, NOTHING), intervals.unpack(row.pending))
    return found


def _lost(session: Session, user_ids: set[int]) -> dict[tuple[int, int | None], datetime]:
    """When these people's latest check without a right answer was over: by module, and (None) of all modules."""
    rows = session.scalars(
        select(PresenceCheck)
        .where(PresenceCheck.user_id.in_(user_ids))
        .order_by(PresenceCheck.user_id, PresenceCheck.number)
    )
    found: dict[tuple[int, int | None], datetime] = {}
    # The tries of one check share its end; one right answer among them is enough.
    for (user_id, answer_by), tries in groupby(rows, key=lambda one: (one.user_id, one.answer_by)):
        last = list(tries)[-1]
        if last.outcome in (presence.FAILED, presence.UNANSWERED):
            at = last.answered_at or answer_by
            found[user_id, last.module_id] = found[user_id, None] = at
    return found
