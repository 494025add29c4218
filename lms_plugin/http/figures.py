"""How pages and explanations write lengths of film and class hours."""

from decimal import Decimal

from flask_babel import gettext as _

from lms_plugin.domain.intervals import Segments


def clock(milliseconds: int) -> str:
    """A position or length of film: 0:07, 12:30, 1:05:00; a part of a second only where there is one."""
    sign, milliseconds = ("−", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{sign}{whole}" + (f".{rest:03}".rstrip("0") if rest else "")


def clocks(segments: Segments) -> str:
    """Stretches of film in a row."""
    return str(_(", ").join(f"{clock(start)}–{clock(end)}" for start, end in segments))


def figure(value: Decimal) -> str:
    """Class hours or a percentage without needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
