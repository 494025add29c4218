"""The adapter for record stores against a store in a process of its own, which takes only what ralph's models take."""

import itertools
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from lms_plugin.adapters.guarded_http import GuardedClient
from lms_plugin.adapters.xapi.lrs import AT_ONCE, RecordStore
from lms_plugin.adapters.xapi.statements import Installation, standing_statement
from lms_plugin.domain.programme import Text
from lms_plugin.services.experience import Experience, Named, Standing
from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    Held,
    RefusalCode,
    Refused,
    TryLater,
)
from tests.adapters.reporter_contract import COURSE, FOREIGN, NONSENSE, VIDEO_1, VIDEO_2, ReporterContract, message
from tests.builders import NOW
from tests.peers.xapi.process import RecordStorePeer

HERE = Installation("https://hours.example.org")
HURRIED_SECONDS = 1.5
TOO_LONG_SECONDS = 60
PROGRAMME = Named("rural", Text("农村教师远程培训", "Remote training of rural teachers"))
UNKNOWN = (FOREIGN, NONSENSE)


class Stored:
    """What is stored here, as a message says it: the contract's blocks are modules, each ratio another moment."""

    def __init__(self) -> None:
        self._ratios: dict[tuple[str, str], Decimal] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._count = itertools.count(1)

    def owe(self, login: str, blocks: dict[str, Decimal]) -> None:
        for block_key, ratio in blocks.items():
            self._ratios[login, block_key] = ratio
            self._numbers.setdefault((login, block_key), next(self._count))

    def read(self, login: str, _programme_key: str, block_keys: Sequence[str]) -> Experience:
        known = [key for key in block_keys if key not in UNKNOWN]
        lacking = {key: f"nothing of {key} is owed" for key in block_keys if key in UNKNOWN}
        return Experience(login, tuple(self._standing(login, key) for key in known), lacking)

    def _standing(self, login: str, block_key: str) -> Standing:
        ratio = self._ratios.get((login, block_key), Decimal(0))
        return Standing(
            block_key=block_key,
            report_id=self._numbers.get((login, block_key), 0),
            enrolment_id=self._numbers.get((login, block_key), 0),
            programme=PROGRAMME,
            module=Named(block_key.rpartition("@")[2], Text("模块", "A module")),
            ratio=ratio,
            at=NOW + timedelta(seconds=int(min(max(ratio, Decimal(0)), Decimal(1)) * 10_000)),
            spent_ms=90_000,
        )


class Telling:
    """A reporter that is owed what it is sent, as the outbox owes before it sends."""

    def __init__(self, reporter: RecordStore, stored: Stored) -> None:
        self._reporter = reporter
        self._stored = stored
        self.held, self.probe = reporter.held, reporter.probe

    def send(self, sent: CompletionMessage) -> Acknowledged | Refused | TryLater:
        self._stored.owe(sent.username, dict(sent.blocks))
        return self._reporter.send(sent)


class StoreRig:
    course, first, second = COURSE, VIDEO_1, VIDEO_2
    nothing: Decimal | None = Decimal(0)

    def __init__(self, peer: RecordStorePeer, client: GuardedClient, hurried_client: GuardedClient) -> None:
        self._peer = peer
        self._client = client
        self._stored = Stored()
        self.reporter = self._telling(client, peer.client_secret)
        self.hurried = self._telling(hurried_client, peer.client_secret)

    def _telling(self, client: GuardedClient, secret: str) -> Telling:
        store = RecordStore(
            client,
            self._peer.client_id,
            secret,
            base_path=urlsplit(self._peer.base_url).path,
            here=HERE,
            read=self._stored.read,
        )
        return Telling(store, self._stored)

    def learner(self, *, enrolled: bool = True) -> str:
        return f"teacher-{uuid.uuid4().hex[:12]}"

    def stored(self, username: str) -> dict[str, float]:
        """The highest of what the store has, by block."""
        ratios: dict[str, float] = {}
        for one in self._peer.statements(username):
            name = one["object"]["id"].rpartition("/")[2]
            block_key = f"block-v1:Gansu+PD101+2024+type@video+block@{name}"
            ratios[block_key] = max(ratios.get(block_key, 0), one["result"]["score"]["scaled"])
        return ratios

    def break_credentials(self) -> None:
        self.reporter = self._telling(self._client, "not the secret")

    def go_down(self) -> None:
        self._peer.kill()

    def come_back(self) -> None:
        self._peer.start()

    def refuse_next(self, status: int, retry_after: str | None = None) -> None:
        self._peer.faults({"kind": "refuse", "status": status, "retry_after": retry_after})

    def answer_next_too_late(self) -> None:
        self._peer.faults({"kind": "slow", "seconds": TOO_LONG_SECONDS, "path": "/data/xAPI/statements"})

    def lose_next_answer(self) -> None:
        self._peer.faults({"kind": "lose_answer", "path": "/data/xAPI/statements"})


