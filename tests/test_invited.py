"""The page that the link of an invitation leads to, over the whole portal."""

from datetime import timedelta
from html import unescape

import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_portal import KEYS, Portal

from auth.clock import utc_now
from gateway.audit_reading import Wanted, read
from gateway.identity.invitation_links import InvitationLinks
from gateway.identity.invitations import Wish, withdraw
from gateway.identity.inviting import invite_by_mail
from gateway.keyring import parse_keyring
from gateway.records.customer_tables import InvitationMail
from gateway.records.identity_tables import Invitation
from gateway.rights import OWN


async def invited(portal: Portal) -> str:
    """Write to Ann, and give where the link of the mail leads."""
    now = utc_now()
    wish = Wish(email="ann@alder.example", account="bakery", rights=OWN, until=now + timedelta(days=30))
    await invite_by_mail(portal.database, trail=TRAIL, by=BY, made_by="staff/1", wish=wish, now=now)
    mail = await mail_of(portal)
    return f"/invited/{InvitationLinks(parse_keyring(KEYS)).sign(mail.id)}"


async def mail_of(portal: Portal) -> InvitationMail:
    async with portal.database.read() as session:
        return (await session.scalars(sa.select(InvitationMail))).one()


async def test_says_who_is_invited_to_what_and_counts_nothing_before_the_button(portal: Portal) -> None:
    link, anybody = await invited(portal), portal.stranger()
    page = unescape((await anybody.get(link)).text)
    assert "You are invited" in page
    assert "ann@alder.example" in page
    assert (await mail_of(portal)).opened_at is None, "a program that looks into mails opens nothing"
    answer = await anybody.post(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/welcome")
    assert (await mail_of(portal)).opened_at is not None


async def test_opens_nothing_for_whoever_holds_the_link(portal: Portal) -> None:
    link, anybody = await invited(portal), portal.stranger()
    await anybody.post(link)
    assert (await anybody.get("/")).status_code in {302, 303}, "it signs nobody in"


async def test_says_that_it_was_taken_back(portal: Portal) -> None:
    link = await invited(portal)
    async with portal.database.read() as session:
        id_ = (await session.scalars(sa.select(Invitation.id))).one()
    await withdraw(portal.database, trail=TRAIL, by=BY, id_=id_)
    assert "was taken back" in (await portal.stranger().get(link)).text


async def test_says_that_it_has_ended(portal: Portal) -> None:
    link = await invited(portal)
    async with portal.database.write() as session:
        await session.execute(sa.update(Invitation).values(until=utc_now() - timedelta(days=1)))
    assert "has ended" in (await portal.stranger().get(link)).text


async def test_knows_no_link_that_somebody_made_up(portal: Portal) -> None:
    link, anybody = await invited(portal), portal.stranger()
    for wrong in (f"{link}x", "/invited/x", f"/invited/{'0' * 26}.{'A' * 22}"):
        assert (await anybody.get(wrong)).status_code == 404
        assert (await anybody.post(wrong)).status_code == 404
        assert (await anybody.post(f"{wrong}/stop")).status_code == 404


async def test_stops_mails_with_one_click_of_a_mail_program(portal: Portal) -> None:
    link, anybody = await invited(portal), portal.stranger()
    assert "Stop these mails?" in (await anybody.get(f"{link}/stop")).text
    answer = await anybody.post(f"{link}/stop", data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, "Stopped" in answer.text) == (200, True)
    async with portal.database.read() as session:
        assert (await session.scalars(sa.select(Invitation.stopped_at))).one() is not None
    (line,) = await read(portal.database, VAULT, Wanted(latest=1))
    assert (line.what, line.about.startswith("invitation/")) == ("invitation.stopped", True)
    await anybody.post(f"{link}/stop")
    assert len(await read(portal.database, VAULT, Wanted(latest=100, what="invitation.stopped"))) == 1
