"""A tutor acts on many learners at once: a message to them, their held film, their homework."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from lms_plugin.domain import intervals
from lms_plugin.domain.coursework import BEST
from lms_plugin.domain.errors import Conflict, Malformed
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.pace import PaceState
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.tutoring_wording import known
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, coursework, oversight, releases, standings, tutor_messages
from lms_plugin.services.coursework import WorkShown
from lms_plugin.services.oversight import GroupOverview
from lms_plugin.services.tutor_messages import Filled, NewMessage
from lms_plugin.storage.programmes import ClassGroup
from lms_plugin.web import showing
from lms_plugin.web.numbers import as_id
from lms_plugin.web.tutor_work import Pieces, pieces_page

SHOWN_FILLED = 3
CHOSEN, EVERYBODY = "chosen", "everybody"


def selected(class_group_id: int) -> ResponseReturnValue:
    """POST: learners are chosen; leads to the form of what is to be done with them. GET leads back."""
    back = url_for("pages.tutor", group=class_group_id, _anchor="learners")
    if request.method != "POST":
        with context().database.reading() as store:
            access.tutored_group(store, current_actor(), class_group_id)
        return redirect(back)
    overview = _overview(class_group_id)
    chosen = _chosen(overview)
    if not chosen:
        flash(_("Please choose somebody first."), "warning")
        return redirect(back, 303)
    action = request.form.get("action")
    if action == "release":
        return _release_page(class_group_id, overview, chosen, "", None)
    if action == "homework":
        return pieces_page(class_group_id, overview, chosen, Pieces(), {})
    return _message_page(class_group_id, overview, chosen, _blank(), {}, ())


def message(class_group_id: int) -> ResponseReturnValue:
    """The form of a message; POST shows how it will read, and with action=send sends it, once."""
    overview = _overview(class_group_id)
    if request.method != "POST":
        everybody = [one.enrolment_id for one in overview.learners]
        return _message_page(class_group_id, overview, everybody, _blank(), {}, ())
    actor, shared, now = current_actor(), context(), context().clock()
    form = {name: request.form.get(name, "") for name in ("title", "body", "once")}
    form["once"] = form["once"][:40] or shared.new_id()
    recipients = _recipients(overview)
    new = NewMessage(form["title"], form["body"], form["once"])
    try:
        if request.form.get("action") != "send":
            with shared.database.reading() as store:
                texts = tutor_messages.filled(store, actor, class_group_id, recipients, new, now)
            return _message_page(class_group_id, overview, recipients, form, {}, texts)
        is_new = shared.database.transact(
            lambda store: tutor_messages.send(store, actor, class_group_id, recipients, new, now)
        )[1]
    except Malformed as refusal:
        field = str(refusal.params.get("field", "body"))
        errors = {field: refusal_sentence(refusal)}
        return _message_page(class_group_id, overview, recipients, form, errors, ()), 422
    if is_new:
        number = len(recipients)
        flash(ngettext("Sent to %(num)s learner.", "Sent to %(num)s learners.", number), "success")
    else:
        flash(_("This message was sent already, and not a second time."), "info")
    return redirect(url_for("pages.tutor_messages", class_group_id=class_group_id), 303)


def messages(class_group_id: int) -> str:
    """The messages that tutors sent to learners of a class group, and who got them."""
    actor = current_actor()
    with context().database.reading() as store:
        group = access.tutored_group(store, actor, class_group_id)
        found = tutor_messages.sent_to_group(store, actor, class_group_id)
        names = tutor_messages.recipients_of(store, [one.row.id for one in found])
    return render_template("tutor_messages.html", group=group, messages=found, names=names)


def release_many(class_group_id: int) -> ResponseReturnValue:
    """POST lets the held stretches count that the tutor was shown, of any number of learners; GET leads back."""
    back = url_for("pages.tutor", group=class_group_id, _anchor="learners")
    if request.method != "POST":
        with context().database.reading() as store:
            access.tutored_group(store, current_actor(), class_group_id)
        return redirect(back)
    overview, shared = _overview(class_group_id), context()
    wanted, reason = _held(overview), request.form.get("reason", "")
    try:
        releases.checked_reason(reason)
        # A transaction for each: nobody's player waits for all of them.
        released = [
            shared.database.transact(partial(_release, enrolment_id=one, wanted=films, reason=reason))
            for one, films in sorted(wanted.items())
        ]
    except Malformed as refusal:
        return _release_page(class_group_id, overview, list(wanted), reason, refusal_sentence(refusal)), 422
    number, total_ms = sum(1 for one in released if one), sum(released)
    if number:
        flash(
            ngettext(
                "%(time)s of film counts for %(num)s learner now.",
                "%(time)s of film counts for %(num)s learners now.",
                number,
                time=showing.clock(total_ms),
            ),
            "success",
        )
    else:
        flash(_("Nothing of it is on hold any more."), "info")
    return redirect(back, 303)


def pass_homework(class_group_id: int) -> ResponseReturnValue:
    """POST marks the ticked pieces of homework as passed; what was handed in anew meanwhile is left. GET leads back."""
    if request.method != "POST":
        with context().database.reading() as store:
            access.tutored_group(store, current_actor(), class_group_id)
        return redirect(url_for("pages.tutor", group=class_group_id, _anchor="learners"))
    overview, form = _overview(class_group_id), Pieces.typed()
    chosen = _recipients(overview)
    actor, shared, now = current_actor(), context(), context().clock()
    with shared.database.reading() as store:
        waiting = {one.row.id: one for one in coursework.to_mark(store, actor, now)}
    try:
        mark = _passing_mark(form, waiting)
    except Malformed as refusal:
        field = str(refusal.params.get("field", "mark"))
        return pieces_page(class_group_id, overview, chosen, form, {field: refusal_sentence(refusal)}), 422
    marked, left = 0, []
    for coursework_id, seen_at in form.ticked:
        mark_one = partial(_mark, coursework_id=coursework_id, seen_at=seen_at, mark=mark, remark=form.remark)
        try:
            shared.database.transact(mark_one)
            marked += 1
        except (Malformed, Conflict) as refusal:
            left.append((coursework_id, refusal_sentence(refusal)))
    if marked:
        flash(ngettext("%(num)s piece passed.", "%(num)s pieces passed.", marked), "success")
    for coursework_id, sentence in left:
        name = waiting[coursework_id].learner_name if coursework_id in waiting else ""
        flash(f"{name}: {sentence}" if name else sentence, "warning")
    return redirect(url_for("pages.tutor", group=class_group_id, _anchor="learners"), 303)


def _release(store: Session, *, enrolment_id: int, wanted: Mapping[int, Segments], reason: str) -> int:
    actor, now = current_actor(), context().clock()
    return releases.release_films(store, actor, enrolment_id, wanted, reason=reason, now=now)


def _held(overview: GroupOverview) -> dict[int, dict[int, Segments]]:
    """The stretches of the form by learner and film: what was held when it was made, and nothing that came since."""
    known = {one.enrolment_id for one in overview.learners}
    found: dict[int, dict[int, Segments]] = {}
    for text in request.form.getlist("held"):
        numbers = [as_id(one) for one in text.replace("-", "/").split("/")]
        if len(numbers) == 4 and None not in numbers:
            enrolment_id, video_id, start, end = (one or 0 for one in numbers)
            if enrolment_id in known and start < end:
                films = found.setdefault(enrolment_id, {})
                films[video_id] = intervals.union(films.get(video_id, ()), ((start, end),))
    return found


def _mark(store: Session, *, coursework_id: int, seen_at: datetime, mark: int, remark: str) -> None:
    actor, now = current_actor(), context().clock()
    coursework.mark(store, actor, coursework_id, mark=mark, remark=remark, seen_at=seen_at, now=now)


def _passing_mark(form: Pieces, waiting: Mapping[int, WorkShown]) -> int:
    """The mark that all ticked pieces get.

    Raises:
        Malformed: `nothing_chosen`, or `mark_below_pass` (least) of one of them.
    """
    if not form.ticked:
        raise Malformed("nothing_chosen", field="pieces")
    least = max((waiting[one].pass_mark for one, _seen in form.ticked if one in waiting), default=0)
    mark = as_id(form.mark)
    if mark is None or not least <= mark <= BEST:
        raise Malformed("mark_below_pass", field="mark", least=least)
    return mark


def _overview(class_group_id: int) -> GroupOverview:
    """A class group of the tutor's, everything watched so far included."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        access.tutored_group(store, actor, class_group_id)
    standings.settle_class_group(shared.database, class_group_id, shared.clock())
    with shared.database.reading() as store:
        return oversight.group_overview(store, actor, class_group_id, shared.clock())


