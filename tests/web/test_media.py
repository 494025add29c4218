"""Films' addresses: whom they let in, and what is recorded when a segment is served."""

import re
from dataclasses import replace
from typing import Any

import pytest

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.intervals import Segments
from lms_plugin.http.media_address import LIFETIME_SECONDS, MediaAddresses, MediaGrant, sign_outside
from lms_plugin.services import deliveries
from tests.application import make_app
from tests.packages import SEGMENT, make_package
from tests.web.stage import HOST, Stage

FILM, OTHER_FILM = "f" * 64, "e" * 64
SEGMENT_NAME = "240p/00001.ts"
KEY = "a-key-shared-with-nginx-and-nobody-else"
ELSEWHERE = "https://films.example.org"


@pytest.fixture(autouse=True)
def films(stage: Stage) -> None:
    for digest in (FILM, OTHER_FILM):
        make_package(stage.app.extensions["lms_plugin"].media_root, digest)


def signed_for(stage: Stage, login: str = "teacher", digest: str = FILM, session: str | None = "s1", **how: Any) -> str:
    media: MediaAddresses = stage.app.extensions["lms_plugin"].media
    return media.grant(stage.users[login], digest, playback_session_id=session, **how)


def recorded(stage: Stage, session: str = "s1", login: str = "teacher") -> Segments:
    with stage.database.reading() as store:
        return deliveries.delivered(store, stage.users[login], session)


def exchange(signed: str, part: int, value: str) -> str:
    parts = signed.split(".")
    parts[part] = value
    return ".".join(parts)


def test_a_served_segment_is_recorded_where_the_address_says_so(stage: Stage) -> None:
    browser, address = stage.browser("teacher"), f"/media/{signed_for(stage, record_deliveries=True)}"
    for name in ("master.m3u8", "240p/index.m3u8", "poster.jpg"):
        assert browser.get(f"{address}/{name}").status_code == 200
    assert recorded(stage) == ()
    assert browser.get(f"{address}/240p/00001.ts").data == SEGMENT
    assert recorded(stage) == ((4000, 8000),)
    assert browser.get(f"{address}/480p/00002.ts").status_code == 200
    assert browser.get(f"{address}/480p/00001.ts").status_code == 200
    assert recorded(stage) == ((4000, 10_042),)
    assert recorded(stage, "s2") == ()


def test_a_served_segment_is_not_recorded_where_the_address_does_not_say_so(stage: Stage) -> None:
    browser = stage.browser("teacher")
    assert browser.get(f"/media/{signed_for(stage)}/{SEGMENT_NAME}").status_code == 200
    assert browser.get(f"/media/{signed_for(stage, session=None)}/{SEGMENT_NAME}").status_code == 200
    assert recorded(stage) == ()


@pytest.mark.parametrize(
    ("headers", "status", "is_recorded"),
    [
        ({"Range": "bytes=0-15"},        206, True),
        ({"Range": "bytes=999999-"},     416, False),
        ({"If-None-Match": "the same"},  304, True),
    ],
)  # fmt: skip
def test_what_counts_as_served(stage: Stage, headers: dict[str, str], status: int, is_recorded: bool) -> None:
    client = stage.browser("teacher").client
    if "If-None-Match" in headers:
        plain = client.get(f"/media/{signed_for(stage)}/{SEGMENT_NAME}", buffered=True)
        headers = {"If-None-Match": plain.headers["ETag"]}
    address = f"/media/{signed_for(stage, record_deliveries=True)}/{SEGMENT_NAME}"
    assert client.head(address, buffered=True).status_code == 200
    assert recorded(stage) == ()
    assert client.get(address, headers=headers, buffered=True).status_code == status
    assert recorded(stage) == (((4000, 8000),) if is_recorded else ())


def test_a_segment_that_is_not_there_is_not_recorded(stage: Stage) -> None:
    browser, address = stage.browser("teacher"), f"/media/{signed_for(stage, record_deliveries=True)}"
    assert browser.get(f"{address}/240p/00003.ts").status_code == 404
    (stage.app.extensions["lms_plugin"].media_root / FILM / "240p" / "00009.ts").write_bytes(b"in no playlist")
    assert browser.get(f"{address}/240p/00009.ts").status_code == 404
    assert recorded(stage) == ()


