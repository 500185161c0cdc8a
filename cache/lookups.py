"""Look-ups that share a round trip: whoever asks while one is under way goes with the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

Values = list[bytes | None]


class Lookups:
    """Turns many small look-ups into few large ones. A caller that gives up spoils nothing for the others."""

    def __init__(self, get: Callable[[Sequence[str]], Awaitable[Values]]) -> None:
        self._get = get
        self._waiting: list[tuple[Sequence[str], asyncio.Future[Values]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def get(self, keys: Sequence[str]) -> Values:
        """Give the values in the order of `keys`, all of one moment. Raises what the shared round trip raises."""
        answer: asyncio.Future[Values] = asyncio.get_running_loop().create_future()
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

    async def _ask(self, batch: Sequence[tuple[Sequence[str], asyncio.Future[Values]]]) -> None:
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
