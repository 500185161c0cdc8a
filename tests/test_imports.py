"""The architecture's arrows are enforced: each of the ways to break them is reported."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support_tree import ROOT

PACKAGES = ("gateway", "connectors", "cache", "auth", "web")
BREAKS = {
    ("cache.keys", "connectors.records"),
    ("auth.oidc", "connectors.contract"),
    ("connectors.transport", "litestar"),
    ("connectors.registry", "gateway.settings"),
    ("connectors.sandbox.odoo", "connectors.vendors.odoo"),
    ("connectors.vendors.odoo", "connectors.vendors.request_tracker"),
    ("gateway.account_view", "litestar"),
    ("gateway.account_view", "web.view"),
    ("gateway.home", "gateway.sight"),
    ("gateway.links", "gateway.sources"),
    ("gateway.records.ids", "gateway.vault"),
    ("web.portal.visit", "cache.snapshots"),
    ("web.portal.visit", "gateway.pull"),
    ("web.view", "gateway.app"),
    ("web.view", "gateway.supply"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run import-linter over a copy of our packages with every break in it."""
    copy = tmp_path_factory.mktemp("broken")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    for importer, imported in BREAKS:
        path = copy.joinpath(*importer.split("."))
        module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with module.open("a") as file:
            file.write(f"\nimport {imported}\n")
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache", "--no-logo"], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    return done.stdout


@pytest.mark.parametrize(("importer", "imported"), sorted(BREAKS))
def test_reports_a_forbidden_import(report: str, importer: str, imported: str) -> None:
    assert f"{importer} -> {imported} (" in report


def test_gives_every_module_of_the_gateway_its_place() -> None:
    """A module that no layer names could import whatever it likes."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {module for layer in layers for module in layer.split(" | ") if module.startswith("gateway.")}
    assert {f"gateway.{path.stem}" for path in (ROOT / "gateway").glob("[!_]*")} == named
