"""What is this? Every status says what it means and what to do: beside it, or over the page when it is pressed."""

import pytest
from playwright.async_api import expect
from support_every_page import LISTS, RECORDS, Stage, cookie

# What is on a page does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

BARE = """() => [...document.querySelectorAll('main .chip')].filter(chip => {
  if (chip.closest('.asks')) return false;
  const around = chip.closest('li, .page-head, section');
  return !around || around.textContent.trim().length < chip.textContent.length + 30;
}).map(chip => chip.textContent)"""


async def test_leaves_no_status_without_its_meaning(stage: Stage) -> None:
    page = await (await stage.look(await stage.member("maya", "bakery"))).new_page()
    asked = 0
    for path in (*LISTS, *RECORDS, "/orders?show=all", "/invoices?show=all", "/search?q=oven"):
        await page.goto(path)
        assert await page.evaluate(BARE) == [], path
        asked += await page.locator(".asks").count()
        texts = await page.locator(".says").all_text_contents()
        assert all(len(text.split()) > 3 for text in texts), path
    assert asked > 10


async def test_says_it_over_the_page_and_without_a_script(stage: Stage) -> None:
    session = await stage.member("maya", "bakery")
    context = await stage.browser.new_context(
        base_url=stage.portal.base_url, java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    await context.add_cookies([cookie(session)])
    page = await context.new_page()
    await page.goto("/invoices?show=all")
    asks, says = page.locator(".asks").first, page.locator(".says").first
    height = await page.locator("main").bounding_box()
    await expect(says).to_be_hidden()
    await asks.focus()
    await page.keyboard.press("Enter")
    await expect(says).to_be_visible()
    assert await page.locator("main").bounding_box() == height, "nothing moves"
    box = await says.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    await page.keyboard.press("Escape")
    await expect(says).to_be_hidden()
    await expect(asks).to_be_focused()
    await asks.click()
    await expect(says).to_be_visible()
    await page.mouse.click(200, 5)
    await expect(says).to_be_hidden()
    await context.close()
