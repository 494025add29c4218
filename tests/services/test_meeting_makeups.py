"""Notes of a Q&A session, and making up for what one missed of it: capped, audited, and following the list."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.domain.modes import StudyRule
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import auditing, meeting_confirming, meeting_makeups, meeting_notes, meetings
from lms_plugin.services.access import Actor
from lms_plugin.services.meeting_makeups import MakeupShown
from lms_plugin.services.meeting_notes import NewNotes, NotesQuestion
from lms_plugin.services.readings import Outcome, Result, Stage
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.meeting_extras import MeetingMakeup
from lms_plugin.storage.notices import Notice
from lms_plugin.storage.session import Database
from lms_plugin.storage.study import Meeting, StudyRecord
from tests import builders
from tests.services.gatherings import NINE, Gathering, gather, programme_of_meetings
from tests.waiting import is_lock_waited_for, until

ELEVEN = NINE + timedelta(hours=2)
EVENING = NINE + timedelta(hours=10)
BODY = "议" * 9000  # thirty minutes at 300 characters a minute
HALF_AN_HOUR = timedelta(minutes=30)
ASKED = (
    NotesQuestion("先做什么？", ("估一估", "量一量", "记一记"), 0),
    NotesQuestion("用什么量？", ("铅笔", "尺子", "手掌"), 1),
)


@dataclass
class Held:
    """A Q&A session of two hours: Wang came throughout, Zhang for the last half-hour only, Liu not at all."""

    here: Gathering
    meeting: Meeting
    wang: Actor
    zhang: Actor
    liu: Actor
    tutor: Actor
    lius_id: int

    def publish(self, body: str = BODY, **changes: Any) -> None:
        values = {"body": body, "questions": ASKED} | changes
        meeting_notes.publish(self.here.session, self.tutor, self.meeting.id, NewNotes(**values), ELEVEN)

    def shown(self, who: Actor, now: datetime = EVENING) -> MakeupShown | None:
        return meeting_makeups.shown(self.here.session, who, self.meeting.id, now)

    def begin(self, who: Actor, now: datetime = EVENING) -> None:
        meeting_makeups.begin(self.here.session, who, self.meeting.id, now)

    def choice(self, who: Actor, now: datetime, *, right: bool = True) -> int:
        """Where the right answer stands among the choices as shown, or a wrong one."""
        shown = self.shown(who, now)
        assert shown is not None
        question = next(one for one in ASKED if one.text == shown.text)
        at = shown.choices.index(question.choices[question.answer])
        return at if right else (at + 1) % len(shown.choices)

    def finish(self, who: Actor, now: datetime, *, right: bool = True) -> Result:
        choice = self.choice(who, now, right=right)
        return meeting_makeups.finish(self.here.session, who, self.meeting.id, choice=choice, now=now)

    def make_up(self, who: Actor) -> Result:
        self.begin(who)
        return self.finish(who, EVENING + HALF_AN_HOUR)

    def ledger(self, enrolment_id: int) -> list[tuple[str, int]]:
        """(source, minutes) of every entry."""
        rows = self.here.session.execute(
            select(CreditEntryRow.source_id, CreditEntryRow.amount_ms)
            .where(CreditEntryRow.enrolment_id == enrolment_id)
            .order_by(CreditEntryRow.number)
        )
        return [(source.partition("/")[0], amount_ms // MINUTE_MS) for source, amount_ms in rows]

    def differences(self) -> list[str]:
        people = [one.user_id for one in (self.wang, self.zhang, self.liu)]
        return [one.difference for one in auditing.audit(self.here.session, people) if one.difference]


def held(session: Session, share: str = "1/2", *, confirmed: bool = True, **changes: Any) -> Held:
    programme = programme_of_meetings()
    rule = StudyRule(both_ends=False, makeup_share=Fraction(share))
    components = tuple(replace(one, study=rule) if one.key == "qna" else one for one in programme.components)
    here = gather(session, replace(programme, components=components))
    liu = builders.make_user(session, "liu", name="刘洋", region=here.regions.school)
    lius = builders.enrol(session, liu, here.current, group=here.group)
    meeting, tutor = here.planned("qna", ends_at=ELEVEN, **changes), here.actor(here.tutor)
    mark = meeting_confirming.mark_present
    mark(session, tutor, meeting.id, [here.wangs.id], now=ELEVEN)
    mark(session, tutor, meeting.id, [here.zhangs.id], in_at=ELEVEN - HALF_AN_HOUR, now=ELEVEN)
    if confirmed:
        meeting_confirming.confirm(session, tutor, meeting.id, ELEVEN)
    return Held(here, meeting, here.actor(here.wang), here.actor(here.zhang), here.actor(liu), tutor, lius.id)


def test_reading_the_notes_gives_what_it_took_up_to_the_share_of_what_was_missed(database: Database) -> None:
    with database.writing() as session:
        at = held(session, "1/5")
        at.publish()
        assert at.shown(at.wang) is None  # who was there throughout missed nothing
        # Liu missed 120 minutes: 24 of them can be made up for, though the notes take 30 to read.
        assert at.shown(at.liu) == MakeupShown(Stage.NOT_OPENED, 24 * MINUTE_MS, 30 * MINUTE_MS)
        zhang = at.shown(at.zhang)
        assert zhang is not None
        assert zhang.most_ms == 18 * MINUTE_MS
        done = at.make_up(at.liu)

        assert (done.outcome, done.recorded and done.recorded.counted_ms) == (Outcome.READ, 24 * MINUTE_MS)
        assert at.ledger(at.lius_id) == [("makeup", 24)]
        after = at.shown(at.liu)
        assert after is not None
        assert (after.stage, after.counted_ms) == (Stage.READ, 24 * MINUTE_MS)
        with pytest.raises(Conflict, match="makeup_done"):
            meeting_makeups.finish(session, at.liu, at.meeting.id, choice=0, now=EVENING + 2 * HALF_AN_HOUR)
        assert at.differences() == []


def test_short_notes_give_no_more_than_they_take_to_read(database: Database) -> None:
    with database.writing() as session:
        at = held(session, "1")
        at.publish("议" * 1500)
        at.begin(at.liu)
        # Left open for half an hour, they still take five minutes.
        assert at.finish(at.liu, EVENING + HALF_AN_HOUR).outcome is Outcome.READ
        assert at.ledger(at.lius_id) == [("makeup", 5)]
        assert at.differences() == []


def test_the_time_has_to_pass_and_the_answer_to_be_right(database: Database) -> None:
    with database.writing() as session:
        at = held(session)
        at.publish()
        with pytest.raises(Conflict, match="makeup_not_open"):
            meeting_makeups.finish(session, at.liu, at.meeting.id, choice=0, now=EVENING)
        at.begin(at.liu)
        early = at.finish(at.liu, EVENING + timedelta(minutes=29, seconds=30))
        assert (early.outcome, early.missing_seconds) == (Outcome.TOO_SHORT, 30)
        at.begin(at.liu, EVENING + timedelta(minutes=10))  # opening again does not start the clock anew
        later = EVENING + HALF_AN_HOUR
        first = at.shown(at.liu, later)
        assert at.finish(at.liu, later, right=False).outcome is Outcome.WRONG
        second = at.shown(at.liu, later)
        assert first is not None
        assert second is not None
        assert (second.tries_left, second.text != first.text) == (1, True)
        assert at.finish(at.liu, later, right=False).outcome is Outcome.BEGIN_AGAIN
        assert at.finish(at.liu, later + timedelta(minutes=29)).outcome is Outcome.TOO_SHORT
        assert at.ledger(at.lius_id) == []
        for choice in (None, -1, 99):
            wrong = meeting_makeups.finish(session, at.liu, at.meeting.id, choice=choice, now=later + HALF_AN_HOUR)
            assert wrong.outcome in (Outcome.WRONG, Outcome.BEGIN_AGAIN, Outcome.TOO_SHORT)
        assert at.finish(at.liu, later + 4 * HALF_AN_HOUR).outcome is Outcome.READ


def test_presence_and_making_up_never_exceed_the_session_however_the_list_is_corrected(database: Database) -> None:
    with database.writing() as session:
        at = held(session, "1", most_minutes=100)
        at.publish()
        at.make_up(at.zhang)
        zhangs, mark = at.here.zhangs.id, meeting_confirming.mark_present
        # 30 of 100 minutes there, 30 made up for.
        assert at.ledger(zhangs) == [("meeting", 30), ("makeup", 30)]

        mark(session, at.tutor, at.meeting.id, [zhangs], in_at=NINE + timedelta(minutes=40), now=EVENING, reason="补")
        assert at.ledger(zhangs)[2:] == [("meeting", 50), ("makeup", -10)]
        assert at.differences() == []
        mark(session, at.tutor, at.meeting.id, [zhangs], in_at=NINE, now=EVENING, reason="全程在场")
        assert sum(minutes for _, minutes in at.ledger(zhangs)) == 100
        assert at.differences() == []
        meeting_confirming.mark_absent(session, at.tutor, at.meeting.id, [zhangs], reason="代签", now=EVENING)
        assert sum(minutes for source, minutes in at.ledger(zhangs) if source == "meeting") == 0
        assert sum(minutes for source, minutes in at.ledger(zhangs) if source == "makeup") == 30
        assert at.differences() == []


def test_a_session_that_is_called_off_leaves_nothing_to_make_up_for(database: Database) -> None:
    with database.writing() as session:
        at = held(session)
        at.publish()
        at.make_up(at.liu)
        at.make_up(at.zhang)
        meetings.cancel_meeting(session, at.tutor, at.meeting.id, reason="重开", now=EVENING + timedelta(hours=2))

        assert sum(minutes for _, minutes in at.ledger(at.lius_id)) == 0
        assert sum(minutes for _, minutes in at.ledger(at.here.zhangs.id)) == 0
        assert at.shown(at.liu) is None
        assert at.differences() == []


@pytest.mark.parametrize("deed", ["corrected", "absent", "cancelled"])
@pytest.mark.parametrize("is_first", [True, False])
def test_who_makes_up_while_the_list_changes_gets_what_the_list_leaves(
    database: Database, deed: str, is_first: bool
) -> None:
    with database.writing() as session:
        at = held(session, "1")
        at.publish()
        at.begin(at.zhang)
        choice = at.choice(at.zhang, EVENING + HALF_AN_HOUR)
    meeting_id, zhangs = at.meeting.id, at.here.zhangs.id

    def finish(session: Session) -> None:
        with suppress(Conflict):
            meeting_makeups.finish(session, at.zhang, meeting_id, choice=choice, now=EVENING + HALF_AN_HOUR)

    def change(session: Session) -> None:
        if deed == "corrected":
            mark = meeting_confirming.mark_present
            mark(session, at.tutor, meeting_id, [zhangs], in_at=NINE, now=EVENING, reason="全程在场")
        elif deed == "absent":
            meeting_confirming.mark_absent(session, at.tutor, meeting_id, [zhangs], reason="代签", now=EVENING)
        else:
            meetings.cancel_meeting(session, at.tutor, meeting_id, reason="重开", now=EVENING)

    first, second = (finish, change) if is_first else (change, finish)
    with ThreadPoolExecutor(1) as pool:
        with database.writing() as session:
            first(session)
            waiting = pool.submit(database.transact, second)
            until_it_waits(database, waiting)
        waiting.result(timeout=60)

    with database.reading() as session:
        at.here.session = session
        assert at.differences() == []
        assert (
            sum(minutes for _, minutes in at.ledger(zhangs)) == {"corrected": 120, "absent": 30, "cancelled": 0}[deed]
        )


def until_it_waits(database: Database, other: Future[None]) -> None:
    """Until another transaction waits for a lock of this one's; on SQLite it does from its beginning."""
    until(lambda: database.is_sqlite or other.done() or is_lock_waited_for(database), "nobody waits")


