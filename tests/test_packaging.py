"""What is installed is ours, whole, and enough: the wheel beside exactly the locked packages that it runs with."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from textwrap import dedent

import pytest
from packaging.requirements import Requirement
from support_tree import ROOT, tracked

NAMES = {"gateway", "connectors", "cache", "auth", "web"}
LEFT_OUT = {"web/assets.py", "web/package.json", "web/package-lock.json"}  # build steps, and what they read


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("hallway-*.whl"))


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment that holds the wheel, the packages of requirements.lock, and nothing else."""
    home = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    packages = next(home.glob("lib/python*/site-packages"))
    for requirement in locked():
        borrow(requirement, packages)
    uv = str(Path(sys.executable).with_name("uv"))
    install = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(home), str(wheel)]
    subprocess.run(install, check=True)
    return home


def locked() -> Iterator[Requirement]:
    """Name what this Python on this machine gets from requirements.lock."""
    lines = re.findall(r"^[a-z0-9].*==.*?(?= \\$)", Path(ROOT, "requirements.lock").read_text(), re.MULTILINE)
    requirements = (Requirement(line) for line in lines)
    return (each for each in requirements if each.marker is None or each.marker.evaluate())


def borrow(requirement: Requirement, packages: Path) -> None:
    """Lend a package of the environment that runs the tests, so that no registry is asked."""
    found = distribution(requirement.name)
    assert requirement.specifier.contains(found.version), f"{requirement} is locked, {found.version} is installed"
    tops = {Path(file.parts[0]) for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}}
    for top in tops:
        target = packages / top
        if not target.exists():
            target.symlink_to(Path(str(found.locate_file(top))))


def run(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the clean environment, far from the checkout and from its settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HALLWAY_"))}
    program = home / "bin" / command[0]
    return subprocess.run(
        [program, *command[1:]], cwd=home.parent, env=clean, capture_output=True, text=True, check=False
    )


def owners(home: Path) -> dict[str, list[str]]:
    asked = run(
        home, "python", "-c", "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()))"
    )
    return {name: dists for name, dists in json.loads(asked.stdout).items() if name in NAMES}


def test_owns_its_five_import_names(home: Path) -> None:
    assert {name: set(dists) for name, dists in owners(home).items()} == {name: {"hallway"} for name in NAMES}


def test_notices_another_owner_of_a_name(home: Path) -> None:
    """The check above has teeth: a distribution that ships `auth` too shows up in it."""
    other = next(home.glob("lib/python*/site-packages")) / "auth-3.7.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: auth\nVersion: 3.7.1\n")
    (other / "RECORD").write_text("auth/__init__.py,,\n")
    try:
        assert set(owners(home)["auth"]) == {"hallway", "auth"}
    finally:
        for file in other.iterdir():
            file.unlink()
        other.rmdir()


def test_imports_every_module_from_the_wheel_alone(home: Path) -> None:
    """A module that needs an undeclared package, or a file of the checkout, fails here."""
    script = dedent("""
        import importlib, pkgutil, sys
        for name in sys.argv[1:]:
            package = importlib.import_module(name)
            assert package.__file__.startswith(sys.prefix), package.__file__
            for module in pkgutil.walk_packages(package.__path__, name + "."):
                if "migrations" not in module.name and not module.name.endswith("__main__"):
                    importlib.import_module(module.name)
    """)
    done = run(home, "python", "-W", "error", "-c", script, *sorted(NAMES))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_has_a_command_that_answers(home: Path, option: str) -> None:
    done = run(home, "hallway", option)
    assert (done.returncode, done.stderr) == (0, "")
    assert "hallway" in done.stdout.lower()


def test_ships_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    """Templates, styles, migrations: whatever is tracked in the five folders, plus what the build fetched."""
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == tracked(*NAMES) - LEFT_OUT | {"web/static/vendor/htmx.min.js"}
