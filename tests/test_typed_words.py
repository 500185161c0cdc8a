"""What somebody types stays on the page: when their session ends, when they move on, and when its form would go."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa
from playwright.async_api import BrowserContext, Page, expect
from support_door import litestar_of
from support_every_page import Stage, cookie
from support_sandbox import RunningSandbox
from support_streams import PATIENCE
from test_live_pages import opened, paid

from gateway.drafts import Drafts
from gateway.records.outbox_tables import OutboxRow

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

REQUEST = "/requests/helpdesk/881"
ASK = "/requests/new/order"
WORDS = "Half a letter"
OUT = "You were signed out."
ELSEWHERE = "You chose another account in another tab."
CHANGED = "This page has changed."


class Maya:
    """Somebody with one browser, whose session ends and begins again without a page of theirs."""

    def __init__(self, stage: Stage, context: BrowserContext, session: str) -> None:
        self._stage = stage
        self.context = context
        self._session = session

    async def sign_out(self) -> None:
        """End the session, of which the browser keeps the cookie."""
        await self._stage.portal.sessions.end(self._session)

    async def sign_in(self) -> None:
        """Do as the callback does."""
        sessions = self._stage.portal.sessions
        old, self._session = self._session, await self._stage.member("maya", "bakery")
        drafts: Drafts = litestar_of(self._stage.portal.app).state.drafts
        await drafts.take_over(sessions.name_of(old) or "", sessions.name_of(self._session) or "")
        await self.context.add_cookies([cookie(self._session)])

    async def choose(self, account: str) -> None:
        """Choose an account in another tab."""
        other = await self.context.new_page()
        await other.goto("/")
        await other.locator("details.menu summary").click()
        await other.locator(".menu-list").get_by_role("button", name=account).click()
        await expect(other.locator("details.menu summary")).to_contain_text(account)
        await other.close()


@pytest_asyncio.fixture
async def maya(stage: Stage) -> AsyncIterator[Maya]:
    session = await stage.member("maya", "bakery")
    context = await stage.look(session)
    yield Maya(stage, context, session)
    await context.close()


@pytest_asyncio.fixture
async def page(maya: Maya) -> AsyncIterator[Page]:
    """A page; the test fails if anything on it breaks the content policy or throws."""
    broken: list[str] = []
    page = await maya.context.new_page()
    page.on("console", lambda said: broken.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    assert not [said for said in broken if "Failed to load resource" not in said]


async def says(page: Page, words: str) -> None:
    """Wait for a banner that is announced."""
    banner = page.locator("main [role=alert].banner")
    await expect(banner).to_contain_text(words, timeout=PATIENCE * 1000)
    await expect(banner).to_have_count(1)


async def comes_back_to(page: Page) -> None:
    await page.evaluate("dispatchEvent(new Event('focus'))")


async def turn(stage: Stage, id_: str, state: str) -> None:
    """Do as if something that was sent had gone on."""
    async with stage.portal.database.write() as rows:
        await rows.execute(sa.update(OutboxRow).where(OutboxRow.id == id_).values(state=state))


async def test_keeps_the_words_when_the_session_ends_and_takes_them_along(page: Page, maya: Maya) -> None:
    began = await opened(page, REQUEST)
    field = page.locator("#answer #text")
    await field.press_sequentially(WORDS)
    await maya.sign_out()
    await says(page, OUT)
    await expect(field).to_have_value(WORDS)
    await expect(field).to_be_focused()
    assert await page.evaluate("performance.timeOrigin") == began
    await page.locator("#answer").get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await maya.sign_in()
    await page.goto(f"{REQUEST}/reply?draft=1")
    await expect(field).to_have_value(WORDS)


async def test_sends_the_words_once_somebody_has_signed_in_in_another_tab(page: Page, maya: Maya) -> None:
    began = await opened(page, REQUEST)
    await page.locator("#answer #text").press_sequentially(WORDS)
    await maya.sign_out()
    await says(page, OUT)
    link = page.locator("main .banner").get_by_role("link")
    assert [await link.get_attribute(name) for name in ("href", "target")] == ["/sign-in", "_blank"]
    await comes_back_to(page)
    await says(page, OUT)
    await maya.sign_in()
    await comes_back_to(page)
    await expect(page.locator("main .banner[role=alert]")).to_have_count(0, timeout=PATIENCE * 1000)
    await expect(page.locator("#answer #text")).to_have_value(WORDS)
    assert await page.evaluate("performance.timeOrigin") == began
    await page.locator("#answer").get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".bubble.mine", has_text=WORDS)).to_have_count(1)


async def test_keeps_the_words_of_a_form_that_asks_while_it_is_filled_in(page: Page, maya: Maya) -> None:
    began = await opened(page, ASK)
    field = page.locator("textarea").first
    await field.press_sequentially(WORDS)
    await maya.sign_out()
    await says(page, OUT)
    async with page.expect_response(lambda answer: answer.status == 401):
        await field.press_sequentially(" and more")
    await expect(field).to_have_value(f"{WORDS} and more")
    await says(page, OUT)
    assert await page.evaluate("performance.timeOrigin") == began


async def test_keeps_the_words_when_another_tab_moves_to_another_account(page: Page, maya: Maya) -> None:
    began = await opened(page, REQUEST)
    field, send = page.locator("#answer #text"), page.locator("#answer").get_by_role("button", name="Send", exact=True)
    await field.press_sequentially(WORDS)
    await maya.choose("New")
    await says(page, ELSEWHERE)
    await send.click()
    await says(page, ELSEWHERE)
    await expect(field).to_have_value(WORDS)
    assert await page.evaluate("performance.timeOrigin") == began
    await maya.choose("Bakery")
    await comes_back_to(page)
    await expect(page.locator("main .banner[role=alert]")).to_have_count(0, timeout=PATIENCE * 1000)
    await send.click()
    await expect(page.locator(".bubble.mine", has_text=WORDS)).to_have_count(1)


async def test_keeps_a_form_that_the_page_has_no_more(page: Page, stage: Stage, sandbox: RunningSandbox) -> None:
    began = await opened(page, "/requests/sent/sent-needs_you")
    field = page.locator("#text")
    await field.press_sequentially(WORDS)
    await expect(field).to_have_value(f"{WORDS}My order.")
    await turn(stage, "sent-needs_you", "sent")
    await paid(sandbox, stage)
    await says(page, CHANGED)
    await expect(field).to_have_value(f"{WORDS}My order.")
    await expect(field).to_be_focused()
    assert await page.evaluate("performance.timeOrigin") == began
    await page.locator("main .banner").get_by_role("link").click()
    await expect(page.locator("main .chip").first).to_have_text("We have it")


async def test_takes_a_form_along_that_moves(page: Page, stage: Stage, sandbox: RunningSandbox) -> None:
    await turn(stage, "sent-needs_staff", "waiting")
    began = await opened(page, "/requests/sent/sent-needs_staff")
    await page.locator("details.more summary").click()
    await page.locator("#text").press_sequentially(WORDS)
    await turn(stage, "sent-needs_staff", "needs_you")
    await paid(sandbox, stage)
    await expect(page.locator("main .chip").first).to_have_text("Your help needed", timeout=PATIENCE * 1000)
    await expect(page.locator("#text")).to_have_value(f"{WORDS}My order.")
    await expect(page.locator("form[action$='/correct']")).to_have_count(1)
    assert await page.evaluate("performance.timeOrigin") == began
