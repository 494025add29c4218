"""A programme made up on the spot runs by its files alone; and what publishing says of films that are still awaited."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.cli.content import content
from lms_plugin.content.loader import check, load_programme
from lms_plugin.services import (
    approvals,
    auditing,
    catalogue,
    coursework,
    discussion,
    enrolments,
    examinations,
    hours,
    meeting_confirming,
    meeting_planning,
    meeting_signing,
    meetings,
    readings,
    school_activities,
)
from lms_plugin.services.access import Actor
from lms_plugin.services.enrolments import NewLearner
from lms_plugin.services.meeting_planning import NewMeeting
from lms_plugin.services.school_activities import ActivityForm
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.programmes import Enrolment, ModuleRow, Video
from lms_plugin.storage.session import Database
from tests import builders
from tests.journeys.course import make_film

CONTENT = Path(__file__).parents[2] / "course_content"
DECLARED = """\
key = "county-choir"
title = { zh = "县域合唱指挥培训", en = "Choir Conducting in the County" }
description = { zh = "给乡镇学校音乐教师。", en = "For music teachers of township schools." }
class_hour_minutes = 60
total_class_hours = 5.53
modules = ["first-rehearsal"]
class_size = 12

[window]
opens_on = 2026-10-01
closes_on = 2027-01-01
timezone = "Asia/Urumqi"

[discussion]
credit_minutes = 30
min_characters = 20

[[components]]
key = "rehearsals"
kind = "face_to_face"
title = { zh = "排练", en = "Rehearsals" }
required_class_hours = 2
daily_limit_class_hours = 4

[[components]]
key = "scores"
kind = "reading"
title = { zh = "读谱", en = "Reading" }
required_class_hours = 0.03
characters_per_minute = 200

[[components]]
key = "exchange"
kind = "discussion"
title = { zh = "交流", en = "Exchange" }
required_class_hours = 0.5

[[components]]
key = "own-choir"
kind = "school_based"
title = { zh = "带自己的合唱队", en = "One's own choir" }
required_class_hours = 1
approvals = ["school"]
activities = [{ kind = "seminar" }]

[[components]]
key = "plan"
kind = "homework"
title = { zh = "排练计划", en = "Rehearsal plan" }
required_class_hours = 2
credit_class_hours = 2
pass_mark = 70

