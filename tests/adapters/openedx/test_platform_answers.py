"""How a platform's answers are read."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.adapters.guarded_http import HttpAnswer
from lms_plugin.adapters.http_answers import is_passing, platform_words, retry_after_seconds
from lms_plugin.adapters.openedx.answers import completion_of, refusal_of_reading, refusal_of_writing
from lms_plugin.adapters.openedx.completion_api import sendable_ratio
from lms_plugin.services.ports import RefusalCode

NOW = datetime(2024, 3, 1, 8, 0, tzinfo=UTC)
PAGE = b"<!doctype html><title>Page not found</title>"


def answer(status: int, body: object = None, **headers: str) -> HttpAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status, headers, content)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        (" 7 ", 7),
        ("3600", 3600),
        ("99999999999999999999", 86_400),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٧", None),
        ("Fri, 01 Mar 2024 08:02:00 GMT", 120),
        ("Fri, 01 Mar 2024 08:02:00 -0000", 120),
        ("Friday, 01-Mar-24 08:02:00 GMT", 120),
        ("Fri, 01 Mar 2024 16:02:00 +0800", 120),
        ("Fri, 01 Mar 2024 07:00:00 GMT", 0),
        ("Sun, 01 Mar 2044 08:00:00 GMT", 86_400),
        ("Fri, 99 Mar 2024 08:02:00 GMT", None),
        ("Fri, 01 Mar 99999 08:02:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_never_beyond_a_day(
    header: str | None, seconds: int | None
) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_header_does_harm(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@pytest.mark.parametrize(
    ("given_answer", "words"),
    [
        (answer(400, {"detail": "User is not enrolled in course."}), "User is not enrolled in course."),
        (answer(404, {"developer_message": "Course not found"}), "Course not found"),
        (answer(401, {"error": "invalid_client"}), "invalid_client"),
        (answer(400, {"error": "invalid_grant", "error_description": "Expired"}), "Expired"),
        (
            answer(400, {"field_errors": {"username": {"developer_message": "required"}}}),
            '{"username": {"developer_message": "required"}}',
        ),
        (answer(422, {"errors": {"type": "x", "message": "User not found in course"}}), "User not found in course"),
        (answer(404, {"errors": [{"message": "No such item"}, {"message": ""}, 7]}), "No such item"),
        (answer(400, {"errors": {"scoreGiven": ["missing"]}}), '{"scoreGiven": ["missing"]}'),
        (answer(400, {"errors": "no"}), "no"),
        (answer(400, {"errors": []}), "HTTP 400 Bad Request"),
        (answer(400, {"detail": "two\nlines\x00 and\t\ttabs "}), "two lines and tabs"),
        (answer(400, {"detail": "x" * 900}), "x" * 500),
        (answer(400, {"detail": ""}), "HTTP 400 Bad Request"),
        (answer(502, PAGE), "HTTP 502 Bad Gateway"),
        (answer(500, b"\xff\xfe"), "HTTP 500 Internal Server Error"),
        (answer(500, b"[" * 100_000), "HTTP 500 Internal Server Error"),
        (answer(503, ["not", "an", "object"]), "HTTP 503 Service Unavailable"),
        (answer(599), "HTTP 599"),
    ],
)
def test_the_platform_s_own_words_are_kept(given_answer: HttpAnswer, words: str) -> None:
    assert platform_words(given_answer) == words


@pytest.mark.parametrize(
    ("given_answer", "code"),
    [
        (answer(400, {"detail": "User is not enrolled in course."}), RefusalCode.NOT_ENROLLED),
        (answer(400, {"detail": "... when the feature is disabled."}), RefusalCode.TRACKING_DISABLED),
        (answer(400, {"detail": "Invalid block key: x"}), RefusalCode.UNKNOWN_BLOCK),
        (answer(400, {"detail": "Block with key: 'x' is not in context y"}), RefusalCode.UNKNOWN_BLOCK),
        (answer(400, {"detail": "Invalid learning context key: y"}), RefusalCode.UNKNOWN_COURSE),
        (answer(400, {"detail": "用户未选修该课程。"}), RefusalCode.REJECTED),
        (answer(404, {"detail": "User matching query does not exist."}), RefusalCode.UNKNOWN_LEARNER),
        (answer(404, PAGE), RefusalCode.BAD_ADDRESS),
        (answer(405, {"detail": "Method not allowed"}), RefusalCode.BAD_ADDRESS),
        (answer(301, b"", location="https://lms.example.org/"), RefusalCode.BAD_ADDRESS),
        (answer(304, b""), RefusalCode.BAD_ADDRESS),
        (answer(403, {"detail": "no permission"}), RefusalCode.NOT_PERMITTED),
        (answer(413, PAGE), RefusalCode.REJECTED),
    ],
)
def test_a_refused_batch_has_its_reason(given_answer: HttpAnswer, code: RefusalCode) -> None:
    assert refusal_of_writing(given_answer).code is code


@pytest.mark.parametrize(
    ("given_answer", "code"),
    [
        (
            answer(404, {"developer_message": "Requested user 'x' does not exist."}),
            RefusalCode.UNKNOWN_LEARNER,
        ),
        (answer(404, {"developer_message": "Block not found: y"}), RefusalCode.UNKNOWN_COURSE),
        (answer(404, PAGE), RefusalCode.BAD_ADDRESS),
        (
            answer(400, {"developer_message": "'x' is not a valid course key."}),
            RefusalCode.UNKNOWN_COURSE,
        ),
        (answer(400, {"developer_message": "anything else"}), RefusalCode.REJECTED),
        (answer(403, {"developer_message": "no permission"}), RefusalCode.NOT_PERMITTED),
    ],
)
def test_a_refused_reading_has_its_reason(given_answer: HttpAnswer, code: RefusalCode) -> None:
    assert refusal_of_reading(given_answer).code is code


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 599])
def test_faults_of_the_server_and_its_load_pass(status: int) -> None:
    assert is_passing(answer(status))


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 413, 422])
def test_faults_of_the_request_do_not_pass(status: int) -> None:
    assert not is_passing(answer(status))


@pytest.mark.parametrize(
    ("entry", "ratio"),
    [
        ({"completion": Decimal("0.25")}, Decimal("0.25")),
        ({"completion": 1}, Decimal(1)),
        ({"completion": None}, None),
        ({"completion": "1"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_block_s_completion_is_a_number_or_nothing(entry: object, ratio: Decimal | None) -> None:
    assert completion_of(entry) == ratio


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_ratio_becomes_one_that_may_be_sent(ratio: Decimal) -> None:
    sent = sendable_ratio(ratio)
    assert 0 <= sent <= 1
    assert 0 <= float(sent) <= 1
    assert (sent == 1) == (ratio >= 1)
    assert abs(sent - min(max(ratio, Decimal(0)), Decimal(1))) < Decimal("0.0001")


@given(st.decimals(0, 1, allow_nan=False), st.decimals(0, 1, allow_nan=False))
def test_a_learner_who_is_further_never_reads_less(one: Decimal, other: Decimal) -> None:
    assert sendable_ratio(min(one, other)) <= sendable_ratio(max(one, other))
