"""Tasks that were told to end, and are waited for later: the SDK takes a second or two to close a receiver."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from detector.sources.facts import SourceFacts

_Answer = TypeVar("_Answer")


class Leftovers:
    """Keeps hold of tasks until they have ended, so that nothing of theirs is lost or left running unseen."""

    def __init__(self, facts: SourceFacts) -> None:
        self._facts = facts
        self._tasks: set[asyncio.Task[Any]] = set()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Keeps a task until it ends; what it returns or raises is of no interest any more."""
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # Asked for, so that asyncio does not call it forgotten.

    async def bounded(self, work: Coroutine[Any, Any, _Answer], seconds: float) -> _Answer:
        """The answer of `work`.

        Unlike `asyncio.wait_for` this returns in time even when the work does not end on being cancelled.

        Raises:
            TimeoutError: It did not come in time.
        """
        task = asyncio.create_task(work)
        try:
            done, _ = await asyncio.wait((task,), timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            self.adopt(task)
            raise
        if not done:
            task.cancel()
            self.adopt(task)
            raise TimeoutError
        return task.result()

    async def settle(self, seconds: float) -> None:
        """Waits until every task has ended, `seconds` at most; then they are cancelled and left."""
        if not self._tasks:
            return
        _, running = await asyncio.wait(set(self._tasks), timeout=seconds)
        for task in running:
            task.cancel()
            self._facts.left_behind("question")
