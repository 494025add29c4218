"""Pages of those who are in a programme: learners, one learner with all changes, and class groups."""

from functools import partial

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.programme import Variant
from lms_plugin.http import admission_wording as words
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, admission_list, catalogue, classgroups, enrolments, hours, seats, trail
from lms_plugin.storage.people import Region, User
from lms_plugin.storage.programmes import ClassGroup, ProgrammeRow
from lms_plugin.web import admission
from lms_plugin.web.numbers import as_id, in_query

ROWS_ON_A_PAGE = 50


def learners(key: str) -> str:
    """The learners of a programme, to be sought by name, account or registration number."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    sought, state = request.args.get("q", ""), request.args.get("state", "")
    after = in_query("after", 0)
    with shared.database.reading() as store:
        current = admission.in_force(store, key)
        rows = admission_list.learners(
            store,
            actor,
            current.id,
            sought=sought,
            state=state if state in ("active", "withdrawn") else None,
            without_group=state == "without_group",
            after=after,
            limit=ROWS_ON_A_PAGE + 1,
        )
    return render_template(
        "admission_learners.html",
        programme=current.programme,
        rows=rows[:ROWS_ON_A_PAGE],
        next_after=rows[ROWS_ON_A_PAGE - 1].enrolment_id if len(rows) > ROWS_ON_A_PAGE else None,
        is_first=after == 0,
        chosen={"q": sought, "state": state},
    )


def enrolment_page(enrolment_id: int) -> ResponseReturnValue:
    """One learner in a programme, with every change; POST moves, withdraws or takes back, with a reason."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        access.managed_enrolment(store, actor, enrolment_id)
    if request.method != "POST":
        return _enrolment_page(enrolment_id, {}, None)
    typed = {name: request.form.get(name, "").strip() for name in ("action", "group", "school", "tier", "reason")}
    reason, now = typed["reason"], shared.clock()
    group_id = as_id(typed["group"])
    doing = {
        "withdraw": lambda store: enrolments.withdraw(store, actor, enrolment_id, reason=reason, now=now),
        "take_back": lambda store: enrolments.take_back(store, actor, enrolment_id, reason=reason, now=now),
        "move_group": lambda store: classgroups.move_group(
            store, actor, enrolment_id, group_id, reason=reason, now=now
        ),
        "move_school": lambda store: enrolments.move_school(
            store, actor, enrolment_id, typed["school"], reason=reason, now=now
        ),
        "move_tier": lambda store: enrolments.move_tier(
            store, actor, enrolment_id, typed["tier"], reason=reason, now=now
        ),
    }.get(typed["action"])
    if doing is None:
        raise Malformed()
    try:
        shared.database.transact(doing)
    except NotFound as refusal:
        if refusal.params.get("what") not in ("region", "class_group", "tier"):
            raise
        error = _("There is no such thing in what you answer for.")
        return _enrolment_page(enrolment_id, typed, error), 422
    except (Malformed, Conflict) as refusal:
        return _enrolment_page(enrolment_id, typed, refusal_sentence(refusal)), 422
    flash(_("The change was made and noted."), "success")
    return redirect(url_for("pages.admission_enrolment", enrolment_id=enrolment_id), 303)


