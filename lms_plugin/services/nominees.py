"""What a nomination says of somebody: read from a form or a row of a file, with every fault named by field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date

from lms_plugin.domain.nomination import DEGREES, FEMALE, MALE, TITLES, Nominee
from lms_plugin.services import passwords, people
from lms_plugin.services.people import NewPerson

MOST_YEARS = 60
LONGEST_SUBJECT = 60
EARLIEST_BIRTH = date(1900, 1, 1)

_PHONE = re.compile(r"\+?[\d\s()（）-]{5,39}")
_DAY = re.compile(r"(\d{4})(?:[-/.]|年)(\d{1,2})(?:[-/.]|月)(\d{1,2})日?")
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DEGREE_NAMES = {
    "secondary": ("中专", "中师", "中等师范", "高中"),
    "junior_college": ("大专", "专科", "高职"),
    "bachelor": ("本科", "大学本科", "大学", "学士"),
    "master": ("硕士", "硕士研究生", "研究生"),
    "doctor": ("博士", "博士研究生"),
}
_TITLE_NAMES = {
    "none": ("未定级", "未评", "无", "未评级"),
    "third_grade": ("三级", "三级教师", "员级"),
    "second_grade": ("二级", "二级教师", "助理级"),
    "first_grade": ("一级", "一级教师", "中级"),
    "senior": ("高级", "高级教师", "副高级"),
    "full_senior": ("正高级", "正高级教师", "正高"),
}
_SEX_NAMES = {MALE: ("男", "m"), FEMALE: ("女", "f")}
_YES_NO = {"yes": True, "是": True, "true": True, "1": True, "no": False, "否": False, "false": False, "0": False}


def _by_name(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {name: key for key, others in names.items() for name in (key, *others)}


_DEGREES, _TITLES, _SEXES = _by_name(_DEGREE_NAMES), _by_name(_TITLE_NAMES), _by_name(_SEX_NAMES)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field."""

    field: str
    code: str
    value: str


@dataclass(frozen=True, slots=True)
class NewNomination:
    """Somebody about to be nominated; `region_code` is the school, or else the region, where they teach."""

    login: str
    name: str
    region_code: str
    email: str | None = None
    phone: str = ""
    subject: str = ""
    degree: str = ""
    title: str = ""
    teaching_years: int | None = None
    born_on: date | None = None
    sex: str = ""
    is_rural: bool | None = None
    phase: str = ""
    tier: str = ""

    @property
    def nominee(self) -> Nominee:
        return Nominee(
            subject=self.subject,
            degree=self.degree,
            title=self.title,
            teaching_years=self.teaching_years,
            born_on=self.born_on,
            sex=self.sex,
            is_rural=self.is_rural,
        )


FIELDS = tuple(one.name for one in fields(NewNomination))


def read_nomination(values: Mapping[str, str]) -> tuple[NewNomination, list[Fault]]:
    """A nomination from texts by field, and all that is wrong with their form; what is wrong is left out of it."""
    faults: list[Fault] = []
    get = {name: values.get(name, "").strip() for name in FIELDS}

    def fault(field: str, code: str) -> None:
        faults.append(Fault(field, code, get[field]))

    def one_of(field: str, names: Mapping[str, str]) -> str:
        key = names.get(get[field].lower(), "")
        if get[field] and not key:
            fault(field, f"{field}_unknown")
        return key

    years = _whole_number(get["teaching_years"])
    if get["teaching_years"] and (years is None or years > MOST_YEARS):
        fault("teaching_years", "teaching_years_malformed")
    born_on = _day(get["born_on"])
    if get["born_on"] and born_on is None:
        fault("born_on", "born_on_malformed")
    rural = _YES_NO.get(get["is_rural"].lower())
    if get["is_rural"] and rural is None:
        fault("is_rural", "is_rural_unknown")
    found = NewNomination(
        login=passwords.normal_login(get["login"]),
        name=" ".join(get["name"].split()),
        region_code=get["region_code"],
        email=get["email"] or None,
        phone=get["phone"],
        subject=get["subject"],
        degree=one_of("degree", _DEGREES),
        title=one_of("title", _TITLES),
        teaching_years=years,
        born_on=born_on,
        sex=one_of("sex", _SEXES),
        is_rural=rural,
        phase=get["phase"],
        tier=get["tier"],
    )
    return found, faults + faults_of(found)


def faults_of(one: NewNomination) -> list[Fault]:
    """All that is wrong with the form of a nomination."""
    faults: list[Fault] = []
    person = NewPerson(login=one.login, name=one.name, grants=(), email=one.email)
    for code in people.faults_of(person):
        field = code.removesuffix("_malformed")
        value = str(getattr(one, field) or "")
        faults.append(Fault(field, code if value else f"{field}_missing", value))
    if not one.region_code:
        faults.append(Fault("region_code", "region_missing", ""))
    if one.phone and not _PHONE.fullmatch(one.phone):
        faults.append(Fault("phone", "phone_malformed", one.phone))
    if not one.phone and one.email is None:
        faults.append(Fault("phone", "contact_missing", ""))
    if len(one.subject) > LONGEST_SUBJECT:
        faults.append(Fault("subject", "subject_too_long", one.subject))
    if one.degree and one.degree not in DEGREES:
        faults.append(Fault("degree", "degree_unknown", one.degree))
    if one.title and one.title not in TITLES:
        faults.append(Fault("title", "title_unknown", one.title))
    return faults


def _whole_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else None


def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text) or _COMPACT_DAY.fullmatch(text)
    if found is None:
        return None
    try:
        day = date(*(int(part) for part in found.groups()))
    except ValueError:
        return None
    return day if day >= EARLIEST_BIRTH else None
