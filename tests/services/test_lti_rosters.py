"""A class group kept in step with a platform's roster: seen, confirmed, refreshed; hours and decisions are kept."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, NotAllowed, NotFound, Unavailable
from lms_plugin.domain.lti_roster import Step
from lms_plugin.domain.watching import Claim
from lms_plugin.services import catalogue, classgroups, enrolments, lti_rosters, roster_errand, seats, viewing
from lms_plugin.services.access import OFFICE, TUTOR, Actor
from lms_plugin.services.lti_roster_plan import RosterPlan
from lms_plugin.services.lti_rosters import RosterShrank
from lms_plugin.services.roster_ports import INSTRUCTOR, LEARNER, Member, MemberStatus, PlatformUnread, Roster
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.lti import LtiLink, LtiPlatform, PlatformAccount
from lms_plugin.storage.lti_rosters import LtiMember, LtiRoster
from lms_plugin.storage.outbox import LTI, Platform
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW
from tests.stores import ON_POSTGRESQL

MEMBERSHIPS = "https://lms.example.org/memberships?type_id=1"
DIFFERENCES = "https://lms.example.org/memberships?type_id=1&since=7"
HOUR = timedelta(hours=1)


def member(subject: str, role: str | None = LEARNER, status: MemberStatus = MemberStatus.ACTIVE) -> Member:
    return Member(subject, status, frozenset({role} if role else ()), f"name of {subject}")


def roster(*members: Member, is_whole: bool = True, differences: str | None = DIFFERENCES) -> Roster:
    return Roster({one.subject: one for one in members}, is_whole, differences)


@dataclass
class FakeSource:
    """Answers with what a test has put there, and remembers what it was asked for."""

    whole: Roster | PlatformUnread = field(default_factory=Roster)
    changed: Roster | PlatformUnread = field(default_factory=lambda: Roster(is_whole=False))
    asked: list[str] = field(default_factory=list)

    def __call__(self, platform_key: str, memberships_url: str, differences_url: str | None = None) -> Roster:
        self.asked.append(differences_url or memberships_url)
        answer = self.whole if differences_url is None else self.changed
        if isinstance(answer, PlatformUnread):
            raise answer
        return answer


@dataclass(frozen=True)
class World:
    database: Database
    admin: Actor
    county: Actor
    link_id: int
    group_id: int
    other_group_id: int
    programme_id: int

    def look(self, there: Roster) -> RosterPlan:
        with self.database.reading() as session:
            return lti_rosters.look(session, self.admin, self.link_id, self.group_id, there, NOW)

    def confirm(self, there: Roster, now: datetime = NOW, **wanted: object) -> RosterPlan:
        seen = self.look(there).digest
        with self.database.writing() as session:
            return lti_rosters.confirm(
                session, self.admin, self.link_id, self.group_id, there, now=now, **{"seen": seen, **wanted}
            )

    def refresh(self, there: Roster, now: datetime = NOW + HOUR) -> RosterPlan | None:
        with self.database.writing() as session:
            return lti_rosters.refresh(session, self.link_id, there, now)

    def learners(self) -> dict[str, tuple[str, str | None]]:
        """(state, class group) by login."""
        with self.database.reading() as session:
            rows = session.execute(
                select(User.login, Enrolment.state, ClassGroup.name)
                .join(Enrolment, Enrolment.user_id == User.id)
                .outerjoin(ClassGroup, ClassGroup.id == Enrolment.class_group_id)
            )
            return {login: (state, group) for login, state, group in rows}

    def history(self, login: str) -> list[tuple[str, str, str]]:
        """(kind, before → after, reason) of somebody's enrolment, the first change first."""
        with self.database.reading() as session:
            enrolment_id = session.scalars(
                select(Enrolment.id).join(User, User.id == Enrolment.user_id).where(User.login == login)
            ).one()
            found = enrolments.changes_of(session, enrolment_id)
            return [(one.kind, f"{one.before} → {one.after}", one.reason) for one in reversed(found)]


def account(world: World, login: str) -> None:
    """Let somebody launch for the first time: the subject is their login with `s-` before it."""
    with world.database.writing() as session:
        link = session.get_one(LtiLink, world.link_id)
        user = session.scalars(select(User).where(User.login == login)).one()
        session.add(
            PlatformAccount(
                platform_id=link.platform_id, subject=f"s-{login}", user_id=user.id, origin="launch", linked_at=NOW
            )
        )


