"""A real nginx with the server block that docs/operations.md gives: what it sends, refuses and logs."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_plugin.domain.intervals import Segments
from lms_plugin.http.media_address import LIFETIME_SECONDS, MediaAddresses
from lms_plugin.services import deliveries
from lms_plugin.storage.session import Database
from tests.cli.conftest import Run
from tests.nginx import PROGRAM, Nginx, documented_nginx
from tests.packages import SEGMENT, make_package

KEY = "a-key-shared-with-nginx-and-nobody-else"
PAGE = "https://hours.example.org"
FILM, OTHER_FILM = "f" * 64, "e" * 64
SEGMENT_NAME = "240p/00001.ts"

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed")


@pytest.fixture
def media_root(tmp_path: Path) -> Path:
    for digest in (FILM, OTHER_FILM):
        make_package(tmp_path / "data" / "media", digest)
    return tmp_path / "data" / "media"


@pytest.fixture
def nginx(media_root: Path, tmp_path: Path) -> Iterator[Nginx]:
    with documented_nginx(tmp_path, media_root, key=KEY, page=PAGE) as running:
        yield running


def signed(session: str = "s1", *, key: str = KEY, digest: str = FILM, ago: int = 0, recorded: bool = True) -> str:
    addresses = MediaAddresses("k" * 40, outside_key=key, clock=lambda: time.time() - ago)
    return addresses.grant(7, digest, playback_session_id=session, record_deliveries=recorded)


def exchange(part: int, value: str) -> str:
    parts = signed().split(".")
    parts[part] = value
    return ".".join(parts)


def served(database: Database, session: str = "s1") -> Segments:
    with database.reading() as store:
        return deliveries.delivered(store, 7, session)


@pytest.fixture
def read_log(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LMS_PLUGIN_MEDIA_BASE_URL", "https://films.example.org")
    monkeypatch.setenv("LMS_PLUGIN_MEDIA_KEY", KEY)
    return lambda *arguments: run("media", "read-log", *arguments)


def test_films_are_sent_and_the_log_says_so(nginx: Nginx, read_log: Run, database: Database) -> None:
    kinds = {
        "master.m3u8": "application/vnd.apple.mpegurl",
        "480p/index.m3u8": "application/vnd.apple.mpegurl",
        "240p/00000.ts": "video/mp2t",
    }
    for name, kind in kinds.items():
        answer = nginx.get(f"/media/{signed()}/{name}")
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Cache-Control"] == "private, max-age=3600"
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.body == SEGMENT

    part = nginx.get(f"/media/{signed()}/{SEGMENT_NAME}", Range="bytes=2-6")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"media", f"bytes 2-6/{len(SEGMENT)}")
    assert nginx.get(f"/media/{signed('s2')}/240p/00000.ts", If_None_Match=answer.headers["ETag"]).status == 304
    assert nginx.get(f"/media/{signed('s3', recorded=False)}/{SEGMENT_NAME}").status == 200
    assert nginx.get(f"/media/{signed('s3')}/{SEGMENT_NAME}", "HEAD").status == 200

    log = nginx.logged(lines=7)
    assert "127.0.0.1" not in log.read_text()
    said = "7 lines: 3 deliveries, {} of them new, for {} playback sessions\n"
    assert read_log(log) == (0, said.format(3, 2), "")
    assert served(database) == ((0, 8000),)
    assert served(database, "s2") == ((0, 4000),)
    assert served(database, "s3") == ()
    assert read_log(log) == (0, said.format(0, 0), "")


def test_what_was_not_granted_is_refused(nginx: Nginx, read_log: Run, database: Database) -> None:
    refused = {
        "a forged signature": (exchange(5, "A" * 22), 404),
        "another key": (signed(key=KEY[::-1]), 404),
        "the form of the service itself": (MediaAddresses("k" * 40).grant(7, FILM), 404),
        "no signature": (signed().rpartition(".")[0], 404),
        "another user": (exchange(0, "8"), 404),
        "another session": (exchange(1, "s9"), 404),
        "a flag taken away": (exchange(2, "-"), 404),
        "a later end": (exchange(3, str(int(time.time()) + 10**6)), 404),
        "another film": (exchange(4, OTHER_FILM), 404),
        "an expired address": (signed(ago=LIFETIME_SECONDS + 5), 410),
    }
    found = {}
    for what, (grant, _) in refused.items():
        answer = nginx.get(f"/media/{grant}/{SEGMENT_NAME}")
        found[what] = answer.status
        assert SEGMENT not in answer.body
    assert found == {what: status for what, (_, status) in refused.items()}
    # A player on another host can tell an address that has run out from a line that is down.
    assert nginx.get(f"/media/{exchange(5, 'A' * 22)}/a/index.m3u8").headers["Access-Control-Allow-Origin"] == PAGE

    status, out, err = read_log(nginx.log)
    assert (status, err) == (0, "")
    assert ": 0 deliveries," in out
    assert served(database) == served(database, "s9") == ()


@pytest.mark.parametrize(
    "name",
    [
        f"../{OTHER_FILM}/240p/00001.ts",
        f"%2e%2e/{OTHER_FILM}/240p/00001.ts",
        f"240p/../../{OTHER_FILM}/240p/00001.ts",
        f"240p/..%2f..%2f{OTHER_FILM}%2f240p/00001.ts",
        "../../../../etc/passwd",
        "240p/00001.ts%00",
        "package.json",
        "poster.jpg",
        "240p/",
        "",
        "240p/00001.ts/..",
    ],
)
def test_no_name_leads_out_of_the_film(nginx: Nginx, name: str) -> None:
    answer = nginx.get(f"/media/{signed()}/{name}")
    assert answer.status in {400, 404}
    assert SEGMENT not in answer.body


def test_a_request_that_names_a_segment_otherwise_is_not_counted(
    nginx: Nginx, read_log: Run, database: Database
) -> None:
    """What nginx tidies up before it looks is not tidied up in its log."""
    for path in (
        f"/media/{signed()}/240p/0000%31.ts",
        f"/media//{signed()}/{SEGMENT_NAME}",
        f"/media/{signed()}/480p/../{SEGMENT_NAME}",
        f"/media/{exchange(5, 'A' * 22)}/../{signed()}/{SEGMENT_NAME}",
    ):
        assert nginx.get(path).status == 200
    assert nginx.get(f"/media/{signed()}/480p/../../{exchange(1, 's9')}/{SEGMENT_NAME}").status == 404
    assert nginx.get(f"/?x=/media/{signed()}/{SEGMENT_NAME}").status == 404
    status, out, _ = read_log(nginx.logged(lines=5))
    assert (status, ": 0 deliveries," in out) == (0, True)
    assert served(database) == served(database, "s9") == ()