def test_a_segment_whose_delivery_cannot_be_recorded_is_asked_for_again(stage: Stage) -> None:
    browser, address = stage.browser("teacher"), f"/media/{signed_for(stage, record_deliveries=True)}/{SEGMENT_NAME}"
    with stage.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE segment_deliveries RENAME TO gone")
    answer = browser.get(address)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert SEGMENT not in answer.data
    assert browser.get(f"/media/{signed_for(stage)}/{SEGMENT_NAME}").status_code == 200
    with stage.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO segment_deliveries")
    assert browser.get(address).status_code == 200
    assert recorded(stage) == ((4000, 8000),)


def test_a_film_whose_playlists_are_damaged_is_not_played_for_nothing(stage: Stage) -> None:
    folder = stage.app.extensions["lms_plugin"].media_root / FILM
    (folder / "480p" / "index.m3u8").unlink()
    browser = stage.browser("teacher")
    assert browser.get(f"/media/{signed_for(stage, record_deliveries=True)}/{SEGMENT_NAME}").status_code == 503
    assert browser.get(f"/media/{signed_for(stage)}/{SEGMENT_NAME}").status_code == 200


def test_what_was_not_granted_is_refused_and_not_recorded(stage: Stage) -> None:
    browser = stage.browser("teacher")
    mine = signed_for(stage, record_deliveries=True)
    mates = signed_for(stage, "mate", record_deliveries=True)
    expires = mine.split(".")[3]
    tampered = {
        "a forged signature": exchange(mine, 5, "A" * 43),
        "no signature": mine.rpartition(".")[0],
        "a shortened signature": mine[:-1],
        "the other form under no key": exchange(mine, 5, sign_outside(mine.rpartition(".")[0], "")),
        "another's signature": exchange(mine, 5, mates.split(".")[5]),
        "another user": exchange(mine, 0, str(stage.users["mate"])),
        "the same user, written differently": exchange(mine, 0, f"0{stage.users['teacher']}"),
        "another session": exchange(mine, 1, "s2"),
        "no session": exchange(mine, 1, "-"),
        "a flag taken away": exchange(mine, 2, "-"),
        "a flag added": exchange(signed_for(stage), 2, "r"),
        "an unknown flag": exchange(mine, 2, "x"),
        "a later end": exchange(mine, 3, str(int(expires) + 1)),
        "another film": exchange(mine, 4, OTHER_FILM),
        "no film": exchange(mine, 4, ""),
        "an address in capitals": mine.upper(),
        "what came before": "WzEsImYiXQ.aSTmcg.q1LhZ3dY0dM0dM0dM0dM0dM0dM0",
        "another learner's address": mates,
    }
    answers = {what: browser.get(f"/media/{signed}/{SEGMENT_NAME}").status_code for what, signed in tampered.items()}
    assert answers == dict.fromkeys(tampered, 404)
    assert recorded(stage) == recorded(stage, login="mate") == recorded(stage, "s2") == ()


@pytest.mark.parametrize(
    "name",
    [
        "../" + OTHER_FILM + "/240p/00001.ts",
        "%2e%2e/" + OTHER_FILM + "/240p/00001.ts",
        "..%2f" + OTHER_FILM + "/240p/00001.ts",
        "240p/../../" + OTHER_FILM + "/240p/00001.ts",
        "240p/..%5c00001.ts",
        "/etc/passwd",
        "%2fetc/passwd",
        "240p/00001.ts%00",
        "240p/00001.ts%0a",
        "package.json",
        "240p/",
        "",
    ],
)
def test_no_name_leads_out_of_the_film(stage: Stage, name: str) -> None:
    answer = stage.browser("teacher").get(f"/media/{signed_for(stage, record_deliveries=True)}/{name}")
    assert answer.status_code in {308, 404}
    assert recorded(stage) == ()


def test_an_address_runs_out(stage: Stage) -> None:
    signed = signed_for(stage, record_deliveries=True)
    stage.clock.forward(LIFETIME_SECONDS)
    assert stage.browser("teacher").get(f"/media/{signed}/{SEGMENT_NAME}").status_code == 200
    stage.clock.forward(1)
    assert stage.browser("teacher").get(f"/media/{signed}/240p/00000.ts").status_code == 404
    assert recorded(stage) == ((4000, 8000),)
    media: MediaAddresses = stage.app.extensions["lms_plugin"].media
    assert media.check_past(signed) == MediaGrant(stage.users["teacher"], FILM, "s1", True)


