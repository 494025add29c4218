"""One guarded client per origin, for platforms whose services stand on several hosts."""

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from lms_plugin.adapters.guarded_http import AddressRefused, GuardedClient


@dataclass(frozen=True, slots=True)
class Address:
    """A whole address in the parts that a client is asked with; `query` in its order, with repetitions."""

    origin: str
    path: str
    query: tuple[tuple[str, str], ...]


def address_of(url: str) -> Address:
    """Take an address apart.

    Raises:
        AddressRefused: it is none, or names a user.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as fault:
        raise AddressRefused(host="", reason="malformed") from fault
    if parsed.userinfo or not parsed.host:
        raise AddressRefused(host=parsed.host, reason="user_in_address" if parsed.userinfo else "malformed")
    path = parsed.raw_path.decode("ascii").partition("?")[0]
    return Address(f"{parsed.scheme}://{parsed.netloc.decode('ascii')}", path, tuple(parsed.params.multi_items()))


class OriginClients:
    """Gives the client of an origin, made when it is first asked for; safe to share between threads.

    All of them are closed when the context ends.
    """

    def __init__(self, *, allow_loopback: bool, read_seconds: float = 15.0) -> None:
        self._allow_loopback = allow_loopback
        self._read_seconds = read_seconds
        self._guard = threading.Lock()
        self._clients: dict[str, GuardedClient] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, origin: str) -> GuardedClient:
        """The client of an origin, such as `https://lms.example.org:8443`.

        Raises:
            AddressRefused: the origin's form is not allowed.
        """
        with self._guard:
            client = self._clients.get(origin)
            if client is None:
                client = self._clients[origin] = GuardedClient(
                    origin, allow_loopback=self._allow_loopback, read_seconds=self._read_seconds
                )
            return client

    def close(self) -> None:
        with self._guard:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
