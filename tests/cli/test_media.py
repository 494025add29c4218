"""Access logs of the server that sends the films are read in: once counted, however often they are read."""

import gzip
import io
import sys
from pathlib import Path

import pytest

from lms_plugin.domain.intervals import Segments
from lms_plugin.http.media_address import LIFETIME_SECONDS, MediaAddresses
from lms_plugin.services import deliveries
from lms_plugin.storage.session import Database
from tests.cli.conftest import Run
from tests.packages import make_package

KEY = "a-key-shared-with-nginx-and-nobody-else"
FILM = "f" * 64
LONG_AGO = 1_600_000_000


@pytest.fixture
def film(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LMS_PLUGIN_MEDIA_BASE_URL", "https://films.example.org")
    monkeypatch.setenv("LMS_PLUGIN_MEDIA_KEY", KEY)
    return make_package(tmp_path / "data" / "media", FILM).digest


def signed(user_id: int = 7, session: str = "s1", *, key: str = KEY, recorded: bool = True, film: str = FILM) -> str:
    addresses = MediaAddresses("k" * 40, outside_key=key, clock=lambda: LONG_AGO)
    return addresses.grant(user_id, film, playback_session_id=session, record_deliveries=recorded)


def line(grant: str, name: str = "240p/00000.ts", status: int = 200, size: int = 1600, method: str = "GET") -> str:
    return f'- - - [24/Nov/2026:20:00:00 +0800] "{method} /media/{grant}/{name} HTTP/1.1" {status} {size}'


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    return path


def served(database: Database, user_id: int = 7, session: str = "s1") -> Segments:
    with database.reading() as store:
        return deliveries.delivered(store, user_id, session)


def test_a_log_is_read_in_and_can_be_read_again(run: Run, film: str, database: Database, tmp_path: Path) -> None:
    assert LIFETIME_SECONDS < 10**6  # the addresses of these logs have long run out
    log = write(
        tmp_path / "films.log",
        line(signed(), "master.m3u8"),
        line(signed(), "240p/index.m3u8"),
        line(signed(), "240p/00000.ts"),
        line(signed(), "480p/00001.ts", 206, 100) + ' "https://hours.example.org/" "Mozilla/5.0"',
        line(signed(session="s2"), "240p/00002.ts", 304, 0),
        line(signed(8), "240p/00000.ts?x=1"),
        line(signed(), "480p/00000.ts"),
    )
    assert run("media", "read-log", log) == (
        0, "7 lines: 5 deliveries, 4 of them new, for 3 playback sessions\n", ""
    )  # fmt: skip
    assert served(database) == ((0, 8000),)
    assert served(database, session="s2") == ((8000, 10_042),)
    assert served(database, 8) == ((0, 4000),)
    with log.open("a") as file:
        file.write(line(signed(), "240p/00002.ts") + "\n")
    assert run("media", "read-log", log)[1] == "8 lines: 6 deliveries, 1 of them new, for 1 playback sessions\n"
    assert run("media", "read-log", log, log)[1] == "16 lines: 12 deliveries, 0 of them new, for 0 playback sessions\n"
    assert served(database) == ((0, 10_042),)


def test_what_was_not_served_or_not_to_be_recorded_is_passed_over(
    run: Run, film: str, database: Database, tmp_path: Path
) -> None:
    log = write(
        tmp_path / "films.log",
        *(line(signed(), status=status) for status in (301, 403, 404, 410, 416, 499, 500)),
        line(signed(), method="HEAD", size=0),
        line(signed(), size=0),
        line(signed(recorded=False)),
        line(signed(key="another" * 8), status=404),
        '- - - [now] "GET /favicon.ico HTTP/1.1" 404 0',
        '- - - [now] "\\x16\\x03\\x01" 400 0',
    )
    assert run("media", "read-log", log) == (0, "13 lines: 0 deliveries, 0 of them new, for 0 playback sessions\n", "")
    assert served(database) == ()


def test_what_cannot_be_used_is_counted_and_named(run: Run, film: str, database: Database, tmp_path: Path) -> None:
    parts = signed().split(".")
    log = write(
        tmp_path / "films.log",
        line(signed(key="another" * 8)),
        line(".".join([*parts[:1], "s2", *parts[2:]])),
        line(".".join(["8", *parts[1:]])),
        line(".".join([*parts[:5], "A" * 22])),
        "garbage \x1b[31m",
        "x" * 200_000,
        "",
        line(signed(), "240p/00009.ts"),
        line(signed(film="0" * 64)),
        line(signed(), "240p/00001.ts"),
    )
    status, out, err = run("media", "read-log", log)
    assert (status, out) == (0, "10 lines: 1 deliveries, 1 of them new, for 1 playback sessions\n")
    assert "left out: 4 lines whose address is forged" in err
    assert "left out: 3 lines in neither the common nor the combined format" in err
    assert "left out: 2 lines about a segment that is not in the media folder" in err
    assert [f"{log}:{number}: " in err for number in range(1, 11)] == [True] * 9 + [False]
    assert "\x1b" not in err
    assert served(database) == ((4000, 8000),)
    assert served(database, session="s2") == served(database, 8) == ()


def test_a_thousand_bad_lines_are_not_all_named(run: Run, film: str, tmp_path: Path) -> None:
    err = run("media", "read-log", write(tmp_path / "films.log", *["garbage"] * 1000))[2]
    assert "left out: 1000 lines" in err
    assert len(err.splitlines()) == 21


def test_packed_logs_are_read_and_a_damaged_one_up_to_the_damage(
    run: Run, film: str, database: Database, tmp_path: Path
) -> None:
    packed = gzip.compress("".join(f"{line(signed(), f'240p/0000{n}.ts')}\n" for n in (0, 1)).encode())
    whole, cut, empty = tmp_path / "films.log.2.gz", tmp_path / "films.log.3", tmp_path / "films.log"
    whole.write_bytes(packed)
    cut.write_bytes(packed[:-9])
    empty.write_bytes(b"")
    status, out, err = run("media", "read-log", cut, empty, whole)
    assert (status, "2 of them new" in out) == (0, True)
    assert "left out: 1 files that cannot be read to their end" in err
    assert served(database) == ((0, 8000),)
    assert run("media", "read-log", tmp_path / "none.log")[0] == 2


def test_a_log_comes_through_standard_input(
    run: Run, film: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (f"{line(signed())}\n".encode(), gzip.compress(f"{line(signed(), '240p/00001.ts')}\n".encode())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
        assert "1 of them new" in run("media", "read-log", "-")[1]
    assert served(database) == ((0, 8000),)


def test_a_damaged_film_is_named(run: Run, film: str, database: Database, tmp_path: Path) -> None:
    (tmp_path / "data" / "media" / FILM / "poster.jpg").unlink()
    err = run("media", "read-log", write(tmp_path / "films.log", line(signed())))[2]
    assert "left out: 1 lines about a film whose folder is damaged" in err
    assert "poster.jpg is missing" in err
    assert served(database) == ()
