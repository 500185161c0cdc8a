"""Many messages at once, and many that nobody can be told: the rest still arrives."""

import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_feeds import Ticking, link
from support_mails import add_member

from gateway.asked import ask
from gateway.events import Event, Topic
from gateway.mails import own
from gateway.mails.own import OwnNews
from gateway.mails.queue import Queue
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow


async def told(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(MailRow)) or 0


async def test_tells_of_more_than_one_statement_can_take(database: Database) -> None:
    await link(database, "7")
    await add_member(database, "acme-7", "maya")
    events = [Event(names=("invoice_new",), record=str(number), about="") for number in range(4700)]
    async with database.write() as session:
        await Queue().tell(session, Topic("acme-7", "ledger", "invoices"), events, Ticking().now)
    assert await told(database) == 4700


async def test_what_nobody_can_be_told_is_in_nobodys_way(database: Database) -> None:
    clock = Ticking()
    await link(database, "7", "8")
    await add_member(database, "acme-7", "maya")
    for account in ["acme-8"] * (own.AT_A_TIME + 1) + ["acme-7"]:
        asked = {"account": account, "label": "Licence", "due_on": None, "login": None}
        await ask(database, trail=TRAIL, by=BY, now=clock.now, **asked)  # type: ignore[arg-type]
    await OwnNews(database, Queue(), clock).turn()
    assert await told(database) == 1
