"""Carrying out an upload once its owner has seen what it will do, and handing out the drawn passwords, once.

The passwords are kept sealed with a key that only the answer to the confirmation holds, until they are fetched with it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict
from lms_plugin.services import access, rosterimport, uploads
from lms_plugin.services.access import Actor
from lms_plugin.services.regionimport import RegionPlan, apply_regions
from lms_plugin.services.roster import ImportPlan, lock_places
from lms_plugin.services.rosterimport import Credential, Slip
from lms_plugin.services.sealing import FileSeal, open_with, seal_for_once
from lms_plugin.storage.admission import Upload
from lms_plugin.storage.session import Database

_FIGURES = ("created", "updated", "unchanged", "enrolled", "moved", "tutors", "class_groups")


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What an import did, in figures; `slips_key` fetches the drawn passwords, None where none were drawn."""

    figures: Mapping[str, int]
    slips: int
    slips_key: str | None


def carry_out(
    database: Database,
    actor: Actor,
    upload_id: str,
    *,
    only_good: bool,
    seen_faulty_rows: int,
    seal: FileSeal,
    now: datetime,
) -> CarriedOut:
    """Import a waiting file, whole or its good rows, in one transaction, and forget its contents.

    `seen_faulty_rows` is how many faulty rows the owner was shown. Passwords are drawn and hashed before anything is
    locked, as `rosterimport.import_people` does.

    Raises:
        NotFound: it is not the actor's.
        Conflict: `upload_not_waiting`; `import_has_faults` and all rows are wanted; `import_changed`, it has other
            faults by now than the owner has seen. Nothing was written.
    """
    scope = access.office_scope(actor)
    with database.reading() as session:
        upload = uploads.waiting_upload(session, actor, upload_id)
        kind, table = upload.kind, uploads.table_of(upload, seal)
        first = uploads.plan(session, kind, table, scope, now)
    _agree(first, only_good=only_good, seen_faulty_rows=seen_faulty_rows)
    credentials = rosterimport.make_credentials(first) if isinstance(first, ImportPlan) else {}

    def write(session: Session) -> CarriedOut:
        upload = uploads.waiting_upload(session, actor, upload_id, locked=True)
        if isinstance(first, ImportPlan):
            lock_places(session, table)
        plan = uploads.plan(session, kind, table, scope, now)
        _agree(plan, only_good=only_good, seen_faulty_rows=seen_faulty_rows)
        figures, slips = _apply(session, plan, credentials, by_id=actor.user_id, now=now)
        return _close(upload, figures, slips, now)

    return database.transact(write)


def fetch_slips(session: Session, actor: Actor, upload_id: str, key: str) -> list[Slip]:
    """The drawn passwords of an import, in the order of its rows; afterwards they are nowhere.

    Raises:
        NotFound: the import is not the actor's.
        Conflict: `slips_gone`, they were fetched or there were none; `key_wrong`.
    """
    upload = access.own_upload(session, actor, upload_id)
    session.refresh(upload, with_for_update=True)
    if upload.state != "done" or not upload.body:
        raise Conflict("slips_gone")
    slips = [Slip(*one) for one in json.loads(open_with(key, upload.body))]
    upload.body = b""
    return slips


def _agree(plan: ImportPlan | RegionPlan, *, only_good: bool, seen_faulty_rows: int) -> None:
    if plan.faults and not only_good:
        raise Conflict("import_has_faults")
    if len({fault.row for fault in plan.faults}) != seen_faulty_rows:
        raise Conflict("import_changed")


def _apply(
    session: Session,
    plan: ImportPlan | RegionPlan,
    credentials: Mapping[str, Credential],
    *,
    by_id: int,
    now: datetime,
) -> tuple[dict[str, int], tuple[Slip, ...]]:
    if isinstance(plan, RegionPlan):
        changed = apply_regions(session, plan)
        return {"created": changed.created, "renamed": changed.renamed, "unchanged": changed.unchanged}, ()
    done = rosterimport.apply_import(session, plan, only_good=True, now=now, by_id=by_id, credentials=credentials)
    return {name: int(getattr(done, name)) for name in _FIGURES}, done.slips


def _close(upload: Upload, figures: dict[str, int], slips: tuple[Slip, ...], now: datetime) -> CarriedOut:
    key, body = None, b""
    if slips:
        key, body = seal_for_once(json.dumps([[one.login, one.name, one.password] for one in slips]).encode())
    upload.state, upload.body, upload.outcome, upload.done_at = "done", body, {"figures": figures}, now
    return CarriedOut(figures, len(slips), key)
