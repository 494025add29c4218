"""The workbench's own settings, with a database and a log of ours, and the block's server settings."""

import json
import os

from workbench.settings import *  # noqa: F403 - Django's way to build on settings

FOLDER = os.environ["WORKBENCH_FOLDER"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(FOLDER, "workbench.sqlite3"),
        "OPTIONS": {"timeout": 30},
    }
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"workbench": {"handlers": ["stderr"], "level": "INFO"}},
}
MIDDLEWARE.insert(2, "django.middleware.locale.LocaleMiddleware")  # noqa: F405 - from the workbench's settings
LANGUAGE_CODE = "zh-hans"
# The names are those of Open edX's user service; the workbench's own knows none of them.
WORKBENCH["services"]["user"] = "bench_site.users.PlatformUsers"  # noqa: F405 - as above
XBLOCK_SETTINGS = json.loads(os.environ["WORKBENCH_XBLOCK_SETTINGS"])
LMS_ROOT_URL = os.environ.get("WORKBENCH_LMS_ROOT_URL")
