"""Flights: one run for all who want the same, and nobody can spoil it for the others."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cache.flight import Flight


class Errand:
    """Something slow that counts its runs and ends when told to."""

    def __init__(self) -> None:
        self.runs = 0
        self.ended = 0
        self.go = asyncio.Event()

    async def __call__(self) -> str:
        self.runs += 1
        try:
            await self.go.wait()
        finally:
            self.ended += 1
        return f"run {self.runs}"

    async def failing(self) -> str:
        await self()
        raise OSError("no way")


@pytest_asyncio.fixture
async def flight() -> AsyncIterator[Flight[str]]:
    flight = Flight[str]()
    yield flight
    await flight.aclose()


async def test_runs_once_for_a_hundred_who_join(flight: Flight[str]) -> None:
    errand = Errand()
    views = [flight.join("k", errand) for _ in range(100)]
    errand.go.set()

    assert await asyncio.gather(*views) == ["run 1"] * 100


async def test_runs_anew_once_the_last_run_has_ended(flight: Flight[str]) -> None:
    errand = Errand()
    errand.go.set()

    assert [await flight.join("k", errand) for _ in range(3)] == ["run 1", "run 2", "run 3"]


async def test_runs_apart_for_different_keys(flight: Flight[str]) -> None:
    one, other = Errand(), Errand()
    flight.join("one", one)
    other.go.set()

    assert await flight.join("other", other) == "run 1"
    assert one.ended == 0


async def test_goes_on_when_callers_are_cancelled_or_stop_waiting(flight: Flight[str]) -> None:
    errand = Errand()

    async def call() -> str:
        return await flight.join("k", errand)

    callers = [asyncio.create_task(call()) for _ in range(10)]
    patient = flight.join("k", errand)
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(flight.join("k", errand), 0.001)
    errand.go.set()

    assert await patient == "run 1"
    assert all(caller.cancelled() for caller in callers)


async def test_finishes_for_nobody(flight: Flight[str]) -> None:
    errand = Errand()
    flight.join("k", errand).cancel()
    await asyncio.sleep(0)
    errand.go.set()
    await asyncio.sleep(0.001)

    assert (errand.runs, errand.ended) == (1, 1)


async def test_gives_an_error_to_all_and_then_tries_anew(flight: Flight[str]) -> None:
    errand = Errand()
    views = [flight.join("k", errand.failing) for _ in range(100)]
    errand.go.set()
    outcomes = await asyncio.gather(*views, return_exceptions=True)

    assert {(type(outcome), str(outcome)) for outcome in outcomes} == {(OSError, "no way")}
    assert await flight.join("k", errand) == "run 2"


async def test_may_be_joined_again_by_whoever_just_saw_it_fail(flight: Flight[str]) -> None:
    errand = Errand()
    errand.go.set()
    with pytest.raises(OSError, match="no way"):
        await flight.join("k", errand.failing)

    assert await flight.join("k", errand) == "run 2"


async def test_reports_no_forgotten_error_when_nobody_waits_any_more(flight: Flight[str]) -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
    errand = Errand()
    await asyncio.wait([flight.join("k", errand.failing)], timeout=0.001)
    errand.go.set()
    await asyncio.sleep(0.001)
    gc.collect()

    assert errand.ended == 1
    assert reports == []


async def test_cancels_what_is_under_way_when_closed_and_waits_for_its_end(flight: Flight[str]) -> None:
    errand, unstarted = Errand(), Errand()
    views = [flight.join("k", errand)]
    await asyncio.sleep(0)
    views.append(flight.join("late", unstarted))
    await flight.aclose()

    assert (errand.runs, errand.ended) == (1, 1)
    assert unstarted.runs == 0
    outcomes = await asyncio.gather(*views, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
