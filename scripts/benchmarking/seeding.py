"""Learners for the benchmarks, put straight into the tables: the one place here that knows the schema.

Each learner has an enrolment, a token, and an open playback session that holds the lease. A column that has no
default and gets no value here stops the benchmark with its name.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert, select

from lms_plugin.domain import evidence, intervals
from lms_plugin.domain.evidence import NO_HEAD, Context, Opened
from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.domain.programme import Component, ComponentKind, LmsCourse, Module, Programme, Text, Window
from lms_plugin.services import catalogue
from lms_plugin.services.catalogue import EncodedFilm
from lms_plugin.storage import migrating
from lms_plugin.storage.activity import Coverage, PersonClock, PlaybackSession
from lms_plugin.storage.base import Base
from lms_plugin.storage.people import ApiToken, RoleGrant, User
from lms_plugin.storage.programmes import Enrolment, Video
from lms_plugin.storage.session import Database

FILM_MS = 24 * 3600 * 1000
MAX_RATE_PERMILLE = 1500
COURSE = "course-v1:Bench+B1+2026"
BLOCK = "block-v1:Bench+B1+2026+type@video+block@film"
_CHUNK = 5_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seeded:
    """A learner with an open playback session on the first film."""

    user_id: int
    enrolment_id: int
    video_id: int
    playback_session_id: str
    token: str
    opened_at: datetime

    @property
    def path(self) -> str:
        """Where this learner's beats go."""
        return f"/api/v1/playback-sessions/{self.playback_session_id}/beats"


def programme() -> Programme:
    """A programme that reports to an LMS, open all the time, with one module."""
    return Programme(
        key="bench",
        title=Text("基准", "Bench"),
        description=Text("基准", "Bench"),
        window=Window(date(2020, 1, 1), date(2100, 1, 1)),
        components=(Component("video", ComponentKind.VIDEO, Text("观看", "Watching"), Decimal(30)),),
        total_class_hours=Decimal(30),
        modules=(Module("film", Text("影片", "Film"), block_key=BLOCK),),
        lms=LmsCourse("openedx", COURSE),
    )


def people(count: int, *, video_id: int = 0, opened_at: datetime | None = None) -> list[Seeded]:
    """So many learners; their sessions were opened now where no instant is given."""
    return [
        Seeded(
            user_id=number,
            enrolment_id=number,
            video_id=video_id,
            playback_session_id=f"bench-{number:016d}",
            token=f"lmsp_bench-{number:032d}",
            opened_at=opened_at or datetime.now(UTC),
        )
        for number in range(1, count + 1)
    ]


def seed(
    url: str, learners: int, *, opened_seconds_ago: float = 0.0, films: int = 1, covered: Segments = NOTHING
) -> list[Seeded]:
    """Migrate an empty database and put learners in it.

    Each has begun `films` films, each a day long, and has `covered` of each of them already.
    """
    database = Database(url)
    migrating.upgrade(database)
    now = datetime.now(UTC)
    with database.writing() as session:
        film = EncodedFilm(_digest("film 0"), FILM_MS, {})
        programme_id = catalogue.publish(session, programme(), {"film": film}, now).programme_id
        first = session.scalars(select(Video)).one()
        seeded = people(learners, video_id=first.id, opened_at=now - timedelta(seconds=opened_seconds_ago))
        earlier = range(first.id + 1, first.id + films)
        connection = session.connection()
        fill(connection, Video, (_earlier_film(one, first.module_id, now) for one in earlier))
        fill(connection, User, (_user(one, now) for one in seeded))
        fill(connection, RoleGrant, ({"user_id": one.user_id, "role": "learner"} for one in seeded))
        fill(connection, ApiToken, (_token(one, now) for one in seeded))
        fill(connection, Enrolment, (_enrolment(one, programme_id, now) for one in seeded))
        openings = ((one, opening) for one in seeded for opening in _openings(one, earlier))
        fill(connection, PlaybackSession, (_playback_session(*pair) for pair in openings))
        fill(connection, PersonClock, (_clock(one, earlier) for one in seeded))
        films_begun = (first.id, *earlier)
        fill(connection, Coverage, (_coverage(one, film, covered) for one in seeded for film in films_begun))
    database.dispose()
    return seeded


