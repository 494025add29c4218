"""E-mail to people: one letter for all that waits, at a decent hour, by one worker, twice only when a line broke."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from lms_plugin.domain.errors import Unavailable
from lms_plugin.services import errands, mailing, notices, reminding
from lms_plugin.services.errands import Rounds
from lms_plugin.services.mailing import Hours, MailRound, Postman, Recipient
from lms_plugin.services.notices import EACH, NEVER, NewNotice
from lms_plugin.services.ports import Letter, MailAnswer, MailLater, MailRefused, MailServerDown, MailTaken
from lms_plugin.storage.notices import MailState, Notice
from lms_plugin.storage.people import User
from lms_plugin.storage.session import Database
from tests import builders
from tests.services.delivery_rig import Clock
from tests.services.test_pace import SIX_WEEKS, credit, enrolled

MORNING = datetime(2026, 11, 24, 1, tzinfo=UTC)
"""Nine o'clock in Shanghai."""


@dataclass
class FakeServer:
    """A mail server in memory: answers by address, and what it took; `before` runs before each answer."""

    answers: dict[str, list[MailAnswer]] = field(default_factory=dict)
    taken: list[Letter] = field(default_factory=list)
    before: Callable[[Letter], None] = lambda _letter: None
    closed: int = 0

    def send(self, letter: Letter) -> MailAnswer:
        self.before(letter)
        queue = self.answers.get(letter.to_address, [])
        answer = queue.pop(0) if queue else MailTaken()
        if isinstance(answer, MailTaken) or (isinstance(answer, MailLater) and answer.unsure):
            self.taken.append(letter)
        return answer

    def close(self) -> None:
        self.closed += 1


def write(recipient: Recipient, told: Sequence[Notice], message_id: str) -> Letter:
    text = ",".join(one.about for one in told)
    return Letter(recipient.address, recipient.name, text, text, text, message_id, recipient.language, "https://x/u")


@dataclass
class Rig:
    database: Database
    server: FakeServer = field(default_factory=FakeServer)
    clock: Clock = field(default_factory=lambda: Clock(MORNING))

    def postman(self, **changes: object) -> Postman:
        base = Postman(self.database, self.server, write, "example.org", clock=self.clock, draw=lambda: 1.0)
        return replace(base, **changes)

    def person(self, login: str = "li", digest: str | None = None) -> int:
        with self.database.writing() as session:
            user = builders.make_user(session, login, email=f"{login}@example.org")
            if digest is not None:
                notices.choose_digest(session, user.id, digest)
            return user.id

    def tell(self, user_id: int, *about: str) -> None:
        with self.database.writing() as session:
            notices.tell_many(session, [NewNotice(user_id, "k", one) for one in about], self.clock())

    def send(self) -> MailRound:
        return mailing.send_due(self.postman())

    def states(self, user_id: int) -> dict[str, str]:
        with self.database.reading() as session:
            found = session.scalars(select(Notice).where(Notice.user_id == user_id).order_by(Notice.id))
            return {one.about: one.mail_state for one in found}

    def state(self, user_id: int) -> MailState:
        with self.database.reading() as session:
            return session.get_one(MailState, user_id)


@pytest.fixture
def rig(database: Database) -> Rig:
    return Rig(database)


def test_all_that_waits_for_a_person_is_one_letter(rig: Rig) -> None:
    li, wang = rig.person(), rig.person("wang")
    rig.tell(li, "1", "2")
    rig.tell(wang, "3")

    assert rig.send() == MailRound(sent=2)
    assert [(one.to_address, one.text) for one in rig.server.taken] == [
        ("li@example.org", "1,2"),
        ("wang@example.org", "3"),
    ]
    assert rig.states(li) == {"1": "sent", "2": "sent"}
    assert rig.state(li).last_mailed_at == MORNING
    assert rig.send() == MailRound()
    assert rig.server.closed == 2


