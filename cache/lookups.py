"""Look-ups that share a round trip: whoever asks while one is under way goes with the next.

So an answer is never older than its question.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lookups(Generic[K, V]):
    """Turns many small look-ups into few large ones. A caller that gives up spoils nothing for the others."""

    def __init__(self, get: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        self._get = get
        self._waiting: list[tuple[Sequence[K], asyncio.Future[Sequence[V]]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def get(self, keys: Sequence[K]) -> Sequence[V]:
        """Give the values in the order of `keys`, all of one moment. Raises what the shared round trip raises."""
        answer: asyncio.Future[Sequence[V]] = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())  # in the next turn of the loop, with all of this one
        return await answer

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._ask(batch)
        finally:
            self._sender = None

    async def _ask(self, batch: Sequence[tuple[Sequence[K], asyncio.Future[Sequence[V]]]]) -> None:
        try:
            values = await self._get([key for keys, _ in batch for key in keys])
        except Exception as error:  # noqa: BLE001  # it is the callers'
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        start = 0
        for keys, answer in batch:
            end = start + len(keys)
            if not answer.done():
                answer.set_result(values[start:end])
            start = end
