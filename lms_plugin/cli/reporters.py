"""Who reports to LMS platforms, for the commands that deliver or compare."""

from lms_plugin.adapters.reporters import Reporters
from lms_plugin.config import Settings
from lms_plugin.http.score_comments import score_comment
from lms_plugin.services.platforms import Seal
from lms_plugin.storage.session import Database


def reporters_of(settings: Settings, database: Database) -> Reporters:
    """Who reports to each platform; to be used as a context."""
    seal = Seal(settings.secret_key)
    return Reporters(
        database, seal, allow_loopback=settings.lms_allow_loopback, base_url=settings.base_url, comment=score_comment
    )
