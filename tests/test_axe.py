"""Every page under axe, in Chromium: on a desk and on a phone, by day and by night."""

from collections.abc import Iterable
from typing import Literal

import pytest
from playwright.async_api import BrowserContext, Page
from support_every_page import DESK, DOORS, LISTS, MEMBERS_PAGES, Stage
from support_npm import install
from support_sandbox import RunningSandbox

from connectors.sandbox.faults import Fault

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    *((1280, "light"), (1280, "dark")),
    *((390, "light"), (390, "dark")),
)
RUN = """async only => {
  const options = {rules: {"target-size": {enabled: true}}, resultTypes: ["violations"]};
  const found = await axe.run(only ? {...options, runOnly: only} : options);
  return found.violations.map(each => `${each.impact} ${each.id}: ${each.nodes.map(node => node.target).join(", ")}`);
}"""
EMPTIED = """form => form.querySelectorAll("textarea, select, input:not([type=hidden])").forEach(
  each => { each.value = ""; each.removeAttribute("required"); }
)"""
ALL, COLOURS = None, {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}  # by night only they differ


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    packages = install(tmp_path_factory.mktemp("npm"))
    return (packages / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def faults(context: BrowserContext, axe: str, paths: Iterable[str]) -> list[str]:
    """Open each page and give all that axe has against it. The content policy does not hold for what tests put in."""
    found = []
    page = await context.new_page()
    for path in paths:
        await page.goto(path)
        await page.evaluate(axe)
        for width, scheme in LOOKS:
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{path} at {width} px, {scheme}: {fault}" for fault in await run(page, scheme)]
    return found


async def run(page: Page, scheme: str) -> list[str]:
    faults: list[str] = await page.evaluate(RUN, COLOURS if scheme == "dark" else ALL)
    return faults


async def test_finds_what_is_wrong(stage: Stage, axe: str) -> None:
    page = await (await stage.look(None)).new_page()
    await page.goto("/sign-in")
    await page.evaluate(axe)
    assert await run(page, "light") == []
    await page.evaluate("document.querySelector('.lede').style.color = '#aaa'")
    await page.evaluate("document.documentElement.lang = ''")
    assert [fault.partition(":")[0] for fault in await run(page, "light")] == [
        "serious color-contrast",
        "serious html-has-lang",
    ]
    assert [fault.partition(":")[0] for fault in await run(page, "dark")] == ["serious color-contrast"]


async def test_finds_nothing_on_the_pages_of_a_customer(stage: Stage, axe: str) -> None:
    context = await stage.look(await stage.member("maya", "bakery"))
    assert await faults(context, axe, MEMBERS_PAGES) == []


async def test_finds_nothing_in_the_open_menu(stage: Stage, axe: str) -> None:
    context = await stage.look(await stage.member("maya", "bakery"))
    page = await context.new_page()
    await page.goto("/")
    await page.evaluate(axe)
    await page.locator("summary").click()
    assert await run(page, "light") == []


async def test_finds_nothing_at_the_doors(stage: Stage, axe: str) -> None:
    assert await faults(await stage.look(None), axe, DOORS) == []


async def test_finds_nothing_where_a_code_is_typed(stage: Stage, axe: str) -> None:
    context = await stage.look(None)
    page = await context.new_page()
    await page.goto("/sign-in")
    await page.locator("#address").fill("maya@alderlane.example")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sign-in/code")
    assert await faults(context, axe, ("/sign-in/code",)) == []
    await page.locator("#code").fill("12345678")
    await page.keyboard.press("Enter")
    await page.locator("#code-error").wait_for()
    await page.evaluate(axe)
    assert await run(page, "light") == []


async def test_finds_nothing_where_staff_arrive(stage: Stage, axe: str) -> None:
    assert await faults(await stage.look(await stage.staff()), axe, ("/staff", "/invoices")) == []


async def test_finds_nothing_at_the_desk_of_staff(stage: Stage, axe: str) -> None:
    assert await faults(await stage.look(await stage.staff("owner")), axe, DESK) == []


async def test_finds_nothing_where_there_is_nothing(stage: Stage, axe: str) -> None:
    empty, unlinked = await stage.member("maya", "new"), await stage.member("nobody", None)
    assert await faults(await stage.look(empty), axe, (*LISTS, "/account")) == []
    assert await faults(await stage.look(unlinked), axe, ("/", "/orders", "/account")) == []


async def test_finds_nothing_on_forms_that_came_back(stage: Stage, axe: str) -> None:
    """Each is sent with nothing in it, as a browser would that checks nothing, and says what is missing."""
    page = await (await stage.look(await stage.member("maya", "bakery"))).new_page()
    for path, form in (
        ("/documents/asked/asked", "[action*=asked]"),
        ("/requests/helpdesk/881", "[action$=reply]"),
        ("/requests/new/order", "[action*=order]"),
        ("/requests/sent/sent-needs_you", "[action$=correct]"),
        ("/account/details/edit?source=erp&person=11", "[action$=check]"),
        ("/account/delete", "[action$=delete]"),
    ):
        await page.goto(path)
        await page.eval_on_selector(f"main form{form}", EMPTIED)
        async with page.expect_navigation() as answered:
            await page.eval_on_selector(f"main form{form}", "form => form.submit()")
        assert (await answered.value).status in {200, 422}, path
        await page.evaluate(axe)
        assert await run(page, "light") == [], path


@pytest.mark.parametrize("kind", ["unavailable", "hang"])
async def test_finds_nothing_while_a_source_is_down(
    stage: Stage, axe: str, sandbox: RunningSandbox, kind: Literal["unavailable", "hang"]
) -> None:
    context = await stage.look(await stage.member("maya", "bakery"))
    sandbox.odoo_fault(Fault(kind=kind))
    assert await faults(context, axe, ("/", "/invoices", "/documents", "/search?q=oven", "/orders/erp/4424")) == []
    sandbox.lift_faults()
