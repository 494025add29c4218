"""The platform as a WSGI application: the genuine completion view, with none of the test's own faults in front."""

import os
from typing import Any

from django.core.wsgi import get_wsgi_application


def application() -> Any:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scripts.benchmarking.completion_site.settings")
    return get_wsgi_application()
