"""What people read beside a score in an LMS's grade book, in the learner's language."""

from decimal import ROUND_DOWN, ROUND_UP

from lms_plugin.domain.hours import HUNDREDTH, Reached
from lms_plugin.http.figures import figure
from lms_plugin.http.languages import translations


def score_comment(language: str, hours: Reached) -> str:
    """ "5.25 of 6 class hours": rounded as pages round, so that nothing looks reached before it is."""
    rounding = ROUND_DOWN if hours.credited < hours.required else ROUND_UP
    text = translations(language).gettext("%(credited)s of %(required)s class hours")
    return str(text) % {
        "credited": figure(hours.credited.quantize(HUNDREDTH, rounding)),
        "required": figure(hours.required.quantize(HUNDREDTH, ROUND_UP)),
    }
