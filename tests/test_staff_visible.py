"""Staff write what customers see as a draft, try it, publish it, and go back."""

import re
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_door import litestar_of
from support_portal import BAKERY, Portal
from support_staff import Staff, staff_at

from auth.clock import utc_now
from gateway.records.tables import AuditLine
from gateway.seeing.versions import POLICIES
from gateway.topics.changes import put, topics
from gateway.topics.topic import Named

VISIBLE = "/staff/visible"
REHEARSAL = f"{VISIBLE}/rehearsal"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def form_of(html: str) -> dict[str, str]:
    form = dict.fromkeys(re.findall(r'type="checkbox" name="([^"]+)" value="on" checked', html), "on")
    for name, options in re.findall(r'<select[^>]* name="([^"]+)">(.*?)</select>', html):
        form[name] = next(iter(re.findall(r'value="([\w-]*)" selected', options)), "")
    hidden = re.findall(r'type="hidden" name="(version|draft|live)" value="(\d+)"', html)
    return form | dict(hidden) | {"notice": unescape(_written(html))}


def _written(html: str) -> str:
    return next(iter(re.findall(r'name="notice" value="([^"]*)"', html)), "")


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


async def page(staff: Staff, path: str) -> str:
    answer = await staff.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def publish_draft(portal: Portal, staff: Staff) -> None:
    answer = await staff.send("POST", REHEARSAL, **form_of(await page(staff, REHEARSAL)))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{VISIBLE}/versions"), answer.text
    await portal.forget_records()


def state_of(portal: Portal) -> Any:  # what the application holds is of any type
    return litestar_of(portal.app).state


async def test_is_true_for_nobody_before_it_is_published(portal: Portal) -> None:
    await portal.link("maya", "bakery", *BAKERY)
    maya, staff = await portal.browser("maya", "bakery"), await staff_at(portal, "admin")
    assert "€" in (await maya.get("/orders?show=all")).text
    form = form_of(await page(staff, VISIBLE))
    assert "nobody" not in form
    del form["orders.amounts"], form["topic.order"]
    form["area.invoices"] = "none"
    saved = await staff.send("POST", VISIBLE, **form)
    assert (saved.status_code, saved.headers["location"]) == (303, VISIBLE)
    said = text_of(await page(staff, VISIBLE))
    assert "things differ from what customers see" in said
    await portal.forget_records()
    await maya.get("/orders?show=all")
    assert "€" in (await maya.get("/orders?show=all")).text, "it is a draft"
    tried = text_of(await page(staff, REHEARSAL))
    assert "Orders, amounts (what it comes to)" in tried
    assert "Disappears" in tried
    assert re.search(r"Records that lose something [1-9]", tried)
    assert "for example" in tried
    assert "Topics of requests All Call me back, A problem with a delivery, " in tried, "as staff call them"
    await publish_draft(portal, staff)
    assert "€" not in (await maya.get("/orders?show=all")).text
    assert (await maya.get("/invoices")).status_code == 404
    assert 'href="/invoices"' not in (await maya.get("/")).text
    versions = await page(staff, f"{VISIBLE}/versions")
    assert "Version 1" in text_of(versions)
    assert '/versions/0">' in versions
    back = await page(staff, f"{VISIBLE}/versions/0")
    assert "Orders, amounts (what it comes to)" in text_of(back)
    gone = await staff.send("POST", f"{VISIBLE}/versions/0", **form_of(back))
    assert gone.status_code == 303
    await portal.forget_records()
    await maya.get("/orders?show=all")
    assert "€" in (await maya.get("/orders?show=all")).text
    assert (await POLICIES.live(portal.database)).restored == 0
    async with portal.database.read() as session:
        told = list(await session.scalars(sa.select(AuditLine.what).order_by(AuditLine.number)))
    assert [each for each in told if each.startswith("visibility")] == [
        f"visibility.{what}" for what in ("drafted", "rehearsed", "rehearsed", "published", "published")
    ]


