"""An HTTP client for one registered LMS that can be led nowhere else.

The address is typed by an admin, so it may point at this service's own network. Each exchange resolves the host
again, refuses anything that is not a public address, and connects to the very address it has checked; redirects,
proxies from the environment and cookies are not followed, and the size and the time of an answer are bounded.
"""

import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx

from lms_plugin.domain.errors import Refusal

Resolver = Callable[[str, int], Sequence[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Query = Mapping[str, str] | Sequence[tuple[str, str]]
"""What stands behind an address's question mark; as a sequence a name may come twice."""

ADDRESSES_TRIED = 3
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that has ever been given out (RFC 4291, 2.4)
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class AddressRefused(Refusal):
    """The LMS address is malformed or leads where it must not; `params` hold `host` and `reason`."""

    code = "lms_address_refused"
    kind = "malformed"


class NoAnswer(Refusal):
    """No complete answer came back: nobody knows whether the request was served; `params['words']` says why."""

    code = "lms_no_answer"
    kind = "unavailable"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json_object(self) -> dict[str, object]:
        """The body as a JSON object with exact decimals, or an empty one where it is anything else."""
        value = self._json()
        return value if isinstance(value, dict) else {}

    def json_objects(self) -> list[dict[str, object]] | None:
        """The objects of a JSON array, with exact decimals, whatever else stands in it left out; None for no array."""
        value = self._json()
        return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else None

    def _json(self) -> object:
        try:
            return json.loads(self.body, parse_float=Decimal)
        except (ValueError, RecursionError):
            return None


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Every address the system's resolver gives for a host, in its order; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet.

    IPv6 forms that carry an IPv4 address inside are judged by what they would reach: mapped ones by the inner
    address, tunnels (6to4, Teredo) and translators (NAT64) not at all.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in GLOBAL_UNICAST or address.sixtofour is not None or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_loopback(address: Address) -> bool:
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (inner or address).is_loopback


class GuardedClient:
    """Exchanges with the LMS at `base_url`, a https address; safe to share between threads.

    `allow_loopback` is for tests and the demo: it also lets http and loopback addresses through, together only.
    `connect_seconds` bounds making a connection, `read_seconds` each wait for data, `whole_seconds` an answer's body,
    `limit_bytes` its size. `trust` replaces the public certificate authorities. The constructor checks the form of
    the address and raises AddressRefused; where it leads is checked at each exchange.
    """

    def __init__(
        self,
        base_url: str,
        *,
        allow_loopback: bool = False,
        connect_seconds: float = 5.0,
        read_seconds: float = 15.0,
        whole_seconds: float = 30.0,
        limit_bytes: int = 4_000_000,
        trust: ssl.SSLContext | None = None,
        resolve: Resolver = resolve_host,
    ) -> None:
        self._base = _checked_form(base_url, allow_http=allow_loopback)
        self._allow_loopback = allow_loopback
        self._whole_seconds = whole_seconds
        self._limit_bytes = limit_bytes
        self._resolve = resolve
        self._http = httpx.Client(
            verify=trust or True,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # the bound on the size holds only for what is not compressed
                "Accept-Language": "en",  # refusals are told apart by their English words
                "User-Agent": "lms-plugin",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json_body: object = None,
    ) -> HttpAnswer:
        """Send one request below the base address and return the answer, whatever its status.

        Raises AddressRefused when the host leads to a forbidden address, and NoAnswer when no complete answer came.
        """
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path, params=_pairs(query))
        refused = NoAnswer(words=f"{self._base.host} has no address")
        for address in self._checked_addresses()[:ADDRESSES_TRIED]:
            request = self._http.build_request(
                method,
                url.copy_with(host=address),
                headers={"Host": self._base.netloc.decode("ascii"), **(headers or {})},
                data=dict(form) if form is not None else None,
                json=json_body,
                extensions={"sni_hostname": self._base.raw_host.decode("ascii")},
            )
            try:
                return self._answer_to(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as fault:
                refused = NoAnswer(words=_told(fault))
            except httpx.TransportError as fault:
                raise NoAnswer(words=_told(fault)) from fault
        raise refused

    def _answer_to(self, request: httpx.Request) -> HttpAnswer:
        response = self._http.send(request, stream=True)
        try:
            ends_at = time.monotonic() + self._whole_seconds
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > self._limit_bytes:
                    raise NoAnswer(words=f"the answer is larger than {self._limit_bytes} bytes")
                if time.monotonic() > ends_at:
                    raise NoAnswer(words=f"the answer took longer than {self._whole_seconds:g} seconds")
            return HttpAnswer(response.status_code, dict(response.headers), bytes(body))
        finally:
            response.close()

    def _checked_addresses(self) -> list[str]:
        """The host's addresses, all of them allowed: one bad address among good ones refuses the host."""
        host = self._base.raw_host.decode("ascii")
        port = self._base.port or (443 if self._base.scheme == "https" else 80)
        try:
            addresses = [ipaddress.ip_address(found.partition("%")[0]) for found in self._resolve(host, port)]
        except (OSError, UnicodeError) as fault:
            raise NoAnswer(words=f"{host} could not be resolved: {fault}") from fault
        for address in addresses:
            if self._allow_loopback and is_loopback(address):
                continue
            if not is_public(address):
                raise AddressRefused(host=host, reason="not_public")
            if self._base.scheme != "https":
                raise AddressRefused(host=host, reason="https_required")
        return [str(address) for address in addresses]


def _checked_form(base_url: str, *, allow_http: bool) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as fault:
        raise AddressRefused(host="", reason="malformed") from fault
    if url.scheme != "https" and not (allow_http and url.scheme == "http"):
        raise AddressRefused(host=url.host, reason="https_required")
    if url.userinfo or "@" in base_url:
        raise AddressRefused(host=url.host, reason="user_in_address")
    port = 443 if url.port is None else url.port
    if url.query or url.fragment or "\\" in base_url or not 0 < port < 65536:
        raise AddressRefused(host=url.host, reason="malformed")
    if not _is_host(url.raw_host.decode("ascii")):
        raise AddressRefused(host=url.host, reason="malformed")
    return url


def _pairs(query: Query | None) -> list[tuple[str, str | int | float | bool | None]]:
    return list(query.items() if isinstance(query, Mapping) else query or ())


def _is_host(host: str) -> bool:
    """A name or an address; a zone, as in fe80::1%eth0, has no place in an address of the public internet."""
    try:
        return not getattr(ipaddress.ip_address(host), "scope_id", None)
    except ValueError:
        return HOST_NAME.fullmatch(host) is not None


def _told(fault: httpx.TransportError) -> str:
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
