"""What we hold of a person: a copy for them, and its end, with a report."""

import io
import zipfile
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_door import litestar_of
from support_portal import Portal
from support_staff import Staff, member_of, staff_at

from auth.clock import utc_now
from gateway.audit_reading import Wanted, read, verify
from gateway.compact import expand
from gateway.identity.invitations import Wish, invite
from gateway.page_rows import PLACE, Look
from gateway.records.base import Base
from gateway.records.identity_tables import Address
from gateway.records.page_tables import PageContent
from gateway.records.tables import UsageEvent
from gateway.rights import OWN
from gateway.seen_pages import SeenPages
from gateway.usage import Usage

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MAYA = "maya@example.com"
LOOK = Look(css="", logo=None)
A_DAY = timedelta(days=1)


async def prepared(portal: Portal) -> tuple[Staff, str]:
    """Maya has been here, came with her address, and is invited elsewhere under it."""
    boss = await staff_at(portal, "admin")
    maya = await portal.browser("maya", "bakery")
    await maya.get("/orders")
    member = await member_of(portal)
    async with portal.database.write() as session:
        session.add(Address(address=MAYA, member_id=member, first_at=utc_now()))
    wish = Wish(email=MAYA, account="hotel", rights=OWN, until=utc_now() + timedelta(days=3))
    await invite(portal.database, trail=TRAIL, by=BY, made_by="test", wish=wish, now=utc_now())
    return boss, f"/staff/customers/bakery/members/{member}"


async def everything(portal: Portal) -> str:
    """All text that stands in any row, apart from what is sealed."""
    async with portal.database.read() as session:
        rows = [row for table in Base.metadata.sorted_tables for row in await session.execute(sa.select(table))]
    return "\n".join(map(repr, rows))


async def test_erases_a_person_and_says_what_stays(portal: Portal) -> None:
    boss, path = await prepared(portal)
    page = unescape((await boss.get(f"{path}/data")).text)
    assert "What we hold of Maya" in page
    assert MAYA in await everything(portal)
    assert (await boss.send("POST", f"{path}/erase")).headers["location"] == f"{path}/data", "not without an answer"
    assert MAYA in await everything(portal)
    done = await boss.send("POST", f"{path}/erase", sure="yes")
    report = unescape((await boss.get(done.headers["location"])).text)
    for words in ("nothing of it is left", "The audit trail is whole", "Addresses with which they came"):
        assert words in report, words
    assert "Maya" not in report
    left = await everything(portal)
    assert MAYA not in left
    assert (await verify(portal.database, VAULT)).problems == ()
    (line,) = await read(portal.database, VAULT, Wanted(latest=1, what="member.erased"))
    assert (line.who.startswith("staff/"), line.details["held"]["addresses"]) == (True, 1)
    assert (line.details["held"]["invitations"], line.details["held"]["sessions"]) == (1, 1)
    assert (await boss.send("POST", f"{path}/erase", sure="yes")).status_code == 404
    assert (await boss.get("/staff/erased/nobody")).status_code == 404


async def test_what_still_waits_to_be_written_down_brings_nobody_back(portal: Portal) -> None:
    """Each process writes what members did and saw a moment later, or once its database is there again."""
    boss, path = await prepared(portal)
    member, state = await member_of(portal), litestar_of(portal.app).state
    usage, pages = Usage(portal.database), SeenPages(portal.database, b"k" * 32, LOOK, kept_for=A_DAY, now=utc_now)
    await state.seen_pages.flush()
    await state.usage.flush()
    usage.record("viewed", "orders", member_id=member, account_id="bakery")
    page = f"<p>{MAYA} {PLACE}".encode()
    pages.note(page, secret="none", member_id=member, account_id="bakery", path="/orders", scope=None, parts=())
    done = await boss.send("POST", f"{path}/erase", sure="yes")
    await usage.flush()
    await pages.flush()
    assert "nothing of it is left" in unescape((await boss.get(done.headers["location"])).text)
    async with portal.database.read() as session:
        visits = list(await session.scalars(sa.select(UsageEvent.member_id).where(UsageEvent.page == "orders")))
        frames = list(await session.scalars(sa.select(PageContent.frame)))
    assert len(visits) == 2, "they count on"
    assert set(visits) == {None}
    assert not any(MAYA.encode() in expand(frame) for frame in frames)


@SQLITE
async def test_signs_them_out_and_leaves_colleagues_alone(portal: Portal) -> None:
    await portal.link("joe", "bakery", ("erp", "10"))
    boss, path = await prepared(portal)
    maya, joe = await portal.browser("maya", "bakery"), await portal.browser("joe", "bakery")
    assert (await maya.get("/orders")).status_code == 200
    await boss.send("POST", f"{path}/erase", sure="yes")
    assert (await maya.get("/orders")).status_code == 303
    assert (await joe.get("/orders")).status_code == 200


@SQLITE
async def test_gives_a_copy_to_admins_alone(portal: Portal) -> None:
    boss, path = await prepared(portal)
    sam = await staff_at(portal)
    assert (await sam.send("POST", f"{path}/copy")).status_code == 403
    answer = await boss.send("POST", f"{path}/copy")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as copy:
        assert copy.testzip() is None
        assert {"login.json", "manifest.json", "sent.json"} <= set(copy.namelist())
    (line,) = await read(portal.database, VAULT, Wanted(latest=1, what="member.downloaded"))
    assert line.who.startswith("staff/")
    again = await boss.send("POST", f"{path}/copy")
    assert (again.status_code, again.headers["retry-after"]) == (429, "60")
    assert "Try again in a minute" in again.text
    assert "Signed in as staff" in again.text, "it is a page of staff's"
    assert (await boss.get(f"{path}/copy")).headers["location"] == f"{path}/data"
