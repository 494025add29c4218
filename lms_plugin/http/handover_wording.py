"""Words of hand-overs from an LMS's course page."""

from flask_babel import gettext as _

from lms_plugin.domain.errors import Refusal


def handover_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of hand-overs say, by their codes."""
    username = refusal.params.get("username") or ""
    return {
        "handover_refused": _(
            "Your course page and this service could not agree on who you are. Please tell your course team."
        ),
        "handover_expired": _(
            "This way in was open for a minute only. Please open the module from the course page again."
        ),
        "handover_repeated": _("This way in was used already. Please open the module from the course page again."),
        "handover_unknown_learner": _(
            "Nobody here is linked with the account %(username)s of your learning platform yet.", username=username
        ),
        "handover_linked_otherwise": _(
            "The learner who has the user name %(username)s came from another account before."
            " Please ask your programme office to look at it.",
            username=username,
        ),
        "handover_suspended": _("Your account here is closed at present. Please ask your programme office."),
        "handover_not_enrolled": _("You are not enrolled in the programme that this module belongs to."),
        "platform_hands_over_otherwise": _("This platform has its own way to hand learners over."),
        "seal_broken": _("The secret that was agreed with this platform can no longer be read. Please draw a new one."),
    }
