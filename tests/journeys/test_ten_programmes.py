"""Each of the ten programmes from its files to completion: published, enrolled in, studied in its own way, audited."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.content.loader import load_programme
from lms_plugin.domain.hours import milliseconds_of
from lms_plugin.domain.modes import MEETING_KINDS, ComponentKind
from lms_plugin.domain.programme import MINUTE_MS, Component, Programme
from lms_plugin.services import auditing, catalogue, discussion, enrolments, hours, post_judging, study_records
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.enrolments import NewLearner
from lms_plugin.services.hours import HoursOfEnrolment
from lms_plugin.services.study_records import NewRecord, Recorded, ms_of
from lms_plugin.storage.ledger import ComponentWeek
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow
from lms_plugin.storage.session import Database
from tests import builders

CONTENT = Path(__file__).parents[2] / "course_content"
WAYS = (
    ("class-teachers", "lead", ""),
    ("class-teachers", "class", ""),
    ("earthquake-aid", "", ""),
    ("pe-placement", "", ""),
    ("rural-compulsory", "", ""),
    ("rural-quality", "", ""),
    ("senior-high-reform", "", ""),
    ("vocational-backbone", "subjects", "standard"),
    ("vocational-backbone", "educational-technology", "advanced"),
    ("vocational-rotation", "", ""),
    ("western-pairing", "face-to-face", ""),
    ("western-pairing", "materials", ""),
    ("western-pe", "", ""),
)
BREAKFAST, EVENING = time(8), time(19)
WRITTEN = "".join(
    character
    for path in sorted(CONTENT.glob("*/modules/*/reading.zh.md"))
    for character in path.read_text(encoding="utf-8")
    if character >= "一" or character in "，。？"
)
"""What posts are cut from: nothing in it comes twice."""


@dataclass
class Learner:
    """One teacher in one programme, who studies a little every day; days are those of the programme's time zone."""

    session: Session
    user: User
    office: User
    current: InForce
    enrolment: Enrolment
    recorded: list[Recorded] = field(default_factory=list)
    days_met: int = 0

    @property
    def programme(self) -> Programme:
        return self.current.programme

    @property
    def end(self) -> datetime:
        return self.programme.window.closes_at

    def at(self, day: date, moment: time = BREAKFAST) -> datetime:
        return datetime.combine(day, moment, ZoneInfo(self.programme.window.timezone))

    def days(self) -> Iterator[date]:
        day = self.programme.window.opens_on
        while day < self.programme.window.closes_on:
            yield day
            day += timedelta(days=1)

    def read(self) -> HoursOfEnrolment:
        return hours.read(self.session, self.enrolment, self.end)

    def record(
        self,
        component: Component,
        source: str,
        at: datetime,
        minutes: int = 0,
        *,
        activity: str = "",
        given_ms: int = 0,
    ) -> Recorded:
        present = ((ms_of(at), ms_of(at) + minutes * MINUTE_MS),) if minutes else ()
        new = NewRecord(self.enrolment.id, component.key, source, component.title.zh, at, activity, present, given_ms)
        (found,) = study_records.record_many(
            self.session, [new], confirmed_by_id=self.office.id, now=max(at, self.programme.window.opens_at)
        )
        self.recorded.append(found)
        return found

    def study(self, component: Component, class_hours: Decimal) -> None:
        """Study so many class hours of a component, the way its kind is studied."""
        if not class_hours:
            return
        hour = self.programme.class_hour_minutes
        kind = component.kind
        if kind is ComponentKind.VIDEO:
            wanted = milliseconds_of(class_hours, self.programme.class_hour_ms)
            builders.credit(
                self.session, self.enrolment, wanted, component.key, now=self.at(next(self.days()), EVENING)
            )
        elif kind is ComponentKind.DISCUSSION:
            self.write_posts(class_hours)
        elif kind in MEETING_KINDS:
            left = int(class_hours * hour)
            for number, day in enumerate(self.days()):
                if left <= 0:
                    break
                if number < self.days_met:
                    continue
                self.days_met = number + 1
                minutes = min(left, 6 * hour)
                self.record(component, f"meeting/{component.key}/{number}", self.at(day), minutes)
                left -= minutes
        elif kind is ComponentKind.SCHOOL_BASED:
            left = int(class_hours)
            kinds = [one.kind for one in component.study.activities if one.max_class_hours is None]
            for number, monday in enumerate(day for day in self.days() if day.weekday() == 0):
                if left <= 0:
                    break
                done = min(left, 2)
                activity = kinds[number % len(kinds)] if kinds else "seminar"
                at = self.at(monday, EVENING)
                self.record(component, f"activity/{number}", at, done * hour, activity=activity)
                left -= done
        else:
            each = component.study.credit_class_hours
            assert each is not None
            for number in range(int(class_hours / each)):
                at = self.at(next(self.days())) + timedelta(days=28 * number)
                given = milliseconds_of(each, self.programme.class_hour_ms)
                self.record(component, f"{kind}/{number}", at, given_ms=given)

    def write_posts(self, class_hours: Decimal) -> None:
        rule = self.programme.discussion
        wanted = int(class_hours * self.programme.class_hour_minutes / rule.credit_minutes)
        modules = self.session.scalars(
            select(ModuleRow.id).where(ModuleRow.programme_id == self.current.id).order_by(ModuleRow.position)
        ).all()
        actor = builders.actor_for(self.session, self.user)
        for number, day in enumerate(list(self.days())[:wanted]):
            body = WRITTEN[number * 250 :][:200]
            _, post = discussion.start_thread(
                self.session,
                actor,
                modules[number % len(modules)],
                title=f"随笔{number}",
                body=body,
                now=self.at(day, EVENING),
            )
            assert post.counts, post_judging.judgement_of(post)