def groups(key: str) -> ResponseReturnValue:
    """The class groups of a programme; POST makes one, or puts everybody without one into groups."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    if request.method != "POST":
        return _groups_page(key, {}, None)
    typed = {name: request.form.get(name, "").strip() for name in ("action", "name", "limit", "region")}
    limit, now = as_id(typed["limit"]), shared.clock()
    with shared.database.reading() as store:
        programme_id = admission.in_force(store, key).id
    try:
        if typed["limit"] and limit is None:
            raise Malformed("size_malformed", most=classgroups.LARGEST)
        if typed["action"] == "assign":
            done = shared.database.transact(
                lambda store: classgroups.assign(
                    store, actor, programme_id, now, region_code=typed["region"] or None, limit=limit
                )
            )
            flash(
                ngettext(
                    "%(num)s learner was put into a class group; new groups: %(groups)s.",
                    "%(num)s learners were put into class groups; new groups: %(groups)s.",
                    done.learners,
                    groups=done.new_groups,
                ),
                "success",
            )
        else:
            made = shared.database.transact(
                lambda store: classgroups.create(store, actor, programme_id, typed["name"], limit)
            )
            flash(_("The class group “%(name)s” was made.", name=made.name), "success")
    except NotFound as refusal:
        if refusal.params.get("what") != "region":
            raise
        error = _("There is no region with this code in what you answer for.")
        return _groups_page(key, typed, error), 422
    except (Malformed, Conflict) as refusal:
        return _groups_page(key, typed, refusal_sentence(refusal)), 422
    return redirect(url_for("pages.admission_groups", key=key), 303)


def group_page(class_group_id: int) -> ResponseReturnValue:
    """One class group: its tutors and learners; POST appoints a tutor or ends an appointment."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        classgroups.managed_group(store, actor, class_group_id)
    if request.method != "POST":
        return _group_page(class_group_id, "", None)
    login, user_id = request.form.get("login", "").strip(), as_id(request.form.get("user_id", ""))
    try:
        if user_id is not None:
            shared.database.transact(partial(_dismiss, class_group_id=class_group_id, user_id=user_id))
            flash(_("The tutor no longer has this class group."), "success")
        else:
            tutor = shared.database.transact(partial(_appoint, class_group_id=class_group_id, login=login))
            flash(_("%(name)s tutors this class group now.", name=tutor), "success")
    except NotFound as refusal:
        if refusal.params.get("what") != "user":
            raise
        error = _("There is no such account in what you answer for.")
        return _group_page(class_group_id, login, error), 422
    except Conflict as refusal:
        return _group_page(class_group_id, login, refusal_sentence(refusal)), 422
    return redirect(url_for("pages.admission_group", class_group_id=class_group_id), 303)


def _appoint(store: Session, *, class_group_id: int, login: str) -> str:
    user = classgroups.appoint(store, current_actor(), class_group_id, login)
    _note(store, trail.TUTOR_APPOINTED, class_group_id, user)
    return user.name


def _dismiss(store: Session, *, class_group_id: int, user_id: int) -> None:
    classgroups.dismiss(store, current_actor(), class_group_id, user_id, context().clock())
    _note(store, trail.TUTOR_DISMISSED, class_group_id, store.get_one(User, user_id))


def _note(store: Session, kind: str, class_group_id: int, tutor: User) -> None:
    now, about = context().clock(), f"user/{tutor.id}"
    trail.note_action(store, current_actor(), kind, about, None, now, class_group_id=class_group_id, tutor=tutor.name)


def _enrolment_page(enrolment_id: int, typed: dict[str, str], error: str | None) -> str:
    actor, shared = current_actor(), context()
    now, language = shared.clock(), current_language()
    with shared.database.reading() as store:
        enrolment = access.managed_enrolment(store, actor, enrolment_id)
        current = catalogue.in_force(store, enrolment.programme_id, now)
        tiers = {one.key: one.title.in_language(language) for one in current.programme.tiers}
        phases = {one.key: one.title.in_language(language) for one in current.programme.phases}
        region = store.get(Region, enrolment.region_id) if enrolment.region_id is not None else None
        group = store.get(ClassGroup, enrolment.class_group_id) if enrolment.class_group_id is not None else None
        return render_template(
            "admission_enrolment.html",
            programme=current.programme,
            key=store.get_one(ProgrammeRow, enrolment.programme_id).key,
            enrolment=enrolment,
            user=store.get_one(User, enrolment.user_id),
            region=region,
            group=group,
            tier=tiers.get(Variant.read(enrolment.variant).tier),
            tiers=tiers,
            phases=phases,
            hours=hours.read(store, enrolment, now).hours,
            changes=enrolments.changes_of(store, enrolment_id),
            change=words.change_sentence,
            groups=classgroups.groups_of(store, actor, enrolment.programme_id, now),
            typed=typed,
            error=error,
        )


def _groups_page(key: str, typed: dict[str, str], error: str | None) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        current = admission.in_force(store, key)
        return render_template(
            "admission_groups.html",
            programme=current.programme,
            groups=classgroups.groups_of(store, actor, current.id, shared.clock()),
            without_group=admission_list.count_learners(store, actor, current.id)[1],
            typed=typed,
            error=error,
        )


def _group_page(class_group_id: int, login: str, error: str | None) -> str:
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        group = classgroups.managed_group(store, actor, class_group_id)
        current = catalogue.in_force(store, group.programme_id, shared.clock())
        return render_template(
            "admission_group.html",
            programme=current.programme,
            group=group,
            limit=seats.size_limit(group, current.programme),
            size=seats.size_of(store, group.id),
            tutors=classgroups.tutors_of(store, group.id),
            rows=admission_list.learners(store, actor, group.programme_id, class_group_id=group.id, limit=1000),
            login=login,
            error=error,
        )
