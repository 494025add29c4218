"""Course content: checked, built, published."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from lms_plugin.cli.environment import now, opened
from lms_plugin.config import Settings
from lms_plugin.content.loader import LoadedModule, LoadedProgramme, check, find_programmes, load_programme
from lms_plugin.content.reach import plain
from lms_plugin.content.schema import FILES, json_schema
from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.programme import MINUTE_MS, ComponentKind
from lms_plugin.services import catalogue, standings
from lms_plugin.services.catalogue import EncodedFilm
from lms_plugin.video.fonts import find_font
from lms_plugin.video.lesson import build_lesson, estimated_duration_ms
from lms_plugin.video.manifest import VideoPackage
from lms_plugin.video.package import encode
from lms_plugin.video.probe import probe
from lms_plugin.video.slides import draw_slides

Report = Callable[[float], None]

# Building a lesson's film takes about a third of the time that encoding it takes.
_BUILD_SHARE = 1 / 3


@click.group()
def content() -> None:
    """Programmes as data: check, build lessons, publish."""


@content.command("check")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check_content(path: Path) -> None:
    """Name file and line of every fault in the programme, or all programmes, at PATH."""
    faults = [str(fault) for fault in check(path)]
    if not faults:
        for folder in find_programmes(path):
            faults += _film_faults(load_programme(folder))
    for fault in faults:
        click.echo(fault)
    if faults:
        raise click.ClickException(f"{len(faults)} fault{'s' if len(faults) > 1 else ''} found")
    click.echo(f"{len(find_programmes(path))} programme(s) checked: no faults")


@content.command()
@click.argument("file", type=click.Choice(sorted(FILES)), default="programme")
def schema(file: str) -> None:
    """Print the JSON Schema of FILE.toml (programme, module or questions), for editors."""
    click.echo(json.dumps(json_schema(file), ensure_ascii=False, indent=2))


@content.command("build-lesson")
@click.argument("module", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/lessons"),
    show_default=True,
    help="Folder that takes the film.",
)
def build(module: Path, output: Path) -> None:
    """Make the narrated, captioned film of the lesson in the MODULE folder, without publishing it."""
    loaded = load_programme(module.resolve().parent.parent)
    found = next((one for one in loaded.modules if one.folder.resolve() == module.resolve()), None)
    if found is None or found.lesson is None:
        raise click.ClickException(f'{module} has no lesson: its module.toml must say video = "lesson.md"')
    with _bar() as bar:
        task = bar.add_task(found.module.key, total=1.0)
        built = build_lesson(found.lesson, output, lambda share: bar.update(task, completed=share))
    click.echo(f"film      {built.film}")
    for language, captions in sorted(built.captions.items()):
        click.echo(f"captions  {captions} ({language})")
    if built.notice:
        click.echo(built.notice, err=True)


@content.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def publish(path: Path) -> None:
    """Encode the films of the programme, or all programmes, at PATH and write them to the catalogue.

    What is encoded already is not encoded again, so that a publishing that was interrupted goes on where it was.
    """
    loaded = [load_programme(folder) for folder in find_programmes(path)]
    if not loaded:
        raise click.ClickException(f"there is no programme at {path}")
    with opened() as (settings, database):
        for programme in loaded:
            films = _films(programme, settings)
            with database.writing() as session:
                done = catalogue.publish(
                    session,
                    programme.programme,
                    {
                        key: EncodedFilm(package.digest, package.duration_ms, package.captions)
                        for key, package in films.items()
                    },
                    now(),
                )
            if done.is_new_version and done.applies_at <= now():
                # Roll-ups follow the new rules at once, not only with each learner's next credit. Where the rules wait
                # for their day, a worker sees to it.
                standings.refresh_programme(database, done.programme_id, now)
            state = f"version {done.version}" if done.is_new_version else f"version {done.version}, unchanged"
            seconds = sum(package.duration_ms for package in films.values()) / 1000
            click.echo(
                f"published {programme.programme.key}: {state}, {len(films)} films ({done.new_films} new),"
                f" {seconds:.0f} s of film in {sum(len(one.renditions) for one in films.values())} renditions"
            )
            awaited = [
                f"{module.key} {module.awaited_minutes} min"
                for module in programme.programme.modules
                if module.awaited_minutes is not None
            ]
            if awaited:
                click.echo(f"awaited {programme.programme.key}: {len(awaited)} films, {', '.join(awaited)}")


@dataclass(frozen=True, slots=True)
class _Work:
    """One film to be made, and about how much of the bar it is."""

    module: LoadedModule
    weight_ms: int


def _films(loaded: LoadedProgramme, settings: Settings) -> dict[str, VideoPackage]:
    work = [_Work(module, _weight(module)) for module in loaded.modules if module.has_video]
    packages: dict[str, VideoPackage] = {}
    with _bar() as bar:
        task = bar.add_task(loaded.programme.key, total=max(1, sum(one.weight_ms for one in work)))
        done_ms = 0
        for one in work:
            bar.update(task, description=f"{loaded.programme.key}/{one.module.module.key}")
            start, weight = done_ms, one.weight_ms

            def report(share: float, start: int = start, weight: int = weight) -> None:
                bar.update(task, completed=start + share * weight)

            packages[one.module.module.key] = _film(one.module, settings, report, bar)
            done_ms += weight
    return packages


def _film(module: LoadedModule, settings: Settings, report: Report, bar: Progress) -> VideoPackage:
    try:
        if module.lesson is not None:
            built = build_lesson(module.lesson, settings.lessons_root, lambda share: report(share * _BUILD_SHARE))
            if built.notice:
                bar.console.print(f"{module.module.key}: {built.notice}")
            return encode(
                built.film,
                built.captions,
                settings.media_root,
                lambda share: report(_BUILD_SHARE + share * (1 - _BUILD_SHARE)),
                digest=built.digest,
            )
        if module.film is None:
            raise AssertionError("unreachable")
        return encode(module.film, module.captions, settings.media_root, report)
    except Refusal as refusal:
        raise click.ClickException(f"{module.folder}: {refusal}") from refusal


def _weight(module: LoadedModule) -> int:
    if module.lesson is not None:
        return estimated_duration_ms(module.lesson)
    try:
        return probe(module.film).duration_ms if module.film is not None else 0
    except Refusal as refusal:
        raise click.ClickException(f"{module.film}: {refusal}") from refusal


def _film_faults(loaded: LoadedProgramme) -> Iterator[str]:
    """What only opening the films and drawing the slides can show."""
    film_ms = 0
    is_known = True
    for module in loaded.modules:
        film_ms += (module.module.awaited_minutes or 0) * MINUTE_MS
        try:
            if module.lesson is not None:
                # How long a voice takes is known when it has spoken.
                is_known = False
                draw_slides(module.lesson, find_font())
            elif module.film is not None:
                film_ms += probe(module.film).duration_ms
        except Refusal as refusal:
            is_known = False
            yield f"{module.folder}: {refusal}"
    programme = loaded.programme
    video = programme.component_of(ComponentKind.VIDEO)
    most = Fraction(film_ms, programme.class_hour_ms)
    if is_known and video is not None and video.required_class_hours > most:
        yield f"{loaded.folder}: its films together give at most {plain(most)} class hours of {video.key}"


@contextmanager
def _bar() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        yield bar
