"""Access logs of web servers, in the common or combined log format: which requests were made, and how they ended."""

import re
from dataclasses import dataclass

# Up to the size of the answer both formats are the same; what the combined one adds is the visitor's own word. Servers
# write a quotation mark inside of a field with a backslash, so that no visitor can end one.
_LINE = re.compile(
    r"\S+ \S+ [^\"]{1,400}? ?\[[^\]\"]{1,64}\] "
    r"\"(?P<request>(?:[^\"\\]|\\.)*)\" "
    r"(?P<status>[0-9]{3}) (?P<size>[0-9]{1,18}|-)(?: .*)?",
    re.ASCII | re.DOTALL,
)
_REQUEST = re.compile(r"(?P<method>[A-Z]{1,16}) (?P<path>[^ ?]+)(?:\?[^ ]*)? HTTP/[0-9.]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """One answered request. `path` is as the client wrote it, without a query; `size` is the bytes of the body sent.

    Method and path are empty where the client sent something that is no request.
    """

    method: str
    path: str
    status: int
    size: int


def read_line(line: str) -> Request | None:
    """The request that a line tells of; None for a line in neither format."""
    found = _LINE.fullmatch(line.rstrip("\r\n"))
    if found is None:
        return None
    size = 0 if found["size"] == "-" else int(found["size"])
    asked = _REQUEST.fullmatch(found["request"])
    method, path = (asked["method"], asked["path"]) if asked is not None else ("", "")
    return Request(method, path, int(found["status"]), size)