@pytest.fixture
def world(database: Database) -> World:
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        current = builders.publish(session)
        admin = builders.make_user(session, "admin", OFFICE)
        county = builders.make_user(session, "county", OFFICE, scope=regions.county)
        tutor = builders.make_user(session, "tutor", TUTOR)
        builders.make_user(session, "teaches", "learner", region=regions.school)
        for login in ("a", "b", "c", "d", "mailed"):
            builders.make_user(session, login, region=regions.school).email = f"{login}@example.org"
        group = builders.make_class_group(session, current, "平台班", tutor)
        other = builders.make_class_group(session, current, "县城班")
        platform = Platform(
            key="moodle", kind=LTI, base_url="https://lms.example.org", client_id="c", sealed_secret=b""
        )
        session.add(platform)
        session.flush()
        session.add(
            LtiPlatform(
                platform_id=platform.id,
                issuer="https://lms.example.org",
                client_id="c",
                authorization_url="https://lms.example.org/auth",
                token_url="https://lms.example.org/token",
                key_set_url="https://lms.example.org/keys",
            )
        )
        link = LtiLink(
            platform_id=platform.id,
            deployment_id="1",
            context_id="course",
            context_title="Remote course",
            resource_link_id="r1",
            programme_id=current.id,
            memberships_url=MEMBERSHIPS,
            seen_at=NOW,
        )
        session.add(link)
        session.flush()
        made = World(
            database,
            builders.actor_for(session, admin),
            builders.actor_for(session, county),
            link.id,
            group.id,
            other.id,
            current.id,
        )
    for login in ("a", "b", "c", "d", "tutor", "teaches"):
        account(made, login)
    return made


def enrol(world: World, login: str, group_id: int | None = None, state: str = "active") -> int:
    with world.database.writing() as session:
        user = session.scalars(select(User).where(User.login == login)).one()
        current = catalogue.in_force(session, world.programme_id, NOW)
        group = session.get_one(ClassGroup, group_id) if group_id is not None else None
        enrolment = builders.enrol(session, user, current, group=group)
        enrolment.state = state
        return enrolment.id


def steps(plan: RosterPlan | None) -> Mapping[str, Step]:
    return {one.member.subject: one.step for one in plan.steps} if plan is not None else {}


def test_a_roster_is_seen_before_anything_is_written(world: World) -> None:
    enrol(world, "b")
    enrol(world, "c", world.other_group_id)
    enrol(world, "d", state="withdrawn")
    there = roster(
        *(member(f"s-{login}") for login in "abcd"),
        member("s-tutor", INSTRUCTOR),
        member("s-teaches", INSTRUCTOR),
        member("nobody"),
        member("s-mailed"),
        member("author", None),
        member("gone", status=MemberStatus.INACTIVE),
    )
    assert steps(world.look(there)) == {
        "s-a": Step.ENROL,
        "s-b": Step.PLACE,
        "s-c": Step.OTHER_GROUP,
        "s-d": Step.WITHDRAWN,
        "s-tutor": Step.TUTORS,
        "s-teaches": Step.MAY_TUTOR,
        "nobody": Step.WAITS,
        "s-mailed": Step.WAITS,
        "author": Step.NO_ROLE,
    }
    assert world.learners() == {
        "b": ("active", None),
        "c": ("active", "县城班"),
        "d": ("withdrawn", None),
    }
    with world.database.reading() as session:
        assert session.scalars(select(LtiMember)).all() == []


def test_what_was_confirmed_is_done_and_every_change_says_where_it_comes_from(world: World) -> None:
    enrol(world, "b")
    world.confirm(roster(member("s-a"), member("s-b"), member("nobody"), member("s-teaches", INSTRUCTOR)))
    assert world.learners() == {"a": ("active", "平台班"), "b": ("active", "平台班")}
    assert world.history("a")[0][0::2] == ("enrolled", "LTI moodle: Remote course")
    assert world.history("b")[-1] == ("moved_group", " → 平台班", "LTI moodle: Remote course")
    with world.database.reading() as session:
        (shown,) = lti_rosters.links(session, world.admin, "moodle")
        assert shown.class_group is not None
        assert shown.class_group.id == world.group_id
        assert shown.link.roster_read_at == NOW
        assert [one.subject for one in lti_rosters.waiting(session, world.link_id)] == ["nobody"]
        assert session.get(ClassGroupTutor, (world.group_id, user_id(world, "teaches"))) is None


