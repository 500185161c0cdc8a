"""What a benchmark found: a table for people, .bench/latest.json for machines, and an exit code.

Only ratios, because absolute figures do not travel, and a few sizes. ONLY=B3,B11 picks; QUICK=1 is for a first look.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from msgspec import Struct

LATEST = Path(__file__).parent.parent / ".bench" / "latest.json"
QUICK = bool(os.environ.get("QUICK"))


class Finding(Struct, frozen=True, kw_only=True):
    """One figure against its target. Exactly one of `at_least` and `at_most` is given. `spread`: of its rounds."""

    what: str
    value: float
    unit: str
    spread: tuple[float, float] | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        low = -float("inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= self.value <= high

    @property
    def target(self) -> str:
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


Benchmark = Callable[[], Iterator[tuple[str, Finding]]]  # gives ids with findings


class Rounds(Struct, frozen=True):
    """The middle of what some rounds gave, and the two that they lie between."""

    value: float
    spread: tuple[float, float]


def middle(values: Sequence[float]) -> Rounds:
    return Rounds(median(values), (min(values), max(values)))


def ratio_of_rounds(rounds: int, first: Callable[[], float], second: Callable[[], float]) -> Rounds:
    """Measure both in turns, so that a busy moment of the machine hits both, and take the middle ratio.

    The turns change places, so that neither always follows the other. A first round is for warming up.
    """
    ratios = []
    for turn in range(rounds + 1):
        pair = {measure: measure() for measure in ((first, second) if turn % 2 else (second, first))}
        ratios.append(pair[first] / pair[second])
    return middle(ratios[1:])


def run(benchmarks: Mapping[str, Benchmark], to: Path = LATEST) -> None:
    """Run what ONLY names, or all. Ends the program: with 1 when a target was missed."""
    chosen = [name for name in os.environ.get("ONLY", "").split(",") if name]
    if unknown := set(chosen) - set(benchmarks):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}. There are {', '.join(benchmarks)}.")
    findings: dict[str, Finding] = {}
    broken = False
    for name, benchmark in benchmarks.items():
        if not chosen or name in chosen:
            try:
                for key, finding in benchmark():
                    findings[key] = finding
                    say(line(key, finding))
            except RuntimeError as error:  # it proved nothing; the others still may
                say(f"{name:<6} not measured: {error}")
                broken = True
    write(findings, to)
    sys.exit(broken or not all(finding.holds for finding in findings.values()))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def line(key: str, finding: Finding) -> str:
    verdict = "holds" if finding.holds else "MISSED"
    spread = "{:.3g} to {:.3g}".format(*finding.spread) if finding.spread else ""
    return (
        f"{key:<6} {finding.value:>9.3g} {finding.unit:<7} {finding.target:<9} {verdict:<7} {spread:<16} {finding.what}"
    )


def write(findings: Mapping[str, Finding], to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    document = {
        key: {
            "what": finding.what,
            "value": round(finding.value, 4),
            "target": finding.target,
            "holds": finding.holds,
            "unit": finding.unit,
        }
        for key, finding in findings.items()
    }
    to.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
