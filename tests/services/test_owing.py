"""What LTI platforms are owed: with every credit, when somebody is linked, and when a link appears."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session

from lms_plugin.domain.lti_claims import Place
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import lti_accounts, lti_links, outbox, owing, posting
from lms_plugin.services.links_owed import block_key_of, link_id_of
from lms_plugin.services.ports import Acknowledged, RefusalCode, Refused
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.outbox import ACKNOWLEDGED, REFUSED, WAITING, Report
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow, ProgrammeRow
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, credit, enrol, make_programme, make_user, publish, video_of, watch
from tests.services.lti_rig import make_account, make_link, make_lti_platform, reports_of
from tests.services.test_lti_launching import a_launch

HOUR_MS = 45 * MINUTE_MS
LATER = NOW + timedelta(hours=1)


class World:
    """A learner of a programme that a platform shows on a link, with one of its modules on another."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.current = publish(session, make_programme())
        self.user = make_user(session, "wang", language="en")
        self.enrolment = enrol(session, self.user, self.current)
        self.platform = make_lti_platform(session)
        self.link = make_link(session, self.platform, self.current, name="whole")
        self.module_link = make_link(session, self.platform, self.current, "reading", name="reading")

    @property
    def key(self) -> str:
        return block_key_of(self.link.id)

    @property
    def module_key(self) -> str:
        return block_key_of(self.module_link.id)

    def owed(self) -> dict[str, tuple[str, str, str]]:
        """Ratio, credited and required hours by block key."""
        return {
            key: (str(row.ratio), str(row.credited_hours), str(row.required_hours))
            for key, row in reports_of(self.session, self.platform).items()
        }

    def watch_reading(self, to_ms: int) -> None:
        at = watch(
            self.session,
            actor_for(self.session, self.user),
            self.enrolment,
            video_of(self.session, self.current),
            to_ms,
        )
        posting.settle(self.session, self.enrolment, at)


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with database.writing() as session:
        yield World(session)


def test_nothing_is_owed_to_a_platform_that_does_not_know_the_person(world: World) -> None:
    credit(world.session, world.enrolment, HOUR_MS)
    world.watch_reading(5 * MINUTE_MS)
    assert world.owed() == {}


def test_credit_is_owed_to_each_link_that_shows_it(world: World) -> None:
    make_account(world.session, world.platform, world.user)
    credit(world.session, world.enrolment, HOUR_MS)
    assert world.owed() == {world.key: ("0.3333", "1.0000", "3.0000")}
    world.watch_reading(5 * MINUTE_MS)
    assert world.owed() == {
        world.key: ("0.3703", "1.1111", "3.0000"),
        world.module_key: ("0.2500", "0.1111", "0.4445"),
    }
    assert {row.course_key for row in reports_of(world.session, world.platform).values()} == {"course-7"}


def test_requirements_that_are_met_are_owed_in_full(world: World) -> None:
    make_account(world.session, world.platform, world.user)
    credit(world.session, world.enrolment, 2 * HOUR_MS)
    assert world.owed()[world.key][0] == "0.6666"
    credit(world.session, world.enrolment, 3 * HOUR_MS, "discussion")
    world.watch_reading(20 * MINUTE_MS)
    assert world.owed() == {
        world.key: ("1.0000", "3.0000", "3.0000"),
        world.module_key: ("1.0000", "0.4445", "0.4445"),
    }


