import importlib
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest

from connectors.registry import GROUP, RegistryError, load_connectors
from connectors.vendors.odoo import connector as odoo

acme = msgspec.structs.replace(odoo, name="acme")
no_connector = object()


def plugin(value: str) -> EntryPoint:
    return EntryPoint(name="acme", value=value, group=GROUP)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "acme_portal", sys.modules[__name__])


def test_finds_the_vendors_here() -> None:
    assert {"odoo", "request_tracker"} <= set(load_connectors(()))


def test_finds_installed_plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = tmp_path / "acme_portal-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-portal\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nacme = acme_portal:acme\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert load_connectors()["acme"] is acme


def test_stops_at_two_connectors_of_one_name() -> None:
    with pytest.raises(RegistryError, match=r"Two connectors are called odoo: connectors.vendors.odoo and the plugin"):
        load_connectors([plugin("connectors.vendors.odoo:connector")])


def test_stops_at_a_plugin_that_is_no_connector() -> None:
    with pytest.raises(RegistryError, match="acme_portal:no_connector is no connector: it is a object"):
        load_connectors([plugin("acme_portal:no_connector")])


@pytest.mark.parametrize("value", ["acme_portal:missing", "no_such_module:connector"])
def test_stops_at_a_plugin_that_does_not_load(value: str) -> None:
    with pytest.raises(RegistryError, match="does not load"):
        load_connectors([plugin(value)])
