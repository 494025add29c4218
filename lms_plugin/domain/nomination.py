"""Nomination: who is meant to come, and whether a nominee fits; misfits are warnings that a person decides on."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_UP, Decimal
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class NominationRule:
    """Who is to be nominated; what is None is not looked at.

    Nominations are taken until `deadline_on`, the first day on which none is taken any more. `subjects` are the
    subjects that match; `least_degree` and `least_title` are keys of DEGREES and TITLES. Ages are in whole years on
    the day the programme opens and are still allowed. `least_rural_percent` is the share of rural nominees of a region.
    """

    deadline_on: date | None = None
    subjects: tuple[str, ...] = ()
    least_degree: str | None = None
    least_title: str | None = None
    least_teaching_years: int | None = None
    most_age_men: int | None = None
    most_age_women: int | None = None
    least_rural_percent: Decimal | None = None


DEGREES = ("secondary", "junior_college", "bachelor", "master", "doctor")
"""中专（中师）, 大专, 本科, 硕士, 博士: from low to high."""

TITLES = ("none", "third_grade", "second_grade", "first_grade", "senior", "full_senior")
"""未定级, 三级, 二级, 一级, 高级, 正高级: a teacher's professional titles from low to high."""

MALE, FEMALE = "male", "female"
SEXES = (MALE, FEMALE)

_SEPARATORS = re.compile(r"[;；、,，/|]")


@dataclass(frozen=True, slots=True)
class Nominee:
    """What is known of somebody who is nominated; empty or None where it was not stated.

    `subject` may name several, parted by 、 or a comma; `degree` and `title` are keys of DEGREES and TITLES.
    """

    subject: str = ""
    degree: str = ""
    title: str = ""
    teaching_years: int | None = None
    born_on: date | None = None
    sex: str = ""
    is_rural: bool | None = None


@dataclass(frozen=True, slots=True)
class Misfit:
    """A stable code, and the figures behind it.

    Codes: subject_mismatch (subject, wanted), degree_too_low (degree, least), title_too_low (title, least),
    teaching_years_too_few (years, least), over_age (age, most), and not_stated (fact) where a fact is looked at and
    unknown.
    """

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


def misfits(nominee: Nominee, rule: NominationRule, opens_on: date) -> tuple[Misfit, ...]:
    """All in which a nominee does not fit, in the order of the rule; `opens_on` is the day the programme opens."""
    found = (
        _subject(nominee, rule),
        _rank("degree", nominee.degree, rule.least_degree, DEGREES),
        _rank("title", nominee.title, rule.least_title, TITLES),
        _teaching_years(nominee, rule),
        _age(nominee, rule, opens_on),
    )
    return tuple(one for one in found if one is not None)


def age_on(born_on: date, day: date) -> int:
    """Whole years on a day. Whoever was born on 29 February grows older on 1 March where there is none."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def _subject(nominee: Nominee, rule: NominationRule) -> Misfit | None:
    if not rule.subjects:
        return None
    named = {_plain(one) for one in _SEPARATORS.split(nominee.subject)} - {""}
    if not named:
        return _not_stated("subject")
    if named & {_plain(one) for one in rule.subjects}:
        return None
    return Misfit("subject_mismatch", {"subject": nominee.subject, "wanted": list(rule.subjects)})


def _rank(what: str, have: str, least: str | None, ranks: tuple[str, ...]) -> Misfit | None:
    if least is None:
        return None
    if have not in ranks:
        return _not_stated(what)
    if ranks.index(have) >= ranks.index(least):
        return None
    return Misfit(f"{what}_too_low", {what: have, "least": least})


def _teaching_years(nominee: Nominee, rule: NominationRule) -> Misfit | None:
    if rule.least_teaching_years is None:
        return None
    if nominee.teaching_years is None:
        return _not_stated("teaching_years")
    if nominee.teaching_years >= rule.least_teaching_years:
        return None
    return Misfit("teaching_years_too_few", {"years": nominee.teaching_years, "least": rule.least_teaching_years})


def _age(nominee: Nominee, rule: NominationRule, opens_on: date) -> Misfit | None:
    limits = {MALE: rule.most_age_men, FEMALE: rule.most_age_women}
    possible = [limits[nominee.sex]] if nominee.sex in limits else list(limits.values())
    stated = [one for one in possible if one is not None]
    if not stated:
        return None
    if nominee.born_on is None:
        return _not_stated("born_on")
    age = age_on(nominee.born_on, opens_on)
    if age <= min(stated):
        return None
    if len(stated) == len(possible) and age > max(stated):
        return Misfit("over_age", {"age": age, "most": max(stated)})
    # Whether it is too much depends on the sex, and nobody has stated it.
    return _not_stated("sex")


def _not_stated(fact: str) -> Misfit:
    return Misfit("not_stated", {"fact": fact})


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


@dataclass(frozen=True, slots=True)
class RuralShare:
    """How many of a region's nominees teach in the countryside; those of whom it is unknown do not count as rural.

    `needed` is how many of so many nominees have to be rural; 0 where nothing is asked for.
    """

    nominees: int
    rural: int
    not_stated: int
    needed: int

    @property
    def is_short(self) -> bool:
        return self.rural < self.needed


def rural_share(nominees: Iterable[bool | None], least_percent: Decimal | None) -> RuralShare:
    """The rural share of a region's nominees, each told by whether they are rural (None: not stated)."""
    known = list(nominees)
    needed = 0
    if least_percent is not None:
        needed = int((least_percent * len(known) / 100).to_integral_value(rounding=ROUND_UP))
    return RuralShare(len(known), known.count(True), known.count(None), needed)


def deadline_at(rule: NominationRule | None, timezone: str) -> datetime | None:
    """The instant from which no nomination is taken any more: midnight in the programme's time zone; None for never."""
    if rule is None or rule.deadline_on is None:
        return None
    # In UTC: between two instants of one local zone Python reckons as if its clocks never changed.
    return datetime.combine(rule.deadline_on, time.min, ZoneInfo(timezone)).astimezone(UTC)


def is_open(rule: NominationRule | None, timezone: str, now: datetime) -> bool:
    """Whether nominations are taken at a moment."""
    deadline = deadline_at(rule, timezone)
    return deadline is None or now < deadline