def test_a_digest_comes_once_a_day_and_who_wants_each_at_once_gets_it(rig: Rig) -> None:
    daily, each = rig.person(), rig.person("wang", EACH)
    for about in ("1", "2"):
        for one in (daily, each):
            rig.tell(one, about)
        rig.send()
        rig.clock.advance(minutes=10)
    assert (rig.states(daily), rig.states(each)) == ({"1": "sent", "2": "waiting"}, {"1": "sent", "2": "sent"})

    rig.clock.advance(hours=23)
    rig.tell(daily, "3")
    rig.send()
    assert rig.server.taken[-1].text == "2,3"


# the hour in Shanghai, whether people are written to
QUIET = [(7, False), (8, True), (20, True), (21, False), (0, False)]


@pytest.mark.parametrize(("hour", "sends"), QUIET)
def test_nobody_is_written_to_at_night(rig: Rig, hour: int, sends: bool) -> None:
    li = rig.person()
    rig.clock.now = datetime(2026, 11, 24, 16, tzinfo=UTC) + timedelta(hours=hour)
    rig.tell(li, "1")
    assert rig.send().sent == int(sends)


def test_a_round_that_runs_into_the_night_ends(rig: Rig) -> None:
    rig.clock.now = datetime(2026, 11, 24, 12, 59, tzinfo=UTC)
    people = [rig.person(login) for login in ("a", "b")]
    for one in people:
        rig.tell(one, "1")
    rig.server.before = lambda _letter: rig.clock.advance(minutes=1)
    assert rig.send().sent == 1
    assert rig.states(people[1]) == {"1": "waiting"}
    assert rig.state(people[1]).claimed_until is None


def test_what_is_a_week_old_is_not_sent_any_more(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "old")
    rig.clock.advance(days=7, minutes=1)
    rig.tell(li, "new")
    rig.send()
    assert rig.states(li) == {"old": "none", "new": "sent"}


