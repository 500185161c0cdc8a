"""The number in a form to be called back: what is known of who asks, and of nobody else."""

import httpx
import pytest
from support_portal import Portal
from support_sandbox import RunningSandbox
from test_asking import form, send, until

from connectors.sandbox.faults import Fault

PAGE = "/requests/new/call-back"
KNOWN, GIVEN = "0113 496 0142", "020 7946 0182"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


async def give(browser: httpx.AsyncClient, number: str) -> None:
    answer = await send(browser, {**await form(browser, PAGE), "phone": number, "when": "Any time"}, PAGE)
    assert answer.status_code == 303, answer.text
    await until(browser, answer.headers["location"], "Reference")


async def test_begins_with_what_a_source_knows_of_the_person(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    assert (await form(maya, PAGE))["phone"] == ""
    await portal.tie("maya", "erp", "21")  # somebody of another company
    maya = await portal.browser("maya", "bakery")
    assert (await form(maya, PAGE))["phone"] == ""
    await portal.tie("maya", "erp", "11")
    maya = await portal.browser("maya", "bakery")
    assert (await form(maya, PAGE))["phone"] == KNOWN
    sandbox.site.odoo.rows["res.partner"][11]["phone"] = "ask Tom for it"
    assert (await form(maya, PAGE))["phone"] == ""


async def test_begins_with_what_they_gave_last_where_no_source_knows_or_answers(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    await portal.link("joseph", "bakery", ("erp", "10"))
    joseph = await portal.browser("joseph", "bakery")
    await give(joseph, "0113 496 0199")
    assert (await form(maya, PAGE))["phone"] == ""
    for number in ("0113 496 0100", GIVEN):
        await give(maya, number)
        assert (await form(maya, PAGE))["phone"] == number
    await portal.tie("maya", "erp", "11")
    maya = await portal.browser("maya", "bakery")
    assert (await form(maya, PAGE))["phone"] == KNOWN
    sandbox.odoo_fault(Fault(kind="unavailable"))
    assert (await form(maya, PAGE))["phone"] == GIVEN
