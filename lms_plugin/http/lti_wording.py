"""Words of launches: what a refused launch, link or ticket says to a person, by its code.

The person learns what to do, whoever runs the course the code, and the log everything that was wrong.
"""

from flask_babel import gettext as _

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.programme import Text
from lms_plugin.http.languages import current_language


def lti_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of launches say, by their codes."""
    programme = refusal.params.get("programme")
    title = programme.in_language(current_language()) if isinstance(programme, Text) else str(programme or "")
    return {
        "lti_login_incomplete": _("The course page left out something that is needed to begin."),
        "lti_platform_unknown": _("The course is on a platform that is not registered here."),
        "lti_platform_ambiguous": _(
            "The platform is registered here several times, and the course does not say which."
        ),
        "lti_target_elsewhere": _("The course page wanted to lead somewhere else than to this service."),
        "lti_state_missing": _("The answer of the platform belongs to no visit that was begun here."),
        "lti_state_unknown": _("This visit was not begun here. Please open the link in your course again."),
        "lti_state_used": _("This visit has been opened already. Please open the link in your course again."),
        "lti_state_expired": _("It took too long to come here. Please open the link in your course again."),
        "lti_platform_refused": _("The platform did not say who you are. Please sign in there and try again."),
        "lti_token_missing": _("The platform's answer is empty. Please open the link in your course again."),
        "lti_token_unreadable": _("The platform's answer cannot be read."),
        "lti_algorithm_wrong": _("The platform's answer is not signed in the way that is asked for."),
        "lti_header_brings_key": _("The platform's answer brings a key of its own, which is never used."),
        "lti_header_critical": _("The platform's answer asks for something that is not done here."),
        "lti_kid_missing": _("The platform's answer does not say which key it is signed with."),
        "lti_kid_unknown": _("The platform's answer is signed with a key that the platform does not publish."),
        "lti_key_unfit": _("The platform publishes a key that cannot be used to check its answers."),
        "lti_signature_wrong": _("The platform's answer has been changed, or is signed by somebody else."),
        "lti_issuer_wrong": _("The answer comes from another platform than the one that was asked."),
        "lti_audience_wrong": _("The platform's answer is meant for another service."),
        "lti_azp_missing": _("The platform's answer is meant for several services and does not say for which."),
        "lti_azp_wrong": _("The platform's answer was made for another service."),
        "lti_time_missing": _("The platform's answer does not say how long it is good for."),
        "lti_expired": _("The platform's answer came too late. Please open the link in your course again."),
        "lti_not_yet_valid": _("The platform's clock is ahead of ours by more than five minutes."),
        "lti_lives_too_long": _("The platform's answer would be good for longer than a day."),
        "lti_nonce_missing": _("The platform's answer does not say which visit it is for."),
        "lti_nonce_wrong": _("The platform's answer is for another visit. Please open the link in your course again."),
        "lti_nonce_used": _("This answer of the platform was used before. Please open the link in your course again."),
        "lti_version_wrong": _("The platform speaks another version of LTI than 1.3."),
        "lti_message_type_wrong": _("The platform asks for something that is not offered here."),
        "lti_deployment_wrong": _("The course belongs to a part of the platform that is not registered here."),
        "lti_subject_missing": _("The platform does not say who you are. Guests cannot come in from there."),
        "lti_resource_link_missing": _("The platform does not say which link of the course was opened."),
        "lti_claim_malformed": _("Something in the platform's answer is not in the right form."),
        "lti_account_suspended": _("Your account here is closed. Please ask your programme office."),
        "lti_place_unknown": _("The course's link leads to a programme or module that is not here any more."),
        "lti_not_enrolled": _(
            "You are not enrolled in “%(programme)s”. Your programme office can enrol you.", programme=title
        ),
        "lti_subject_taken": _(
            "Somebody else here is linked with your name on the platform. Please ask your programme office."
        ),
        "lti_account_other": _(
            "Your account is linked with another name on the platform. Please ask your programme office."
        ),
        "lti_page_too_old": _("This page has been open for long. Please open the link in your course again."),
        "ticket_unknown": _("This way in is not valid. Please open the link in your course again."),
        "ticket_used": _("This way in was used already. Reload the course page to get a new one."),
        "ticket_expired": _("This way in has run out. Reload the course page to get a new one."),
    }