@pytest.fixture
def client(record_store: RecordStorePeer) -> Iterator[GuardedClient]:
    with GuardedClient(record_store.base_url, allow_loopback=True) as client:
        yield client


@pytest.fixture
def rig(record_store: RecordStorePeer, client: GuardedClient) -> Iterator[StoreRig]:
    with GuardedClient(record_store.base_url, allow_loopback=True, read_seconds=HURRIED_SECONDS) as hurried:
        yield StoreRig(record_store, client, hurried)


class TestRecordStore(ReporterContract):
    """The contract, but for one promise: a store forgets nothing, so that a lower ratio never replaces a higher."""

    test_a_lower_ratio_replaces_a_higher_one_so_the_sender_must_keep_the_maximum = None

    def test_a_lower_ratio_leaves_a_higher_one_standing(self, rig: StoreRig) -> None:
        learner = rig.learner()
        rig.reporter.send(message(learner, module1="0.9"))
        assert rig.reporter.send(message(learner, module1="0.2")) == Acknowledged()
        assert rig.stored(learner) == {VIDEO_1: 0.9}

    def test_a_wrong_secret_is_a_matter_of_configuration(self, rig: StoreRig) -> None:
        learner = rig.learner()
        rig.break_credentials()
        answer = rig.reporter.send(message(learner, module1="1"))
        assert answer == Refused(RefusalCode.BAD_CREDENTIALS, "the credentials are wrong")
        assert rig.stored(learner) == {}


class TestWriting:
    def test_a_block_that_nobody_owes_is_named(self, rig: StoreRig) -> None:
        learner = rig.learner()
        answer = rig.reporter.send(CompletionMessage(learner, COURSE, {VIDEO_1: Decimal(1), FOREIGN: Decimal(1)}))
        assert isinstance(answer, Refused)
        assert (answer.code, answer.block_keys) == (RefusalCode.UNKNOWN_BLOCK, (FOREIGN,))

    def test_another_statement_under_the_same_id_counts_as_told(
        self, rig: StoreRig, record_store: RecordStorePeer
    ) -> None:
        learner = rig.learner()
        rig.reporter.send(message(learner, module1="0.5"))
        (statement,) = record_store.statements(learner)
        record_store.reset()
        changed = {key: statement[key] for key in ("id", "actor", "verb", "object", "result", "context")}
        record_store.put(changed | {"timestamp": "2020-01-01T00:00:00Z"})
        blocks = {VIDEO_1: Decimal("0.5"), VIDEO_2: Decimal("0.5")}
        assert rig.reporter.send(CompletionMessage(learner, COURSE, blocks)) == Acknowledged()
        assert [status for _, _, status in record_store.requests()] == [200, 409, 200]
        assert rig.stored(learner) == {VIDEO_1: 0.5, VIDEO_2: 0.5}

    def test_a_403_concerns_the_whole_store(self, rig: StoreRig, record_store: RecordStorePeer) -> None:
        record_store.faults({"kind": "refuse", "status": 403})
        answer = rig.reporter.send(message(rig.learner(), module1="1", module2="1"))
        assert answer == Refused(RefusalCode.NOT_PERMITTED, "Forbidden")
        assert len(record_store.requests()) == 1

    def test_a_statement_that_is_refused_is_that_block_s_matter(
        self, rig: StoreRig, record_store: RecordStorePeer
    ) -> None:
        record_store.faults({"kind": "refuse", "status": 400})
        learner = rig.learner()
        answer = rig.reporter.send(message(learner, module1="1", module2="0.5"))
        assert answer == Refused(RefusalCode.REJECTED, "Bad Request", (VIDEO_1,))
        assert rig.stored(learner) == {VIDEO_2: 0.5}

    @pytest.mark.parametrize("fault", [{"kind": "page"}, {"kind": "redirect", "location": "https://elsewhere.org"}])
    def test_an_answer_that_is_no_store_s_is_no_acknowledgement(
        self, rig: StoreRig, record_store: RecordStorePeer, fault: dict[str, object]
    ) -> None:
        record_store.faults(fault)
        assert not isinstance(rig.reporter.send(message(rig.learner(), module1="1")), Acknowledged)
        record_store.faults(fault)
        assert not isinstance(rig.reporter.probe(), Acknowledged)


