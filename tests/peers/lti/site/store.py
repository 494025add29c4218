"""What the platform knows, in one SQLite file of its folder; every change is on disk before the answer goes out."""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS keys (kid TEXT PRIMARY KEY, pem TEXT NOT NULL, made_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tools (
    client_id TEXT PRIMARY KEY, deployment_id TEXT NOT NULL, launch_url TEXT NOT NULL, login_url TEXT NOT NULL,
    redirect_uris TEXT NOT NULL, key_set_url TEXT NOT NULL, public_key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS members (
    username TEXT PRIMARY KEY, subject TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
    email TEXT NOT NULL, status TEXT NOT NULL, changed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS links (
    name TEXT PRIMARY KEY, resource_link_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, target TEXT NOT NULL,
    custom TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS launches (
    hint TEXT PRIMARY KEY, login_hint TEXT NOT NULL, client_id TEXT NOT NULL, username TEXT NOT NULL,
    message TEXT NOT NULL, link TEXT NOT NULL, deployment_id TEXT NOT NULL, made_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS deep_links (data TEXT PRIMARY KEY, client_id TEXT NOT NULL, used INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS seen (kind TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, value));
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, client_id TEXT NOT NULL, scopes TEXT NOT NULL, ends_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS line_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, client_id TEXT NOT NULL, label TEXT NOT NULL, maximum REAL NOT NULL,
    resource_link_id TEXT, resource_id TEXT, tag TEXT, declared INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
    line_item INTEGER NOT NULL REFERENCES line_items (id) ON DELETE CASCADE, subject TEXT NOT NULL, given REAL,
    maximum REAL, activity TEXT NOT NULL, grading TEXT NOT NULL, timestamp TEXT NOT NULL, instant REAL NOT NULL,
    comment TEXT NOT NULL, stored INTEGER NOT NULL, PRIMARY KEY (line_item, subject));
CREATE TABLE IF NOT EXISTS content_items (id INTEGER PRIMARY KEY, item TEXT NOT NULL);
"""
EMPTIED = """
DELETE FROM members; DELETE FROM links; DELETE FROM launches; DELETE FROM deep_links; DELETE FROM seen;
DELETE FROM tokens; DELETE FROM scores; DELETE FROM line_items; DELETE FROM content_items;
"""
SETTINGS: dict[str, Any] = {
    "declarative": True,
    "personal_data": True,
    "context_title": "Remote training",
    "page_size": 2,
    "pending_results": True,
    "whole_seconds": False,
    "clock_minutes": 0,
    "changes": 0,
    "claims": None,
}


class Store:
    """One connection for all threads; each statement is one transaction unless `self.lock` is held around several."""

    def __init__(self, folder: Path) -> None:
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(folder / "platform.sqlite3", check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.executescript(TABLES)
        if not self.rows("SELECT kid FROM keys"):
            self.make_key()

    def run(self, statement: str, *values: object) -> int:
        """Change something; gives the new row's id."""
        with self.lock:
            return self._connection.execute(statement, values).lastrowid or 0

    def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self.lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> sqlite3.Row | None:
        found = self.rows(statement, *values)
        return found[0] if found else None

    def setting(self, name: str) -> Any:
        found = self.row("SELECT value FROM settings WHERE name = ?", name)
        return json.loads(found["value"]) if found else SETTINGS[name]

    def set(self, name: str, value: Any) -> None:
        self.run("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, json.dumps(value))

    def now(self) -> float:
        """The platform's own clock, in seconds since 1970."""
        return time.time() + 60 * float(self.setting("clock_minutes"))

    def once(self, kind: str, value: str) -> bool:
        """Whether this value (an assertion's jti, a nonce) is seen for the first time."""
        with self.lock:
            if self.row("SELECT 1 FROM seen WHERE kind = ? AND value = ?", kind, value):
                return False
            self.run("INSERT INTO seen VALUES (?, ?)", kind, value)
            return True

    def change(self) -> int:
        """The number of the next change of the membership."""
        with self.lock:
            number = int(self.setting("changes")) + 1
            self.set("changes", number)
            return number

    def make_key(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.run("INSERT INTO keys VALUES (?, ?, ?)", secrets.token_hex(8), pem, time.time())

    def key_rows(self) -> Sequence[sqlite3.Row]:
        """Every key of the published key set; the first one signs."""
        return self.rows("SELECT * FROM keys ORDER BY made_at DESC, rowid DESC")

    def empty(self) -> None:
        with self.lock:
            self._connection.executescript(EMPTIED)
            for name, value in SETTINGS.items():
                self.set(name, value)
