"""The doors in and out, in Chromium: what they look like, and that the way out leads to a provider elsewhere."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace
from playwright.async_api import Browser, Page, Route, async_playwright, expect
from support_chromium import CHROMIUM, find_chromium
from support_op import Op
from support_portal import listening
from support_sandbox import free_port

from connectors.config import Secret
from gateway.app import make_app
from gateway.settings import Settings
from gateway.sign_in import ProviderSettings

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

BUTTONS = ["Sign in with your customer account", "Sign in with Example Net"]


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    program = find_chromium()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture
async def address(op: Op, other_op: Op, portal_settings: Settings) -> AsyncIterator[str]:
    """The portal on a port of its own. Its providers are on others: one for customers twice, one for staff."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    op.redirect_uri, other_op.redirect_uri = f"{base}/auth/callback", f"{base}/auth/3/callback"
    settings = replace(
        portal_settings,
        base_url=base,
        oidc=provider(op, title=BUTTONS[0]),
        oidc_2=provider(op, title=BUTTONS[1], client_id="another"),
        oidc_3=provider(other_op, for_="staff"),
    )
    async with listening(make_app(settings), port):
        yield base


def provider(op: Op, **more: str) -> ProviderSettings:
    secret = Secret(op.client_secret)
    return replace(ProviderSettings(issuer=op.issuer, client_id=op.client_id, client_secret=secret), **more)


async def open_page(browser: Browser, base: str, *, script: bool = True) -> tuple[Page, list[str]]:
    """A page, and what the browser has to say against it."""
    context = await browser.new_context(base_url=base, java_script_enabled=script)
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return page, said


@pytest.mark.parametrize("script", [True, False])
async def test_leads_out_by_a_provider_at_another_origin(
    browser: Browser, address: str, op: Op, *, script: bool
) -> None:
    page, said = await open_page(browser, address, script=script)
    await page.goto("/sign-in?next=/account")
    await page.get_by_role("link", name=BUTTONS[0]).click()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    assert page.url.startswith(f"{address}/signed-out?state=")
    assert op.count("/end_session") == 1
    assert op.last("/end_session").query["id_token_hint"].count(".") == 2
    assert said == []
    await page.goto("/account")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await page.context.close()


async def test_leads_out_by_a_link_too(browser: Browser, address: str, op: Op) -> None:
    """Where a browser goes nowhere by itself."""
    page, _ = await open_page(browser, address)

    async def stay(route: Route) -> None:
        answer = await route.fetch(headers={**route.request.headers, "sec-fetch-site": "same-origin"})
        await route.fulfill(response=answer, headers={**answer.headers, "refresh": ""})

    await page.route("**/sign-out", stay)
    await page.goto("/auth/start?next=/account")
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out here")
    assert op.count("/end_session") == 0
    await page.get_by_role("link", name="Go on").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    assert op.count("/end_session") == 1
    await page.context.close()


async def test_leads_staff_in_and_out(browser: Browser, address: str, op: Op, other_op: Op) -> None:
    page, said = await open_page(browser, address)
    await page.goto("/sign-in")
    await page.get_by_role("link", name="Staff sign-in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You have no role yet")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    assert (op.count("/end_session"), other_op.count("/end_session")) == (0, 1)
    assert said == []
    await page.context.close()


async def test_takes_staff_to_the_page_that_they_wanted(browser: Browser, address: str) -> None:
    page, said = await open_page(browser, address)
    await page.goto("/staff/audit?what=session")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Staff sign-in")
    await expect(page.get_by_role("link", name="Sign in with")).to_have_count(0)
    await page.get_by_role("link", name="Staff sign-in").click()
    assert page.url.endswith("/staff/audit?what=session")
    assert said in ([], said[:1])
    await page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_fits_the_narrowest_phone(browser: Browser, address: str, scheme: str) -> None:
    page, said = await open_page(browser, address)
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/sign-in", "/auth/3/start"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
    assert [await page.get_by_role("link", name=name).count() for name in BUTTONS] == [0, 0], "staff are in"
    await page.goto("/sign-in")
    heights = [box["height"] for name in BUTTONS if (box := await page.get_by_role("link", name=name).bounding_box())]
    assert len(heights) == 2
    assert min(heights) >= 44, "wide enough for a thumb"
    assert said == []
    await page.context.close()
