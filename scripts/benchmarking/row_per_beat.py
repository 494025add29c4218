"""A peer: a plain Flask-SQLAlchemy application that keeps every beat as one row and judges nothing.

A beat costs it one token look-up, one INSERT and one COMMIT, each a round trip; statements are compiled once, the pool
has a connection for every thread, and no object is made for a row.
"""

import hashlib
import os
import sqlite3
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, jsonify, request
from sqlalchemy import JSON, BigInteger, Connection, DateTime, String, bindparam, event, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from lms_plugin.storage.base import BigId


class Base(DeclarativeBase):
    """Tables of this peer alone."""


class Token(Base):
    __tablename__ = "tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int]


class Beat(Base):
    __tablename__ = "beats"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int]
    playback_session_id: Mapped[str] = mapped_column(String(32))
    seq: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    segments: Mapped[list[Any]] = mapped_column(JSON)


OWNER = select(Token.user_id).where(Token.digest == bindparam("digest"))
INSERT = insert(Beat)


def application() -> Flask:
    """The application; ROW_PER_BEAT_DATABASE_URL and ROW_PER_BEAT_THREADS come from the benchmark."""
    from flask_sqlalchemy import SQLAlchemy  # only the benchmarks' environment has it; the tables need it not

    app = Flask(__name__)
    url = os.environ["ROW_PER_BEAT_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": int(os.environ["ROW_PER_BEAT_THREADS"]),
        "max_overflow": 0,
        **({"connect_args": {"timeout": 30}} if url.startswith("sqlite") else {}),
    }
    db = SQLAlchemy(model_class=Base)
    db.init_app(app)
    if url.startswith("sqlite"):
        with app.app_context():
            _prepare_sqlite(db)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="up")

    @app.post("/api/v1/playback-sessions/<playback_session_id>/beats")
    def take_beat(playback_session_id: str) -> tuple[Response, int]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        digest = hashlib.sha256(token.encode()).hexdigest()
        beat = request.get_json()
        segments = beat["segments"]
        with db.engine.begin() as connection:
            user_id = connection.execute(OWNER, {"digest": digest}).scalar_one_or_none()
            if user_id is None:
                return jsonify(code="token_invalid"), 401
            row = {
                "user_id": user_id,
                "playback_session_id": playback_session_id,
                "seq": beat["seq"],
                "received_at": datetime.now(UTC),
                "segments": segments,
            }
            connection.execute(INSERT, row)
        played = [[one["from"], one["to"]] for one in segments]
        answer = {"credited": played, "withheld": [], "held": [], "covered_seconds": played[-1][1], "lease": "held"}
        return jsonify(answer | {"presence_check": None}), 200

    return app


def _prepare_sqlite(db: Any) -> None:
    @event.listens_for(db.engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # `begin` below begins the transactions
        for setting in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(db.engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
