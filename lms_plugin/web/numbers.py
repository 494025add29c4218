"""Numbers that come from addresses: never more than a store can hold, so that a made-up one finds nothing."""

from flask import request


def in_query(name: str, default: int, *, least: int = 0) -> int:
    """A number of the query string, from `least` to the largest key; the default where there is none."""
    found = id_in_query(name)
    return default if found is None else max(least, found)


def id_in_query(name: str) -> int | None:
    """A key of the query string; None where there is none that can be one."""
    return as_id(request.args.get(name, ""))


def as_id(text: str) -> int | None:
    """The key that a text names; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
