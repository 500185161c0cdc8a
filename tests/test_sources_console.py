"""Living with a connected source: what its page says, and what pausing, resuming and removing it do to customers."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_door import litestar_of
from support_portal import LAX, RT_HOOK, Portal
from support_sandbox import RunningSandbox
from support_staff import Staff, staff_at
from support_webhooks import by_standard
from test_staff_today import stop
from test_webhooks_cli import TOKEN, ZENDESK

from auth.clock import utc_now
from connectors.errors import BadResponse, NotAllowed, Unavailable
from connectors.registry import load_connectors
from connectors.sandbox.faults import Fault
from gateway.feeds.rows import Feeds
from gateway.offices import Offices
from gateway.records.feed_tables import SweepRow, TroubleRow
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import AuditLine, Link, Source
from gateway.records.webhook_tables import InboxRow
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse
from gateway.sources.pausing import pause, resume
from gateway.troubles import SAME_WITHIN, Troubles, history_of, note_failure, note_well
from gateway.webhooks.counts import WebhookCounts
from gateway.webhooks.intake import BOTH_COUNT

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest_asyncio.fixture
async def owner(portal: Portal) -> AsyncIterator[Staff]:
    yield await staff_at(portal, "owner")


def offices_of(portal: Portal) -> Offices:
    offices: Offices = litestar_of(portal.app).state.offices
    return offices


async def page(staff: Staff, path: str) -> str:
    answer = await staff.get(path)
    assert answer.status_code == 200, path
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


async def told(portal: Portal) -> list[str]:
    async with portal.database.read() as session:
        return list(await session.scalars(sa.select(AuditLine.what).order_by(AuditLine.number)))


async def fails(portal: Portal, source: str, error: Exception) -> None:
    office = await offices_of(portal).get(source)
    assert office
    await Feeds(portal.database).failed(office, "tickets", error, utc_now())


# The page of a source


async def test_says_how_a_source_is_doing(portal: Portal, owner: Staff) -> None:
    said = await page(owner, "/staff/sources/helpdesk")
    for words in ("Help desk", "Request Tracker", "How current it is", "Not begun yet", "Webhooks", "Nothing waits."):
        assert words in said
    assert "only when a list is read as a whole" in said, "what its feed is blind to"
    assert "https://portal.example/hooks/helpdesk" in said
    assert "Nothing, in the last thirty days" in said
    assert (await owner.get("/staff/sources/nothing")).status_code == 404


async def test_shows_no_button_to_who_may_not(portal: Portal) -> None:
    answer = await (await staff_at(portal, "read-only")).get("/staff/sources/helpdesk")
    assert "/pause" not in answer.text
    assert "/remove" not in answer.text


async def test_tells_an_error_until_it_is_well_again(portal: Portal, owner: Staff) -> None:
    await fails(portal, "helpdesk", Unavailable("<b>503</b>"))
    answer = await owner.get("/staff/sources/helpdesk")
    assert "&lt;b&gt;503" in answer.text
    said = await page(owner, "/staff/sources/helpdesk")
    assert "No answer, while reading what has changed of requests" in said
    assert "It lasts" in said
    office = await offices_of(portal).get("helpdesk")
    assert office
    await Feeds(portal.database).came_to_the_end(office, "tickets", "1", utc_now())
    said = await page(owner, "/staff/sources/helpdesk")
    assert "Well again" in said
    assert "It lasts" not in said


async def test_puts_what_is_wrong_first(portal: Portal, owner: Staff) -> None:
    await fails(portal, "helpdesk", Unavailable("503"))
    answer = await owner.get("/staff/sources")
    assert answer.text.index("/staff/sources/helpdesk") < answer.text.index("/staff/sources/erp")
    only = (await owner.get("/staff/sources?show=failing")).text
    assert "/staff/sources/helpdesk" in only
    assert '"/staff/sources/erp"' not in only
    assert '"/staff/sources/helpdesk"' not in (await owner.get("/staff/sources?q=odoo")).text
    file = await owner.get("/staff/sources.csv?show=failing")
    assert file.headers["content-type"].startswith("text/csv")
    lines = file.text.splitlines()
    assert len(lines) == 2
    assert "Not reachable" in lines[1]


async def test_names_a_source_whose_connector_is_gone(portal: Portal, owner: Staff) -> None:
    async with portal.database.write() as session:
        new = {"connector": "gone", "changed_at": utc_now()}
        await session.execute(sa.update(Source).where(Source.name == "erp").values(**new))
    offices_of(portal).look_again()
    assert "the connector 'gone' is not installed" in await page(owner, "/staff/sources")
    assert "the connector 'gone' is not installed" in await page(owner, "/staff/sources/erp")
    assert "2 accounts with 2 people" in await page(owner, "/staff/sources/erp/remove")


# Episodes


async def test_makes_one_episode_of_what_comes_again(portal: Portal) -> None:
    db, noon = portal.database, datetime(2026, 11, 22, 12, tzinfo=UTC)
    topic: Any = ("erp", "invoices")
    async with db.write() as session:
        await note_failure(session, topic, "pages", Unavailable("one"), noon)
        await note_failure(session, topic, "pages", Unavailable("two"), noon + timedelta(seconds=9))
        await note_well(session, topic, "pages", noon + timedelta(seconds=10))
        await note_failure(session, topic, "pages", Unavailable("three"), noon + SAME_WITHIN)
    (one,) = await history_of(db, "erp", 9)
    assert (one.times, one.detail, one.ended_at, one.began_at) == (3, "three", None, noon)
    async with db.write() as session:
        await note_failure(session, topic, "pages", BadResponse("odd"), noon + timedelta(hours=1))
    latest, before = await history_of(db, "erp", 9)
    assert (latest.error, latest.ended_at) == ("BadResponse", None)
    assert before.ended_at == noon + timedelta(hours=1), "another error has taken its place"
    async with db.write() as session:
        await note_well(session, topic, "pages", noon + timedelta(hours=2))
        await note_failure(session, topic, "pages", BadResponse("odd"), noon + timedelta(hours=2) + 2 * SAME_WITHIN)
    assert len(await history_of(db, "erp", 9)) == 3
    async with db.write() as session:
        await note_failure(session, ("gone", "invoices"), "pages", Unavailable("one"), noon)
    assert await history_of(db, "gone", 9) == ()


async def test_hears_of_pages_that_fail_and_of_pages_that_do_not(portal: Portal, sandbox: RunningSandbox) -> None:
    troubles: Troubles = litestar_of(portal.app).state.troubles
    maya = await portal.browser("maya", "bakery")
    sandbox.rt_fault(Fault(kind="unavailable"))
    await maya.get("/requests")
    await troubles.flush()
    (one,) = await history_of(portal.database, "helpdesk", 9)
    assert (one.error, one.place, one.ended_at) == ("Unavailable", "pages", None)
    sandbox.lift_faults()
    for _ in range(60):  # it is left alone for some seconds after it has failed
        await maya.get("/requests")
        await troubles.flush()
        (one,) = await history_of(portal.database, "helpdesk", 9)
        if one.ended_at is not None:
            return
        await asyncio.sleep(0.5)
    pytest.fail("nobody heard that it is well again")


# Pause and resume


async def test_asks_nothing_of_a_source_that_is_paused(portal: Portal, owner: Staff, sandbox: RunningSandbox) -> None:
    maya = await portal.browser("maya", "bakery")
    assert "/requests/helpdesk/881" in unescape((await maya.get("/requests")).text)
    assert (await owner.send("POST", "/staff/sources/helpdesk/pause")).headers["location"] == "/staff/sources/helpdesk"
    sandbox.rt_seen.clear()
    async with portal.database.write() as session:  # as if all promises were over
        await session.execute(sa.update(Source).values(promises={"tickets": 0, "invoices": 0}))
    offices_of(portal).look_again()
    for path in ("/", "/requests", "/requests/helpdesk/881", "/requests?show=all", "/api/v1/requests"):
        answer = await maya.get(path)
        assert answer.status_code == 200, path
    shown = await maya.get("/requests")
    assert "881" in shown.text, "what is known is served"
    assert "Help desk is not updated right now." in shown.text
    assert "Invoices is not updated" not in (await maya.get("/")).text
    assert sandbox.rt_seen == []
    await portal.forget_records()
    empty = unescape((await maya.get("/requests")).text)
    assert "What comes from there is missing on this page" in empty
    assert sandbox.rt_seen == [], "not even for what nobody knows"
    assert "Paused" in await page(owner, "/staff/sources")
    assert "Help desk is paused" in await page(owner, "/staff")
    await owner.send("POST", "/staff/sources/helpdesk/resume")
    back = await maya.get("/requests")
    assert "881" in back.text
    assert "not updated right now" not in back.text
    assert sandbox.rt_seen
    assert [what for what in await told(portal) if what.startswith("source.")][-2:] == [
        "source.paused",
        "source.resumed",
    ]


async def test_lets_what_customers_send_wait(portal: Portal, owner: Staff, sandbox: RunningSandbox) -> None:
    await owner.send("POST", "/staff/sources/helpdesk/pause")
    sandbox.rt_seen.clear()
    reference = await stop(portal, "waiting")
    async with portal.database.write() as session:
        await session.execute(sa.update(OutboxRow).values(due_at=utc_now(), tries=0))
    await asyncio.sleep(1.5)
    assert await row_of(portal, reference) == ("waiting", 0)
    assert sandbox.rt_seen == []
    assert "1 message is on the way, until the source is resumed" in await page(owner, "/staff/sources/helpdesk")
    await owner.send("POST", "/staff/sources/helpdesk/resume")
    for _ in range(100):
        if (await row_of(portal, reference))[0] == "sent":
            return
        await asyncio.sleep(0.1)
    pytest.fail("it was not passed on")


async def row_of(portal: Portal, reference: str) -> tuple[str, int]:
    async with portal.database.read() as session:
        row = (await session.scalars(sa.select(OutboxRow).where(OutboxRow.reference == reference))).one()
        return row.state, row.tries


async def test_stays_paused_for_another_process_and_after_a_restart(portal: Portal) -> None:
    db, offices = portal.database, offices_of(portal)
    known: dict[str, Any] = {"source": "helpdesk", "trail": TRAIL, "by": BY}
    before = (await offices.all())["helpdesk"]
    assert await pause(db, **known, now=utc_now())
    assert not await pause(db, **known, now=utc_now()), "it was paused already"
    offices.look_again()
    paused = (await offices.all())["helpdesk"]
    assert not paused.is_asked
    assert paused.version == before.version, "what was read counts on"
    assert paused.opened is before.opened, "and the way to it stays open"
    assert await resume(db, **known)
    assert not await resume(db, **known)


# Remove


async def test_says_what_goes_and_takes_it_from_the_next_page(portal: Portal, owner: Staff) -> None:
    maya, ines = await portal.browser("maya", "bakery"), await portal.browser("ines", "hotel")
    assert "/requests/helpdesk/881" in unescape((await maya.get("/requests")).text)
    before = unescape((await ines.get("/invoices?show=all")).text)
    question = await page(owner, "/staff/sources/helpdesk/remove")
    assert "2 accounts with 2 people will see nothing of it any more" in question
    assert "No other source has orders or invoices" in await page(owner, "/staff/sources/erp/remove")
    assert "3 links to its customers" in question
    answer = await owner.get("/staff/sources/helpdesk/remove")
    version = re.search(r'name="version" value="([^"]+)"', answer.text)
    assert version
    wrong = await owner.send("POST", "/staff/sources/helpdesk/remove", version="2020-01-01T00:00:00+00:00")
    assert wrong.status_code == 409
    assert "Somebody changed this after you opened it" in wrong.text
    done = await owner.send("POST", "/staff/sources/helpdesk/remove", version=unescape(version[1]))
    assert (done.status_code, done.headers["location"]) == (303, "/staff/sources")
    assert "/requests/helpdesk/881" not in unescape((await maya.get("/requests")).text)
    assert (await maya.get("/requests/helpdesk/881")).status_code == 404
    invoices = re.findall(r"/invoices/erp/\d+", before)
    assert invoices
    assert re.findall(r"/invoices/erp/\d+", unescape((await ines.get("/invoices?show=all")).text)) == invoices, (
        "others are untouched"
    )
    async with portal.database.read() as session:
        assert set(await session.scalars(sa.select(Link.source))) == {"erp"}
        assert await session.scalar(sa.select(sa.func.count()).select_from(TroubleRow)) == 0
    assert "source.removed" in await told(portal)
    assert (await owner.get("/staff/sources/helpdesk")).status_code == 404


async def test_keeps_a_source_for_which_something_waits(portal: Portal, owner: Staff) -> None:
    address = "/staff/sources/helpdesk/remove"
    version = re.search(r'name="version" value="([^"]+)"', (await owner.get(address)).text)
    assert version
    await owner.send("POST", "/staff/sources/helpdesk/pause")
    await stop(portal, "waiting")
    kept = await owner.send("POST", address, version=unescape(version[1]))
    assert kept.status_code == 409
    assert "1 message of customers’ still wait" in unescape(kept.text)
    assert 'name="even_waiting" value="yes"' in kept.text
    gone = await owner.send("POST", address, version=unescape(version[1]), even_waiting="yes")
    assert gone.status_code == 303


async def test_reads_all_of_it_anew(portal: Portal, owner: Staff) -> None:
    begun = utc_now() - timedelta(hours=1)
    async with portal.database.write() as session:
        row = {"place": None, "begun_at": begun, "done": 3, "total": 3, "ended_at": begun}
        counted = {"tickets:read": 7, "tickets:agreed": 7, "tickets:differing": 0}
        session.add(SweepRow(source="helpdesk", version="1", compared=counted, last=counted, **row))
    said = await page(owner, "/staff/sources/helpdesk")
    assert "7 records" in said
    assert "7 of 7" in said
    await owner.send("POST", "/staff/sources/helpdesk/read-anew")
    answer = await owner.get("/staff/sources/helpdesk")
    assert "0 of 3 customers" in await page(owner, "/staff/sources/helpdesk")
    assert 'hx-trigger="every 3s"' in answer.text, "how far it is shows by itself"
    assert "source.read_anew" in await told(portal)
    assert (await owner.get("/staff/sources/helpdesk/read-anew")).headers["location"] == "/staff/sources/helpdesk"


# What is to be put right


async def test_has_an_item_until_it_is_well(portal: Portal, owner: Staff) -> None:
    assert "To be put right" not in await page(owner, "/staff/sources/helpdesk")
    await fails(portal, "helpdesk", NotAllowed("tickets: 403"))
    for path in ("/staff", "/staff/sources/helpdesk"):
        assert "Help desk does not let us read requests" in await page(owner, path)
    await fails(portal, "helpdesk", BadResponse("no id"))
    said = await page(owner, "/staff")
    assert "Help desk answers in a way that we can’t read" in said
    assert "does not let us read" not in said
    office = await offices_of(portal).get("helpdesk")
    assert office
    await Feeds(portal.database).came_to_the_end(office, "tickets", "1", utc_now())
    assert "Nothing needs you" in await page(owner, "/staff")


# Webhooks


async def test_shows_a_new_secret_once(portal: Portal, owner: Staff) -> None:
    version = (await offices_of(portal).all())["helpdesk"].version
    assert "For one day the secret before counts too" in await page(owner, "/staff/sources/helpdesk/secret")
    answer = await owner.send("POST", "/staff/sources/helpdesk/secret")
    found = re.search(r'id="new-secret">([A-Za-z0-9]{44})<', answer.text)
    assert found
    assert answer.headers["cache-control"] == "no-store"
    assert found[1] not in (await owner.get("/staff/sources/helpdesk")).text
    office = (await offices_of(portal).all())["helpdesk"]
    assert office.opened
    assert office.opened.config.webhook_secrets == (found[1].encode(), RT_HOOK.encode())
    assert office.version == version, "nothing is read anew for it"
    assert "webhook.secret_made" in await told(portal)
    async with portal.database.read() as session:
        lines = await session.scalars(sa.select(AuditLine.details))
        assert found[1] not in "".join(lines)


async def test_believes_the_secret_before_for_a_day_and_no_longer(portal: Portal, owner: Staff) -> None:
    answer = await owner.send("POST", "/staff/sources/helpdesk/secret")
    found = re.search(r'id="new-secret">([A-Za-z0-9]{44})<', answer.text)
    assert found
    old, new = RT_HOOK, found[1]
    assert [await deliver(portal, secret, f"msg_{secret[:3]}") for secret in (old, new, "bm90IG91cnM=")] == [
        200,
        200,
        401,
    ]
    assert "First event seen" not in await page(owner, "/staff/sources/helpdesk"), "it is counted every two seconds"
    counts: WebhookCounts = litestar_of(portal.app).state.intake._counts
    await counts.flush()
    said = await page(owner, "/staff/sources/helpdesk")
    assert "First event seen today" in said
    assert "Waiting for the first event" not in said
    assert "signed with another secret" in said
    assert "1 webhook from Help desk could not be believed" in await page(owner, "/staff")
    async with portal.database.write() as session:
        await session.execute(sa.update(Source).values(rotated_at=utc_now() - BOTH_COUNT + timedelta(seconds=60)))
    offices_of(portal).look_again()
    assert await deliver(portal, old, "msg_late") == 200
    async with portal.database.write() as session:
        await session.execute(sa.update(Source).values(rotated_at=utc_now() - BOTH_COUNT))
    offices_of(portal).look_again()
    assert await deliver(portal, old, "msg_too_late") == 401
    assert await deliver(portal, new, "msg_new") == 200


async def deliver(portal: Portal, secret: str, name: str) -> int:
    body = b'{"ticket": 881}'
    headers = by_standard(secret, body, utc_now(), name)
    return (await portal.stranger().post("/hooks/helpdesk", content=body, headers=headers)).status_code


async def test_takes_webhooks_of_a_paused_source_and_follows_them_later(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    await owner.send("POST", "/staff/sources/helpdesk/pause")
    sandbox.rt_seen.clear()
    assert await deliver(portal, RT_HOOK, "msg_1") == 200
    await asyncio.sleep(0.5)
    assert sandbox.rt_seen == []
    async with portal.database.read() as session:
        assert list(await session.scalars(sa.select(InboxRow.tries))) == [0], "it waits, and is not tried"
    assert "1 event, until the source is resumed" in await page(owner, "/staff/sources/helpdesk")
    await owner.send("POST", "/staff/sources/helpdesk/resume")
    for _ in range(100):
        if sandbox.rt_seen:
            return
        await asyncio.sleep(0.1)
    pytest.fail("nobody followed it")


async def test_makes_no_secret_for_who_has_one_of_its_own(portal: Portal, owner: Staff) -> None:
    async with portal.database.write() as session:
        await session.execute(
            sa.update(Source).where(Source.name == "helpdesk").values(connector="zendesk", changed_at=utc_now())
        )
    offices_of(portal).look_again()
    assert (await owner.send("POST", "/staff/sources/helpdesk/secret")).status_code == 404
    assert (await owner.get("/staff/sources/helpdesk/secret")).status_code == 404


async def test_registers_by_a_button_where_the_vendor_has_an_api(
    portal: Portal, owner: Staff, sandbox: RunningSandbox
) -> None:
    text = ZENDESK.replace('"ZENDESK"', f'"{sandbox.zendesk_url}"').replace("sources.helpdesk", "sources.tickets")
    connectors = load_connectors()
    wanted = parse(text, connectors, LAX, environ={"ZENDESK_TOKEN": TOKEN}, folder=Path())
    diff = await plan(portal.database, portal.vault, connectors, wanted)
    await apply(portal.database, portal.vault, diff, utc_now(), trail=TRAIL, by=BY)
    offices_of(portal).look_again()
    sandbox.site.zendesk.caller["role"] = "agent"
    refused = await owner.send("POST", "/staff/sources/tickets/register")
    assert refused.status_code == 422, "the token is nobody's who may"
    assert "That was not done." in refused.text
    sandbox.site.zendesk.caller["role"] = "admin"
    assert "the button below" in await page(owner, "/staff/sources/tickets")
    done = await owner.send("POST", "/staff/sources/tickets/register")
    assert done.headers["location"] == "/staff/sources/tickets#webhooks"
    assert len(sandbox.site.zendesk.webhooks) == 1
    said = await page(owner, "/staff/sources/tickets")
    assert "Waiting for the first event" in said
    assert "Register again" in said
    assert "webhook.registered" in await told(portal)
    none = await owner.send("POST", "/staff/sources/helpdesk/register")
    assert none.status_code == 422
    assert "has no API for this" in none.text
