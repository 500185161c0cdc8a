"""House rules that no linter knows, over every tracked file."""

import ast
import re
from pathlib import Path

import pytest
from support_tree import ROOT, tracked

PACKAGES = ("auth", "cache", "connectors", "gateway", "web")
MODULE_LINES, VENDOR_LINES = 300, 150
REGISTRIES = re.compile(
    r"(pypi|pythonhosted|npmjs|yarnpkg|unpkg|jsdelivr|ghcr|docker|debian|quay)\.(org|com|io|net)\b", re.IGNORECASE
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|root|home/\w+|Users/\w+)/")

# Who may take what gives records out of what keeps them, or of a back office; everybody else asks the merged view.
READERS = {
    "Kept": {
        "gateway/app.py",
        "gateway/feeds/news.py",
        "gateway/feeds/reading.py",
        "gateway/kept.py",
        "gateway/supply.py",
        "gateway/worker.py",
    },
    "Snapshots": {"cache/snapshots.py", "gateway/kept.py"},
    "get_versioned": {"cache/snapshots.py", "gateway/kept.py"},
    "unpack": {"gateway/kept.py", "gateway/pull.py"},
    "Supply": {"gateway/account_view.py", "gateway/app.py", "gateway/supply.py", "gateway/worker.py"},
    "feeds": {
        "gateway/feeds/following.py",
        "gateway/feeds/overview.py",
        "gateway/kept.py",
        "gateway/pull.py",
        "gateway/worker.py",
    },
    "fetch": {"gateway/account_view.py", "gateway/pull.py"},
    "files": {"gateway/account_view.py"},
    "reads": {"gateway/account_view.py", "gateway/pull.py"},
}
OF_A_CONNECTOR = {"feeds", "fetch", "files", "reads"}

TEXTS = {name: (ROOT / name).read_bytes().decode(errors="replace") for name in sorted(tracked())}
MODULES = [name for name in TEXTS if name.startswith(PACKAGES) and name.endswith(".py")]


@pytest.mark.parametrize("pattern", [REGISTRIES, MACHINE_PATHS], ids=["registries", "machine paths"])
def test_keeps_addresses_of_machines_out_of_the_repository(pattern: re.Pattern[str]) -> None:
    assert {name: match.group() for name, text in TEXTS.items() if (match := pattern.search(text))} == {}


def pins(lock: str) -> dict[str, str]:
    """Each pinned "name==version" of a lock, with the lines that belong to it."""
    return dict(re.findall(r"^([a-z0-9.-]+==\S+)(.*?)(?=^\S|\Z)", TEXTS[lock], re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("lock", [name for name in TEXTS if name.endswith(".lock")])
def test_locks_with_hashes_and_without_addresses(lock: str) -> None:
    assert [pin for pin, lines in pins(lock).items() if "--hash=sha256:" not in lines] == []
    assert not re.search(r"^--|://", TEXTS[lock], re.MULTILINE), "an option line or an address names an index"


def test_ships_what_it_was_tested_with() -> None:
    """Every pin of the image's lock is also in the lock that the tests are run with."""
    assert pins("requirements.lock").keys() - pins("requirements-dev.lock").keys() == set()


def test_commits_nothing_that_a_build_makes() -> None:
    assert [name for name in TEXTS if ".min." in name or "node_modules/" in name or "/vendor/" in name] == []
    assert "uv.lock" not in TEXTS


@pytest.mark.parametrize("name", MODULES)
def test_keeps_modules_small(name: str) -> None:
    vendor = name.startswith("connectors/vendors/")
    assert TEXTS[name].count("\n") <= (VENDOR_LINES if vendor else MODULE_LINES)


def test_keeps_the_usual_module_at_a_hundred_lines() -> None:
    lines = sorted(TEXTS[name].count("\n") for name in MODULES if not name.endswith("__init__.py"))
    assert lines[len(lines) // 2] <= 100


@pytest.mark.parametrize("name", [name for name in MODULES if TEXTS[name].strip()])
def test_says_at_the_top_what_a_module_is_for(name: str) -> None:
    assert ast.get_docstring(ast.parse(TEXTS[name]))


def taken(text: str) -> set[str]:
    """Name what a module takes of `READERS`, as a name of its own or out of something else."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Subscript(value=ast.Attribute(attr=name, value=value)) if name in OF_A_CONNECTOR:
                names |= {name} if ast.unparse(value).endswith("connector") else set()
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name) if name not in OF_A_CONNECTOR:
                names.add(name)
            case _:
                pass
    return names & READERS.keys()


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith(("cache/", "gateway/", "web/"))])
def test_reads_records_in_one_place(name: str) -> None:
    assert {each for each in taken(TEXTS[name]) if name not in READERS[each]} == set()


def test_notices_another_way_to_records() -> None:
    for line in (
        "from cache.snapshots import Snapshots",
        "office.connector.reads[kind](office, query)",
        "x = p.unpack",
    ):
        assert taken(line), line


def test_gives_every_folder_of_modules_an_init() -> None:
    """Without it, any other distribution could add modules to our package."""
    folders = {Path(name).parent.as_posix() for name in MODULES} - {"gateway/records/migrations/versions"}
    assert [folder for folder in folders if f"{folder}/__init__.py" not in TEXTS] == []


def test_keeps_tests_flat() -> None:
    """A test folder named like a package of ours would be imported in its place."""
    python = [name for name in TEXTS if name.startswith("tests/") and name.endswith(".py")]
    assert [name for name in python if name.count("/") > 1 or name.endswith("__init__.py")] == []
