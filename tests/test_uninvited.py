"""Forgetting somebody who was invited and never came: all that is kept of the address goes, and nobody else's."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_portal import Portal
from support_staff import staff_at

from auth.clock import utc_now
from connectors.config import Secret
from gateway.identity.invitations import Wish, invitations, invite, withdraw
from gateway.identity.inviting import invite_by_mail
from gateway.identity.uninvited import CameError, forget, held_of
from gateway.links import LinkError
from gateway.records.code_tables import SignInCode
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Address, Invitation
from gateway.records.tables import Account, AuditLine, Member
from gateway.rights import COMPANY
from gateway.settings import Settings

ANN, BEN = "ann@customer.example", "ben@customer.example"
BAKERY = "/staff/customers/bakery"


@pytest.fixture
def portal_settings(portal_settings: Settings) -> Settings:
    """With a mail server, which nobody asks."""
    return replace(portal_settings, smtp_url=Secret("smtp://127.0.0.1:9"), mail_from="portal@kestrel.example")


async def bid(database: Database, *addresses: str, accounts: tuple[str, ...] = ("bakery",)) -> None:
    """Invite them by mail, and let each have asked for a code."""
    now = utc_now()
    async with database.write() as session:
        for account in accounts:
            await session.merge(Account(id=account, name=account.title(), created_at=now))
    for address in addresses:
        for account in accounts:
            wish = Wish(email=address, account=account, rights=COMPANY, until=now + timedelta(days=30), name="A")
            await invite_by_mail(database, trail=TRAIL, by=BY, made_by="sam", wish=wish, now=now)
        row: dict[str, Any] = {"browser": b"b", "kind": "member", "address": address, "return_to": "/", "turn": 1}
        async with database.write() as session:
            session.add(SignInCode(id=address[:3], made_at=now, until=now, guesses=0, state="sent", tries=1, **row))


async def left(database: Database) -> tuple[list[str], int, list[str]]:
    """Name the addresses that are invited, count the mails, and name the addresses that asked for codes."""
    async with database.read() as session:
        invited = await session.scalars(sa.select(Invitation.email).order_by(Invitation.email))
        codes = await session.scalars(sa.select(SignInCode.address).order_by(SignInCode.address))
        return list(invited), await session.scalar(sa.select(sa.func.count(InvitationMail.id))) or 0, list(codes)


async def test_forgets_all_of_an_address_and_of_no_other(database: Database) -> None:
    await bid(database, ANN, BEN, accounts=("bakery", "hotel"))
    first = (await invitations(database, utc_now(), "hotel"))[0]
    assert await withdraw(database, trail=TRAIL, by=BY, id_=first.id), "what was taken back is kept, too"
    held = await held_of(database, "Ann@Customer.example")
    assert (held.accounts, held.held) == (("bakery", "hotel"), {"invitations": 2, "mails": 2, "codes": 1})
    assert await forget(database, trail=TRAIL, by=BY, email="Ann@Customer.example") == held
    assert await left(database) == ([BEN, BEN], 2, [BEN])
    for act in (held_of(database, ANN), forget(database, trail=TRAIL, by=BY, email=ANN)):
        with pytest.raises(LinkError, match="nobody is invited"):
            await act
    async with database.read() as session:
        erased = sa.select(AuditLine).where(AuditLine.what == "invitation.erased")
        lines = [(line.account, line.details, line.sealed) for line in await session.scalars(erased)]
    assert {account for account, *_ in lines} == {"bakery", "hotel"}
    assert not any("ann" in f"{details}{personal}" for _, details, personal in lines)
    wish = Wish(email=ANN, account="bakery", rights=COMPANY, until=utc_now() + timedelta(days=1))
    assert await invite(database, trail=TRAIL, by=BY, made_by="sam", wish=wish, now=utc_now()), "they may come again"


async def test_leaves_who_has_come_to_be_erased_as_a_member(database: Database) -> None:
    await bid(database, ANN, BEN)
    async with database.write() as session:
        session.add(Member(id="ann", issuer="https://login.example", subject="ann", created_at=utc_now()))
        session.add(Member(id="ben", issuer="https://login.example", subject="ben", created_at=utc_now()))
        await session.flush()
        session.add(Address(address=ANN, member_id="ann", first_at=utc_now()))
        used = sa.update(Invitation).where(Invitation.email == BEN)
        await session.execute(used.values(state="used", member_id="ben"))
    before = await left(database)
    for address in (ANN, BEN):
        with pytest.raises(CameError, match="as a member"):
            await forget(database, trail=TRAIL, by=BY, email=address)
    assert await left(database) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_lets_admins_erase_after_they_read_what_goes(portal: Portal) -> None:
    boss, database = await staff_at(portal, "admin"), portal.database
    await bid(database, ANN, BEN, accounts=("bakery", "hotel"))
    id_ = next(each.id for each in await invitations(database, utc_now(), "bakery") if each.email == ANN)
    place = f"{BAKERY}/invitations/{id_}/erase"
    assert f'action="{place}"' in unescape((await boss.get(BAKERY)).text)
    asked = unescape((await boss.send("POST", place)).text)
    assert f"Erase all that is kept of {ANN}?" in asked
    goes = "2 invitations, 2 mails that invite, 1 code to sign in that was asked for, also for 1 other account"
    assert goes in asked
    assert "if they wanted no more mails, that is forgotten with the rest" in asked
    assert len((await left(database))[0]) == 4, "asking erases nothing"
    assert (await boss.get(place)).headers["location"] == f"{BAKERY}#invitations"
    support = await staff_at(portal)
    assert (await support.send("POST", place, sure="yes")).status_code == 403
    elsewhere = f"/staff/customers/hotel/invitations/{id_}/erase"
    assert (await boss.send("POST", elsewhere, sure="yes")).status_code == 404, "it is not of that account"
    answer = await boss.send("POST", place, sure="yes")
    assert answer.headers["location"] == f"{BAKERY}?done=forgotten#invitations"
    assert await left(database) == ([BEN, BEN], 2, [BEN])
    page = unescape((await boss.get(answer.headers["location"])).text)
    assert "Erased, with all that was kept of the address." in page
    assert ANN not in page
    assert (await boss.send("POST", place, sure="yes")).status_code == 404
    async with database.write() as session:
        session.add(Member(id="ben", issuer="https://login.example", subject="ben", created_at=utc_now()))
        await session.flush()
        session.add(Address(address=BEN, member_id="ben", first_at=utc_now()))
    id_ = next(each.id for each in await invitations(database, utc_now(), "bakery"))
    answer = await boss.send("POST", f"{BAKERY}/invitations/{id_}/erase", sure="yes")
    assert answer.headers["location"] == f"{BAKERY}?done=came#invitations"
    assert len((await left(database))[0]) == 2
