"""The JSON side: the same records, the same scope, and errors that programs can read."""

from typing import Any

import httpx
import pytest
from support_portal import Portal
from support_sandbox import RunningSandbox

from connectors.sandbox.faults import Fault

LISTS = ("/api/v1/orders", "/api/v1/invoices", "/api/v1/requests")


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


@pytest.fixture
async def ines(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("ines", "hotel")


def has_no_inner_words(body: str) -> bool:
    return not any(word in body for word in ("INTERNAL-CANARY", "vendor_state", "vendorState", "customer_id"))


async def test_gives_every_record_with_its_age_and_its_source(maya: httpx.AsyncClient) -> None:
    for path in LISTS:
        answer = await maya.get(path)
        assert answer.status_code == 200
        page = answer.json()
        assert page["items"]
        assert page["sources"][0]["state"] == "ontime"
        assert page["sources"][0]["fetchedAt"]
        assert has_no_inner_words(answer.text)
        for item in page["items"]:
            whole = await maya.get(item["href"])
            assert whole.status_code == 200
            assert whole.json()["item"]["number"] == item["number"]
            assert has_no_inner_words(whole.text)


async def test_says_what_home_says(maya: httpx.AsyncClient) -> None:
    home = (await maya.get("/api/v1/home")).json()
    assert {need["kind"] for need in home["needs"]} == {"invoices", "requests"}
    assert [total["toPay"]["currency"] for total in home["totals"]] == ["EUR", "GBP"]
    invoices = (await maya.get("/api/v1/invoices?limit=200")).json()["items"]
    to_pay = [
        item for item in invoices if item["status"]["state"] in {"open", "part_paid"} and not item["isCreditNote"]
    ]
    assert sum(total["count"] for total in home["totals"]) == len(to_pay)


async def walk(client: httpx.AsyncClient, limit: int) -> list[str]:
    """Go through the pages of the invoices and give the ids in their order."""
    seen: list[str] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = (await client.get("/api/v1/invoices", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return seen
        query["after"] = page["next"]


async def test_pages_lose_and_double_nothing(ines: httpx.AsyncClient) -> None:
    everything = [item["id"] for item in (await ines.get("/api/v1/invoices?limit=200")).json()["items"]]
    seen = await walk(ines, 37)
    assert len(seen) == len(set(seen)) > 200
    assert seen[:200] == everything


async def test_goes_through_a_long_history_piece_by_piece(
    portal: Portal, ines: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = await walk(ines, 200)
    await portal.forget_records()
    monkeypatch.setattr("gateway.pull.LATEST", 50)
    monkeypatch.setattr("gateway.pull.MAX_PAGES", 1)
    seen = await walk(ines, 37)
    assert len(seen) == len(set(seen))
    assert set(seen) == set(everything)


async def test_answers_not_modified_until_something_changes(maya: httpx.AsyncClient) -> None:
    first = await maya.get("/api/v1/invoices")
    assert first.headers["cache-control"] == "private, no-cache"
    again = await maya.get("/api/v1/invoices", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await maya.get("/api/v1/invoices", headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


async def test_keeps_the_tags_of_two_accounts_apart(maya: httpx.AsyncClient, ines: httpx.AsyncClient) -> None:
    tag = (await maya.get("/api/v1/home")).headers["etag"]
    assert (await ines.get("/api/v1/home", headers={"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/invoices/erp/999999", 404),
        ("/api/v1/invoices/nope/1", 404),
        ("/api/v1/invoices/erp/%00", 404),
        ("/api/v1/requests/helpdesk/..%2f1", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/invoices?limit=0", 400),
        ("/api/v1/invoices?limit=x", 400),
        ("/api/v1/invoices?after=nonsense!", 400),
        ("/api/v1/invoices?after=WyJhIl0", 400),
        ("/api/v1/orders?q=" + "x" * 101, 400),
    ],
)
async def test_writes_problems_that_programs_can_read(maya: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await maya.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["title"]


async def test_asks_a_stranger_to_sign_in(portal: Portal) -> None:
    stranger = portal.stranger()
    for path in (*LISTS, "/api/v1/home", "/api/v1/schema/openapi.json"):
        answer = await stranger.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == 401, path
        assert "set-cookie" not in answer.headers


async def test_does_not_give_what_is_anothers(maya: httpx.AsyncClient, ines: httpx.AsyncClient) -> None:
    for path in LISTS:
        for item in (await maya.get(path)).json()["items"]:
            assert (await ines.get(item["href"])).status_code == 404


async def test_says_that_a_source_is_away(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    sandbox.odoo_fault(Fault(kind="unavailable"))
    page = (await maya.get("/api/v1/invoices")).json()
    assert (page["items"], page["sources"][0]["state"], page["sources"][0]["fetchedAt"]) == ([], "down", None)
    gone = await maya.get("/api/v1/invoices/erp/1")
    assert (gone.status_code, gone.headers["retry-after"]) == (503, "5")


async def test_describes_itself(maya: httpx.AsyncClient) -> None:
    schema = (await maya.get("/api/v1/schema/openapi.json")).json()
    assert set(schema["paths"]) >= {*LISTS, "/api/v1/home", "/api/v1/invoices/{source}/{record}"}
    assert "/sign-out" not in schema["paths"]


async def test_takes_nobody_elses_tag_even_for_the_same_words(portal: Portal) -> None:
    nobody, neither = await portal.browser("nobody", None), await portal.browser("neither", None)
    answer = await nobody.get("/api/v1/orders")
    same = await neither.get("/api/v1/orders", headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (200, answer.content)
