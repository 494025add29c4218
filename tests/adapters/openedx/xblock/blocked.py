"""Makes what an Open edX server shall not need impossible to import; to be imported first."""

import sys

NAMES = ("flask", "sqlalchemy", "lms_plugin", "httpx", "pydantic")

for name in NAMES:
    # Python's own way to say that there is no such module.
    sys.modules[name] = None