def test_credit_that_is_taken_back_lowers_nothing(world: World) -> None:
    make_account(world.session, world.platform, world.user)
    credit(world.session, world.enrolment, HOUR_MS)
    before = world.owed()
    credit(world.session, world.enrolment, -HOUR_MS // 2)
    assert world.owed() == before
    credit(world.session, world.enrolment, HOUR_MS)
    assert world.owed() == {world.key: ("0.5000", "1.5000", "3.0000")}


def test_whoever_is_linked_later_is_owed_what_was_reached_before(world: World) -> None:
    credit(world.session, world.enrolment, HOUR_MS)
    world.watch_reading(5 * MINUTE_MS)
    owing.owe_account(world.session, world.platform.id, world.user.id, NOW)
    assert world.owed() == {}
    make_account(world.session, world.platform, world.user)
    for _ in range(2):
        owing.owe_account(world.session, world.platform.id, world.user.id, NOW)
        assert world.owed() == {
            world.key: ("0.3703", "1.1111", "3.0000"),
            world.module_key: ("0.2500", "0.1111", "0.4445"),
        }
    assert {row.revision for row in reports_of(world.session, world.platform).values()} == {1}


def test_a_link_that_appears_is_owed_what_was_reached_before(world: World) -> None:
    make_account(world.session, world.platform, world.user)
    credit(world.session, world.enrolment, HOUR_MS)
    second = make_link(world.session, world.platform, world.current, name="again", context_id="course-8")
    elsewhere = make_link(world.session, make_lti_platform(world.session, "other"), world.current)
    owing.owe_link(world.session, second.id, LATER)
    owing.owe_link(world.session, elsewhere.id, LATER)
    assert world.owed() == {
        world.key: ("0.3333", "1.0000", "3.0000"),
        block_key_of(second.id): ("0.3333", "1.0000", "3.0000"),
    }
    assert reports_of(world.session, world.platform)[world.key].updated_at == NOW


def test_a_link_that_shows_something_else_owes_what_stands_there(world: World) -> None:
    make_account(world.session, world.platform, world.user)
    beginner = make_user(world.session, "beginner")
    enrol(world.session, beginner, world.current)
    make_account(world.session, world.platform, beginner)
    world.watch_reading(20 * MINUTE_MS)
    report = reports_of(world.session, world.platform)[world.module_key]
    assert report.ratio == 1
    report.state, report.next_attempt_at, report.stamped_at = ACKNOWLEDGED, None, NOW
    revision = report.revision

    world.module_link.module_id = None
    owing.owe_shown(world.session, world.module_link.id, LATER)
    owing.owe_link(world.session, world.module_link.id, LATER)

    assert world.owed()[world.module_key] == world.owed()[world.key]
    assert (report.state, report.revision, report.stamped_at) == (WAITING, revision + 1, NOW)
    assert len(reports_of(world.session, world.platform)) == 2

    world.module_link.module_id = world.session.scalars(
        select(ModuleRow.id).where(ModuleRow.programme_id == world.current.id, ModuleRow.key == "reading")
    ).one()
    report.enrolment_id = world.session.scalars(select(Enrolment.id).where(Enrolment.user_id == beginner.id)).one()
    owing.owe_shown(world.session, world.module_link.id, LATER)
    world.session.flush()
    world.session.expire_all()
    assert world.owed()[world.module_key] == ("0.0000", "0.0000", "0.4445")


def test_a_link_that_shows_another_programme_has_one_report_for_each_person(world: World) -> None:
    other = publish(world.session, make_programme("other"))
    here = enrol(world.session, world.user, other)
    stranger = make_user(world.session, "stranger")
    elsewhere = enrol(world.session, stranger, world.current)
    make_account(world.session, world.platform, world.user)
    make_account(world.session, world.platform, stranger)
    for one, hours_ms in ((world.enrolment, 2 * HOUR_MS), (elsewhere, HOUR_MS), (here, HOUR_MS // 2)):
        credit(world.session, one, hours_ms)
    rows = select(Report).where(Report.block_key == world.key).order_by(Report.enrolment_id)
    stamped = world.session.scalars(rows).first()
    assert stamped is not None
    stamped.stamped_at = LATER

    def turn_to(programme_id: int) -> dict[int, str]:
        world.link.programme_id = programme_id
        owing.owe_shown(world.session, world.link.id, LATER)
        owing.owe_link(world.session, world.link.id, LATER)
        return {row.enrolment_id: str(row.ratio) for row in world.session.scalars(rows)}

    assert turn_to(other.id) == {here.id: "0.1666", elsewhere.id: "0.0000"}
    assert world.session.scalars(rows.where(Report.enrolment_id == here.id)).one().stamped_at == LATER
    assert turn_to(world.current.id) == {world.enrolment.id: "0.6666", elsewhere.id: "0.3333"}

    credit(world.session, here, HOUR_MS)
    world.session.add(a_report(world, here.id))
    world.session.flush()
    assert turn_to(other.id) == {here.id: "0.5000", elsewhere.id: "0.0000"}
    assert world.session.scalars(rows.where(Report.enrolment_id == here.id)).one().stamped_at == LATER


def a_report(world: World, enrolment_id: int) -> Report:
    """What a link was owed of an enrolment in another programme."""
    return Report(
        enrolment_id=enrolment_id,
        platform_key=world.platform.key,
        course_key="course-7",
        block_key=world.key,
        ratio=Decimal("0.1"),
        state=WAITING,
        next_attempt_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
@pytest.mark.parametrize("appears", ["account", "link"])
def test_credit_that_is_entered_while_an_account_or_a_link_appears_is_owed_after_all(
    database: Database, appears: str
) -> None:
    with database.writing() as session:
        world = World(session)
        ids = (world.enrolment.id, world.user.id, world.platform.id, world.current.id)
        if appears == "link":
            make_account(session, world.platform, world.user)
            session.execute(delete(LtiLink))
    enrolment_id, user_id, platform_id, programme_id = ids
    with database.writing() as crediting:
        credit(crediting, crediting.get_one(Enrolment, enrolment_id), HOUR_MS)
        with database.writing() as appearing:
            if appears == "account":
                actor = actor_for(appearing, appearing.get_one(User, user_id))
                lti_accounts.link(appearing, actor, platform_id, "sub", NOW)
            else:
                key = appearing.get_one(ProgrammeRow, programme_id).key
                lti_links.note(appearing, platform_id, a_launch(place=Place(key, None)), NOW)
    with database.writing() as session:
        assert session.scalars(select(Report)).all() == []
        assert not owing.owe_once_more(session, NOW)

    at = NOW + owing.ONCE_MORE_AFTER
    done = [database.transact(lambda session: owing.owe_once_more(session, at)) for _ in range(2)]

    assert done == [True, False]
    with database.reading() as session:
        assert [str(one.ratio) for one in session.scalars(select(Report))] == ["0.3333"]


class Sent:
    """What one platform's due reports look like when a worker has claimed them."""

    def __init__(self, world: World) -> None:
        self.world = world

    def claim(self, at_minutes: float) -> outbox.Claim:
        return outbox.claim(
            self.world.session,
            self.world.platform.key,
            worker="one",
            now=NOW + timedelta(minutes=at_minutes),
            limit=10,
            lease_seconds=60,
        )

    def record(self, claim: outbox.Claim, answer: Acknowledged | Refused, at_minutes: float) -> None:
        now = NOW + timedelta(minutes=at_minutes)
        outcomes = [one for sending in claim.sendings for one in outbox.outcomes_of(sending, answer, now)]
        outbox.record(self.world.session, outcomes, now=now, draw=lambda: 0.5, wait=True)


@pytest.fixture
def sent(world: World) -> Sent:
    make_account(world.session, world.platform, world.user, "sub-1")
    credit(world.session, world.enrolment, HOUR_MS)
    world.session.flush()
    return Sent(world)


def test_a_message_says_who_the_learner_is_there_and_what_the_score_needs(sent: Sent, world: World) -> None:
    (sending,) = sent.claim(0).sendings
    message = sending.message
    assert (message.username, message.course_key, message.language) == ("sub-1", "course-7", "en")
    standing = message.standings[world.key]
    assert standing.hours is not None
    assert (standing.hours.credited, standing.hours.required) == (Decimal(1), Decimal(3))
    assert (standing.stood_at, standing.as_of, standing.may_be_held) == (NOW, NOW, False)


def test_every_sending_bears_a_later_time_whatever_the_clock_does(sent: Sent, world: World) -> None:
    stamps = []
    for at_minutes in (0, 5, 4.9, 20):  # a clock that was put back in between
        report = reports_of(world.session, world.platform)[world.key]
        report.leased_until = report.leased_by = None
        report.next_attempt_at = NOW
        (sending,) = sent.claim(at_minutes).sendings
        stamps.append(sending.message.standings[world.key].as_of)
    assert stamps == sorted(set(stamps))
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(stamps))
    assert {stamp.microsecond % 1000 for stamp in stamps} == {0}


def test_a_sending_that_got_no_answer_may_be_held_there(sent: Sent, world: World) -> None:
    sent.claim(0)
    (again,) = sent.claim(2).sendings  # the first worker never came back
    assert again.message.standings[world.key].may_be_held


def test_whoever_is_no_longer_linked_is_refused_and_healed_when_linked_again(sent: Sent, world: World) -> None:
    world.session.execute(delete(PlatformAccount))
    assert (sent.claim(0).sendings, sent.claim(0).refused) == ((), 0)
    report = reports_of(world.session, world.platform)[world.key]
    world.session.refresh(report)
    assert (report.state, report.last_error_code) == (REFUSED, outbox.NO_LMS_ACCOUNT)
    make_account(world.session, world.platform, world.user, "sub-2", now=LATER)
    owing.owe_account(world.session, world.platform.id, world.user.id, LATER)
    assert report.state == WAITING
    (sending,) = sent.claim(61).sendings
    assert sending.username == "sub-2"


def test_what_another_account_acknowledged_is_sent_to_the_new_one(sent: Sent, world: World) -> None:
    sent.record(sent.claim(0), Acknowledged(), 0)
    owing.owe_account(world.session, world.platform.id, world.user.id, LATER)
    report = reports_of(world.session, world.platform)[world.key]
    assert report.state == ACKNOWLEDGED
    world.session.execute(delete(PlatformAccount))
    make_account(world.session, world.platform, world.user, "sub-2", now=LATER)
    owing.owe_account(world.session, world.platform.id, world.user.id, LATER)
    assert (report.state, report.acknowledged_ratio) == (WAITING, None)


def test_a_learner_whom_the_platform_did_not_know_is_sent_again_once_they_come_from_there(
    sent: Sent, world: World
) -> None:
    sent.record(sent.claim(0), Refused(RefusalCode.UNKNOWN_LEARNER, "nobody"), 0)
    owing.owe_account(world.session, world.platform.id, world.user.id, LATER)
    assert reports_of(world.session, world.platform)[world.key].state == WAITING


def test_another_lms_user_name_does_not_concern_an_lti_platform(sent: Sent, world: World) -> None:
    sent.record(sent.claim(0), Acknowledged(), 0)
    assert outbox.wake(world.session, world.user.id, LATER) == 0


def test_a_link_s_block_key_can_be_read_back() -> None:
    assert link_id_of(block_key_of(12)) == 12
    for other in ("programme", "link:", "link:x", "link:٣", "block-v1:link:3"):
        assert link_id_of(other) is None


def statements(session: Session, world: World) -> int:
    """How many statements a credit takes."""
    counted = []
    connection = session.connection()

    def count(*_: object) -> None:
        counted.append(1)

    event.listen(connection, "after_cursor_execute", count)
    credit(session, world.enrolment, MINUTE_MS)
    event.remove(connection, "after_cursor_execute", count)
    return len(counted)


def test_credit_asks_once_more_where_a_platform_shows_the_programme_and_never_where_none_does(world: World) -> None:
    make_account(world.session, world.platform, world.user)
    credit(world.session, world.enrolment, MINUTE_MS)
    world.session.flush()
    linked = statements(world.session, world)
    world.session.execute(delete(Report))
    world.session.execute(delete(LtiLink))
    world.session.flush()
    unlinked = statements(world.session, world)
    # The select of links, that of their reports, and the report's own update.
    assert linked - unlinked == 3
