"""Words of study completed elsewhere: its columns in a file, and what is vouched for behind an entry."""

from collections.abc import Iterator
from decimal import ROUND_DOWN

from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import gettext as _

from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.programme import Programme
from lms_plugin.http.figures import figure
from lms_plugin.services.elsewhere import Vouched


def column_names() -> dict[str, str]:
    """The columns of a file of completions, named as its readers know them."""
    return {
        "login": _("Account"),
        "registration_number": _("Registration number"),
        "component": _("Part of the programme"),
        "class_hours": _("Class hours"),
        "minutes": _("Minutes"),
        "completed_on": _("Completed on"),
        "course": _("What it was"),
        "institution": _("Institution that vouches"),
        "person": _("Person who vouches"),
        "reference": _("Certificate number"),
        "reason": _("Reason for a correction"),
    }


def elsewhere_refusals() -> dict[str, str]:
    """What refusals of this kind say, by code."""
    return {
        "elsewhere_own": _("Nobody decides on hours of their own."),
        "elsewhere_taken_back": _("This was taken back already."),
    }


def elsewhere_facts(vouched: Vouched, programme: Programme) -> Iterator[tuple[str, str]]:
    """What is vouched for, and by whom: labels and values."""
    said = vouched.voucher
    hours = figure(class_hours(said.given_ms, programme.class_hour_ms, rounding=ROUND_DOWN))
    yield _("What it was"), said.title
    yield _("Completed on"), str(format_date(said.completed_on, "medium", get_locale()))
    yield _("Class hours vouched for"), hours
    yield _("Institution that vouches"), vouched.completion.institution
    yield _("Person who vouches"), said.person
    yield _("Certificate number"), vouched.completion.reference
    yield _("Entered by"), vouched.entered_by
