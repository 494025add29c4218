"""The brief of the week: a tutor's page where it is written and sent, and the office's page of what came."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from lms_plugin.domain.errors import Malformed
from lms_plugin.http.brief_wording import brief_text, brief_title
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.http.wording import refusal_sentence
from lms_plugin.services import access, catalogue, standings, tutor_briefs, tutor_messages
from lms_plugin.services.tutor_briefs import GROUP, TO_OFFICE, NewBrief


def page(class_group_id: int) -> ResponseReturnValue:
    """The brief of this week as it is proposed; POST sends what the tutor made of it, once."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        group_name = access.tutored_group(store, actor, class_group_id).name
    standings.settle_class_group(shared.database, class_group_id, shared.clock())
    if request.method != "POST":
        return _page(class_group_id, None, {})
    now = shared.clock()
    form = {name: request.form.get(name, "") for name in ("audience", "body", "body_en", "once")}
    form["once"] = form["once"][:30] or shared.new_id()
    with shared.database.reading() as store:
        figures = tutor_briefs.figures_of(store, actor, class_group_id, now)
    title = brief_title(group_name, figures)
    new = NewBrief(form["audience"], title.zh, title.en, form["body"], form["body_en"], form["once"])
    try:
        is_new = shared.database.transact(lambda store: tutor_briefs.send(store, actor, class_group_id, new, now))[1]
    except Malformed as refusal:
        field = {"text_zh": "body", "text_en": "body_en"}.get(str(refusal.params.get("field")), "audience")
        return _page(class_group_id, form, {field: refusal_sentence(refusal)}), 422
    if is_new:
        flash(_("The brief was sent."), "success")
    else:
        flash(_("This brief was sent already, and not a second time."), "info")
    return redirect(url_for("pages.tutor_brief", class_group_id=class_group_id, _anchor="sent"), 303)


def sent() -> str:
    """The briefs that tutors sent to the office."""
    with context().database.reading() as store:
        found = tutor_briefs.for_office(store, current_actor())
    return render_template("briefs_sent.html", briefs=found)


def _page(class_group_id: int, form: Mapping[str, str] | None, errors: Mapping[str, str]) -> str:
    actor, shared = current_actor(), context()
    now = shared.clock()
    with shared.database.reading() as store:
        group = access.tutored_group(store, actor, class_group_id)
        programme = catalogue.in_force(store, group.programme_id, now).programme
        figures = tutor_briefs.figures_of(store, actor, class_group_id, now)
        sent_before = tutor_briefs.sent_of_group(store, actor, class_group_id)
    text = brief_text(group.name, programme.title, figures)
    return render_template(
        "tutor_brief.html",
        group=group,
        figures=figures,
        form=form or {"audience": GROUP, "body": text.zh, "body_en": text.en, "once": shared.new_id()},
        audiences=[(GROUP, _("The learners of the class group")), (TO_OFFICE, _("The programme office"))],
        errors=errors,
        sent=sent_before,
        longest=tutor_messages.LONGEST_BODY,
    )
