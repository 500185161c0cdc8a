"""Invitations by mail in the console: who gets one, what it says, a part at a time, and what became of each."""

import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import VAULT
from support_portal import Portal
from support_staff import staff_at

from auth.clock import utc_now
from connectors.config import Secret
from gateway.audit_reading import Wanted, read
from gateway.identity.invitations import invitations
from gateway.records.customer_tables import InvitationMail
from gateway.records.identity_tables import Invitation
from gateway.settings import Settings

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
INVITE, SEND = "/staff/customers/invite", "/staff/customers/invite/send"
BAKERY = "/staff/customers/bakery"
FILE = "email,name,account\n" + "".join(f"p{number}@alder.example,<b>P{number}</b>,bakery\n" for number in range(5))


@pytest.fixture
def portal_settings(portal_settings: Settings) -> Settings:
    """With a mail server, which nobody asks."""
    return replace(portal_settings, smtp_url=Secret("smtp://127.0.0.1:9"), mail_from="portal@kestrel.example")


async def mails(portal: Portal) -> list[InvitationMail]:
    async with portal.database.read() as session:
        return list(await session.scalars(sa.select(InvitationMail).order_by(InvitationMail.id)))


def hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: value for name, value in found if name != "_token"}


@SQLITE
async def test_goes_from_a_file_over_the_letter_to_the_first_part(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    done = await boss.send("POST", "/staff/customers/import", contacts=FILE, sure="yes")
    link = re.search(r'href="(/staff/customers/invite\?batch=\w+)"', done.text)
    assert link
    raw = (await boss.get(link[1])).text
    page = unescape(raw)
    assert "5 people get a mail" in page
    assert "<b>P0</b>" not in raw
    assert "Sign in with this address: p0@alder.example" in page
    asked = await boss.get(f"{SEND}?batch={link[1].partition('=')[2]}&many=40+%25")
    assert "Send 2 mails?" in asked.text
    assert "3 others wait" in asked.text
    assert await mails(portal) == [], "asking sends nothing"
    form = hidden(asked.text)
    for _ in range(2):
        answer = await boss.send("POST", SEND, **form)
        assert answer.status_code == 303
    assert [mail.state for mail in await mails(portal)] == ["waiting"] * 2, "the second answer finds nothing to do"
    assert "3 people get a mail" in (await boss.get(link[1])).text
    lines = await read(portal.database, VAULT, Wanted(latest=9, what="invitation.mailed"))
    assert [line.details["number"] for line in lines] == [1, 1]


@SQLITE
@pytest.mark.parametrize("many", ["0", "x", "-1", "1.5", ""])
async def test_asks_again_for_a_number_that_is_none(portal: Portal, many: str) -> None:
    boss = await staff_at(portal, "admin")
    await boss.send("POST", "/staff/customers/import", contacts=FILE, sure="yes")
    answer = await boss.get(f"{SEND}?many={many}")
    assert answer.status_code == 303
    page = await boss.get(answer.headers["location"])
    assert (page.status_code, "Write a number from 1" in page.text) == (422, True)


@SQLITE
async def test_shows_the_letter_as_a_mail_program_does(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    assert (await boss.get(f"{INVITE}/letter")).status_code == 404
    await boss.send("POST", "/staff/customers/import", contacts=FILE, sure="yes")
    answer = await boss.get(f"{INVITE}/letter")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "p0@alder.example" in answer.text


@SQLITE
async def test_invites_one_by_mail_and_once_more_and_takes_it_back(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    for address in ("ann.@alder.example", "an..n@alder.example", "=?x?q?y?=@alder.example"):
        answer = await boss.send("POST", f"{BAKERY}/invitations", email=address, name="Ann", reach="company")
        assert (answer.status_code, "That is not an e-mail address" in answer.text) == (422, True)
    answer = await boss.send("POST", f"{BAKERY}/invitations", email="Ann@alder.example", name="Ann", reach="company")
    assert answer.headers["location"] == f"{BAKERY}?done=invited#invitations"
    (mail,) = await mails(portal)
    page = unescape((await boss.get(BAKERY)).text)
    assert "On its way" in page
    async with portal.database.write() as session:
        failed = {"state": "failed", "error": "452 4.2.2 Mailbox full", "ended_at": utc_now(), "due_at": None}
        await session.execute(sa.update(InvitationMail).values(**failed))
    page = unescape((await boss.get(BAKERY)).text)
    assert "Their mailbox is full." in page
    form = re.search(rf'action="({BAKERY}/invitations/{mail.invitation_id}/send)".*?name="number" value="(\d)"', page)
    assert form
    for _ in range(2):
        await boss.send("POST", form[1], number=form[2])
    assert [each.number for each in await mails(portal)] == [1, 2]
    back = f"{BAKERY}/invitations/{mail.invitation_id}/withdraw"
    assert "Take back the invitation of ann@alder.example?" in (await boss.send("POST", back)).text
    assert (await boss.send("POST", back, sure="yes")).headers["location"] == f"{BAKERY}?done=withdrawn#invitations"
    (left,) = await invitations(portal.database, utc_now())
    assert left.state == "withdrawn"
    assert "Taken back" in (await boss.get(BAKERY)).text


@SQLITE
async def test_says_why_no_mail_goes_to_who_stopped_them(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    await boss.send("POST", f"{BAKERY}/invitations", email="ann@alder.example", reach="own")
    async with portal.database.write() as session:
        await session.execute(sa.update(Invitation).values(stopped_at=utc_now()))
    answer = await boss.send("POST", f"{BAKERY}/invitations", email="Ann@alder.example", reach="company")
    assert "No mail goes to them" in (await boss.get(answer.headers["location"])).text
    assert len(await mails(portal)) == 1


@SQLITE
async def test_keeps_what_was_written_of_an_address_that_is_none(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    answer = await boss.send("POST", f"{BAKERY}/invitations", email="nobody", name="Ann", reach="company")
    page = unescape(answer.text)
    assert (answer.status_code, "That is not an e-mail address" in page) == (422, True)
    assert 'value="nobody"' in page
    assert 'value="Ann"' in page
    assert (await boss.send("POST", "/staff/customers/nobody/invitations", email="a@b.example")).status_code == 404


@SQLITE
async def test_knows_no_invitation_of_another_account(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    await boss.send("POST", f"{BAKERY}/invitations", email="ann@alder.example")
    (mail,) = await mails(portal)
    for act in ("send", "withdraw"):
        path = f"/staff/customers/hotel/invitations/{mail.invitation_id}/{act}"
        assert (await boss.send("POST", path, number="2", sure="yes")).status_code == 404
    assert len(await mails(portal)) == 1


@SQLITE
async def test_is_for_admins(portal: Portal) -> None:
    sam = await staff_at(portal)
    for path in (INVITE, SEND, f"{INVITE}/letter"):
        assert (await sam.get(path)).status_code == 403
    assert (await sam.send("POST", f"{BAKERY}/invitations", email="ann@alder.example")).status_code == 403


@SQLITE
async def test_leads_to_those_who_are_left_out(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    await boss.send("POST", "/staff/customers/import", contacts=FILE, sure="yes")
    async with portal.database.write() as session:
        ended = sa.update(Invitation).where(Invitation.email == "p1@alder.example")
        await session.execute(ended.values(until=utc_now() - timedelta(days=1)))
    page = (await boss.get(INVITE)).text
    assert "4 people get a mail" in page
    assert "their invitation has ended" in page
    assert "p1@alder.example" not in page
    assert "p1@alder.example" in (await boss.get(f"{INVITE}?why=ended")).text
