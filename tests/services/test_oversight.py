"""What learners and tutors see first."""

from datetime import timedelta
from decimal import Decimal

import pytest

from lms_plugin.domain.errors import NotFound
from lms_plugin.services import access, discussion, hours, oversight, standings
from lms_plugin.services.oversight import WindowState
from lms_plugin.storage.programmes import Enrolment
from lms_plugin.storage.session import Database
from tests.builders import (
    FILM_MS,
    NOW,
    actor_for,
    credit,
    enrol,
    make_class_group,
    make_programme,
    make_region_tree,
    make_user,
    publish,
    video_of,
    watch,
)

MINUTE = 60_000
LONG_POST = (
    "我在第二课后让每个学生先说出自己的想法，再和同桌比较两种解法的长短，最后请三位同学到黑板前讲给全班听。"
    "这样做以后，平时不开口的孩子也愿意举手了，作业里的错误比上个月少了一半。"
)


def test_a_learner_sees_each_enrolment_with_how_far_each_film_is(database: Database) -> None:
    with database.writing() as session:
        user = make_user(session)
        current = publish(session, durations_ms={"reading": FILM_MS})
        group = make_class_group(session, current, "三班")
        enrolment = enrol(session, user, current, group=group)
        actor = actor_for(session, user)
        watch(session, actor, enrolment, video_of(session, current), FILM_MS // 4)
        publish(session, make_programme("another"))
        found = oversight.enrolments_of(session, actor, NOW)
    assert [one.programme.key for one in found] == ["rural"]
    (one,) = found
    assert (one.id, one.class_group_name, one.window_state) == (enrolment.id, "三班", WindowState.OPEN)
    assert [(module.module.key, module.covered_ms, module.covered_ratio) for module in one.modules] == [
        ("reading", FILM_MS // 4, Decimal("0.2500")),
        ("teaching", 0, None),
    ]
    assert one.modules[1].video is None
    assert not one.is_complete


def test_a_learner_sees_nobody_elses_enrolments(database: Database) -> None:
    with database.writing() as session:
        current = publish(session)
        enrol(session, make_user(session, "li.na"), current)
        me = make_user(session, "wang.li")
        assert oversight.enrolments_of(session, actor_for(session, me), NOW) == []


def test_enrolments_come_by_programme_key_with_the_ratio_of_the_ledger(database: Database) -> None:
    with database.writing() as session:
        user = make_user(session)
        second = enrol(session, user, publish(session, make_programme("b")))
        first = enrol(session, user, publish(session, make_programme("a")))
        credit(session, second, 45 * MINUTE)
        credit(session, first, 90 * MINUTE)
        credit(session, first, 45 * MINUTE, "discussion")
        found = oversight.enrolments_of(session, actor_for(session, user), NOW)
        assert [one.completion_ratio for one in found] == [
            hours.read(session, enrolment, NOW).completion.ratio for enrolment in (first, second)
        ]
    assert [(one.id, one.completion_ratio, one.is_complete) for one in found] == [
        (first.id, Decimal(1), True),
        (second.id, Decimal("0.3333"), False),
    ]


@pytest.mark.parametrize(("days", "state"), [(-24, "not_open"), (-23, "open"), (68, "open"), (69, "closed")])
def test_a_window_is_open_from_its_first_midnight_to_its_last(database: Database, days: int, state: str) -> None:
    # 23:59:59 of 31 October, and so on, in Shanghai.
    at = NOW.replace(hour=15, minute=59, second=59) + timedelta(days=days)
    with database.writing() as session:
        user = make_user(session)
        enrol(session, user, publish(session))
        (one,) = oversight.enrolments_of(session, actor_for(session, user), at)
    assert one.window_state == state


def test_a_tutor_sees_how_each_learner_of_the_group_does(database: Database) -> None:
    with database.writing() as session:
        tree = make_region_tree(session)
        tutor = make_user(session, "tutor", access.TUTOR)
        current = publish(session)
        group, other = make_class_group(session, current, "一班", tutor), make_class_group(session, current, "二班")
        diligent = enrol(session, make_user(session, "b", name="乙", region=tree.school), current, group=group)
        idle = enrol(session, make_user(session, "a", name="甲"), current, group=group)
        enrol(session, make_user(session, "c", name="丙"), current, group=other)
        actor = access.actor_of(session, diligent.user_id)
        film = video_of(session, current)
        credit(session, diligent, 90 * MINUTE)
        watch(session, actor, diligent, film, 10 * MINUTE, opened_at=NOW)
        posted_at = NOW + timedelta(hours=1)
        thread, first = discussion.start_thread(
            session, actor, film.module_id, title="第二课", body=LONG_POST, now=posted_at
        )
        discussion.reply(session, actor, thread.id, body="好", reply_to_id=first.id, now=posted_at)
        found = oversight.group_overview(session, actor_for(session, tutor), group.id, NOW)
        same = hours.read(session, diligent, NOW)
    by_login = {learner.login: learner for learner in found.learners}
    assert set(by_login) == {"a", "b"}
    one = by_login["b"]
    assert (one.name, one.region_name, one.enrolment_id) == ("乙", "莲华小学", diligent.id)
    assert one.class_hours == same.hours.total.credited_class_hours > Decimal(2)
    assert (one.hours, one.completion_ratio, one.is_complete) == (same.hours, same.completion.ratio, False)
    assert (one.posts, one.counting_posts, one.last_activity_at) == (2, 1, posted_at)
    assert [learner.enrolment_id for learner in found.not_started] == [idle.id]
    assert by_login["a"].last_activity_at is None
    assert found.complete == ()


def test_the_last_word_of_a_player_is_activity(database: Database) -> None:
    with database.writing() as session:
        tutor = make_user(session, "tutor", access.TUTOR)
        current = publish(session)
        group = make_class_group(session, current, "一班", tutor)
        learner = make_user(session)
        enrolment = enrol(session, learner, current, group=group)
        beat_at = watch(session, actor_for(session, learner), enrolment, video_of(session, current), MINUTE)
        found = oversight.group_overview(session, actor_for(session, tutor), group.id, NOW)
    assert found.learners[0].last_activity_at == beat_at


def test_once_settled_no_watched_minute_is_missing_from_the_group(database: Database) -> None:
    with database.writing() as session:
        tutor = make_user(session, "tutor", access.TUTOR)
        current = publish(session)
        group, other = make_class_group(session, current, "一班", tutor), make_class_group(session, current, "二班")
        for number in range(3):
            learner = make_user(session, f"learner{number}")
            enrolment = enrol(session, learner, current, group=group if number < 2 else other)
            watch(session, actor_for(session, learner), enrolment, video_of(session, current), 3 * MINUTE)
    with database.reading() as session:
        before = oversight.group_overview(session, actor_for(session, tutor), group.id, NOW)
    assert len(before.not_started) == 2
    assert standings.settle_class_group(database, group.id, NOW) == 2
    assert standings.settle_class_group(database, group.id, NOW) == 0
    with database.reading() as session:
        after = oversight.group_overview(session, actor_for(session, tutor), group.id, NOW)
    assert [learner.hours.total.counted_ms for learner in after.learners] == [3 * MINUTE] * 2


def test_only_the_groups_own_tutor_sees_it(database: Database) -> None:
    with database.writing() as session:
        current = publish(session)
        mine = make_user(session, "mine", access.TUTOR)
        group = make_class_group(session, current, "一班", mine)
        other = make_user(session, "other", access.TUTOR)
        make_class_group(session, current, "二班", other)
        office = make_user(session, "office", access.OFFICE)
        learner = make_user(session, "learner")
        enrol(session, learner, current, group=group)
        assert oversight.group_overview(session, actor_for(session, mine), group.id, NOW).name == "一班"
        for person in (other, office, learner):
            with pytest.raises(NotFound):
                oversight.group_overview(session, actor_for(session, person), group.id, NOW)
        with pytest.raises(NotFound):
            oversight.group_overview(session, actor_for(session, mine), 99_999, NOW)


def test_new_rules_reach_the_roll_ups_of_learners_who_earn_nothing_more(database: Database) -> None:
    with database.writing() as session:
        old = publish(session)
        enrolments = [enrol(session, make_user(session, f"learner{number}"), old) for number in range(4)]
        for enrolment, minutes in zip(enrolments, (0, 45, 90, 135), strict=True):
            if minutes:
                credit(session, enrolment, minutes * MINUTE)
        milder = make_programme(
            components=(make_programme().components[0],), total_class_hours=Decimal(2), description=old.programme.title
        )
        current = publish(session, milder)
        assert current.version == old.version + 1
    assert standings.refresh_programme(database, current.id, lambda: NOW) == 3
    assert standings.refresh_programme(database, current.id, lambda: NOW) == 0
    with database.reading() as session:
        for enrolment in enrolments:
            kept = session.get_one(Enrolment, enrolment.id)
            found = hours.read(session, kept, NOW)
            assert kept.completion_ratio == found.completion.ratio
            assert kept.counted_ms == found.hours.total.counted_ms
            assert (kept.completed_at is not None) == found.completion.complete
