"""Pages that plan and list meetings: the tutor's, the office's, and a school's group viewings."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component
from lms_plugin.http import study_wording
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.meeting_wording import fault_sentence, fault_sentences
from lms_plugin.services import access, catalogue, meeting_access, meeting_planning, meetings, people, regions
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.storage.programmes import ClassGroup
from lms_plugin.storage.study import Meeting
from lms_plugin.web.meeting_times import times_of
from lms_plugin.web.numbers import as_id

SEPARATOR = "-"
TUTOR, OFFICE, SCHOOL = "tutor", "office", "school"
_ADDRESSES = {TUTOR: "pages.tutor_meetings", OFFICE: "pages.office_meetings", SCHOOL: "pages.viewings"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A component of a programme that a meeting can be planned for."""

    current: InForce
    component: Component

    @property
    def value(self) -> str:
        return f"{self.current.id}{SEPARATOR}{self.component.key}"

    @property
    def title(self) -> str:
        language = current_language()
        programme, component = self.current.programme.title, self.component.title
        return f"{component.in_language(language)} · {programme.in_language(language)}"


@dataclass(frozen=True, slots=True)
class PlanForm:
    """What somebody typed to plan a meeting; `errors` has sentences by field."""

    plan: str = ""
    title: str = ""
    day: str = ""
    starts: str = ""
    ends: str = ""
    place: str = ""
    link: str = ""
    groups: tuple[str, ...] = ()
    region: str = ""
    leader: str = ""
    most: str = ""
    medium: str = ""
    module: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def tutor_meetings() -> ResponseReturnValue:
    """Meetings of the tutor's class groups; POST plans one."""
    return _planning(TUTOR)


def office_meetings() -> ResponseReturnValue:
    """Meetings in an office's regions; POST plans one."""
    return _planning(OFFICE)


def viewings() -> ResponseReturnValue:
    """Group viewings that somebody leads at the own school; POST opens one."""
    return _planning(SCHOOL)


def _planning(side: str) -> ResponseReturnValue:
    actor, shared = current_actor(), context()
    if request.method != "POST":
        return _page(side, PlanForm(plan=request.args.get("plan", ""), day=_today()))
    form = _typed()
    now = shared.clock()
    with shared.database.reading() as store:
        choices = _choices(store, actor, side)
    try:
        meeting_id = shared.database.transact(lambda store: _plan(store, actor, side, choices, form, now).id)
    except Malformed as refusal:
        return _page(side, replace(form, errors=fault_sentences(refusal))), 422
    except NotFound as refusal:
        if refusal.params.get("what") != "region":
            raise
        return _page(side, replace(form, errors={"region": fault_sentence("region_unknown")})), 422
    return redirect(url_for("pages.meeting", meeting_id=meeting_id), 303)


def _plan(store: Session, actor: Actor, side: str, choices: Sequence[Choice], form: PlanForm, now: datetime) -> Meeting:
    choice = next((one for one in choices if one.value == form.plan), None)
    if choice is None:
        raise NotFound(what="component")
    starts_at, ends_at = times_of(form.day, form.starts, form.ends, choice.current.programme.window.timezone)
    new = NewMeeting(
        programme_id=choice.current.id,
        component_key=choice.component.key,
        title=form.title,
        starts_at=starts_at,
        ends_at=ends_at,
        place=form.place,
        link=form.link,
        group_ids=tuple(as_id(one) or 0 for one in form.groups),
        region_id=_region_id(store, form.region) if side == OFFICE else None,
        module_id=as_id(form.module),
        medium=form.medium,
        leader_login=form.leader,
        most_minutes=(as_id(form.most.strip()) or 0) if form.most.strip() else None,
    )
    plan = meeting_planning.open_viewing if side == SCHOOL else meeting_planning.plan
    return plan(store, actor, new, now)


def _page(side: str, form: PlanForm) -> str:
    actor, shared = current_actor(), context()
    now = shared.clock()
    with shared.database.reading() as store:
        choices = _choices(store, actor, side)
        listed = {TUTOR: meetings.of_tutor, OFFICE: meetings.of_office, SCHOOL: meetings.led_by}[side](store, actor)
        choice = next((one for one in choices if one.value == form.plan), None)
        groups = _groups(store, actor, side, choice)
        places = regions.choices(store, access.office_scope(actor), None) if side == OFFICE else None
        modules = []
        if choice is not None and choice.component.kind is ComponentKind.GROUP_VIEWING:
            modules = catalogue.modules_of(store, choice.current, None)
    if side == SCHOOL:
        listed = [one for one in listed if one.kind == ComponentKind.GROUP_VIEWING.value]
    if side == TUTOR and not form.groups and len(groups) == 1:
        form = replace(form, groups=(str(groups[0].id),))
    return render_template(
        "meetings.html",
        side=side,
        address=_ADDRESSES[side],
        choices=choices,
        choice=choice,
        groups=groups,
        places=places,
        modules=modules,
        media=study_wording.medium_names(),
        listed=listed,
        form=form,
        now=now,
        own_zone=shared.timezone,
    )


def _choices(store: Session, actor: Actor, side: str) -> list[Choice]:
    now = context().clock()
    if side == SCHOOL:
        found = meeting_planning.viewing_programmes(store, actor, now)
        return [
            Choice(one, component)
            for one in found
            for component in meeting_access.meeting_components(one.programme)
            if component.kind is ComponentKind.GROUP_VIEWING
        ]
    if side == TUTOR:
        wanted = dict.fromkeys(one.programme_id for one in access.tutored_groups(store, actor))
        found = [catalogue.in_force(store, one, now) for one in wanted]
    else:
        access.office_scope(actor)
        found = catalogue.all_in_force(store, now)
    return [Choice(one, component) for one in found for component in meeting_access.meeting_components(one.programme)]


def _groups(store: Session, actor: Actor, side: str, choice: Choice | None) -> list[ClassGroup]:
    if choice is None or side == SCHOOL:
        return []
    if side == TUTOR:
        return [one for one in access.tutored_groups(store, actor) if one.programme_id == choice.current.id]
    return meeting_planning.groups_in_scope(store, actor, choice.current.id)


def _today() -> str:
    shared = context()
    return shared.clock().astimezone(ZoneInfo(shared.timezone)).date().isoformat()


def _region_id(store: Session, code: str) -> int | None:
    return people.region_by_code(store, code.strip()).id if code.strip() else None


def _typed() -> PlanForm:
    given = request.form.get
    return PlanForm(
        plan=given("plan", ""),
        title=given("title", ""),
        day=given("day", ""),
        starts=given("starts", ""),
        ends=given("ends", ""),
        place=given("place", ""),
        link=given("link", ""),
        groups=tuple(request.form.getlist("groups")),
        region=given("region", ""),
        leader=given("leader", ""),
        most=given("most", ""),
        medium=given("medium", ""),
        module=given("module", ""),
    )
