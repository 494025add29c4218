"""Beats in batches: whoever reports at the same moment is dealt with in one transaction.

This is the path that a whole audience takes every half minute, so nothing on it makes an object of the ORM: the
senders' credentials, their clocks, sessions and films are read with one statement each, and written the same way. An
answer is given only after the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from lms_plugin.domain.errors import NotAuthenticated, Refusal
from lms_plugin.domain.watching import Claim
from lms_plugin.services.group_commit import GroupCommit
from lms_plugin.services.sign_in import digest_of
from lms_plugin.services.viewing import BeatAnswer, beat_at
from lms_plugin.services.watch_desk import Desk, Versions
from lms_plugin.storage.session import Database


@dataclass(frozen=True, slots=True)
class Sender:
    """Who says to have sent a beat: a bearer token's digest, or (user id, sign-in epoch) of a page's signed cookie."""

    digest: str | None = None
    page: tuple[int, int] | None = None

    @classmethod
    def with_token(cls, token: str) -> "Sender":
        return cls(digest=digest_of(token))


@dataclass(frozen=True, slots=True)
class BeatSent:
    """One beat as it came; `unanswered` names a presence check that nobody answered."""

    sender: Sender
    playback_session_id: str
    seq: int
    claims: Sequence[Claim]
    received_at: datetime
    unanswered: int | None = None


class BeatTaker:
    """Takes the beats of one process; safe to share between its threads, to be made anew in each process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._versions = Versions()
        self._group: GroupCommit[BeatSent, BeatAnswer] = GroupCommit(self._take_all)

    def take(self, beat: BeatSent) -> BeatAnswer:
        """Take one beat; whatever it changed is safe in the store when this returns.

        Raises:
            NotAuthenticated: nobody is signed in with what the sender showed.
            NotFound: the playback session is not the sender's, or there is none.
            Unavailable: the store cannot be reached, is full, or stays locked; nothing was changed.
        """
        return self._group.do(beat)

    def _take_all(self, batch: Sequence[BeatSent]) -> Sequence[BeatAnswer | BaseException]:
        try:
            return self._database.transact_plainly(lambda connection: self._in_one(connection, batch))
        except Refusal:
            raise
        except Exception:
            if len(batch) == 1:
                raise
            # One of them cannot be dealt with; the others must not suffer for it.
            return [self._alone(one) for one in batch]

    def _alone(self, beat: BeatSent) -> BeatAnswer | BaseException:
        try:
            return self._database.transact_plainly(lambda connection: self._in_one(connection, [beat]))[0]
        except Exception as fault:
            return fault

    def _in_one(self, connection: Connection, batch: Sequence[BeatSent]) -> list[BeatAnswer | BaseException]:
        desk = Desk(connection, self._versions)
        digests = [one.sender.digest for one in batch if one.sender.digest is not None]
        tokens = desk.store.tokens(digests) if digests else {}
        users = [_user_of(one.sender, tokens, one.received_at) for one in batch]
        desk.lock([user[0] for user in users if user is not None])
        desk.fetch([(user[0], one.playback_session_id) for user, one in zip(users, batch, strict=True) if user])
        answers: list[BeatAnswer | BaseException] = []
        for user, one in zip(users, batch, strict=True):
            try:
                answers.append(_take(desk, user, one))
            except Refusal as refusal:
                answers.append(refusal)
        desk.save()
        return answers


_Epoch = tuple[int, int]
"""(user id, sign-in epoch that the credential belongs to)"""


def _take(desk: Desk, user: _Epoch | None, one: BeatSent) -> BeatAnswer:
    if user is None:
        raise NotAuthenticated()
    clock = desk.clocks[user[0]]
    if not clock.is_active or clock.sign_in_epoch != user[1]:
        raise NotAuthenticated()
    return beat_at(
        desk,
        clock.user_id,
        one.playback_session_id,
        seq=one.seq,
        claims=one.claims,
        now=one.received_at,
        unanswered=one.unanswered,
    )


def _user_of(sender: Sender, tokens: Mapping[str, tuple[int, int, datetime]], now: datetime) -> _Epoch | None:
    if sender.digest is None:
        return sender.page
    found = tokens.get(sender.digest)
    return None if found is None or now >= found[2] else found[:2]
