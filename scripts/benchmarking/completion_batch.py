"""A peer: the published edx-completion package behind the JWT checks of edx-drf-extensions, in its own environment."""

import json
import os
import subprocess
from pathlib import Path

from sqlalchemy import create_engine, text

from scripts.benchmarking import seeding
from scripts.benchmarking.contenders import Contender
from scripts.benchmarking.load import CONNECTIONS, Player, Round
from scripts.benchmarking.servers import Application, Running, Serving, start
from scripts.benchmarking.stores import Store
from scripts.demonstration.installation import ROOT, CommandFailed
from tests.peers.process import PYTHON, prepare_environment

COMPLETION = "completion-batch"
PATH = "/api/completion/v1/completion-batch"
FILM_SECONDS = 86_400
"""As in beats.lua: what a position is divided by to give a completion."""

_STORED = text(
    "SELECT auth_user.username, completion_blockcompletion.completion FROM completion_blockcompletion"
    " JOIN auth_user ON auth_user.id = completion_blockcompletion.user_id"
)


class CompletionBatch(Contender):
    """Each learner sends the growing completion of one video; the package keeps the last value, no seconds.

    The answers of a learner are read back as one row: the completion that was answered last.
    """

    name = COMPLETION

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        prepare_environment()
        url = store.create(self.name)
        self._engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
        self._environment = {
            "COMPLETION_SITE_DATABASE_URL": url,
            "PEER_FOLDER": str(self.folder),
            "PEER_BASE_URL": "http://127.0.0.1",  # of its LTI part, which the benchmark does not ask
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'peers' / 'openedx'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._last: dict[str, float] = {}
        learners = self._prepare()
        store.tidy(url)
        opened_at = seeding.people(1)[0].opened_at.timestamp()
        self._names = [name for name, _ in learners]
        self.players = [
            Player(PATH, opened_at, (f"Authorization: JWT {token}",), kind="completion", fixed=_fixed(name))
            for name, token in learners
        ]

    def serve(self, serving: Serving) -> Running:
        application = Application("scripts.benchmarking.completion_site.wsgi:application", self._environment, PYTHON)
        return start(application, serving, self.log)

    def take(self, found: Round) -> None:
        super().take(found)
        for name, answers in zip(self._names, found.answers, strict=True):
            self._last[name] = float(f"{answers[-1].to_ms / 1000 / FILM_SECONDS:.9f}")

    def differences(self) -> int:
        with self._engine.connect() as connection:
            stored: dict[str, float] = dict(connection.execute(_STORED).tuples().all())
        return self.failures + sum(stored.get(name) != last for name, last in self._last.items())

    def _prepare(self) -> list[tuple[str, str]]:
        done = subprocess.run(
            [str(PYTHON), "-m", "scripts.benchmarking.completion_site.prepare", str(CONNECTIONS)],
            cwd=ROOT,
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise CommandFailed(f"the completion platform could not be prepared:\n{done.stderr[-2000:]}")
        return [(name, token) for name, token in json.loads(done.stdout)]


def _fixed(name: str) -> str:
    """The part of a request's body that stays: all but the last number and what closes it."""
    return f'"username":"{name}","course_key":"{seeding.COURSE}","blocks":{{"{seeding.BLOCK}"'