def _earlier_film(video_id: int, module_id: int, now: datetime) -> Row:
    return {
        "id": video_id,
        "module_id": module_id,
        "digest": _digest(f"film {video_id}"),
        "duration_ms": FILM_MS,
        "captions": {},
        "is_current": False,
        "created_at": now,
    }


def _user(one: Seeded, now: datetime) -> Row:
    return {"id": one.user_id, "login": f"learner.{one.user_id}", "name": f"学员{one.user_id}", "created_at": now}


def _token(one: Seeded, now: datetime) -> Row:
    return {
        "digest": _digest(one.token),
        "user_id": one.user_id,
        "sign_in_epoch": 0,
        "created_at": now,
        "expires_at": now + timedelta(days=1),
    }


def _enrolment(one: Seeded, programme_id: int, now: datetime) -> Row:
    return {"id": one.enrolment_id, "user_id": one.user_id, "programme_id": programme_id, "enrolled_at": now}


@dataclass(frozen=True, slots=True)
class _Opening:
    """A session as it was opened; one of an earlier film ended when the next was opened."""

    number: int
    name: str
    video_id: int
    opened_at: datetime
    ended_at: datetime | None


def _openings(one: Seeded, earlier: Sequence[int]) -> Iterator[_Opening]:
    """The learner's sessions in order: one of each earlier film, a second apart, and the open one."""
    starts = [one.opened_at - timedelta(seconds=left) for left in range(len(earlier), -1, -1)]
    for number, video_id in enumerate(earlier, 1):
        name = f"film-{one.user_id}-{video_id}"
        yield _Opening(number, name, video_id, starts[number - 1], starts[number])
    yield _Opening(len(earlier) + 1, one.playback_session_id, one.video_id, one.opened_at, None)


def _playback_session(one: Seeded, opening: _Opening) -> Row:
    return {
        "user_id": one.user_id,
        "id": opening.name,
        "enrolment_id": one.enrolment_id,
        "video_id": opening.video_id,
        "max_rate_permille": MAX_RATE_PERMILLE,
        "opened_at": opening.opened_at,
        "last_contact_at": opening.opened_at,
        "ended_at": opening.ended_at,
        "number": opening.number,
        "rule_version": 1,
        "first_chunk": 1,
    }


def _clock(one: Seeded, earlier: Sequence[int]) -> Row:
    """A person's clock whose log says that the sessions were opened, as the service writes it."""
    context, body, head = Context(), b"", NO_HEAD
    for opening in _openings(one, earlier):
        opened = Opened(
            at=opening.opened_at,
            play=opening.number,
            session_id=opening.name,
            enrolment_id=one.enrolment_id,
            video_id=opening.video_id,
            version=1,
            max_rate_permille=MAX_RATE_PERMILLE,
            opened_at=opening.opened_at,
            check=0,
        )
        written = evidence.write(opened, context)
        body += written
        head = evidence.next_head(head, written)
    return {
        "user_id": one.user_id,
        "playback_session_id": one.playback_session_id,
        "plays": len(earlier) + 1,
        "log_body": body,
        "log_context": context.pack(),
        "log_head": head,
    }


def _coverage(one: Seeded, video_id: int, covered: Segments) -> Row:
    return {
        "enrolment_id": one.enrolment_id,
        "video_id": video_id,
        "covered": intervals.pack(covered),
        "covered_ms": intervals.length(covered),
        "position_ms": 0,
    }


def fill(connection: Connection, entity: type[Base], rows: Iterator[Row]) -> None:
    """Insert many rows of one shape.

    Raises:
        LookupError: a column of the table needs a value that the rows don't have.
    """
    columns = entity.__table__.columns
    for chunk in iter(lambda: list(islice(rows, _CHUNK)), []):
        for column in columns:
            has_default = column.nullable or column.default or column.server_default or column.autoincrement is True
            if column.key not in chunk[0] and not has_default and not (column.primary_key and column.key == "id"):
                raise LookupError(f"{entity.__tablename__}.{column.key} has no default: give it a value in {__name__}")
        connection.execute(insert(entity), chunk)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
