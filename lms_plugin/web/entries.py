"""One credit entry and what it rests on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.dispute_wording import amount_words, shown_badge
from lms_plugin.http.entry_wording import dispute_lines, module_title, record_facts, record_lines, source_sentence
from lms_plugin.http.identity import current_actor
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import judgement_sentence
from lms_plugin.services import access, attachments, catalogue, dispute_list, entry_evidence, study
from lms_plugin.services.access import Actor
from lms_plugin.services.entry_evidence import EntryEvidence, PostBehind, Report
from lms_plugin.services.study import StudyModule
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.web.showing import day
from lms_plugin.web.stretches import HELD, WITHHELD, Group, grouped


def entry_page(enrolment_id: int, number: int) -> str:
    """An entry of the ledger: where it comes from, on what evidence, and how it is tied to both chains."""
    actor, shared = current_actor(), context()
    now = shared.clock()
    with shared.database.reading() as store:
        enrolment = access.visible_enrolment(store, actor, enrolment_id)
        values = shown_entry(store, actor, enrolment, number, now)
        where = study.who_and_where(store, enrolment)
        disputes = [one for one in dispute_list.of_enrolment(store, enrolment, now) if one.row.entry_number == number]
    return render_template(
        "entry.html",
        where=where,
        disputes=disputes,
        is_disputed=any(one.is_undecided for one in disputes),
        badge_of=shown_badge,
        amount_words=amount_words,
        **values,
    )


def shown_entry(store: Session, actor: Actor, enrolment: Enrolment, number: int, now: datetime) -> dict[str, Any]:
    """An entry with its evidence as its templates want it; the caller has checked who may see it.

    Raises:
        NotFound: the ledger has no such entry.
    """
    language = current_language()
    found = entry_evidence.read(store, enrolment, number)
    current = catalogue.for_enrolment(store, enrolment, now)
    is_own = enrolment.user_id == actor.user_id
    modules = study.modules(store, current, enrolment) if is_own else []
    tutors = access.tutors_enrolment(store, actor, enrolment)
    programme, reports = current.programme, found.session.reports if found.session is not None else ()
    behind, dispute = found.record, found.dispute
    return {
        "enrolment": enrolment,
        "programme": programme,
        "is_own": is_own,
        "found": found,
        "component": _component_title(found, programme, language),
        "source": source_sentence(found.row, programme, language),
        "module_title": module_title(found.row, programme, language),
        "module_address": _module_address(found, modules, enrolment.id),
        "post_address": _post_address(found.post, enrolment.id, is_own=is_own, is_tutor=tutors),
        "judgement": _judgement(found.post),
        "days": _days(reports, programme),
        "played_ms": sum(one.played_ms for one in reports),
        "credited_ms": sum(one.credited_ms for one in reports),
        "late": sum(one.is_late for one in reports),
        "not_counted": _not_counted(reports),
        "groups_of": _groups_of,
        "record_facts": record_facts(behind, programme) if behind is not None else [],
        "files": attachments.visible_of(store, actor, behind.record.row.source) if behind is not None else [],
        "record_lines": list(record_lines(behind, programme)) if behind is not None else [],
        "dispute_lines": list(dispute_lines(dispute)) if dispute is not None else [],
    }


def _component_title(found: EntryEvidence, programme: Programme, language: str) -> str:
    component = programme.component(found.row.component_key)
    return component.title.in_language(language) if component is not None else found.row.component_key


def _module_address(found: EntryEvidence, modules: Sequence[StudyModule], enrolment_id: int) -> str | None:
    """The module's page for its learner; none once it has left the programme."""
    module = next((one for one in modules if one.module.key == found.module_key), None)
    return None if module is None else url_for("pages.module", enrolment_id=enrolment_id, module_id=module.id)


def _post_address(post: PostBehind | None, enrolment_id: int, *, is_own: bool, is_tutor: bool) -> str | None:
    if post is None or not (is_own or is_tutor):
        return None
    anchor, thread_id = f"post-{post.id}", post.thread_id
    if is_own:
        return url_for("pages.thread", enrolment_id=enrolment_id, thread_id=thread_id, _anchor=anchor)
    return url_for("pages.tutor_thread", thread_id=thread_id, _anchor=anchor)


def _judgement(post: PostBehind | None) -> str | None:
    if post is None:
        return None
    return judgement_sentence(post.judgement, post.programme.discussion, post.programme.window.timezone)


def _days(reports: Sequence[Report], programme: Programme) -> str:
    return str(_(", ").join(day(one) for one in sorted({programme.window.day_of(report.at) for report in reports})))


def _not_counted(reports: Sequence[Report]) -> tuple[Group, ...]:
    """What of the reports was held or withheld when they came, whatever became of it since."""
    held = [stretch for one in reports for stretch in one.held]
    withheld = [stretch for one in reports for stretch in one.withheld]
    return (*grouped(held, HELD), *grouped(withheld, WITHHELD))


def _groups_of(report: Report) -> tuple[Group, ...]:
    return (*grouped(report.held, HELD), *grouped(report.withheld, WITHHELD))
