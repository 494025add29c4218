"""Posts find whose words they repeat: in every class group, at the same moment, and again when they are audited."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms_plugin.domain.discussion import PostReason
from lms_plugin.domain.programme import DiscussionRule
from lms_plugin.domain.repeats import fingerprints
from lms_plugin.services import auditing, discussion, post_judging
from lms_plugin.services.access import Actor
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import Enrolment, ModuleRow
from lms_plugin.storage.repeats import PostFingerprint
from lms_plugin.storage.session import Database
from tests import builders
from tests.domain.test_judging_posts import HONEST_ZH

NOW = builders.NOW
LATER = NOW + timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class World:
    """A programme with two class groups, two learners in the first, one in the other, and the first one's tutor."""

    module_id: int
    anna: Actor
    ben: Actor
    far: Actor
    tutor: Actor
    users: tuple[int, ...]


def make_world(session: Session, rule: DiscussionRule | None = None) -> World:
    current = builders.publish(session, builders.make_programme(discussion=rule or DiscussionRule()))
    tutor = builders.make_user(session, "tutor", "tutor")
    groups = [builders.make_class_group(session, current, name, tutor) for name in ("一班", "二班")]
    people = []
    for login, group in (("anna", groups[0]), ("ben", groups[0]), ("far", groups[1])):
        user = builders.make_user(session, login)
        builders.enrol(session, user, current, group=group)
        people.append(user)
    module_id = session.scalars(select(ModuleRow.id).where(ModuleRow.programme_id == current.id)).first()
    assert module_id is not None
    anna, ben, far = (builders.actor_for(session, user) for user in people)
    return World(module_id, anna, ben, far, builders.actor_for(session, tutor), tuple(user.id for user in people))


def begin(session: Session, world: World, actor: Actor, body: str, now: object = NOW) -> Post:
    return discussion.start_thread(session, actor, world.module_id, title="研讨", body=body, now=now)[1]


def test_another_groups_post_is_a_repeat_without_a_name(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        assert begin(session, world, world.far, HONEST_ZH[2]).counts
        seen = discussion.preview(session, world.anna, world.module_id, body=f"老师好！{HONEST_ZH[2]}", now=LATER)
        written = begin(session, world, world.anna, f"老师好！{HONEST_ZH[2]}", LATER)
        assert post_judging.judgement_of(written) == seen
        assert (seen.reason, seen.similarity_percent) == (PostReason.REPEATS_ANOTHERS_POST, 100)
        assert seen.repeats_at == NOW
        assert begin(session, world, world.ben, HONEST_ZH[3], LATER).counts


def test_a_tutors_words_cannot_be_copied_either(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        begin(session, world, world.tutor, HONEST_ZH[0])
        copied = begin(session, world, world.anna, HONEST_ZH[0], LATER)
        assert post_judging.judgement_of(copied).reason is PostReason.REPEATS_ANOTHERS_POST


def test_a_post_can_be_found_by_what_is_written_with_it(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        post = begin(session, world, world.anna, HONEST_ZH[0])
        kept = session.scalars(select(PostFingerprint.fingerprint).where(PostFingerprint.post_id == post.id))
        assert sorted(kept) == list(fingerprints(HONEST_ZH[0]))


def test_posts_written_together_see_each_other(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        thread = session.get_one(Thread, begin(session, world, world.tutor, "说说你的课。").thread_id)
        both = session.scalars(select(Enrolment).where(Enrolment.user_id.in_(world.users[:2])).order_by(Enrolment.id))
        replies = [
            discussion.Reply(actor, enrolment, HONEST_ZH[1])
            for actor, enrolment in zip((world.anna, world.ben), both, strict=True)
        ]
        first, second = discussion.reply_many(session, thread.id, replies, NOW)
        assert first.counts
        judged = post_judging.judgement_of(second)
        assert judged.reason is PostReason.REPEATS_ANOTHERS_POST
        assert judged.compared_with == ((first.id, 0),)


def test_of_the_same_words_at_the_same_moment_one_counts(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
    together = Barrier(3)

    def post(actor: Actor) -> None:
        together.wait()
        database.transact(lambda session: begin(session, world, actor, HONEST_ZH[2]) and None)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(post, (world.anna, world.ben, world.far)))
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Post.counts)) == 1


def test_a_very_common_phrase_does_not_hide_a_copy(database: Database) -> None:
    phrase = "今天说说我们学校教研组的做法"
    with database.writing() as session:
        world = make_world(session, DiscussionRule(max_per_module=None, max_per_day=None, min_characters=30))
        for number in range(80):
            body = phrase + "".join(chr(0x4E00 + 97 * number + 3 * at) for at in range(30))
            assert begin(session, world, world.far, body).counts
        assert begin(session, world, world.ben, f"{phrase}，{HONEST_ZH[2]}").counts
        copied = begin(session, world, world.anna, f"{phrase}，{HONEST_ZH[2]}", LATER)
        assert post_judging.judgement_of(copied).reason is PostReason.REPEATS_ANOTHERS_POST


# --- replies


@pytest.mark.parametrize(("reply_minutes", "worth"), [(None, 15), (5, 5), (0, 0)])
def test_a_reply_to_somebody_else_is_worth_its_own(database: Database, reply_minutes: int | None, worth: int) -> None:
    with database.writing() as session:
        world = make_world(session, DiscussionRule(reply_minutes=reply_minutes))
        first = begin(session, world, world.anna, HONEST_ZH[0])
        mine = discussion.reply(session, world.anna, first.thread_id, body=HONEST_ZH[1], reply_to_id=first.id, now=NOW)
        theirs = {"body": HONEST_ZH[2], "now": LATER, "reply_to_id": None}
        seen = discussion.preview(session, world.ben, world.module_id, thread_id=first.thread_id, **theirs)
        answer = discussion.reply(session, world.ben, first.thread_id, **theirs)
        assert post_judging.judgement_of(answer) == seen
        assert (seen.is_reply, seen.counts) == (True, worth > 0)
        assert not post_judging.judgement_of(mine).is_reply
        minutes = {
            entry.source_id: entry.amount_ms / 60_000
            for entry in session.scalars(select(CreditEntryRow).where(CreditEntryRow.source_kind == "post"))
        }
    given = {str(first.id): 15, str(mine.id): 15}
    assert minutes == (given | {str(answer.id): worth} if worth else given)
    assert_audits_clean(database)


# --- audit


def assert_audits_clean(database: Database) -> None:
    assert not faults(database)


def faults(database: Database) -> list[str]:
    with database.reading() as session:
        people = session.scalars(select(User.id).order_by(User.id)).all()
        return [one.difference for one in auditing.audit(session, people) if one.difference is not None]


def test_what_was_compared_is_compared_again(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        others = begin(session, world, world.far, f"{HONEST_ZH[2][:30]}。{HONEST_ZH[4]}")
        mine = begin(session, world, world.anna, HONEST_ZH[2], LATER)
        assert mine.counts
        assert post_judging.judgement_of(mine).compared_with == ((others.id, 0),)
    assert_audits_clean(database)
    with database.writing() as session:
        session.get_one(Post, others.id).body = HONEST_ZH[2]
    (fault,) = faults(database)
    assert f"post {mine.id} (posts) counts, the rule of its time says repeats_anothers_post" in fault