def test_nothing_is_made_up_for_where_the_programme_allows_none(database: Database) -> None:
    with database.writing() as session:
        at = held(session, "0")
        at.publish()
        with pytest.raises(Conflict, match="no_makeup"):
            at.begin(at.liu)


def test_notes_without_a_question_and_lists_that_wait_give_nothing(database: Database) -> None:
    with database.writing() as session:
        at = held(session, confirmed=False)
        at.publish()
        with pytest.raises(Conflict, match="no_makeup"):
            at.begin(at.liu)
        meeting_confirming.confirm(session, at.tutor, at.meeting.id, ELEVEN)
        at.publish(questions=())
        with pytest.raises(Conflict, match="no_makeup"):
            at.begin(at.liu)
        at.publish("太短", questions=ASKED)
        with pytest.raises(Conflict, match="no_makeup"):
            at.begin(at.liu)
        at.publish()
        with pytest.raises(NotFound):
            at.begin(at.here.actor(at.here.chen))
        with pytest.raises(NotFound):
            at.begin(at.tutor)
        at.begin(at.liu)


def test_who_leads_the_session_or_knows_the_answer_cannot_make_up_for_it(database: Database) -> None:
    with database.writing() as session:
        at = held(session, leader_login="zhang")
        at.publish()
        with pytest.raises(Conflict, match="makeup_own"):
            at.begin(at.zhang)
        assert at.shown(at.zhang) is None


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"body": " ", "questions": ()}, ("body", "notes_missing")),
        ({"body": "", "recording_link": "http://a.cn/", "questions": ()}, ("recording_link", "link_malformed")),
        ({"body": "长" * 20_001}, ("body", "notes_too_long")),
        ({"body": "好", "module_id": 999}, ("module_id", "module_unknown")),
        ({"questions": (replace(ASKED[0], text=" "),)}, ("question_1", "question_text_missing")),
        ({"questions": (ASKED[0], replace(ASKED[0], choices=("一", "二")))}, ("question_2", "choices_few_or_many")),
        ({"questions": (replace(ASKED[0], choices=("一", "二", " 二")),)}, ("question_1", "choices_alike")),
        ({"questions": (replace(ASKED[0], answer=3),)}, ("question_1", "answer_unknown")),
        ({"questions": (replace(ASKED[0], text="长" * 301),)}, ("question_1", "question_text_too_long")),
        ({"questions": ASKED * 2}, ("questions", "too_many_questions_on_notes")),
    ],
)
def test_notes_that_cannot_be_are_refused_by_field(
    database: Database, values: dict[str, Any], fault: tuple[str, str]
) -> None:
    with database.writing() as session:
        at = held(session)
        with pytest.raises(Malformed) as refused:
            at.publish(**values)
        faults = refused.value.params["faults"]
        assert isinstance(faults, list)
        assert [(one["field"], one["code"]) for one in faults] == [fault]
        assert meeting_notes.of_meeting(session, at.meeting.id) is None


