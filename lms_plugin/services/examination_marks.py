"""Examination marks from a CSV or XLSX file: every row looked at before anything is written."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.coursework import BEST, PASSED
from lms_plugin.domain.errors import Conflict, TooLarge
from lms_plugin.services import access, catalogue, examinations
from lms_plugin.services.access import Actor
from lms_plugin.services.examinations import examination_of
from lms_plugin.services.findings import Finding
from lms_plugin.services.rosterfile import Layout, TableRow, read_table
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment

MOST_ROWS: Final = 5000
LONGEST_REMARK: Final = 500
COLUMNS: Final = ("login", "name", "mark", "remark", "attempts_seen")
_NAMES = {
    "login": ("login", "账号", "登录账号", "登录名", "用户名", "account"),
    "name": ("name", "姓名", "学员姓名", "教师姓名"),
    "mark": ("mark", "成绩", "分数", "得分", "考试成绩", "score"),
    "remark": ("remark", "备注", "评语"),
    "attempts_seen": ("attemptsseen",),
}
LAYOUT: Final = Layout(
    keys={name: key for key, names in _NAMES.items() for name in names},
    required=("login", "mark"),
    codes=frozenset({"login", "mark", "attempts_seen"}),
)


@dataclass(frozen=True, slots=True)
class PlannedMark:
    """A row that can be entered: whose mark, whether it passes, and how many attempts there were before it."""

    row: int
    enrolment_id: int
    login: str
    name: str
    mark: int
    remark: str
    passes: bool
    attempts_seen: int


@dataclass(frozen=True, slots=True)
class MarksPlan:
    """What a file would do: marks that can be entered, and every fault by row; with faults nothing is entered."""

    programme_key: str
    marks: tuple[PlannedMark, ...]
    faults: tuple[Finding, ...]
    ignored_columns: tuple[str, ...] = ()

    @property
    def as_text(self) -> str:
        """The marks as CSV that `plan` reads again, with the attempts that were seen."""
        written = io.StringIO()
        writer = csv.writer(written)
        writer.writerow(COLUMNS)
        writer.writerows((one.login, one.name, one.mark, one.remark, one.attempts_seen) for one in self.marks)
        return written.getvalue()


def plan(session: Session, actor: Actor, programme_key: str, content: bytes, now: datetime) -> MarksPlan:
    """Look at a file of marks.

    Raises:
        NotAllowed: the person is no office admin.
        NotFound: there is no such programme.
        Conflict: the programme has no examination (`no_examination`).
        TooLarge, Malformed: the file cannot be read (services.rosterfile), or has too many rows (`too_many_rows`).
    """
    scope = access.office_scope(actor)
    programme_id = catalogue.programme_id_of(session, programme_key)
    component = examination_of(catalogue.in_force(session, programme_id, now).programme)
    table = read_table(content, LAYOUT)
    if len(table.rows) > MOST_ROWS:
        raise TooLarge("too_many_rows", limit=MOST_ROWS)
    logins = [row.values.get("login", "") for row in table.rows]
    known: dict[str, tuple[Enrolment, str]] = {}
    for at in range(0, len(logins), 500):
        rows = session.execute(
            select(User.login, User.name, Enrolment)
            .join(Enrolment, Enrolment.user_id == User.id)
            .where(Enrolment.programme_id == programme_id, User.login.in_(logins[at : at + 500]))
            .where(access.in_scope(scope, Enrolment.region_id))
        )
        known |= {login: (enrolment, name) for login, name, enrolment in rows}
    enrolments = [enrolment for enrolment, _ in known.values()]
    taught = examinations.taught_by(session, enrolments)
    sat = examinations.attempts_of(session, [one.id for one in enrolments])
    first_rows: dict[str, int] = {}
    marks, faults = [], list(table.faults)
    for row in table.rows:
        wrong, mark = _mark_of(row)
        login, name = row.values.get("login", ""), row.values.get("name")
        found = known.get(login)
        if not login:
            wrong.append(Finding(row.number, "login", "login_missing"))
        elif first_rows.setdefault(login, row.number) != row.number:
            wrong.append(Finding(row.number, "login", "login_twice", {"first_row": first_rows[login]}))
        elif found is None:
            wrong.append(Finding(row.number, "login", "candidate_unknown", {"value": login}))
        else:
            enrolment, real_name = found
            if name is not None and name != real_name:
                wrong.append(Finding(row.number, "name", "candidate_name_differs", {"value": name, "name": real_name}))
            states = [one.state for one in sat[enrolment.id]]
            seen = _seen_in(row, len(states))
            wrong += _standing_faults(row, actor, enrolment, taught[enrolment.id])
            # What was entered since the file was looked at is for `enter` to refuse, not a fault of the file.
            if not wrong and seen == len(states):
                wrong += _attempt_faults(row, states, component.study.attempts)
            if not wrong and mark is not None:
                passes = mark >= component.study.pass_mark
                remark = row.values.get("remark", "")
                marks.append(PlannedMark(row.number, enrolment.id, login, real_name, mark, remark, passes, seen))
        faults += wrong
    return MarksPlan(programme_key, tuple(marks), tuple(sorted(faults, key=lambda one: one.row)), table.ignored_columns)


def enter(session: Session, actor: Actor, wanted: MarksPlan, now: datetime) -> int:
    """Enter all marks of a plan, or none; gives how many.

    Raises:
        Conflict: the plan has faults (`marks_faulty`).
        NotAllowed, NotFound, Conflict, Malformed: something changed since the plan was made, as `examinations.enter`;
            `mark_entered_meanwhile` where it was entered already.
    """
    if wanted.faults:
        raise Conflict("marks_faulty")
    for one in sorted(wanted.marks, key=lambda mark: mark.enrolment_id):
        examinations.enter(
            session,
            actor,
            one.enrolment_id,
            mark=one.mark,
            remark=one.remark,
            attempts_seen=one.attempts_seen,
            now=now,
        )
    return len(wanted.marks)


def _mark_of(row: TableRow) -> tuple[list[Finding], int | None]:
    text = row.values.get("mark", "")
    wrong = []
    mark = int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else None
    if not text:
        wrong.append(Finding(row.number, "mark", "mark_missing"))
    elif mark is None or mark > BEST:
        wrong.append(Finding(row.number, "mark", "mark_malformed", {"value": text}))
    if len(row.values.get("remark", "")) > LONGEST_REMARK:
        wrong.append(Finding(row.number, "remark", "remark_too_long"))
    return wrong, mark


def _seen_in(row: TableRow, present: int) -> int:
    """How many attempts were seen when the row was looked at: now, unless it says so itself."""
    text = row.values.get("attempts_seen", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else present


def _standing_faults(row: TableRow, actor: Actor, enrolment: Enrolment, taught: frozenset[int]) -> list[Finding]:
    """Why a learner's mark cannot be entered by this person, or not any more."""
    if enrolment.user_id == actor.user_id:
        return [Finding(row.number, "login", "own_examination")]
    if actor.user_id in taught:
        return [Finding(row.number, "login", "marker_taught_class")]
    if enrolment.state != "active":
        return [Finding(row.number, "login", "candidate_withdrawn")]
    return []


def _attempt_faults(row: TableRow, states: Sequence[str], most: int) -> list[Finding]:
    """Why no further attempt comes after those that were sat."""
    if PASSED in states:
        return [Finding(row.number, "mark", "examination_passed")]
    if len(states) >= most:
        return [Finding(row.number, "mark", "attempts_used_up", {"most": most})]
    return []
