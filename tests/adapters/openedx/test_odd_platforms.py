"""Platforms whose answers the genuine packages never give: other releases, proxies, mistakes of configuration."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.openedx.completion_api import BATCH_PATH, CompletionApi
from lms_plugin.adapters.openedx.service_account import OAUTH_PATH
from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    DeliveryAnswer,
    RefusalCode,
    Refused,
    TryLater,
)
from tests.adapters.openedx.plain_server import PlainServer
from tests.adapters.reporter_contract import COURSE, FOREIGN, VIDEO_1, VIDEO_2

SECRET = "a-secret-nobody-may-read"
TOKEN = {"access_token": "a.b.c", "token_type": "JWT", "expires_in": 3600}
STORED = (200, b'{"detail": "ok"}')
BOTH = CompletionMessage("teacher1", COURSE, {VIDEO_1: Decimal(1), VIDEO_2: Decimal(1)})


def said(status: int, **body: object) -> tuple[int, bytes]:
    return status, json.dumps(body).encode()


@pytest.fixture
def platform() -> Iterator[PlainServer]:
    with PlainServer(scripts={OAUTH_PATH: [said(200, **TOKEN)], BATCH_PATH: [STORED]}) as server:
        yield server


@pytest.fixture
def api(platform: PlainServer) -> Iterator[CompletionApi]:
    with GuardedClient(f"http://127.0.0.1:{platform.port}", allow_loopback=True) as client:
        yield CompletionApi(client, "lms-plugin", SECRET)


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        (TOKEN, Acknowledged()),
        ({**TOKEN, "token_type": "jwt"}, Acknowledged()),
        ({**TOKEN, "expires_in": None}, Acknowledged()),
        (
            {**TOKEN, "token_type": "Bearer"},
            Refused(RefusalCode.BAD_CREDENTIALS, "the platform gave a token of type Bearer where a JWT was asked for"),
        ),
        ({**TOKEN, "access_token": "a\r\nHost: evil"}, TryLater("the answer is not the platform's: it has no token")),
        ({**TOKEN, "access_token": ""}, TryLater("the answer is not the platform's: it has no token")),
        ({**TOKEN, "access_token": 7}, TryLater("the answer is not the platform's: it has no token")),
    ],
)
def test_only_a_jwt_is_used_as_a_token(
    platform: PlainServer, api: CompletionApi, token: dict[str, object], answer: DeliveryAnswer
) -> None:
    platform.scripts[OAUTH_PATH] = [said(200, **token)]
    assert api.send(BOTH) == answer


@pytest.mark.parametrize(("expires_in", "tokens"), [(3600, 1), (None, 1), (0, 1), ("soon", 1), (0.001, 2)])
def test_a_token_without_a_sensible_end_is_kept_for_a_few_minutes(
    platform: PlainServer, api: CompletionApi, expires_in: object, tokens: int
) -> None:
    platform.scripts[OAUTH_PATH] = [said(200, **{**TOKEN, "expires_in": expires_in})]
    for _ in range(2):
        assert api.send(BOTH) == Acknowledged()
    assert [seen.path for seen in platform.seen].count(OAUTH_PATH) == tokens


def test_a_batch_that_only_its_parts_are_welcome_from_is_stored_in_parts(
    platform: PlainServer, api: CompletionApi
) -> None:
    platform.scripts[BATCH_PATH] = [said(400, detail="一次只能提交一个"), STORED]
    assert api.send(BOTH) == Acknowledged()
    assert [seen.path for seen in platform.seen].count(BATCH_PATH) == 3


def test_refusals_in_words_we_do_not_know_still_name_their_block(platform: PlainServer, api: CompletionApi) -> None:
    platform.scripts[BATCH_PATH] = [said(400, detail="一个错误"), STORED, said(400, detail="不存在")]
    message = CompletionMessage("teacher1", COURSE, {VIDEO_1: Decimal(1), FOREIGN: Decimal(1)})
    assert api.send(message) == Refused(RefusalCode.REJECTED, "不存在", (FOREIGN,))


def test_a_switch_turned_off_between_two_blocks_ends_the_search(platform: PlainServer, api: CompletionApi) -> None:
    off = said(400, detail="... when the feature is disabled.")
    platform.scripts[BATCH_PATH] = [said(400, detail="Invalid block key: x"), STORED, off]
    assert api.send(BOTH) == Refused(RefusalCode.TRACKING_DISABLED, "... when the feature is disabled.")


def test_an_address_inside_this_network_is_a_matter_of_configuration() -> None:
    with GuardedClient("https://lms.example.org", resolve=lambda host, port: ["10.0.0.1"]) as client:
        api = CompletionApi(client, "lms-plugin", SECRET)
        for answer in (api.send(BOTH), api.probe(), api.held("teacher1", COURSE, [VIDEO_1])):
            assert answer == Refused(RefusalCode.BAD_ADDRESS, "lms.example.org: not_public")


def test_neither_secret_nor_token_is_in_what_could_be_logged(platform: PlainServer, api: CompletionApi) -> None:
    platform.scripts[BATCH_PATH] = [said(401, detail="Invalid token.")]
    shown = f"{api!r} {vars(api)!r} {api.send(BOTH)!r}"
    assert SECRET not in shown
    assert "a.b.c" not in shown
