"""Programmes read from their folders: everything checked, every fault with its file and line."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from lms_plugin.content.document import Place, read_document, read_text
from lms_plugin.content.faults import ContentFaults, Fault
from lms_plugin.content.lesson_text import read_lesson
from lms_plugin.content.reach import Material
from lms_plugin.content.rules import programme_faults, questions_faults
from lms_plugin.content.schema import ModuleFile, ProgrammeFile, QuestionsFile
from lms_plugin.domain.captions import parse_webvtt
from lms_plugin.domain.lesson import Lesson
from lms_plugin.domain.programme import Module, Programme, Question, Text

LESSON_FILE = "lesson.md"


@dataclass(frozen=True, slots=True)
class LoadedModule:
    """A module's value and what its film is made of: a film file with captions, a lesson, or neither.

    `captions` maps a language ("zh", "en") to a WebVTT file; a lesson's captions come out of its building.
    """

    module: Module
    folder: Path
    film: Path | None = None
    captions: dict[str, Path] = field(default_factory=dict)
    lesson: Lesson | None = None

    @property
    def has_video(self) -> bool:
        return self.film is not None or self.lesson is not None


@dataclass(frozen=True, slots=True)
class LoadedProgramme:
    """A programme's value and, in the same order as its modules, where their films come from."""

    programme: Programme
    folder: Path
    modules: tuple[LoadedModule, ...]


def load_programme(folder: Path) -> LoadedProgramme:
    """The programme declared in `folder`; raises ContentFaults holding every fault of its files."""
    faults: list[Fault] = []
    loaded = _read_programme(folder, faults)
    if faults or loaded is None:
        raise ContentFaults(faults)
    return loaded


def find_programmes(path: Path) -> list[Path]:
    """The programme folders at `path`: itself, or those in it, in order of name.

    A folder without a programme.toml is not a programme unless it has modules, and then `load_programme` says so.
    """
    if (path / "programme.toml").exists() or (path / "modules").is_dir():
        return [path]
    if not path.is_dir():
        return []
    return sorted(
        folder
        for folder in path.iterdir()
        if folder.is_dir() and ((folder / "programme.toml").exists() or (folder / "modules").is_dir())
    )


def check(path: Path) -> list[Fault]:
    """Every fault of the programme, or of all programmes, at `path`, in order of place; empty means sound."""
    faults: list[Fault] = []
    folders = find_programmes(path)
    if not folders:
        faults.append(Fault(path, 1, "there is no programme here: no programme.toml"))
    for folder in folders:
        _read_programme(folder, faults)
    return sorted(set(faults))


def _read_programme(folder: Path, faults: list[Fault]) -> LoadedProgramme | None:
    document = read_document(folder / "programme.toml", ProgrammeFile, faults)
    modules_folder = folder / "modules"
    if document is None:
        # Its modules are read all the same, so that one run shows every fault there is.
        for module_folder in _folders_in(modules_folder):
            _read_module(module_folder, faults)
        return None
    table, place = document
    modules: list[LoadedModule] = []
    for position, key in enumerate(table.modules):
        if not (modules_folder / key).is_dir():
            faults.append(place.fault(("modules", position), f"there is no folder modules/{key}"))
        elif key in table.modules[:position]:
            faults.append(place.fault(("modules", position), f'"{key}" is listed twice'))
        else:
            module = _read_module(modules_folder / key, faults)
            modules.extend([module] if module else [])
    for module_folder in _folders_in(modules_folder):
        if module_folder.name not in table.modules:
            faults.append(place.fault(("modules",), f"the folder modules/{module_folder.name} is not listed"))
            _read_module(module_folder, faults)
    programme = table.value(tuple(loaded.module for loaded in modules))
    is_whole = len(modules) == len(set(table.modules))
    has_video = not is_whole or any(loaded.has_video or loaded.module.awaited_minutes for loaded in modules)
    material = _material(table, modules, is_whole=is_whole)
    found = programme_faults(programme, folder.resolve().name, table.modules, place, material, has_video=has_video)
    faults.extend(found)
    return LoadedProgramme(programme, folder, tuple(modules))


