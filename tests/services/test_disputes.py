"""Disputes of credit entries: who may do what, what a decision enters, what it may not, and the audit of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal
from lms_plugin.domain.modes import StudyRule, WeeklyPace
from lms_plugin.domain.programme import MINUTE_MS, Component, ComponentKind, Text
from lms_plugin.services import auditing, dispute_access, dispute_list, dispute_notices, disputes
from lms_plugin.services.access import Actor
from lms_plugin.storage.ledger import ComponentWeek, CreditEntryRow
from lms_plugin.storage.notices import Dispute, Notice
from lms_plugin.storage.people import RoleGrant, User
from lms_plugin.storage.programmes import ClassGroupTutor, Enrolment
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW

LATER = NOW + timedelta(hours=1)
OVER = NOW + dispute_access.PROPOSED_WITHIN
PEOPLE = ("learner", "mate", "tutor", "other-tutor", "school", "county", "far", "office", "second-office")


@dataclass
class World:
    """A learner with a film entry of 40 minutes (number 1), and everybody around."""

    database: Database
    users: dict[str, int] = field(default_factory=dict)
    enrolment_id: int = 0

    def actor(self, session: Session, name: str) -> Actor:
        return builders.actor_for(session, session.get_one(User, self.users[name]))

    def dispute(self, number: int = 1, account: str = "我当天看了两遍", by: str = "learner") -> int:
        with self.database.writing() as session:
            actor = self.actor(session, by)
            return disputes.dispute_entry(session, actor, self.enrolment_id, number, account=account, now=NOW).id

    def missing(
        self,
        component: str = "discussion",
        day: date | None = date(2026, 11, 20),
        account: str = "漏记",
        by: str = "learner",
    ) -> int:
        with self.database.writing() as session:
            actor = self.actor(session, by)
            return disputes.dispute_missing(
                session, actor, self.enrolment_id, component, day, account=account, now=NOW
            ).id

    def propose(self, dispute_id: int, minutes: int = 10, by: str = "tutor", reason: str = "情况属实") -> None:
        with self.database.writing() as session:
            disputes.propose(session, self.actor(session, by), dispute_id, minutes=minutes, reason=reason, now=LATER)

    def accept(
        self, dispute_id: int, minutes: int = 10, by: str = "county", reason: str = "同意", at: timedelta = timedelta(0)
    ) -> None:
        with self.database.writing() as session:
            disputes.accept(
                session, self.actor(session, by), dispute_id, minutes=minutes, reason=reason, now=LATER + at
            )

    def refuse(
        self, dispute_id: int, by: str = "county", reason: str = "查无此事", at: timedelta = timedelta(0)
    ) -> None:
        with self.database.writing() as session:
            disputes.refuse(session, self.actor(session, by), dispute_id, reason=reason, now=LATER + at)

    def withdraw(self, dispute_id: int, by: str = "learner") -> None:
        with self.database.writing() as session:
            disputes.withdraw(session, self.actor(session, by), dispute_id, LATER)

    def state(self, dispute_id: int) -> str:
        with self.database.reading() as session:
            return session.get_one(Dispute, dispute_id).state

    def ledger(self) -> list[tuple[str, int]]:
        with self.database.reading() as session:
            rows = session.scalars(select(CreditEntryRow).order_by(CreditEntryRow.number))
            return [(row.source_kind, row.amount_ms // MINUTE_MS) for row in rows]

    def audited(self) -> str | None:
        with self.database.reading() as session:
            return auditing.first_difference(session, self.users["learner"])


@pytest.fixture
def world(database: Database) -> World:
    found = World(database)
    with database.writing() as session:
        regions = builders.make_region_tree(session)
        learner = builders.make_user(session, "learner", region=regions.school)
        mate = builders.make_user(session, "mate", region=regions.school)
        tutor = builders.make_user(session, "tutor", "tutor", name="李建国")
        other = builders.make_user(session, "other-tutor", "tutor")
        people = [learner, mate, tutor, other]
        for login, scope in (
            ("school", regions.school),
            ("county", regions.county),
            ("far", regions.far_county),
            ("office", None),
            ("second-office", None),
        ):
            people.append(builders.make_user(session, login, "office", name=login, scope=scope))
        found.users = {one.login: one.id for one in people}
        current = builders.publish(session)
        group = builders.make_class_group(session, current, "一班", tutor)
        second = builders.make_class_group(session, current, "二班", other)
        enrolment = builders.enrol(session, learner, current, group=group)
        builders.enrol(session, mate, current, group=second)
        found.enrolment_id = enrolment.id
        builders.credit(session, enrolment, 40 * MINUTE_MS)
    return found


def answer(action: Callable[[], object]) -> str:
    """What became of it: ok, or the kind and code of the refusal."""
    try:
        action()
    except Refusal as refusal:
        return refusal.code if refusal.kind in ("forbidden", "conflict", "malformed") else refusal.kind
    return "ok"


# --- who may do what --------------------------------------------------------------------------------------------------

# to an entry's dispute: open it, withdraw it, propose, decide once something is proposed by the tutor
RIGHTS = {
    "learner":       ("ok",      "ok",      "not_allowed", "not_allowed"),
    "mate":          ("missing", "missing", "not_allowed", "not_allowed"),
    "tutor":         ("missing", "missing", "ok",          "not_allowed"),
    "other-tutor":   ("missing", "missing", "missing",     "not_allowed"),
    "school":        ("missing", "missing", "not_allowed", "ok"),
    "county":        ("missing", "missing", "not_allowed", "ok"),
    "far":           ("missing", "missing", "not_allowed", "missing"),
    "office":        ("missing", "missing", "not_allowed", "ok"),
    "second-office": ("missing", "missing", "not_allowed", "ok"),
}  # fmt: skip


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_may_do_what_is_theirs_and_no_more(world: World, person: str) -> None:
    opened, withdrawn, proposed, decided = RIGHTS[person]
    assert answer(lambda: world.dispute(by=person)) == opened
    assert answer(lambda: world.missing(by=person)) == opened
    with world.database.writing() as session:
        session.execute(text("DELETE FROM disputes"))
    dispute_id = world.dispute()
    assert answer(lambda: world.propose(dispute_id, by=person)) == proposed
    world.propose(dispute_id)
    assert answer(lambda: world.withdraw(dispute_id, by=person)) == withdrawn
    if withdrawn == "ok":
        dispute_id = world.dispute()
        world.propose(dispute_id)
    assert answer(lambda: world.refuse(dispute_id, by=person)) == decided
    if decided == "ok":
        dispute_id = world.missing()
        world.propose(dispute_id)
    assert answer(lambda: world.accept(dispute_id, by=person)) == decided
    assert world.audited() is None


def test_nobody_decides_what_they_are_a_party_to(world: World) -> None:
    with world.database.writing() as session:
        # The tutor is of the county's office as well, and so is the learner.
        county = session.scalars(select(RoleGrant).where(RoleGrant.role == "office")).all()[1]
        for name in ("tutor", "learner"):
            session.add(RoleGrant(user_id=world.users[name], role="office", region_id=county.region_id))
    dispute_id = world.dispute()
    world.propose(dispute_id)
    assert answer(lambda: world.accept(dispute_id, by="learner")) == "dispute_own"
    assert answer(lambda: world.accept(dispute_id, by="tutor")) == "dispute_proposed_by_you"
    world.accept(dispute_id, by="county")
    # An appeal is decided by somebody else: not who decided the entry, not who decided about it before.
    appeal = world.dispute(number=2)
    world.propose(appeal, 0)
    assert answer(lambda: world.refuse(appeal, by="county")) == "dispute_judged_by_you"
    world.refuse(appeal, by="school")
    again = world.dispute(number=2)
    world.propose(again, 0)
    assert answer(lambda: world.refuse(again, by="school")) == "dispute_judged_by_you"
    assert answer(lambda: world.refuse(again, by="county")) == "dispute_judged_by_you"
    world.refuse(again, by="office")
    assert world.audited() is None


def test_a_learner_who_tutors_the_own_group_proposes_nothing(world: World) -> None:
    with world.database.writing() as session:
        enrolment = session.get_one(Enrolment, world.enrolment_id)
        session.add(RoleGrant(user_id=enrolment.user_id, role="tutor"))
        session.add(ClassGroupTutor(class_group_id=enrolment.class_group_id, user_id=enrolment.user_id))
    dispute_id = world.dispute()
    assert answer(lambda: world.propose(dispute_id, by="learner")) == "dispute_own"


# --- the way of a dispute ---------------------------------------------------------------------------------------------


def test_an_accepted_dispute_is_a_new_entry_and_the_old_one_stays(world: World) -> None:
    dispute_id = world.dispute()
    world.propose(dispute_id, 10, reason="  补看了十分钟 ")
    world.accept(dispute_id, 8, reason="只确认八分钟")
    assert world.ledger() == [("decision", 40), ("dispute", 8)]
    with world.database.reading() as session:
        entry = session.get_one(CreditEntryRow, (world.enrolment_id, 2))
        row = session.get_one(Dispute, dispute_id)
        assert (entry.source_id, entry.component_key) == (str(dispute_id), "video")
        assert entry.rule_version == "rural@1 dispute/1"
        assert entry.decided_by_id == world.users["county"]
        assert entry.detail == {
            "entry": 1,
            "reason": "只确认八分钟",
            "account": disputes.digest_of("我当天看了两遍"),
            "proposed_by": world.users["tutor"],
            "proposed_ms": 10 * MINUTE_MS,
            "proposed_because": "补看了十分钟",
            "on": "2026-11-24",
        }
        assert (row.state, row.entry_after, row.decided_ms) == ("accepted", 2, 8 * MINUTE_MS)
    assert world.audited() is None
    for action in (world.propose, world.accept, world.refuse, world.withdraw):
        assert answer(lambda action=action: action(dispute_id)) == "dispute_is_over"


def test_a_refused_or_withdrawn_dispute_enters_nothing_and_another_can_be_opened(world: World) -> None:
    first = world.dispute()
    assert answer(world.dispute) == "dispute_open"
    world.propose(first, 0)
    world.propose(first, 5, reason="再想想")
    world.refuse(first)
    second = world.dispute()
    world.withdraw(second)
    world.dispute()
    assert [world.state(one) for one in (first, second)] == ["refused", "withdrawn"]
    assert world.ledger() == [("decision", 40)]
    assert world.audited() is None


def test_the_tutor_has_the_first_word_for_a_week(world: World) -> None:
    dispute_id = world.dispute()
    assert answer(lambda: world.accept(dispute_id)) == "dispute_awaits_proposal"
    assert answer(lambda: world.refuse(dispute_id, at=timedelta(days=6))) == "dispute_awaits_proposal"
    world.accept(dispute_id, at=timedelta(days=7))
    assert world.ledger() == [("decision", 40), ("dispute", 10)]
    with world.database.reading() as session:
        assert "proposed_by" not in session.get_one(CreditEntryRow, (world.enrolment_id, 2)).detail
    assert world.audited() is None


@pytest.mark.parametrize("change", ["group", "tutor"])
def test_where_nobody_tutors_the_office_decides_at_once(world: World, change: str) -> None:
    with world.database.writing() as session:
        if change == "group":
            session.get_one(Enrolment, world.enrolment_id).class_group_id = None
        else:
            session.get_one(User, world.users["tutor"]).is_active = False
    dispute_id = world.dispute()
    world.accept(dispute_id)
    assert world.state(dispute_id) == "accepted"


def test_something_missing_is_entered_on_its_day(world: World) -> None:
    dispute_id = world.missing()
    world.propose(dispute_id, 15)
    world.accept(dispute_id, 15)
    with world.database.reading() as session:
        entry = session.get_one(CreditEntryRow, (world.enrolment_id, 2))
        assert (entry.component_key, entry.detail["on"], "entry" in entry.detail) == ("discussion", "2026-11-20", False)
    assert world.audited() is None


def test_a_correction_counts_in_the_week_of_what_it_corrects(database: Database) -> None:
    school = Component(
        "school",
        ComponentKind.SCHOOL_BASED,
        Text("校本研修", "School-based"),
        Decimal(4),
        pace=WeeklyPace(Decimal(2), 0),
        study=StudyRule(),
    )
    world = World(database)
    with database.writing() as session:
        learner, office = builders.make_user(session, "learner"), builders.make_user(session, "county", "office")
        world.users = {"learner": learner.id, "county": office.id}
        current = builders.publish(session, builders.make_programme(components=(school,)))
        world.enrolment_id = builders.enrol(session, learner, current).id
    for minutes in (80, 10):
        world.accept(world.missing("school", date(2026, 11, 12)), minutes)
    with database.reading() as session:
        (week,) = session.scalars(select(ComponentWeek))
        assert (week.week_on, week.credited_ms) == (date(2026, 11, 9), 90 * MINUTE_MS)
    world.accept(world.missing("school", date(2026, 11, 20)), 30)
    appeal = world.dispute(number=1)
    with database.writing() as session:
        second = builders.make_user(session, "second", "office")
        world.users["second"] = second.id
    world.accept(appeal, -5, by="second")
    with database.reading() as session:
        weeks = {one.week_on: one.credited_ms // MINUTE_MS for one in session.scalars(select(ComponentWeek))}
        assert weeks == {date(2026, 11, 9): 85, date(2026, 11, 16): 30}
    assert world.audited() is None


# --- what is not taken ------------------------------------------------------------------------------------------------


def test_a_component_never_comes_to_less_than_nothing(world: World) -> None:
    dispute_id = world.dispute()
    assert answer(lambda: world.propose(dispute_id, -41)) == "hours_below_zero"
    world.propose(dispute_id, -40)
    with pytest.raises(Conflict) as refused:
        world.accept(dispute_id, -41)
    assert refused.value.params == {"minutes": 40}
    world.accept(dispute_id, -40)
    missing = world.missing("discussion")
    world.propose(missing, 0)
    assert answer(lambda: world.accept(missing, -1)) == "hours_below_zero"
    assert world.ledger() == [("decision", 40), ("dispute", -40)]
    assert world.audited() is None


def test_forms_that_say_too_little_or_too_much_are_refused(world: World) -> None:
    for action, code in (
        (lambda: world.dispute(account=" \n"),                    "account_missing"),
        (lambda: world.dispute(account="好" * 2001),              "account_too_long"),
        (lambda: world.missing(account=""),                       "account_missing"),
        (lambda: world.missing("placement"),                      "dispute_component_unknown"),
        (lambda: world.missing(day=None),                         "day_missing"),
        (lambda: world.missing(day=date(2026, 10, 31)),           "day_outside_window"),
        (lambda: world.missing(day=date(2026, 11, 25)),           "day_outside_window"),
        (lambda: world.missing(day=date(2027, 2, 1)),             "day_outside_window"),
        (lambda: world.dispute(99),                               "missing"),
        (lambda: world.dispute(2**40),                            "missing"),
        (lambda: world.propose(99),                               "missing"),
    ):  # fmt: skip
        assert answer(action) == code
    dispute_id = world.dispute()
    for action, code in (
        (lambda: world.propose(dispute_id, reason=""),            "reason_needed"),
        (lambda: world.propose(dispute_id, reason="好" * 501),    "reason_too_long"),
        (lambda: world.propose(dispute_id, 30_001),               "minutes_out_of_range"),
        (lambda: world.propose(dispute_id, -30_001),              "minutes_out_of_range"),
    ):  # fmt: skip
        assert answer(action) == code
    world.propose(dispute_id)
    assert answer(lambda: world.accept(dispute_id, 0)) == "minutes_zero"
    assert answer(lambda: world.refuse(dispute_id, reason=" ")) == "reason_needed"


def test_there_is_an_end_to_what_is_open_at_once(world: World) -> None:
    for _ in range(disputes.MOST_UNDECIDED):
        world.missing()
    assert answer(world.dispute) == "disputes_too_many"


def test_the_store_keeps_one_undecided_dispute_for_an_entry(world: World) -> None:
    world.dispute()
    with world.database.reading() as session:
        known = session.scalars(select(Dispute)).one()
        again = Dispute(
            enrolment_id=known.enrolment_id,
            entry_number=1,
            component_key="video",
            happened_on=known.happened_on,
            reason="r",
            opened_at=NOW,
        )
    with world.database.reading() as session:
        session.add(again)
        with pytest.raises(IntegrityError):
            session.flush()


# --- lists, and who is told -------------------------------------------------------------------------------------------


def test_lists_show_whose_they_are_and_what_is_waited_for(world: World) -> None:
    first, second = world.dispute(), world.missing()
    world.propose(first, 10)
    world.refuse(first)
    with world.database.reading() as session:
        tutor, other, county, far = (world.actor(session, one) for one in ("tutor", "other-tutor", "county", "far"))
        enrolment = session.get_one(Enrolment, world.enrolment_id)
        own = dispute_list.of_enrolment(session, enrolment, NOW)
        assert [one.row.id for one in own] == [second, first]
        assert (own[0].waits_until, own[1].waits_until) == (OVER, None)
        assert dispute_list.of_enrolment(session, enrolment, OVER)[0].waits_until is None
        assert [one.is_undecided for one in own] == [True, False]
        assert own[1].entry is not None
        assert (own[0].entry, own[1].entry.number, own[1].proposed_by, own[1].decided_by) == (
            None,
            1,
            "李建国",
            "county",
        )
        assert (own[0].learner_name, own[0].class_group_name) == ("王丽", "一班")
        for listed, mine, others in ((dispute_list.of_tutor, tutor, other), (dispute_list.of_office, county, far)):
            assert [one.row.id for one in listed(session, mine, NOW, undecided=True)] == [second]
            assert [one.row.id for one in listed(session, mine, NOW, undecided=False)] == [first]
            assert listed(session, mine, NOW, undecided=True, beyond=second) == []
            assert listed(session, mine, NOW, undecided=False, beyond=first) == []
            assert listed(session, others, NOW, undecided=True) == []
        for listed, person in ((dispute_list.of_tutor, county), (dispute_list.of_office, tutor)):
            with pytest.raises(NotAllowed):
                listed(session, person, NOW, undecided=True)
        assert dispute_list.open_numbers(session, world.enrolment_id) == set()
        assert dispute_list.shown(session, session.get_one(Dispute, second), NOW) == own[0]


def told(world: World) -> set[tuple[str, str, str]]:
    """(login, kind, address) of what people were told."""
    names = {user_id: login for login, user_id in world.users.items()}
    with world.database.reading() as session:
        return {(names[one.user_id], one.kind, one.address) for one in session.scalars(select(Notice))}


def test_everybody_concerned_is_told_once(world: World) -> None:
    first = world.dispute()
    own = f"/enrolments/{world.enrolment_id}/disputes"
    opened = {("tutor", "dispute_opened", f"/tutor/disputes/{first}")}
    assert told(world) == opened
    world.propose(first, 5)
    world.propose(first, 6)
    proposed = {
        ("learner", "dispute_proposed", own),
        ("school", "dispute_to_decide", f"/office/disputes/{first}"),
    }
    assert told(world) == opened | proposed
    world.accept(first, by="county")
    accepted = {("learner", "dispute_accepted", own), ("tutor", "dispute_accepted", f"/tutor/disputes/{first}")}
    assert told(world) == opened | proposed | accepted
    before = told(world)
    second = world.missing()
    world.withdraw(second)
    assert told(world) - before == {
        ("tutor", "dispute_opened", f"/tutor/disputes/{second}"),
        ("tutor", "dispute_withdrawn", f"/tutor/disputes/{second}"),
    }
    before = told(world)
    third = world.missing()
    world.propose(third)
    world.withdraw(third)
    assert ("school", "dispute_withdrawn", f"/office/disputes/{third}") in told(world) - before


def test_the_office_is_told_where_nobody_tutors(world: World) -> None:
    with world.database.writing() as session:
        session.get_one(User, world.users["tutor"]).is_active = False
    dispute_id = world.dispute()
    assert told(world) == {("school", "dispute_opened", f"/office/disputes/{dispute_id}")}


def test_the_nearest_office_that_may_decide_is_told(world: World) -> None:
    dispute_id = world.missing()
    with world.database.writing() as session:
        enrolment = session.get_one(Enrolment, world.enrolment_id)
        dispute = session.get_one(Dispute, dispute_id)
        for login, found in (("school", ["school"]), ("county", ["county"]), ("office", ["office", "second-office"])):
            ids = dispute_notices.nearest_office(session, dispute, enrolment)
            assert ids == sorted(world.users[one] for one in found), login
            session.get_one(User, world.users[login]).is_active = False
            session.flush()
        session.get_one(User, world.users["second-office"]).is_active = False
        session.flush()
        assert dispute_notices.nearest_office(session, dispute, enrolment) == []
        enrolment.region_id = None
        assert dispute_notices.nearest_office(session, dispute, enrolment) == []


def test_who_judged_before_is_not_asked_again(world: World) -> None:
    first = world.dispute()
    world.propose(first)
    world.refuse(first, by="school")
    second = world.dispute()
    world.propose(second)
    assert ("county", "dispute_to_decide", f"/office/disputes/{second}") in told(world)
    assert ("school", "dispute_to_decide", f"/office/disputes/{second}") not in told(world)


# --- the audit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE disputes SET decided_ms = 60000", "entry 2 of enrolment {of} (credit_entries) has the amount 600000"),
        ("UPDATE disputes SET decided_by_id = {office}", "has the decider"),
        ("UPDATE disputes SET entry_number = 2", "has the entry in question 1"),
        ("UPDATE disputes SET entry_number = NULL", "question 1, dispute {id} (disputes) has None"),
        ("UPDATE disputes SET component_key = 'discussion'", "has the component video"),
        ("UPDATE disputes SET reason = 'other words'", "has the digest of the learner's words"),
        ("UPDATE disputes SET decided_reason = 'other'", "has the reason 同意"),
        ("UPDATE disputes SET proposed_by_id = {office}", "has the proposer"),
        ("UPDATE disputes SET proposed_ms = 1", "has the proposal 600000"),
        ("UPDATE disputes SET proposed_reason = 'x'", "has the proposal's reason"),
        ("UPDATE disputes SET happened_on = '2026-11-23'", "has the day 2026-11-24"),
        ("UPDATE disputes SET entry_after = 1", "has the number 2"),
        ("UPDATE disputes SET decided_at = opened_at", "has the time"),
        (
            "UPDATE disputes SET state = 'refused', entry_after = NULL",
            "was written for dispute {id} (disputes), which is not accepted or has its entry already",
        ),
        ("UPDATE disputes SET id = id + 100", "was written for dispute {id} (disputes), of which none is"),
    ],
)
def test_a_dispute_that_was_changed_by_hand_is_named(world: World, change: str, said: str) -> None:
    dispute_id = world.dispute()
    world.propose(dispute_id)
    world.accept(dispute_id)
    assert world.audited() is None
    with world.database.writing() as session:
        session.execute(text(change.format(office=world.users["office"])))
    assert said.format(of=world.enrolment_id, id=dispute_id) in (world.audited() or "")


def test_a_dispute_that_was_made_up_is_named(world: World) -> None:
    dispute_id = world.dispute()
    with world.database.writing() as session:
        session.execute(text("UPDATE disputes SET state = 'accepted', entry_after = 1"))
    assert world.audited() == f"dispute {dispute_id} (disputes) is accepted and has no credit entry"


def test_a_decision_by_a_party_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dispute_id = world.dispute()
    world.propose(dispute_id)
    with world.database.writing() as session:
        session.add(RoleGrant(user_id=world.users["tutor"], role="office"))
    monkeypatch.setattr(disputes, "parties", lambda *_: {})
    world.accept(dispute_id, by="tutor")
    assert "was decided by the learner or by who proposed it" in (world.audited() or "")


def test_refusals_are_of_the_kinds_that_the_service_names(world: World) -> None:
    with pytest.raises(Malformed), world.database.writing() as session:
        disputes.dispute_entry(session, world.actor(session, "learner"), world.enrolment_id, 1, account="", now=NOW)
    with pytest.raises(NotFound), world.database.reading() as session:
        dispute_access.own_dispute(session, world.actor(session, "learner"), 77)


def test_two_admins_at_once_decide_once(world: World) -> None:
    dispute_id = world.dispute()
    world.propose(dispute_id)

    def decide(name: str) -> str:
        with world.database.reading() as session:
            actor = world.actor(session, name)

        def write(session: Session) -> int:
            return disputes.accept(session, actor, dispute_id, minutes=10, reason="同意", now=LATER).id

        return answer(lambda: world.database.transact(write))

    with ThreadPoolExecutor(3) as people:
        answers = sorted(people.map(decide, ("county", "office", "second-office")))
    assert answers == ["dispute_is_over", "dispute_is_over", "ok"]
    assert world.ledger() == [("decision", 40), ("dispute", 10)]
    assert world.audited() is None
