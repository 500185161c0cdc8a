"""Signing in by e-mail in Chromium, as wide as a phone, with a real mail server and the worker's own rounds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from msgspec import Struct
from msgspec.structs import replace
from playwright.async_api import Browser, Page, async_playwright, expect
from support_chromium import CHROMIUM, find_chromium
from support_codes import ANN, code_in, invite_to_acme, link_in
from support_door import litestar_of
from support_mails import KEYS, SENDER, Sink, sink
from support_portal import listening
from support_sandbox import free_port

from auth.clock import utc_now
from connectors.config import Secret
from gateway.app import make_app
from gateway.mails.choices import Stops
from gateway.mails.letters import Letters
from gateway.records.database import Database
from gateway.settings import Settings
from gateway.sign_in import ProviderSettings
from gateway.sign_in_codes.beginning import begin_codes

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ARRIVES_WITHIN = 30.0  # seconds, on a busy machine


class Phone(Struct, frozen=True):
    """A browser, where the portal is, and what the mail server has."""

    browser: Browser
    base: str
    server: Sink

    async def page(self, *, script: bool = True) -> Page:
        size = {"width": 390, "height": 800}
        context = await self.browser.new_context(base_url=self.base, viewport=size, java_script_enabled=script)  # type: ignore[arg-type]  # as its documentation has it
        return await context.new_page()

    async def mail(self, number: int) -> tuple[str, str]:
        """Wait for a mail, and read its code and its link."""
        async with asyncio.timeout(ARRIVES_WITHIN):
            while len(self.server.mails) < number:  # noqa: ASYNC110  # the mail server tells nobody
                await asyncio.sleep(0.05)
        mail = self.server.mails[number - 1][1]
        return code_in(mail), self.base + link_in(mail)


@pytest_asyncio.fixture
async def phone(portal_settings: Settings, database: Database) -> AsyncIterator[Phone]:
    """Ann is invited, and signs in at a portal that has codes alone."""
    program, port = find_chromium(), free_port()
    await invite_to_acme(database, ANN)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(sink())
        settings = replace(
            portal_settings,
            base_url=f"http://127.0.0.1:{port}",
            oidc=ProviderSettings(),
            sign_in="code",
            smtp_url=Secret(f"smtp://127.0.0.1:{server.port}"),
            mail_from=SENDER.address,
        )
        app = make_app(settings)
        letters = Letters(replace(SENDER, base_url=settings.base_url), Stops(KEYS).sign, utc_now)
        await stack.enter_async_context(listening(app, port))
        await begin_codes(stack, settings, database, litestar_of(app).state.offices, letters)
        playwright = await stack.enter_async_context(async_playwright())
        chromium = await playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield Phone(chromium, settings.base_url, server)
        await chromium.close()


@pytest.mark.parametrize("script", [True, False])
async def test_asks_for_a_code_types_it_and_is_at_home(phone: Phone, *, script: bool) -> None:
    page = await phone.page(script=script)
    await page.goto("/account")
    await page.get_by_label("Your e-mail address").fill(ANN)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")
    code, _ = await phone.mail(1)
    await page.get_by_label("The code in the mail").fill("00 00 00 00")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("not the code")
    await expect(page.get_by_label("The code in the mail")).to_be_focused()
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Acme")
    assert page.url == f"{phone.base}/account", "where they were on their way to"
    await page.goto("/")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url == f"{phone.base}/"
    await page.context.close()


async def test_signs_in_by_the_link_where_it_was_asked_for(phone: Phone) -> None:
    page, elsewhere = await phone.page(), await phone.page()
    await page.goto("/sign-in")
    await page.get_by_label("Your e-mail address").fill("ann")
    await page.get_by_role("button", name="Send me a code").click()
    await expect(page.get_by_role("alert")).to_contain_text("no e-mail address")
    await page.get_by_label("Your e-mail address").fill(ANN)
    await page.get_by_role("button", name="Send me a code").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")
    _, link = await phone.mail(1)
    await elsewhere.goto(link)
    await expect(elsewhere.get_by_role("heading", level=1)).to_have_text("Type the code instead")
    await page.goto(link)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url == f"{phone.base}/"
    for each in (page, elsewhere):
        await each.context.close()
