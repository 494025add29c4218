"""Settings, read once from the environment by the composition root and the commands. Only they import this."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "LMS_PLUGIN_"
SHORTEST_SECRET = 32
# What can stand in a Content-Security-Policy and in nginx's configuration without quotes.
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?", re.ASCII)
_MEDIA_KEY = re.compile(rf"[A-Za-z0-9_-]{{{SHORTEST_SECRET},128}}", re.ASCII)


class WrongSetting(Exception):
    """A setting is missing or cannot be used; the text is one line that says which and why."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed in, as whom, and what stands in From. `encryption` is none, starttls or tls."""

    host: str
    port: int
    encryption: str
    login: str | None
    password: str = field(repr=False)
    sender: Address


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; docs/operations.md has the table."""

    database_url: str
    data_dir: Path
    secret_key: str
    base_url: str
    timezone: str
    trusted_proxies: int = 0
    lms_allow_loopback: bool = False
    rate_limits: bool = True
    media_base_url: str | None = None
    media_key: str | None = None
    mail: MailServer | None = None

    @property
    def media_root(self) -> Path:
        return self.data_dir / "media"

    @property
    def attachments_root(self) -> Path:
        return self.data_dir / "attachments"

    @property
    def lessons_root(self) -> Path:
        return self.data_dir / "lessons"

    @property
    def uses_https(self) -> bool:
        return self.base_url.startswith("https://")


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings from LMS_PLUGIN_... variables.

    Raises:
        WrongSetting: the secret key is missing or short, or a value cannot be used.
    """
    values = os.environ if environment is None else environment

    def value(name: str, default: str) -> str:
        return values.get(PREFIX + name, "").strip() or default

    secret = value("SECRET_KEY", "")
    if len(secret) < SHORTEST_SECRET:
        raise WrongSetting(
            f"{PREFIX}SECRET_KEY must be set to at least {SHORTEST_SECRET} random characters"
            " (python3 -c 'import secrets; print(secrets.token_urlsafe(48))' draws some)"
        )
    data_dir = Path(value("DATA_DIR", "var")).resolve()
    media_base_url = _origin(value("MEDIA_BASE_URL", ""))
    return Settings(
        database_url=_database_url(value("DATABASE_URL", f"sqlite:///{data_dir / 'lms-plugin.sqlite3'}")),
        data_dir=data_dir,
        secret_key=secret,
        base_url=_base_url(value("BASE_URL", "http://127.0.0.1:8000")),
        timezone=_timezone(value("TIMEZONE", "Asia/Shanghai")),
        trusted_proxies=_count("TRUSTED_PROXIES", value("TRUSTED_PROXIES", "0")),
        lms_allow_loopback=_switch("LMS_ALLOW_LOOPBACK", value("LMS_ALLOW_LOOPBACK", "0")),
        rate_limits=_switch("RATE_LIMITS", value("RATE_LIMITS", "1")),
        media_base_url=media_base_url,
        media_key=_media_key(value("MEDIA_KEY", ""), secret) if media_base_url is not None else None,
        mail=_mail_server(value("SMTP_URL", ""), value("MAIL_FROM", "")),
    )


def _database_url(text: str) -> str:
    try:
        backend = make_url(text).get_backend_name()
    except ArgumentError as fault:
        raise WrongSetting(f"{PREFIX}DATABASE_URL is no database address: {fault}") from fault
    if backend not in ("sqlite", "postgresql"):
        raise WrongSetting(f"{PREFIX}DATABASE_URL must begin with sqlite:/// or postgresql://, not {backend}")
    return text


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise WrongSetting(f"{PREFIX}BASE_URL must look like https://hours.example.org, not {text!r}")
    return text.rstrip("/")


def _origin(text: str) -> str | None:
    if not text:
        return None
    if _ORIGIN.fullmatch(text) is None:
        raise WrongSetting(
            f"{PREFIX}MEDIA_BASE_URL must look like https://films.example.org, without a path, not {text!r}"
        )
    return text.rstrip("/")


def _media_key(text: str, secret: str) -> str:
    if _MEDIA_KEY.fullmatch(text) is None:
        raise WrongSetting(
            f"{PREFIX}MEDIA_KEY must be set to {SHORTEST_SECRET} to 128 letters, digits, - and _ where"
            f" {PREFIX}MEDIA_BASE_URL is set"
        )
    if text == secret:
        raise WrongSetting(f"{PREFIX}MEDIA_KEY must not be the secret key: the server that sends the films holds it")
    return text


def _mail_server(text: str, sender: str) -> MailServer | None:
    """The server of smtp://login:password@host:587?starttls=1 or smtps://...; None where none is set."""
    if not text:
        if sender:
            raise WrongSetting(f"{PREFIX}MAIL_FROM is set and {PREFIX}SMTP_URL is not: nothing would be sent")
        return None
    # The address may hold a password: it is never repeated.
    wrong = f"{PREFIX}SMTP_URL must look like smtp://login:password@mail.example.org:587?starttls=1 or smtps://..."
    try:
        parts = urlsplit(text)
        port = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as fault:
        raise WrongSetting(wrong) from fault
    starttls = options.pop("starttls", "0")
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        raise WrongSetting(wrong)
    if options or starttls not in ("0", "1") or (parts.scheme == "smtps" and starttls == "1"):
        raise WrongSetting(f"{PREFIX}SMTP_URL can end in ?starttls=1 with smtp://, and in nothing else")
    encryption = "tls" if parts.scheme == "smtps" else "starttls" if starttls == "1" else "none"
    login = unquote(parts.username) if parts.username else None
    if login is not None and encryption == "none" and not _is_loopback(parts.hostname):
        raise WrongSetting(f"{PREFIX}SMTP_URL would send a password in the open: use smtps:// or ?starttls=1")
    return MailServer(
        host=parts.hostname,
        port=port or {"tls": 465, "starttls": 587, "none": 25}[encryption],
        encryption=encryption,
        login=login,
        password=unquote(parts.password or ""),
        sender=_sender(sender),
    )


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    try:
        if not text.isprintable() or "@" not in address or not address.isascii():
            raise ValueError(text)
        return Address(name, addr_spec=address)
    except (ValueError, IndexError, MessageError) as fault:
        raise WrongSetting(
            f'{PREFIX}MAIL_FROM must be set with {PREFIX}SMTP_URL, like "Class Hours <hours@example.org>", not {text!r}'
        ) from fault


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as fault:
        raise WrongSetting(f"{PREFIX}TIMEZONE is no time zone: {text!r}") from fault
    return text


def _count(name: str, text: str) -> int:
    if not text.isdecimal():
        raise WrongSetting(f"{PREFIX}{name} must be a whole number, not {text!r}")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise WrongSetting(f"{PREFIX}{name} must be 1 or 0, not {text!r}")
    return text.lower() in ("1", "true", "yes")