[[components]]
key = "conducting"
kind = "examination"
title = { zh = "现场指挥", en = "Conducting" }
required_class_hours = 1
credit_class_hours = 1
in_total = false
pass_mark = 80
attempts = 1
"""
MODULE = """\
title = { zh = "第一次排练", en = "The First Rehearsal" }
awaited_film_minutes = 20
video = "rehearsal.mp4"
"""
QUESTIONS = """\
[[questions]]
key = "first"
text = { zh = "先唱什么？", en = "What is sung first?" }
choices = [{ zh = "一个长音", en = "One long note" }, { zh = "整首歌", en = "The whole song" }]
answer = 0
"""
TEXT = "我请孩子们先听钢琴的一个长音，闭上眼睛轻轻哼，再站成一圈互相听，最后才打开歌谱。"
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=6)

Publish = Callable[[Path], str]


@pytest.fixture
def publish(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Runs `content publish PATH`; gives what it says."""
    settings = {"SECRET_KEY": "k" * 40, "DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url}
    for name, value in settings.items():
        monkeypatch.setenv(f"LMS_PLUGIN_{name}", value)

    def run(path: Path) -> str:
        done = CliRunner().invoke(content, ["publish", str(path)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The eleventh programme's files."""
    home = tmp_path / "county-choir"
    module = home / "modules" / "first-rehearsal"
    module.mkdir(parents=True)
    files = {
        home / "programme.toml": DECLARED,
        module / "module.toml": MODULE,
        module / "questions.toml": QUESTIONS,
        module / "reading.zh.md": "# 读\n\n" + TEXT * 10,
        module / "reading.en.md": "# Read\n\nListen first.\n",
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return home


def test_an_eleventh_programme_runs_by_its_files_alone(database: Database, publish: Publish, folder: Path) -> None:
    assert check(folder) == []
    assert "published county-choir: version 1" in publish(folder)
    with database.writing() as session:
        programme_id = catalogue.programme_id_of(session, "county-choir")
        regions = builders.make_region_tree(session)
        user = builders.make_user(session, "teacher", region=regions.school)
        tutor = builders.make_user(session, "tutor", "tutor", name="李建国")
        office = builders.make_user(session, "office", "office", name="教育局")
        school = builders.make_user(session, "school", "office", name="教务处", scope=regions.school)
        current = catalogue.in_force(session, programme_id, NOW)
        group = builders.make_class_group(session, current, "一班", tutor)
        enrolment = enrolments.enrol(session, programme_id, NewLearner(user.id, regions.school.id, group.id), NOW)
        actor, leader = builders.actor_for(session, user), builders.actor_for(session, tutor)
        examiner, approver = builders.actor_for(session, office), builders.actor_for(session, school)
        module_id = session.scalars(select(ModuleRow.id)).one()

        def missing() -> set[str]:
            return {one.code for one in hours.read(session, enrolment, LATER).completion.missing}

        assert missing() == {
            "face_to_face_hours",
            "reading_hours",
            "posts",
            "school_based_hours",
            "homework",
            "examination",
        }

        # a rehearsal of two hours of 60 minutes, signed in and out with the leader's code
        meet(session, leader, actor, programme_id, group.id, NOW)
        assert missing() == {"reading_hours", "posts", "school_based_hours", "homework", "examination"}

        # a reading, after the time it takes and a right answer
        evening = NOW + timedelta(hours=3)
        readings.open_reading(session, actor, enrolment.id, module_id, evening)
        soon = readings.finish(session, actor, enrolment.id, module_id, choice=0, now=evening + timedelta(seconds=5))
        assert soon.outcome is readings.Outcome.TOO_SHORT
        done = readings.finish(session, actor, enrolment.id, module_id, choice=0, now=evening + timedelta(minutes=5))
        assert done.outcome is readings.Outcome.READ
        assert missing() == {"posts", "school_based_hours", "homework", "examination"}

        # one post of 30 minutes
        _, post = discussion.start_thread(
            session, actor, module_id, title="第一次排练", body=TEXT, now=evening + timedelta(minutes=10)
        )
        assert post.counts
        assert missing() == {"school_based_hours", "homework", "examination"}

        # an hour with one's own choir, approved by the school alone
        start = NOW - timedelta(days=1)
        form = ActivityForm("seminar", "和合唱队一起排练", TEXT, start, start + timedelta(hours=1))
        activity = school_activities.hand_in(session, actor, enrolment.id, form, now=NOW)
        assert "school_based_hours" in missing()
        assert approvals.approve(session, approver, activity.id, NOW).state == "approved"
        assert missing() == {"homework", "examination"}

        # homework with a pass mark of 70, then the examination with one of 80
        piece = coursework.hand_in(session, actor, enrolment.id, "plan", 1, text=TEXT, now=NOW)
        coursework.mark(session, leader, piece.id, mark=69, remark="请补上时间安排。", now=NOW)
        coursework.hand_in(session, actor, enrolment.id, "plan", 1, text=TEXT * 2, now=NOW)
        coursework.mark(session, leader, piece.id, mark=70, now=NOW)
        assert missing() == {"examination"}
        examinations.enter(session, examiner, enrolment.id, mark=80, now=NOW)
        read = hours.read(session, enrolment, LATER)
        assert read.completion.complete
        assert read.hours.total.credited_class_hours >= Decimal("5.53")
        assert read.hours.total.class_hour_ms == 60 * 60_000
        user_id = user.id
    with database.reading() as session:
        assert auditing.first_difference(session, user_id) is None


def test_a_rule_changed_mid_way_applies_from_its_date_and_entries_keep_theirs(database: Database, folder: Path) -> None:
    with database.writing() as session:
        first = load_programme(folder).programme
        programme_id = catalogue.publish(session, first, {}, first.window.opens_at).programme_id
        user = builders.make_user(session, "teacher")
        tutor = builders.make_user(session, "tutor", "tutor", name="李建国")
        group = builders.make_class_group(session, catalogue.in_force(session, programme_id, NOW), "一班", tutor)
        enrolment = enrolments.enrol(session, programme_id, NewLearner(user.id, None, group.id), NOW)
        actor, leader = builders.actor_for(session, user), builders.actor_for(session, tutor)
        meet(session, leader, actor, programme_id, group.id, NOW)

        text = DECLARED.replace("total_class_hours = 5.53", "total_class_hours = 7.53\napplies_from = 2026-12-01")
        text = text.replace("required_class_hours = 2\ndaily_limit_class_hours = 4", "required_class_hours = 4")
        (folder / "programme.toml").write_text(text, encoding="utf-8")
        assert check(folder) == []
        done = catalogue.publish(session, load_programme(folder).programme, {}, NOW)
        assert done.applies_at == datetime(2026, 11, 30, 18, tzinfo=UTC)  # midnight in Urumqi

        def required(now: datetime) -> Decimal:
            return hours.read(session, enrolment, now).hours.components[0].required_class_hours

        assert required(done.applies_at - timedelta(seconds=1)) == 2
        assert required(done.applies_at) == 4
        meet(session, leader, actor, programme_id, group.id, done.applies_at + timedelta(days=1))
        versions = session.scalars(
            select(CreditEntryRow.rule_version)
            .where(CreditEntryRow.enrolment_id == enrolment.id)
            .order_by(CreditEntryRow.number)
        ).all()
        assert [version.split()[0] for version in versions] == ["county-choir@1", "county-choir@2"]
        user_id = user.id
    with database.reading() as session:
        assert auditing.first_difference(session, user_id) is None


def test_publishing_names_awaited_films_and_takes_them_when_they_come(
    database: Database, publish: Publish, folder: Path
) -> None:
    said = publish(folder)
    assert "published county-choir: version 1, 0 films (0 new)" in said
    assert "awaited county-choir: 1 films, first-rehearsal 20 min" in said
    make_film(folder / "modules" / "first-rehearsal" / "rehearsal.mp4", "first-rehearsal", 2)
    said = publish(folder)
    assert "published county-choir: version 2, 1 films (1 new)" in said
    assert "awaited" not in said
    with database.reading() as session:
        assert session.scalars(select(Video.is_current)).all() == [True]
        # Two versions were published, and the later one no longer awaits anything.
        programme_id = catalogue.programme_id_of(session, "county-choir")
        last = catalogue.version_of(session, programme_id, 2).programme
        assert [module.awaited_minutes for module in last.modules] == [None]


def test_all_ten_are_published_in_no_time_since_their_films_are_awaited(
    database: Database, publish: Publish, tmp_path: Path
) -> None:
    for key in sorted(path.parent.name for path in CONTENT.glob("*/programme.toml")):
        if key in ("remote-study", "rural-maths"):
            continue
        assert f"published {key}: version 1, 0 films" in publish(CONTENT / key)
    with database.reading() as session:
        assert len(catalogue.all_in_force(session, builders.NOW)) == 10
        assert session.scalars(select(Enrolment)).all() == []


def meet(session: Session, leader: Actor, actor: Actor, programme_id: int, group_id: int, starts_at: datetime) -> None:
    """A rehearsal of two hours: planned, opened, signed in and out with its code, confirmed."""
    ends_at = starts_at + timedelta(hours=2)
    new = NewMeeting(programme_id, "rehearsals", "排练", starts_at, ends_at, "音乐教室", (group_id,))
    meeting = meeting_planning.plan(session, leader, new, starts_at - timedelta(hours=1))
    meetings.open_meeting(session, leader, meeting.id, starts_at)
    for moment in (starts_at, ends_at):
        code = meetings.shown_code(session, leader, meeting.id, moment).code
        meeting_signing.sign(session, actor, meeting.id, code, device="a phone", now=moment)
    confirmed = meeting_confirming.confirm(session, leader, meeting.id, ends_at)
    assert [one.counted_ms for one in confirmed.recorded] == [2 * 60 * 60_000]


def test_films_that_are_there_are_measured_against_what_is_required(folder: Path) -> None:
    component = '[[components]]\nkey = "films"\nkind = "video"\ntitle = { zh = "片", en = "Films" }\n'
    text = DECLARED + f"\n{component}required_class_hours = 0.2\n"
    text = text.replace("total_class_hours = 5.53", "total_class_hours = 5.73")
    (folder / "programme.toml").write_text(text, encoding="utf-8")
    assert CliRunner().invoke(content, ["check", str(folder)]).exit_code == 0  # twenty minutes are awaited
    make_film(folder / "modules" / "first-rehearsal" / "rehearsal.mp4", "first-rehearsal", 2)
    done = CliRunner().invoke(content, ["check", str(folder)])
    assert done.exit_code == 1
    assert "its films together give at most 0.000555556 class hours of films" in done.stdout
