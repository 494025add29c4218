"""What the LMS platforms have been told, for the whole programme office: states in words, and another try."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.services import access, catalogue, delivery_list, lti_rosters
from lms_plugin.services.access import Actor
from lms_plugin.services.delivery_list import Delivery, PlatformSummary
from lms_plugin.web.numbers import as_id, in_query

ROWS_ON_A_PAGE = 50
STATES = ("waiting", "acknowledged", "refused")


def deliveries() -> str:
    """Every platform in short, and the reports owed to them, by platform and state."""
    actor, shared = _whole_office(), context()
    platform = request.args.get("platform") or None
    state = request.args.get("state") if request.args.get("state") in STATES else None
    after = in_query("after", 0)
    with shared.database.reading() as store:
        platforms = delivery_list.summaries(store, actor)
        with_rosters = lti_rosters.platforms_with_rosters(store, actor)
        rows = _rows(store, actor, platform, state, after)
        if after and not rows:
            # The last of this page may just have been sent again.
            after, rows = 0, _rows(store, actor, platform, state, 0)
        refusals = delivery_list.refusals(store, actor)
        links = delivery_list.link_titles(store, actor, rows)
        programmes = {one.programme.key: one.programme for one in catalogue.all_in_force(store, context().clock())}
    shown = rows[:ROWS_ON_A_PAGE]
    return render_template(
        "deliveries.html",
        platforms=platforms,
        with_rosters=with_rosters,
        rows=shown,
        next_after=shown[-1].id if len(rows) > len(shown) else None,
        after=after,
        chosen={"platform": platform, "state": state},
        programmes=programmes,
        condition_words=condition_words,
        error_words=error_words,
        state_words=_state_names(),
        delivery_words=delivery_words,
        refusals=refusals,
        part_words=lambda one: part_words(one, links, programmes),
    )


def retry(report_id: int) -> ResponseReturnValue:
    """Let one refused report be sent again."""
    actor, shared = _whole_office(), context()
    now = shared.clock()
    try:
        shared.database.transact(lambda store: delivery_list.retry(store, actor, report_id, now))
    except Conflict:
        flash(_("This report is waiting or was acknowledged meanwhile: there is nothing to send again."), "info")
    else:
        flash(_("The report will be sent again."), "success")
    return redirect(_back(), 303)


def retry_platform(platform_key: str) -> ResponseReturnValue:
    """Let all refused reports of a platform be sent again."""
    actor, shared = _whole_office(), context()
    now = shared.clock()
    code, count = request.form.get("code") or None, 0

    def some(store: Session) -> int:
        return delivery_list.retry_refused(store, actor, platform_key, now, code=code)

    # Each step is a transaction of its own, so that nobody waits long for the rows.
    while (found := shared.database.transact(some)) == delivery_list.RETRIED_AT_ONCE:
        count += found
    count += found
    flash(ngettext("%(num)s report will be sent again.", "%(num)s reports will be sent again.", count), "success")
    return redirect(_back(), 303)


def condition_words(platform: PlatformSummary) -> tuple[str, str]:
    """A platform's condition as a badge's kind and words."""
    words = {
        "well": ("ok", _("Connected")),
        "failing": ("warn", _("No answer at present")),
        "faulty": ("bad", _("Connection refused")),
        "paused": ("held", _("Paused")),
        "unconfirmed": ("held", _("Waits to be confirmed")),
        "unregistered": ("missing", _("Not registered yet")),
    }
    return words[platform.condition]


def delivery_words(delivery: Delivery) -> tuple[str, str]:
    """How far a report is, as a badge's kind and words."""
    if delivery.state == "refused":
        return "bad", _("Refused")
    if delivery.state == "acknowledged":
        return ("ok", _("Acknowledged")) if delivery.next_attempt_at is None else ("ok", _("Being confirmed"))
    return ("warn", _("Trying again")) if delivery.attempts else ("wait", _("Waiting"))


def part_words(delivery: Delivery, links: Mapping[str, str], programmes: Mapping[str, Programme]) -> str:
    """What of a course, or of a programme, a report is about, in words a person knows."""
    key, programme = delivery.block_key, programmes.get(delivery.programme_key)
    if key in links:
        return str(_("Link in %(course)s", course=links[key] or delivery.course_key))
    kind, _colon, module_key = key.partition(":")
    if key == "programme":
        return str(_("Whole programme"))
    if kind in ("module", "video"):
        module = next((one for one in programme.modules if one.key == module_key), None) if programme else None
        title = module.title.in_language(current_language()) if module else module_key
        return str(_("Film of %(module)s", module=title)) if kind == "video" else title
    return key.rpartition("@")[2] or key


def error_words(code: str | None) -> str:
    """What an error code of the delivery means, and what can be done."""
    words = {
        "no_lms_account": _("The learner has no LMS account on record. Enter it and the report goes out by itself."),
        "gave_up": _("The platform has not answered for a week. Try again when it is back."),
        "try_later": _("The platform gave no clear answer; it is tried again by itself."),
        "not_enrolled": _("The LMS says that the learner is not enrolled in the course there."),
        "unknown_learner": _("The LMS does not know this account."),
        "unknown_course": _("The LMS does not know this course."),
        "unknown_block": _("The LMS does not know this part of the course."),
        "rejected": _("The LMS refused the report."),
        "tracking_disabled": _("Completion tracking is switched off in the LMS."),
        "bad_credentials": _("The LMS does not accept our credentials."),
        "not_permitted": _("Our account in the LMS may not report completion."),
        "bad_address": _("The address of the LMS is wrong or not allowed."),
    }
    return str(words.get(code or "", _("Error %(code)s", code=code) if code else ""))


def _state_names() -> dict[str, str]:
    return {"waiting": _("Waiting"), "acknowledged": _("Acknowledged"), "refused": _("Refused")}


def _whole_office() -> Actor:
    """The actor, where it is somebody of the office who answers for every region: platforms concern all of them."""
    actor = current_actor()
    access.require_whole_office(actor)
    return actor


def _rows(store: Session, actor: Actor, platform: str | None, state: str | None, after: int) -> list[Delivery]:
    """A page of the list, and one more where another page follows."""
    return delivery_list.deliveries(
        store, actor, platform_key=platform, state=state, after=after, limit=ROWS_ON_A_PAGE + 1
    )


def _back() -> str:
    """The list as it was filtered, at the same page."""
    state = request.form.get("state")
    return url_for(
        "pages.deliveries",
        platform=request.form.get("platform") or None,
        state=state if state in STATES else None,
        after=as_id(request.form.get("after", "")) or None,
    )
