"""Group commit: work that many threads bring at the same time is done in one transaction, and answered after it.

Whoever comes while nobody is at work leads: it takes what waits, its own included, does it, and hands on. Whoever
comes meanwhile sleeps until it is answered, or leads next. Under load the batches grow by themselves; alone, one waits
for nobody.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_AT_ONCE = 256


class _Waiting(Generic[Item, Result]):
    """One item with its thread, which sleeps on `turn` until it is answered or asked to lead."""

    __slots__ = ("answer", "item", "leads", "turn")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.answer: Result | BaseException | None = None
        self.leads = False
        self.turn = threading.Lock()
        self.turn.acquire()


class GroupCommit(Generic[Item, Result]):
    """Does items in batches through `work`, which gives for each, in order, a result or the exception to raise.

    When `work` itself raises, everybody in its batch gets that.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result | BaseException]]) -> None:
        self._work = work
        self._mutex = threading.Lock()
        self._is_led = False
        self._queue: deque[_Waiting[Item, Result]] = deque()

    def do(self, item: Item) -> Result:
        """The result of one item, when all of its batch has been done.

        Raises:
            BaseException: what `work` gave for it, or raised.
        """
        mine: _Waiting[Item, Result] = _Waiting(item)
        with self._mutex:
            self._queue.append(mine)
            mine.leads = not self._is_led
            self._is_led = True
        if not mine.leads:
            mine.turn.acquire()
        if mine.leads:
            self._lead()
        if isinstance(mine.answer, BaseException):
            raise mine.answer
        # Answered: whoever led the batch saw to it.
        return cast(Result, mine.answer)

    def _lead(self) -> None:
        """Do a batch, the leader's own item among it; then somebody who came meanwhile leads."""
        with self._mutex:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), MOST_AT_ONCE))]
        try:
            answers: Sequence[Result | BaseException] = self._work([one.item for one in batch])
        except BaseException as fault:
            answers = [fault] * len(batch)
        for one, answer in zip(batch, answers, strict=True):
            one.answer = answer
        with self._mutex:
            following = self._queue[0] if self._queue else None
            self._is_led = following is not None
        if following is not None:
            following.leads = True
            following.turn.release()
        for one in batch:
            if not one.leads:
                one.turn.release()
