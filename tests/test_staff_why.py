"""Why somebody sees a record, and why not: for staff in full, by the facts of this moment."""

import re
from html import unescape

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_portal import ISSUER, Portal
from support_staff import Staff, member_of, staff_at

from auth.clock import utc_now
from gateway.audit_reading import Wanted, read
from gateway.links import Login, remove_member, unlink
from gateway.members import disable
from gateway.records.tables import Membership

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STEPS = ["Login", "Member", "Account", "Rights", "Link", "Record"]


async def verdict(sam: Staff, record: str = "/invoices/erp/2093", account: str = "bakery") -> tuple[str, list[str]]:
    """What the page says, and the steps that it names."""
    member = await member_of(sam.portal)
    page = await sam.get(f"/staff/customers/{account}/why?member={member}&record={record}")
    assert page.status_code == 200, page.text
    said = re.search(r'<h2 id="verdict-h">(.*?)</div></div>', page.text)
    assert said
    heads = re.findall(r'<th role="rowheader"[^>]*>(.*?)</th>', page.text)
    return re.sub("<.*?>", " ", unescape(said[1])), [re.sub("<.*?>", "", head) for head in heads]


async def rights(portal: Portal, **rights: str) -> None:
    async with portal.database.write() as session:
        acting = (await session.scalars(sa.select(Membership).where(Membership.account_id == "bakery"))).one()
        acting.rights = {**acting.rights, **rights}


async def test_shows_the_whole_proof(portal: Portal) -> None:
    sam = await staff_at(portal)
    said, steps = await verdict(sam)
    assert "maya sees it" in said
    assert steps == STEPS
    page = await sam.get(f"/staff/customers/bakery/why?member={await member_of(portal)}&record=/invoices/erp/2093")
    for words in (ISSUER, "customer number (test)", "customer 10 in Invoices", "all of the company’s"):
        assert words in unescape(page.text)
    (line, _) = await read(portal.database, VAULT, Wanted(latest=9, what="proof"))
    assert (line.account, line.details["denial"], line.personal and line.personal["record"]) == ("bakery", None, "2093")


async def test_names_the_first_fact_that_is_missing(portal: Portal) -> None:
    sam = await staff_at(portal, "owner")
    said, steps = await verdict(sam, "/invoices/erp/2171")
    assert ("no such record for this account" in said, steps[-1]) == (True, "Record: missing")
    assert "no such record" in (await verdict(sam, "/invoices/erp/4499999"))[0]
    await rights(portal, invoices="own")
    said, steps = await verdict(sam)
    assert ("only what is their own" in said, steps) == (True, [*STEPS, "Person: missing"])
    await rights(portal, invoices="none")
    said, steps = await verdict(sam)
    assert ("leave out this kind" in said, steps) == (True, ["Login", "Member", "Account", "Rights: missing"])
    assert "maya sees it" in (await verdict(sam, "/orders/erp/4424"))[0]
    await unlink(portal.database, source="erp", customer="10", trail=TRAIL, by=BY)
    assert (await verdict(sam, "/orders/erp/4424"))[1] == ["Login", "Member", "Account", "Rights", "Link: missing"]
    await remove_member(portal.database, account="bakery", login=Login(ISSUER, "maya"), trail=TRAIL, by=BY)
    assert (await verdict(sam))[1] == ["Login", "Member", "Account: missing"]
    await disable(portal.database, login=Login(ISSUER, "maya"), now=utc_now(), trail=TRAIL, by=BY)
    assert (await verdict(sam))[1] == ["Login: missing"]


@SQLITE
async def test_asks_for_a_record_that_can_be_one(portal: Portal) -> None:
    sam = await staff_at(portal)
    path = f"/staff/customers/bakery/why?member={await member_of(portal)}"
    for record in ("2093", "/invoices/erp", "/account", "/invoices/erp/..", "/invoices/erp/2093'--"):
        page = await sam.get(f"{path}&record={record}")
        assert "Give the record’s address" in unescape(page.text), record
    assert (await sam.get("/staff/customers/nowhere/why")).status_code == 404
    assert (await sam.get("/staff/customers/bakery/why?member=nobody&record=/orders/erp/1")).status_code == 404
    assert (await (await staff_at(portal, "read-only")).get(path)).status_code == 403
