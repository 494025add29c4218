"""Passwords: the rules for a new one, drawn ones, and hashes that grow stronger with the parameters.

Hashes are argon2id. A password that a person chose is hashed with `STRONG` (the parameters that OWASP's password
storage guide names first for 19 MiB). A password drawn by `draw` has 59 random bits, which no guessing reaches
through even a cheap hash, so that 100,000 of them can be hashed within a minute or two (`LIGHT`); the first
sign-in makes such a hash strong.
"""

import re
import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lms_plugin.domain.errors import Malformed

SHORTEST = 10
LONGEST = 200

STRONG: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
LIGHT: Final = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)

# Hash of a password nobody has: whoever cannot sign in costs the same time as one who mistyped.
_NOBODY: Final = STRONG.hash(secrets.token_urlsafe(24))

# No letter or digit that is mistaken for another on a printed slip.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"

_FEWEST_DISTINCT: Final = 4
_COMMON_WORDS: Final = """
0123456789 1234567890 0987654321 9876543210 1234567891 12345678910 123456789123 1234512345 1122334455
123456789a a123456789 123456789q q123456789 123456789abc abc123456789 abcd123456 abc1234567 aa123456789
1q2w3e4r5t 1qaz2wsx3edc qwertyuiop qwerty12345 qwerty123456 qwer123456 asdfghjkl1 zxcvbnm123 asdf123456
password12 password123 password1234 passw0rd123 p@ssw0rd123 p@ssword123 admin12345 admin123456 administrator
welcome123 letmein123 iloveyou12 iloveyou123 teacher123 teacher1234 jiaoshi123 laoshi1234 xuexi12345
woaini1314 woaini520 woaini1314520 5201314520 1314520520 5201314123 zhongguo123 china12345 wangyi1234
"""
_COMMONEST: Final = frozenset(_COMMON_WORDS.split())


def hash_password(password: str) -> str:
    """The argon2id hash of a password that a person chose."""
    return STRONG.hash(password)


def hash_drawn(password: str) -> str:
    """A cheap argon2id hash, only for what `draw` gave."""
    return LIGHT.hash(password)


def draw() -> str:
    """A password to be handed out: twelve characters in three groups, such as `k7mp-3xqd-9wtn`; 59 random bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))


def is_right(stored_hash: str | None, password: str) -> bool:
    """Whether the password is the one hashed; always at the price of one strong hash, even without a stored one."""
    stale = stored_hash is None or is_stale(stored_hash)
    right = stored_hash is not None and len(password) <= LONGEST and _verify(stored_hash, password)
    if not right and (stale or len(password) > LONGEST):
        # A cheap hash, or none, must not be told from a strong one by the time a wrong password takes.
        _verify(_NOBODY, password[:LONGEST])
    return right


def is_stale(stored_hash: str) -> bool:
    """Whether the hash has other parameters than a chosen password gets today."""
    try:
        return STRONG.check_needs_rehash(stored_hash)
    except InvalidHashError:
        return True


def check_rules(password: str, login: str) -> None:
    """Refuse a new password that is easily guessed.

    Raises:
        Malformed: `password_too_short` (shortest), `password_too_long` (longest), `password_is_login`,
            `password_too_common`.
    """
    if len(password) < SHORTEST:
        raise Malformed("password_too_short", shortest=SHORTEST)
    if len(password) > LONGEST:
        raise Malformed("password_too_long", longest=LONGEST)
    plain = password.casefold()
    if plain in {login.casefold(), login.casefold()[::-1]}:
        raise Malformed("password_is_login")
    letters = re.sub(r"[\s!@#$%.,_*-]+$", "", plain)
    if letters in _COMMONEST or len(set(plain)) < _FEWEST_DISTINCT:
        raise Malformed("password_too_common")


def normal_login(login: str) -> str:
    """The one form of a login that is stored and looked up: NFKC, without blanks around it, lower case."""
    return unicodedata.normalize("NFKC", login).strip().lower()


def _verify(stored_hash: str, password: str) -> bool:
    try:
        return STRONG.verify(stored_hash, password)
    except (VerificationError, InvalidHashError):
        return False
