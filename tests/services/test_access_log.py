"""Lines of access logs, in both formats and in none."""

import pytest

from lms_plugin.services.accesslog import Request, read_line

COMMON = '203.0.113.7 - - [24/Nov/2026:20:00:00 +0800] "GET /media/x/240p/00001.ts HTTP/1.1" 206 1000'


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (COMMON,                                             Request("GET", "/media/x/240p/00001.ts", 206, 1000)),
        (COMMON + ' "https://h/" "Mozilla/5.0 (X; \\x22)"\n', Request("GET", "/media/x/240p/00001.ts", 206, 1000)),
        (COMMON + ' "-" "-" "10.0.0.1" 0.003\r\n',           Request("GET", "/media/x/240p/00001.ts", 206, 1000)),
        (COMMON.replace(" 1000", " -"),                      Request("GET", "/media/x/240p/00001.ts", 206, 0)),
        (COMMON.replace(".ts ", ".ts?a=b ").replace("203.0.113.7", "-"),
                                                             Request("GET", "/media/x/240p/00001.ts", 206, 1000)),
        (COMMON.replace("HTTP/1.1", "HTTP/2.0"),             Request("GET", "/media/x/240p/00001.ts", 206, 1000)),
        (COMMON.replace("- - [", "- 王丽 [x] ["),             Request("GET", "/media/x/240p/00001.ts", 206, 1000)),
        ('- - - [now] "\\x16\\x03\\x01" 400 0',              Request("", "", 400, 0)),
        ('- - - [now] "" 400 0',                             Request("", "", 400, 0)),
        ("",                                                 None),
        (COMMON.replace("206", "two"),                       None),
        (COMMON[:40],                                        None),
        ('- - - [now] "GET /a HTTP/1.1"',                    None),
        ("x" * 70_000,                                       None),
        ('"' * 70_000,                                       None),
    ],
)  # fmt: skip
def test_a_line(line: str, found: Request | None) -> None:
    assert read_line(line) == found


def test_a_visitor_cannot_write_a_request_of_their_own_into_a_line() -> None:
    asked = 'GET /media/x/240p/00001.ts HTTP/1.1\\x22 200 9 \\" 200 9'
    assert read_line(f'- - - [now] "GET /{asked} HTTP/1.1" 404 0 "-" "{asked}"') == Request("", "", 404, 0)
    assert read_line(f'- - {asked} [now] "GET / HTTP/1.1" 404 0') is None