def user_id(world: World, login: str) -> int:
    with world.database.reading() as session:
        return session.scalars(select(User.id).where(User.login == login)).one()


def test_who_teaches_there_is_made_a_tutor_only_when_an_admin_says_so(world: World) -> None:
    there = roster(member("s-teaches", INSTRUCTOR), member("s-a", INSTRUCTOR))
    world.confirm(there, tutors=["s-teaches", "unknown"])
    with world.database.reading() as session:
        assert session.get(ClassGroupTutor, (world.group_id, user_id(world, "teaches"))) is not None
        assert session.get(ClassGroupTutor, (world.group_id, user_id(world, "a"))) is None
    assert steps(world.refresh(there)) == {"s-teaches": Step.TUTORS, "s-a": Step.MAY_TUTOR}
    assert world.learners() == {}


def test_a_roster_that_changed_since_it_was_seen_is_shown_again(world: World) -> None:
    seen = world.look(roster(member("s-a"))).digest
    with pytest.raises(Conflict, match="roster_changed"):
        world.confirm(roster(member("s-a"), member("s-b")), seen=seen)
    assert world.learners() == {}


def test_who_leaves_there_leaves_here_as_far_as_the_roster_brought_them_in(world: World) -> None:
    enrol(world, "b")
    enrol(world, "c", world.group_id)
    everybody = roster(*(member(f"s-{login}") for login in "abc"))
    world.confirm(everybody)
    gone = roster(
        member("s-a", status=MemberStatus.DELETED),
        member("s-b", status=MemberStatus.INACTIVE),
        member("s-c", status=MemberStatus.DELETED),
        is_whole=False,
    )
    assert steps(world.refresh(gone)) == {"s-a": Step.WITHDRAW, "s-b": Step.LEAVE, "s-c": Step.GONE}
    assert world.learners() == {"a": ("withdrawn", None), "b": ("active", None), "c": ("active", "平台班")}
    assert [one[0] for one in world.history("a")] == ["enrolled", "moved_group", "withdrawn"]
    # Whoever comes back there comes back here.
    assert steps(world.refresh(everybody))["s-a"] is Step.RETURN
    assert world.learners() == {"a": ("active", "平台班"), "b": ("active", "平台班"), "c": ("active", "平台班")}


def test_hours_are_kept_by_whoever_is_withdrawn(world: World) -> None:
    world.confirm(roster(member("s-a")))
    with world.database.writing() as session:
        user = session.scalars(select(User).where(User.login == "a")).one()
        actor = builders.actor_for(session, user)
        enrolment_id = session.scalars(select(Enrolment.id).where(Enrolment.user_id == user.id)).one()
        video = builders.video_of(session, catalogue.in_force(session, world.programme_id, NOW))
        viewing.open_session(session, actor, video_id=video.id, enrolment_id=enrolment_id, new_id="w", now=NOW)
        at = NOW + timedelta(seconds=60)
        viewing.take_beat(session, actor, "w", seq=1, claims=[Claim(0, 60_000)], now=at)
    world.refresh(roster())
    assert world.learners()["a"] == ("withdrawn", None)
    with world.database.reading() as session:
        assert sum(row.amount_ms for row in session.scalars(select(CreditEntryRow))) == 60_000


def test_what_the_office_decided_stays(world: World) -> None:
    there = roster(member("s-a"), member("s-b"))
    world.confirm(there)
    with world.database.writing() as session:
        mine = session.scalars(select(Enrolment).where(Enrolment.user_id == user_id(world, "a"))).one()
        enrolments.withdraw(session, world.admin, mine.id, reason="调离", now=NOW)
        theirs = session.scalars(select(Enrolment).where(Enrolment.user_id == user_id(world, "b"))).one()
        session.execute(update(Enrolment).where(Enrolment.id == theirs.id).values(class_group_id=world.other_group_id))
    assert steps(world.refresh(there)) == {"s-a": Step.WITHDRAWN, "s-b": Step.OTHER_GROUP}
    assert world.learners() == {"a": ("withdrawn", "平台班"), "b": ("active", "县城班")}
    assert steps(world.refresh(roster()))["s-b"] is Step.GONE
    assert world.learners()["b"] == ("active", "县城班")


