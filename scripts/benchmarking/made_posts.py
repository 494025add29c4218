"""A programme with any number of made posts, put straight into PostgreSQL with the rows by which they are found.

A post is 35 words of two Chinese characters, drawn so that few words are in most posts, as in real ones, in clauses
of five. Where it stands in the index is worked out by the rule itself, from its words; a sample is compared with what
the rule makes of the posted text.
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from sqlalchemy import Connection, select, text

from lms_plugin.domain.programme import Component, ComponentKind, DiscussionRule, Module, Programme, Text, Window
from lms_plugin.domain.repeats import fingerprints, fingerprints_of
from lms_plugin.services import catalogue
from lms_plugin.storage import migrating
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.storage.session import Database

SEED = 2026
POSTS_EACH = 10
POSTS_IN_A_THREAD = 100
VOCABULARY, WORDS, IN_A_CLAUSE = 3_000, 35, 5
_FIRST, _LAST = 0x4E00, 0x9000
_SAMPLE_OF = 5_000
_JUDGEMENT = {"reason": "counts", "characters": 60, "words": 0, "similarity_percent": None, "repeats_at": None}
_JUDGED = json.dumps(_JUDGEMENT | {"cap": None, "is_reply": False, "compared_with": []})
_LEARNERS = (
    "INSERT INTO users (id, login, name, language, is_active, sign_in_epoch, created_at)"
    " SELECT one, 'learner.' || one, 'L' || one, 'zh', true, 0, :now FROM generate_series(1, :learners) AS one"
)
# What is the same in every post that nobody has touched since.
_AS_WRITTEN = (
    "ALTER TABLE posts ALTER judged_at SET DEFAULT now(), ALTER credit_ms SET DEFAULT 0,"
    " ALTER component_key SET DEFAULT '', ALTER mark SET DEFAULT '', ALTER extra_ms SET DEFAULT 0,"
    " ALTER edits SET DEFAULT 0"
)
_ENROLMENTS = (
    "INSERT INTO enrolments (id, user_id, programme_id, enrolled_at, counted_ms, completion_ratio)"
    " SELECT one, one, :programme_id, :now, 0, 0 FROM generate_series(1, :learners) AS one"
)
_THREADS = (
    "INSERT INTO threads (id, module_id, author_id, title, created_at)"
    " SELECT one, :module_id, one, '主题' || one, :now FROM generate_series(1, :threads) AS one"
)


@dataclass(frozen=True, slots=True)
class MadePosts:
    """What there is to measure with: the module, the learners' ids (1 to `learners`), and posts that can be copied."""

    module_id: int
    learners: int
    posts: int
    fingerprints: int
    some: tuple[str, ...]


class Writer:
    """Draws posts from one vocabulary, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(SEED)
        characters = [chr(one) for one in range(_FIRST, _LAST)]
        self._words = ["".join(self._chance.sample(characters, 2)) for _ in range(VOCABULARY)]
        self._chance.seed(seed)
        self._weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))

    def words(self, count: int = WORDS) -> list[str]:
        """Words of which none comes twice: what repeats itself in a post is left out."""
        found: dict[str, None] = {}
        while len(found) < count:
            found.update(dict.fromkeys(self._chance.choices(self._words, cum_weights=self._weights, k=2 * count)))
        return list(found)[:count]

    def body(self, words: list[str]) -> str:
        clauses = ("".join(words[at : at + IN_A_CLAUSE]) for at in range(0, len(words), IN_A_CLAUSE))
        return "，".join(clauses) + "。"


def programme() -> Programme:
    """A programme of posts alone, without caps, open all the time."""
    return Programme(
        key="posts",
        title=Text("研讨基准", "Posts"),
        description=Text("研讨基准", "Posts"),
        window=Window(date(2020, 1, 1), date(2100, 1, 1)),
        components=(Component("talk", ComponentKind.DISCUSSION, Text("研讨", "Discussion"), Decimal(30)),),
        total_class_hours=Decimal(30),
        discussion=DiscussionRule(max_per_module=None, max_per_day=None, max_total=None),
        modules=(Module("first", Text("第一单元", "First")),),
    )


def fill(url: str, posts: int) -> MadePosts:
    """Migrate an empty PostgreSQL database and put so many posts in it.

    Raises:
        ValueError: a post would be found elsewhere than where it stands.
    """
    database = Database(url)
    migrating.upgrade(database)
    now = datetime.now(UTC)
    learners = max(POSTS_IN_A_THREAD, posts // POSTS_EACH)
    with database.writing() as session:
        programme_id = catalogue.publish(session, programme(), {}, now).programme_id
        module_id = session.scalars(select(ModuleRow.id).where(ModuleRow.programme_id == programme_id)).one()
        connection = session.connection()
        # Nothing here refers to what is not there; the keys are built at the end, as after a restore.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("ALTER TABLE post_fingerprints DROP CONSTRAINT pk__post_fingerprints"))
        connection.execute(text(_AS_WRITTEN))
        given = {"now": now, "learners": learners, "programme_id": programme_id, "module_id": module_id}
        threads = -(-posts // POSTS_IN_A_THREAD)
        for statement in (_LEARNERS, _ENROLMENTS, _THREADS):
            connection.execute(text(statement), given | {"threads": threads})
        some, rows = _copy(connection, programme_id, posts, learners, now)
        connection.execute(
            text(
                "ALTER TABLE post_fingerprints ADD CONSTRAINT pk__post_fingerprints"
                " PRIMARY KEY (programme_id, fingerprint, post_id)"
            )
        )
    database.dispose()
    return MadePosts(module_id, learners, posts, rows, some)


def _copy(
    connection: Connection, programme_id: int, posts: int, learners: int, now: datetime
) -> tuple[tuple[str, ...], int]:
    """Copy posts in, then their fingerprints; gives some of the posts, and how many fingerprints there are."""
    writer = Writer(SEED)
    found: list[tuple[int, tuple[int, ...]]] = []
    some = []
    cursor = connection.connection.cursor()
    with cursor.copy(
        "COPY posts (id, thread_id, author_id, enrolment_id, body, created_at, counts, judgement) FROM STDIN"
    ) as copy:
        for number in range(1, posts + 1):
            words = writer.words()
            body = writer.body(words)
            numbers = fingerprints_of("".join(words))
            if number % _SAMPLE_OF == 1:
                if fingerprints(body) != numbers:
                    raise ValueError(f"post {number} is not found by the words it was made of: {body}")
                some.append(body)
            found.append((number, numbers))
            author = number % learners + 1
            at = now - timedelta(seconds=posts - number)
            thread = (number - 1) // POSTS_IN_A_THREAD + 1
            copy.write_row((number, thread, author, author, body, at, True, _JUDGED))
    with cursor.copy("COPY post_fingerprints (programme_id, fingerprint, post_id) FROM STDIN") as copy:
        for post_id, numbers in found:
            for one in numbers:
                copy.write_row((programme_id, one, post_id))
    return tuple(some), sum(len(numbers) for _, numbers in found)


def tokens(connection: Connection, user_ids: range) -> Iterator[str]:
    """A token for each of these learners."""
    now = datetime.now(UTC)
    for user_id in user_ids:
        token = f"lmsp_posts-{user_id:032d}"
        connection.execute(
            text(
                "INSERT INTO api_tokens (digest, user_id, sign_in_epoch, created_at, expires_at)"
                " VALUES (:digest, :user_id, 0, :now, :later)"
            ),
            {
                "digest": hashlib.sha256(token.encode()).hexdigest(),
                "user_id": user_id,
                "now": now,
                "later": now + timedelta(days=1),
            },
        )
        yield token
