"""Carrying out a planned import of people: whole or not at all, in few statements, with passwords to hand out."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed
from lms_plugin.services import enrolments, outbox, passwords
from lms_plugin.services.access import Scope
from lms_plugin.services.enrolments import Change, NewLearner
from lms_plugin.services.portions import portions
from lms_plugin.services.roster import ImportPlan, PlannedPerson, lock_places, plan_import
from lms_plugin.services.rosterfile import Table
from lms_plugin.storage.base import Base
from lms_plugin.storage.people import RoleGrant, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment
from lms_plugin.storage.session import Database

WRITTEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Credential:
    """What a new account signs in with: the hash, and the password where it was drawn (None: it was in the file)."""

    password_hash: str
    drawn: str | None


@dataclass(frozen=True, slots=True)
class Slip:
    """A drawn password, to be handed to its owner; it is kept nowhere."""

    login: str
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did, in people; `class_groups` are new ones, `moved` learners changed their class group."""

    created: int
    updated: int
    unchanged: int
    enrolled: int
    moved: int
    tutors: int
    class_groups: int
    slips: tuple[Slip, ...]


def make_credentials(plan: ImportPlan) -> dict[str, Credential]:
    """Draw and hash the passwords of a plan's new people, by login, on all processors, without the store.

    A drawn password costs under a millisecond, one from the file some 20 ms (see `passwords`), so that callers do
    this before they open the transaction that `apply_import` is given.
    """
    new = [person for person in plan.people if person.is_new]
    # Hashing leaves the interpreter's lock: threads do.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return dict(zip((person.login for person in new), pool.map(_credential, new), strict=True))


def apply_import(
    session: Session,
    plan: ImportPlan,
    *,
    only_good: bool,
    now: datetime,
    by_id: int | None = None,
    credentials: Mapping[str, Credential] | None = None,
) -> ImportOutcome:
    """Carry out a plan in the caller's transaction, the one it was made in: all of it or, on any error, nothing.

    With `only_good` the rows without faults are imported; else a single fault stops everything. `by_id` is who imports,
    None for the operator at the console.

    Raises:
        Malformed: `import_has_faults` (faults: every Finding), and nothing was written.
    """
    if plan.faults and not only_good:
        raise Malformed("import_has_faults", faults=plan.faults)
    created = [person for person in plan.people if person.is_new]
    known = dict(credentials or {})
    known |= {person.login: _credential(person) for person in created if person.login not in known}
    ids = _create_users(session, created, known, now)
    ids |= {person.login: person.user.id for person in plan.people if person.user is not None}
    _update_users(session, plan, now)
    _add(
        session,
        RoleGrant,
        [
            {"user_id": ids[person.login], "role": grant.role, "region_id": grant.region_id}
            for person in plan.people
            for grant in person.new_grants
        ],
    )
    groups, new_groups = _create_groups(session, plan)
    enrolled, moved = _enrol(session, plan, ids, groups, _By(by_id, now))
    return ImportOutcome(
        created=len(created),
        updated=plan.updated,
        unchanged=plan.unchanged,
        enrolled=enrolled,
        moved=moved,
        tutors=_appoint(session, plan, ids, groups),
        class_groups=new_groups,
        slips=tuple(
            Slip(person.login, person.name, drawn)
            for person in created
            if (drawn := known[person.login].drawn) is not None
        ),
    )


def import_people(
    database: Database,
    table: Table,
    scope: Scope,
    *,
    only_good: bool,
    now: datetime,
    by_id: int | None = None,
) -> tuple[ImportPlan, ImportOutcome]:
    """Plan an import, hash its passwords while nothing is locked, then plan again and write in one transaction.

    Raises:
        Malformed: as `apply_import`.
    """
    with database.reading() as session:
        plan = plan_import(session, table, scope, now)
    if plan.faults and not only_good:
        raise Malformed("import_has_faults", faults=plan.faults)
    credentials = make_credentials(plan)

    def write(session: Session) -> tuple[ImportPlan, ImportOutcome]:
        lock_places(session, table)
        plan = plan_import(session, table, scope, now)
        done = apply_import(session, plan, only_good=only_good, now=now, by_id=by_id, credentials=credentials)
        return plan, done

    return database.transact(write)


@dataclass(frozen=True, slots=True)
class _By:
    """Who imports, and when."""

    user_id: int | None
    at: datetime


def _credential(person: PlannedPerson) -> Credential:
    if person.password is not None:
        return Credential(passwords.hash_password(person.password), None)
    drawn = passwords.draw()
    return Credential(passwords.hash_drawn(drawn), drawn)


