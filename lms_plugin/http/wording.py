"""Sentences for codes, in the language of the request: refusals, reasons, and what is missing."""

from collections.abc import Callable
from datetime import datetime

from flask_babel import format_date, ngettext
from flask_babel import gettext as _

from lms_plugin.domain.completion import Missing
from lms_plugin.domain.discussion import Judgement, PostReason
from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.hours import Standing
from lms_plugin.domain.programme import DiscussionRule, Programme
from lms_plugin.domain.watching import Reason
from lms_plugin.http.admission_wording import admission_refusals
from lms_plugin.http.dispute_wording import dispute_refusals
from lms_plugin.http.elsewhere_wording import elsewhere_refusals
from lms_plugin.http.figures import clock
from lms_plugin.http.handover_wording import handover_refusals
from lms_plugin.http.lti_wording import lti_refusals
from lms_plugin.http.meeting_wording import meeting_refusals
from lms_plugin.http.platform_wording import platform_refusals
from lms_plugin.http.post_wording import post_refusals
from lms_plugin.http.question_wording import question_refusals
from lms_plugin.http.roster_wording import roster_refusals
from lms_plugin.http.school_wording import school_refusals
from lms_plugin.http.tutoring_wording import tutoring_refusals
from lms_plugin.services.reportfile import Wording


def refusal_sentence(refusal: Refusal) -> str:
    """What a refusal says to a person."""
    params = refusal.params
    by_code = {
        "not_authenticated": _("Please sign in."),
        "wrong_login": _("The account and password do not match. Please check both."),
        "token_invalid": _("The token is not valid, or no longer. Please sign in again."),
        "not_allowed": _("You may not do this."),
        "not_found": _("There is nothing at this address, or it is not yours to see."),
        "outside_window": _("The programme is not open at this time, so nothing can be counted."),
        "video_replaced": _("This film has been replaced. Reload the page to get the new one."),
        "title_missing": _("Please give your thread a title."),
        "title_too_long": _("The title is too long: %(longest)s characters at most.", longest=params.get("longest")),
        "body_missing": _("Please write something first."),
        "body_too_long": _("The text is too long: %(longest)s characters at most.", longest=params.get("longest")),
        "reason_missing": _("Please say why it should count."),
        "reason_too_long": _("The reason is too long: %(longest)s characters at most.", longest=params.get("longest")),
        "malformed": _("Something in what was sent is not in the right form."),
        "unknown_grouping": _("The report cannot be grouped like that."),
        "report_not_refused": _("This report was not refused, so there is nothing to send again."),
        "upload_missing": _("Please choose a file first."),
        "unknown_kind": _("Please choose what the file holds."),
        "too_many_uploads": _(
            "%(most)s files wait already. Import or discard some of them first.", most=params.get("most")
        ),
        "upload_not_waiting": _("This file was imported or discarded already."),
        "upload_unreadable": _("The file can no longer be read, because the service's secret key was changed."),
        "import_has_faults": _("The file has faults by now; nothing was imported. Please look at them again."),
        "import_changed": _(
            "What the file would do has changed since you looked; nothing was imported. Please look again."
        ),
        "slips_gone": _("These passwords were fetched already and are kept nowhere. Give the people new ones."),
        "key_wrong": _("These passwords can be fetched only from the page that appeared after importing."),
        "file_empty": _("There is nothing in the file."),
        "file_unreadable": _("The file cannot be read. Please save it as XLSX or CSV again."),
        "file_is_old_excel": _("This is an .xls file of an old Excel. Please save it as .xlsx or CSV."),
        "file_too_large": _("The file is too large."),
        "file_unpacks_too_large": _("The file unpacks to far more than a roster can be."),
        "too_many_rows": _("The file has too many rows: %(limit)s at most.", limit=params.get("limit")),
        "encoding_unknown": _("The file is neither UTF-8 nor GB18030 (GBK). Please save it as UTF-8 or XLSX."),
        "throttled": _("Too many attempts. Please wait a minute and try again."),
        "too_large": _("What you sent is too large."),
        "unavailable": _("The service is not available at the moment. Nothing was lost; please try again soon."),
    }
    by_code |= admission_refusals(refusal)
    by_code |= meeting_refusals(refusal) | school_refusals(refusal) | elsewhere_refusals() | roster_refusals(refusal)
    by_code |= dispute_refusals(refusal) | question_refusals(refusal) | post_refusals(refusal)
    by_code |= tutoring_refusals(refusal) | lti_refusals(refusal) | platform_refusals(refusal)
    by_code |= handover_refusals(refusal)
    return by_code.get(refusal.code) or _("This could not be done (%(code)s).", code=refusal.code)


def missing_sentence(missing: Missing, programme: Programme, language: str) -> str:
    """One thing still missing: "2 class hours of video", "one more post"."""
    hours = f"{missing.class_hours.normalize():f}"
    if missing.code == "posts":
        return ngettext("%(num)s more post that counts", "%(num)s more posts that count", missing.posts)
    if missing.code == "total_hours":
        return _("%(hours)s more class hours in total", hours=hours)
    component = programme.component(missing.component_key or "")
    title = component.title.in_language(language) if component else ""
    if missing.code == "homework":
        return ngettext(
            "%(num)s more piece of %(component)s that passes",
            "%(num)s more pieces of %(component)s that pass",
            missing.pieces,
            component=title,
        )
    if missing.code == "examination":
        return _("%(component)s to pass", component=title)
    return _("%(hours)s class hours of %(component)s", hours=hours, component=title)


def all_missing_sentence(missing: tuple[Missing, ...], programme: Programme, language: str) -> str:
    """Everything still missing, in one sentence; empty where nothing is."""
    parts = [missing_sentence(one, programme, language) for one in missing]
    if not parts:
        return ""
    *rest, last = parts
    listed = _("%(rest)s and %(last)s", rest=_(", ").join(rest), last=last) if rest else last
    return _("Still missing: %(what)s.", what=listed)


