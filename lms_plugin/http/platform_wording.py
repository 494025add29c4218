"""Words of LTI platforms: what is wrong with a field, what came of a trial, what is refused on the way to a link."""

from flask_babel import gettext as _
from flask_babel import ngettext

from lms_plugin.domain.errors import Refusal
from lms_plugin.services.lti_platforms import FieldFault
from lms_plugin.services.platform_trial import Finding, Outcome, Step, Untried


def platform_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of registering and choosing say, by their codes."""
    params = refusal.params
    answers = {
        "configuration": _("The platform did not tell about itself as it should: %(words)s", words=params.get("words")),
        "registration": _("The platform did not register us: %(words)s", words=params.get("words")),
    }
    return {
        "lti_platform_malformed": _("Some of the fields need another look."),
        "lti_registration_failed": answers.get(str(params.get("step")), ""),
        "lms_address_refused": _("The address of the LMS is wrong or not allowed."),
        "registration_waiting": _("This platform waits to be confirmed. Please confirm or discard it first."),
        "registration_not_waiting": _("This platform was confirmed or discarded meanwhile."),
        "platform_is_lti": _("This is an LTI platform; it is changed on its own page."),
        "pause_reason_missing": _("Please say why, for whoever looks at it next."),
        "deep_linking_takes_no_links": _("The platform asks for something that is no link to a page of ours."),
        "deep_linking_return_refused": _("The platform's return address is not a safe one, so nothing is sent there."),
        "picking_answered": _("This choice was sent already. Begin again from the course if you want another one."),
        "picking_expired": _("This page has been open for too long. Please begin again from the course."),
        "picking_empty": _("Please choose something first, or go back without a link."),
        "picking_takes_one": _("The course takes one link at a time here. Please choose just one."),
        "picking_too_many": _("Please choose %(most)s at most at a time.", most=params.get("most")),
        "picking_unknown": _("Something you chose is not there any more. Please choose again."),
    }


def field_errors(refusal: Refusal) -> dict[str, str]:
    """What is wrong with the fields of a platform, by their names."""
    faults = refusal.params.get("faults")
    if not isinstance(faults, list):
        return {}
    return {one["field"]: _field_fault(FieldFault(**one)) for one in faults}


def _field_fault(fault: FieldFault) -> str:
    special = {
        ("key", "taken"): _("Another platform has this key already."),
        ("client_id", "taken"): _("This issuer has registered us under this client ID already."),
        ("issuer", "has_people"): _(
            "People are linked to this platform by the names that its issuer gave them. Register another issuer as a"
            " platform of its own."
        ),
    }
    sentences = {
        "missing": _("Please fill this in."),
        "too_long": _("This is too long."),
        "unreadable": _("This has blanks or letters that cannot be part of it. Please copy it once more."),
        "key_form": _("Small letters, digits, - and _ only, beginning with a letter or digit, 60 at most."),
        "no_address": _("This is no web address. It begins with https://"),
        "malformed": _("This address is not complete, or has parts that do not belong there."),
        "https_required": _("The address must begin with https://"),
        "user_in_address": _("There must be no user name or password in the address."),
        "not_public": _("This address leads into a private network."),
        "without_token_url": _("An audience is of use only together with the token address."),
        "too_many": _("These are too many."),
    }
    return str(special.get((fault.field, fault.code)) or sentences.get(fault.code) or sentences["malformed"])


def step_name(step: Step) -> str:
    """What is tried, in words."""
    names = {
        Step.KEY_SET: _("Key set"),
        Step.TOKEN: _("Access token"),
        Step.LINE_ITEMS: _("Line items"),
        Step.ROSTER: _("Roster"),
    }
    return str(names[step])


def finding_badge(finding: Finding) -> tuple[str, str]:
    """What came of a step, as a badge's kind and word."""
    badges = {
        Outcome.FOUND: ("ok", _("Works")),
        Outcome.FAILED: ("bad", _("Does not work")),
        Outcome.UNTRIED: ("wait", _("Not tried")),
    }
    return badges[finding.outcome]


def finding_sentence(finding: Finding) -> str:
    """What came of a step, and what to look at where it failed."""
    if finding.outcome is Outcome.FOUND:
        return _found(finding.step, finding.count or 0)
    if finding.outcome is Outcome.FAILED:
        advice = {
            Step.KEY_SET: _("The key set could not be read. Check its address; without it nobody can launch anything."),
            Step.TOKEN: _(
                "The platform gave no token. Check token address, client ID and audience, and that the platform knows"
                " our key set address."
            ),
            Step.LINE_ITEMS: _("The line items could not be read. Allow the tool to use grades in the platform."),
            Step.ROSTER: _("The roster could not be read. Allow the tool to see the members of a course."),
        }
        return str(advice[finding.step])
    reasons = {
        Untried.NO_TOKEN_URL: _("There is no token address: this platform can launch, and hears of no hours."),
        Untried.NO_TOKEN: _("This needs an access token first."),
        Untried.NO_LINK: _("Known only after the first launch. Open one of our links in the platform, then try again."),
        Untried.NOT_OFFERED: _("The platform has not offered this for any of our links."),
    }
    return str(reasons[finding.reason or Untried.NO_TOKEN])


def _found(step: Step, count: int) -> str:
    if step is Step.TOKEN:
        return str(_("Token obtained."))
    sentences = {
        Step.KEY_SET: ngettext("Key set reached: %(num)s key.", "Key set reached: %(num)s keys.", count),
        Step.LINE_ITEMS: ngettext("%(num)s line item found.", "%(num)s line items found.", count),
        Step.ROSTER: ngettext(
            "Roster readable: %(num)s person on the first page.",
            "Roster readable: %(num)s people on the first page.",
            count,
        ),
    }
    return str(sentences[step])
