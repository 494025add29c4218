"""Who fits a programme: men up to 45, women up to 40; subject, degree, title, years; what is unknown is said."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.nomination import (
    DEGREES,
    SEXES,
    TITLES,
    Misfit,
    NominationRule,
    Nominee,
    age_on,
    deadline_at,
    is_open,
    misfits,
    rural_share,
)

OPENS = date(2026, 9, 1)
AGES = NominationRule(most_age_men=45, most_age_women=40)


def not_stated(fact: str) -> Misfit:
    return Misfit("not_stated", {"fact": fact})


def over(age: int, most: int) -> Misfit:
    return Misfit("over_age", {"age": age, "most": most})


# men up to 45 and women up to 40, in whole years on 1 September 2026
AGE_CASES = [
    ("male",   date(1981, 9, 1),  None),                # 45 on this very day
    ("male",   date(1980, 9, 2),  None),                # 46 tomorrow
    ("male",   date(1980, 9, 1),  over(46, 45)),        # 46 today
    ("male",   date(1970, 1, 1),  over(56, 45)),
    ("female", date(1986, 9, 1),  None),                # 40 today
    ("female", date(1985, 9, 2),  None),                # 41 tomorrow
    ("female", date(1985, 9, 1),  over(41, 40)),        # 41 today
    ("female", date(1981, 9, 1),  over(45, 40)),        # what a man may be
    ("",       date(1986, 9, 1),  None),                # 40: fits whoever it is
    ("",       date(1985, 9, 1),  not_stated("sex")),   # 41: fits a man only
    ("",       date(1980, 9, 2),  not_stated("sex")),   # 45
    ("",       date(1980, 9, 1),  over(46, 45)),        # 46: fits nobody
    ("male",   None,              not_stated("born_on")),
    ("",       None,              not_stated("born_on")),
]  # fmt: skip


@pytest.mark.parametrize(("sex", "born_on", "misfit"), AGE_CASES)
def test_men_are_taken_up_to_45_and_women_up_to_40(sex: str, born_on: date | None, misfit: Misfit | None) -> None:
    assert misfits(Nominee(sex=sex, born_on=born_on), AGES, OPENS) == ((misfit,) if misfit else ())


# one limit only: who cannot be meant is not asked
ONE_LIMIT = [
    (NominationRule(most_age_men=45),   "female", None,             ()),
    (NominationRule(most_age_men=45),   "female", date(1950, 1, 1), ()),
    (NominationRule(most_age_men=45),   "male",   date(1950, 1, 1), (over(76, 45),)),
    (NominationRule(most_age_men=45),   "",       date(1950, 1, 1), (not_stated("sex"),)),
    (NominationRule(most_age_women=40), "",       date(1990, 1, 1), ()),
    (NominationRule(most_age_women=40), "male",   None,             ()),
    (NominationRule(),                  "",       None,             ()),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "sex", "born_on", "found"), ONE_LIMIT)
def test_a_limit_for_one_sex_says_nothing_of_the_other(
    rule: NominationRule, sex: str, born_on: date | None, found: tuple[Misfit, ...]
) -> None:
    assert misfits(Nominee(sex=sex, born_on=born_on), rule, OPENS) == found


# born on, on the day: whole years
WHOLE_YEARS = [
    (date(1980, 2, 29), date(2025, 2, 28), 44),  # no 29 February this year: older on 1 March
    (date(1980, 2, 29), date(2025, 3, 1),  45),
    (date(1980, 2, 29), date(2024, 2, 28), 43),
    (date(1980, 2, 29), date(2024, 2, 29), 44),
    (date(1980, 3, 1),  date(2024, 2, 29), 43),
    (date(1980, 12, 31), date(2026, 1, 1), 45),
    (date(1980, 5, 5),  date(1980, 5, 5),   0),
]  # fmt: skip


@pytest.mark.parametrize(("born_on", "day", "years"), WHOLE_YEARS)
def test_ages_are_whole_years_on_the_day_also_from_a_leap_day(born_on: date, day: date, years: int) -> None:
    assert age_on(born_on, day) == years


PE = NominationRule(subjects=("体育", "体育与健康"))
FIT_CASES = [
    (PE, Nominee(subject="体育"),                     None),
    (PE, Nominee(subject=" 体 育 "),                  None),
    (PE, Nominee(subject="数学、体育"),               None),
    (PE, Nominee(subject="数学"), Misfit("subject_mismatch", {"subject": "数学", "wanted": ["体育", "体育与健康"]})),
    (PE, Nominee(subject=" 、"),                      not_stated("subject")),
    (NominationRule(subjects=("Maths",)), Nominee(subject="ｍａｔｈｓ"), None),
    (NominationRule(least_degree="bachelor"), Nominee(degree="bachelor"), None),
    (NominationRule(least_degree="bachelor"), Nominee(degree="doctor"), None),
    (NominationRule(least_degree="bachelor"), Nominee(degree="junior_college"),
        Misfit("degree_too_low", {"degree": "junior_college", "least": "bachelor"})),
    (NominationRule(least_degree="bachelor"), Nominee(), not_stated("degree")),
    (NominationRule(least_title="first_grade"), Nominee(title="senior"), None),
    (NominationRule(least_title="first_grade"), Nominee(title="none"),
        Misfit("title_too_low", {"title": "none", "least": "first_grade"})),
    (NominationRule(least_title="first_grade"), Nominee(), not_stated("title")),
    (NominationRule(least_teaching_years=5), Nominee(teaching_years=5), None),
    (NominationRule(least_teaching_years=5), Nominee(teaching_years=4),
        Misfit("teaching_years_too_few", {"years": 4, "least": 5})),
    (NominationRule(least_teaching_years=5), Nominee(), not_stated("teaching_years")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "nominee", "misfit"), FIT_CASES)
def test_a_nominee_is_measured_by_what_the_rule_names(
    rule: NominationRule, nominee: Nominee, misfit: Misfit | None
) -> None:
    assert misfits(nominee, rule, OPENS) == ((misfit,) if misfit else ())


def test_every_misfit_is_named_in_the_order_of_the_rule() -> None:
    rule = NominationRule(None, ("体育",), "bachelor", "first_grade", 5, 45, 40)
    nominee = Nominee("语文", "secondary", "none", 1, date(1970, 1, 1), "female")
    codes = [one.code for one in misfits(nominee, rule, OPENS)]
    assert codes == ["subject_mismatch", "degree_too_low", "title_too_low", "teaching_years_too_few", "over_age"]
    assert [one.params["fact"] for one in misfits(Nominee(), rule, OPENS)] == [
        "subject", "degree", "title", "teaching_years", "born_on",
    ]  # fmt: skip


@given(
    born=st.dates(date(1940, 1, 1), date(2005, 12, 31)),
    sex=st.sampled_from(("", *SEXES)),
    degree=st.sampled_from(DEGREES),
    least=st.sampled_from(DEGREES),
    years=st.integers(0, 45),
    later=st.integers(0, 3000),
)
def test_nobody_grows_to_fit_by_age_and_a_higher_degree_never_harms(
    born: date, sex: str, degree: str, least: str, years: int, later: int
) -> None:
    rule = NominationRule(least_degree=least, most_age_men=45, most_age_women=40)
    nominee = Nominee(degree=degree, teaching_years=years, born_on=born, sex=sex)
    now, then = (misfits(nominee, AGES, OPENS + timedelta(days=days)) for days in (0, later))
    if any(one.code == "over_age" for one in now):
        assert any(one.code == "over_age" for one in then)
    best = misfits(Nominee(degree="doctor", born_on=born, sex=sex), rule, OPENS)
    assert len(best) <= len(misfits(nominee, rule, OPENS))


@given(born=st.dates(date(1940, 1, 1), date(2005, 12, 31)), day=st.dates(date(2006, 1, 1), date(2040, 12, 31)))
def test_an_age_is_the_number_of_birthdays_that_have_come(born: date, day: date) -> None:
    def birthday(year: int) -> date:
        try:
            return born.replace(year=year)
        except ValueError:
            return date(year, 3, 1)

    assert age_on(born, day) == sum(birthday(year) <= day for year in range(born.year + 1, day.year + 1))


# nominees by whether they are rural, the least per cent, how many have to be
SHARES = [
    ([True] * 8 + [False] * 2,        "80",   8, False),
    ([True] * 7 + [False] * 3,        "80",   8, True),
    ([True] * 7 + [None] * 3,         "80",   8, True),
    ([True] * 813 + [False] * 187,    "81.3", 813, False),
    ([True] * 812 + [False] * 188,    "81.3", 813, True),
    ([True, False, False],            "33.3", 1, False),
    ([True, False, False, False],     "33.3", 2, True),
    ([],                              "80",   0, False),
]  # fmt: skip


@pytest.mark.parametrize(("nominees", "least", "needed", "is_short"), SHARES)
def test_a_region_whose_rural_share_is_under_target_is_warned(
    nominees: list[bool | None], least: str, needed: int, is_short: bool
) -> None:
    share = rural_share(nominees, Decimal(least))
    assert (share.needed, share.is_short) == (needed, is_short)
    assert (share.nominees, share.not_stated) == (len(nominees), nominees.count(None))


@given(st.lists(st.sampled_from((True, False, None))))
def test_without_a_target_no_share_is_short(nominees: list[bool | None]) -> None:
    assert not rural_share(nominees, None).is_short


UNTIL_JUNE = NominationRule(deadline_on=date(2026, 6, 1))
MIDNIGHT_IN_SHANGHAI = datetime(2026, 5, 31, 16, tzinfo=UTC)


def test_the_deadline_is_midnight_where_the_programme_is() -> None:
    assert deadline_at(UNTIL_JUNE, "Asia/Shanghai") == MIDNIGHT_IN_SHANGHAI
    assert is_open(UNTIL_JUNE, "Asia/Shanghai", MIDNIGHT_IN_SHANGHAI - timedelta(microseconds=1))
    assert not is_open(UNTIL_JUNE, "Asia/Shanghai", MIDNIGHT_IN_SHANGHAI)
    assert is_open(UNTIL_JUNE, "UTC", MIDNIGHT_IN_SHANGHAI)


@pytest.mark.parametrize("rule", [None, NominationRule()])
def test_without_a_deadline_nominations_are_always_taken(rule: NominationRule | None) -> None:
    assert deadline_at(rule, "Asia/Shanghai") is None
    assert is_open(rule, "Asia/Shanghai", MIDNIGHT_IN_SHANGHAI)


def test_ranks_go_from_low_to_high() -> None:
    assert DEGREES.index("secondary") < DEGREES.index("bachelor") < DEGREES.index("doctor")
    assert TITLES.index("none") < TITLES.index("first_grade") < TITLES.index("full_senior")
