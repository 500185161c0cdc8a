"""What the documents list is what there is."""

import re
from pathlib import Path

import pytest
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields
from support_tree import ROOT, tracked

from connectors.config import Secret
from gateway.rules import variable
from gateway.settings import PROVIDERS, Settings, load
from gateway.sign_in import ProviderSettings

ROW = re.compile(r"^\| `(HALLWAY_\w+)`( or `_FILE`)? \| (.*?) \| (.+) \|$", re.MULTILINE)
LISTED = {name: (secret, default) for name, secret, default, _ in ROW.findall((ROOT / "docs/settings.md").read_text())}
SETTINGS = {variable(field.name): field for field in fields(Settings) if field.name not in PROVIDERS}
SETTINGS |= {variable(f"oidc.{field.name}"): field for field in fields(ProviderSettings)}
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def shown(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, bool):
        return f"`{value}`".lower()
    return f"`{' '.join(value) if isinstance(value, tuple) else value}`"


def test_lists_every_setting_and_no_other() -> None:
    assert sorted(LISTED) == sorted(SETTINGS)


def test_tells_how_far_providers_are_numbered() -> None:
    first, *_, last = [variable(group) for group in PROVIDERS[1:]]
    assert f"`{first}_…` to `{last}_…`" in (ROOT / "docs/settings.md").read_text()


def test_gives_an_example_of_several_providers_that_works(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    lines = re.findall(r"^    (HALLWAY_OIDC\w+)=(.+)$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    environ = {name: f"{tmp_path}/secret" if name.endswith("_FILE") else value for name, value in lines}
    found = load(environ).require_sign_in()
    assert [(each.id, each.kind) for each in found] == [("main", "member"), ("2", "member"), ("3", "staff")]


@pytest.mark.parametrize("name", sorted(SETTINGS.keys() & LISTED.keys()))
def test_tells_defaults_and_secrets_as_they_are(name: str) -> None:
    secret, default = LISTED[name]
    assert bool(secret) == (Secret.__name__ in str(SETTINGS[name].type))
    if SETTINGS[name].default in {None, NODEFAULT}:
        assert "`" not in default
    else:
        assert default == shown(SETTINGS[name])


@pytest.mark.parametrize("name", sorted(name for name in tracked() if name.endswith(".md")))
def test_links_only_to_files_that_exist(name: str) -> None:
    document = ROOT / name
    links = LINK.findall(document.read_text())
    assert [link for link in links if not Path(document.parent, link).exists()] == []
