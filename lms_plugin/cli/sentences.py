"""What commands say when they are refused: an English sentence for every code that can come up there."""

from collections.abc import Mapping
from typing import Final

from lms_plugin.domain.errors import Refusal

SENTENCES: Final[Mapping[str, str]] = {
    # people
    "login_taken": "the account {login} exists already",
    "password_too_short": "the password is too short: at least {shortest} characters",
    "password_too_long": "the password is too long: at most {longest} characters",
    "password_is_login": "the password must not be the account's name",
    "password_too_common": "this password is one of the commonest: choose another",
    # files
    "file_empty": "there is nothing in the file",
    "file_unreadable": "the file cannot be read: {why}",
    "file_is_old_excel": "this is an .xls file of an old Excel: save it as .xlsx or CSV",
    "file_too_large": "the file is too large: at most {limit_bytes} bytes",
    "file_unpacks_too_large": "the file unpacks to far more than a roster can be",
    "too_many_rows": "the file has too many rows: at most {limit}",
    "encoding_unknown": "the file is neither UTF-8 nor GB18030: save it as UTF-8",
    "columns_missing": "the header has no column {columns}; found: {found}",
    "column_twice": "the header has the column {column} twice",
    # platforms
    "platform_exists": "the platform {key} is registered already: change it with `lms update`",
    "platform_malformed": "missing or too long: {faults}",
    "platform_secret_needed": "a new address needs the client secret again: add --secret",
    "platform_is_lti": "{key} is an LTI platform: change it on its page",
    "lti_platform_malformed": "wrong: {faults}",
    "registration_waiting": "{key} waits to be confirmed on its page first",
    "lms_address_refused": "the address of {host} is refused: {reason}",
    "lms_unreadable": "the LMS cannot be read: {words}",
    "seal_broken": "a stored secret was sealed with another secret key: give it anew with `lms update --secret`",
    # hours
    "heads_unreadable": "the file holds no heads of chains: {why}",
    "heads_changed": "the file is not the one that was written: its digest does not fit its lines",
    "retained_from_the_future": "{day} has not come yet: evidence is deleted of programmes that are over",
    # reports and the rest
    "unknown_grouping": "cannot group by {grouping}: choose from {known}",
    "not_allowed": "this account may not do that",
    "not_authenticated": "this account is closed",
    "unavailable": "the database cannot answer: {why}",
    "encoder_missing": "there is no ffmpeg: install the package {package}",
    "font_missing": "there is no font for Chinese: install the package fonts-noto-cjk",
}


def sentence(refusal: Refusal) -> str:
    """What a refusal says on the command line; one without a sentence shows its code and figures."""
    shown = {name: _listed(value) for name, value in refusal.params.items()}
    if refusal.code == "not_found":
        return f"there is no {shown.get('what', 'such thing')} {shown.get('key', shown.get('code', ''))}".replace(
            "_", " "
        ).rstrip()
    template = SENTENCES.get(refusal.code)
    try:
        return template.format(**shown) if template is not None else str(refusal)
    except KeyError:
        return str(refusal)


def _listed(value: object) -> str:
    if isinstance(value, dict):
        return f"{value.get('field')} ({value.get('code')})"
    return ", ".join(map(_listed, value)) if isinstance(value, list | tuple) else str(value)
