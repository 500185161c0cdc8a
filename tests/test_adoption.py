"""Who was invited, who came and who came back: found, paged, exported, and written to again."""

import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import VAULT
from support_invited import add_invited
from support_portal import Portal
from support_staff import staff_at

from auth.clock import utc_now
from connectors.config import Secret
from gateway.adoption import Only, adoption, every_adopter
from gateway.audit_reading import Wanted, read
from gateway.records.customer_tables import InvitationMail
from gateway.records.identity_tables import Invitation
from gateway.records.seeing import note_seen
from gateway.records.tables import Member
from gateway.settings import Settings

ADOPTION = "/staff/customers/adoption"
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def portal_settings(portal_settings: Settings) -> Settings:
    """With a mail server, which nobody asks."""
    return replace(portal_settings, smtp_url=Secret("smtp://127.0.0.1:9"), mail_from="portal@kestrel.example")


async def found(portal: Portal, only: Only = "", question: str = "") -> list[str]:
    return [each.called async for each in every_adopter(portal.database, question, utc_now(), only)]


async def test_knows_who_came_once_came_back_or_stays_away(portal: Portal) -> None:
    now = utc_now()
    await add_invited(portal.database, "bakery")
    async with portal.database.write() as session:
        ids = {row.subject: row.id for row in await session.scalars(sa.select(Member))}
        for days in (70, 65):
            await note_seen(session, [ids["ines"]], now - timedelta(days=days))
        await session.execute(sa.update(Member).values(seen_on=None, days=0))
        for _ in range(2):
            await note_seen(session, [ids["maya"]], now)
        for days in (70, 65):
            await note_seen(session, [ids["ines"]], now - timedelta(days=days))
    async with portal.database.read() as session:
        days_of = {row.subject: row.days for row in await session.scalars(sa.select(Member))}
    assert days_of == {"maya": 1, "ines": 2}, "a day counts once"
    assert await found(portal, "unwritten") == ["bob@alder.example", "ann@alder.example"]
    assert await found(portal, "never") == ["bob@alder.example", "ann@alder.example"]
    assert [len(await found(portal, each)) for each in ("once", "back", "quiet", "refused")] == [1, 1, 1, 0]
    assert await found(portal, "once") != await found(portal, "back") == await found(portal, "quiet")
    assert await found(portal, "", "ann@") == ["ann@alder.example"]
    assert len(await found(portal, "", "bakery")) == 3, "an account finds its people and who is invited to it"
    assert len(await found(portal)) == 4
    pages = [await adoption(portal.database, "", now, page=page, size=3) for page in (1, 2, 3)]
    assert [len(page.found) for page in pages] == [3, 1, 0]
    assert {page.count for page in pages} == {4}


@SQLITE
async def test_shows_and_exports_them_and_writes_again_to_who_has_not_come(portal: Portal) -> None:
    await add_invited(portal.database, "bakery")
    long_ago = utc_now() - timedelta(days=9)
    async with portal.database.write() as session:
        await session.execute(sa.update(Invitation).where(Invitation.id == "invited-0").values(mailed_at=long_ago))
    boss, sam = await staff_at(portal, "admin"), await staff_at(portal)
    page = unescape((await boss.get(f"{ADOPTION}?only=never")).text)
    assert "ann@alder.example" in page
    assert "Write to them again" in page
    assert "Write to them again" not in (await sam.get(f"{ADOPTION}?only=never")).text
    table = (await boss.get(f"{ADOPTION}.csv")).text
    assert "ann@alder.example" in table
    (line,) = await read(portal.database, VAULT, Wanted(latest=1))
    assert line.what == "customers.exported"
    asked = (await boss.get(f"{ADOPTION}/again")).text
    assert "Send 1 mail again?" in asked
    before = re.search(r'name="before" value="([^"]+)"', asked)
    assert before
    for _ in range(2):
        assert (await boss.send("POST", f"{ADOPTION}/again", before=unescape(before[1]))).status_code == 303
    async with portal.database.read() as session:
        numbers = (await session.scalars(sa.select(InvitationMail.number).order_by(InvitationMail.number))).all()
    assert numbers == [1, 2]
    assert (await sam.send("POST", f"{ADOPTION}/again", before=unescape(before[1]))).status_code == 403
