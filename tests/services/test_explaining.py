"""An explanation says what each entry rests on and why what does not count does not, and adds up to what pages show."""

import re
from datetime import UTC, datetime

import pytest
from flask import Flask

from lms_plugin.config import read_settings
from lms_plugin.domain.programme import WatchingRule
from lms_plugin.http.explanation import explanation_lines
from lms_plugin.services import catalogue, explaining, hours, posting, presence
from lms_plugin.services.access import TUTOR
from lms_plugin.services.explaining import Explanation
from lms_plugin.storage.activity import PersonClock, PresenceCheck
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.application import make_app
from tests.builders import NOW, actor_for, make_class_group, make_programme, make_user
from tests.services.audited_world import World, make_world
from tests.services.viewers import Viewer, after, make_viewer

CHECKED = WatchingRule(presence_check_minutes=2, presence_answer_seconds=60, presence_tries=1, skipping_ahead=False)


@pytest.fixture
def app(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("LMS_PLUGIN_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("LMS_PLUGIN_DATABASE_URL", database_url)
    return make_app(read_settings())


def told(database: Database, enrolment_id: int) -> Explanation:
    with database.reading() as session:
        return explaining.explain(session, enrolment_id, datetime(2026, 12, 1, tzinfo=UTC))


def in_words(app: Flask, explanation: Explanation, language: str) -> str:
    with app.test_request_context(headers={"Accept-Language": language}):
        return "\n".join(explanation_lines(explanation, language))


def test_what_a_presence_check_takes_back_and_a_tutor_gives_is_told_with_its_reason(
    database: Database, app: Flask
) -> None:
    viewer = make_viewer(database, "wang.li", make_programme(watching=CHECKED))
    with database.writing() as session:
        tutor = make_user(session, "zhao", TUTOR, name="赵明")
        enrolment = session.get_one(Enrolment, viewer.enrolment_id)
        group = make_class_group(session, catalogue.in_force(session, enrolment.programme_id, NOW), "一班", tutor)
        enrolment.class_group_id = group.id
        guide = actor_for(session, tutor)
    viewer.open("morning", 0)
    at, seq, position = 0, 0, 0
    while (check := _open_check(viewer)) is None:
        at, seq = at + 30, seq + 1
        viewer.beat("morning", seq, at, (position, position + 30_000))
        position += 30_000
    viewer.settle(at)
    with database.writing() as session:
        row = session.get_one(PresenceCheck, (viewer.actor.user_id, check))
        wrong = (row.correct + 1) % 3
        presence.answer(session.connection(), viewer.actor, "morning", check, choice=wrong, now=after(at + 5))
    viewer.settle(at + 6)
    with database.writing() as session:
        posting.release(
            session, guide, viewer.enrolment_id, viewer.video_id, ((0, 20_000),), reason="停电", now=after(at + 60)
        )
    explanation = told(database, viewer.enrolment_id)
    watched, taken, given = explanation.entries
    assert watched.basis is not None
    assert (watched.basis.beats, watched.basis.first_at, watched.basis.last_at) == (seq, after(30), after(at))
    assert taken.basis is not None
    assert [(one.check, one.kind) for one in taken.basis.losses] == [(check, explaining.FAILED)]
    assert taken.row.amount_ms == -watched.row.amount_ms == -position
    assert (given.decided_by, given.row.detail["reason"], given.segments) == ("赵明", "停电", ((0, 20_000),))
    (film,) = explanation.films
    assert [(one.from_ms, one.to_ms, one.reason.value) for one in film.held] == [
        (20_000, position, "presence_unanswered")
    ]
    english, chinese = in_words(app, explanation, "en"), in_words(app, explanation, "zh")
    assert f"Presence check {check} was answered wrongly on Nov 24, 2026 20:" in english
    assert "Confirmed by a tutor: “Understanding pupils”, 0:00–0:20" in english
    assert "Decided by 赵明." in english
    assert "or when your tutor confirms it: 0:20–" in english
    assert f"第 {check} 次在场确认最后一次仍答错（2026年11月24日 20:" in chinese
    assert "辅导教师确认《读懂学生》0:00–0:20" in chinese
    assert "理由：停电" in chinese
    assert "其间的在场确认没有通过。重看这一段，或由辅导教师确认后，即可计入：0:20–" in chinese


def test_sums_are_those_that_pages_show_and_chinese_is_chinese(database: Database, app: Flask) -> None:
    world = make_world(database, 6)
    for enrolment_id in _enrolments(world):
        explanation = told(database, enrolment_id)
        assert explanation.difference is None
        with database.reading() as session:
            enrolment = session.get_one(Enrolment, enrolment_id)
            shown = hours.read(session, enrolment, explanation.found.as_of)
        assert explanation.found == shown
        for standing in shown.hours.components:
            assert standing.component is not None
            rows = [one.row for one in explanation.entries if one.row.component_key == standing.component.key]
            assert sum(row.amount_ms for row in rows) == standing.credited_ms
        # Each watched entry has beats or what was claimed before; each one taken back has the check that did it.
        for entry in explanation.entries:
            if entry.row.source_kind == posting.TAKEN_BACK:
                assert entry.basis is not None
                assert entry.basis.losses
        chinese = in_words(app, explanation, "zh")
        words = re.sub(r"Asia/Shanghai|\b[0-9a-f]{64}\b|规则：.*|播放会话 \S+|\(?t\d+\)?", "", chinese)
        assert not re.search(r"[A-Za-z]{3,}", words), words
        assert "%(" not in chinese + in_words(app, explanation, "en")


def test_evidence_that_does_not_agree_is_said_and_the_ledger_still_told(database: Database, app: Flask) -> None:
    viewer = make_viewer(database)
    viewer.open("one", 0)
    viewer.beat("one", 1, 60, (0, 60_000))
    viewer.settle(61)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE person_clocks SET log_chunks = 3")
    explanation = told(database, viewer.enrolment_id)
    assert explanation.difference is not None
    assert [one.row.amount_ms for one in explanation.entries] == [60_000]
    assert "学时账与观看记录不符" in in_words(app, explanation, "zh")


def _open_check(viewer: Viewer) -> int | None:
    with viewer.database.reading() as session:
        return session.get_one(PersonClock, viewer.actor.user_id).open_check


def _enrolments(world: World) -> list[int]:
    with world.database.reading() as session:
        return [one for user_id in world.user_ids.values() for one in explaining.enrolments_of(session, user_id)]
