"""Words of disputes: refusals, states, and amounts of a proposal or decision."""

from flask_babel import gettext as _
from flask_babel import ngettext

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services.dispute_list import ShownDispute


def dispute_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of disputes say, by their codes."""
    params = refusal.params
    return {
        "account_missing": _("Please say what is wrong."),
        "account_too_long": _("The text is too long: %(longest)s characters at most.", longest=params.get("longest")),
        "dispute_component_unknown": _("Please choose what kind of hours it is about."),
        "day_missing": _("Please say on which day it was."),
        "day_outside_window": _("Please choose a day of the programme that is not in the future."),
        "dispute_open": _("This entry is being looked at already. You can add to it when there is a decision."),
        "disputes_too_many": _(
            "%(most)s of your disputes wait for a decision. Please wait for some of them.", most=params.get("most")
        ),
        "dispute_is_over": _("This dispute is decided or withdrawn by now."),
        "dispute_awaits_proposal": _("The tutor has not said anything yet, and still has time for it."),
        "dispute_own": _("It is your own dispute: others propose and decide."),
        "dispute_proposed_by_you": _("You have proposed what to do; somebody else decides."),
        "dispute_judged_by_you": _("You have decided on this before; somebody else looks at it now."),
        "reason_needed": _("Please give a reason."),
        "change_missing": _("Please choose one of these."),
        "minutes_missing": _("Please give whole minutes."),
        "minutes_zero": _("Accepting changes the ledger: please say by how many minutes, or refuse."),
        "minutes_out_of_range": _("This is too much: %(most)s minutes at most.", most=params.get("most")),
        "hours_below_zero": ngettext(
            "The ledger has only %(num)s minute of this kind: no more can be taken back.",
            "The ledger has only %(num)s minutes of this kind: no more can be taken back.",
            _whole(params.get("minutes")),
        ),
    }


def state_badge(state: str) -> tuple[str, str]:
    """A dispute's state as a badge's kind and words."""
    words = {
        "open": ("wait", _("With the tutor")),
        "proposed": ("wait", _("With the programme office")),
        "accepted": ("ok", _("Dispute accepted")),
        "refused": ("bad", _("Dispute not accepted")),
        "withdrawn": ("missing", _("Withdrawn by the learner")),
    }
    return words[state]


def shown_badge(shown: ShownDispute) -> tuple[str, str]:
    """The same, where an open dispute may be with the office because no tutor is waited for."""
    if shown.row.state == "open" and shown.waits_until is None:
        return state_badge("proposed")
    return state_badge(shown.row.state)


def amount_words(amount_ms: int | None) -> str:
    """What a proposal or decision changes: "add 10 minutes"."""
    minutes = (amount_ms or 0) // MINUTE_MS
    if minutes > 0:
        return str(ngettext("add %(num)s minute", "add %(num)s minutes", minutes))
    if minutes < 0:
        return str(ngettext("take back %(num)s minute", "take back %(num)s minutes", -minutes))
    return str(_("change nothing"))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
