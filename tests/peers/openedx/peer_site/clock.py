"""The platform's own clock: set ahead or behind, it shows in every token that is issued or judged here."""

import os
import time as real
from datetime import datetime as real_datetime
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Any


def _path() -> Path:
    return Path(os.environ["PEER_FOLDER"]) / "clock-minutes"


def set_ahead(minutes: float) -> None:
    """Kept in the folder, so that it is still so after a restart."""
    _path().write_text(str(minutes))
    Clock.ahead_seconds = 60 * minutes


class Clock:
    """Stands where lti-consumer-xblock has the module `time`."""

    ahead_seconds = 0.0

    @classmethod
    def time(cls) -> float:
        return real.time() + cls.ahead_seconds


class ClockDatetime(real_datetime):
    """Stands where PyJWT has the class `datetime`."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return real_datetime.now(tz) + timedelta(seconds=Clock.ahead_seconds)


def install() -> None:
    """Put this clock into the two places that read the time for tokens; once the applications are loaded."""
    import jwt.api_jwt
    from lti_consumer.lti_1p3 import key_handlers

    key_handlers.time = Clock
    jwt.api_jwt.datetime = ClockDatetime
    if _path().exists():
        Clock.ahead_seconds = 60 * float(_path().read_text())
