"""Secrets of a source that nobody needs: taken away in its form, and never lost without a word."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_door import litestar_of
from support_portal import KEYS, LAX, Portal
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox
from support_sources import NEW_KEY, vault
from support_staff import Staff, staff_at
from test_source_forms import version_in, words

from auth.clock import utc_now
from connectors.deliveries import WebhookConfig
from connectors.registry import load_connectors
from gateway.records.tables import AuditLine, Source
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse
from gateway.sources.export import export

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SETTINGS = "/staff/sources/books/settings"
FORM = {
    "title": "Books",
    "name": "books",
    "s-database": ODOO_DATABASE,
    "s-login": ODOO_LOGIN,
    "kind-invoices": "yes",
}
HOOKS = {"secret-webhook_secret": "hook-new", "secret-webhook_secret_before": "hook-old"}
AGAIN = "The address is another one now, and the stored one is not sent there: enter it again."
LOST = "The webhook’s secret belonged to the old address: set up webhooks again."


@pytest_asyncio.fixture
async def owner(portal: Portal, sandbox: RunningSandbox) -> Staff:
    owner = await staff_at(portal, "owner")
    form = {**FORM, **HOOKS, "s-base_url": sandbox.odoo_url, "secret-api_key": ODOO_KEY}
    answer = await owner.send("POST", "/staff/sources/new/odoo", do="save", **form)
    assert answer.status_code == 303, words(answer)
    return owner


async def send(owner: Staff, address: str, do: str = "save", **more: str) -> Any:
    version = version_in(await owner.get(SETTINGS))
    return await owner.send("POST", SETTINGS, do=do, version=version, **{**FORM, "s-base_url": address, **more})


async def counting(portal: Portal) -> list[str]:
    """Give the secrets that webhooks of it are believed by."""
    office = (await litestar_of(portal.app).state.offices.all())["books"]
    assert isinstance(office.opened.config, WebhookConfig)
    return [secret.decode() for secret in office.opened.config.webhook_secrets]


async def fates(portal: Portal) -> dict[str, str]:
    """Say what the trail has of the secrets at the last change."""
    async with portal.database.read() as session:
        lines = await session.scalars(sa.select(AuditLine).order_by(AuditLine.number.desc()))
        told = next(line.details for line in lines if line.what == "source.changed")
    found = re.search(r'"secrets": ?({[^}]*})', told)
    assert found
    return dict(re.findall(r'"(\w+)": ?"([^"]+)"', found[1]))


async def test_takes_a_stored_secret_away_and_tells_the_trail(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    assert await counting(portal) == ["hook-new", "hook-old"]
    form = (await owner.get(SETTINGS)).text
    assert 'type="checkbox" name="away-webhook_secret_before" value="yes"' in form
    assert "away-api_key" not in form, "nobody gets in without it"
    assert "away-" not in (await owner.get("/staff/sources/new/odoo")).text, "there is none yet"
    tested = await send(owner, sandbox.odoo_url, do="test", **{"away-webhook_secret_before": "yes"})
    assert tested.status_code == 303
    assert 'name="away-webhook_secret_before" value="yes" checked' in (await owner.get(SETTINGS)).text
    assert await counting(portal) == ["hook-new", "hook-old"], "nothing is saved yet"
    done = await send(owner, sandbox.odoo_url, **{"away-webhook_secret_before": "yes"})
    assert done.headers["location"] == "/staff/sources/books"
    assert await counting(portal) == ["hook-new"]
    assert await fates(portal) == {"webhook_secret_before": "taken away"}
    assert "away-webhook_secret_before" not in (await owner.get(SETTINGS)).text


async def test_keeps_what_nobody_ticked(portal: Portal, owner: Staff, sandbox: RunningSandbox) -> None:
    await send(owner, sandbox.odoo_url, do="test", **{"away-webhook_secret_before": "yes"})
    await send(owner, sandbox.odoo_url, title="Other books")
    assert await counting(portal) == ["hook-new", "hook-old"]


async def test_takes_away_also_what_was_made_here(portal: Portal, owner: Staff, sandbox: RunningSandbox) -> None:
    await owner.send("POST", "/staff/sources/books/secret")
    made = (await counting(portal))[0]
    assert await counting(portal) == [made, "hook-new"]
    done = await send(owner, sandbox.odoo_url, **{"away-webhook_secret_before": "yes"})
    assert done.status_code == 303
    assert await counting(portal) == [made]
    said = words(await owner.get("/staff/sources/books"))
    assert "the one before counts too" not in said
    async with portal.database.read() as session:
        row = await session.get(Source, "books")
    assert row
    assert row.rotated_at, "what was made here stays although no file names it"
    assert (await send(owner, sandbox.odoo_url, **{"away-webhook_secret": "yes"})).status_code == 303
    assert await counting(portal) == []


async def test_asks_which_is_meant(portal: Portal, owner: Staff, sandbox: RunningSandbox) -> None:
    both = {"away-webhook_secret_before": "yes", "secret-webhook_secret_before": "hook-other"}
    answer = await send(owner, sandbox.odoo_url, **both)
    assert answer.status_code == 422
    assert "Enter a new one or take it away, not both." in words(answer)
    assert '<details class="card more" open>' in answer.text
    assert await counting(portal) == ["hook-new", "hook-old"]
    done = await send(owner, sandbox.odoo_url, **{"away-webhook_secret_before": "yes"})
    assert done.status_code == 303
    assert await counting(portal) == ["hook-new"]


async def test_says_that_the_webhooks_secret_goes_with_the_address(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    address = sandbox.odoo_url.replace("127.0.0.1", "localhost")
    moved = {"secret-api_key": ODOO_KEY}
    assert LOST not in words(await owner.get(SETTINGS))
    assert (await send(owner, address, do="test", **moved)).status_code == 303
    form = await owner.get(SETTINGS)
    assert words(form).count(AGAIN) == 2
    assert LOST in words(form)
    assert '<details class="card more" open>' in form.text
    assert "away-webhook_secret" not in form.text
    done = await send(owner, address, **moved)
    assert done.status_code == 303
    assert await counting(portal) == []
    assert await fates(portal) == {
        "webhook_secret": "taken away",
        "webhook_secret_before": "taken away",
    }
    page = await owner.get(unescape(done.headers["location"]))
    assert LOST in words(page)
    assert "hx-get" not in page.text, "it does not go while somebody reads it"
    assert LOST not in words(await owner.get("/staff/sources/books"))
    assert LOST not in words(await owner.get(SETTINGS))
    await send(owner, address, **{"secret-webhook_secret": "hook-third"})
    assert LOST not in words(await owner.get(unescape(done.headers["location"]))), "it is there again"


async def test_says_nothing_where_a_new_one_is_entered(portal: Portal, owner: Staff, sandbox: RunningSandbox) -> None:
    address = sandbox.odoo_url.replace("127.0.0.1", "localhost")
    typed = {"secret-api_key": ODOO_KEY, **HOOKS}
    done = await send(owner, address, **typed)
    assert done.headers["location"] == "/staff/sources/books"
    assert await counting(portal) == ["hook-new", "hook-old"]


async def test_keeps_the_webhooks_secret_at_another_path_of_the_host(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    moved = {"secret-api_key": ODOO_KEY}
    answer = await send(owner, f"{sandbox.odoo_url}/elsewhere", do="test", **moved)
    assert answer.status_code == 303
    said = words(await owner.get(SETTINGS))
    assert LOST not in said
    assert AGAIN not in said
    assert (await owner.send("POST", f"{SETTINGS}/untested")).headers["location"] == "/staff/sources/books"
    assert await counting(portal) == ["hook-new", "hook-old"]


async def test_says_no_secret_before_where_there_was_none(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    away = {"away-webhook_secret": "yes", "away-webhook_secret_before": "yes"}
    assert (await send(owner, sandbox.odoo_url, **away)).status_code == 303
    await owner.send("POST", "/staff/sources/books/secret")
    assert "the one before counts too" not in words(await owner.get("/staff/sources/books"))


async def test_ends_the_day_of_the_secret_before_also_under_another_key(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    await owner.send("POST", "/staff/sources/books/secret")
    connectors, ring = load_connectors(), vault(KEYS, NEW_KEY)
    named = {"ODOO_KEY": ODOO_KEY, "RT_TOKEN": "t", "ODOO_HOOK": "h", "RT_HOOK": "h", "BOOKS_API_KEY": ODOO_KEY}
    wanted = parse(await export(portal.database), connectors, LAX, environ=named, folder=Path())
    diff = await plan(portal.database, ring, connectors, wanted)
    await apply(portal.database, ring, diff, utc_now(), trail=TRAIL, by=BY)
    async with portal.database.read() as session:
        row = await session.get(Source, "books")
    assert row
    assert row.rotated_at, "nothing of it was changed, only sealed anew"