def test_whoever_has_completed_loses_nothing(world: World) -> None:
    world.confirm(roster(member("s-a")))
    with world.database.writing() as session:
        session.execute(update(Enrolment).values(completed_at=NOW))
    assert steps(world.refresh(roster())) == {"s-a": Step.COMPLETED}
    assert world.learners() == {"a": ("active", "平台班")}


def test_a_first_launch_is_followed_with_the_next_look_at_what_changed(world: World) -> None:
    world.confirm(roster(member("s-mailed")))
    assert world.learners() == {}
    account(world, "mailed")
    world.refresh(roster(is_whole=False))
    assert world.learners() == {"mailed": ("active", "平台班")}


def test_an_answer_that_has_lost_most_members_empties_no_class_group(world: World) -> None:
    with world.database.writing() as session:
        school = session.scalars(select(User).where(User.login == "a")).one().region_id
        for number in range(12):
            builders.make_user(session, f"m{number}").region_id = school
    names = [f"m{number}" for number in range(12)]
    for login in names:
        account(world, login)
    world.confirm(roster(*(member(f"s-{login}") for login in names)))
    with pytest.raises(RosterShrank):
        world.refresh(roster(*(member(f"s-{login}") for login in names[:5])))
    assert len([one for one in world.learners().values() if one == ("active", "平台班")]) == 12
    world.refresh(roster(*(member(f"s-{login}") for login in names[:6])))
    assert len([one for one in world.learners().values() if one == ("active", "平台班")]) == 6
    # An admin who has seen it may let go of as many as there are.
    world.confirm(roster())
    assert {one[0] for one in world.learners().values()} == {"withdrawn"}


def test_nobody_comes_where_no_place_is_left(world: World) -> None:
    with world.database.writing() as session:
        session.execute(update(ClassGroup).where(ClassGroup.id == world.group_id).values(size_limit=1))
    assert sorted(steps(world.look(roster(member("s-a"), member("s-b")))).values()) == [Step.ENROL, Step.FULL]
    with world.database.writing() as session:
        session.execute(update(ClassGroup).where(ClassGroup.id == world.group_id).values(size_limit=None))
        builders.publish(session, replace(builders.make_programme(), places=1))
    assert sorted(steps(world.look(roster(member("s-a"), member("s-b")))).values()) == [Step.ENROL, Step.FULL]


def test_a_member_whom_another_roster_of_the_class_group_has_stays(world: World) -> None:
    with world.database.writing() as session:
        first = session.get_one(LtiLink, world.link_id)
        second = LtiLink(
            platform_id=first.platform_id,
            deployment_id="1",
            context_id="course-2",
            resource_link_id="r2",
            programme_id=first.programme_id,
            memberships_url=MEMBERSHIPS,
            seen_at=NOW,
        )
        session.add(second)
        session.flush()
        other = replace(world, link_id=second.id)
    there = roster(member("s-a"))
    world.confirm(there)
    other.confirm(there)
    assert steps(world.refresh(roster())) == {"s-a": Step.GONE}
    assert world.learners() == {"a": ("active", "平台班")}


