"""What the console made is the same file that `hallway sources apply` takes."""

import tomllib
from pathlib import Path

import pytest
import pytest_asyncio
from support_cli import Hallway
from support_portal import LAX, Portal
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox
from support_staff import Staff, staff_at

from connectors.registry import load_connectors
from gateway.sources.changes import plan
from gateway.sources.desired import parse
from gateway.sources.export import export

WRITTEN = 'Invoices “& more”\\ "x" ü 🧾 = { env }'


@pytest_asyncio.fixture
async def owner(portal: Portal) -> Staff:
    return await staff_at(portal, "owner")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_gives_what_the_console_made_and_takes_it_again(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    form = {
        "title": WRITTEN,
        "name": "books-2",
        "s-base_url": sandbox.odoo_url,
        "s-database": ODOO_DATABASE,
        "s-login": ODOO_LOGIN,
        "secret-api_key": ODOO_KEY,
        "kind-invoices": "yes",
        "promise-invoices": "300",
    }
    assert (await owner.send("POST", "/staff/sources/new/odoo", do="save", **form)).status_code == 303
    text = await export(portal.database)
    assert ODOO_KEY not in text
    made = tomllib.loads(text)["sources"]["books-2"]
    assert made == {
        "connector": "odoo",
        "title": WRITTEN,
        "kinds": ["invoices"],
        "settings": {
            "base_url": sandbox.odoo_url,
            "database": ODOO_DATABASE,
            "login": ODOO_LOGIN,
            "api_key": {"env": "BOOKS_2_API_KEY"},
        },
        "promises": {"invoices": 300},
    }
    named = {"ODOO_KEY": ODOO_KEY, "RT_TOKEN": "t", "ODOO_HOOK": "h", "RT_HOOK": "h", "BOOKS_2_API_KEY": ODOO_KEY}
    connectors = load_connectors()
    wanted = parse(text, connectors, LAX, environ=named, folder=Path())
    diff = await plan(portal.database, portal.vault, connectors, wanted)
    (change,) = [change for change in diff.changes if change.name == "books-2"]
    assert [line for line in change.details if "where it comes from" not in line] == []
    assert await export(portal.database) == text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_names_a_webhook_secret_that_was_typed_and_none_that_was_made(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    form = {
        "title": "Books",
        "name": "books",
        "s-base_url": sandbox.odoo_url,
        "s-database": ODOO_DATABASE,
        "s-login": ODOO_LOGIN,
        "secret-api_key": ODOO_KEY,
        "secret-webhook_secret": "typed-hook",
        "kind-invoices": "yes",
    }
    assert (await owner.send("POST", "/staff/sources/new/odoo", do="save", **form)).status_code == 303

    async def planned(**more: str) -> tuple[str, dict[str, str]]:
        text = await export(portal.database)
        named = {"ODOO_KEY": ODOO_KEY, "RT_TOKEN": "t", "ODOO_HOOK": "h", "RT_HOOK": "h", "BOOKS_API_KEY": ODOO_KEY}
        connectors = load_connectors()
        wanted = parse(text, connectors, LAX, environ=named | more, folder=Path())
        diff = await plan(portal.database, portal.vault, connectors, wanted)
        return text, next(change.secrets for change in diff.changes if change.name == "books")

    text, secrets = await planned(BOOKS_WEBHOOK_SECRET="typed-hook")
    assert tomllib.loads(text)["sources"]["books"]["settings"]["webhook_secret"] == {"env": "BOOKS_WEBHOOK_SECRET"}
    assert "typed-hook" not in text
    assert secrets == {}, "nothing is new, changed or taken away"
    assert (await owner.send("POST", "/staff/sources/books/secret")).status_code == 200
    text, secrets = await planned()
    made = tomllib.loads(text)["sources"]["books"]["settings"]
    assert "webhook_secret" not in made, "no file can name what was made here"
    assert secrets == {}


def test_keeps_what_a_file_said(hallway: Hallway, sandbox: RunningSandbox) -> None:
    file = hallway.sources_of(sandbox)
    assert hallway("sources", "apply", "--yes", file) == 0
    assert hallway("sources", "export") == 0
    first = hallway.out
    assert tomllib.loads(first)["sources"] == tomllib.loads(Path(file).read_text())["sources"]
    again = hallway.write(first, "again.toml")
    assert hallway("sources", "apply", "--yes", again) == 0
    assert "No changes." in hallway.out
