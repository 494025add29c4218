"""The application as tests make it, many times over: what is compiled for one is kept for the next."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from apiflask import APIFlask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

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


class _KeptRule(Rule):
    """Werkzeug compiles for each rule of each application how its address is built: most of what making one costs.

    It says the same for the same rule, whose converters it finds through the rule itself.
    """

    _builders: ClassVar[dict[Any, Any]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        converters = tuple((name, type(one)) for name, one in self._converters.items())
        key = (self.rule, self.subdomain, self.host, repr(self.defaults), converters, append_unknown)
        if key not in self._builders:
            self._builders[key] = super()._compile_builder(append_unknown)
        return self._builders[key]


APIFlask.url_rule_class = _KeptRule


def make_app(settings: Settings, *, clock: Callable[[], datetime] | None = None) -> APIFlask:
    """As `create_app`, on the tests' own database where the settings name it."""
    app = create_app(settings, clock=clock, database=OPENED.get(settings.database_url))
    app.jinja_env.bytecode_cache = _KEPT
    return app
