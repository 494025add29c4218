"""Planning the import of a roster: what each row would do, and every fault with its row, before anything is written.

An empty cell never erases anything. An account that exists keeps its password and its roles; it can get more roles.
An office admin imports only into the own scope: every row names a region inside it, roles are granted there, and
accounts, class groups and powers beyond it cannot be touched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lms_plugin.services import passwords
from lms_plugin.services.access import Scope
from lms_plugin.services.findings import Finding
from lms_plugin.services.rosterfile import Table, TableRow
from lms_plugin.services.rosterlookup import Known, KnownEnrolment, KnownGroup, lock_named, look_up
from lms_plugin.services.rosterplaces import Room
from lms_plugin.services.rosterrow import PlannedPerson as PlannedPerson
from lms_plugin.services.rosterrow import Reading


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do: the good rows, every fault of the others by row, and what is worth saying besides."""

    people: tuple[PlannedPerson, ...]
    faults: tuple[Finding, ...]
    notices: tuple[Finding, ...]
    ignored_columns: tuple[str, ...]
    known: Known

    @property
    def is_good(self) -> bool:
        return not self.faults

    @property
    def created(self) -> int:
        return sum(person.is_new for person in self.people)

    @property
    def updated(self) -> int:
        return sum(person.has_changes for person in self.people)

    @property
    def unchanged(self) -> int:
        return len(self.people) - self.created - self.updated

    @property
    def enrolled(self) -> int:
        return sum(person.learns and self._enrolment(person) is None for person in self.people)

    @property
    def moved(self) -> int:
        """Learners who would change their class group, or come into one."""
        return sum(self.moves(person) for person in self.people)

    @property
    def tutors(self) -> int:
        """New places of tutors in class groups."""
        return sum(self.appoints(person) for person in self.people)

    @property
    def class_groups(self) -> int:
        """New class groups."""
        return len(
            {
                (person.programme_id, person.class_group)
                for person in self.people
                if person.programme_id is not None and person.class_group is not None
            }
            - self.known.groups.keys()
        )

    def moves(self, person: PlannedPerson) -> bool:
        enrolled = self._enrolment(person)
        if not person.learns or person.class_group is None or enrolled is None or not enrolled.is_active:
            return False
        group = self._group(person)
        return group is None or enrolled.class_group_id != group.id

    def appoints(self, person: PlannedPerson) -> bool:
        if not person.tutors or person.class_group is None:
            return False
        group = self._group(person)
        return group is None or person.user is None or (group.id, person.user.id) not in self.known.tutors

    def _group(self, person: PlannedPerson) -> KnownGroup | None:
        if person.programme_id is None or person.class_group is None:
            return None
        return self.known.groups.get((person.programme_id, person.class_group))

    def _enrolment(self, person: PlannedPerson) -> KnownEnrolment | None:
        if person.user is None or person.programme_id is None:
            return None
        return self.known.enrolments.get((person.user.id, person.programme_id))

    @property
    def faulty_rows(self) -> int:
        return len({fault.row for fault in self.faults})


def plan_import(session: Session, table: Table, scope: Scope, now: datetime) -> ImportPlan:
    """Say what importing a table would do, without doing anything; `scope` is what the importing admin answers for.

    Phases, tiers and sizes of class groups are those of the programme versions in force at `now`. The store is asked a
    number of times that hardly grows with the table.
    """
    rows = sorted((*table.rows, *table.damaged), key=lambda row: row.number)
    known = look_up(
        session,
        scope,
        logins=(passwords.normal_login(login) for login in _values(rows, "login")),
        region_codes=_values(rows, "region_code"),
        programme_keys=_values(rows, "programme"),
        class_groups=_values(rows, "class_group"),
        lms_usernames=_values(rows, "lms_username"),
        now=now,
    )
    unreadable: dict[int, set[str | None]] = {}
    for fault in table.faults:
        unreadable.setdefault(fault.row, set()).add(fault.column)
    candidates: list[tuple[PlannedPerson, bool]] = []
    faults, notices = list(table.faults), list[Finding]()
    first_rows: dict[tuple[str, str], int] = {}
    for row in rows:
        reading = Reading(row, known, scope, now)
        person = reading.person()
        reading.check_unique("login", passwords.normal_login(row.values.get("login", "")), first_rows)
        reading.check_unique("lms_username", row.values.get("lms_username", ""), first_rows)
        damaged = unreadable.get(row.number, set())
        # Of a cell that cannot be read, the reader has said what there is to say.
        faults += (fault for fault in reading.faults if fault.column not in damaged)
        is_good = not reading.faults and not damaged
        if person is not None:
            candidates.append((person, is_good))
        if is_good:
            notices += reading.notices
    planned, full = _seated(candidates, known, Room(session, known, scope, (person for person, _ in candidates)))
    faults += full
    rows_left = {fault.row for fault in full}
    faults.sort(key=lambda fault: fault.row)
    return ImportPlan(
        tuple(planned),
        tuple(faults),
        tuple(notice for notice in notices if notice.row not in rows_left),
        table.ignored_columns,
        known,
    )


def lock_places(session: Session, table: Table) -> None:
    """Keep everybody else from the places and class groups that a table names until the commit.

    For whoever is about to carry a plan out: before that plan is made.
    """
    rows = (*table.rows, *table.damaged)
    lock_named(session, programme_keys=_values(rows, "programme"), class_groups=_values(rows, "class_group"))


def _seated(
    candidates: Sequence[tuple[PlannedPerson, bool]], known: Known, room: Room
) -> tuple[list[PlannedPerson], list[Finding]]:
    """Those whose row is good and who find a place in programme and class group, first come first served; and a fault
    for everybody who finds none.

    A place that somebody leaves in this file is free for the rows below. A faulty row takes none.
    """
    names = {group.id: place for place, group in known.groups.items()}
    learners = {place: group.learners for place, group in known.groups.items()}
    seated: list[PlannedPerson] = []
    full: list[Finding] = []
    for person, is_good in candidates:
        lacking = room.lacking(person)
        if lacking is not None:
            full.append(Finding(person.row, "programme", lacking))
            continue
        place = _place_sought(person, known)
        if place is not None:
            group = known.groups.get(place)
            limit = group.size_limit if group is not None and group.size_limit is not None else person.group_size
            if limit is not None and learners.get(place, 0) >= limit:
                params = {"group": place[1], "limit": limit}
                full.append(Finding(person.row, "class_group", "class_group_full", params))
                continue
        if not is_good:
            continue
        if place is not None:
            learners[place] = learners.get(place, 0) + 1
            enrolled = known.enrolments.get((person.user.id, place[0])) if person.user else None
            left = names.get(enrolled.class_group_id) if enrolled and enrolled.class_group_id else None
            if left is not None:
                learners[left] -= 1
        room.take(person)
        seated.append(person)
    return seated, full


def _place_sought(person: PlannedPerson, known: Known) -> tuple[int, str] | None:
    """The class group (programme, name) that a learner would come into; None for who is there, or stays away."""
    if not person.learns or person.programme_id is None or person.class_group is None:
        return None
    place = (person.programme_id, person.class_group)
    enrolled = known.enrolments.get((person.user.id, person.programme_id)) if person.user else None
    group = known.groups.get(place)
    if enrolled is not None and (not enrolled.is_active or (group is not None and enrolled.class_group_id == group.id)):
        return None
    return place


def _values(rows: Sequence[TableRow], key: str) -> Iterable[str]:
    return (value for row in rows if (value := row.values.get(key)))
