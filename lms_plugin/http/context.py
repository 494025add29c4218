"""What requests share: the store, the clock, the media folder; made by the composition root."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from flask import current_app

from lms_plugin.http.media_address import MediaAddresses
from lms_plugin.services.attachments import Folder
from lms_plugin.services.beats import BeatTaker
from lms_plugin.services.lti_key_sets import PlatformKeys
from lms_plugin.services.lti_registration import RegistrationCalls
from lms_plugin.services.platform_trial import PlatformTrial
from lms_plugin.services.platforms import AddressCheck, Seal
from lms_plugin.services.sealing import FileSeal
from lms_plugin.storage.session import Database

EXTENSION = "lms_plugin"


@dataclass(frozen=True, slots=True)
class Context:
    """Shared by all requests of a process; `clock` gives the present moment, aware.

    `media_base_url` is the origin of the server that sends the films; None where the service does. The last two are the
    only calls to a platform that a request makes: an admin asks for them and waits for the answer.
    """

    database: Database
    clock: Callable[[], datetime]
    media_root: Path
    media: MediaAddresses
    media_base_url: str | None
    timezone: str
    base_url: str
    beats: BeatTaker
    file_seal: FileSeal
    schema_is_current: Callable[[], bool]
    attachments: Folder
    seal: Seal
    check_lms_address: AddressCheck
    platform_trial: PlatformTrial
    registration_calls: RegistrationCalls
    platform_keys: PlatformKeys

    def new_id(self) -> str:
        """A fresh unguessable name of 22 characters."""
        return secrets.token_urlsafe(16)


def context() -> Context:
    """The context of the application that handles the request."""
    return cast(Context, current_app.extensions[EXTENSION])
