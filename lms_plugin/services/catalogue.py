"""The catalogue: publishing a programme, and reading the rule versions and films that learners get."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.programme import Module, Programme
from lms_plugin.services.declaration import digest_of, read_declaration, write_declaration
from lms_plugin.storage.activity import Coverage
from lms_plugin.storage.programmes import ModuleRow, ProgrammeRow, ProgrammeVersion, Video


@dataclass(frozen=True, slots=True)
class EncodedFilm:
    """A film ready to be served: `digest` names its folder under the media root."""

    digest: str
    duration_ms: int
    captions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing did: the version in force now, and whether anything is new."""

    programme_id: int
    version: int
    is_new_version: bool
    new_films: int


@dataclass(frozen=True, slots=True)
class InForce:
    """A programme's version in force."""

    id: int
    version: int
    programme: Programme

    @property
    def rule_version(self) -> str:
        return f"{self.programme.key}@{self.version}"


def publish(session: Session, programme: Programme, films: Mapping[str, EncodedFilm], now: datetime) -> Publication:
    """Make a programme (a new version of it, where anything changed) the one in force.

    `films` maps module keys to encoded films. Publishing the same again changes nothing. Earlier versions and
    films stay: learners who began a film keep it, and hours already earned keep the version they came from.
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
            )
        )
    known = {module.key: module for module in session.scalars(_modules(row.id))}
    new_films = 0
    for position, module in enumerate(programme.modules):
        module_row = known.pop(module.key, None)
        if module_row is None:
            module_row = ModuleRow(programme_id=row.id, key=module.key, position=position)
            session.add(module_row)
            session.flush()
        module_row.position, module_row.is_retired = position, False
        new_films += _take_film(session, module_row, films.get(module.key), now)
    for left_out in known.values():
        left_out.is_retired = True
    session.flush()
    return Publication(row.id, row.version, is_new, new_films)


def in_force(session: Session, programme_id: int) -> InForce:
    """The version of a programme that is in force.

    Raises:
        NotFound: there is no such programme.
    """
    found = session.execute(
        select(ProgrammeRow.id, ProgrammeRow.version, ProgrammeVersion.declaration)
        .join(
            ProgrammeVersion,
            (ProgrammeVersion.programme_id == ProgrammeRow.id) & (ProgrammeVersion.number == ProgrammeRow.version),
        )
        .where(ProgrammeRow.id == programme_id)
    ).one_or_none()
    if found is None:
        raise NotFound(what="programme")
    return InForce(found.id, found.version, read_declaration(found.declaration))


def in_force_for_module(session: Session, module_id: int) -> InForce:
    """The version in force of the programme that a module belongs to.

    Raises:
        NotFound: there is no such module.
    """
    module = session.get(ModuleRow, module_id)
    if module is None:
        raise NotFound(what="module")
    return in_force(session, module.programme_id)


def programme_id_of(session: Session, key: str) -> int:
    """The id of the programme with a key.

    Raises:
        NotFound: there is none.
    """
    found = session.scalar(select(ProgrammeRow.id).where(ProgrammeRow.key == key))
    if found is None:
        raise NotFound(what="programme", key=key)
    return found


def all_in_force(session: Session) -> list[InForce]:
    """Every programme's version in force, by key."""
    return [in_force(session, one) for one in session.scalars(select(ProgrammeRow.id).order_by(ProgrammeRow.key))]


@dataclass(frozen=True, slots=True)
class CatalogueModule:
    """A module as a learner gets it: its row, what it declares, and the film (None without one)."""

    id: int
    module: Module
    video: Video | None


def modules_of(session: Session, current: InForce, enrolment_id: int | None) -> list[CatalogueModule]:
    """The modules in order, each with the film this enrolment gets (the current film where `enrolment_id` is None)."""
    declared = {module.key: module for module in current.programme.modules}
    rows = session.scalars(_modules(current.id).where(~ModuleRow.is_retired)).all()
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
    return [CatalogueModule(row.id, declared[row.key], current_films.get(row.id)) for row in rows]


def film_for(session: Session, module_id: int, enrolment_id: int) -> Video | None:
    """The film of a module that an enrolment gets: the one it began, else the current one."""
    begun = session.scalar(
        select(Video)
        .join(Coverage, Coverage.video_id == Video.id)
        .where(Coverage.enrolment_id == enrolment_id, Video.module_id == module_id)
    )
    return begun or session.scalar(select(Video).where(Video.module_id == module_id, Video.is_current))


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
