"""The ceiling: Flask with a view that reads a beat and answers as much as one is answered, and does nothing else."""

from flask import Flask, Response, jsonify, request

ANSWER = {
    "credited": [[0.0, 0.03]],
    "withheld": [],
    "held": [],
    "covered_seconds": 0.03,
    "lease": "held",
    "presence_check": None,
}


def application() -> Flask:
    app = Flask(__name__)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="up")

    @app.post("/empty")
    def empty() -> Response:
        request.get_json()
        return jsonify(ANSWER)

    return app
