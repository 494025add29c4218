"""Where the client of an LMS address can be led, and where not."""

import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from lms_plugin.adapters.guarded_http import (
    AddressRefused,
    GuardedClient,
    NoAnswer,
    is_loopback,
    is_public,
    resolve_host,
)
from tests.adapters.openedx.plain_server import PlainServer, certificate_for

PUBLIC = "93.184.216.34"
ANY_ADDRESS = ".".join("0000")


class Resolver:
    """Gives prepared addresses, one list after another, and remembers what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


def reason_of(refusal: pytest.ExceptionInfo[AddressRefused]) -> object:
    return refusal.value.params["reason"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("8.8.8.8", True),
        ("172.15.255.255", True),
        ("172.32.0.0", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:8.8.8.8", True),
        (ANY_ADDRESS, False),
        ("0.1.2.3", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("127.255.255.254", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("172.31.255.255", False),
        ("192.0.0.1", False),
        ("192.0.2.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("198.51.100.7", False),
        ("203.0.113.9", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.1.2.3", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", False),
        ("64:ff9b:1::1", False),
        ("4000::1", False),
        ("100::1", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("2002:7f00:1::", False),
        ("fc00::1", False),
        ("fd12:3456:789a::1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        (ANY_ADDRESS, False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("8.8.8.8", False),
    ],
)
def test_loopback_is_known_in_all_its_forms(address: str, loopback: bool) -> None:
    assert is_loopback(ipaddress.ip_address(address)) is loopback


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("http://lms.example.org", "https_required"),
        ("ftp://lms.example.org", "https_required"),
        ("file:///etc/passwd", "https_required"),
        ("gopher://lms.example.org", "https_required"),
        ("//lms.example.org", "https_required"),
        ("", "https_required"),
        ("lms.example.org", "https_required"),
        ("https://", "malformed"),
        ("https:///path", "malformed"),
        ("https://admin@lms.example.org", "user_in_address"),
        ("https://admin:secret@lms.example.org", "user_in_address"),
        ("https://lms.example.org@127.0.0.1", "user_in_address"),
        ("https://lms.example.org\\@127.0.0.1", "user_in_address"),
        ("https://lms.example.org/a@b", "user_in_address"),
        ("https://lms.example.org\\.evil.example", "malformed"),
        ("https://lms.example.org?next=x", "malformed"),
        ("https://lms.example.org#x", "malformed"),
        ("https://lms.example.org:0", "malformed"),
        ("https://lms.example.org:65536", "malformed"),
        ("https://lms.example.org:port", "malformed"),
        ("https://lms example.org", "malformed"),
        ("https://lms.example.org\r\nHost: evil", "malformed"),
        ("https://loc%61lhost", "malformed"),
        ("https://[fe80::1%25eth0]", "malformed"),
        ("https://①②⑦.0.0.1", "malformed"),
        ("https://-lms.example.org", "malformed"),
        ("https://0177.0.0.1", "malformed"),
        ("https://999.0.0.1", "malformed"),
    ],
)
def test_an_address_of_the_wrong_form_is_refused_when_it_is_typed(base_url: str, reason: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        GuardedClient(base_url)
    assert reason_of(refusal) == reason


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1", "http://u@127.0.0.1", "http://127.0.0.1?x", "http://"])
def test_allowing_loopback_allows_no_other_form(base_url: str) -> None:
    with pytest.raises(AddressRefused):
        GuardedClient(base_url, allow_loopback=True)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "10.0.0.8",
        "169.254.169.254",
        "192.168.0.1",
    ],
)
def test_a_host_that_names_this_network_is_refused_by_the_system_s_own_resolver(host: str) -> None:
    with GuardedClient(f"https://{host}") as client, pytest.raises(AddressRefused) as refusal:
        client.exchange("GET", "/")
    assert reason_of(refusal) == "not_public"


@pytest.mark.parametrize(
    ("addresses", "allow_loopback", "reason"),
    [
        (["127.0.0.1"], False, "not_public"),
        (["::1"], False, "not_public"),
        (["10.0.0.1"], False, "not_public"),
        (["fe80::1%eth0"], False, "not_public"),
        ([PUBLIC, "127.0.0.1"], False, "not_public"),
        (["169.254.169.254", PUBLIC], False, "not_public"),
        (["10.0.0.1"], True, "not_public"),
        (["127.0.0.1", "192.168.0.1"], True, "not_public"),
    ],
)
def test_a_name_that_leads_into_this_network_is_refused(
    addresses: list[str], allow_loopback: bool, reason: str
) -> None:
    resolver = Resolver(addresses)
    client = GuardedClient("https://lms.example.org", allow_loopback=allow_loopback, resolve=resolver)
    with client, pytest.raises(AddressRefused) as refusal:
        client.exchange("GET", "/")
    assert reason_of(refusal) == reason
    assert resolver.asked == [("lms.example.org", 443)]


def test_allowing_loopback_does_not_allow_plain_http_to_the_internet() -> None:
    client = GuardedClient("http://lms.example.org", allow_loopback=True, resolve=Resolver([PUBLIC]))
    with client, pytest.raises(AddressRefused) as refusal:
        client.exchange("GET", "/")
    assert reason_of(refusal) == "https_required"


def test_a_name_is_judged_anew_at_each_exchange() -> None:
    with PlainServer() as server:
        resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
        with GuardedClient(f"http://lms.example.org:{server.port}", allow_loopback=True, resolve=resolver) as client:
            assert client.exchange("GET", "/").status == 200
            with pytest.raises(AddressRefused):
                client.exchange("GET", "/")
        assert len(server.seen) == 1


def test_the_checked_address_is_the_one_that_is_called_under_the_name_that_was_typed() -> None:
    with PlainServer() as server:
        resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])  # a second look-up would lead elsewhere
        with GuardedClient(
            f"http://lms.example.org:{server.port}/campus/", allow_loopback=True, resolve=resolver
        ) as client:
            answer = client.exchange("GET", "/api/x", query={"course_id": "course-v1:A+B+C"})
        assert (answer.status, answer.json_object()) == (200, {})
        assert resolver.asked == [("lms.example.org", server.port)]
        assert server.seen[0].host == f"lms.example.org:{server.port}"
        assert server.seen[0].path == "/campus/api/x?course_id=course-v1%3AA%2BB%2BC"


def test_a_chinese_host_name_is_asked_for_in_its_ascii_form() -> None:
    resolver = Resolver(["10.0.0.1"])
    with GuardedClient("https://学习.中国", resolve=resolver) as client, pytest.raises(AddressRefused):
        client.exchange("GET", "/")
    assert resolver.asked == [("xn--vjq503a.xn--fiqs8s", 443)]


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with PlainServer() as server:
        resolver = Resolver(["127.0.0.2", "127.0.0.1"])
        with GuardedClient(f"http://lms.example.org:{server.port}", allow_loopback=True, resolve=resolver) as client:
            assert client.exchange("GET", "/").status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    with PlainServer() as secret, PlainServer(status=status) as server:
        server.headers = [("Location", f"http://127.0.0.1:{secret.port}/")]
        with GuardedClient(f"http://127.0.0.1:{server.port}", allow_loopback=True) as client:
            assert client.exchange("GET", "/").status == status
        assert secret.seen == []


def test_proxies_and_credentials_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login admin password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with PlainServer() as proxy, PlainServer() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with GuardedClient(f"http://127.0.0.1:{server.port}", allow_loopback=True) as client:
            client.exchange("GET", "/")
        assert proxy.seen == []
        assert "Authorization" not in server.seen[0].headers


def test_cookies_are_not_kept() -> None:
    with PlainServer(headers=[("Set-Cookie", "sessionid=abc; Path=/")]) as server:
        with GuardedClient(f"http://127.0.0.1:{server.port}", allow_loopback=True) as client:
            client.exchange("GET", "/")
            client.exchange("GET", "/")
        assert [("Cookie" in seen.headers) for seen in server.seen] == [False, False]


@pytest.mark.parametrize(("size", "limit", "fits"), [(1000, 1000, True), (1001, 1000, False), (300_000, 1000, False)])
def test_an_answer_is_read_up_to_its_bound(size: int, limit: int, fits: bool) -> None:
    with (
        PlainServer(chunks=[b"x" * size]) as server,
        GuardedClient(f"http://127.0.0.1:{server.port}", allow_loopback=True, limit_bytes=limit) as client,
    ):
        if fits:
            assert len(client.exchange("GET", "/").body) == size
        else:
            with pytest.raises(NoAnswer, match="larger than 1000 bytes"):
                client.exchange("GET", "/")


def test_an_answer_that_trickles_is_given_up() -> None:
    with (
        PlainServer(chunks=[b"x"] * 100) as server,
        GuardedClient(f"http://127.0.0.1:{server.port}", allow_loopback=True, whole_seconds=0) as client,
        pytest.raises(NoAnswer, match="longer than 0 seconds"),
    ):
        client.exchange("GET", "/")


def test_a_compressed_bomb_stays_compressed() -> None:
    with PlainServer(headers=[("Content-Encoding", "gzip")], chunks=[b"\x1f\x8b not opened"]) as server:
        with GuardedClient(f"http://127.0.0.1:{server.port}", allow_loopback=True) as client:
            assert client.exchange("GET", "/").body == b"\x1f\x8b not opened"
        assert server.seen[0].headers["Accept-Encoding"] == "identity"


def test_a_shortened_answer_is_no_answer() -> None:
    with PlainServer(headers=[("Content-Length", "100")], chunks=[b"{}"]) as server:
        client = GuardedClient(f"http://127.0.0.1:{server.port}", allow_loopback=True)
        with client, pytest.raises(NoAnswer, match="RemoteProtocolError"):
            client.exchange("GET", "/")


def test_a_name_without_an_address_is_no_answer() -> None:
    def fails(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    for resolve in (fails, Resolver([])):
        client = GuardedClient("https://lms.example.org", resolve=resolve)
        with client, pytest.raises(NoAnswer, match=r"lms\.example\.org"):
            client.exchange("GET", "/")


def test_the_system_s_resolver_gives_each_address_once() -> None:
    assert resolve_host("127.0.0.1", 80) == ["127.0.0.1"]


def test_https_checks_the_certificate_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    serving, trusting = certificate_for("lms.example.org", tmp_path)
    with PlainServer(tls=serving) as server:
        with GuardedClient(
            f"https://lms.example.org:{server.port}",
            allow_loopback=True,
            trust=trusting,
            resolve=Resolver(["127.0.0.1"]),
        ) as client:
            assert client.exchange("GET", "/").status == 200
        assert server.names_asked == ["lms.example.org"]


@pytest.mark.parametrize(("name", "trusted"), [("other.example.org", True), ("lms.example.org", False)])
def test_https_refuses_a_certificate_for_another_name_or_from_a_stranger(
    tmp_path: Path, name: str, trusted: bool
) -> None:
    serving, trusting = certificate_for(name, tmp_path)
    with PlainServer(tls=serving) as server:
        with (
            GuardedClient(
                f"https://lms.example.org:{server.port}",
                allow_loopback=True,
                trust=trusting if trusted else None,
                resolve=Resolver(["127.0.0.1"]),
            ) as client,
            pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.exchange("GET", "/")
        assert server.seen == []
