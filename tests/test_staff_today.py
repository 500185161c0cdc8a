"""What staff find when they arrive: what needs them, the next step of each, and what a decision does."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import ALL
from support_door import litestar_of
from support_outbox import ASKED, scope
from support_portal import Portal
from support_staff import Staff, staff_at

from auth.clock import utc_now
from auth.principals import Role, StaffPrincipal
from connectors.errors import Unavailable
from gateway.access import LinkRef
from gateway.feeds.rows import Feeds
from gateway.matters import FELT, Matter, What
from gateway.offices import Offices
from gateway.outbox.desk import Desk
from gateway.outbox.states import State
from gateway.records.base import Base
from gateway.records.customer_tables import InvitationMail
from gateway.records.document_tables import AskedDocument
from gateway.records.identity_tables import Invitation
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import AuditLine, Link, Member
from gateway.records.upkeep_tables import Upkeep
from web.console.matters import WORDS, card_of

LINK = LinkRef("helpdesk", "maya@alderlane.example")


async def stop(portal: Portal, state: State = "unknown", text: str = "Where is <my> order?") -> str:
    """Do as the portal and the worker do when what a customer sent could not be passed on."""
    who = replace(scope(account="bakery"), links=(LINK,), member_id=None)
    asked = {**ASKED, "text": text}
    handed = await Desk(portal.database, utc_now, lambda: None).take(who, LINK, "new_ticket", asked, text)
    values = {"state": state, "due_at": None, "error": "the line <broke>", "tries": 1, "tried_at": utc_now()}
    async with portal.database.write() as session:
        await session.execute(sa.update(OutboxRow).where(OutboxRow.id == handed.id).values(**values))
    return handed.reference


async def state_of(portal: Portal, reference: str) -> tuple[str, str | None]:
    async with portal.database.read() as session:
        row = (await session.scalars(sa.select(OutboxRow).where(OutboxRow.reference == reference))).one()
        return row.state, row.number


async def today(staff: Staff) -> str:
    answer = await staff.get("/staff")
    assert answer.status_code == 200
    return unescape(re.sub(r"<[^>]+>", "", answer.text))


async def test_says_that_nothing_needs_anybody(portal: Portal) -> None:
    page = await today(await staff_at(portal))
    assert "Nothing needs you" in page
    assert "Help desk" in page


async def test_leads_to_the_first_customer_until_one_has_come(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    async with portal.database.write() as session:
        await session.execute(sa.update(Member).values(last_visit_at=None))
        await session.execute(sa.delete(Link))
    page = await today(owner)
    assert "First steps" in page
    assert "2 systems are connected." in page
    assert "Invite customers" in page
    assert "Invite customers" not in await today(await staff_at(portal, "support"))
    async with portal.database.write() as session:
        await session.execute(sa.update(Member).values(last_visit_at=utc_now()))
    assert "First steps" not in await today(owner)
    fresh = (await owner.get("/staff/sources/erp")).text
    assert "Nobody sees anything of it yet" in fresh


async def test_says_what_could_not_be_passed_on(portal: Portal) -> None:
    await stop(portal)
    await stop(portal, text="Another.")
    await stop(portal, "needs_staff", text="A third.")
    sam = await staff_at(portal)
    page = await today(sam)
    assert "Two things need you" in page
    assert "2 messages may or may not have reached Help desk" in page
    assert "1 message could not be passed on to Help desk" in page
    assert 'href="/staff/requests"' in unescape((await sam.get("/staff")).text)
    reader = await staff_at(portal, "read-only")
    assert "2 messages may or may not" in await today(reader)
    assert "/staff/requests" not in unescape((await reader.get("/staff")).text), "no step that would be refused"


async def test_says_that_a_source_fails_and_what_it_says(portal: Portal) -> None:
    offices: Offices = litestar_of(portal.app).state.offices
    office = await offices.get("helpdesk")
    assert office
    await Feeds(portal.database).failed(office, "tickets", Unavailable("<b>503</b>"), datetime.now(UTC))
    sam = await staff_at(portal)
    page = await today(sam)
    assert "Help desk does not tell us what has changed" in page
    assert "<b>503</b>" not in (await sam.get("/staff")).text
    assert "Not reachable" in (await sam.get("/staff/sources")).text
    assert "<b>503</b>" in unescape((await sam.get("/staff/sources/helpdesk")).text)


async def put(portal: Portal, *rows: Base) -> None:
    async with portal.database.write() as session:
        for row in rows:
            session.add(row)
            await session.flush()


async def test_says_that_a_document_waits_for_a_decision(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    now = utc_now()
    row = AskedDocument(id="d", account_id="bakery", label="Licence", state="received", made_at=now, changed_at=now)
    await put(portal, row)
    assert "1 document waits for a decision" in await today(boss)
    assert 'href="/staff/documents?status=received"' in unescape((await boss.get("/staff")).text)
    assert "Licence" in (await boss.get("/staff/documents?status=received")).text
    async with portal.database.write() as session:
        await session.execute(sa.update(AskedDocument).values(state="accepted"))
    assert "Nothing needs you" in await today(boss)


async def test_says_that_somebody_was_not_reached_until_a_later_mail_is_sent(portal: Portal) -> None:
    boss, now = await staff_at(portal, "admin"), utc_now()
    made = {"email": "x@acme.example", "account_id": "bakery", "rights": ALL, "made_by": "staff/1", "made_at": now}
    mail = {"invitation_id": "i", "made_at": now, "turn": 1, "tries": 1}
    refused = InvitationMail(id="m1", number=1, state="bounced", **mail)
    await put(portal, Invitation(id="i", state="made", until=now + timedelta(days=1), **made), refused)
    assert "1 person did not get the mail that invites them" in await today(boss)
    assert "x@acme.example" in (await boss.get("/staff/customers/adoption?only=refused")).text
    await put(portal, InvitationMail(id="m2", number=2, state="sent", **mail))
    assert "Nothing needs you" in await today(boss)
    assert "x@acme.example" not in (await boss.get("/staff/customers/adoption?only=refused")).text


async def test_says_first_that_the_audit_trail_was_changed(portal: Portal) -> None:
    boss, now = await staff_at(portal, "admin"), utc_now()
    check = {"wanted_by": "service/hallway", "began_at": now, "looked_at": now, "ended_at": now, "total": 9}
    await put(portal, Upkeep(name="audit", done=1, problem="line 2 was changed", **check))
    page = await today(boss)
    assert "The audit trail was changed without Hallway" in page
    assert "The check found: line 2 was changed" in page
    assert "Nothing needs you" not in page


async def test_tells_nothing_to_who_has_no_role(portal: Portal) -> None:
    await stop(portal)
    nobody = await staff_at(portal, "none")
    assert "You have no role yet" in await today(nobody)
    for path in ("/staff/sources", "/staff/requests"):
        assert (await nobody.get(path)).status_code == 403


async def test_shows_what_a_customer_wrote_and_notes_the_look(portal: Portal) -> None:
    reference = await stop(portal)
    sam = await staff_at(portal)
    assert reference in (await sam.get("/staff/requests")).text
    page = await sam.get(f"/staff/requests/{reference}")
    assert "Where is &lt;my&gt; order?" in page.text
    assert "The line &lt;broke&gt;" in page.text
    async with portal.database.read() as session:
        told = await session.scalars(sa.select(AuditLine.what).where(AuditLine.what.like("message.%")))
        assert list(told) == ["message.looked_up"]
    assert (await sam.get("/staff/requests/NONE")).status_code == 404


async def test_sends_again_and_settles_once(portal: Portal) -> None:
    sam = await staff_at(portal)
    missing, there = await stop(portal), await stop(portal, text="It is there.")
    answer = await sam.send("POST", f"/staff/requests/{there}/settle", number="  ")
    assert answer.status_code == 422
    assert "Give the number that it has there" in answer.text
    decide = partial(sam.send, "POST", seen="0")
    assert (await decide(f"/staff/requests/{there}/settle", number=" T-9 ")).status_code == 303
    assert await state_of(portal, there) == ("sent", "T-9")
    assert (await decide(f"/staff/requests/{missing}/resend")).headers["location"] == f"/staff/requests/{missing}"
    assert (await state_of(portal, missing))[0] in {"waiting", "sending", "sent"}
    for act in ("settle", "resend"):
        late = await decide(f"/staff/requests/{there}/{act}", number="T-10")
        assert late.status_code == 409, "somebody was quicker"
        assert "Somebody changed this after you opened it" in late.text
    assert await state_of(portal, there) == ("sent", "T-9")
    assert "Nothing is left to decide here" in (await sam.get(f"/staff/requests/{there}")).text
    assert "Nothing waits for you" in (await sam.get("/staff/requests")).text


@pytest.mark.parametrize("role", ["read-only", "owner"])
@pytest.mark.parametrize("what", WORDS)
def test_tells_every_matter_in_words_with_a_step(what: What, role: Role) -> None:
    who = StaffPrincipal(staff_id="s", csrf_token="", session=b"", provider="2", role=role)
    card = card_of(Matter(what=what, title="Orders", many=1), who)
    assert "{" not in card.title
    assert card.tone == ("bad" if what in FELT else "warn")
    assert who.reaches(card.words.least) == bool(card.href)
