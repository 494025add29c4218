"""Rosters of an LTI platform, for the whole office: a class group for a link, what would change, and confirming it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Conflict, NotFound
from lms_plugin.domain.lti_roster import Step
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.roster_wording import step_words
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, lti_rosters
from lms_plugin.services.access import Actor
from lms_plugin.services.lti_roster_plan import RosterPlan
from lms_plugin.services.lti_rosters import LinkShown
from lms_plugin.services.roster_ports import PlatformUnread, Roster
from lms_plugin.web.numbers import as_id

MEMBERS_SHOWN = 2_000


def page(platform_key: str) -> str:
    """The links of a platform that have a roster, and the class groups that are kept in step with one."""
    actor, shared = _whole_office(), context()
    with shared.database.reading() as store:
        links = lti_rosters.links(store, actor, platform_key)
        groups = {one.link.id: lti_rosters.groups_for(store, actor, one.link.id) for one in links}
        waiting = {one.link.id: lti_rosters.waiting(store, one.link.id) for one in links if one.roster is not None}
    return render_template("rosters.html", platform_key=platform_key, links=links, groups=groups, waiting=waiting)


def link(platform_key: str, link_id: int) -> ResponseReturnValue:
    """POST shows what a link's roster would do, confirms it, or ends it; GET leads to the list."""
    actor, shared = _whole_office(), context()
    back = redirect(url_for("pages.rosters", platform_key=platform_key), 303)
    with shared.database.reading() as store:
        shown = _shown(store_links=lti_rosters.links(store, actor, platform_key), link_id=link_id)
        source = lti_rosters.source_of(store, actor, link_id)
    if request.method != "POST":
        return redirect(url_for("pages.rosters", platform_key=platform_key))
    action, group_id = request.form.get("action", "look"), as_id(request.form.get("class_group", ""))
    if action == "end":
        shared.database.transact(lambda store: lti_rosters.end(store, actor, link_id))
        flash(_("The class group is no longer kept in step. Everybody stays where they are."), "success")
        return back
    try:
        # A person asked for it and waits: nothing is held in the store meanwhile.
        roster = shared.rosters(source.platform_key, source.memberships_url)
    except PlatformUnread as refusal:
        flash(refusal_sentence(refusal), "error")
        return back
    if action != "confirm":
        return _preview(actor, platform_key, shown, group_id or 0, roster)
    seen, tutors, now = request.form.get("seen", ""), request.form.getlist("tutor"), shared.clock()
    try:
        shared.database.transact(
            lambda store: lti_rosters.confirm(
                store, actor, link_id, group_id or 0, roster, seen=seen, tutors=tutors, now=now
            )
        )
    except Conflict as refusal:
        flash(refusal_sentence(refusal), "warning")
        return _preview(actor, platform_key, shown, group_id or 0, roster), 409
    flash(_("The class group is kept in step with this roster from now on, every hour."), "success")
    return back


def _preview(actor: Actor, platform_key: str, shown: LinkShown, group_id: int, roster: Roster) -> str:
    shared = context()
    now = shared.clock()
    with shared.database.reading() as store:
        plan: RosterPlan = lti_rosters.look(store, actor, shown.link.id, group_id, roster, now)
        group = next(one for one in lti_rosters.groups_for(store, actor, shown.link.id) if one.id == group_id)
    return render_template(
        "roster.html",
        platform_key=platform_key,
        shown=shown,
        group=group,
        plan=plan,
        # What changes comes first: it is what one looks for.
        rows=sorted(plan.steps, key=lambda one: not one.is_change)[:MEMBERS_SHOWN],
        changes=sum(one.is_change for one in plan.steps),
        may_tutor=Step.MAY_TUTOR,
        step_words=step_words,
    )


def _shown(store_links: list[LinkShown], link_id: int) -> LinkShown:
    found = next((one for one in store_links if one.link.id == link_id), None)
    if found is None:
        raise NotFound(what="link")
    return found


def _whole_office() -> Actor:
    """The actor, where it is somebody of the office who answers for every region: platforms concern all of them."""
    actor = current_actor()
    access.require_whole_office(actor)
    return actor
