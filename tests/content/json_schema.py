"""As much of JSON Schema as the schemas of course content use: what is wrong with a value, and whether a schema is one.

A keyword that is not known here is an error, so that no constraint goes unread.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
ANNOTATIONS = {"$schema", "$defs", "title", "description", "default", "discriminator"}


def faults(schema: dict[str, Any], value: Any, root: dict[str, Any], at: str = "$") -> Iterator[str]:
    """What is wrong with a value, each with its place."""
    for keyword, told in schema.items():
        if keyword in ANNOTATIONS:
            continue
        yield from (f"{at}: {fault}" for fault in _KEYWORDS[keyword](told, value, schema))
        yield from _inside(keyword, told, value, root, schema, at)


def _inside(
    keyword: str, told: Any, value: Any, root: dict[str, Any], schema: dict[str, Any], at: str
) -> Iterator[str]:
    if keyword == "$ref":
        yield from faults(root["$defs"][told.removeprefix("#/$defs/")], value, root, at)
    elif keyword in ("anyOf", "oneOf"):
        found = [list(faults(one, value, root, at)) for one in told]
        right = sum(not one for one in found)
        if right == 0 or (keyword == "oneOf" and right > 1):
            yield f"{at}: {right} of {keyword} hold: {found}"
    elif keyword == "items" and isinstance(value, list):
        for index, one in enumerate(value):
            yield from faults(told, one, root, f"{at}[{index}]")
    elif keyword == "properties" and isinstance(value, dict):
        for name, one in value.items():
            if name in told:
                yield from faults(told[name], one, root, f"{at}.{name}")
    elif keyword == "propertyNames" and isinstance(value, dict):
        for name in value:
            yield from faults(told, name, root, f"{at}.{name}")
    elif keyword == "additionalProperties" and isinstance(value, dict):
        for name, one in value.items():
            patterns = schema.get("patternProperties", {})
            for pattern in patterns:
                yield from faults(patterns[pattern], one, root, f"{at}.{name}") if re.search(pattern, name) else ()
            known = name in schema.get("properties", {}) or any(re.search(pattern, name) for pattern in patterns)
            if not known and told is False:
                yield f"{at}: unknown {name}"


def _is(told: str, value: Any) -> bool:
    if told == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, TYPES[told]) and (told == "boolean" or not isinstance(value, bool))


def _fault(wrong: bool, says: str) -> list[str]:
    return [says] if wrong else []


def _of(kind: Any, wrong: Any, says: str) -> Any:
    """A keyword that speaks of values of one kind, and says nothing of others."""
    return lambda told, value, _: _fault(
        isinstance(value, kind) and not isinstance(value, bool) and wrong(told, value), says.format(told)
    )


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value) is not None
    except ValueError:
        return False


NUMBER = (int, float)
_KEYWORDS: dict[str, Any] = {
    "type": lambda told, value, _: _fault(not _is(told, value), f"is no {told}"),
    "const": lambda told, value, _: _fault(value != told, f"is not {told!r}"),
    "enum": lambda told, value, _: _fault(value not in told, f"is none of {told}"),
    "pattern": _of(str, lambda told, value: not re.search(told, value), "is not like {}"),
    "format": _of(str, lambda told, value: told != "date" or not _is_date(value), "is no {}"),
    "minimum": _of(NUMBER, lambda told, value: value < told, "is less than {}"),
    "maximum": _of(NUMBER, lambda told, value: value > told, "is more than {}"),
    "exclusiveMinimum": _of(NUMBER, lambda told, value: value <= told, "is not more than {}"),
    "minLength": _of(str, lambda told, value: len(value) < told, "is shorter than {}"),
    "maxLength": _of(str, lambda told, value: len(value) > told, "is longer than {}"),
    "minItems": _of(list, lambda told, value: len(value) < told, "has less than {}"),
    "required": lambda told, value, _: [
        f"{name} is missing" for name in told if isinstance(value, dict) and name not in value
    ],
    **dict.fromkeys(
        ("$ref", "anyOf", "oneOf", "items", "properties", "patternProperties", "propertyNames", "additionalProperties"),
        lambda told, value, _: [],
    ),
}
