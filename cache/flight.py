"""One run at a time for everybody who wants the same."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """Runs at most one coroutine per key in this process, and owns it.

    A caller only ever holds a view of the run: cancelling the view, or giving up waiting for it, leaves the run alone.
    """

    def __init__(self) -> None:
        self._runs: dict[str, asyncio.Task[T]] = {}

    def join(self, key: str, make: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Future[T]:
        """Start `make`, or join the run that is under way. Its result or error reaches all who joined."""
        run = self._runs.get(key)
        if run is None:
            run = asyncio.create_task(make())
            self._runs[key] = run
            run.add_done_callback(lambda _: self._runs.pop(key))
        return _view(run)

    def underway(self, key: str) -> asyncio.Future[T] | None:
        """Join the run that is under way, if there is one."""
        run = self._runs.get(key)
        return _view(run) if run else None

    async def aclose(self) -> None:
        """Cancel what is under way and wait until it has ended."""
        runs = list(self._runs.values())
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


def _view(run: asyncio.Task[T]) -> asyncio.Future[T]:
    view = asyncio.shield(run)
    view.add_done_callback(_look)
    return view


def _look(view: asyncio.Future[T]) -> None:
    """Take note of an error that nobody waits for any more, or asyncio would report it as forgotten."""
    if not view.cancelled():
        view.exception()
