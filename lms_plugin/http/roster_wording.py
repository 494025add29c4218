"""Words of rosters of LTI platforms: what becomes of a member, and why a roster is not read or carried out."""

from flask_babel import gettext as _
from flask_babel import ngettext

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.lti_roster import Step


def roster_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of these kinds say, by code."""
    params = refusal.params
    leaving, left = params.get("leaving"), params.get("left")
    return {
        "platform_unread": _("The platform gave no complete list: %(words)s", words=params.get("words", "")),
        "roster_changed": _("The roster has changed since you saw it. Please look again before you confirm."),
        "roster_of_other_group": _("This roster is kept in step with another class group. End that first."),
        "roster_shrank": ngettext(
            "%(num)s member has left at once, so nothing was changed. Please look at the roster yourself.",
            "%(num)s members have left at once, so nothing was changed. Please look at the roster yourself.",
            leaving if isinstance(leaving, int) else 0,
        ),
        "too_few_places": ngettext(
            "The programme has %(num)s place left, too few for all of them.",
            "The programme has %(num)s places left, too few for all of them.",
            left if isinstance(left, int) else 0,
        ),
    }


def step_words(step: Step) -> tuple[str, str]:
    """What becomes of a member, as a badge's kind and words."""
    return {
        Step.ENROL: ("ok", _("Will be enrolled")),
        Step.RETURN: ("ok", _("Comes back")),
        Step.PLACE: ("ok", _("Comes into the class group")),
        Step.LEAVE: ("warn", _("Leaves the class group")),
        Step.WITHDRAW: ("warn", _("Will be withdrawn; hours are kept")),
        Step.STAYS: ("info", _("Is there")),
        Step.WAITS: ("wait", _("Waits for the first launch")),
        Step.CLOSED: ("missing", _("The account here is closed")),
        Step.WITHDRAWN: ("missing", _("Withdrawn by the office, and stays so")),
        Step.OTHER_GROUP: ("info", _("In another class group, and stays there")),
        Step.COMPLETED: ("info", _("Has left there; is through here, and stays")),
        Step.TUTORS: ("info", _("Tutors the programme")),
        Step.MAY_TUTOR: ("info", _("Teaches there")),
        Step.NO_ROLE: ("missing", _("Neither learner nor teacher there")),
        Step.GONE: ("missing", _("Has left there; was not brought in by this roster")),
        Step.FULL: ("bad", _("No place left")),
    }[step]
