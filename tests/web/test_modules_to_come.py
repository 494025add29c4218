"""Modules whose films are still to come, and programmes that have nothing to study online, say so."""

from dataclasses import replace
from decimal import Decimal

import pytest

from lms_plugin.domain.modes import ComponentKind
from lms_plugin.domain.programme import Component, Text
from lms_plugin.services import catalogue
from lms_plugin.storage.programmes import Enrolment
from tests import builders
from tests.web.stage import Stage


@pytest.mark.parametrize(
    ("language", "minutes", "words"),
    [
        ("en", 1, "Film still to come: 1 minute<"),
        ("en", 240, "Film still to come: 240 minutes<"),
        ("zh", 240, "视频待交付，时长 240 分钟<"),
    ],
)
def test_a_film_to_come_is_named_with_its_length(stage: Stage, language: str, minutes: int, words: str) -> None:
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, stage.enrolment_id)
        programme = catalogue.in_force(session, enrolment.programme_id, stage.clock.now).programme
        first, second = programme.modules
        third = replace(second, key="to-come", awaited_minutes=minutes)
        lengths = {first.key: builders.FILM_MS, second.key: builders.FILM_MS}
        changed = replace(programme, modules=(first, second, third))
        current = builders.publish(session, changed, durations_ms=lengths, now=stage.clock.now)
        ids = {one.module.key: one.id for one in catalogue.modules_of(session, current, None)}
    browser = stage.browser("teacher", language=language)

    assert browser.get(f"/enrolments/{stage.enrolment_id}").text.count(words) == 1
    assert words in browser.get(f"/enrolments/{stage.enrolment_id}/modules/{ids['to-come']}").text
    assert words not in browser.get(stage.module_address).text


def test_a_programme_without_anything_online_leads_to_its_meetings(stage: Stage) -> None:
    with stage.database.writing() as session:
        enrolment = session.get_one(Enrolment, stage.enrolment_id)
        programme = catalogue.in_force(session, enrolment.programme_id, stage.clock.now).programme
        classes = Component("classes", ComponentKind.FACE_TO_FACE, Text("面授", "Classes"), Decimal(3))
        changed = replace(programme, components=(classes,), modules=())
        builders.publish(session, changed, durations_ms={}, now=stage.clock.now)
    page = stage.browser("teacher").get(f"/enrolments/{stage.enrolment_id}").text

    assert "Nothing to study online" in page
    assert 'class="quiet" href="/meetings"' in page
