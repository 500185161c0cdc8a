"""What a machine lacks is never passed over in silence."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SUITE = """
    from support_needs import need, need_program

    def test_one():
        need_program("no-such-server", package="no-such-package")

    def test_two():
        need_program("no-such-server", package="no-such-package")

    def test_three():
        need("a browser", True, "is here")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makepyfile(SUITE)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return pytester


def test_skips_and_lists_each_missing_thing_once(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    result = suite.runpytest_subprocess("-p", "support_needs")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*NOT TESTED*", "no-such-server (Debian package no-such-package): 2 skipped"])


def test_fails_in_ci(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest_subprocess("-p", "support_needs")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.no_fnmatch_line("*NOT TESTED*")
