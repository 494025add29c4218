"""Whether what a programme asks for can be reached: the most that each component can give, and why no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component, Programme, months_after
from lms_plugin.domain.reading import nominal_ms

LONGEST_MONTH_DAYS = 31
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Limit:
    """The most class hours there can be, and what sets that limit."""

    class_hours: Fraction
    because: str


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to study: modules, minutes of film, the texts of the readings; None: not known yet."""

    modules: int
    film_minutes: int | None
    readings: tuple[str, ...] | None


def most_from(component: Component, programme: Programme, material: Material) -> Limit | None:
    """The least of a component's limits, None where nothing declared limits it; its own `max_class_hours` is none."""
    return min(_limits(component, programme, material), key=lambda limit: limit.class_hours, default=None)


def most_in_a_week(component: Component, programme: Programme) -> Limit | None:
    """The most class hours that can count in one week, None where nothing limits it."""
    daily = _daily(component, programme)
    return None if daily is None else Limit(daily.class_hours * WEEK_DAYS, daily.because)


def months_in(programme: Programme) -> int:
    """How many whole months a learner has."""
    if programme.window_months is not None:
        return programme.window_months
    months = 0
    while months_after(programme.window.opens_on, months + 1) <= programme.window.closes_on:
        months += 1
    return months


def plain(hours: Decimal | Fraction) -> str:
    return f"{float(hours):g}"


def _limits(component: Component, programme: Programme, material: Material) -> Iterator[Limit]:
    days = _days(programme)
    daily = _daily(component, programme)
    if daily is not None and days > 0:
        yield Limit(daily.class_hours * days, f"{daily.because} of {days} days")
    study = component.study
    if component.kind is ComponentKind.VIDEO and material.film_minutes is not None:
        yield Limit(Fraction(material.film_minutes, programme.class_hour_minutes), "the sum of the films")
    elif component.kind is ComponentKind.DISCUSSION:
        yield from _of_posts(programme, material.modules)
    elif component.kind is ComponentKind.READING and material.readings is not None:
        together_ms = sum(nominal_ms(text, study.characters_per_minute) for text in material.readings)
        yield Limit(Fraction(together_ms, programme.class_hour_ms), "the sum of the readings")
    elif component.kind is ComponentKind.SCHOOL_BASED:
        most = [activity.max_class_hours for activity in study.activities]
        if most and None not in most:
            yield Limit(
                sum((Fraction(one) for one in most if one), Fraction(0)), "the sum of [[components.activities]]"
            )
    elif study.credit_class_hours is not None:
        times, because = _times(component, programme)
        yield Limit(Fraction(study.credit_class_hours) * times, because)


def _times(component: Component, programme: Programme) -> tuple[int, str]:
    if component.kind is ComponentKind.PLACEMENT:
        months = min(months_in(programme), component.study.most_months)
        return months, f"placement, {months} months,"
    if component.kind is ComponentKind.HOMEWORK:
        return component.study.pieces, f"homework, {component.study.pieces} pieces,"
    return 1, "the examination"


def _of_posts(programme: Programme, modules: int) -> Iterator[Limit]:
    rule = programme.discussion
    each = _best_post(programme)
    for posts in (rule.max_total, None if rule.max_per_module is None else rule.max_per_module * modules):
        if posts is not None:
            yield Limit(posts * each, "the rule of [discussion]")


def _best_post(programme: Programme) -> Fraction:
    """The class hours of one post of the kind that is worth most."""
    rule = programme.discussion
    return Fraction(max(rule.minutes_of(is_reply) for is_reply in (False, True)), programme.class_hour_minutes)


def _daily(component: Component, programme: Programme) -> Limit | None:
    """What can count on one day."""
    if component.kind is ComponentKind.VIDEO:
        most = programme.watching.daily_limit_class_hours
        return None if most is None else Limit(Fraction(most), "the daily limit of [watching]")
    if component.kind is ComponentKind.DISCUSSION:
        posts = programme.discussion.max_per_day
        return None if posts is None else Limit(posts * _best_post(programme), "the daily cap of [discussion]")
    most = component.study.daily_limit_class_hours
    return None if most is None else Limit(Fraction(most), "the daily limit")


def _days(programme: Programme) -> int:
    """At most so many days has a learner: of months, none is longer than the longest."""
    days = (programme.window.closes_on - programme.window.opens_on).days
    if programme.window_months is None:
        return days
    return min(days, programme.window_months * LONGEST_MONTH_DAYS)