def enrol(session: Session, key: str, phase: str = "", tier: str = "", *, now: datetime | None = None) -> Learner:
    """Publish a programme from its files and enrol a teacher in it, on the first day of its window."""
    declared = load_programme(CONTENT / key).programme
    published = catalogue.publish(session, declared, {}, declared.window.opens_at)
    user = builders.make_user(session, "teacher", name="王老师")
    office = builders.make_user(session, "office", "office", name="项目办")
    group = builders.make_class_group(session, catalogue.in_force(session, published.programme_id, builders.NOW))
    new = NewLearner(user.id, None, group.id, phase, tier)
    enrolment = enrolments.enrol(session, published.programme_id, new, now or declared.window.opens_at)
    current = catalogue.for_enrolment(session, enrolment, declared.window.opens_at)
    return Learner(session, user, office, current, enrolment)


@pytest.mark.parametrize(("key", "phase", "tier"), WAYS)
def test_a_teacher_completes_every_programme_in_its_own_way(
    database: Database, key: str, phase: str, tier: str
) -> None:
    with database.writing() as session:
        learner = enrol(session, key, phase, tier)
        programme = learner.programme
        assert not learner.read().completion.complete
        in_order = sorted(programme.components, key=lambda one: one.required_class_hours)
        for component in in_order:
            assert not learner.read().completion.complete
            learner.study(component, component.required_class_hours)
        missing = learner.read().hours.total.remaining_class_hours
        if missing:
            # What no component asks for comes from whichever has room.
            free = next(one for one in in_order if one.kind in MEETING_KINDS or one.kind is ComponentKind.VIDEO)
            assert [one.code for one in learner.read().completion.missing] == ["total_hours"]
            learner.study(free, missing)
        read = learner.read()
        assert read.completion.complete, read.completion.missing
        assert all(not one.left_out for one in learner.recorded)
        assert read.hours.total.credited_class_hours == programme.total_class_hours
        user_id = learner.user.id
    with database.reading() as session:
        assert auditing.first_difference(session, user_id) is None


def test_50_class_hours_count_only_inside_the_six_weeks(database: Database) -> None:
    with database.writing() as session:
        learner = enrol(session, "class-teachers", "class")
        qna = learner.programme.component("qna")
        assert qna is not None
        opens, closes = learner.programme.window.opens_at, learner.programme.window.closes_at
        assert (opens, closes) == (learner.at(date(2026, 11, 16), time(0)), learner.at(date(2026, 12, 28), time(0)))
        early = learner.record(qna, "meeting/1", opens - timedelta(minutes=45), 90)
        # The last evening runs over midnight in Shanghai: what is after it does not count.
        late = learner.record(qna, "meeting/2", closes - timedelta(minutes=30), 90)
        for found, counted, reason in ((early, 45, "outside_window"), (late, 30, "outside_window")):
            assert found.counted_ms == counted * MINUTE_MS
            assert [one.reason.value for one in found.left_out] == [reason]


