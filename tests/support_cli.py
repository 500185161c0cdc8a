"""The command `hallway` in this process, with an environment of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import structlog
from click.testing import CliRunner
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RT_TOKEN, RunningSandbox

from gateway.cli.commands import hallway as command

SOURCES = f"""
[sources.erp]
connector = "odoo"
title = "Invoices"
[sources.erp.settings]
base_url = "ODOO"
database = "{ODOO_DATABASE}"
login = "{ODOO_LOGIN}"
api_key = {{ env = "ODOO_KEY" }}
[sources.helpdesk]
connector = "request_tracker"
title = "Help desk"
[sources.helpdesk.settings]
base_url = "RT"
token = {{ env = "RT_TOKEN" }}
"""


class Hallway:
    """Runs commands. `out` and `err` hold what the last one wrote; no command may end in a traceback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = self.err = ""
        self.environ = {
            "HALLWAY_DATA_DIR": str(folder / "data"),
            "HALLWAY_ALLOW_HTTP_SOURCES": "true",
            "HALLWAY_ALLOW_PRIVATE_SOURCES": "true",
            "ODOO_KEY": ODOO_KEY,
            "RT_TOKEN": RT_TOKEN,
        }

    def __call__(self, *arguments: str | Path) -> int:
        result = CliRunner().invoke(
            command, [str(argument) for argument in arguments], env=self.environ, prog_name="hallway"
        )
        self.out, self.err = click.unstyle(result.stdout), result.stderr
        assert isinstance(result.exception, SystemExit | None), "an exception would be a traceback"
        assert ODOO_KEY not in result.output
        assert RT_TOKEN not in result.output
        return result.exit_code

    def write(self, text: str, name: str = "sources.toml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def sources_of(self, sandbox: RunningSandbox) -> Path:
        return self.write(SOURCES.replace('"ODOO"', f'"{sandbox.odoo_url}"').replace('"RT"', f'"{sandbox.rt_url}"'))


@pytest.fixture
def hallway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hallway]:
    for name in [name for name in os.environ if name.startswith("HALLWAY_")]:
        monkeypatch.delenv(name)
    before = structlog.get_config()
    yield Hallway(tmp_path)
    structlog.configure(**before)
