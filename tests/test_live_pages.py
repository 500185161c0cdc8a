"""Open pages in Chromium that follow what changes: no reload, no lost word, nothing once somebody has signed out."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec import to_builtins
from msgspec.structs import replace
from playwright.async_api import BrowserContext, Page, expect
from support_door import litestar_of
from support_every_page import Stage
from support_portal import BAKERY, ODOO_HOOK
from support_redis import RedisProcess
from support_sandbox import RunningSandbox
from support_streams import PATIENCE

from gateway.records.tables import Member, Membership
from gateway.rights import COMPANY, OWN
from web.streams import Streams

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OVERDUE = "/invoices/erp/2093"
HOOK = json.dumps({"_id": 2093, "_model": "account.move"}).encode()
RELOADS = "performance.getEntriesByType('navigation').length + performance.timeOrigin"


@pytest.fixture
def redis_url(redis_process: RedisProcess, patience: str) -> str:
    """A Redis that may be ill-treated."""
    return redis_process.url + patience


@pytest_asyncio.fixture
async def maya(stage: Stage) -> AsyncIterator[BrowserContext]:
    context = await stage.look(await stage.member("maya", "bakery"))
    yield context
    await context.close()


@pytest_asyncio.fixture
async def page(maya: BrowserContext) -> AsyncIterator[Page]:
    """A page; the test fails if anything on it breaks the content policy or throws."""
    broken: list[str] = []
    opened = await maya.new_page()
    opened.on("console", lambda said: broken.append(said.text) if said.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: broken.append(str(error)))
    yield opened
    assert not [said for said in broken if "Failed to load resource" not in said]


async def opened(page: Page, path: str) -> float:
    """Open a page and wait until it follows. Gives what a reload would change."""
    async with page.expect_response(lambda answer: "/live?" in answer.url):
        await page.goto(path)
    await expect(page.locator("main")).not_to_have_attribute("hx-trigger", "every 2s")
    began: float = await page.evaluate("performance.timeOrigin")
    return began


async def paid(sandbox: RunningSandbox, stage: Stage) -> None:
    """Pay the overdue invoice over there, and let Odoo tell us."""
    async with httpx.AsyncClient() as staff:
        values = {"payment_state": "paid"}
        assert (await staff.post(f"{sandbox.url}/control/odoo/invoices/2093", data=values)).status_code == 303
        told = await staff.post(f"{stage.portal.base_url}/hooks/erp?key={ODOO_HOOK}", content=HOOK)
        assert told.status_code == 200


async def test_shows_what_a_webhook_brought_without_a_reload(page: Page, stage: Stage, sandbox: RunningSandbox) -> None:
    began = await opened(page, OVERDUE)
    await expect(page.locator("main .chip").first).to_have_text("Overdue")
    await paid(sandbox, stage)
    await expect(page.locator("main .chip").first).to_have_text("Paid", timeout=PATIENCE * 1000)
    await expect(page.locator("#said")).to_have_text("This page has changed.")
    assert await page.evaluate("performance.timeOrigin") == began


async def test_brings_the_counts_of_the_navigation_too(page: Page, stage: Stage, sandbox: RunningSandbox) -> None:
    began = await opened(page, "/requests")
    count = page.locator("#nav a[href='/invoices'] .count")
    await expect(count).to_contain_text("1")
    await paid(sandbox, stage)
    await expect(count).to_have_count(0, timeout=PATIENCE * 1000)
    await expect(page.locator("#tabs a[href='/invoices'] .count")).to_have_count(0)
    assert await page.evaluate("performance.timeOrigin") == began


async def test_leaves_what_somebody_types_and_has_opened(page: Page, stage: Stage, sandbox: RunningSandbox) -> None:
    await opened(page, "/invoices?show=all")
    field = page.locator("#list-q")
    await field.press_sequentially("half a wo")
    await page.locator("details.menu summary").click()
    await field.focus()
    await page.evaluate("document.getElementById('list-q').setSelectionRange(5, 6); scrollTo(0, 40)")
    row = page.locator("main tr", has_text="2093").first
    await expect(row).not_to_contain_text("Paid")
    await paid(sandbox, stage)
    await expect(row).to_contain_text("Paid", timeout=PATIENCE * 1000)
    await expect(field).to_have_value("half a wo")
    await expect(field).to_be_focused()
    assert await page.evaluate("[document.activeElement.selectionStart, scrollY]") == [5, 40]
    await expect(page.locator("details.menu")).to_have_attribute("open", "")


async def test_leaves_forms_in_the_part_that_changes(
    page: Page, maya: BrowserContext, stage: Stage, sandbox: RunningSandbox
) -> None:
    await stage.portal.link("joseph", "bakery", *BAKERY)
    async with stage.portal.database.write() as rows:
        await rows.execute(sa.update(Membership).values(rights=to_builtins(replace(COMPANY, manages=True))))
        joseph = await rows.scalar(sa.select(Member.id).where(Member.subject == "joseph"))
        await rows.execute(sa.update(Membership).where(Membership.member_id == joseph).values(rights=to_builtins(OWN)))
    await opened(page, "/account")
    await page.locator("details.more summary").click()
    await page.locator(f"#orders-{joseph}").select_option("none")
    await page.locator("#invite-email").press_sequentially("new@alder")
    async with stage.portal.database.write() as rows:  # what the page shows of him changes as well
        rights = to_builtins(replace(OWN, documents="company"))
        await rows.execute(sa.update(Membership).where(Membership.member_id == joseph).values(rights=rights))
    await paid(sandbox, stage)
    await expect(page.locator("#nav a[href='/invoices'] .count")).to_have_count(0, timeout=PATIENCE * 1000)
    await expect(page.locator(f"#colleague-{joseph} dl")).to_contain_text("All of")
    await expect(page.locator(f"#orders-{joseph}")).to_be_visible()
    await expect(page.locator(f"#orders-{joseph}")).to_have_value("none")
    await expect(page.locator("#invite-email")).to_have_value("new@alder")
    await expect(page.locator("#invite-email")).to_be_focused()


async def test_goes_to_the_sign_in_page_when_another_tab_signs_out(page: Page, maya: BrowserContext) -> None:
    await opened(page, "/invoices")
    other = await maya.new_page()
    await other.goto("/account")
    await other.get_by_role("button", name="Sign out", exact=True).click()
    await other.get_by_role("heading", name="You are signed out").wait_for()
    await other.close()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in", timeout=PATIENCE * 1000)


async def test_shows_the_other_account_when_another_tab_moves_there(page: Page, maya: BrowserContext) -> None:
    await opened(page, "/invoices")
    other = await maya.new_page()
    await other.goto("/")
    await other.locator("details.menu summary").click()
    await other.get_by_role("button", name="New").click()
    await expect(page.locator("details.menu summary")).to_contain_text("New", timeout=PATIENCE * 1000)


async def test_catches_up_after_redis_was_away(
    page: Page, stage: Stage, sandbox: RunningSandbox, redis_process: RedisProcess
) -> None:
    began = await opened(page, OVERDUE)
    redis_process.kill()
    await paid(sandbox, stage)
    redis_process.start()
    await expect(page.locator("main .chip").first).to_have_text("Paid", timeout=60_000)
    assert await page.evaluate("performance.timeOrigin") == began


async def test_asks_by_itself_where_there_is_no_room_for_a_stream(
    page: Page, stage: Stage, sandbox: RunningSandbox
) -> None:
    streams: Streams = litestar_of(stage.portal.app).state.live_pages.streams
    streams._most = 0
    await page.add_init_script("const wait = setTimeout; window.setTimeout = (step, time) => wait(step, time / 100)")
    began = await opened(page, OVERDUE)
    await paid(sandbox, stage)
    await expect(page.locator("main .chip").first).to_have_text("Paid", timeout=PATIENCE * 1000)
    assert await page.evaluate("performance.timeOrigin") == began


async def test_closes_the_stream_of_a_page_that_nobody_sees(page: Page, stage: Stage) -> None:
    streams: Streams = litestar_of(stage.portal.app).state.live_pages.streams
    await page.add_init_script("const wait = setTimeout; window.setTimeout = (step, time) => wait(step, time / 100)")
    await opened(page, "/invoices")
    assert streams.count == 1
    show = """state => {
        Object.defineProperty(document, "hidden", {value: state, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await page.evaluate(show, True)
    for _ in range(200):
        if not streams.count:
            break
        await page.wait_for_timeout(20)
    assert streams.count == 0
    async with page.expect_response(lambda answer: "/live?" in answer.url):
        await page.evaluate(show, False)