def test_school_based_hours_wait_for_their_week_and_count_when_it_is_made_up(database: Database) -> None:
    with database.writing() as session:
        learner = enrol(session, "rural-quality")
        component = learner.programme.component("school-based")
        assert component is not None

        def counted() -> Decimal:
            return next(
                one.credited_class_hours
                for one in learner.read().hours.components
                if one.component is not None and one.component.key == "school-based"
            )

        first = learner.at(date(2026, 9, 8), EVENING)
        learner.record(component, "activity/1", first, 45, activity="lecture")
        assert counted() == 0  # one class hour of the two that a week asks for
        learner.record(component, "activity/2", first + timedelta(days=7), 90, activity="seminar")
        assert counted() == 2  # the second week counts, the first still waits
        learner.record(component, "activity/3", first + timedelta(days=14), 135, activity="lesson_review")
        assert counted() == 6  # and is made up by the third


def test_a_week_in_which_clocks_change_has_all_of_its_hours(database: Database, tmp_path: Path) -> None:
    """On 25 October 2026 Europe's clocks go back: Sunday ends at 23:00 UTC, an hour later than the Sunday before."""
    folder = tmp_path / "rural-quality"
    folder.mkdir()
    text = (CONTENT / "rural-quality" / "programme.toml").read_text(encoding="utf-8")
    folder.joinpath("programme.toml").write_text(text.replace("Asia/Shanghai", "Europe/Berlin"), encoding="utf-8")
    with database.writing() as session:
        declared = load_programme(folder).programme
        published = catalogue.publish(session, declared, {}, declared.window.opens_at)
        user, office = builders.make_user(session, "teacher"), builders.make_user(session, "office", "office")
        enrolment = enrolments.enrol(session, published.programme_id, NewLearner(user.id), declared.window.opens_at)
        current = catalogue.for_enrolment(session, enrolment, declared.window.opens_at)
        learner = Learner(session, user, office, current, enrolment)
        component = declared.component("school-based")
        assert component is not None
        for number, started in enumerate(("2026-10-18T21:30", "2026-10-25T22:00", "2026-10-25T23:00")):
            at = datetime.fromisoformat(f"{started}+00:00")
            minutes = 30 if number == 0 else 45
            assert learner.record(component, f"activity/{number}", at, minutes, activity="seminar").counted_ms
        weeks = session.execute(
            select(ComponentWeek.week_on, ComponentWeek.credited_ms).where(ComponentWeek.enrolment_id == enrolment.id)
        )
        # Before midnight on the last Sunday of summer time; at 23:00 on the Sunday of 25 hours; at the midnight after.
        assert {week_on: credited_ms // MINUTE_MS for week_on, credited_ms in weeks} == {
            date(2026, 10, 12): 30,
            date(2026, 10, 19): 45,
            date(2026, 10, 26): 45,
        }


def test_six_months_run_from_the_day_of_enrolment_a_leap_day_too(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "pe-placement"
    folder.mkdir()
    text = (CONTENT / "pe-placement" / "programme.toml").read_text(encoding="utf-8")
    for year in ("2027", "2026"):
        text = text.replace(f"{year}-", f"{int(year) + 1}-")
    folder.joinpath("programme.toml").write_text(text, encoding="utf-8")
    with database.writing() as session:
        declared = load_programme(folder).programme
        published = catalogue.publish(session, declared, {}, declared.window.opens_at)
        user, office = builders.make_user(session, "teacher"), builders.make_user(session, "office", "office")
        leap_day = datetime(2028, 2, 28, 16, tzinfo=ZoneInfo("UTC"))  # midnight in Shanghai
        enrolment = enrolments.enrol(session, published.programme_id, NewLearner(user.id), leap_day)
        current = catalogue.for_enrolment(session, enrolment, leap_day)
        assert (current.programme.window.opens_on, current.programme.window.closes_on) == (
            date(2028, 2, 29),
            date(2028, 8, 29),
        )
        learner = Learner(session, user, office, current, enrolment)
        university = declared.component("university")
        assert university is not None
        found = learner.record(university, "meeting/1", learner.at(date(2028, 2, 28), time(23)), 120)
        assert found.counted_ms == 60 * MINUTE_MS
        found = learner.record(university, "meeting/2", learner.at(date(2028, 8, 28), time(23)), 120)
        assert found.counted_ms == 60 * MINUTE_MS
