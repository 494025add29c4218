"""The secret address of somebody's calendar: signed by the service, and drawn anew when its owner wants another one."""

from itsdangerous import BadSignature, URLSafeSerializer

_SALT = "lms-plugin calendar"


def calendar_token(secret_key: str, user_id: int, draw: str) -> str:
    """What stands in the address of a person's calendar. Neither the store nor the key alone leads to it."""
    return str(URLSafeSerializer(secret_key, salt=_SALT).dumps([user_id, draw]))


def calendar_named(secret_key: str, token: str) -> tuple[int, str] | None:
    """(whose calendar, which draw) a token names; None where it is not one of ours."""
    try:
        found = URLSafeSerializer(secret_key, salt=_SALT).loads(token)
    except BadSignature:
        return None
    if isinstance(found, list) and len(found) == 2 and isinstance(found[0], int) and isinstance(found[1], str):
        return found[0], found[1]
    return None
