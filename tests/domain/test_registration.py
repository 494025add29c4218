"""Registration numbers: unique by series and serial, and a mistyped digit is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain import registration


def test_a_number_tells_programme_year_division_and_serial() -> None:
    assert registration.number(12, 2026, "530102", 123) == "0012-2026-530102-000123-7"
    assert registration.series("western-pe", 2026, "530102") == "western-pe-2026-530102"


@pytest.mark.parametrize(
    ("code", "division"),
    [
        ("530102", "530102"),
        ("530102-001", "000000"),
        (None, "000000"),
        ("五华区", "000000"),
        ("５３０１０２", "000000"),
    ],
)
def test_only_an_official_code_of_six_digits_is_a_division(code: str | None, division: str) -> None:
    assert registration.division(code) == division


@pytest.mark.parametrize(("body", "digit"), [("0794", 5), ("", 1)])
def test_the_check_digit_is_that_of_iso_7064(body: str, digit: int) -> None:
    assert registration.check_digit(body) == digit


@given(st.integers(1, 99_999), st.integers(2000, 2100), st.integers(0, 999_999), st.integers(1, 999_999_999))
def test_every_number_holds_and_no_single_wrong_digit_does(programme: int, year: int, code: int, serial: int) -> None:
    text = registration.number(programme, year, f"{code:06}", serial)
    assert registration.is_well_formed(text)
    assert len(text) <= 40
    for at, digit in enumerate(text):
        if digit.isdigit():
            wrong = text[:at] + str((int(digit) + 1) % 10) + text[at + 1 :]
            assert not registration.is_well_formed(wrong)


@pytest.mark.parametrize(
    "text", ["", "0012-2026-530102-000123", "0012-2026-530102-000123-x", "０0012-2026-530102-000123-7"]
)
def test_what_is_no_number_is_not_well_formed(text: str) -> None:
    assert not registration.is_well_formed(text)
