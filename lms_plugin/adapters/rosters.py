"""Whom platforms have in their courses: by NRPS from LTI platforms, by the enrolment API from Open edX."""

import threading
from types import TracebackType
from typing import Self

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.adapters.lti.nrps import MembershipService
from lms_plugin.adapters.lti.signing import Signer
from lms_plugin.adapters.openedx.enrolments import EnrolmentApi
from lms_plugin.adapters.origin_clients import OriginClients
from lms_plugin.domain.errors import NotFound
from lms_plugin.services import platforms
from lms_plugin.services.platforms import Connection, LtiConnection, Seal
from lms_plugin.services.roster_ports import PlatformEnrolment, Roster
from lms_plugin.storage.outbox import COMPLETION
from lms_plugin.storage.session import Database


class Rosters:
    """Reads rosters of any platform that is registered; safe to share between threads, closed when the context ends."""

    def __init__(self, database: Database, seal: Seal, *, allow_loopback: bool) -> None:
        self._database = database
        self._seal = seal
        self._allow_loopback = allow_loopback
        self._clients = OriginClients(allow_loopback=allow_loopback)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[LtiConnection, MembershipService]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._clients.close()

    def roster(self, platform_key: str, memberships_url: str, differences_url: str | None = None) -> Roster:
        """The roster of a context, or what has changed in it (`services.roster_ports.RosterSource`)."""
        service = self._service(platform_key)
        return service.roster(memberships_url) if differences_url is None else service.differences(differences_url)

    def enrolled(self, platform_key: str, course_key: str) -> list[PlatformEnrolment]:
        """Who is or was in a course (`services.roster_ports.EnrolmentSource`)."""
        with self._database.reading() as session:
            connection = platforms.connection(session, self._seal, platform_key)
        if not isinstance(connection, Connection) or connection.kind != COMPLETION:
            raise NotFound(what="platform", key=platform_key)
        with GuardedClient(connection.base_url, allow_loopback=self._allow_loopback) as client:
            return EnrolmentApi(client, connection.client_id, connection.client_secret).enrolled(course_key)

    def _service(self, platform_key: str) -> MembershipService:
        with self._database.reading() as session:
            connection = platforms.connection(session, self._seal, platform_key)
        if not isinstance(connection, LtiConnection):
            raise NotFound(what="platform", key=platform_key)
        with self._lock:
            known = self._known.get(platform_key)
            if known is None or known[0] != connection:
                tokens = AccessTokens(
                    token_url=connection.token_url,
                    client_id=connection.client_id,
                    audience=connection.token_audience,
                    sign=Signer(self._database, self._seal),
                    client_for=self._clients,
                )
                known = self._known[platform_key] = connection, MembershipService(tokens)
            return known[1]


class RosterReader:
    """Reads one roster whenever it is asked, for admins who wait for it; keeps no connection open."""

    def __init__(self, database: Database, seal: Seal, *, allow_loopback: bool) -> None:
        self._database = database
        self._seal = seal
        self._allow_loopback = allow_loopback

    def __call__(self, platform_key: str, memberships_url: str, differences_url: str | None = None) -> Roster:
        """As `Rosters.roster`."""
        with Rosters(self._database, self._seal, allow_loopback=self._allow_loopback) as rosters:
            return rosters.roster(platform_key, memberships_url, differences_url)
