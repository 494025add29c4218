# It runs with the packages of .venv-peer, which are not here.
# mypy: ignore-errors
"""Reads statements as a JSON array from standard input, and prints for each the model of ralph's that takes it, or why
none does: `[{"model": ...}, {"fault": ...}]`. Run it with the interpreter of .venv-peer."""

import json
import sys

from ralph_models import model_of


def judged(statement: dict[str, object]) -> dict[str, str]:
    try:
        return {"model": model_of(statement)}
    except ValueError as fault:
        return {"fault": str(fault)}


if __name__ == "__main__":
    json.dump([judged(statement) for statement in json.load(sys.stdin)], sys.stdout)
