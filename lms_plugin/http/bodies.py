"""JSON bodies as they come from outside."""

from typing import Any

from flask.json.provider import DefaultJSONProvider


class Json(DefaultJSONProvider):
    """Flask's own JSON, for which a body nested too deeply to be read is as wrong as any other that cannot be read."""

    def loads(self, s: str | bytes, **options: Any) -> Any:
        try:
            return super().loads(s, **options)
        except RecursionError as fault:
            raise ValueError("nested too deeply") from fault
