"""Webhooks: proven, written down, answered, and then the page follows the back office, whatever the event claims."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from support_portal import ODOO_HOOK, RT_HOOK, Portal
from support_sandbox import RunningSandbox
from support_webhooks import by_standard

from connectors.sandbox.faults import Fault
from gateway.records.database import Database, DatabaseDown
from gateway.records.webhook_tables import InboxRow
from gateway.webhooks.summary import tell
from web.hooks import MOST_BYTES

OVERDUE = 2093  # the bakery's
INVOICE = json.dumps({"_id": OVERDUE, "_model": "account.move", "_name": "claims nothing"}).encode()
TICKET = b'{"ticket": 881}'
TRIES = 200


def odoo(key: str = ODOO_HOOK) -> str:
    return f"/hooks/erp?key={key}"


def signed(body: bytes = TICKET, name: str = "msg_1") -> dict[str, str]:
    return by_standard(RT_HOOK, body, datetime.now(UTC), name)


async def rows(portal: Portal) -> list[InboxRow]:
    async with portal.database.read() as session:
        return list(await session.scalars(sa.select(InboxRow)))


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(TRIES):
        if await holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came true")


async def all_done(portal: Portal) -> bool:
    return all(row.due_at is None for row in await rows(portal))


async def control(sandbox: RunningSandbox, path: str, values: dict[str, str]) -> None:
    async with httpx.AsyncClient() as staff:
        assert (await staff.post(f"{sandbox.url}/control/{path}", data=values)).status_code == 303


async def test_the_page_follows_a_webhook_and_not_what_it_claims(portal: Portal, sandbox: RunningSandbox) -> None:
    maya, sender = await portal.browser("maya", "bakery"), portal.stranger()
    page = f"/invoices/erp/{OVERDUE}"
    assert "Paid" not in (await maya.get(page)).text
    await control(sandbox, f"odoo/invoices/{OVERDUE}", {"payment_state": "paid"})
    assert "Paid" not in (await maya.get(page)).text  # its promise holds for a minute
    assert (await sender.post(odoo(), content=INVOICE)).status_code == 200
    await until(lambda: all_done(portal))
    assert "Paid" in (await maya.get(page)).text
    assert "claims nothing" not in (await maya.get(page)).text


async def test_believes_a_signature_and_takes_a_delivery_once(portal: Portal, sandbox: RunningSandbox) -> None:
    maya, sender = await portal.browser("maya", "bakery"), portal.stranger()
    await maya.get("/requests")
    await control(sandbox, "rt/tickets/881", {"status": "resolved"})
    asked = len(sandbox.rt_seen)
    copies = (sender.post("/hooks/helpdesk", content=TICKET, headers=signed()) for _ in range(20))
    assert {answer.status_code for answer in await asyncio.gather(*copies)} == {200}
    await until(lambda: all_done(portal))
    (row,) = await rows(portal)
    assert (row.delivery, row.tries) == ("msg_1", 1)
    assert "Solved" in (await maya.get("/requests?show=all")).text
    assert len(sandbox.rt_seen) > asked
    assert (await sender.post("/hooks/helpdesk", content=TICKET, headers=signed())).status_code == 200
    assert [again.id for again in await rows(portal)] == [row.id]


REFUSED: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "another key": (odoo("wrong"), INVOICE, {}),
    "no key": ("/hooks/erp", INVOICE, {}),
    "no such source": ("/hooks/nothing", INVOICE, {}),
    "no signature": ("/hooks/helpdesk", TICKET, {}),
    "another body": ("/hooks/helpdesk", TICKET + b" ", {"signed": "yes"}),
    "not JSON": (odoo(), b"{", {}),
    "another shape": (odoo(), b"[]", {}),
    "hostile JSON": (odoo(), b"[" * 100_000, {}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_refuses_without_a_reason(portal: Portal, name: str) -> None:
    path, body, headers = REFUSED[name]
    answer = await portal.stranger().post(path, content=body, headers=signed() if "signed" in headers else {})
    assert (answer.status_code, answer.text) == (401, "Refused.\n")
    assert await rows(portal) == []


async def test_reads_no_more_than_a_webhook_may_have(portal: Portal) -> None:
    answer = await portal.stranger().post(odoo(), content=b" " * (MOST_BYTES + 1))
    assert answer.status_code == 413
    assert await rows(portal) == []
    as_long_as_may_be = INVOICE + b" " * (MOST_BYTES - len(INVOICE))
    assert (await portal.stranger().post(odoo(), content=as_long_as_may_be)).status_code == 200


async def test_counts_what_was_too_large_whether_it_said_so_or_not(portal: Portal) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * (MOST_BYTES // 4)

    for body in (b" " * (MOST_BYTES + 1), pieces()):
        assert (await portal.stranger().post(odoo(), content=body)).status_code == 413

    async def is_counted() -> bool:
        told = await tell(portal.database, datetime.now(UTC))
        return "erp" in told and told["erp"].lately == {"too_large": 2}

    await until(is_counted)


async def test_ignores_what_nobody_sees_here(portal: Portal, sandbox: RunningSandbox) -> None:
    asked = len(sandbox.odoo_seen)
    for body in ({"_id": 1, "_model": "res.users"}, {"_id": 99_999_999, "_model": "account.move"}):
        assert (await portal.stranger().post(odoo(), json=body)).status_code == 200
    await until(lambda: all_done(portal))
    assert all("invoice" not in str(seen) for seen in sandbox.odoo_seen[asked:])


async def test_promises_nothing_while_the_database_is_away(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Database) -> Any:
        raise DatabaseDown("away")

    await portal.stranger().get("/healthz")
    monkeypatch.setattr(Database, "write", away)
    answer = await portal.stranger().post(odoo(), content=INVOICE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


async def test_looks_again_when_the_back_office_is_there_again(portal: Portal, sandbox: RunningSandbox) -> None:
    maya, sender = await portal.browser("maya", "bakery"), portal.stranger()
    await maya.get("/invoices")
    await control(sandbox, f"odoo/invoices/{OVERDUE}", {"payment_state": "paid"})
    sandbox.odoo_fault(Fault(kind="unavailable"))
    assert (await sender.post(odoo(), content=INVOICE)).status_code == 200

    async def was_tried() -> bool:
        (row,) = await rows(portal)
        soon = datetime.now(UTC) + timedelta(seconds=30)  # and not only leased
        return row.tries == 1 and row.due_at is not None and row.due_at < soon

    await until(was_tried)
    sandbox.lift_faults()
    async with portal.database.write() as session:
        await session.execute(sa.update(InboxRow).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
    await until(lambda: all_done(portal))
    assert "Paid" in (await maya.get(f"/invoices/erp/{OVERDUE}")).text
