"""The catalogue: publishing a programme, and reading the rule versions and films that learners get."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.programme import Module, Programme, Variant, Window
from lms_plugin.services.declaration import digest_of, read_declaration, write_declaration
from lms_plugin.storage.activity import Coverage
from lms_plugin.storage.among import among
from lms_plugin.storage.lti import LtiLink
from lms_plugin.storage.outbox import LRS, Platform
from lms_plugin.storage.programmes import Enrolment, ModuleRow, ProgrammeRow, ProgrammeVersion, Video


@dataclass(frozen=True, slots=True)
class EncodedFilm:
    """A film ready to be served: `digest` names its folder under the media root."""

    digest: str
    duration_ms: int
    captions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing did: the latest version and from when on it is in force, and whether anything is new."""

    programme_id: int
    version: int
    is_new_version: bool
    new_films: int
    applies_at: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """A version of a programme, usually the one in force; where a variant is given, as that variant takes it.

    `id` is the programme's, `variant` what `domain.programme.Variant.write` wrote. `is_linked`: an LTI platform shows
    the programme or a module of it; `is_told`: a record store hears of it; both as far as `in_force` has found.
    """

    id: int
    version: int
    programme: Programme
    variant: str = ""
    is_linked: bool = False
    is_told: bool = False

    @property
    def rule_version(self) -> str:
        return f"{self.programme.key}@{self.version}"


def publish(session: Session, programme: Programme, films: Mapping[str, EncodedFilm], now: datetime) -> Publication:
    """Make a programme (a new version of it, where anything changed) the one in force, at once or from its date on.

    Of versions that wait for their date the latest one counts: one that is published later takes the place of all
    before it from its own date on. `films` maps module keys to encoded films. Publishing the same again changes
    nothing. Earlier versions and films stay: learners who began a film keep it, and hours already earned keep the
    version they came from.
    """
    declaration = write_declaration(programme)
    digest = digest_of(declaration)
    row = session.scalar(select(ProgrammeRow).where(ProgrammeRow.key == programme.key).with_for_update())
    is_new = False
    if row is None:
        row = ProgrammeRow(key=programme.key, version=0)
        session.add(row)
        session.flush()
    latest = session.get(ProgrammeVersion, (row.id, row.version))
    if latest is None or latest.digest != digest:
        is_new = True
        row.version += 1
        session.add(
            ProgrammeVersion(
                programme_id=row.id,
                number=row.version,
                digest=digest,
                declaration=declaration,
                published_at=now,
                applies_at=_applies_at(programme, now),
            )
        )
        session.flush()
        latest = session.get_one(ProgrammeVersion, (row.id, row.version))
    known = {module.key: module for module in session.scalars(_modules(row.id))}
    new_films = 0
    for position, module in enumerate(programme.modules):
        module_row = known.pop(module.key, None)
        if module_row is None:
            module_row = ModuleRow(programme_id=row.id, key=module.key, position=position)
            session.add(module_row)
            session.flush()
        module_row.position = position
        new_films += _take_film(session, module_row, films.get(module.key), now)
    session.flush()
    return Publication(row.id, row.version, is_new, new_films, latest.applies_at)


def in_force(session: Session, programme_id: int, now: datetime, variant: str = "") -> InForce:
    """The version of a programme that is in force at a moment, the first one before any is.

    Raises:
        NotFound: there is no such programme.
    """
    # Asked along with what every credit asks anyway, so that platforms cost nothing where there are none.
    is_linked = exists().where(LtiLink.programme_id == ProgrammeVersion.programme_id)
    is_told = exists().where(Platform.kind == LRS)
    versions = (
        select(
            ProgrammeVersion.number,
            ProgrammeVersion.digest,
            is_linked.label("is_linked"),
            is_told.label("is_told"),
        )
        .where(ProgrammeVersion.programme_id == programme_id)
        .limit(1)
    )
    found = (
        session.execute(
            versions.where(ProgrammeVersion.applies_at <= now).order_by(ProgrammeVersion.number.desc())
        ).one_or_none()
        or session.execute(versions.order_by(ProgrammeVersion.number)).one_or_none()
    )
    if found is None:
        raise NotFound(what="programme")
    declared = _declared(session, programme_id, found.number, found.digest)
    current = InForce(programme_id, found.number, declared, is_linked=found.is_linked, is_told=found.is_told)
    return taken_as(current, variant)


def for_enrolment(session: Session, enrolment: Enrolment, now: datetime) -> InForce:
    """The version in force of an enrolment's programme, as that enrolment takes it."""
    return in_force(session, enrolment.programme_id, now, enrolment.variant)


def schedule(session: Session, programme_id: int) -> list[tuple[int, datetime]]:
    """The versions of a programme there are, by number, each with the moment it applies from."""
    rows = session.execute(
        select(ProgrammeVersion.number, ProgrammeVersion.applies_at)
        .where(ProgrammeVersion.programme_id == programme_id)
        .order_by(ProgrammeVersion.number)
    )
    return [(row.number, row.applies_at) for row in rows]


def number_in_force(versions: Sequence[tuple[int, datetime]], now: datetime) -> int:
    """The number in force at a moment, from a schedule that is not empty."""
    return next((number for number, applies_at in reversed(versions) if applies_at <= now), versions[0][0])