@ON_POSTGRESQL
def test_a_roster_and_an_admin_do_not_give_the_same_seat(world: World) -> None:
    world.confirm(roster(member("s-a")))
    with world.database.writing() as session:
        session.get_one(ClassGroup, world.group_id).size_limit = 2
        user = session.scalars(select(User).where(User.login == "c")).one()
        learner = enrolments.NewLearner(user.id, user.region_id)
        moving = enrolments.enrol(session, world.programme_id, learner, NOW).id
    moved, read = threading.Event(), threading.Event()

    def move(session: Session) -> None:
        classgroups.move_group(session, world.admin, moving, world.group_id, reason="", now=NOW)
        moved.set()
        read.wait(timeout=1)

    def refresh() -> None:
        moved.wait()
        world.refresh(roster(member("s-a"), member("s-b")))
        read.set()

    threads = [threading.Thread(target=world.database.transact, args=(move,)), threading.Thread(target=refresh)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    with world.database.reading() as session:
        assert seats.size_of(session, world.group_id) == 2


def test_the_roster_of_a_link_is_kept_for_one_class_group_until_that_is_ended(world: World) -> None:
    world.confirm(roster(member("s-a")))
    moved = replace(world, group_id=world.other_group_id)
    with pytest.raises(Conflict, match="roster_of_other_group"):
        moved.confirm(roster(member("s-a")))
    with world.database.writing() as session:
        lti_rosters.end(session, world.admin, world.link_id)
    assert world.learners() == {"a": ("active", "平台班")}
    assert world.refresh(roster()) is None
    assert world.learners() == {"a": ("active", "平台班")}


def test_rosters_are_a_matter_of_the_whole_office(world: World) -> None:
    with world.database.reading() as session:
        with pytest.raises(NotAllowed):
            lti_rosters.links(session, world.county, "moodle")
        with pytest.raises(NotAllowed):
            lti_rosters.source_of(session, world.county, world.link_id)
        with pytest.raises(NotFound):
            lti_rosters.source_of(session, world.admin, 999)
        with pytest.raises(NotFound):
            lti_rosters.links(session, world.admin, "none")
        with pytest.raises(NotFound):
            lti_rosters.look(session, world.admin, world.link_id, 999, roster(), NOW)
        assert lti_rosters.source_of(session, world.admin, world.link_id).memberships_url == MEMBERSHIPS
        names = [one.name for one in lti_rosters.groups_for(session, world.admin, world.link_id)]
        assert sorted(names) == ["县城班", "平台班"]
        assert classgroups.tutors_of(session, world.group_id)[0].login == "tutor"


# --- the errand ------------------------------------------------------------------------------------------------------


def run(world: World, source: FakeSource, now: datetime) -> int:
    return roster_errand.refresh_due(world.database, source, lambda: now)


def test_a_confirmed_roster_is_read_again_every_hour_by_one_worker(world: World) -> None:
    there = roster(member("s-a"))
    source = FakeSource(changed=roster(member("s-b"), is_whole=False))
    assert run(world, source, NOW) == 0
    world.confirm(there)
    assert run(world, source, NOW + timedelta(minutes=59)) == 0
    assert run(world, source, NOW + HOUR) == 1
    assert run(world, source, NOW + HOUR) == 0
    assert source.asked == [DIFFERENCES]
    assert set(world.learners()) == {"a", "b"}
    source.whole = roster(member("s-b"))
    assert run(world, source, NOW + timedelta(days=1)) == 1
    assert source.asked[-1] == MEMBERSHIPS
    assert world.learners() == {"a": ("withdrawn", None), "b": ("active", "平台班")}


def test_where_differences_are_not_told_any_more_all_is_read(world: World) -> None:
    world.confirm(roster(member("s-a")))
    source = FakeSource(roster(member("s-a"), member("s-b"), differences=None), PlatformUnread(words="410 Gone"))
    assert run(world, source, NOW + HOUR) == 1
    assert source.asked == [DIFFERENCES, MEMBERSHIPS]
    assert run(world, source, NOW + 2 * HOUR) == 1
    assert source.asked[2:] == [MEMBERSHIPS]


def test_a_platform_that_gives_no_roster_changes_nothing_and_says_why(world: World) -> None:
    world.confirm(roster(member("s-a"), differences=None))
    source = FakeSource(PlatformUnread(words="HTTP 503"))
    assert run(world, source, NOW + HOUR) == 0
    with world.database.reading() as session:
        kept = session.scalars(select(LtiRoster)).one()
        assert (kept.failure_words, kept.whole_at) == ("HTTP 503", NOW)
    assert world.learners() == {"a": ("active", "平台班")}
    source.whole = roster(member("s-a"))
    assert run(world, source, NOW + 2 * HOUR) == 1
    with world.database.reading() as session:
        assert session.scalars(select(LtiRoster.failure_words)).one() is None


def test_a_paused_platform_is_not_asked(world: World) -> None:
    world.confirm(roster(member("s-a")))
    with world.database.writing() as session:
        session.execute(update(Platform).values(is_paused=True))
    source = FakeSource()
    assert run(world, source, NOW + HOUR) == 0
    assert source.asked == []


def test_the_errand_goes_on_whatever_happens_until_it_is_stopped(world: World) -> None:
    world.confirm(roster(member("s-a")))
    stop, calls = threading.Event(), []

    def clock() -> datetime:
        calls.append(len(calls))
        if len(calls) == 1:
            raise Unavailable(why="restarting")
        if len(calls) == 2:
            raise RuntimeError("a fault of our own")
        return NOW + HOUR

    def read(platform_key: str, memberships_url: str, differences_url: str | None = None) -> Roster:
        stop.set()
        return roster(member("s-b"), is_whole=False)

    roster_errand.run(world.database, read, stop, clock=clock, look_every_seconds=0)
    assert set(world.learners()) == {"a", "b"}
