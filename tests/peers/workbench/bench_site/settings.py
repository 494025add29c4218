"""The workbench's own settings, with a database and a log of ours, and the block's server settings."""

import json
import os

from workbench import settings as own

globals().update({name: getattr(own, name) for name in dir(own) if name.isupper()})

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
MIDDLEWARE = [*own.MIDDLEWARE[:2], "django.middleware.locale.LocaleMiddleware", *own.MIDDLEWARE[2:]]
LANGUAGE_CODE = "zh-hans"
# The names are those of Open edX's user service; the workbench's own knows none of them.
WORKBENCH = {**own.WORKBENCH, "services": {**own.WORKBENCH["services"], "user": "bench_site.users.PlatformUsers"}}
XBLOCK_SETTINGS = json.loads(os.environ["WORKBENCH_XBLOCK_SETTINGS"])
LMS_ROOT_URL = os.environ.get("WORKBENCH_LMS_ROOT_URL")