def _blank() -> dict[str, str]:
    """A message that nobody has begun, with the name of its form."""
    return {"title": "", "body": "", "once": context().new_id()}


def _chosen(overview: GroupOverview) -> list[int]:
    """Whom the form of the tutor's page names: those who are ticked, or everybody in one state."""
    who = request.form.get("who", CHOSEN)
    if who == CHOSEN:
        ticked = {as_id(one) for one in request.form.getlist("enrolment_id")}
        return [one.enrolment_id for one in overview.learners if one.enrolment_id in ticked]
    states = tuple(PaceState) if who == EVERYBODY else (who,)
    return [one.enrolment_id for one in overview.learners if one.keeping.state in states]


def _recipients(overview: GroupOverview) -> list[int]:
    """The learners that a form carries along; of those who left the class group meanwhile nothing is done."""
    carried = {as_id(one) for one in request.form.get("recipients", "").split(",")}
    return [one.enrolment_id for one in overview.learners if one.enrolment_id in carried]


def _group_of(class_group_id: int) -> ClassGroup:
    with context().database.reading() as store:
        return access.tutored_group(store, current_actor(), class_group_id)


def _message_page(
    class_group_id: int,
    overview: GroupOverview,
    recipients: Sequence[int],
    form: Mapping[str, str],
    errors: Mapping[str, str],
    texts: Sequence[Filled],
) -> str:
    wanted = set(recipients)
    return render_template(
        "tutor_message.html",
        group=_group_of(class_group_id),
        recipients=",".join(str(one) for one in recipients),
        names=[one.name for one in overview.learners if one.enrolment_id in wanted],
        form=form,
        errors=errors,
        texts=texts[:SHOWN_FILLED],
        more=max(0, len(texts) - SHOWN_FILLED),
        known=known(),
        longest_title=tutor_messages.LONGEST_TITLE,
        longest_body=tutor_messages.LONGEST_BODY,
    )


def _release_page(
    class_group_id: int, overview: GroupOverview, chosen: Sequence[int], reason: str, error: str | None
) -> str:
    group, wanted = _group_of(class_group_id), set(chosen)
    shared = context()
    with shared.database.reading() as store:
        held = [one for one in releases.held_in_group(store, group, shared.clock()) if one.enrolment_id in wanted]
    titles = {one.key: one.title for one in overview.programme.modules}
    return render_template(
        "tutor_release.html",
        group=group,
        held=held,
        titles=titles,
        reason=reason,
        error=error,
        longest=releases.LONGEST_REASON,
    )
