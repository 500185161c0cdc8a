"""How long what is kept: set by owners within bounds, after they read what goes, and taken by every clean-up."""

import asyncio
import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_portal import Portal
from support_staff import staff_at

from auth.clock import utc_now
from gateway import conflicts
from gateway.keeping import BOUNDS, BY_ITSELF, KEPT, Keeping, KeepingChanged
from gateway.purging import purge_past
from gateway.records.agreement_tables import ConflictRow
from gateway.records.code_tables import SignInCode
from gateway.records.database import Database
from gateway.records.feed_tables import TroubleRow
from gateway.records.tables import Account, AuditLine, Source, UsageEvent
from gateway.retention import look
from gateway.troubles import Troubles
from gateway.usage import Usage
from web.console.retention import RETENTION

DEFAULT = {**BY_ITSELF, "pages": 30, "uploads": 7, "documents": 90}


async def usage_of(database: Database, *days: int) -> None:
    async with database.write() as session:
        at = [utc_now() - timedelta(days=each, minutes=1) for each in days]
        rows = [
            {"id": f"use-{number}", "at": each, "name": "viewed", "page": "home", "detail": {}}
            for number, each in enumerate(at)
        ]
        await session.execute(sa.insert(UsageEvent), rows)


async def used(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(sa.select(sa.func.count(UsageEvent.id))) or 0


async def test_an_owner_sets_it_after_reading_what_goes(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    await usage_of(portal.database, 1, 50, 60)
    page = (await owner.get(f"{RETENTION}/change")).text
    assert 'name="usage"' in page
    for wrong in ("0", "29", "401", "-1", "x", "\uff190", "1" * 5000):
        answer = await owner.send("POST", f"{RETENTION}/check", usage=wrong, seen="0")
        assert answer.status_code == 422, wrong
        assert "Write a number of days from 30 to 400." in answer.text
    answer = await owner.send("POST", f"{RETENTION}/check", usage="40", seen="0")
    said = unescape(answer.text)
    assert "What was viewed: 40 days instead of 90 days. The next clean-up removes 2 of 3" in said
    assert await used(portal.database) == 3, "nothing is done by asking"
    assert (await owner.send("POST", RETENTION, usage="40", seen="0")).status_code == 303
    page = unescape((await owner.get(RETENTION)).text)
    assert "Set here, and counts before" in page
    assert "2, within a day" in page
    late = await owner.send("POST", RETENTION, usage="50", seen="0")
    assert late.status_code == 409
    assert "Somebody changed this after you opened it" in late.text
    assert 'value="50"' in late.text, "nothing written is lost"
    assert (await owner.send("POST", RETENTION, seen="1")).status_code == 303, "as it was without it"
    assert "Set here, and counts before" not in (await owner.get(RETENTION)).text
    async with portal.database.read() as session:
        lines = await session.scalars(sa.select(AuditLine.details).where(AuditLine.what == "retention.changed"))
        assert ['"usage":[90,40]' in each for each in lines] == [True, False]
    assert (await owner.get(f"{RETENTION}/check")).headers["location"] == f"{RETENTION}/change"
    admin = await staff_at(portal, "admin")
    assert (await admin.get(RETENTION)).status_code == 200
    assert f'href="{RETENTION}/change"' not in unescape((await admin.get(RETENTION)).text)
    for answer in (await admin.get(f"{RETENTION}/change"), await admin.send("POST", RETENTION, seen="2")):
        assert answer.status_code == 403


async def test_counts_in_the_next_clean_up_of_every_process(database: Database) -> None:
    keeping, other = Keeping(database, DEFAULT), Keeping(database, DEFAULT)
    await usage_of(database, 1, 50)
    usage = Usage(database, kept_for=other.of("usage"))
    await usage._purge(utc_now())
    assert await used(database) == 2
    await keeping.save({"usage": 40}, seen=0, trail=TRAIL, by=BY, now=utc_now())
    await usage._purge(utc_now())
    assert await used(database) == 1


async def test_lets_one_of_two_win_and_keeps_to_its_bounds(database: Database) -> None:
    keeping = Keeping(database, DEFAULT)
    saves = [keeping.save({"pages": days}, seen=0, trail=TRAIL, by=BY, now=utc_now()) for days in (1, 2)]
    ended = await asyncio.gather(*saves, return_exceptions=True)
    assert [type(each) for each in ended if each] == [KeepingChanged]
    for name in KEPT:
        for days in (BOUNDS[name][0] - 1, BOUNDS[name][1] + 1):
            with pytest.raises(ValueError, match="bounds"):
                await keeping.save({name: days}, seen=1, trail=TRAIL, by=BY, now=utc_now())
    assert set(DEFAULT) == set(KEPT)


async def test_tells_of_what_nobody_sets_what_its_clean_up_removes(database: Database) -> None:
    """Codes, troubles and differences: each clean-up takes what was counted, and nothing else."""
    now = utc_now()
    past, lately = now - timedelta(days=30, minutes=1), now - timedelta(days=29)
    places = {"kind": "orders", "first_source": "crm", "second_source": "erp", "first_id": "1", "second_id": "2"}
    said = {"number": "1", "first_value": "a", "second_value": "b", "first_seen": past, "last_seen": past}
    settings: dict[str, Any] = {"settings": {}, "sealed": {}, "promises": {}, "changed_at": past}
    trouble = {"source": "erp", "kind": "orders", "place": "feed", "error": "Unavailable", "detail": "", "times": 1}
    async with database.write() as session:
        session.add(Account(id="bakery", name="Bakery", created_at=past))
        session.add_all(Source(name=name, title=name, connector="odoo", **settings) for name in ("erp", "crm"))
        await session.flush()
        for name, at, by in (("old", past, conflicts.AGREED), ("new", lately, conflicts.AGREED), ("open", None, None)):
            session.add(TroubleRow(id=name, began_at=past, last_at=past, ended_at=at, **trouble))
            decided = {"state": "settled" if at else "open", "decided_by": by, "decided_at": at}
            session.add(ConflictRow(id=name, account_id="bakery", field=name, **places, **said, **decided))
        decided = {"state": "ignored", "decided_by": "staff/sam", "decided_at": past}
        session.add(ConflictRow(id="decided", account_id="bakery", field="decided", **places, **said, **decided))
        session.add_all([code("gone", now - timedelta(minutes=61)), code("ended", now - timedelta(minutes=59))])
    names = ("troubles", "differences", "codes")

    async def counted() -> dict[str, tuple[int, int]]:
        found = {each.rule.name: (each.rows, each.old) for each in await look(database, DEFAULT, now)}
        return {name: found[name] for name in names}

    assert await counted() == {"troubles": (3, 1), "differences": (4, 1), "codes": (2, 1)}
    await Troubles(database, utc_now)._purge(now)
    await purge_past(database, Keeping(database, DEFAULT), lambda: now)
    assert await counted() == {"troubles": (2, 0), "differences": (3, 0), "codes": (1, 0)}


async def test_shows_how_long_what_nobody_sets_is_kept(portal: Portal) -> None:
    async with portal.database.write() as session:
        session.add_all([code("gone", utc_now() - timedelta(hours=2)), code("ended", utc_now())])
    owner = await staff_at(portal, "owner")
    page = re.sub(r"<[^>]+>", " ", unescape((await owner.get(RETENTION)).text))
    for what in ("Troubles with sources", "Differences between sources", "Invitations", "Mails that invite"):
        assert what in page
    assert re.search(r"Codes to sign in\s.*?1 hour\s+2\s+1, within minutes", page, re.DOTALL)
    form = (await owner.get(f"{RETENTION}/change")).text
    assert 'name="codes"' not in form, "it is over before it could matter"


def code(name: str, until: datetime) -> SignInCode:
    row: dict[str, Any] = {"browser": b"b", "kind": "member", "address": "a@example.com", "return_to": "/"}
    return SignInCode(id=name, made_at=until, until=until, guesses=0, state="sent", turn=1, tries=1, **row)
