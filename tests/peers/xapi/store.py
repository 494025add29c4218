"""Statements as a learning record store keeps them (xAPI 1.0.3): one for each id, for good, in the order they came."""

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Statement = dict[str, Any]


class Rejected(Exception):
    """The request is not served; `status` is what to answer."""

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        super().__init__(words)


class Store:
    """A file of statements; what was stored stays when the process ends."""

    def __init__(self, path: Path) -> None:
        self._guard = threading.Lock()
        self._rows = sqlite3.connect(path, check_same_thread=False)
        self._rows.execute(
            "CREATE TABLE IF NOT EXISTS statements"
            " (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, body TEXT)"
        )

    def clear(self) -> None:
        with self._guard, self._rows:
            self._rows.execute("DELETE FROM statements")

    def put(self, statements: Iterable[Statement]) -> list[str]:
        """Store all of them, or none: 400 where an id comes twice, 409 where one is taken by another statement."""
        wanted: dict[str, Statement] = {}
        for statement in statements:
            name = str(uuid.UUID(str(statement.setdefault("id", str(uuid.uuid4())))))
            if name in wanted:
                raise Rejected(400, f"the statement {name} comes twice")
            wanted[name] = statement
        with self._guard, self._rows:
            for name, statement in wanted.items():
                known = self.get(name)
                if known is not None and _compared(known) != _compared(statement):
                    raise Rejected(409, f"there is another statement {name}")
            for name, statement in wanted.items():
                stored = datetime.now(UTC).isoformat().replace("+00:00", "Z")
                kept = {"timestamp": stored, "version": "1.0.0"} | statement | {"stored": stored}
                self._rows.execute(
                    "INSERT INTO statements (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
                    (name, json.dumps(kept)),
                )
        return list(wanted)

    def get(self, name: str) -> Statement | None:
        row = self._rows.execute("SELECT body FROM statements WHERE id = ?", (name.lower(),)).fetchone()
        return json.loads(row[0]) if row else None

    def all(self) -> list[Statement]:
        """All statements in the order they were stored."""
        return [json.loads(body) for (body,) in self._rows.execute("SELECT body FROM statements ORDER BY number")]

    def found(self, query: Mapping[str, str]) -> list[Statement]:
        """The statements of a query (Communication, 2.1.3), the newest first unless asked otherwise."""
        agent = json.loads(query["agent"]) if "agent" in query else None
        found = [
            one
            for one in self.all()
            if (agent is None or one["actor"].get("account") == agent.get("account"))
            and ("verb" not in query or one["verb"]["id"] == query["verb"])
            and ("activity" not in query or one["object"].get("id") == query["activity"])
            and ("since" not in query or one["stored"] > query["since"])
            and ("until" not in query or one["stored"] <= query["until"])
        ]
        return found if query.get("ascending") == "true" else found[::-1]


def _compared(statement: Statement) -> Statement:
    """What makes two statements the same (Data, 2.3.1): neither who stored it and when, nor how things are named."""
    parts = ("actor", "result", "context", "timestamp")
    same = {part: statement.get(part) for part in parts}
    return same | {"verb": statement["verb"]["id"], "object": statement["object"].get("id")}
