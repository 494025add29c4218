"""A reporter for each registered platform, made when it is first asked for and anew when its registration changed."""

import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.openedx.completion_api import CompletionApi
from lms_plugin.adapters.xapi.lrs import RecordStore
from lms_plugin.adapters.xapi.statements import Installation
from lms_plugin.services import experience, platforms
from lms_plugin.services.platforms import Connection, Seal
from lms_plugin.services.ports import LmsReporter
from lms_plugin.services.sending import utc_now
from lms_plugin.storage.outbox import LRS
from lms_plugin.storage.session import Database


class Reporters:
    """Gives reporters by platform key; safe to share between threads. Its clients live until the context ends."""

    def __init__(self, database: Database, seal: Seal, *, allow_loopback: bool, base_url: str) -> None:
        """`base_url` is this service's own public address, by which record stores know people and activities."""
        self._database = database
        self._base_url = base_url
        self._seal = seal
        self._allow_loopback = allow_loopback
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Connection, GuardedClient, LmsReporter]] = {}
        # A replaced client may still be in use by another thread: all of them are closed at the end.
        self._clients: list[GuardedClient] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()

    def __call__(self, platform_key: str) -> LmsReporter | None:
        """The reporter of a platform, or None where no platform has this key.

        Raises:
            SealBroken: its secret was sealed with another secret key of the service.
            AddressRefused: its address may not be used any more.
        """
        with self._database.reading() as session:
            connection = platforms.connection(session, self._seal, platform_key)
        if connection is None:
            return None
        with self._lock:
            known = self._known.get(platform_key)
            if known is None or known[0] != connection:
                client = GuardedClient(connection.base_url, allow_loopback=self._allow_loopback)
                self._clients.append(client)
                reporter = self._made(connection, client)
                known = self._known[platform_key] = (connection, client, reporter)
            return known[2]

    def _made(self, connection: Connection, client: GuardedClient) -> LmsReporter:
        if connection.kind == LRS:
            return RecordStore(
                client,
                connection.client_id,
                connection.client_secret,
                base_path=urlsplit(connection.base_url).path,
                here=Installation(self._base_url),
                read=experience.reader(self._database, connection.key, utc_now),
            )
        return CompletionApi(client, connection.client_id, connection.client_secret)


def check_address(base_url: str, *, allow_loopback: bool) -> None:
    """Refuse an LMS address that the client would refuse.

    Raises:
        AddressRefused: it is malformed, or not https.
    """
    GuardedClient(base_url, allow_loopback=allow_loopback).close()