class TestReadingBack:
    def test_what_is_held_is_the_most_of_what_was_told(self, rig: StoreRig) -> None:
        learner = rig.learner()
        for ratio in ("0.2", "0.6"):
            rig.reporter.send(message(learner, module1=ratio))
        assert rig.reporter.held(learner, COURSE, [VIDEO_1, FOREIGN]) == Held({VIDEO_1: Decimal("0.6"), FOREIGN: None})

    def test_it_is_looked_for_on_every_page(self, rig: StoreRig, record_store: RecordStorePeer) -> None:
        record_store.limits(page=2)
        learner = rig.learner()
        for number in range(1, 8):
            rig.reporter.send(message(learner, module1=f"0.{number}"))
        rig.reporter.send(message(rig.learner(), module1="0.99"))
        lost = rig.reporter
        lost._stored.owe(learner, {VIDEO_1: Decimal("0.9")})  # owed, and never sent
        assert lost.held(learner, COURSE, [VIDEO_1]) == Held({VIDEO_1: Decimal("0.7")})
        assert [path for _, path, _ in record_store.requests()].count("/statements") == 8 + 1 + 4

    def test_a_store_without_about_that_lists_one_statement_is_one_too(
        self, rig: StoreRig, record_store: RecordStorePeer
    ) -> None:
        """As Ralph is."""
        record_store.faults({"kind": "refuse", "status": 404, "path": "/data/xAPI/about"})
        record_store.limits(lists_one=1)
        learner = rig.learner()
        assert rig.reporter.probe() == Acknowledged()
        rig.reporter.send(message(learner, module1="0.5"))
        assert rig.reporter.held(learner, COURSE, [VIDEO_1]) == Held({VIDEO_1: Decimal("0.5")})
        assert len(record_store.requests()) == 4

    def test_a_store_of_another_version_is_none(self, rig: StoreRig, record_store: RecordStorePeer) -> None:
        record_store.faults({"kind": "page", "path": "/data/xAPI/about"})
        answer = rig.reporter.probe()
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.BAD_ADDRESS

    def test_a_store_that_is_reached_at_another_path_is_not_there(
        self, rig: StoreRig, record_store: RecordStorePeer
    ) -> None:
        with GuardedClient(f"{record_store.origin}/nothing", allow_loopback=True) as client:
            store = RecordStore(
                client, "key", "secret", base_path="/nothing", here=HERE, read=lambda *_: Experience("x", ())
            )
            answer = store.probe()
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.BAD_ADDRESS


def test_a_store_that_takes_few_at_once_gets_few(record_store: RecordStorePeer, client: GuardedClient) -> None:
    """413 halves an array until it is taken; so does nothing else that the store stores twice."""
    standings = [
        Standing(str(number), number, 1, PROGRAMME, Named(f"m{number}", Text("模块", "Module")), Decimal(1), NOW, 1000)
        for number in range(9)
    ]
    store = RecordStore(
        client,
        record_store.client_id,
        record_store.client_secret,
        base_path="",
        here=HERE,
        read=lambda *_: Experience("teacher", tuple(standings)),
    )
    record_store.limits(most_at_once=2)
    statements = [standing_statement(HERE, "teacher", one) for one in standings]
    assert store._told(statements) is None
    assert sorted(one["id"] for one in record_store.statements()) == sorted(one["id"] for one in statements)
    assert len(statements) < AT_ONCE
    assert 413 in [status for _, _, status in record_store.requests()]
