"""Look-ups that share a round trip: few questions, each caller's own answer, and nobody spoils another's."""

import asyncio
from collections.abc import Sequence

import pytest

from cache.lookups import Lookups


class Store:
    """Answers with what it holds at the moment of the question, once it is let go."""

    def __init__(self) -> None:
        self.held = dict.fromkeys("abc", 1)
        self.asked: list[list[str]] = []
        self.was_asked = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def get(self, keys: Sequence[str]) -> list[int | None]:
        self.asked.append(list(keys))
        self.was_asked.set()
        answer = [self.held.get(key) for key in keys]
        await self.go.wait()
        if "bad" in keys:
            raise OSError("no way")
        return answer


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def lookups(store: Store) -> Lookups[str, int | None]:
    return Lookups(store.get)


async def test_gives_each_caller_its_own(store: Store, lookups: Lookups[str, int | None]) -> None:
    store.held = {"a": 1, "b": 2, "c": 3}
    answers = await asyncio.gather(lookups.get(["a"]), lookups.get([]), lookups.get(["c", "x", "b"]))
    assert [list(answer) for answer in answers] == [[1], [], [3, None, 2]]
    assert store.asked == [["a", "c", "x", "b"]]


async def test_never_answers_with_what_was_read_before_the_question(
    store: Store, lookups: Lookups[str, int | None]
) -> None:
    store.go.clear()
    early = asyncio.create_task(lookups.get(["a"]))
    await store.was_asked.wait()
    store.held["a"] = 2
    late = [asyncio.create_task(lookups.get(["a"])) for _ in range(100)]
    await asyncio.sleep(0)
    store.go.set()
    assert list(await early) == [1]
    assert [list(answer) for answer in await asyncio.gather(*late)] == [[2]] * 100
    assert len(store.asked) == 2


async def test_goes_on_without_a_caller_who_gave_up(store: Store, lookups: Lookups[str, int | None]) -> None:
    store.go.clear()
    leaving, staying = (asyncio.create_task(lookups.get(["a"])) for _ in range(2))
    await store.was_asked.wait()
    leaving.cancel()
    store.go.set()
    assert list(await staying) == [1]
    assert list(await lookups.get(["b"])) == [1]


async def test_tells_everybody_of_a_failure_and_asks_again_afterwards(
    store: Store, lookups: Lookups[str, int | None]
) -> None:
    answers = await asyncio.gather(lookups.get(["a"]), lookups.get(["bad"]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError, OSError]
    assert list(await lookups.get(["a"])) == [1]