@pytest.mark.parametrize(
    "values",
    [
        (1, FILM, None, True),
        (1, FILM, "-", False),
        (1, FILM, "a.b", False),
        (1, FILM, "s" * 33, False),
        (0, FILM, "s1", False),
        (1, "../" + FILM[3:], "s1", False),
    ],
)
def test_what_cannot_stand_in_an_address_is_not_granted(values: tuple[int, str, str | None, bool]) -> None:
    user_id, digest, session, is_recorded = values
    with pytest.raises(ValueError, match=r"deliveries|means no|cannot stand"):
        MediaAddresses("k" * 40).grant(user_id, digest, playback_session_id=session, record_deliveries=is_recorded)


def test_keys_and_forms_are_not_exchanged() -> None:
    own = MediaAddresses("k" * 40, clock=lambda: 1e9)
    outside = MediaAddresses("k" * 40, outside_key=KEY, clock=lambda: 1e9)
    other = MediaAddresses("k" * 40, outside_key=KEY[::-1], clock=lambda: 1e9)
    signed = outside.grant(7, FILM, playback_session_id="s1", record_deliveries=True)
    assert outside.check(signed) == MediaGrant(7, FILM, "s1", True, is_for_outside=True)
    # Addresses from before the setting stay good; without the key, nothing signed with it is.
    assert outside.check(own.grant(7, FILM)) == MediaGrant(7, FILM)
    for stranger in (own, other, MediaAddresses("K" * 40)):
        with pytest.raises(NotFound):
            stranger.check(signed)
        with pytest.raises(NotFound):
            stranger.check_past(signed)


def elsewhere(stage: Stage, base: str = ELSEWHERE) -> Stage:
    """The same service with its films on another server."""
    shared = stage.app.extensions["lms_plugin"]
    media = MediaAddresses("k" * 40, outside_key=KEY, clock=lambda: stage.clock().timestamp())
    stage.app.extensions["lms_plugin"] = replace(shared, media=media, media_base_url=base)
    return stage


def test_the_film_itself_is_fetched_from_the_other_server(stage: Stage) -> None:
    browser, signed = stage.browser("teacher"), signed_for(elsewhere(stage), record_deliveries=True)
    for name in ("master.m3u8", "240p/index.m3u8", SEGMENT_NAME):
        answer = browser.get(f"/media/{signed}/{name}")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{ELSEWHERE}/media/{signed}/{name}")
        assert answer.headers["Cache-Control"] == "no-store"
    assert browser.get(f"/media/{signed}/poster.jpg").status_code == 200
    assert browser.get(f"/media/{exchange(signed, 2, '-')}/master.m3u8").status_code == 404
    assert recorded(stage) == ()


def test_a_service_that_is_asked_as_the_other_server_sends_and_records(stage: Stage) -> None:
    signed = signed_for(elsewhere(stage, HOST), record_deliveries=True)
    assert stage.browser("teacher").get(f"/media/{signed}/{SEGMENT_NAME}").status_code == 200
    assert recorded(stage) == ((4000, 8000),)


def test_the_page_may_fetch_from_the_other_server_and_no_further(
    stage: Stage, database_url: str, tmp_path: Any
) -> None:
    from lms_plugin.config import read_settings

    settings = {
        "LMS_PLUGIN_SECRET_KEY": "k" * 40,
        "LMS_PLUGIN_DATABASE_URL": database_url,
        "LMS_PLUGIN_DATA_DIR": str(tmp_path),
        "LMS_PLUGIN_MEDIA_BASE_URL": f"{ELSEWHERE}/",
        "LMS_PLUGIN_MEDIA_KEY": KEY,
    }
    app = make_app(read_settings(settings))
    policies = [one.test_client().get("/login").headers["Content-Security-Policy"] for one in (stage.app, app)]
    app.extensions["lms_plugin"].database.dispose()
    own, other = ({part.split()[0]: part.split()[1:] for part in policy.split("; ")} for policy in policies)
    assert {name: sorted(set(other[name]) - set(own[name])) for name in other if other[name] != own[name]} == {
        "media-src": [ELSEWHERE],
        "connect-src": [ELSEWHERE],
    }


def test_a_playback_session_gets_an_address_of_its_own(stage: Stage) -> None:
    opened = stage.browser("teacher").call(
        "POST", f"/api/v1/videos/{stage.video_id}/playback-sessions", {"enrolment_id": stage.enrolment_id}
    )
    found = re.fullmatch(r"/media/([^/]+)/master\.m3u8", opened.json["manifest_url"])
    assert found is not None
    grant = stage.app.extensions["lms_plugin"].media.check(found[1])
    assert (grant.user_id, grant.digest) == (stage.users["teacher"], stage.digest)
    assert grant.playback_session_id == opened.json["id"]