def pending_sentence(standing: Standing) -> str:
    """That credit of a component waits for its week, where it has a pace."""
    return str(
        _(
            "%(time)s of it waits: its week has not reached the pace that this kind of study asks for.",
            time=clock(standing.pending_ms),
        )
    )


def judgement_sentence(judgement: Judgement, rule: DiscussionRule, timezone: str) -> str:
    """Why a post counts or does not, with the figures behind it."""
    if judgement.reason is PostReason.REPEATS_OWN_POST:
        return _(
            "Does not count: %(percent)s %% of it stands in your post of %(day)s.",
            percent=judgement.similarity_percent,
            day=_day(judgement.repeats_at),
        )
    if judgement.reason is PostReason.REPEATS_ANOTHERS_POST:
        return _(
            "Does not count: %(percent)s %% of it stands in a colleague's post of %(day)s.",
            percent=judgement.similarity_percent,
            day=_day(judgement.repeats_at),
        )
    sentences = {
        PostReason.COUNTS: ngettext(
            "Counts: %(num)s minute of credit.",
            "Counts: %(num)s minutes of credit.",
            rule.minutes_of(judgement.is_reply),
        ),
        PostReason.REPLIES_EARN_NOTHING: _(
            "Does not count: in this programme threads that you begin count, replies to others don't."
        ),
        PostReason.TOO_SHORT: _(
            "Does not count yet: your own words come to %(characters)s Chinese characters and %(words)s words;"
            " %(min_characters)s characters or %(min_words)s words are needed."
            " Quotes, greetings and repeats are left out.",
            characters=judgement.characters,
            words=judgement.words,
            min_characters=rule.min_characters,
            min_words=rule.min_words,
        ),
        PostReason.MODULE_CAP: _(
            "Does not count: %(cap)s posts in this module count already, which is all that can.", cap=judgement.cap
        ),
        PostReason.DAY_CAP: _(
            "Does not count: %(cap)s posts of today count already, which is all a day can.", cap=judgement.cap
        ),
        PostReason.TOTAL_CAP: _(
            "Does not count: %(cap)s posts count already, which is all the programme allows.", cap=judgement.cap
        ),
        PostReason.OUTSIDE_WINDOW: _("Does not count: the programme is not open at this time."),
        PostReason.NOT_A_LEARNER: _("Tutors' posts earn no hours."),
        PostReason.NO_CREDIT_HERE: _("Posts earn no hours in this programme."),
    }
    return sentences[judgement.reason]


def reason_texts(_: Callable[[str], str] = _) -> dict[str, str]:
    """Why a stretch of film is held (`held_CODE`) or withheld (`reason_CODE`), as player and pages say it.

    Each ends in a colon: stretches follow. `_` translates. A code that is not among them gets the `_unknown` one.
    """
    return {
        "held_presence_unanswered": _(
            "The presence check in between was not answered. It counts when you watch it again, or when"
            " your tutor confirms it:"
        ),
        "held_presence_pending": _(
            "A presence check ran out while the line was down. Answer the next one, and this counts by itself:"
        ),
        "held_not_delivered": _(
            "This part was not fetched from the service while it was played. It counts when you watch it again:"
        ),
        "held_skipped_ahead": _(
            "Watched before what comes earlier in the film. It counts by itself as soon as that is watched:"
        ),
        "held_unknown": _("On hold until there is a sign of you being there; watching it again counts it:"),
        "reason_too_fast": _("Faster than this programme counts, or played in two places at once:"),
        "reason_outside_window": _("Watched outside the dates of the programme:"),
        "reason_beyond_the_end": _("Beyond the end of the film:"),
        "reason_malformed": _("The report of this part was damaged:"),
        "reason_daily_limit": _("Over the class hours one day can give:"),
        "reason_presence_unanswered": _("The question in between was not answered:"),
        "reason_not_delivered": _("This part was not fetched from the service while it was played:"),
        "reason_skipped_ahead": _("Skipped ahead; this programme counts a film in its order:"),
        "reason_unknown": _("Not counted (reason {code}):"),
    }


def stretch_sentence(reason: Reason, *, held: bool) -> str:
    """Why a stretch is held or withheld."""
    texts, kind = reason_texts(), "held" if held else "reason"
    return texts.get(f"{kind}_{reason.value}") or texts[f"{kind}_unknown"].replace("{code}", reason.value)


def report_wording(language: str) -> Wording:
    """The words of a completion report: what its columns are called, yes and no."""
    labels = {
        "programme_key": _("Programme key"),
        "programme_title": _("Programme"),
        "login": _("Account"),
        "name": _("Name"),
        "province_name": _("Province"),
        "city_name": _("City"),
        "county_name": _("County"),
        "school_name": _("School"),
        "class_group": _("Class group"),
        "enrolled": _("Enrolled"),
        "not_started": _("Not started"),
        "in_progress": _("Under way"),
        "completed": _("Complete"),
        "completed_ratio": _("Share complete"),
        "total_class_hours": _("Class hours"),
        "mean_class_hours": _("Class hours per learner"),
        "completion_ratio": _("Progress"),
        "complete": _("Complete?"),
        "completed_at": _("Completed at"),
    }
    for level in ("province", "city", "county", "school"):
        labels[f"{level}_code"] = _("%(place)s code", place=labels[f"{level}_name"])
    return Wording(labels=labels, yes=_("Yes"), no=_("No"), language=language, sheet=_("Completions"))


def _day(instant: datetime | None) -> str:
    return format_date(instant, "medium") if instant is not None else ""
