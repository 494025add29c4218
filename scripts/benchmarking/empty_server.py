"""The floor of the benchmarks: Flask on the same server with the same threads, and a view that does nothing."""

import sys

from flask import Flask, Response, jsonify, request
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

THREADS = 16
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

    @app.post("/empty")
    def empty() -> Response:
        request.get_json()
        return jsonify(ANSWER)

    return app


def main() -> None:
    Server(
        "scripts.benchmarking.empty_server:application",
        factory=True,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        log_level=LogLevels.warning,
    ).serve()


if __name__ == "__main__":
    main()
