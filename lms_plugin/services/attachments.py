"""Files handed in as evidence or homework: taken by what they are, kept under their SHA-256, shown to who may see."""

import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain import filetypes
from lms_plugin.domain.errors import NotFound, Unavailable
from lms_plugin.services import access
from lms_plugin.services.access import Actor
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.study import Attachment, Coursework, SchoolActivity

MAX_BYTES: Final = 10 * 1024 * 1024
MOST_FILES: Final = 5
"""Of one activity or piece of homework."""
MAX_REQUEST_BYTES: Final = MOST_FILES * MAX_BYTES + 1024 * 1024
ACTIVITY, COURSEWORK = "activity", "coursework"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file as it was sent: the name its sender gave it, and its content."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why a file is not taken: `file_too_large`, `file_empty`, `file_type_unknown` or `too_many_files`."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Folder:
    """Where contents are kept: a folder that no server gives out."""

    root: Path

    def keep(self, content: bytes) -> str:
        """Keep a content; gives its SHA-256. The same content is kept once.

        Raises:
            Unavailable: there is no room, or the folder cannot be written.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.path_of(digest)
        if path.exists():
            return digest
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as fault:
            raise Unavailable(why=str(fault.strerror)) from fault
        return digest

    def path_of(self, digest: str) -> Path:
        return self.root / digest[:2] / digest


def faults_of(files: Sequence[NewFile], *, already: int = 0) -> list[FileFault]:
    """What is wrong with files about to be handed in with `already` others."""
    found = []
    for number, file in enumerate(files, start=already + 1):
        if number > MOST_FILES:
            found.append(FileFault(file.name, "too_many_files"))
        elif len(file.content) > MAX_BYTES:
            found.append(FileFault(file.name, "file_too_large"))
        elif not file.content:
            found.append(FileFault(file.name, "file_empty"))
        elif filetypes.media_type_of(file.content) is None:
            found.append(FileFault(file.name, "file_type_unknown"))
    return found


def attach(
    session: Session, folder: Folder, owner: str, user_id: int, files: Sequence[NewFile], now: datetime
) -> list[Attachment]:
    """Keep files that were checked; one that the owner has already is not kept twice."""
    known = {row.digest for row in of_owner(session, owner)}
    rows = []
    for file in files:
        media_type = filetypes.media_type_of(file.content)
        if media_type is None:
            raise AssertionError("unreachable")
        digest = folder.keep(file.content)
        if digest in known:
            continue
        known.add(digest)
        rows.append(
            Attachment(
                owner=owner,
                user_id=user_id,
                name=filetypes.safe_name(file.name, media_type),
                media_type=media_type,
                size_bytes=len(file.content),
                digest=digest,
                created_at=now,
            )
        )
    session.add_all(rows)
    session.flush()
    return rows


def remove(session: Session, owner: str, attachment_ids: Sequence[int]) -> None:
    """Take files away from what they were handed in with; their contents stay where they are kept."""
    for row in of_owner(session, owner):
        if row.id in attachment_ids:
            session.delete(row)
    session.flush()


def of_owner(session: Session, owner: str) -> list[Attachment]:
    """The files of one activity or piece of homework."""
    return of_owners(session, [owner])[owner]


def of_owners(session: Session, owners: Sequence[str]) -> dict[str, list[Attachment]]:
    """The files of several, in the order in which they came; owners without any have an empty list."""
    found: dict[str, list[Attachment]] = defaultdict(list)
    for row in session.scalars(select(Attachment).where(Attachment.owner.in_(owners)).order_by(Attachment.id)):
        found[row.owner].append(row)
    return found


def visible_of(session: Session, actor: Actor, owner: str) -> list[Attachment]:
    """Those files of an activity or a piece of homework that the actor may see; none of anything else."""
    found = []
    for row in of_owner(session, owner):
        try:
            found.append(visible(session, actor, row.id))
        except NotFound:
            continue
    return found


def used_by_others(session: Session, rows: Sequence[Attachment]) -> dict[int, int]:
    """How many other people handed in the same content, by attachment id; only those where somebody did."""
    if not rows:
        return {}
    counts = session.execute(
        select(Attachment.digest, func.count(func.distinct(Attachment.user_id)))
        .where(Attachment.digest.in_([row.digest for row in rows]), Attachment.user_id != rows[0].user_id)
        .group_by(Attachment.digest)
    )
    others = dict(counts.tuples().all())
    return {row.id: others[row.digest] for row in rows if row.digest in others}


def visible(session: Session, actor: Actor, attachment_id: int) -> Attachment:
    """A file that the actor may see: who handed it in, the tutor, and the office that answers for the learner.

    Raises:
        NotFound: none of these holds, or there is none.
    """
    row = session.get(Attachment, attachment_id)
    if row is None:
        raise NotFound(what="attachment")
    kind, _, number = row.owner.partition("/")
    owner: SchoolActivity | Coursework | None
    owner = session.get(SchoolActivity, int(number)) if kind == ACTIVITY else session.get(Coursework, int(number))
    enrolment = session.get(Enrolment, owner.enrolment_id) if owner is not None else None
    if owner is not None and enrolment is not None:
        if enrolment.user_id == actor.user_id or access.tutors_enrolment(session, actor, enrolment):
            return row
        region_id = owner.region_id if isinstance(owner, SchoolActivity) else enrolment.region_id
        if access.answers_for(session, actor, region_id):
            return row
    raise NotFound(what="attachment")
