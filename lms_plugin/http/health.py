"""Whether the process is up, and whether it can do its work."""

from flask import Blueprint, Response, jsonify

from lms_plugin.domain.errors import Unavailable
from lms_plugin.http.context import context

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """The process is up."""
    return jsonify(status="up")


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """The database is reachable and its schema is the one this code wants."""
    try:
        current = context().schema_is_current()
    except Unavailable as fault:
        return jsonify(status="not ready", database="unreachable", why=str(fault.params.get("why", ""))), 503
    if not current:
        return jsonify(status="not ready", database="reachable", migrations="run `lms-plugin db upgrade`"), 503
    return jsonify(status="ready", database="reachable", migrations="current"), 200
