"""The genuine adapter against the genuine edx-completion package."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.openedx.completion_api import BATCH_PATH, BLOCKS_PATH, CompletionApi
from lms_plugin.adapters.openedx.service_account import OAUTH_PATH
from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    DeliveryAnswer,
    Held,
    HeldAnswer,
    RefusalCode,
    Refused,
    TryLater,
)
from tests.adapters.reporter_contract import (
    COURSE,
    FOREIGN,
    HIDDEN,
    LTI,
    UNIT,
    VIDEO_1,
    VIDEO_2,
    CompletionContract,
    message,
)
from tests.peers.process import OpenEdxPeer

BLOCKS = {VIDEO_1: False, VIDEO_2: False, LTI: False, UNIT: False, HIDDEN: True}
HURRIED_SECONDS = 1.5
TOO_LONG_SECONDS = 60


class PlatformRig:
    course, first, second, nothing = COURSE, VIDEO_1, VIDEO_2, Decimal(0)

    def __init__(self, peer: OpenEdxPeer, client: GuardedClient, hurried_client: GuardedClient) -> None:
        self._peer = peer
        self._client = client
        self.reporter = CompletionApi(client, peer.client_id, peer.client_secret)
        self.hurried = CompletionApi(hurried_client, peer.client_id, peer.client_secret)
        peer.seed(courses={COURSE: BLOCKS})

    def learner(self, *, enrolled: bool = True) -> str:
        username = f"teacher-{uuid.uuid4().hex[:12]}"
        self._peer.seed(users=[username], enrolments=[(username, COURSE)] if enrolled else [])
        return username

    def stored(self, username: str) -> dict[str, float]:
        return {key: ratio for (owner, key), ratio in self._peer.completions().items() if owner == username}

    def switch_tracking(self, *, on: bool) -> None:
        self._peer.seed(tracking=on)

    def break_credentials(self) -> None:
        self.reporter = CompletionApi(self._client, self._peer.client_id, "not the secret")

    def go_down(self) -> None:
        self._peer.kill()

    def come_back(self) -> None:
        self._peer.start()

    def refuse_next(self, status: int, retry_after: str | None = None) -> None:
        self._peer.faults({"kind": "refuse", "status": status, "retry_after": retry_after})

    def answer_next_too_late(self) -> None:
        self._peer.faults({"kind": "slow", "seconds": TOO_LONG_SECONDS, "path": BATCH_PATH})

    def lose_next_answer(self) -> None:
        self._peer.faults({"kind": "lose_answer", "path": BATCH_PATH})


@pytest.fixture
def client(openedx_peer: OpenEdxPeer) -> Iterator[GuardedClient]:
    with GuardedClient(openedx_peer.base_url, allow_loopback=True) as client:
        yield client


@pytest.fixture
def rig(openedx_peer: OpenEdxPeer, client: GuardedClient) -> Iterator[PlatformRig]:
    with GuardedClient(openedx_peer.base_url, allow_loopback=True, read_seconds=HURRIED_SECONDS) as hurried:
        yield PlatformRig(openedx_peer, client, hurried)


def requests_to(peer: OpenEdxPeer, path: str) -> list[int]:
    """The statuses of the requests that reached an address, in order."""
    return [entry["status"] for entry in peer.state()["requests"] if entry["path"] == path]


class TestCompletionApi(CompletionContract):
    """The fixture `rig` of this module, under the contract."""


def test_one_token_serves_many_messages(rig: PlatformRig, openedx_peer: OpenEdxPeer) -> None:
    learner = rig.learner()
    for ratio in ("0.1", "0.2", "0.3"):
        assert rig.reporter.send(message(learner, module1=ratio)) == Acknowledged()
    assert requests_to(openedx_peer, OAUTH_PATH) == [200]
    assert requests_to(openedx_peer, BATCH_PATH) == [200, 200, 200]


def test_threads_share_one_token(rig: PlatformRig, openedx_peer: OpenEdxPeer) -> None:
    learners = [rig.learner() for _ in range(6)]
    with ThreadPoolExecutor(len(learners)) as threads:
        answers = list(threads.map(rig.reporter.send, [message(name, module1="1") for name in learners]))
    assert answers == [Acknowledged()] * len(learners)
    assert requests_to(openedx_peer, OAUTH_PATH) == [200]


@pytest.mark.parametrize(("passed_seconds", "tokens"), [(3539, 1), (3541, 2)])
def test_a_token_is_renewed_a_minute_before_its_hour_ends(
    rig: PlatformRig, openedx_peer: OpenEdxPeer, client: GuardedClient, passed_seconds: int, tokens: int
) -> None:
    clock = [1000.0]
    api = CompletionApi(client, openedx_peer.client_id, openedx_peer.client_secret, monotonic=lambda: clock[0])
    learner = rig.learner()
    api.send(message(learner, module1="0.5"))
    clock[0] += passed_seconds
    assert api.send(message(learner, module1="1")) == Acknowledged()
    assert requests_to(openedx_peer, OAUTH_PATH) == [200] * tokens


def test_a_token_the_platform_no_longer_takes_is_renewed(rig: PlatformRig, openedx_peer: OpenEdxPeer) -> None:
    learner = rig.learner()
    assert rig.reporter.send(message(learner, module1="0.5")) == Acknowledged()
    openedx_peer.restart()  # with a new signing key
    assert rig.reporter.send(message(learner, module1="1")) == Acknowledged()
    assert requests_to(openedx_peer, BATCH_PATH) == [401, 200]
    assert rig.stored(learner) == {VIDEO_1: 1.0}


def test_a_token_refused_for_ever_is_renewed_once_only(rig: PlatformRig, openedx_peer: OpenEdxPeer) -> None:
    learner = rig.learner()
    openedx_peer.faults({"kind": "refuse", "status": 401, "path": BATCH_PATH, "times": 100})
    answer = rig.reporter.send(message(learner, module1="1"))
    assert answer == Refused(RefusalCode.BAD_CREDENTIALS, "Unauthorized")
    assert requests_to(openedx_peer, BATCH_PATH) == [401, 401]


def test_an_account_without_staff_rights_is_not_permitted(
    rig: PlatformRig, openedx_peer: OpenEdxPeer, client: GuardedClient
) -> None:
    plain = {"client_id": "plain", "client_secret": "plain-secret", "owner": "plain", "staff": False}
    openedx_peer.seed(clients=[plain])
    api = CompletionApi(client, "plain", "plain-secret")
    learner = rig.learner()
    for answer in (api.send(message(learner, module1="1")), api.probe(), api.held(learner, COURSE, [VIDEO_1])):
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.NOT_PERMITTED
        assert "permission" in answer.words


@pytest.mark.parametrize("path", [OAUTH_PATH, BATCH_PATH])
@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ({"kind": "refuse", "status": 503, "retry_after": "30"}, TryLater("Service Unavailable", 30)),
        ({"kind": "refuse", "status": 429, "retry_after": "-1"}, TryLater("Too Many Requests", None, is_untaken=True)),
        (
            {"kind": "refuse", "status": 429, "retry_after": "Fri, 01 Mar 2024 08:01:40 GMT"},
            TryLater("Too Many Requests", 100, is_untaken=True),
        ),
        (
            {"kind": "redirect", "location": "https://elsewhere.example.org/"},
            Refused(
                RefusalCode.BAD_ADDRESS,
                "HTTP 302 Found: leads to https://elsewhere.example.org/, not followed",
            ),
        ),
        ({"kind": "flood", "size": 5_000_000}, TryLater("the answer is larger than 4000000 bytes")),
        ({"kind": "lose_answer"}, TryLater("RemoteProtocolError: Server disconnected without sending a response.")),
        ({"kind": "lose_answer", "status": 502}, TryLater("Bad Gateway")),
    ],
)
def test_a_fault_at_the_token_or_at_the_batch_has_the_same_answer(
    rig: PlatformRig,
    openedx_peer: OpenEdxPeer,
    client: GuardedClient,
    path: str,
    fault: dict[str, object],
    answer: DeliveryAnswer,
) -> None:
    now = datetime(2024, 3, 1, 8, 0, tzinfo=UTC)
    api = CompletionApi(client, openedx_peer.client_id, openedx_peer.client_secret, now=lambda: now)
    learner = rig.learner()
    openedx_peer.faults({**fault, "path": path})
    assert api.send(message(learner, module1="1")) == answer
    assert api.send(message(learner, module1="1")) == Acknowledged()
    assert rig.stored(learner) == {VIDEO_1: 1.0}


@pytest.mark.parametrize("path", [OAUTH_PATH, BATCH_PATH, BLOCKS_PATH])
def test_a_maintenance_page_is_never_taken_for_the_platform_s_answer(
    rig: PlatformRig, openedx_peer: OpenEdxPeer, path: str
) -> None:
    learner = rig.learner()
    openedx_peer.faults({"kind": "page", "path": path, "times": 3})
    answers: list[DeliveryAnswer | HeldAnswer] = []
    if path != BATCH_PATH:
        answers.append(rig.reporter.held(learner, COURSE, [VIDEO_1]))
    if path != BLOCKS_PATH:
        answers += [rig.reporter.send(message(learner, module1="1")), rig.reporter.probe()]
    for answer in answers:
        assert isinstance(answer, TryLater)
        assert answer.words.startswith("the answer is not the platform's")
    assert rig.stored(learner) == {}


def test_an_address_below_which_no_platform_lives_is_a_matter_of_configuration(
    rig: PlatformRig, openedx_peer: OpenEdxPeer
) -> None:
    with GuardedClient(f"{openedx_peer.base_url}/courses", allow_loopback=True) as astray:
        api = CompletionApi(astray, openedx_peer.client_id, openedx_peer.client_secret)
        answer = api.send(message(rig.learner(), module1="1"))
    assert answer == Refused(RefusalCode.BAD_ADDRESS, "HTTP 404 Not Found")


def test_only_a_fault_of_a_block_is_looked_for_block_by_block(rig: PlatformRig, openedx_peer: OpenEdxPeer) -> None:
    rig.reporter.send(message(rig.learner(enrolled=False), module1="1", module2="1"))
    assert requests_to(openedx_peer, BATCH_PATH) == [400]


def test_a_platform_that_fails_between_two_blocks_gets_them_all_again(
    rig: PlatformRig, openedx_peer: OpenEdxPeer
) -> None:
    learner = rig.learner()
    blocks = {VIDEO_1: Decimal(1), FOREIGN: Decimal(1), VIDEO_2: Decimal(1)}
    openedx_peer.faults(
        {"kind": "slow", "path": BATCH_PATH, "times": 3},  # the batch, and the first two blocks alone
        {"kind": "refuse", "status": 503, "path": BATCH_PATH},
    )
    assert rig.reporter.send(CompletionMessage(learner, COURSE, blocks)) == TryLater("Service Unavailable")
    assert rig.stored(learner) == {VIDEO_1: 1.0}
    answer = rig.reporter.send(CompletionMessage(learner, COURSE, blocks))
    assert isinstance(answer, Refused)
    assert answer.block_keys == (FOREIGN,)
    assert rig.stored(learner) == {VIDEO_1: 1.0, VIDEO_2: 1.0}


def test_a_block_that_is_not_in_the_course_is_stored_and_only_reading_back_tells(rig: PlatformRig) -> None:
    learner = rig.learner()
    assert rig.reporter.send(message(learner, misspelt="1")) == Acknowledged()
    misspelt = VIDEO_1.replace("module1", "misspelt")
    assert rig.reporter.held(learner, COURSE, [misspelt]) == Held({misspelt: None})


def test_a_request_that_arrives_late_takes_a_completion_down_and_reading_back_tells(
    rig: PlatformRig, openedx_peer: OpenEdxPeer
) -> None:
    learner = rig.learner()
    rig.answer_next_too_late()
    assert isinstance(rig.hurried.send(message(learner, module1="0.5")), TryLater)
    assert rig.reporter.send(message(learner, module1="1")) == Acknowledged()
    openedx_peer.faults()  # the slow request goes on now
    give_up_at = time.monotonic() + 20
    while requests_to(openedx_peer, BATCH_PATH) != [200, 200]:
        assert time.monotonic() < give_up_at, "the late request never arrived"
    assert rig.reporter.held(learner, COURSE, [VIDEO_1]) == Held({VIDEO_1: Decimal("0.5")})


def test_reading_back_asks_only_for_the_kinds_of_block_it_wants(rig: PlatformRig) -> None:
    learner = rig.learner()
    rig.reporter.send(CompletionMessage(learner, COURSE, {VIDEO_1: Decimal(1), LTI: Decimal(1)}))
    assert rig.reporter.held(learner, COURSE, [LTI]) == Held({LTI: Decimal(1)})
    assert rig.reporter.held(learner, COURSE, []) == Held({})


def test_what_is_stored_outlives_a_power_cut_of_the_platform(rig: PlatformRig, openedx_peer: OpenEdxPeer) -> None:
    learner = rig.learner()
    assert rig.reporter.send(message(learner, module1="1")) == Acknowledged()
    openedx_peer.restart()
    assert rig.reporter.held(learner, COURSE, [VIDEO_1]) == Held({VIDEO_1: Decimal(1)})


def test_the_platform_refuses_a_token_signed_by_somebody_else(openedx_peer: OpenEdxPeer) -> None:
    """Guards the test platform itself: one that takes any signature would prove nothing about tokens."""
    form = {
        "grant_type": "client_credentials",
        "client_id": openedx_peer.client_id,
        "client_secret": openedx_peer.client_secret,
        "token_type": "jwt",
    }
    token = httpx.post(f"{openedx_peer.base_url}{OAUTH_PATH}", data=form, trust_env=False).json()["access_token"]
    header, claims, signature = token.split(".")
    forged = f"{header}.{claims}.{signature[:-8][::-1]}{signature[-8:]}"
    for sent, status in [(f"JWT {token}", 400), (f"JWT {forged}", 401), (f"Bearer {token}", 401)]:
        answer = httpx.post(
            f"{openedx_peer.base_url}{BATCH_PATH}",
            json={},
            headers={"Authorization": sent},
            trust_env=False,
        )
        assert answer.status_code == status, sent[:6]