def test_notes_are_published_by_who_runs_the_meeting_and_told_of_once(database: Database) -> None:
    with database.writing() as session:
        at = held(session)
        with pytest.raises(NotFound):
            meeting_notes.publish(session, at.wang, at.meeting.id, NewNotes("好"), ELEVEN)
        with pytest.raises(Conflict, match="meeting_not_begun"):
            meeting_notes.publish(session, at.tutor, at.meeting.id, NewNotes("好"), NINE - timedelta(minutes=1))
        for _ in range(2):
            at.publish()
        told = session.scalars(select(Notice.user_id).where(Notice.kind == "meeting_notes")).all()
        assert sorted(told) == sorted([at.wang.user_id, at.zhang.user_id, at.liu.user_id])


@pytest.mark.parametrize("forged", ["most", "read", "state", "presence", "times"])
def test_the_audit_finds_what_was_forged(database: Database, forged: str) -> None:
    with database.writing() as session:
        at = held(session, "1/2")
        at.publish()
        at.make_up(at.zhang)
        assert at.differences() == []
        record = (StudyRecord.enrolment_id == at.here.zhangs.id, StudyRecord.source.startswith("makeup/"))
        if forged == "most":
            # Both what is given and what is asked for fit each other: only the meeting tells.
            session.execute(update(StudyRecord).where(*record).values(most_ms=31 * MINUTE_MS))
        elif forged == "read":
            session.execute(update(MeetingMakeup).values(read_at=None))
        elif forged == "state":
            session.execute(update(Meeting).values(state="closed"))
        elif forged == "presence":
            session.execute(update(MeetingMakeup).values(nominal_ms=10 * MINUTE_MS))
        else:
            session.execute(update(MeetingMakeup).values(opened_at=EVENING - timedelta(minutes=1)))
        session.expire_all()
        (difference,) = at.differences()

        assert "study record 2 of enrolment" in difference
