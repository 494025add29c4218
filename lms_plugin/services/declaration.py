"""A programme as text and back: how a published rule version is kept in the store."""

import hashlib
import json

from pydantic import TypeAdapter

from lms_plugin.domain.programme import Programme

_PROGRAMME = TypeAdapter(Programme)


def write_declaration(programme: Programme) -> str:
    """The programme as canonical JSON: equal programmes give equal texts."""
    content = _PROGRAMME.dump_python(programme, mode="json")
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest_of(declaration: str) -> str:
    return hashlib.sha256(declaration.encode()).hexdigest()


def read_declaration(declaration: str) -> Programme:
    """The programme that `write_declaration` wrote, with what it could not know yet as it is by default."""
    return _PROGRAMME.validate_json(declaration)
