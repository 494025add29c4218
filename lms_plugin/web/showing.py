"""How pages write times, lengths and figures."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from flask_babel import format_date, format_time
from flask_babel import gettext as _

from lms_plugin.domain.hours import Standing
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import Window

SHORT_HASH = 12


def moment(instant: datetime) -> str:
    """An instant in the service's time zone, to the minute."""
    return str(_("%(day)s %(time)s", day=format_date(instant, "medium"), time=format_time(instant, "HH:mm")))


def day(value: date) -> str:
    """A calendar day."""
    return str(format_date(value, "medium"))


def window(value: Window) -> str:
    """The days of a window, the last one included."""
    last = value.closes_on - timedelta(days=1)
    return str(_("%(first)s to %(last)s", first=day(value.opens_on), last=day(last)))


def clock(milliseconds: int) -> str:
    """A position or length of film: 0:07, 12:30, 1:05:00; a part of a second only where there is one."""
    sign, milliseconds = ("−", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{sign}{whole}" + (f".{rest:03}".rstrip("0") if rest else "")


def whole_clock(milliseconds: int) -> str:
    """`clock` in whole seconds, rounded down."""
    return clock(milliseconds // 1000 * 1000)


def figure(value: Decimal) -> str:
    """Class hours or a percentage without needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(ratio: Decimal) -> str:
    """A ratio 0..1 as a percentage with at most one decimal, rounded down, so that 100 means the whole."""
    return f"{figure(Decimal(int(ratio * 1000)) / 10)}%"


def over_cap_ms(standing: Standing) -> int:
    """What a component has above its cap: credited, but of no use for the total."""
    return standing.credited_ms - standing.counted_ms


def short_hash(value: str) -> str:
    """Enough of a hash to compare two by eye."""
    return value[:SHORT_HASH]


def counted_spans(covered: Segments) -> list[tuple[str, float, float]]:
    """Covered segments as a film bar draws them: state, from and to in seconds."""
    return [("counted", start / 1000, end / 1000) for start, end in covered]
