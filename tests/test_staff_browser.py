"""What staff do, in Chromium: a page of a customer's in a frame where nothing lives, and a look at what they see."""

import asyncio

import pytest
from playwright.async_api import Page, expect
from support_every_page import DESK, Stage

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def code_of(stage: Stage) -> str:
    """What a customer reads out, of a page that has been written down."""
    page = await (await stage.look(await stage.member("maya", "bakery"))).new_page()
    await page.goto("/invoices?show=all")
    return await page.locator(".code b").inner_text()


async def looked_up(page: Page, code: str) -> None:
    async with asyncio.timeout(20):
        while True:
            await page.goto("/staff/pages")
            await page.get_by_label("Code on the page").fill(code)
            await page.get_by_role("button", name="Show the page").click()
            await page.wait_for_load_state()
            if await page.locator("iframe.then").count():
                return


async def test_shows_a_page_as_it_looked_and_dead(stage: Stage) -> None:
    code = await code_of(stage)
    page = await (await stage.look(await stage.staff("support"))).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    asked: list[str] = []
    await looked_up(page, code)
    page.on("request", lambda request: asked.append(request.url))
    frame = page.frames[1]
    assert await frame.locator(".code b").inner_text() == code
    assert await frame.locator(".card").first.evaluate("card => getComputedStyle(card).borderRadius") != "0px"
    assert said == []
    await frame.locator("main a").first.click()
    await frame.locator("main a").first.click(modifiers=["ControlOrMeta"])
    await frame.locator("input[type=search]").last.fill("x")
    await frame.locator("input[type=search]").last.press("Enter")
    await page.wait_for_timeout(300)
    assert (frame.url, len(page.context.pages), asked) == ("about:srcdoc", 1, [])
    assert all("Blocked" in line for line in said)


async def test_looks_at_what_a_customer_sees_and_stops(stage: Stage) -> None:
    page = await (await stage.look(await stage.staff("support"))).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.goto("/staff/customers?q=bakery")
    await page.get_by_role("button", name="View as").click()
    banner = page.get_by_label("You look at what a customer sees")
    await expect(banner).to_contain_text("Bakery sees")
    await page.get_by_role("link", name="Invoices").first.click()
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(banner).to_be_in_viewport()
    await banner.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    await expect(banner).to_have_count(0)
    assert said == []


async def test_fits_the_narrowest_phone(stage: Stage) -> None:
    page = await (await stage.look(await stage.staff("owner"))).new_page()
    await page.set_viewport_size({"width": 320, "height": 640})
    for path in DESK:
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
