"""Files that an admin has uploaded: kept, sealed, until they are imported or thrown away, with what importing would do.

Whoever uploads a file sees it, nobody else. Nothing of it is written before it is confirmed (see `importing`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, defer

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.services import access
from lms_plugin.services.access import Actor, Scope
from lms_plugin.services.findings import Finding
from lms_plugin.services.regionimport import RegionPlan, plan_regions
from lms_plugin.services.roster import ImportPlan, plan_import
from lms_plugin.services.rosterfile import PEOPLE, REGIONS, Layout, Table, read_table
from lms_plugin.services.sealing import FileSeal
from lms_plugin.storage.admission import Upload
from lms_plugin.storage.session import Database

LAYOUTS: Final[Mapping[str, Layout]] = {"people": PEOPLE, "regions": REGIONS}
MOST_WAITING: Final = 20
KEPT_FOR: Final = timedelta(days=30)
FINDINGS_KEPT: Final = 5_000
"""Of a file with more, the preview holds the first ones; all of them are found again for the file of faults."""
SHOWN_DONE: Final = 10

_LONGEST_NAME, _LONGEST_VALUE = 200, 200
_HIDDEN_COLUMNS = frozenset({"password"})


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding with what its cell says; passwords are not shown."""

    finding: Finding
    value: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do, as of `at`. `figures` are counts by name: for people created, updated, unchanged,
    enrolled, moved, tutors and class_groups, for regions created, renamed and unchanged.

    `faults` and `notices` hold the first ones of `fault_count` and `notice_count`.
    """

    at: datetime
    good_rows: int
    faulty_rows: int
    figures: Mapping[str, int]
    fault_count: int
    notice_count: int
    faults: tuple[Noted, ...]
    notices: tuple[Noted, ...]
    ignored_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UploadShown:
    """An upload as its owner sees it; `preview` while it waits, `figures` of what was done afterwards.

    `has_slips`: drawn passwords have not been fetched yet.
    """

    id: str
    kind: str
    name: str
    created_at: datetime
    state: str
    done_at: datetime | None
    preview: Preview | None
    figures: Mapping[str, int]
    has_slips: bool


def receive(
    database: Database,
    actor: Actor,
    *,
    kind: str,
    name: str,
    content: bytes,
    seal: FileSeal,
    new_id: str,
    now: datetime,
) -> None:
    """Keep a file and find out what importing it would do.

    Raises:
        NotAllowed: the actor is no office admin.
        Malformed, TooLarge: the file is none that `rosterfile.read_table` reads, or `unknown_kind`.
        Conflict: `too_many_uploads` (most) wait already.
    """
    scope = access.office_scope(actor)
    if kind not in LAYOUTS:
        raise Malformed("unknown_kind", kind=kind)
    table = read_table(content, LAYOUTS[kind])
    with database.reading() as session:
        preview = preview_of(plan(session, kind, table, scope, now), table, now)
    sealed = seal.close(content)

    def write(session: Session) -> None:
        _forget_old(session, actor, now)
        of_actor = (Upload.user_id == actor.user_id, Upload.kind.in_(LAYOUTS), Upload.state == "waiting")
        if (session.scalar(select(func.count()).where(*of_actor)) or 0) >= MOST_WAITING:
            raise Conflict("too_many_uploads", most=MOST_WAITING)
        session.add(
            Upload(
                id=new_id,
                user_id=actor.user_id,
                kind=kind,
                name=_plain_name(name),
                body=sealed,
                created_at=now,
                outcome=_written(preview),
            )
        )

    database.transact(write)


def check_again(database: Database, actor: Actor, upload_id: str, seal: FileSeal, now: datetime) -> None:
    """Find out anew what importing a waiting file would do: regions or people may have come meanwhile.

    Raises:
        NotFound: it is not the actor's.
        Conflict: `upload_not_waiting`.
    """
    with database.reading() as session:
        upload = waiting_upload(session, actor, upload_id)
        table = table_of(upload, seal)
        preview = preview_of(plan(session, upload.kind, table, access.office_scope(actor), now), table, now)

    def write(session: Session) -> None:
        waiting_upload(session, actor, upload_id, locked=True).outcome = _written(preview)

    database.transact(write)


def all_faults(database: Database, actor: Actor, upload_id: str, seal: FileSeal, now: datetime) -> Sequence[Noted]:
    """Every fault of a waiting file, however many there are.

    Raises:
        NotFound, Conflict: as `check_again`.
    """
    with database.reading() as session:
        upload = waiting_upload(session, actor, upload_id)
        known = _read(upload.outcome)
        if len(known.faults) == known.fault_count:
            return known.faults
        table = table_of(upload, seal)
        found = plan(session, upload.kind, table, access.office_scope(actor), now)
    return _noted(found.faults, table)


def discard(session: Session, actor: Actor, upload_id: str, now: datetime) -> None:
    """Throw a waiting file away: of its contents nothing stays.

    Raises:
        NotFound, Conflict: as `check_again`.
    """
    upload = waiting_upload(session, actor, upload_id, locked=True)
    upload.state, upload.body, upload.outcome, upload.done_at = "discarded", b"", {}, now


def own_uploads(session: Session, actor: Actor) -> tuple[list[UploadShown], list[UploadShown]]:
    """(the actor's waiting files, the last ones that were imported), the latest first.

    Raises:
        NotAllowed: the actor is no office admin.
    """
    access.office_scope(actor)
    kinds = select(Upload).options(defer(Upload.body)).where(Upload.user_id == actor.user_id, Upload.kind.in_(LAYOUTS))
    waiting = session.scalars(kinds.where(Upload.state == "waiting").order_by(Upload.created_at.desc(), Upload.id))
    done = session.scalars(kinds.where(Upload.state == "done").order_by(Upload.done_at.desc()).limit(SHOWN_DONE))
    return [_shown(one) for one in waiting], [_shown(one) for one in done]


def look(session: Session, actor: Actor, upload_id: str) -> UploadShown:
    """One of the actor's uploads.

    Raises:
        NotFound: it is not theirs, or there is none.
    """
    return _shown(_own(session, actor, upload_id))


def _own(session: Session, actor: Actor, upload_id: str) -> Upload:
    """An upload of the kinds that are known here: files of admission wait in the same table."""
    upload = access.own_upload(session, actor, upload_id)
    if upload.kind not in LAYOUTS:
        raise NotFound(what="upload")
    return upload


def waiting_upload(session: Session, actor: Actor, upload_id: str, *, locked: bool = False) -> Upload:
    """A waiting upload of the actor's; `locked` keeps others from it until the commit.

    Raises:
        NotFound: it is not theirs, or there is none.
        Conflict: `upload_not_waiting`, it was imported or thrown away.
    """
    upload = _own(session, actor, upload_id)
    if locked:
        session.refresh(upload, with_for_update=True)
    if upload.state != "waiting":
        raise Conflict("upload_not_waiting")
    return upload


def table_of(upload: Upload, seal: FileSeal) -> Table:
    """The rows of a kept file."""
    return read_table(seal.open(upload.body), LAYOUTS[upload.kind])


def plan(session: Session, kind: str, table: Table, scope: Scope, now: datetime) -> ImportPlan | RegionPlan:
    """What importing a table would do."""
    return plan_import(session, table, scope, now) if kind == "people" else plan_regions(session, table, scope)


def preview_of(found: ImportPlan | RegionPlan, table: Table, now: datetime) -> Preview:
    """A plan as a page shows it."""
    notices: Sequence[Finding] = ()
    if isinstance(found, ImportPlan):
        notices = found.notices
        names = ("created", "updated", "unchanged", "enrolled", "moved", "tutors", "class_groups")
        figures = {name: int(getattr(found, name)) for name in names}
        good = len(found.people)
    else:
        figures = {"created": len(found.new), "renamed": len(found.renamed), "unchanged": found.unchanged}
        good = sum(figures.values())
    return Preview(
        at=now,
        good_rows=good,
        faulty_rows=len({fault.row for fault in found.faults}),
        figures=figures,
        fault_count=len(found.faults),
        notice_count=len(notices),
        faults=_noted(found.faults[:FINDINGS_KEPT], table),
        notices=_noted(notices[:FINDINGS_KEPT], table),
        ignored_columns=found.ignored_columns,
    )


def _forget_old(session: Session, actor: Actor, now: datetime) -> None:
    """Discard what has waited for too long, and passwords that nobody fetched."""
    old = (Upload.user_id == actor.user_id, Upload.kind.in_(LAYOUTS))
    waiting = update(Upload).where(*old, Upload.state == "waiting", Upload.created_at < now - KEPT_FOR)
    session.execute(waiting.values(state="discarded", body=b"", outcome={}, done_at=now))
    done = update(Upload).where(*old, Upload.state == "done", Upload.done_at < now - KEPT_FOR)
    session.execute(done.values(body=b""))


def _noted(findings: Sequence[Finding], table: Table) -> tuple[Noted, ...]:
    wanted = {finding.row for finding in findings}
    rows = {row.number: row.values for row in (*table.rows, *table.damaged) if row.number in wanted}
    noted = []
    for finding in findings:
        value = rows.get(finding.row, {}).get(finding.column or "", "") or str(finding.params.get("value", ""))
        if finding.column in _HIDDEN_COLUMNS:
            value = ""
        noted.append(Noted(finding, value[:_LONGEST_VALUE]))
    return tuple(noted)


def _written(preview: Preview) -> dict[str, Any]:
    values = asdict(preview) | {"at": preview.at.isoformat()}
    for name, noted in (("faults", preview.faults), ("notices", preview.notices)):
        values[name] = [
            [one.finding.row, one.finding.column, one.finding.code, _plain(one.finding.params), one.value]
            for one in noted
        ]
    return {"preview": values}


def _plain(params: Mapping[str, object]) -> dict[str, object]:
    """Values as JSON keeps them; what a cell says is bounded like everything that comes from outside."""
    return {name: value if isinstance(value, int) else str(value)[:_LONGEST_VALUE] for name, value in params.items()}


def _read(outcome: Mapping[str, Any]) -> Preview:
    values = dict(outcome["preview"])
    for name in ("faults", "notices"):
        values[name] = tuple(
            Noted(Finding(row, column, code, params), value) for row, column, code, params, value in values[name]
        )
    values |= {"at": datetime.fromisoformat(values["at"]), "ignored_columns": tuple(values["ignored_columns"])}
    return Preview(**values)


def _shown(upload: Upload) -> UploadShown:
    return UploadShown(
        id=upload.id,
        kind=upload.kind,
        name=upload.name,
        created_at=upload.created_at,
        state=upload.state,
        done_at=upload.done_at,
        preview=_read(upload.outcome) if upload.state == "waiting" else None,
        figures=upload.outcome.get("figures", {}),
        has_slips=upload.state == "done" and bool(upload.body),
    )


def _plain_name(name: str) -> str:
    """A file's name without the folders some browsers send, printable."""
    last = PurePath(name.replace("\\", "/")).name
    return "".join(character for character in last if character.isprintable())[:_LONGEST_NAME] or "-"
