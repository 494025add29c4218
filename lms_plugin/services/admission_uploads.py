"""Files of nominations, quotas and completions from elsewhere on their way in: kept sealed, looked at, then taken.

What a file would do is found out anew each time it is shown, and once more in the transaction that takes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.services import access, catalogue, elsewhere_files
from lms_plugin.services.access import Actor
from lms_plugin.services.elsewhere_files import CompletionsPlan, PlannedCompletion
from lms_plugin.services.findings import Finding
from lms_plugin.services.nominationimport import NominationPlan, apply_nominations, plan_nominations
from lms_plugin.services.quotaimport import QuotaPlan, apply_quotas, plan_quotas
from lms_plugin.services.rosterfile import COMPLETIONS, NOMINATIONS, QUOTAS, Layout, read_table
from lms_plugin.services.sealing import FileSeal
from lms_plugin.services.uploads import MOST_WAITING
from lms_plugin.storage.admission import Upload
from lms_plugin.storage.programmes import ProgrammeRow

LAYOUTS: Final[Mapping[str, Layout]] = {"nominations": NOMINATIONS, "quotas": QUOTAS, "completions": COMPLETIONS}
LONGEST_NAME = 200
COMPLETIONS_SHOWN = 500

AnyPlan = NominationPlan | QuotaPlan | CompletionsPlan


@dataclass(frozen=True, slots=True)
class Looked:
    """A file and what taking it would do. `figures` are counts by name: for nominations nominated, with_misfits and
    misfits by code, for quotas new, changed and unchanged, for completions new, corrected, unchanged and over.

    `completions` are the first good rows of such a file.
    """

    id: str
    kind: str
    name: str
    programme_key: str
    state: str
    good_rows: int
    faulty_rows: int
    figures: Mapping[str, int]
    faults: tuple[Finding, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    completions: tuple[PlannedCompletion, ...] = ()

    @property
    def can_be_taken(self) -> bool:
        """Nominations and completions can be taken without the faulty ones; quotas hang together."""
        return self.good_rows > 0 and (not self.faulty_rows or self.kind != "quotas")


def receive(
    session: Session,
    actor: Actor,
    programme_key: str,
    *,
    kind: str,
    name: str,
    content: bytes,
    seal: FileSeal,
    new_id: str,
    now: datetime,
) -> None:
    """Keep a file that can be read.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such programme or kind.
        Malformed, TooLarge: the file is none that `rosterfile.read_table` reads.
        Conflict: `too_many_uploads` (most) wait already.
    """
    access.office_scope(actor)
    programme_id = catalogue.programme_id_of(session, programme_key)
    if kind not in LAYOUTS:
        raise NotFound(what="kind")
    read_table(content, LAYOUTS[kind])
    waiting = select(func.count()).where(Upload.user_id == actor.user_id, Upload.state == "waiting")
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise Conflict("too_many_uploads", most=MOST_WAITING)
    session.add(
        Upload(
            id=new_id,
            user_id=actor.user_id,
            kind=kind,
            name="".join(one for one in name if one.isprintable())[-LONGEST_NAME:] or "-",
            body=seal.close(content),
            created_at=now,
            outcome={"programme_id": programme_id},
        )
    )
    session.flush()


def look(session: Session, actor: Actor, upload_id: str, seal: FileSeal, now: datetime) -> Looked:
    """One of the actor's files, and what taking it would do as things stand.

    Raises:
        NotFound: it is not theirs, or there is none.
        Conflict: `nominations_closed`, `upload_unreadable`.
    """
    upload = _own(session, actor, upload_id)
    key = session.get_one(ProgrammeRow, upload.outcome["programme_id"]).key
    if upload.state != "waiting":
        figures: Mapping[str, int] = upload.outcome.get("figures", {})
        return Looked(upload.id, upload.kind, upload.name, key, upload.state, 0, 0, figures)
    plan = _plan(session, actor, upload, seal, now)
    return Looked(
        id=upload.id,
        kind=upload.kind,
        name=upload.name,
        programme_key=key,
        state=upload.state,
        good_rows=_good_rows(plan),
        faulty_rows=len({fault.row for fault in plan.faults}),
        figures=_figures(plan),
        faults=plan.faults,
        ignored_columns=plan.ignored_columns,
        completions=plan.good[:COMPLETIONS_SHOWN] if isinstance(plan, CompletionsPlan) else (),
    )


def take(
    session: Session, actor: Actor, upload_id: str, *, seen_faulty_rows: int, seal: FileSeal, now: datetime
) -> Mapping[str, int]:
    """Carry a waiting file out as it was seen, nominations without their faulty rows; gives the figures.

    Raises:
        NotFound: it is not the actor's, or there is none.
        Conflict: `upload_not_waiting`, `import_changed` where other rows are faulty by now, `nominations_closed`.
        Malformed: `import_has_faults` for quotas, and for others without a good row.
    """
    upload = _own(session, actor, upload_id)
    access.lock_programme(session, upload.outcome["programme_id"])
    session.refresh(upload, with_for_update=True)
    if upload.state != "waiting":
        raise Conflict("upload_not_waiting")
    plan = _plan(session, actor, upload, seal, now)
    if len({fault.row for fault in plan.faults}) != seen_faulty_rows:
        raise Conflict("import_changed")
    if isinstance(plan, NominationPlan):
        apply_nominations(session, plan)
    elif isinstance(plan, CompletionsPlan):
        if not plan.good:
            raise Malformed("import_has_faults", faults=plan.faults)
        elsewhere_files.enter(session, actor, plan, now)
    else:
        apply_quotas(session, actor, plan, now)
    figures = _figures(plan)
    upload.state, upload.body, upload.done_at = "done", b"", now
    upload.outcome = {**upload.outcome, "figures": figures}
    session.flush()
    return figures


def discard(session: Session, actor: Actor, upload_id: str, now: datetime) -> str:
    """Throw a waiting file away, of which nothing stays; gives the programme's key.

    Raises:
        NotFound: it is not the actor's, or there is none.
        Conflict: `upload_not_waiting`.
    """
    upload = _own(session, actor, upload_id)
    session.refresh(upload, with_for_update=True)
    if upload.state != "waiting":
        raise Conflict("upload_not_waiting")
    upload.state, upload.body, upload.done_at = "discarded", b"", now
    return session.get_one(ProgrammeRow, upload.outcome["programme_id"]).key


def _own(session: Session, actor: Actor, upload_id: str) -> Upload:
    upload = access.own_upload(session, actor, upload_id)
    if upload.kind not in LAYOUTS:
        raise NotFound(what="upload")
    return upload


def _plan(session: Session, actor: Actor, upload: Upload, seal: FileSeal, now: datetime) -> AnyPlan:
    table = read_table(seal.open(upload.body), LAYOUTS[upload.kind])
    programme_id = upload.outcome["programme_id"]
    if upload.kind == "nominations":
        return plan_nominations(session, actor, programme_id, table, now)
    if upload.kind == "completions":
        return elsewhere_files.plan(session, actor, programme_id, table, now)
    return plan_quotas(session, actor, programme_id, table, now)


def _good_rows(plan: AnyPlan) -> int:
    return len(plan.places) if isinstance(plan, QuotaPlan) else len(plan.good)


def _figures(plan: AnyPlan) -> dict[str, int]:
    if isinstance(plan, CompletionsPlan):
        return plan.figures
    if isinstance(plan, NominationPlan):
        return {"nominated": len(plan.good), "with_misfits": plan.with_misfits, **plan.misfits}
    return {"new": plan.new, "changed": plan.changed, "unchanged": plan.unchanged}
