"""A reporter for each registered platform, made when it is first asked for and anew when its registration changed."""

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.adapters.lti.ags import ScoreService
from lms_plugin.adapters.lti.scores import Comment
from lms_plugin.adapters.lti.signing import Signer
from lms_plugin.adapters.openedx.completion_api import CompletionApi
from lms_plugin.adapters.origin_clients import OriginClients
from lms_plugin.adapters.xapi.lrs import RecordStore
from lms_plugin.adapters.xapi.statements import Installation
from lms_plugin.services import experience, platforms
from lms_plugin.services.line_items import StoredLinks
from lms_plugin.services.platforms import Connection, LtiConnection, Seal
from lms_plugin.services.ports import LmsReporter
from lms_plugin.services.sending import utc_now
from lms_plugin.storage.outbox import LRS
from lms_plugin.storage.session import Database


@dataclass(frozen=True, slots=True)
class _Known:
    connection: Connection | LtiConnection
    reporter: LmsReporter


class Reporters:
    """Gives reporters by platform key; safe to share between threads. Its clients live until the context ends.

    `comment` writes what people read beside a score; `base_url` is this service's own public address, by which record
    stores know people and activities.
    """

    def __init__(
        self, database: Database, seal: Seal, *, allow_loopback: bool, base_url: str, comment: Comment
    ) -> None:
        self._database = database
        self._base_url = base_url
        self._seal = seal
        self._allow_loopback = allow_loopback
        self._comment = comment
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        # A replaced client may still be in use by another thread: all of them are closed at the end.
        self._clients: list[GuardedClient | OriginClients] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()

    def __call__(self, platform_key: str) -> LmsReporter | None:
        """The reporter of a platform, or None where no platform has this key, or it takes no reports.

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
            if known is None or known.connection != connection:
                known = self._known[platform_key] = _Known(connection, self._made(connection))
            return known.reporter

    def _made(self, connection: Connection | LtiConnection) -> LmsReporter:
        if isinstance(connection, LtiConnection):
            return self._score_service(connection)
        client = GuardedClient(connection.base_url, allow_loopback=self._allow_loopback)
        self._clients.append(client)
        if connection.kind == LRS:
            return self._record_store(connection, client)
        return CompletionApi(client, connection.client_id, connection.client_secret)

    def _record_store(self, connection: Connection, client: GuardedClient) -> RecordStore:
        return RecordStore(
            client,
            connection.client_id,
            connection.client_secret,
            base_path=urlsplit(connection.base_url).path,
            here=Installation(self._base_url),
            read=experience.reader(self._database, connection.key, utc_now),
        )

    def _score_service(self, connection: LtiConnection) -> ScoreService:
        clients = OriginClients(allow_loopback=self._allow_loopback)
        self._clients.append(clients)
        tokens = AccessTokens(
            token_url=connection.token_url,
            client_id=connection.client_id,
            audience=connection.token_audience,
            sign=Signer(self._database, self._seal),
            client_for=clients,
        )
        return ScoreService(tokens, StoredLinks(self._database, connection.key), self._comment)


def check_address(base_url: str, *, allow_loopback: bool) -> None:
    """Refuse an LMS address that the client would refuse.

    Raises:
        AddressRefused: it is malformed, or not https.
    """
    GuardedClient(base_url, allow_loopback=allow_loopback).close()
