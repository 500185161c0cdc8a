"""Offices: one per source, as the rows are right now; a broken one takes no other down."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.exc import ProgrammingError
from support_audit import BY, TRAIL
from support_clock import Timer
from support_sources import CONNECTORS, FILE, STRICT, desired, vault

from connectors.contract import BackOffice
from gateway.offices import LOOK_EVERY, RETIRE_AFTER, Offices, SourceBroken
from gateway.records import migrate
from gateway.records.database import Database, DatabaseDown
from gateway.records.tables import Source
from gateway.sources import changes
from gateway.sources.check import check

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TWO = FILE + FILE.replace("desk", "shop").replace('"notes"', '"memos"')


@pytest.fixture
def clock() -> Timer:
    return Timer()


@pytest_asyncio.fixture
async def offices(database: Database, clock: Timer) -> AsyncIterator[Offices]:
    await configure(database, TWO)
    offices = Offices(database, vault(), CONNECTORS, STRICT, clock=clock)
    yield offices
    await offices.aclose()


async def configure(database: Database, text: str, now: datetime = NOW) -> None:
    diff = await changes.plan(database, vault(), CONNECTORS, desired(text), prune=True)
    await changes.apply(database, vault(), diff, now, trail=TRAIL, by=BY)


async def update(database: Database, name: str, **values: object) -> None:
    async with database.write() as session:
        await session.execute(
            sa.update(Source).where(Source.name == name).values(changed_at=NOW.replace(year=2027), **values)
        )


async def test_opens_an_office_for_every_source(offices: Offices) -> None:
    everyone = await offices.all()
    desk = everyone["desk"]
    assert list(everyone) == ["desk", "shop"]
    assert (desk.title, desk.connector.name, desk.broken) == ("Requests", "notes", None)
    assert desk.back_office.source == "desk"
    assert desk.back_office.config.token.reveal() == "canary-token"
    assert str(desk.back_office.http.base_url) == "https://notes.example.com"
    assert await offices.get("desk") is desk
    assert await offices.get("nobody") is None


async def test_promises_what_the_admin_said_or_else_one_minute(offices: Offices) -> None:
    desk = (await offices.all())["desk"]
    assert desk.promise("tickets") == timedelta(seconds=60)
    assert desk.promise("orders") == timedelta(minutes=1)


async def test_gives_every_source_its_own_client_and_tokens(offices: Offices) -> None:
    desk, shop = (await offices.all()).values()
    assert desk.back_office.http is not shop.back_office.http
    assert desk.back_office.tokens is not shop.back_office.tokens


async def test_notices_a_change_within_seconds_and_opens_only_that_source_anew(
    offices: Offices, database: Database, clock: Timer
) -> None:
    before = await offices.all()
    await configure(database, TWO.replace("Requests", "Help", 1), NOW + timedelta(seconds=1))
    clock.now += LOOK_EVERY - 0.1
    assert await offices.all() == before
    clock.now += 0.1
    after = await offices.all()
    assert after["desk"].title == "Help"
    assert after["desk"].version != before["desk"].version
    assert after["desk"].back_office.http is not before["desk"].back_office.http
    assert after["shop"] is before["shop"]


async def test_closes_an_old_client_only_when_nobody_can_be_using_it(
    offices: Offices, database: Database, clock: Timer
) -> None:
    old = (await offices.all())["desk"].back_office.http
    await configure(database, FILE.replace("desk", "shop").replace('"notes"', '"memos"'))
    clock.now += LOOK_EVERY
    assert list(await offices.all()) == ["shop"]
    assert not old.is_closed
    clock.now += RETIRE_AFTER
    shop = (await offices.all())["shop"]
    assert old.is_closed
    assert not shop.back_office.http.is_closed


async def test_closes_every_client_at_the_end(offices: Offices, database: Database, clock: Timer) -> None:
    first = (await offices.all())["desk"].back_office.http
    await configure(database, TWO.replace("Requests", "Help", 1), NOW + timedelta(seconds=1))
    clock.now += LOOK_EVERY
    second = (await offices.all())["desk"].back_office.http
    await offices.aclose()
    assert first.is_closed
    assert second.is_closed


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"sealed": {"token": "7.AAAA"}}, "key 7, which is not in the key ring"),
        ({"settings": {"base_url": 5}}, "Expected `str`, got `int` - at `$.base_url`"),
        ({"settings": {"base_url": "http://notes.example.com"}}, "HALLWAY_ALLOW_HTTP_SOURCES"),
    ],
)
async def test_reports_a_source_that_cannot_be_opened_and_opens_the_others(
    offices: Offices, database: Database, values: dict[str, object], reason: str
) -> None:
    await update(database, "desk", **values)
    desk, shop = (await offices.all()).values()
    with pytest.raises(SourceBroken, match="desk: "):
        _ = desk.back_office
    assert desk.title == "Requests", "a page can still say what is missing"
    assert reason in str(desk.broken)
    assert (await offices.broken()) == {"desk": desk.broken}
    assert shop.back_office.source == "shop"


async def test_reports_a_source_whose_connector_is_not_installed(offices: Offices, database: Database) -> None:
    await update(database, "desk", connector="gone")
    assert list(await offices.all()) == ["shop"]
    assert await offices.broken() == {"desk": "the connector 'gone' is not installed"}


async def test_opens_a_source_again_once_it_is_mended(offices: Offices, database: Database, clock: Timer) -> None:
    await update(database, "desk", settings={})
    assert "desk" in await offices.broken()
    await configure(database, TWO, NOW + timedelta(seconds=1))
    clock.now += LOOK_EVERY
    assert await offices.broken() == {}
    assert (await offices.all())["desk"].back_office.source == "desk"


async def test_asks_the_database_again_at_once_after_it_did_not_answer(new_database_url: str) -> None:
    database = Database(new_database_url)
    offices = Offices(database, vault(), CONNECTORS, STRICT)
    with pytest.raises((DatabaseDown, ProgrammingError)):
        await offices.all()
    await asyncio.to_thread(migrate.upgrade, new_database_url)
    assert await offices.all() == {}
    await database.close()


async def test_lets_no_back_office_steer_the_terminal_of_an_admin(offices: Offices) -> None:
    async def who(_: BackOffice[Any]) -> str:
        return "portal\x1b[2J\n"

    desk = (await offices.all())["desk"]
    verdict = await check(replace(desk, connector=replace(desk.connector, check=who)))
    assert (verdict.ok, verdict.text) == (True, "Notes knows us as portal?[2J?")
