"""Sentences about coming into a programme and moving in it, in the language of the request."""

from datetime import datetime

from flask_babel import format_date, format_time
from flask_babel import gettext as _

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.nomination import Misfit
from lms_plugin.services.enrolment_changes import ChangeShown


def admission_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals about quotas, nominations, class groups and enrolments say, by code."""
    params = refusal.params
    return {
        "why_missing": _("Please give a reason."),
        "places_malformed": _("Please give the places as a whole number from 0 on."),
        "quota_over": _(
            "%(name)s has %(places)s places; the regions below it would have %(given)s together.",
            name=params.get("name"),
            places=params.get("places"),
            given=params.get("given"),
        ),
        "quota_over_programme": _(
            "The programme has %(places)s places; the regions would have %(given)s together.",
            places=params.get("places"),
            given=params.get("given"),
        ),
        "quota_below_used": _("%(used)s places of this region are taken already.", used=params.get("used")),
        "nomination_malformed": _("Please look at the fields that are marked."),
        "nominations_closed": _(
            "Nominations ended on %(deadline)s; none are taken any more.", deadline=_moment(params.get("deadline"))
        ),
        "nomination_decided": _("This nomination is decided or withdrawn already."),
        "already_nominated": _("This person is nominated already."),
        "already_enrolled": _("This person is enrolled already."),
        "login_taken": _("This account belongs to somebody in another region. Please check it."),
        "account_closed": _("This account is closed."),
        "learns_and_tutors": _("Nobody can be learner and tutor in one programme."),
        "no_place_free": _("There is no free place for anybody who waits."),
        "no_place_to_return": _("There is no free place to come back to: it was given to somebody else meanwhile."),
        "hours_in_other_phase": _(
            "This person has hours in another phase of this programme and can come back in that one only."
        ),
        "not_next": _("Others have waited longer for this place. Take the next on the waiting list."),
        "enrolment_withdrawn": _("The learner has left the programme, so nothing can be added."),
        "enrolment_active": _("This learner has not withdrawn."),
        "enrolment_completed": _("This learner has completed the programme, so there is nothing to withdraw from."),
        "already_there": _("Nothing would change by that."),
        "group_full": _("This class group has all the %(limit)s learners it can have.", limit=params.get("limit")),
        "group_name_missing": _("Please give the class group a name."),
        "group_name_too_long": _(
            "The name is too long: %(longest)s characters at most.", longest=params.get("longest")
        ),
        "group_name_taken": _("There is a class group of this name already."),
        "size_missing": _("The programme names no class size. Please say how many learners a group may have."),
        "size_malformed": _("A class group has between 1 and %(most)s learners.", most=params.get("most")),
    }


def misfit_sentence(misfit: Misfit) -> str:
    """In what somebody does not fit, with the figures."""
    params = misfit.params
    wanted = params.get("wanted")
    sentences = {
        "subject_mismatch": _(
            "The subject does not match: %(subject)s; wanted: %(wanted)s.",
            subject=params.get("subject"),
            wanted=_(", ").join(wanted) if isinstance(wanted, list | tuple) else "",
        ),
        "degree_too_low": _(
            "The degree is too low: %(degree)s; at least: %(least)s.",
            degree=degree_names().get(str(params.get("degree"))),
            least=degree_names().get(str(params.get("least"))),
        ),
        "title_too_low": _(
            "The professional title is too low: %(title)s; at least: %(least)s.",
            title=title_names().get(str(params.get("title"))),
            least=title_names().get(str(params.get("least"))),
        ),
        "teaching_years_too_few": _(
            "%(years)s years of teaching; at least: %(least)s.", years=params.get("years"), least=params.get("least")
        ),
        "over_age": _(
            "%(age)s years old when the programme opens; at most: %(most)s.",
            age=params.get("age"),
            most=params.get("most"),
        ),
        "not_stated": _("Not stated: %(fact)s.", fact=field_names().get(str(params.get("fact")))),
        "name_differs": _("The account belongs to “%(known)s”.", known=params.get("known")),
    }
    return sentences.get(misfit.code, misfit.code)


def misfit_names() -> dict[str, str]:
    """Kinds of misfits in short, for counting them."""
    return {
        "subject_mismatch": _("Subject does not match"),
        "degree_too_low": _("Degree too low"),
        "title_too_low": _("Title too low"),
        "teaching_years_too_few": _("Too few years of teaching"),
        "over_age": _("Over the age limit"),
        "not_stated": _("Something not stated"),
        "name_differs": _("Account under another name"),
    }


def field_fault(code: str) -> str:
    """What is wrong with one field of a nomination."""
    sentences = {
        "login_missing": _("Please give an account."),
        "login_malformed": _("An account has 2 to 80 letters, digits or . _ - @ + without blanks."),
        "name_missing": _("Please give the name."),
        "name_malformed": _("The name is too long or has invisible characters."),
        "email_malformed": _("This is no e-mail address."),
        "region_missing": _("Please say where the person teaches."),
        "phone_malformed": _("This is no telephone number."),
        "contact_missing": _("Please give a telephone number or an e-mail address."),
        "subject_too_long": _("The subject is too long: 60 characters at most."),
        "teaching_years_malformed": _("Please give whole years, 0 to 60."),
        "born_on_malformed": _("Please give the date of birth like 1985-03-01."),
    }
    return sentences.get(code) or _("Please choose one of the values offered.")


def field_names() -> dict[str, str]:
    """What is asked of a nominee, by field."""
    return {
        "login": _("Account"),
        "name": _("Name"),
        "region_code": _("Code of school or region"),
        "email": _("E-mail"),
        "phone": _("Telephone"),
        "subject": _("Subject taught"),
        "degree": _("Degree"),
        "title": _("Professional title"),
        "teaching_years": _("Years of teaching"),
        "born_on": _("Date of birth"),
        "sex": _("Sex"),
        "is_rural": _("Teaches in the countryside"),
        "phase": _("Phase"),
        "tier": _("Tier"),
        "places": _("Places"),
    }


def degree_names() -> dict[str, str]:
    return {
        "secondary": _("Secondary normal school"),
        "junior_college": _("Junior college"),
        "bachelor": _("Bachelor"),
        "master": _("Master"),
        "doctor": _("Doctor"),
    }


def title_names() -> dict[str, str]:
    return {
        "none": _("No title yet"),
        "third_grade": _("Third-grade teacher"),
        "second_grade": _("Second-grade teacher"),
        "first_grade": _("First-grade teacher"),
        "senior": _("Senior teacher"),
        "full_senior": _("Full senior teacher"),
    }


def sex_names() -> dict[str, str]:
    return {"male": _("Male"), "female": _("Female")}


def nomination_states() -> dict[str, tuple[str, str]]:
    """States of nominations as a badge's kind and words."""
    return {
        "submitted": ("wait", _("To be decided")),
        "waiting": ("held", _("On the waiting list")),
        "accepted": ("ok", _("Taken")),
        "refused": ("bad", _("Not taken")),
        "withdrawn": ("missing", _("Withdrawn")),
    }


def change_sentence(change: ChangeShown, tiers: dict[str, str], phases: dict[str, str]) -> str:
    """What was changed of an enrolment; `tiers` and `phases` are titles by key."""
    titles = {"moved_tier": tiers, "moved_phase": phases}.get(change.kind, {})
    before, after = titles.get(change.before, change.before), titles.get(change.after, change.after)
    sentences = {
        "enrolled": _("Joined the programme"),
        "registered": _("Registered: %(number)s", number=after),
        "moved_group": _("Class group: %(before)s → %(after)s", before=before or _("none"), after=after or _("none")),
        "moved_school": _("School: %(before)s → %(after)s", before=before or _("none"), after=after),
        "moved_tier": _("Tier: %(before)s → %(after)s", before=before or _("none"), after=after),
        "moved_phase": _("Phase: %(before)s → %(after)s", before=before or _("none"), after=after),
        "withdrawn": _("Withdrawn"),
        "returned": _("Returned"),
    }
    return sentences.get(change.kind, change.kind)


def _moment(instant: object) -> str:
    if not isinstance(instant, datetime):
        return ""
    return str(_("%(day)s %(time)s", day=format_date(instant, "medium"), time=format_time(instant, "HH:mm")))