def _material(table: ProgrammeFile, modules: list[LoadedModule], *, is_whole: bool) -> Material:
    """What there is to study, as far as files tell; the length of a film that is there is known to who opens it."""
    awaited = [loaded.module.awaited_minutes for loaded in modules if loaded.module.awaited_minutes]
    is_known = is_whole and awaited and not any(loaded.has_video for loaded in modules)
    readings = tuple(loaded.module.reading.zh for loaded in modules if loaded.module.reading)
    return Material(
        modules=len(set(table.modules)),
        film_minutes=sum(awaited) if is_known else None,
        readings=readings if is_whole and readings else None,
    )


def _folders_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read_module(folder: Path, faults: list[Fault]) -> LoadedModule | None:
    document = read_document(folder / "module.toml", ModuleFile, faults)
    reading = _read_reading(folder, faults)
    questions = _read_questions(folder, faults)
    if document is None:
        return None
    table, place = document
    loaded = LoadedModule(
        module=Module(
            key=folder.name,
            title=table.title.value(),
            summary=table.summary.value() if table.summary else None,
            reading=reading,
            questions=questions,
            block_key=table.block_key,
            awaited_minutes=table.awaited_film_minutes,
        ),
        folder=folder,
    )
    is_there = (folder / (table.video or LESSON_FILE)).is_file()
    if table.awaited_film_minutes and not is_there:
        # Whatever else is written of the film speaks of what will be there.
        return loaded
    loaded = replace(loaded, module=replace(loaded.module, awaited_minutes=None))
    if table.video == LESSON_FILE:
        if table.captions:
            faults.append(place.fault(("captions",), "a lesson's captions are its narration; remove this table"))
        lesson_path = folder / LESSON_FILE
        if not lesson_path.is_file():
            faults.append(place.fault(("video",), f"there is no file {LESSON_FILE}"))
            return loaded
        lesson = read_lesson(lesson_path, faults)
        return replace(loaded, lesson=lesson) if lesson else None
    if (folder / LESSON_FILE).exists():
        faults.append(place.fault(("video",), f'{LESSON_FILE} is here but not used; write video = "{LESSON_FILE}"'))
    if table.video is None:
        if table.captions:
            faults.append(place.fault(("captions",), "there is no video to caption"))
        return loaded
    film = folder / table.video
    if not film.is_file():
        faults.append(place.fault(("video",), f"there is no file {table.video}"))
    elif film.stat().st_size == 0:
        faults.append(place.fault(("video",), f"{table.video} is empty"))
    return replace(loaded, film=film, captions=_check_captions(folder, table, place, faults))


def _check_captions(folder: Path, table: ModuleFile, place: Place, faults: list[Fault]) -> dict[str, Path]:
    captions: dict[str, Path] = {}
    for language, name in (table.captions.model_dump() if table.captions else {}).items():
        path = folder / name
        if not path.is_file():
            faults.append(place.fault(("captions", language), f"there is no file {name}"))
            continue
        captions[language] = path
        text = read_text(path, faults)
        if text is not None:
            faults.extend(Fault(path, fault.line, fault.message) for fault in parse_webvtt(text)[1])
    return captions


def _read_reading(folder: Path, faults: list[Fault]) -> Text | None:
    paths = {language: folder / f"reading.{language}.md" for language in ("zh", "en")}
    present = {language: path for language, path in paths.items() if path.exists()}
    if not present:
        return None
    texts: dict[str, str] = {}
    for language, path in paths.items():
        if language not in present:
            (other,) = present.values()
            faults.append(Fault(path, 1, f"the file is missing: {other.name} needs it beside it"))
            continue
        text = read_text(path, faults)
        if text is not None and not text.strip():
            faults.append(Fault(path, 1, "the reading is empty"))
        texts[language] = text or ""
    return Text(**texts) if len(texts) == len(paths) else None


def _read_questions(folder: Path, faults: list[Fault]) -> tuple[Question, ...]:
    path = folder / "questions.toml"
    document = read_document(path, QuestionsFile, faults) if path.exists() else None
    if document is None:
        return ()
    table, place = document
    faults.extend(questions_faults(table, place))
    return tuple(question.value() for question in table.questions)
