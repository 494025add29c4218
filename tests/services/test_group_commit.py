"""Group commit: everybody is answered once, with their own result, and nobody sleeps on."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from lms_plugin.services.group_commit import MOST_AT_ONCE, GroupCommit

THREADS = 64
ITEMS_EACH = 1000
WORK_SECONDS = 0.0003
WAIT_SECONDS = 60


class Bad(Exception):
    """The fault of one item."""


class AllBad(Exception):
    """The fault of a whole batch."""


class Bench:
    """Work that doubles numbers and keeps a record of its batches; `hold` makes a batch last until it is let go."""

    def __init__(self, seconds: float = 0) -> None:
        self._seconds = seconds
        self.batches: list[list[int]] = []
        self.at_work = 0
        self.most_at_work = 0
        self.arrived = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, items: Sequence[int]) -> list[int | BaseException]:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        self.batches.append(list(items))
        self.arrived.release()
        assert self.go_on.wait(WAIT_SECONDS)
        time.sleep(self._seconds)
        self.at_work -= 1
        return [Bad(item) if item < 0 else 2 * item for item in items]

    @property
    def done(self) -> list[int]:
        return [item for batch in self.batches for item in batch]


def outcome(group: GroupCommit[int, int], item: int) -> int | BaseException:
    try:
        return group.do(item)
    except Exception as fault:
        return fault


def held_first(bench: Bench, group: GroupCommit[int, int], pool: ThreadPoolExecutor) -> Callable[[], int]:
    """A first item whose batch lasts: whoever comes meanwhile waits."""
    bench.go_on.clear()
    first = pool.submit(group.do, 0)
    assert bench.arrived.acquire(timeout=WAIT_SECONDS)
    return lambda: first.result(WAIT_SECONDS)


def wait_for_queue(group: GroupCommit[int, int], length: int) -> None:
    ready = threading.Event()
    for _ in range(int(WAIT_SECONDS / 0.005)):
        if len(group._queue) == length:
            return
        ready.wait(0.005)
    raise AssertionError(f"{len(group._queue)} wait instead of {length}")


def test_alone_one_waits_for_nobody() -> None:
    bench = Bench()
    group = GroupCommit(bench)
    assert [group.do(item) for item in (1, 2, 3)] == [2, 4, 6]
    assert bench.batches == [[1], [2], [3]]


def test_a_fault_goes_to_its_own_item() -> None:
    bench = Bench()
    group = GroupCommit(bench)
    with ThreadPoolExecutor(8) as pool:
        first = held_first(bench, group, pool)
        others = {item: pool.submit(outcome, group, item) for item in (1, -2, 3, -4, 5)}
        wait_for_queue(group, 5)
        bench.go_on.set()
        assert first() == 0
        found = {item: one.result(WAIT_SECONDS) for item, one in others.items()}
    assert len(bench.batches) == 2
    assert {item: found[item] for item in (1, 3, 5)} == {1: 2, 3: 6, 5: 10}
    assert [repr(found[item]) for item in (-2, -4)] == [repr(Bad(-2)), repr(Bad(-4))]


def test_work_that_raises_gives_all_of_its_batch_the_fault_and_the_next_batch_none() -> None:
    arrived, go_on = threading.Event(), threading.Event()
    batches: list[int] = []

    def work(items: Sequence[int]) -> list[int | BaseException]:
        batches.append(len(items))
        if len(batches) == 1:
            arrived.set()
            assert go_on.wait(WAIT_SECONDS)
        if len(batches) == 2:
            raise AllBad
        return list(items)

    group = GroupCommit(work)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(group.do, 7)
        assert arrived.wait(WAIT_SECONDS)
        others = [pool.submit(outcome, group, item) for item in range(4)]
        wait_for_queue(group, 4)
        go_on.set()
        assert first.result(WAIT_SECONDS) == 7
        assert [type(one.result(WAIT_SECONDS)) for one in others] == [AllBad] * 4
    assert group.do(8) == 8
    assert batches == [1, 4, 1]


def test_even_an_interrupt_in_the_midst_of_work_leaves_nobody_waiting() -> None:
    def work(items: Sequence[int]) -> list[int | BaseException]:
        if items[0] == 0:
            raise KeyboardInterrupt
        return list(items)

    group = GroupCommit(work)
    with pytest.raises(KeyboardInterrupt):
        group.do(0)
    assert group.do(1) == 1


def test_whoever_comes_while_a_batch_is_done_is_done_together_in_the_order_of_coming() -> None:
    bench = Bench()
    group = GroupCommit(bench)
    with ThreadPoolExecutor(40) as pool:
        first = held_first(bench, group, pool)
        others = []
        for item in range(1, 31):
            others.append(pool.submit(group.do, item))
            wait_for_queue(group, item)
        bench.go_on.set()
        assert first() == 0
        assert [one.result(WAIT_SECONDS) for one in others] == [2 * item for item in range(1, 31)]
    assert bench.batches == [[0], list(range(1, 31))]


def test_a_batch_has_an_end_and_the_rest_comes_next() -> None:
    bench = Bench()
    group = GroupCommit(bench)
    many = MOST_AT_ONCE + 40
    with ThreadPoolExecutor(many + 1) as pool:
        first = held_first(bench, group, pool)
        others = [pool.submit(group.do, item) for item in range(1, many + 1)]
        wait_for_queue(group, many)
        bench.go_on.set()
        assert first() == 0
        assert [one.result(WAIT_SECONDS) for one in others] == [2 * item for item in range(1, many + 1)]
    assert [len(batch) for batch in bench.batches] == [1, MOST_AT_ONCE, 40]


def test_many_threads_with_many_items_are_each_answered_once_and_never_two_batches_at_once() -> None:
    bench = Bench(WORK_SECONDS)
    group = GroupCommit(bench)
    wrong: list[object] = []

    def run(thread: int) -> None:
        chance = random.Random(thread)
        last = -1
        for number in range(ITEMS_EACH):
            item = thread * ITEMS_EACH + number + 1
            if chance.random() < 0.1:
                item = -item
            found = outcome(group, item)
            right = isinstance(found, Bad) and found.args == (item,) if item < 0 else found == 2 * item
            if not right or abs(item) < last:
                wrong.append((item, found))
            last = abs(item)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(WAIT_SECONDS)
    assert not any(one.is_alive() for one in threads), "somebody was never woken"
    assert wrong == []
    assert sorted(map(abs, bench.done)) == list(range(1, THREADS * ITEMS_EACH + 1))
    assert bench.most_at_work == 1
    assert max(map(len, bench.batches)) > 1
    # Each thread's items were done in the order it brought them.
    latest = [0] * THREADS
    for item in map(abs, bench.done):
        thread = (item - 1) // ITEMS_EACH
        assert item > latest[thread]
        latest[thread] = item
    assert not group._queue
    assert group._is_led is False