def test_an_address_that_refuses_is_not_tried_again_until_it_is_another(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    rig.server.answers["li@example.org"] = [MailRefused("550 no such user")]

    assert rig.send() == MailRound(refused=1)
    assert rig.states(li) == {"1": "failed"}
    rig.tell(li, "2")
    assert rig.states(li)["2"] == "none"
    with rig.database.reading() as session:
        choice = notices.mail_choice(session, li)
    assert (choice.refused, choice.last_error) == (True, "550 no such user")

    with rig.database.writing() as session:
        session.get_one(User, li).email = "right@example.org"
    rig.tell(li, "3")
    assert rig.send() == MailRound(sent=1)
    assert rig.server.taken[0].to_address == "right@example.org"


def test_what_waits_when_the_address_went_or_the_account_closed_is_left(rig: Rig) -> None:
    gone, closed, refused = (rig.person(login) for login in ("a", "b", "c"))
    for one in (gone, closed, refused):
        rig.tell(one, "1")
    with rig.database.writing() as session:
        session.get_one(User, gone).email = None
        session.get_one(User, closed).is_active = False
        session.add(MailState(user_id=refused, refused_address="c@example.org"))
    assert rig.send() == MailRound()
    assert [rig.states(one) for one in (gone, closed, refused)] == [{"1": "none"}] * 3


def test_a_letter_that_is_put_off_waits_longer_each_time_and_is_given_up_at_last(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    rig.server.answers["li@example.org"] = [MailLater("450 busy")] * 20
    pauses = []
    at_any_hour = rig.postman(hours=Hours(quiet_from=time.max, quiet_until=time.min))
    while rig.states(li) == {"1": "waiting"}:
        assert mailing.send_due(at_any_hour) == MailRound(put_off=1)
        next_at = rig.state(li).next_attempt_at
        if next_at is not None:
            pauses.append((next_at - rig.clock()).total_seconds())
            assert mailing.send_due(at_any_hour) == MailRound()
            rig.clock.now = next_at
    assert pauses[:4] == [300, 600, 1200, 2400]
    assert max(pauses) == 6 * 3600
    assert rig.states(li) == {"1": "failed"}
    assert rig.state(li).last_error == "450 busy"


def test_a_server_that_is_down_counts_against_nobody(rig: Rig) -> None:
    li, wang = rig.person(), rig.person("wang")
    for one in (li, wang):
        rig.tell(one, "1")
    rig.server.answers["li@example.org"] = [MailServerDown("ConnectionRefusedError")]

    assert rig.send() == MailRound(trouble="ConnectionRefusedError")
    assert rig.server.taken == []
    assert (rig.state(li).failures, rig.state(wang).claimed_until) == (0, None)
    rig.tell(li, "2")
    assert rig.send() == MailRound(sent=2)
    assert rig.server.taken[0].text == "1,2"


def test_a_letter_that_breaks_the_worker_keeps_nobody_else_from_theirs(rig: Rig) -> None:
    people = [rig.person(login) for login in ("a", "b", "c")]
    for one in people:
        rig.tell(one, "1")

    def before(letter: Letter) -> None:
        if letter.to_address == "a@example.org":
            raise ValueError("a bug")

    rig.server.before = before
    with pytest.raises(ValueError, match="a bug"):
        rig.send()
    assert rig.send() == MailRound(sent=2)
    assert [rig.states(one)["1"] for one in people] == ["waiting", "sent", "sent"]


class WorkerDied(BaseException):
    """Stands for a power cut: nothing after it runs."""


def die(_letter: Letter) -> None:
    raise WorkerDied


def test_a_worker_that_dies_between_sending_and_recording_costs_one_duplicate_at_most(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    claimed = rig.database.transact(lambda session: mailing.claim(session, rig.postman()))
    assert len(claimed) == 1
    sent = write(claimed[0].recipient, claimed[0].notices, "notices.1.1@example.org")
    rig.server.send(sent)  # and no record of it
    rig.tell(li, "2")
    assert rig.send() == MailRound()  # its lease goes on

    rig.clock.advance(seconds=301)
    assert rig.send() == MailRound(sent=1)
    first, second = rig.server.taken
    assert (second.text, second.message_id.partition(".")[0]) == (first.text, "notices")
    assert rig.states(li) == {"1": "sent", "2": "waiting"}


def test_a_letter_sent_again_is_the_same_one_under_the_same_id(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    rig.server.answers["li@example.org"] = [MailLater("the line was cut", unsure=True)]
    assert rig.send() == MailRound(put_off=1)
    rig.tell(li, "2")
    rig.clock.advance(minutes=6)
    assert rig.send() == MailRound(sent=1)
    first, second = rig.server.taken
    assert (first.message_id, first.text) == (second.message_id, second.text)


def test_after_two_cuts_nobody_gets_a_third_copy(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    rig.server.answers["li@example.org"] = [MailLater("cut", unsure=True)] * 5
    for _ in range(4):
        rig.send()
        rig.clock.advance(hours=1)
    assert len(rig.server.taken) == 2
    assert rig.states(li) == {"1": "failed"}


def test_two_workers_that_died_leave_no_third_copy_either(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    for _ in range(3):
        rig.server.before = die
        try:
            mailing.send_due(rig.postman())
        except WorkerDied:
            rig.clock.advance(seconds=301)
    assert rig.states(li) == {"1": "failed"}
    assert rig.state(li).last_error == "nobody knows whether it arrived"


def test_an_answer_after_the_lease_counts_only_where_the_letter_was_taken(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    (early,) = rig.database.transact(lambda session: mailing.claim(session, rig.postman()))
    rig.clock.advance(seconds=301)
    (late,) = rig.database.transact(lambda session: mailing.claim(session, rig.postman()))
    for answer in (None, MailRefused("550"), MailLater("450")):
        with rig.database.writing() as session:
            mailing.record(session, early, answer, now=rig.clock(), draw=lambda: 1.0)
        assert rig.states(li) == {"1": "waiting"}
        assert rig.state(li).claimed_until == late.until
    with rig.database.writing() as session:
        mailing.record(session, early, MailTaken(), now=rig.clock(), draw=lambda: 1.0)
    assert rig.states(li) == {"1": "sent"}


def test_no_letter_leaves_in_the_second_half_of_its_lease(rig: Rig) -> None:
    people = [rig.person(login) for login in ("a", "b")]
    for one in people:
        rig.tell(one, "1")
    rig.server.before = lambda _letter: rig.clock.advance(seconds=151)
    assert rig.send() == MailRound(sent=1)
    assert rig.send() == MailRound(sent=1)


def test_two_workers_at_the_same_time_send_everything_once(rig: Rig) -> None:
    people = [rig.person(f"p{number}") for number in range(30)]
    for one in people:
        rig.tell(one, "1")
    servers = [FakeServer(), FakeServer()]
    start = threading.Barrier(2)

    def work(server: FakeServer) -> None:
        start.wait()
        for _ in range(20):
            mailing.send_due(rig.postman(mailer=server, letters=5))

    threads = [threading.Thread(target=work, args=(one,)) for one in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    addresses = [letter.to_address for server in servers for letter in server.taken]
    assert sorted(addresses) == sorted({f"p{number}@example.org" for number in range(30)})


def test_a_reminder_that_is_not_true_any_more_is_left_out(database: Database, rig: Rig) -> None:
    enrolment = enrolled(database, SIX_WEEKS)
    with database.writing() as session:
        session.get_one(User, enrolment.user_id).email = "li@example.org"
    reminding.remind(database, MORNING)
    assert list(rig.states(enrolment.user_id).values()) == ["waiting"]
    credit(database, enrolment, {date(2026, 11, 24): "40"})

    assert rig.send() == MailRound()
    assert list(rig.states(enrolment.user_id).values()) == ["none"]
    rig.tell(enrolment.user_id, "other")
    assert rig.send().sent == 1


def test_who_chose_never_meanwhile_is_left_alone(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    with rig.database.writing() as session:
        session.add(MailState(user_id=li, digest=NEVER))
    assert rig.send() == MailRound()


def test_a_worker_reminds_and_mails_until_it_is_stopped_whatever_happens(database: Database, rig: Rig) -> None:
    enrolment = enrolled(database, SIX_WEEKS)
    with database.writing() as session:
        session.get_one(User, enrolment.user_id).email = "li@example.org"
    stop, seen = threading.Event(), list[str]()
    faults: list[Exception] = [Unavailable(why="away"), ValueError("a bug")]

    def before(letter: Letter) -> None:
        seen.append(letter.to_address)
        if faults:
            rig.clock.advance(seconds=301)
            raise faults.pop()
        stop.set()

    rig.server.before = before
    rounds = Rounds(reminders_every_seconds=0.01, mail_every_seconds=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(errands, "AFTER_A_BUG_SECONDS", 0.01)
        patch.setattr(mailing, "MOST_UNSURE", 10)
        thread = threading.Thread(
            target=errands.run,
            args=(database, rig.postman(stop=stop), stop),
            kwargs={"clock": rig.clock, "draw": lambda: 0.0, "rounds": rounds},
        )
        thread.start()
        thread.join(timeout=30)
    assert not thread.is_alive()
    assert seen == ["li@example.org"] * 3
    assert list(rig.states(enrolment.user_id).values()) == ["sent"]


def test_a_server_that_is_down_is_left_alone_longer_each_time(rig: Rig) -> None:
    li = rig.person()
    rig.tell(li, "1")
    stop = threading.Event()
    rig.server.answers["li@example.org"] = [MailServerDown("down")]
    rig.server.before = lambda _letter: stop.set()
    errands.run(rig.database, rig.postman(stop=stop), stop, clock=rig.clock)
    assert rig.states(li) == {"1": "waiting"}


def test_one_round_without_a_mail_server_only_reminds(database: Database) -> None:
    enrolled(database, SIX_WEEKS)
    errands.run_once(database, None, lambda: MORNING)
    errands.run_once(database, Rig(database).postman(), lambda: MORNING)
    with database.reading() as session:
        assert [one.kind for one in session.scalars(select(Notice))] == ["fell_behind"]
