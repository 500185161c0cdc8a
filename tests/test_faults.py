"""The fault suite in its short form: what it counts must hold; what it times is only printed."""

import random

import pytest
from bench_report import line
from faults import SUITES
from faults_report import Plan

SEED = 20261122


@pytest.mark.parametrize("name", SUITES)
def test_holds_what_was_promised(name: str) -> None:
    figures = dict(SUITES[name](Plan(short=True, rng=random.Random(SEED))))
    for key, figure in figures.items():
        print(line(key, figure))  # noqa: T201  # with -s, or when one is missed
    assert figures
    assert [line(key, figure) for key, figure in figures.items() if not figure.holds and not figure.timed] == []
