"""School-based activities from the learner's hand to the ledger."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound
from lms_plugin.domain.modes import ActivityRule, SchoolActivityKind, StudyRule
from lms_plugin.services import (
    access,
    approvals,
    attachments,
    hours,
    notices,
    school_activities,
    study_records,
)
from lms_plugin.storage.people import RoleGrant
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import SchoolActivity
from tests.builders import NOW, actor_for, enrol, make_programme, make_user, publish
from tests.services.school_world import (
    HOUR_MS,
    JPEG,
    activity,
    components,
    folder,
    ledger,
    make_world,
    programme,
)

LATER = NOW + timedelta(hours=1)


def test_an_activity_counts_when_the_school_and_then_the_county_approved_it(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(minutes=90), now=NOW)
        assert (row.state, row.region_id) == ("submitted", world.regions.school.id)
        assert approvals.approve(session, world.school, row.id, LATER).state == "school_approved"
        assert ledger(session, world.enrolment) == []
        done = approvals.approve(session, world.county, row.id, LATER)
        assert done.state == "approved"
        assert [one["level"] for one in done.approvals["by"]] == ["school", "county"]
        assert [one["by"] for one in done.approvals["by"]] == [world.school.user_id, world.county.user_id]
        assert ledger(session, world.enrolment) == [("school_based", f"activity/{row.id}", 90)]
        standing = hours.read(session, world.enrolment, LATER).hours.components[0]
        assert standing.credited_ms == 2 * HOUR_MS


@pytest.mark.parametrize(
    ("levels", "approvers", "states"),
    [
        (("school",), ("school",), ["approved"]),
        (("county",), ("county",), ["approved"]),
        (("school", "county"), ("county", "county"), ["school_approved", "approved"]),
        (("school", "county"), ("office", "office"), ["school_approved", "approved"]),
    ],
)
def test_the_programme_says_who_approves_and_whoever_is_above_can(
    database: Database, levels: tuple[str, ...], approvers: tuple[str, ...], states: list[str]
) -> None:
    made = programme(components=components(school_based=StudyRule(approvals=levels)))
    with database.writing() as session:
        world = make_world(session, made)
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(), now=NOW)
        reached = [approvals.approve(session, getattr(world, one), row.id, LATER).state for one in approvers]
    assert reached == states


def test_a_school_does_not_approve_for_the_county_and_a_far_county_knows_nothing(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(), now=NOW)
        with pytest.raises(NotFound):
            approvals.approve(session, world.far, row.id, LATER)
        for nobody in (world.teacher, world.tutor, world.mate):
            with pytest.raises(NotAllowed):
                approvals.approve(session, nobody, row.id, LATER)
        approvals.approve(session, world.school, row.id, LATER)
        with pytest.raises(NotAllowed, match="county_decides"):
            approvals.approve(session, world.school, row.id, LATER)
        assert not approvals.may_decide(session, world.school, row)
        assert approvals.may_decide(session, world.county, row)
        approvals.approve(session, world.county, row.id, LATER)
        with pytest.raises(Conflict, match="activity_not_waiting"):
            approvals.approve(session, world.county, row.id, LATER)


def test_nobody_approves_their_own(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        session.add(RoleGrant(user_id=world.teacher.user_id, role="office", region_id=world.regions.county.id))
        session.flush()
        head = access.actor_of(session, world.teacher.user_id)
        row = school_activities.hand_in(session, head, world.enrolment.id, activity(), now=NOW)
        for decide in (
            lambda: approvals.approve(session, head, row.id, LATER),
            lambda: approvals.refuse(session, head, row.id, reason="x", now=LATER),
        ):
            with pytest.raises(NotAllowed, match="own_activity"):
                decide()
        assert not approvals.may_decide(session, head, row)
        assert approvals.approve_many(session, head, [row.id], LATER).left == (row.id,)


def test_a_returned_activity_keeps_everything_and_is_handed_in_again(database: Database, tmp_path: Path) -> None:
    kept = folder(tmp_path)
    with database.writing() as session:
        world = make_world(session)
        row = school_activities.hand_in(
            session, world.teacher, world.enrolment.id, activity(), files=[JPEG], folder=kept, now=NOW
        )
        approvals.approve(session, world.school, row.id, NOW)
        back = approvals.send_back(session, world.county, row.id, reason=" 请补充签到表 ", now=LATER)
        assert (back.state, back.reason, back.title) == ("returned", "请补充签到表", "分数的初步认识磨课")
        (told,) = notices.latest(session, world.teacher)
        assert (told.kind, told.params) == ("activity_returned", {"title": "分数的初步认识磨课"})
        assert told.address == f"/enrolments/{world.enrolment.id}/activities/{row.id}"
        assert len(attachments.of_owner(session, f"activity/{row.id}")) == 1
        again = school_activities.change(
            session, world.teacher, row.id, activity(text="补充了签到表。"), folder=kept, now=LATER
        )
        assert (again.state, again.reason, again.approvals, again.submitted_at) == (
            "submitted", "", {"by": []}, LATER,
        )  # fmt: skip
        with pytest.raises(NotFound):
            school_activities.change(session, world.mate, row.id, activity(), now=LATER)


def test_what_is_under_way_or_decided_cannot_be_changed(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(), now=NOW)
        approvals.approve(session, world.school, row.id, LATER)
        with pytest.raises(Conflict, match="activity_not_open"):
            school_activities.change(session, world.teacher, row.id, activity(), now=LATER)
        approvals.refuse(session, world.county, row.id, reason="不是教研活动", now=LATER)
        with pytest.raises(Conflict, match="activity_not_open"):
            school_activities.change(session, world.teacher, row.id, activity(), now=LATER)


def test_revoking_an_approval_takes_its_hours_by_a_new_entry(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(minutes=45), now=NOW)
        with pytest.raises(Conflict, match="activity_not_approved"):
            approvals.revoke(session, world.county, row.id, reason="照片不符", now=LATER)
        approvals.approve_many(session, world.county, [row.id], LATER)
        approvals.approve_many(session, world.county, [row.id], LATER)
        with pytest.raises(NotAllowed, match="county_decides"):
            approvals.revoke(session, world.school, row.id, reason="照片不符", now=LATER)
        gone = approvals.revoke(session, world.county, row.id, reason="照片不符", now=LATER)
        assert (gone.state, gone.reason) == ("refused", "照片不符")
        assert [one.kind for one in notices.latest(session, world.teacher)] == ["activity_refused"]
        source = f"activity/{row.id}"
        assert ledger(session, world.enrolment) == [("school_based", source, 45), ("school_based", source, -45)]


@pytest.mark.parametrize(("reason", "code"), [("  ", "decision_reason_missing"), ("理" * 501, "reason_too_long")])
def test_whoever_sends_back_refuses_or_revokes_says_why(database: Database, reason: str, code: str) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(), now=NOW)
        for decide in (approvals.send_back, approvals.refuse, approvals.revoke):
            with pytest.raises(Malformed, match=code):
                decide(session, world.county, row.id, reason=reason, now=LATER)


def test_many_are_approved_at_once_and_what_is_not_mine_stays(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        far = make_user(session, "far.teacher", name="陈静", region=world.regions.far_school)
        far_enrolment = enrol(session, far, world.current)
        mine = [
            school_activities.hand_in(session, who, enrolment.id, activity(hours_before=50 - 2 * number), now=NOW).id
            for number in range(6)
            for who, enrolment in ((world.teacher, world.enrolment), (world.mate, world.other_enrolment))
        ]
        foreign = school_activities.hand_in(session, actor_for(session, far), far_enrolment.id, activity(), now=NOW).id
        first = approvals.approve_many(session, world.school, [*mine, foreign, 999_999], LATER)
        assert (first.approved, first.counted, first.left) == (12, 0, (foreign, 999_999))
        again = approvals.approve_many(session, world.school, mine, LATER)
        assert (again.approved, again.left) == (0, tuple(mine))
        second = school_activities.approve_many(session, world.county, mine, LATER)
        assert (second.approved, second.counted, second.left) == (12, 12, ())
        assert len(ledger(session, world.enrolment)) == 6
        with pytest.raises(NotAllowed):
            approvals.approve_many(session, world.teacher, mine, LATER)


def test_what_was_changed_after_it_was_read_is_not_decided(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(minutes=45), now=NOW)
        school_activities.change(session, world.teacher, row.id, activity(10, minutes=360), now=LATER)
        for decide in (
            lambda: approvals.approve(session, world.school, row.id, LATER, seen_at=NOW),
            lambda: approvals.send_back(session, world.school, row.id, reason="x", seen_at=NOW, now=LATER),
            lambda: approvals.refuse(session, world.school, row.id, reason="x", seen_at=NOW, now=LATER),
        ):
            with pytest.raises(Conflict, match="handed_in_again"):
                decide()
        assert (row.state, row.reason, row.approvals) == ("submitted", "", {"by": []})
        assert approvals.approve(session, world.school, row.id, LATER, seen_at=LATER).state == "school_approved"


def test_of_many_the_changed_one_is_left_and_named(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        same, changed = (
            school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(hours), now=NOW).id
            for hours in (3, 30)
        )
        school_activities.change(session, world.teacher, changed, activity(30, 360, title="改过的磨课"), now=LATER)
        done = approvals.approve_many(
            session, world.school, [same, changed], LATER, seen=dict.fromkeys((same, changed), NOW)
        )
        assert (done.approved, done.left, done.handed_in_again) == (1, (changed,), {changed: "改过的磨课"})
        assert session.get_one(SchoolActivity, changed).state == "submitted"
        assert session.get_one(SchoolActivity, same).state == "school_approved"


def test_two_activities_at_one_time_count_once_and_say_so(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        ids = [
            school_activities.hand_in(session, world.teacher, world.enrolment.id, form, now=NOW).id
            for form in (activity(4, 90), activity(3.5, 90, kind="lecture", title="专题讲座"))
        ]
        for _ in range(2):
            approvals.approve_many(session, world.office, ids, LATER)
        assert [minutes for _, _, minutes in ledger(session, world.enrolment)] == [90, 30]
        (_, second) = study_records.records_of(session, world.enrolment.id)
        assert [(one.reason, one.other_title) for one in second.left_out] == [("overlaps_study", "分数的初步认识磨课")]
        assert (second.row.activity, second.confirmed_by) == ("lecture", "项目办")


def test_one_kind_counts_up_to_its_limit(database: Database) -> None:
    rule = StudyRule(activities=(ActivityRule(SchoolActivityKind.SELF_STUDY, Decimal(1)),))
    with database.writing() as session:
        world = make_world(session, programme(components=components(school_based=rule)))
        row = school_activities.hand_in(
            session, world.teacher, world.enrolment.id, activity(minutes=90, kind="self_study"), now=NOW
        )
        for _ in range(2):
            approvals.approve(session, world.county, row.id, LATER)
        assert ledger(session, world.enrolment) == [("school_based", f"activity/{row.id}", 45)]


def test_every_fault_of_what_was_handed_in_is_named(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        world = make_world(session)
        wrong = replace(activity(), kind="", title="", text="", ends_at=None)
        with pytest.raises(Malformed) as refused:
            school_activities.hand_in(
                session,
                world.teacher,
                world.enrolment.id,
                wrong,
                files=[attachments.NewFile("a.exe", b"MZ\x00")],
                folder=folder(tmp_path),
                now=NOW,
            )
        faults = refused.value.params["faults"]
        assert isinstance(faults, list)
        assert {(one["field"], one["code"]) for one in faults} == {
            ("kind", "kind_missing"),
            ("title", "activity_title_missing"),
            ("ends_at", "time_missing"),
            ("files", "file_type_unknown"),
        }


def test_who_has_withdrawn_or_has_no_such_study_hands_nothing_in(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        user = make_user(session, "plain")
        plain = enrol(session, user, publish(session, make_programme("plain")))
        with pytest.raises(Conflict, match="no_school_based_study"):
            school_activities.hand_in(session, actor_for(session, user), plain.id, activity(), now=NOW)
        row = school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(), now=NOW)
        world.enrolment.state = "withdrawn"
        session.flush()
        with pytest.raises(Conflict, match="enrolment_withdrawn"):
            school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(), now=NOW)
        with pytest.raises(NotFound):
            school_activities.hand_in(session, world.mate, world.enrolment.id, activity(), now=NOW)
        # What was handed in before can be decided still: it earns nothing, and taking it back is no fault.
        for _ in range(2):
            approvals.approve(session, world.county, row.id, LATER)
        assert ledger(session, world.enrolment) == []
        assert approvals.revoke(session, world.county, row.id, reason="误批", now=LATER).state == "refused"


def test_a_learner_without_a_school_is_the_whole_offices_to_approve(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        user = make_user(session, "nowhere")
        enrolment = enrol(session, user, world.current)
        row = school_activities.hand_in(session, actor_for(session, user), enrolment.id, activity(), now=NOW)
        with pytest.raises(NotFound):
            approvals.approve(session, world.county, row.id, LATER)
        approvals.approve(session, world.office, row.id, LATER)
        assert session.get_one(SchoolActivity, row.id).state == "school_approved"
