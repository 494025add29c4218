"""Finding, among all posts of a programme, the few that may share text with a new one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from lms_plugin.domain.discussion import OthersPost, PostReason
from lms_plugin.domain.post_credit import Mark
from lms_plugin.domain.repeats import fingerprints, gist
from lms_plugin.services.portions import AT_ONCE, portions
from lms_plugin.storage.activity import Post
from lms_plugin.storage.among import among
from lms_plugin.storage.repeats import PostFingerprint

MOST_COMPARED = 16
"""So many posts, those that share most fingerprints, are compared word by word."""
_LOOKED_AT = 32
_AT_ONCE = 48
# Of a phrase that thousands write, the first to have written it are enough: whoever copies, copies something earlier.
_HOLDERS = (
    "SELECT fingerprint, post_id FROM (SELECT fingerprint, post_id FROM post_fingerprints"
    " WHERE programme_id = :programme_id AND fingerprint = :number ORDER BY post_id LIMIT 64) AS holders_of_number"
)
_HOLDERS_AT_ONCE = text(
    "SELECT wanted.number, ARRAY(SELECT post_id FROM post_fingerprints WHERE programme_id = :programme_id"
    " AND fingerprint = wanted.number ORDER BY post_id LIMIT 64) AS post_ids"
    " FROM unnest(CAST(:numbers AS bigint[])) AS wanted(number)"
)
_LOCK = text(
    "SELECT pg_advisory_xact_lock(one) FROM (SELECT unnest(CAST(:keys AS bigint[])) AS one ORDER BY 1) AS keys"
)
_KEEP_AT_ONCE = text(
    "INSERT INTO post_fingerprints (programme_id, fingerprint, post_id) SELECT :programme_id, number, post_id"
    " FROM unnest(CAST(:numbers AS bigint[]), CAST(:post_ids AS bigint[])) AS found(number, post_id)"
)


class _Known(NamedTuple):
    """Of a post, what may make it an obstacle to another."""

    id: int
    author_id: int
    body: str
    created_at: datetime
    edits: int
    taken_back_at: datetime | None
    mark: str
    reason: str

    def is_of_others(self, author_id: int, edited: Post | None) -> bool:
        if self.author_id == author_id or (self.taken_back_at is not None and self.mark != Mark.VOID):
            return False
        return edited is None or self.id < edited.id or self.reason != PostReason.REPEATS_ANOTHERS_POST


@dataclass(slots=True)
class Said:
    """What was said before in a programme, as far as it may matter to some texts; posts written meanwhile are added."""

    session: Session
    programme_id: int
    _numbers: dict[str, tuple[int, ...]]
    _holders: defaultdict[int, list[int]]
    _posts: dict[int, _Known] = field(default_factory=dict)

    def near(self, body: str, author_id: int, *, edited: Post | None = None) -> list[OthersPost]:
        """The posts of others that share most with one of the texts, at most `MOST_COMPARED`; the closest first.

        What was taken back was never said, unless a tutor had made it void. Where a post is `edited`, whoever repeated
        others after it was written is no obstacle: they may have copied it.
        """
        best = self._closest(body)
        if not self._posts.keys() >= set(best):
            # All that may be asked for next is read with it.
            self._load(chain.from_iterable(map(self._closest, self._numbers)))
        found = [post for one in best if (post := self._posts[one]).is_of_others(author_id, edited)]
        return [OthersPost(one.id, one.body, one.created_at, one.edits) for one in found[:MOST_COMPARED]]

    def add(self, post: Post) -> None:
        """A post that is in the store by now, one of the texts."""
        reason = post.judgement["reason"]
        self._posts[post.id] = _Known(
            post.id, post.author_id, post.body, post.created_at, post.edits, post.taken_back_at, post.mark, reason
        )
        for number in self._numbers[post.body]:
            self._holders[number].append(post.id)

    def keep(self, posts: Iterable[Post]) -> None:
        """Write down how to find posts that are in the store by now, each one of the texts."""
        _keep(self.session, self.programme_id, [(one, post.id) for post in posts for one in self._numbers[post.body]])

    def _closest(self, body: str) -> list[int]:
        shared = Counter(chain.from_iterable(self._holders[number] for number in self._numbers[body]))
        return [one for _, one in nsmallest(_LOOKED_AT, ((-count, one) for one, count in shared.items()))]

    def _load(self, post_ids: Iterable[int]) -> None:
        columns = (Post.id, Post.author_id, Post.body, Post.created_at, Post.edits, Post.taken_back_at, Post.mark)
        reason = Post.judgement["reason"].as_string()
        for some in portions(sorted({*post_ids} - self._posts.keys()), AT_ONCE):
            rows = self.session.execute(select(*columns, reason).where(among(Post.id, some)))
            self._posts |= {row.id: _Known(*row) for row in rows}


def find_anew(session: Session, programme_id: int, post: Post, body_before: str) -> None:
    """A post that was edited is found by what it says now, and no longer by what it said before."""
    before, after = set(fingerprints(body_before)), set(fingerprints(post.body))
    session.execute(
        delete(PostFingerprint).where(
            PostFingerprint.programme_id == programme_id,
            PostFingerprint.fingerprint.in_(before - after),
            PostFingerprint.post_id == post.id,
        )
    )
    _keep(session, programme_id, [(one, post.id) for one in sorted(after - before)])


def _keep(session: Session, programme_id: int, found: Sequence[tuple[int, int]]) -> None:
    """Write down (fingerprint, post)."""
    if not found:
        return
    if _is_postgresql(session):
        numbers, post_ids = [number for number, _ in found], [post_id for _, post_id in found]
        session.execute(_KEEP_AT_ONCE, {"programme_id": programme_id, "numbers": numbers, "post_ids": post_ids})
    else:
        session.execute(
            insert(PostFingerprint),
            [{"programme_id": programme_id, "fingerprint": number, "post_id": post_id} for number, post_id in found],
        )


def said_before(session: Session, programme_id: int, bodies: Iterable[str], *, for_writing: bool = False) -> Said:
    """What was said in a programme that some texts may repeat.

    `for_writing` makes whoever writes the same words at the same moment wait until this transaction ends, so that the
    second sees the first. Texts that are merely alike may pass each other; both then count.
    """
    numbers = {body: fingerprints(body) for body in bodies}
    if for_writing and _is_postgresql(session):
        # On SQLite only one writes at a time.
        keys = sorted({programme_id << 32 | one for body in numbers if (one := gist(body)) is not None})
        session.execute(_LOCK, {"keys": keys})
    wanted = sorted({one for found in numbers.values() for one in found})
    return Said(session, programme_id, numbers, _holders(session, programme_id, wanted))


def _holders(session: Session, programme_id: int, numbers: Sequence[int]) -> defaultdict[int, list[int]]:
    """The ids of the first posts that have each number; read from the key alone."""
    holders: defaultdict[int, list[int]] = defaultdict(list)
    if _is_postgresql(session):
        asked: dict[str, Any] = {"numbers": list(numbers), "programme_id": programme_id}
        for row in session.execute(_HOLDERS_AT_ONCE, asked):
            holders[row.number] = row.post_ids
        return holders
    for some in portions(numbers, _AT_ONCE):
        asked = {f"f{place}": number for place, number in enumerate(some)}
        query = text(" UNION ALL ".join(_HOLDERS.replace("number", name) for name in asked))
        for row in session.execute(query, {"programme_id": programme_id, **asked}):
            holders[row.fingerprint].append(row.post_id)
    return holders


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