def version_of(session: Session, programme_id: int, number: int, variant: str = "") -> InForce:
    """One version of a programme, in force or not.

    Raises:
        NotFound: there is no such version.
    """
    digest = session.scalar(
        select(ProgrammeVersion.digest).where(
            ProgrammeVersion.programme_id == programme_id, ProgrammeVersion.number == number
        )
    )
    if digest is None:
        raise NotFound(what="programme")
    return taken_as(InForce(programme_id, number, _declared(session, programme_id, number, digest)), variant)


def taken_as(current: InForce, variant: str) -> InForce:
    """A version as an enrolment with this variant takes it; `current` is the programme's own."""
    if not variant:
        return current
    return replace(current, programme=current.programme.taken_as(Variant.read(variant)), variant=variant)


_DECLARED: dict[str, Programme] = {}
"""What was declared, by digest: versions never change."""


def _declared(session: Session, programme_id: int, number: int, digest: str) -> Programme:
    """What a version declares, fetched once in a process.

    A declaration holds every text of a programme; to fetch it each time would cost more than all else.
    """
    found = _DECLARED.get(digest)
    if found is None:
        declaration = session.scalar(
            select(ProgrammeVersion.declaration).where(
                ProgrammeVersion.programme_id == programme_id, ProgrammeVersion.number == number
            )
        )
        found = _DECLARED[digest] = read_declaration(declaration or "")
    return found


def in_force_for_module(session: Session, module_id: int, now: datetime) -> InForce:
    """The version in force of the programme that a module belongs to.

    Raises:
        NotFound: there is no such module.
    """
    module = session.get(ModuleRow, module_id)
    if module is None:
        raise NotFound(what="module")
    return in_force(session, module.programme_id, now)


def programme_id_of(session: Session, key: str) -> int:
    """The id of the programme with a key.

    Raises:
        NotFound: there is none.
    """
    found = session.scalar(select(ProgrammeRow.id).where(ProgrammeRow.key == key))
    if found is None:
        raise NotFound(what="programme", key=key)
    return found


def all_in_force(session: Session, now: datetime) -> list[InForce]:
    """Every programme's version in force, by key."""
    keys = select(ProgrammeRow.id).order_by(ProgrammeRow.key)
    return [in_force(session, one, now) for one in session.scalars(keys)]


@dataclass(frozen=True, slots=True)
class CatalogueModule:
    """A module as a learner gets it: its row, what it declares, and the film (None without one)."""

    id: int
    module: Module
    video: Video | None


def modules_of(session: Session, current: InForce, enrolment_id: int | None) -> list[CatalogueModule]:
    """The modules in order, each with the film this enrolment gets (the current film where `enrolment_id` is None)."""
    # A version that waits for its date has moved and retired rows already: the order and the choice are the version's.
    by_key = {row.key: row for row in session.scalars(_modules(current.id))}
    current_films = {
        video.module_id: video
        for video in session.scalars(
            select(Video)
            .join(ModuleRow, ModuleRow.id == Video.module_id)
            .where(ModuleRow.programme_id == current.id, Video.is_current)
        )
    }
    if enrolment_id is not None:
        begun = select(Video).join(Coverage, Coverage.video_id == Video.id).where(Coverage.enrolment_id == enrolment_id)
        current_films |= {video.module_id: video for video in session.scalars(begun)}
    rows = [(by_key[module.key], module) for module in current.programme.modules if module.key in by_key]
    return [CatalogueModule(row.id, module, current_films.get(row.id)) for row, module in rows]


def films_begun(session: Session, enrolment_ids: Sequence[int]) -> dict[tuple[int, int], int]:
    """The films that enrolments began, and so keep: video id by (enrolment, module)."""
    begun = (
        select(Coverage.enrolment_id, Video.module_id, Video.id)
        .join(Video, Video.id == Coverage.video_id)
        .where(among(Coverage.enrolment_id, enrolment_ids))
    )
    return {(enrolment_id, module_id): video_id for enrolment_id, module_id, video_id in session.execute(begun)}


def _applies_at(programme: Programme, now: datetime) -> datetime:
    """The midnight that a version applies from, where it still has to come."""
    if programme.applies_from is None:
        return now
    day = programme.applies_from
    return max(now, Window(day, day, programme.window.timezone).opens_at)


def _modules(programme_id: int) -> Select[tuple[ModuleRow]]:
    return select(ModuleRow).where(ModuleRow.programme_id == programme_id).order_by(ModuleRow.position, ModuleRow.id)


def _take_film(session: Session, module: ModuleRow, film: EncodedFilm | None, now: datetime) -> int:
    """Make a film the module's current one; gives how many films (0 or 1) are new."""
    known = {video.digest: video for video in session.scalars(select(Video).where(Video.module_id == module.id))}
    for digest, video in known.items():
        video.is_current = film is not None and digest == film.digest
    if film is None:
        return 0
    if film.digest in known:
        known[film.digest].captions = dict(film.captions)
        return 0
    session.add(
        Video(
            module_id=module.id,
            digest=film.digest,
            duration_ms=film.duration_ms,
            captions=dict(film.captions),
            is_current=True,
            created_at=now,
        )
    )
    return 1
