"""What a test wants from the machine: skipped aloud where it is missing, failed where CI promised it.

Registered as a plugin by conftest.py, so that a run ends with one list of all that was not tested.
"""

import os
import shutil
from collections.abc import Generator, Iterator

import pytest

PREFIX = "not on this machine: "


def need(name: str, found: bool, hint: str) -> None:  # noqa: FBT001  # reads best as a sentence of three parts
    """Skip the test, or with CI=true fail it, unless `found`. `hint` says how to get `name`.

    May be called at module level too: then the whole module is skipped.
    """
    if found:
        return
    reason = f"{PREFIX}{name} ({hint})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def need_program(name: str, *places: str, package: str) -> str:
    """Find a program on the PATH or in other folders, and return its path."""
    path = shutil.which(name) or shutil.which(name, path=os.pathsep.join(places))
    need(name, path is not None, f"Debian package {package}")
    return str(path)


def skipped_parts(reports: list[pytest.TestReport | pytest.CollectReport]) -> Iterator[tuple[str, int]]:
    """Name each missing thing once, with how many tests or modules went without it."""
    reasons = [report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)]
    parts = [reason.partition(PREFIX)[2] for reason in reasons if PREFIX in reason]
    for part in sorted(set(parts)):
        yield part, parts.count(part)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a test has written in a form that one process can hand to another."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    parts = list(skipped_parts(terminalreporter.stats.get("skipped", [])))
    if not parts:
        return
    terminalreporter.section("NOT TESTED, because this machine lacks", yellow=True, bold=True)
    for part, count in parts:
        terminalreporter.write_line(f"{part}: {count} skipped", yellow=True)
