"""How far it is from Home to what people come for, on a phone, and by keyboard alone."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from support_every_page import Stage
from support_uploads import PDF

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TABS = 60  # times that anybody would press the key
SEES_FOCUS = """element => [element, element.closest("li")].some(
  each => each && getComputedStyle(each).outlineStyle !== "none"
)"""


@pytest_asyncio.fixture(params=["touch", "keyboard"])
async def visitor(stage: Stage, request: pytest.FixtureRequest) -> AsyncIterator["Visitor"]:
    context = await stage.look(await stage.member("maya", "bakery"))
    page = await context.new_page()
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto("/")
    yield Visitor(page, by_keyboard=request.param == "keyboard")
    await context.close()


class Visitor:
    """Somebody at Home, who counts how often they have to choose something."""

    def __init__(self, page: Page, *, by_keyboard: bool) -> None:
        self.page = page
        self.clicks = 0
        self._by_keyboard = by_keyboard

    async def click(self, target: Locator) -> None:
        self.clicks += 1
        if not self._by_keyboard:
            await target.click()
            return
        for _ in range(TABS):
            await self.page.keyboard.press("Tab")
            if await target.evaluate("element => element === document.activeElement"):
                assert await target.evaluate(SEES_FOCUS), f"nobody can see that {target} has the focus"
                await self.page.keyboard.press("Enter")
                return
        raise AssertionError(f"{target} cannot be reached by keyboard")

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")


async def test_gives_the_pdf_of_an_overdue_invoice_by_one_click(visitor: Visitor) -> None:
    async with visitor.page.expect_download() as download:
        await visitor.click(visitor.main.get_by_role("link", name="PDF of INV-2093"))
    assert (await download.value).suggested_filename.endswith(".pdf")
    assert visitor.clicks == 1


async def test_says_how_an_order_is_by_none_and_more_by_one(visitor: Visitor) -> None:
    order = visitor.main.get_by_role("listitem").filter(has_text="Order SO-4424")
    await expect(order).to_contain_text("On its way")
    await expect(order).to_contain_text("Expected ")
    await visitor.click(order.get_by_role("link"))
    await expect(visitor.main.get_by_role("heading", level=1)).to_have_text("Order SO-4424")
    await expect(visitor.main.locator("[aria-current=step]")).to_contain_text("On its way")
    await expect(visitor.main.get_by_role("heading", name="Shipments")).to_be_visible()
    assert visitor.clicks == 1


async def test_leads_to_the_question_that_waits_for_an_answer_by_one(visitor: Visitor) -> None:
    await visitor.click(visitor.main.get_by_role("link", name="Read our question").first)
    await expect(visitor.main.get_by_role("log")).to_contain_text("Now it’s your turn")
    await expect(visitor.main.get_by_role("heading", name="Your answer")).to_be_visible()
    assert visitor.clicks == 1


async def test_sends_a_request_by_two_and_the_form(visitor: Visitor) -> None:
    await visitor.click(visitor.main.get_by_role("link", name="New request"))
    await visitor.click(visitor.main.get_by_role("link", name="A question about an order"))
    assert visitor.clicks == 2
    await visitor.main.get_by_label("Which order?").select_option("erp/orders/4440")
    await visitor.main.get_by_label("What is it about?").select_option("Change the delivery day")
    await visitor.main.get_by_label("Your question").fill("Does Monday work?")
    await visitor.click(visitor.main.get_by_role("button", name="Send to Hallway"))
    await expect(visitor.main.get_by_role("heading", level=1)).to_have_text("Change the delivery day: SO-4440")
    await expect(visitor.main).to_contain_text("Reference ")
    await expect(visitor.main.get_by_role("link", name="See the request")).to_be_visible()  # without a reload
    await visitor.click(visitor.main.get_by_role("link", name="See the request"))
    await expect(visitor.main.get_by_role("log")).to_contain_text("Does Monday work?")


async def test_asks_about_an_order_by_three_and_the_form(visitor: Visitor) -> None:
    await visitor.click(visitor.main.get_by_role("listitem").filter(has_text="Order SO-4424").get_by_role("link"))
    await visitor.click(visitor.main.get_by_role("link", name="Ask about this order"))
    await visitor.click(visitor.main.get_by_role("link", name="A question about an order"))
    await expect(visitor.main.get_by_label("Which order?")).to_have_value("erp/orders/4424")
    await expect(visitor.main.get_by_role("heading", name="This may already answer it")).to_be_visible()
    assert visitor.clicks == 3


async def test_answers_the_question_that_waits_by_one_and_the_text(visitor: Visitor) -> None:
    await visitor.click(visitor.main.get_by_role("link", name="Read our question").first)
    assert visitor.clicks == 1
    await visitor.main.get_by_label("Message").fill("Yes, in the morning.")
    await visitor.click(visitor.main.get_by_role("button", name="Send", exact=True))
    answer = visitor.main.get_by_role("article").filter(has_text="Yes, in the morning.")
    await expect(answer).to_be_visible()
    await expect(visitor.main.locator("#pending")).to_have_count(0)  # it is part of the conversation, without a reload
    await expect(answer).to_be_visible()


async def test_gives_the_statement_of_this_year_by_three(visitor: Visitor) -> None:
    await visitor.click(visitor.main.get_by_role("region", name="To pay").get_by_role("link", name="All invoices"))
    await visitor.click(visitor.main.get_by_role("link", name="Statement as PDF or table"))
    async with visitor.page.expect_download() as download:
        await visitor.click(visitor.main.get_by_role("link", name="PDF", exact=True))
    assert (await download.value).suggested_filename.endswith(".pdf")
    assert visitor.clicks == 3


async def test_accepts_a_quote_by_three(visitor: Visitor) -> None:
    await visitor.click(visitor.main.get_by_role("link", name="See the quote SO-4449"))
    await visitor.click(visitor.main.get_by_role("link", name="Accept", exact=True))
    await visitor.click(visitor.main.get_by_role("button", name="Order for €785.60"))
    await expect(visitor.main.locator("#handed")).to_contain_text("You accepted this quote")
    assert visitor.clicks == 3


async def test_orders_again_by_three(visitor: Visitor) -> None:
    await visitor.click(visitor.main.get_by_role("listitem").filter(has_text="Order SO-4424").get_by_role("link"))
    await visitor.click(visitor.main.get_by_role("link", name="Order again"))
    await visitor.click(visitor.main.get_by_role("button", name="Ask for it again"))
    await expect(visitor.main.locator("#handed")).to_contain_text("You asked for all of it again")
    assert visitor.clicks == 3


async def test_sends_a_document_that_is_asked_for_by_one_and_the_file(visitor: Visitor) -> None:
    need = visitor.main.get_by_role("listitem").filter(has_text="Trade licence").filter(has_text="Overdue")
    await visitor.click(need.get_by_role("link"))
    assert visitor.clicks == 1
    await visitor.main.get_by_label("Files").set_input_files(
        {"name": "licence.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    await visitor.click(visitor.main.get_by_role("button", name="Send", exact=True))
    await expect(visitor.main).to_contain_text("We have it and look at it.")
    await expect(visitor.main).to_contain_text("licence.pdf")


async def test_says_what_is_to_pay_by_none_and_for_which_invoices_by_one(visitor: Visitor) -> None:
    to_pay = visitor.main.get_by_role("region", name="To pay")
    await expect(to_pay).to_contain_text("€")
    await visitor.click(to_pay.get_by_role("link", name="All invoices"))
    await expect(visitor.main.get_by_role("heading", level=1)).to_have_text("Invoices")
    assert visitor.clicks == 1


async def test_finds_a_person_to_talk_to_by_none(visitor: Visitor) -> None:
    call = visitor.main.get_by_role("link", name="020 7946 0182")
    await expect(call).to_have_attribute("href", "tel:02079460182")
    assert visitor.clicks == 0