async def test_loses_nothing_where_somebody_was_quicker(portal: Portal) -> None:
    first, second = await staff_at(portal, "admin"), await staff_at(portal, "owner")
    form = form_of(await page(first, VISIBLE))
    del form["tickets.files"]
    other = {**form, "area.orders": "own", "notice": "Closed on Friday."}
    assert (await first.send("POST", VISIBLE, **form)).status_code == 303
    late = await second.send("POST", VISIBLE, **other)
    assert late.status_code == 409
    assert "Somebody changed this after you opened it." in late.text
    assert form_of(late.text)["area.orders"] == "own"
    assert form_of(late.text)["notice"] == "Closed on Friday."
    seen = form_of(await page(first, REHEARSAL))
    assert (await second.send("POST", VISIBLE, **form_of(late.text))).status_code == 303
    overtaken = await first.send("POST", REHEARSAL, **seen)
    assert overtaken.status_code == 409
    assert (await POLICIES.live(portal.database)).number == 0
    asked = await page(second, f"{VISIBLE}/discard")
    assert (await second.send("POST", f"{VISIBLE}/discard", **form_of(asked))).status_code == 303
    assert (await second.get(REHEARSAL)).headers["location"] == VISIBLE, "there is no draft"
    assert (await (await staff_at(portal, "support")).send("POST", VISIBLE, **form)).status_code == 403


async def test_offers_no_topic_that_nobody_ticked(portal: Portal) -> None:
    staff, database = await staff_at(portal, "admin"), portal.database
    form = form_of(await page(staff, VISIBLE))
    ticked = {name for name in form if name.startswith("topic.")}
    assert len(ticked) == len(await topics(database))
    assert (await staff.send("POST", VISIBLE, **form)).status_code == 303
    later = Named("later", (await topics(database))[0].topic)
    await put(database, later, utc_now(), trail=TRAIL, by=BY, seen="")
    again = form_of(await page(staff, VISIBLE))
    assert {name for name in again if name.startswith("topic.")} == ticked, "one that came later is not ticked"


async def test_says_what_is_wrong_with_a_notice(portal: Portal) -> None:
    staff = await staff_at(portal, "admin")
    form = form_of(await page(staff, VISIBLE))
    wrong = {"notice": "We are closed.", "notice_from": "2026-12-31", "notice_until": "2026-12-01"}
    answer = await staff.send("POST", VISIBLE, **(form | wrong | {"notice": ""}))
    assert answer.status_code == 303, "without words there is no notice"
    form = form_of(await page(staff, VISIBLE)) | wrong
    answer = await staff.send("POST", VISIBLE, **form)
    assert answer.status_code == 422
    assert "The last day is before the first one." in answer.text
    answer = await staff.send("POST", VISIBLE, **(form | {"notice_from": "tomorrow"}))
    assert "Write the day like 2026-12-31." in answer.text
    assert 'value="We are closed."' in answer.text


async def test_shows_a_real_account_with_the_draft(portal: Portal) -> None:
    await portal.link("maya", "bakery", *BAKERY)
    staff = await staff_at(portal, "admin")
    preview = f"{VISIBLE}/preview?account=bakery"
    for _ in range(2):
        before = await page(staff, preview)
    assert "There is no draft" in before
    assert "€" in before
    form = form_of(await page(staff, VISIBLE))
    for name in ("orders.amounts", "invoices.amounts", "topic.order"):
        del form[name]
    form |= {"area.requests": "none", "notice": "We have moved."}
    assert (await staff.send("POST", VISIBLE, **form)).status_code == 303
    home = await page(staff, preview)
    assert "Nobody sees this yet: it is the draft." in home
    assert "We have moved." in home
    assert "A question about an order" not in home
    orders = await page(staff, f"{preview}&show=orders")
    invoice = await page(staff, f"{preview}&show=invoices&record=erp/2093")
    assert "INV-2093" in invoice
    assert not any("€" in each for each in (home, orders, invoice))
    assert "They see nothing here" in await page(staff, f"{preview}&show=tickets")
    assert "They do not see it" in await page(staff, f"{preview}&show=tickets&record=helpdesk/881")
    assert "They do not see it" in await page(staff, f"{preview}&show=invoices&record=erp/2098765")
    assert "There is no account with this id." in await page(staff, f"{VISIBLE}/preview?account=nobody")
    async with portal.database.read() as session:
        told = list(await session.scalars(sa.select(AuditLine.what).order_by(AuditLine.number)))
    assert told.count("visibility.previewed") == 8
    rows = home.partition("Needs them")[2].partition("</main>")[0]
    assert "href" not in rows, "nothing leads to pages that are not staff's"
