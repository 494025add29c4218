"""How pages write times, lengths and figures; what explanations write the same way comes from http/figures.py."""

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from flask_babel import format_date, format_time, ngettext
from flask_babel import gettext as _

from lms_plugin.domain.hours import Standing
from lms_plugin.domain.hours import class_hours as in_class_hours
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import Window
from lms_plugin.http.figures import clock as clock
from lms_plugin.http.figures import clocks as clocks
from lms_plugin.http.figures import figure as figure
from lms_plugin.http.wording import pending_sentence as pending_sentence

SHORT_HASH = 12


def moment(instant: datetime) -> str:
    """An instant in the service's time zone, to the minute."""
    return str(_("%(day)s %(time)s", day=format_date(instant, "medium"), time=format_time(instant, "HH:mm")))


def exact_moment(instant: datetime) -> str:
    """An instant in the service's time zone, to the second."""
    return str(_("%(day)s %(time)s", day=format_date(instant, "medium"), time=format_time(instant, "HH:mm:ss")))


def day(value: date) -> str:
    """A calendar day."""
    return str(format_date(value, "medium"))


def day_before(value: date) -> str:
    """The last day before a half-open end."""
    return day(value - timedelta(days=1))


def window(value: Window) -> str:
    """The days of a window, the last one included."""
    return str(_("%(first)s to %(last)s", first=day(value.opens_on), last=day_before(value.closes_on)))


def whole_clock(milliseconds: int) -> str:
    """`clock` in whole seconds, rounded down."""
    return clock(milliseconds // 1000 * 1000)


def percent(ratio: Decimal) -> str:
    """A ratio 0..1 as a percentage with at most one decimal, rounded down, so that 100 means the whole."""
    return f"{figure(Decimal(int(ratio * 1000)) / 10)}%"


def hours(milliseconds: int, class_hour_ms: int) -> str:
    """Milliseconds as a figure of class hours, rounded down."""
    return figure(in_class_hours(milliseconds, class_hour_ms, rounding=ROUND_DOWN))


def class_hours(figure: str) -> str:
    """Class hours in words, from their figure as it is shown."""
    return str(ngettext("%(hours)s class hour", "%(hours)s class hours", 1 if figure == "1" else 2, hours=figure))


def class_hours_to_go(figure: str) -> str:
    """What is missing of class hours, in words."""
    sentence = ngettext(
        "%(hours)s class hour to go", "%(hours)s class hours to go", 1 if figure == "1" else 2, hours=figure
    )
    return str(sentence)


def over_cap_ms(standing: Standing) -> int:
    """What a component has above its cap: credited, not waiting for its week, but of no use for the total."""
    return standing.credited_ms - standing.pending_ms - standing.counted_ms


def short_hash(value: str) -> str:
    """Enough of a hash to compare two by eye."""
    return value[:SHORT_HASH]


def counted_spans(covered: Segments) -> list[tuple[str, float, float]]:
    """Covered segments as a film bar draws them: state, from and to in seconds."""
    return [("counted", start / 1000, end / 1000) for start, end in covered]