def _create_users(
    session: Session, created: Sequence[PlannedPerson], credentials: Mapping[str, Credential], now: datetime
) -> dict[str, int]:
    ids: dict[str, int] = {}
    for some in portions(created, WRITTEN_AT_ONCE):
        values = [
            {
                "login": person.login,
                "name": person.name,
                "password_hash": credentials[person.login].password_hash,
                "email": person.email,
                "language": person.language,
                "region_id": person.region_id,
                "lms_username": person.lms_username,
                "created_at": now,
            }
            for person in some
        ]
        rows = session.execute(insert(User).returning(User.login, User.id), values)
        ids |= dict(rows.tuples().all())
    return ids


def _update_users(session: Session, plan: ImportPlan, now: datetime) -> None:
    changed = [
        {
            "id": person.user.id,
            "name": person.name,
            "email": person.email,
            "language": person.language,
            "region_id": person.region_id,
            "lms_username": person.lms_username,
        }
        for person in plan.people
        if person.user is not None and person.has_changes
    ]
    for some in portions(changed, WRITTEN_AT_ONCE):
        session.execute(update(User), some)
    for person in plan.people:
        if person.user is not None and person.lms_username != person.user.lms_username:
            # What waited for the name, or went to another account, is owed to this one now.
            outbox.wake(session, person.user.id, now)


def _create_groups(session: Session, plan: ImportPlan) -> tuple[dict[tuple[int, str], int], int]:
    """All class groups the plan names by (programme, name), and how many of them are new."""
    groups = {place: group.id for place, group in plan.known.groups.items()}
    wanted = dict.fromkeys(
        (person.programme_id, person.class_group)
        for person in plan.people
        if person.programme_id is not None and person.class_group is not None
    )
    new = [{"programme_id": programme, "name": name} for programme, name in wanted if (programme, name) not in groups]
    for some in portions(new, WRITTEN_AT_ONCE):
        rows = session.execute(
            insert(ClassGroup).returning(ClassGroup.programme_id, ClassGroup.name, ClassGroup.id), some
        )
        groups |= {(programme_id, name): group_id for programme_id, name, group_id in rows}
    return groups, len(new)


def _enrol(
    session: Session, plan: ImportPlan, ids: Mapping[str, int], groups: Mapping[tuple[int, str], int], by: _By
) -> tuple[int, int]:
    """(newly enrolled, moved to another class group)."""
    new: dict[int, list[NewLearner]] = {}
    moved: list[_Move] = []
    for person in plan.people:
        if not person.learns or person.programme_id is None:
            continue
        group_id = groups[person.programme_id, person.class_group] if person.class_group is not None else None
        present = plan.known.enrolments.get((ids[person.login], person.programme_id))
        if present is None:
            learner = NewLearner(ids[person.login], person.region_id, group_id, person.phase, person.tier)
            new.setdefault(person.programme_id, []).append(learner)
        elif plan.moves(person) and group_id is not None:
            moved.append(_Move(present.id, present.class_group_id, group_id, person.class_group or ""))
    for programme_id, learners in new.items():
        enrolments.enrol_many(session, programme_id, learners, by.at, by_id=by.user_id)
    _move(session, moved, by)
    return sum(map(len, new.values())), len(moved)


@dataclass(frozen=True, slots=True)
class _Move:
    enrolment_id: int
    from_group_id: int | None
    to_group_id: int
    to_name: str


def _move(session: Session, moves: Sequence[_Move], by: _By) -> None:
    """Put learners in other class groups, and say so among the changes of their enrolments."""
    names: dict[int | None, str] = {}
    for ids in portions(sorted({one.from_group_id for one in moves if one.from_group_id is not None})):
        groups = session.execute(select(ClassGroup.id, ClassGroup.name).where(ClassGroup.id.in_(ids)))
        names.update(groups.tuples().all())
    for some in portions(moves, WRITTEN_AT_ONCE):
        values = [{"id": one.enrolment_id, "class_group_id": one.to_group_id} for one in some]
        session.execute(update(Enrolment), values)
    changes = [Change(one.enrolment_id, "moved_group", names.get(one.from_group_id, ""), one.to_name) for one in moves]
    enrolments.note_many(session, changes, by.at, by_id=by.user_id)


def _appoint(session: Session, plan: ImportPlan, ids: Mapping[str, int], groups: Mapping[tuple[int, str], int]) -> int:
    new = [
        {"class_group_id": group_id, "user_id": ids[person.login]}
        for person in plan.people
        if person.tutors and person.programme_id is not None and person.class_group is not None
        for group_id in [groups[person.programme_id, person.class_group]]
        if (group_id, ids[person.login]) not in plan.known.tutors
    ]
    _add(session, ClassGroupTutor, new)
    return len(new)


def _add(session: Session, table: type[Base], values: Sequence[dict[str, Any]]) -> None:
    for some in portions(values, WRITTEN_AT_ONCE):
        session.execute(insert(table), some)
