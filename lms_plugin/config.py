"""Settings, read once from the environment by the composition root and the commands. Only they import this."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "LMS_PLUGIN_"
SHORTEST_SECRET = 32


class WrongSetting(Exception):
    """A setting is missing or cannot be used; the text is one line that says which and why."""


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

    @property
    def media_root(self) -> Path:
        return self.data_dir / "media"

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
    return Settings(
        database_url=_database_url(value("DATABASE_URL", f"sqlite:///{data_dir / 'lms-plugin.sqlite3'}")),
        data_dir=data_dir,
        secret_key=secret,
        base_url=_base_url(value("BASE_URL", "http://127.0.0.1:8000")),
        timezone=_timezone(value("TIMEZONE", "Asia/Shanghai")),
        trusted_proxies=_count("TRUSTED_PROXIES", value("TRUSTED_PROXIES", "0")),
        lms_allow_loopback=_switch("LMS_ALLOW_LOOPBACK", value("LMS_ALLOW_LOOPBACK", "0")),
        rate_limits=_switch("RATE_LIMITS", value("RATE_LIMITS", "1")),
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
