"""What people see, in Chromium: pages that fit, load little, obey the content policy, and fill themselves in."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright._impl._api_structures import SetCookieParam
from playwright.async_api import BrowserContext, Page, async_playwright, expect
from playwright.async_api import TimeoutError as NothingCame
from support_chromium import CHROMIUM, find_chromium
from support_portal import Portal
from support_sandbox import RunningSandbox

from auth import cookies
from connectors.sandbox.faults import Fault

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PAGES = (
    *("/", "/invoices?show=all", "/invoices", "/invoices/statement", "/requests", "/account", "/requests/helpdesk/881"),
    *("/account/details", "/account/delete", "/nowhere"),
)
COOKIE = SetCookieParam(
    name=cookies.SESSION, value="", domain="127.0.0.1", path="/", secure=True, httpOnly=True, sameSite="Lax"
)
FIRST_VIEW = 60_000  # bytes that a first visit may transfer


@pytest_asyncio.fixture
async def context(served: tuple[Portal, str]) -> AsyncIterator[BrowserContext]:
    portal, session = served
    program = find_chromium()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        opened = await chromium.new_context(base_url=portal.base_url)
        await opened.add_cookies([{**COOKIE, "value": session}])
        yield opened
        await chromium.close()


@pytest_asyncio.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page; the test fails if anything on it breaks the content policy or throws."""
    broken: list[str] = []
    opened = await context.new_page()
    opened.on("console", lambda said: broken.append(said.text) if said.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: broken.append(str(error)))
    yield opened
    assert not [said for said in broken if "404 (Not Found)" not in said]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_fits_the_narrowest_phone_and_every_page_keeps_the_content_policy(page: Page, scheme: str) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_viewport_size({"width": 320, "height": 640})
    for path in PAGES:
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path


async def test_loads_little_and_nothing_from_elsewhere(page: Page, served: tuple[Portal, str]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("/", wait_until="networkidle")
    assert {url.partition("?")[0] for url in asked if not url.startswith(served[0].base_url)} == set()
    sizes = "performance.getEntriesByType('resource').map(entry => entry.transferSize)"
    assert sum(await page.evaluate(sizes)) < FIRST_VIEW


async def test_fills_a_partial_page_in_by_itself(page: Page, sandbox: RunningSandbox) -> None:
    sandbox.odoo_fault(Fault(kind="hang"))
    await page.goto("/invoices?show=all")
    await expect(page.locator(".banner")).to_contain_text("Invoices is taking longer than usual.")
    for _ in range(2):  # it asks again, and again
        asked = await page.wait_for_event("request", timeout=30_000)
        assert asked.headers["x-account"] == "bakery"
        assert asked.url.endswith("/invoices?show=all")
    sandbox.lift_faults()
    await expect(page.get_by_role("table")).to_be_visible(timeout=30_000)
    await expect(page.locator(".banner")).to_have_count(0)
    with pytest.raises(NothingCame):  # and no more, once all is there
        await page.wait_for_event("request", timeout=5_000)


async def test_turns_instants_into_ages_and_keeps_the_instant(page: Page) -> None:
    await page.goto("/invoices")
    age = page.locator(".stamp time").first
    await expect(age).to_have_text("just now")
    assert await age.get_attribute("datetime")
    assert ":" in str(await age.get_attribute("title"))


async def test_says_the_same_without_scripts(context: BrowserContext, served: tuple[Portal, str]) -> None:
    browser = context.browser
    assert browser is not None
    plain = await browser.new_context(base_url=served[0].base_url, java_script_enabled=False)
    await plain.add_cookies(await context.cookies())  # type: ignore[arg-type]
    page = await plain.new_page()
    await page.goto("/")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("need")
    await expect(page.locator(".stamp time").first).to_contain_text("today ")
    await page.get_by_role("link", name="Requests").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Requests")


async def test_goes_by_keyboard_from_the_first_key_to_the_content(page: Page) -> None:
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('main') !== null")


async def test_signs_out_from_the_account_page(page: Page) -> None:
    await page.goto("/account")
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    await page.goto("/invoices")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
