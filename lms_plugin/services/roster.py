"""Planning the import of a roster: what each row would do, and every fault with its row, before anything is written.

An empty cell never erases anything. An account that exists keeps its password and its roles; it can get more roles.
An office admin imports only into the own scope: every row names a region inside it, roles are granted there, and
accounts, class groups and powers beyond it cannot be touched.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed
from lms_plugin.services import access, passwords, people
from lms_plugin.services.access import Grant, Scope
from lms_plugin.services.findings import Finding
from lms_plugin.services.people import NewPerson
from lms_plugin.services.rosterfile import Table, TableRow
from lms_plugin.services.rosterlookup import Known, KnownUser, look_up

EVERYWHERE = frozenset({"*", "全国", "all"})
LONGEST_GROUP_NAME = 120

_ROLE_NAMES = {
    access.LEARNER: ("learner", "学员", "参训教师", "参训学员"),
    access.TUTOR: ("tutor", "辅导教师", "辅导老师", "辅导员"),
    access.PROVIDER: ("provider", "培训机构", "承办机构"),
    access.OFFICE: ("office", "项目办", "项目办公室", "管理员"),
}
_ROLES = {name: role for role, names in _ROLE_NAMES.items() for name in names}
_LANGUAGES = {
    "zh": "zh",
    "中文": "zh",
    "汉语": "zh",
    "chinese": "zh",
    "en": "en",
    "英文": "en",
    "英语": "en",
    "english": "en",
}
_SEPARATORS = re.compile(r"[;；、,，/|]")
_COLUMN_OF = {
    "login_malformed": "login",
    "name_malformed": "name",
    "email_malformed": "email",
    "lms_username_malformed": "lms_username",
}


@dataclass(frozen=True, slots=True)
class PlannedPerson:
    """What a good row would do. `user` is the account as it is, None for a new one; the rest is as it will be.

    `new_grants` are those the account does not have yet. `learns` and `tutors` say in which capacity the person
    takes part in `programme_id`.
    """

    row: int
    login: str
    name: str
    email: str | None
    language: str
    region_id: int | None
    lms_username: str | None
    new_grants: tuple[Grant, ...]
    password: str | None
    programme_id: int | None
    class_group: str | None
    learns: bool
    tutors: bool
    user: KnownUser | None

    @property
    def is_new(self) -> bool:
        return self.user is None

    @property
    def has_changes(self) -> bool:
        """Whether an existing account would get other particulars or more roles."""
        user = self.user
        return user is not None and (
            bool(self.new_grants)
            or (self.name, self.email, self.language, self.region_id, self.lms_username)
            != (user.name, user.email, user.language, user.region_id, user.lms_username)
        )


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
    def faulty_rows(self) -> int:
        return len({fault.row for fault in self.faults})


def plan_import(session: Session, table: Table, scope: Scope) -> ImportPlan:
    """Say what importing a table would do, without doing anything; `scope` is what the importing admin answers for.

    The store is asked a number of times that hardly grows with the table.
    """
    known = look_up(
        session,
        scope,
        logins=(passwords.normal_login(login) for login in _values(table, "login")),
        region_codes=_values(table, "region_code"),
        programme_keys=_values(table, "programme"),
        class_groups=_values(table, "class_group"),
        lms_usernames=_values(table, "lms_username"),
    )
    planned: list[PlannedPerson] = []
    faults, notices = list(table.faults), list[Finding]()
    first_rows: dict[tuple[str, str], int] = {}
    for row in table.rows:
        reading = _Reading(row, known, scope)
        person = reading.person()
        reading.check_unique("login", passwords.normal_login(row.values.get("login", "")), first_rows)
        reading.check_unique("lms_username", row.values.get("lms_username", ""), first_rows)
        faults += reading.faults
        if person is not None and not reading.faults:
            planned.append(person)
            notices += reading.notices
    faults.sort(key=lambda fault: fault.row)
    return ImportPlan(tuple(planned), tuple(faults), tuple(notices), table.ignored_columns, known)


def _values(table: Table, key: str) -> Iterable[str]:
    return (value for row in table.rows if (value := row.values.get(key)))


class _Reading:
    """One row on its way to a planned person, with what is found wrong on the way."""

    def __init__(self, row: TableRow, known: Known, scope: Scope) -> None:
        self.row, self.known, self.scope = row, known, scope
        self.faults: list[Finding] = []
        self.notices: list[Finding] = []

    def person(self) -> PlannedPerson | None:
        get = self.row.values.get
        login = passwords.normal_login(get("login", ""))
        user = self.known.users.get(login)
        if not login:
            self._fault("login", "login_missing")
            return None
        if user is not None and not user.is_in_scope:
            self._fault("login", "login_taken")
            return None
        if user is not None and not user.is_active:
            self._fault("login", "account_closed")
        name = get("name") or (user.name if user is not None else "")
        if not name:
            self._fault("name", "name_missing")
        roles = self._roles(user)
        region_id, role_region_id = self._regions(roles, user)
        learns, tutors, programme_id, class_group = self._place(roles, user)
        grants = {Grant(role, role_region_id if role in (access.OFFICE, access.PROVIDER) else None) for role in roles}
        new_grants = tuple(sorted(grants - (user.grants if user else set()), key=lambda grant: grant.role))
        person = PlannedPerson(
            row=self.row.number,
            login=login,
            name=name,
            email=get("email") or (user.email if user else None),
            language=self._language(user),
            region_id=region_id,
            lms_username=get("lms_username") or (user.lms_username if user else None),
            new_grants=new_grants,
            password=self._password(login, user),
            programme_id=programme_id,
            class_group=class_group,
            learns=learns,
            tutors=tutors,
            user=user,
        )
        self._check_form(person)
        return person

    def check_unique(self, column: str, value: str, first_rows: dict[tuple[str, str], int]) -> None:
        """Refuse a value that an earlier row has, and remember it otherwise."""
        first_row = first_rows.setdefault((column, value), self.row.number) if value else self.row.number
        if first_row != self.row.number:
            self._fault(column, f"{column}_twice", first_row=first_row)

    def _roles(self, user: KnownUser | None) -> tuple[str, ...]:
        """The roles the row gives: those named, else a learner's for somebody new."""
        names = [name.strip() for name in _SEPARATORS.split(self.row.values.get("role", "")) if name.strip()]
        unknown = [name for name in names if name.lower() not in _ROLES]
        for name in unknown:
            self._fault("role", "role_unknown", value=name)
        if not names and user is None:
            return (access.LEARNER,)
        return tuple(dict.fromkeys(_ROLES[name.lower()] for name in names if name not in unknown))

    def _regions(self, roles: tuple[str, ...], user: KnownUser | None) -> tuple[int | None, int | None]:
        """(where the person teaches or works, where the roles of office and provider are given)."""
        code = self.row.values.get("region_code")
        powerful = access.OFFICE in roles or access.PROVIDER in roles
        present_id = user.region_id if user is not None else None
        if code is None:
            if powerful:
                self._fault("region_code", "region_needed_for_role")
            elif self.scope.region_ids is not None and user is None:
                self._fault("region_code", "region_missing")
            return present_id, None
        if code.lower() in EVERYWHERE:
            if self.scope.region_ids is not None:
                self._fault("region_code", "everywhere_not_allowed")
            elif not powerful:
                self._fault("region_code", "everywhere_needs_role")
            return present_id, None
        region = self.known.regions.get(code)
        if region is None:
            self._fault("region_code", "region_unknown", value=code)
        elif not self.scope.covers(region.lineage):
            self._fault("region_code", "region_outside_scope", value=code)
        else:
            return region.id, region.id
        return present_id, None

    def _place(self, roles: tuple[str, ...], user: KnownUser | None) -> tuple[bool, bool, int | None, str | None]:
        """(learns, tutors, programme, class group) that the row asks for."""
        key, group = self.row.values.get("programme"), self.row.values.get("class_group")
        if key is None:
            if group is not None:
                self._fault("programme", "programme_missing")
            return False, False, None, None
        programme_id = self.known.programmes.get(key)
        if programme_id is None:
            self._fault("programme", "programme_unknown", value=key)
            return False, False, None, None
        present = {grant.role for grant in user.grants} if user is not None else set()
        # A row without a role takes the person for what they are already.
        here = set(roles) & {access.LEARNER, access.TUTOR} or (present & {access.LEARNER, access.TUTOR})
        learns, tutors = access.LEARNER in here, access.TUTOR in here
        if not here:
            self._fault("programme", "programme_needs_role")
        if learns and not roles and tutors:
            learns, tutors = self._as_before(user, programme_id)
        self._check_group(programme_id, group, user, learns=learns, tutors=tutors)
        return learns, tutors, programme_id, group

    def _as_before(self, user: KnownUser | None, programme_id: int) -> tuple[bool, bool]:
        """What somebody who is learner here and tutor there is in this programme; a learner in a new one."""
        tutors = user is not None and (user.id, programme_id) in self.known.tutored_programmes
        return not tutors, tutors

    def _check_group(
        self, programme_id: int, group: str | None, user: KnownUser | None, *, learns: bool, tutors: bool
    ) -> None:
        enrolled = self.known.enrolments.get((user.id, programme_id)) if user is not None else None
        tutored = user is not None and (user.id, programme_id) in self.known.tutored_programmes
        if (learns and tutors) or (tutors and enrolled is not None) or (learns and tutored):
            self._fault("role", "learns_and_tutors")
        if group is None:
            if tutors:
                self._fault("class_group", "class_group_missing")
            return
        if len(group) > LONGEST_GROUP_NAME:
            self._fault("class_group", "class_group_too_long")
        group_id = self.known.groups.get((programme_id, group))
        if group_id in self.known.foreign_groups:
            self._fault("class_group", "class_group_outside_scope")
        if learns and enrolled is not None and enrolled[1] is not None and enrolled[1] != group_id:
            self.notices.append(Finding(self.row.number, "class_group", "class_group_moves"))

    def _language(self, user: KnownUser | None) -> str:
        given = self.row.values.get("language")
        if given is None:
            return user.language if user is not None else "zh"
        language = _LANGUAGES.get(given.lower())
        if language is None:
            self._fault("language", "language_unknown", value=given)
        return language or "zh"

    def _password(self, login: str, user: KnownUser | None) -> str | None:
        given = self.row.values.get("password")
        if given is None:
            return None
        if user is not None:
            self.notices.append(Finding(self.row.number, "password", "password_unchanged"))
            return None
        try:
            passwords.check_rules(given, login)
        except Malformed as refused:
            self.faults.append(Finding(self.row.number, "password", refused.code, refused.params))
        return given

    def _check_form(self, person: PlannedPerson) -> None:
        form = NewPerson(
            login=person.login, name=person.name, grants=(), email=person.email, lms_username=person.lms_username
        )
        for code in people.faults_of(form):
            column = _COLUMN_OF[code]
            if column in self.row.values:
                self._fault(column, code, value=self.row.values[column])

        owner = self.known.lms_usernames.get(self.row.values.get("lms_username", ""))
        if owner is not None and (person.user is None or person.user.id != owner):
            self._fault("lms_username", "lms_username_taken", value=person.lms_username)

    def _fault(self, column: str, code: str, **params: object) -> None:
        self.faults.append(Finding(self.row.number, column, code, params))
