"""Help in a browser: what fits is said while somebody writes, and they may leave with their answer."""

import pytest
from playwright.async_api import expect
from support_every_page import Stage

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@SQLITE
async def test_says_what_fits_while_it_is_written(stage: Stage) -> None:
    context = await stage.look(await stage.member("maya", "bakery"))
    page = await context.new_page()
    await page.goto("/requests/new/something-else")
    fitting = page.locator("#fitting")
    await expect(fitting).to_be_empty()
    await page.get_by_label("What is it about?").press_sequentially("paying an invoice")
    await expect(fitting.get_by_role("link", name="How to pay an invoice")).to_be_visible()
    await expect(page.get_by_label("What is it about?")).to_have_value("paying an invoice")
    await expect(page.locator("#said")).to_be_empty()
    await page.get_by_role("button", name="This answered it").click()
    await page.wait_for_url("**/")
    await context.close()
