"""What a fault did, against what was promised: a line per figure for people, .faults/latest.json for machines.

A figure that is `timed` says as much of the machine as of us: in the tests it is only printed.
"""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from bench_report import Finding
from msgspec import Struct

LATEST = Path(__file__).parent.parent / ".faults" / "latest.json"


class Figure(Finding, frozen=True, kw_only=True):
    timed: bool = False


class Plan(Struct, frozen=True):
    """How long, and with which luck."""

    short: bool
    rng: random.Random


def plan_of_environment() -> tuple[Plan, int]:
    """Read SHORT and SEED, and give the seed too."""
    seed = int(os.environ.get("SEED") or secrets.randbelow(10**6))
    return Plan(bool(os.environ.get("SHORT")), random.Random(seed)), seed


def collect(figures: AsyncIterator[tuple[str, Figure]]) -> Iterator[tuple[str, Figure]]:
    """Run what finds them, each as soon as it is there."""
    with asyncio.Runner() as runner:
        while True:
            try:
                yield runner.run(_next(figures))
            except StopAsyncIteration:
                return


async def _next(figures: AsyncIterator[tuple[str, Figure]]) -> tuple[str, Figure]:
    return await anext(figures)
