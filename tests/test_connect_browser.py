"""From an empty portal to a connected system in Chromium: by clicking and typing alone, counted."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace
from playwright.async_api import Page, async_playwright, expect
from support_audit import TRAIL
from support_chromium import CHROMIUM, find_chromium
from support_every_page import Stage
from support_portal import Portal, listening
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox, free_port

from auth.clock import utc_now
from auth.provider import Identity
from connectors.sandbox.hubspot.consent import CLIENT_ID, CLIENT_SECRET
from connectors.sandbox.zendesk import consent as zendesk
from gateway.access import remember_staff
from gateway.app import make_app
from gateway.records.database import Database
from gateway.settings import Settings

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Owner:
    """Somebody at the console, who counts what they have to do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = self.typed = 0

    async def click(self, role: str, name: str) -> None:
        self.clicks += 1
        await self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]

    async def type(self, label: str, text: str) -> None:
        self.typed += 1
        await self.page.get_by_label(label, exact=True).fill(text)


@pytest_asyncio.fixture
async def owner(portal_settings: Settings, database: Database) -> AsyncIterator[Owner]:
    """An owner who has signed in to a portal that nothing is connected to."""
    port = free_port()
    settings = replace(portal_settings, base_url=f"http://127.0.0.1:{port}")
    portal = Portal(make_app(settings), database, settings)
    identity = Identity(issuer="http://127.0.0.1:9", subject="olga", email=None, name="Olga")
    staff = await remember_staff(database, identity, utc_now(), role="owner", trail=TRAIL)
    session = await portal.sessions.create_for_staff(staff, None, None, "3")
    async with listening(portal.app, port), async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM)
        page = await (await Stage(portal, chromium).look(session)).new_page()
        await page.goto("/staff")
        yield Owner(page)
        await chromium.close()
    await portal.aclose()


async def test_connects_a_system_with_a_key(owner: Owner, sandbox: RunningSandbox) -> None:
    said: list[str] = []
    owner.page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    await owner.click("link", "Sources")
    await owner.click("link", "Connect a system")
    await owner.click("link", "Connect Odoo")
    await owner.type("Address", sandbox.odoo_url)
    await owner.type("Database", ODOO_DATABASE)
    await owner.type("Login", ODOO_LOGIN)
    await owner.type("API key", f"{ODOO_KEY}-mistyped")
    await owner.click("button", "Test and connect")
    await expect(owner.page.get_by_text("Credentials refused")).to_be_in_viewport()
    await owner.type("API key", ODOO_KEY)
    await owner.click("button", "Test and connect")
    await expect(owner.page.get_by_role("heading", level=1)).to_have_text("Odoo")
    assert owner.page.url.endswith("/staff/sources/odoo")
    assert (owner.clicks, owner.typed) == (5, 5), "one click and one field of these mend a mistake"
    assert said == []


async def test_connects_a_system_by_a_consent(owner: Owner, sandbox: RunningSandbox) -> None:
    await owner.click("link", "Sources")
    await owner.click("link", "Connect a system")
    await owner.click("link", "Connect HubSpot")
    await owner.type("Address (optional)", sandbox.hubspot_url)
    await owner.type("Client id (optional)", CLIENT_ID)
    await owner.type("Client secret (optional)", CLIENT_SECRET)
    await owner.click("button", "Test and connect")
    await owner.click("link", "Go on to HubSpot")
    await owner.click("link", "Connect app")
    await expect(owner.page.get_by_text("It works")).to_be_in_viewport()
    await owner.click("button", "Connect")
    await expect(owner.page.get_by_role("heading", level=1)).to_have_text("HubSpot")
    assert (owner.clicks, owner.typed) == (7, 3), "the address has a default outside of tests"


async def test_connects_by_a_consent_whose_tokens_count_once(owner: Owner, sandbox: RunningSandbox) -> None:
    await owner.click("link", "Connect a system")
    await owner.click("link", "Connect Zendesk Support")
    await owner.type("Address", sandbox.zendesk_url)
    await owner.type("Client id (optional)", zendesk.CLIENT_ID)
    await owner.type("Client secret (optional)", zendesk.CLIENT_SECRET)
    await owner.click("button", "Test and connect")
    await owner.click("link", "Go on to Zendesk Support")
    await owner.click("link", "Allow")
    await expect(owner.page.get_by_text("It works")).to_be_in_viewport()
    await owner.click("button", "Connect")
    await expect(owner.page.get_by_role("heading", level=1)).to_have_text("Zendesk Support")
    assert (owner.clicks, owner.typed) == (6, 3)
