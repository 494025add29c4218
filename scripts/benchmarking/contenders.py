"""Who is measured: ourselves, peers that keep beats some other way, and a view that does nothing."""

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import ClassVar

from sqlalchemy import create_engine, insert, select

from lms_plugin.domain.intervals import NOTHING, Segments
from lms_plugin.storage.session import Database
from scripts.benchmarking import checking, row_per_beat, seeding
from scripts.benchmarking.checking import Account
from scripts.benchmarking.load import CONNECTIONS, Player, Round
from scripts.benchmarking.servers import GRANIAN, Application, Running, Serving, start
from scripts.benchmarking.stores import Store
from scripts.demonstration.installation import COMMAND, Installation, free_port

OURS, ROW, EMPTY = "ours", "row-per-beat", "empty-post"
_OK = 200


class Contender(ABC):
    """One application with its own database, and 64 learners whose conversation goes on from round to round."""

    name: ClassVar[str]
    players: list[Player]

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder / self.name
        self.folder.mkdir(parents=True)
        self.failures = 0

    @abstractmethod
    def serve(self, serving: Serving) -> Running:
        """Start a server for it."""

    def take(self, found: Round) -> None:
        """Keep what a round was answered, to be compared afterwards."""
        self.failures += found.lost + sum(answer.status != _OK for one in found.answers for answer in one)

    def differences(self) -> int:
        """How many answers failed, or do not agree with what is stored."""
        return self.failures

    @property
    def log(self) -> Path:
        return self.folder / "log"


class Ours(Contender):
    """The whole rule behind a bearer token, on the server it ships with or under gunicorn."""

    name = OURS

    def __init__(
        self,
        store: Store,
        folder: Path,
        learners: int = CONNECTIONS,
        *,
        opened_seconds_ago: float = 0.0,
        films: int = 1,
        covered: Segments = NOTHING,
        database: str = "",
    ) -> None:
        super().__init__(store, folder)
        self.url = store.create(database or self.name)
        self.installation = Installation(
            self.folder, free_port(), database_url=self.url, settings={"LMS_PLUGIN_RATE_LIMITS": "0"}
        )
        self.learners = seeding.seed(
            self.url, learners, opened_seconds_ago=opened_seconds_ago, films=films, covered=covered
        )
        store.tidy(self.url)
        playing = self.learners[:: learners // CONNECTIONS][:CONNECTIONS]
        self.players = [player_of(one) for one in playing]
        self.accounts = [Account(one, covered) for one in playing]
        # What was seeded as covered has no evidence, so that only the rest can be audited.
        self._can_be_audited = covered == NOTHING

    def serve(self, serving: Serving | None = None) -> Running:
        """Start a server for it; without `serving` the one it ships with, as it is by default."""
        environment = self.installation.environment
        if serving is not None and serving.server != GRANIAN:
            return start(Application("lms_plugin.app:application", environment), serving, self.log)
        port = free_port()
        size: tuple[str, ...] = ()
        if serving is not None:
            size = ("--processes", str(serving.processes), "--threads", str(serving.threads))
        return Running([str(COMMAND), "serve", "--port", str(port), *size], port, environment, self.log)

    def take(self, found: Round) -> None:
        super().take(found)
        for account, answers in zip(self.accounts, found.answers, strict=True):
            account.take(answers)

    def differences(self) -> int:
        database = Database(self.url)
        stored = checking.compare_coverage(database, self.accounts)
        if self._can_be_audited:
            stored += checking.audit(database, self.accounts)
        database.dispose()
        return self.failures + stored + sum(account.differences for account in self.accounts)


class RowPerBeat(Contender):
    """A tuned Flask-SQLAlchemy application: a token look-up, an INSERT, a COMMIT."""

    name = ROW

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        self.url = store.create(self.name)
        self._answered: Counter[tuple[str, int, int, int]] = Counter()
        self._engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://", 1))
        people = seeding.people(CONNECTIONS)
        row_per_beat.Base.metadata.create_all(self._engine)
        with self._engine.begin() as connection:
            digests = [(hashlib.sha256(one.token.encode()).hexdigest(), one.user_id) for one in people]
            tokens = [{"digest": digest, "user_id": user_id} for digest, user_id in digests]
            connection.execute(insert(row_per_beat.Token), tokens)
        store.tidy(self.url)
        self.players = [player_of(one) for one in people]

    def serve(self, serving: Serving) -> Running:
        environment = {"ROW_PER_BEAT_DATABASE_URL": self.url, "ROW_PER_BEAT_THREADS": str(serving.threads)}
        return start(Application("scripts.benchmarking.row_per_beat:application", environment), serving, self.log)

    def take(self, found: Round) -> None:
        super().take(found)
        for player, answers in zip(self.players, found.answers, strict=True):
            name = player.path.split("/")[-2]
            self._answered.update((name, one.seq, one.from_ms, one.to_ms) for one in answers)

    def differences(self) -> int:
        beat = row_per_beat.Beat
        with self._engine.connect() as connection:
            rows = connection.execute(select(beat.playback_session_id, beat.seq, beat.segments)).all()
        stored = Counter((name, seq, round(one["from"] * 1000), round(one["to"] * 1000)) for name, seq, [one] in rows)
        apart = (stored - self._answered).total() + (self._answered - stored).total()
        return self.failures + apart


class EmptyPost(Contender):
    """No token, no store, no rule: what the web framework and the server leave room for."""

    name = EMPTY

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        self.players = [Player("/empty", one.opened_at.timestamp()) for one in seeding.people(CONNECTIONS)]

    def serve(self, serving: Serving) -> Running:
        return start(Application("scripts.benchmarking.empty_post:application", {}), serving, self.log)


def player_of(one: seeding.Seeded) -> Player:
    """A learner as the load generator plays one."""
    return Player(one.path, one.opened_at.timestamp(), (f"Authorization: Bearer {one.token}",))
