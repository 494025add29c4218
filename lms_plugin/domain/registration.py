"""Electronic registration numbers (电子注册号): digits in groups, the last one a check digit.

0012-2026-530102-000123-7 is the 123rd of the county 530102 in the programme numbered 12 who was registered in 2026.
"""

import re

NO_DIVISION = "000000"
"""For whoever belongs to no region, or to one without an official code of six digits."""

_DIVISION = re.compile(r"\d{6}")
_NUMBER = re.compile(r"\d{4,19}-\d{4}-\d{6}-\d{6,9}-\d")


def division(code: str | None) -> str:
    """The six digits of a division code as a number carries them."""
    return code if code is not None and _DIVISION.fullmatch(code) and code.isascii() else NO_DIVISION


def series(programme_key: str, year: int, code: str) -> str:
    """The series that serial numbers are counted in."""
    return f"{programme_key}-{year}-{code}"


def number(programme_number: int, year: int, code: str, serial: int) -> str:
    """The registration number of a serial."""
    body = f"{programme_number:04}-{year:04}-{code}-{serial:06}"
    return f"{body}-{check_digit(body)}"


def check_digit(body: str) -> int:
    """The check digit of the digits in a text: ISO/IEC 7064, MOD 11,10.

    It finds every single wrong digit, and nearly every two that were exchanged.
    """
    rest = 10
    for digit in body:
        if digit.isdigit():
            rest = (rest + int(digit)) % 10 or 10
            rest = rest * 2 % 11
    return (11 - rest) % 10


def is_well_formed(text: str) -> bool:
    """Whether a text is a registration number whose check digit is right."""
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return False
    body, _, digit = text.rpartition("-")
    return check_digit(body) == int(digit)
