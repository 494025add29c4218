"""One row of a roster on its way to a planned person, with every fault that is found on the way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.programme import Group, Variant
from lms_plugin.services import access, divisions, passwords, people
from lms_plugin.services.access import Grant, Scope
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.findings import Finding
from lms_plugin.services.people import NewPerson
from lms_plugin.services.rosterfile import TableRow
from lms_plugin.services.rosterlookup import Known, KnownEnrolment, KnownUser

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
AS_THE_PROGRAMME = Variant()

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
    takes part in `programme_id`. `phase` and `tier` are keys, `group_size` is how many learners the programme allows
    in a class group of that phase and tier.
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
    phase: str = ""
    tier: str = ""
    group_size: int | None = None

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
class _Place:
    """What a row asks for in a programme."""

    programme_id: int | None = None
    class_group: str | None = None
    learns: bool = False
    tutors: bool = False
    variant: Variant = AS_THE_PROGRAMME
    group_size: int | None = None


NOWHERE = _Place()


class Reading:
    """One row on its way to a planned person, with what is found wrong on the way."""

    def __init__(self, row: TableRow, known: Known, scope: Scope, now: datetime) -> None:
        self.row, self.known, self.scope, self.now = row, known, scope, now
        self.faults: list[Finding] = []
        self.notices: list[Finding] = []

    def person(self) -> PlannedPerson | None:
        """The person the row makes; None where it names nobody, or somebody who is not to be seen from here."""
        get = self.row.values.get
        login = passwords.normal_login(get("login", ""))
        user = self.known.users.get(login)
        if not login:
            self._fault("login", "login_missing")
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
        place = self._place(roles, user)
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
            programme_id=place.programme_id,
            class_group=place.class_group,
            learns=place.learns,
            tutors=place.tutors,
            user=user,
            phase=place.variant.phase,
            tier=place.variant.tier,
            group_size=place.group_size,
        )
        self._check_form(person)
        return person if login else None

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
            official = code in divisions.by_code()
            if official:
                self._fault("region_code", "region_not_imported", value=code, name=divisions.path_of(code))
            else:
                self._fault("region_code", "region_unknown", value=code)
        elif not self.scope.covers(region.lineage):
            self._fault("region_code", "region_outside_scope", value=code)
        else:
            return region.id, region.id
        return present_id, None

    def _place(self, roles: tuple[str, ...], user: KnownUser | None) -> _Place:
        """Where in which programme the row puts the person."""
        key, group = self.row.values.get("programme"), self.row.values.get("class_group")
        if key is None:
            if group is not None:
                self._fault("programme", "programme_missing")
            elif {"phase", "tier"} & self.row.values.keys():
                self._fault("programme", "place_needs_programme")
            return NOWHERE
        current = self.known.programmes.get(key)
        if current is None:
            self._fault("programme", "programme_unknown", value=key)
            return NOWHERE
        present = {grant.role for grant in user.grants} if user is not None else set()
        # A row without a role takes the person for what they are already.
        here = set(roles) & {access.LEARNER, access.TUTOR} or (present & {access.LEARNER, access.TUTOR})
        learns, tutors = access.LEARNER in here, access.TUTOR in here
        if not here and not any(fault.code == "role_unknown" for fault in self.faults):
            self._fault("programme", "programme_needs_role")
        if learns and not roles and tutors:
            learns, tutors = self._as_before(user, current.id)
        enrolled = self.known.enrolments.get((user.id, current.id)) if user is not None else None
        self._check_group(current.id, group, user, enrolled, learns=learns, tutors=tutors)
        variant = self._variant(current, enrolled) if learns else AS_THE_PROGRAMME
        return _Place(current.id, group, learns, tutors, variant, self.known.group_size(current, variant))

    def _variant(self, current: InForce, enrolled: KnownEnrolment | None) -> Variant:
        """How the person takes the programme: as enrolled, else in the phase and tier the row names."""
        programme = current.programme
        phase = self._group_of("phase", programme.phases)
        tier = self._group_of("tier", programme.tiers)
        if enrolled is None:
            return programme.variant_for(programme.window.day_of(self.now), phase=phase, tier=tier)
        if not enrolled.is_active:
            self.notices.append(Finding(self.row.number, "programme", "enrolment_withdrawn"))
        variant = Variant.read(enrolled.variant)
        if (phase or variant.phase, tier or variant.tier) != (variant.phase, variant.tier):
            column = "phase" if phase not in ("", variant.phase) else "tier"
            self.notices.append(Finding(self.row.number, column, "variant_stays"))
        return variant

    def _group_of(self, column: str, groups: Sequence[Group]) -> str:
        """The key of the phase or tier that a cell names by key or title; empty where it names none."""
        given = self.row.values.get(column, "")
        found = next((one.key for one in groups if given in (one.key, one.title.zh, one.title.en)), "") if given else ""
        if given and not found:
            known = ", ".join(one.key for one in groups) or "-"
            self._fault(column, f"{column}_unknown", value=given, known=known)
        return found

    def _as_before(self, user: KnownUser | None, programme_id: int) -> tuple[bool, bool]:
        """What somebody who is learner here and tutor there is in this programme; a learner in a new one."""
        tutors = user is not None and (user.id, programme_id) in self.known.tutored_programmes
        return not tutors, tutors

    def _check_group(
        self,
        programme_id: int,
        group: str | None,
        user: KnownUser | None,
        enrolled: KnownEnrolment | None,
        *,
        learns: bool,
        tutors: bool,
    ) -> None:
        tutored = user is not None and (user.id, programme_id) in self.known.tutored_programmes
        if (learns and tutors) or (tutors and enrolled is not None) or (learns and tutored):
            self._fault("role", "learns_and_tutors")
        if group is None:
            if tutors:
                self._fault("class_group", "class_group_missing")
            return
        if len(group) > LONGEST_GROUP_NAME:
            self._fault("class_group", "class_group_too_long")
        there = self.known.groups.get((programme_id, group))
        if there is not None and there.is_foreign:
            self._fault("class_group", "class_group_outside_scope")
        before = enrolled.class_group_id if learns and enrolled is not None and enrolled.is_active else None
        if before is not None and (there is None or before != there.id):
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
            # What is kept from the account is as good as it was; what is missing is said already.
            column = _COLUMN_OF[code]
            if column in self.row.values:
                self._fault(column, code, value=self.row.values[column])

        owner = self.known.lms_usernames.get(self.row.values.get("lms_username", ""))
        if owner is not None and (person.user is None or person.user.id != owner):
            self._fault("lms_username", "lms_username_taken", value=person.lms_username)

    def _fault(self, column: str, code: str, **params: object) -> None:
        self.faults.append(Finding(self.row.number, column, code, params))
