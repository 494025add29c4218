"""The application as tests make it, many times over: compiled templates and statements are kept between them."""

from collections.abc import Callable
from datetime import datetime

from apiflask import APIFlask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from lms_plugin.app import create_app
from lms_plugin.config import Settings
from tests.stores import OPENED


class _Kept(BytecodeCache):
    """Compiled templates of this process."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._codes:
            bucket.bytecode_from_string(self._codes[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key] = bucket.bytecode_to_string()


_KEPT = _Kept()


def make_app(settings: Settings, *, clock: Callable[[], datetime] | None = None) -> APIFlask:
    """As `create_app`, on the tests' own database where the settings name it."""
    app = create_app(settings, clock=clock, database=OPENED.get(settings.database_url))
    app.jinja_env.bytecode_cache = _KEPT
    return app
