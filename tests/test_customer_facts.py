"""Asking systems what they know of customers: each system has its turn, and what nobody asks for is forgotten."""

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_clock import Clock
from support_moves import Stock
from test_segment_marks import POLICY, publish

from connectors.counterparts import Counterpart
from gateway.feeds.facts import EVERY, FactReading
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.status_tables import CustomerFacts, VisibilityVersion
from gateway.records.tables import Link
from gateway.segments import Policy

MANY = 150
HOUR = timedelta(hours=1)


class Systems:
    """Two systems that take their time with each answer."""

    def __init__(self, db: Database) -> None:
        self.clock, self.takes = Clock(), timedelta()
        self.asked: Counter[str] = Counter()
        self.offices = {name: self._office(name) for name in ("erp", "helpdesk")}
        found = cast("Offices", SimpleNamespace(all=self._all))
        self._reading = FactReading(db, found, self.clock)

    async def turn(self, later: timedelta = EVERY) -> dict[str, int]:
        """Let some time go by, and say what was asked then."""
        self.clock.now += later
        self.asked.clear()
        await self._reading.turn()
        return dict(self.asked)

    def _office(self, name: str) -> Any:
        connector = SimpleNamespace(properties=SimpleNamespace(read=self._read), counterpart=None)
        return SimpleNamespace(name=name, connector=connector, is_asked=True, back_office=name)

    async def _all(self) -> dict[str, Any]:
        return self.offices

    async def _read(self, office: str, _customer: str, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        self._answer(office)
        return dict.fromkeys(names, ("gold",))

    async def who(self, office: str, _customer: str) -> Counterpart:
        self._answer(f"who at {office}")
        return Counterpart(name="Ida")

    def _answer(self, what: str) -> None:
        self.clock.now += self.takes
        self.asked[what] += 1
        if self.asked[what] > 10 * MANY:
            pytest.fail("it would never end")


@pytest_asyncio.fixture
async def systems(database_with_sources: Database) -> Systems:
    db = database_with_sources
    await Stock(db).account("alder")
    proof = {"fact": "", "decided_by": "", "decided_at": Clock().now}
    links = [("erp", f"{number:03}") for number in range(MANY)] + [("helpdesk", "1"), ("helpdesk", "2")]
    rows = [{"source": source, "customer": customer, "account_id": "alder"} | proof for source, customer in links]
    async with db.write() as session:
        await session.execute(sa.insert(Link), rows)
    await publish(db, POLICY)
    return Systems(db)


async def test_gives_each_system_its_turn(systems: Systems) -> None:
    assert await systems.turn() == {"erp": MANY, "helpdesk": 2}
    assert await systems.turn() == {}, "of each once an hour"
    systems.takes = timedelta(minutes=1)  # longer than an hour for all
    assert await systems.turn(HOUR) == {"helpdesk": 1}, "the other was asked last"
    assert await systems.turn() == {"erp": 1}
    assert await systems.turn() == {"helpdesk": 1}
    assert await systems.turn() == {"erp": 1}
    systems.takes = timedelta(seconds=10)
    assert await systems.turn() == {"erp": 3}
    systems.offices["erp"].is_asked = False
    assert await systems.turn() == {}, "staff have stopped it meanwhile"


async def test_asks_less_often_who_looks_after_customers(systems: Systems) -> None:
    systems.offices["helpdesk"].connector.counterpart = systems.who
    assert await systems.turn() == {"erp": MANY, "helpdesk": 2, "who at helpdesk": 2}
    for _ in range(5):
        assert await systems.turn(HOUR + EVERY) == {"erp": MANY, "helpdesk": 2}
    assert await systems.turn(HOUR + EVERY) == {"erp": MANY, "helpdesk": 2, "who at helpdesk": 2}


async def kept(db: Database) -> list[tuple[Any, ...]]:
    what = (CustomerFacts.facts, CustomerFacts.counterpart["name"].as_string())
    its = sa.select(*what).where(CustomerFacts.source == "helpdesk", CustomerFacts.customer == "1")
    async with db.read() as session:
        return [tuple(row) for row in await session.execute(its)]


async def test_forgets_what_nobody_asks_for(systems: Systems, database: Database) -> None:
    connector, facts = systems.offices["helpdesk"].connector, {"tier": ["gold"]}
    connector.counterpart = systems.who
    await systems.turn()
    assert await kept(database) == [(facts, "Ida")]
    connector.counterpart = None
    await systems.turn()
    assert await kept(database) == [(facts, None)]
    connector.counterpart = systems.who
    await systems.turn()
    await publish(database, Policy())
    assert await systems.turn() == {}
    assert await kept(database) == [(None, "Ida")]
    connector.counterpart = None
    await systems.turn()
    assert await kept(database) == []


async def test_forgets_nothing_while_what_is_asked_for_is_not_readable(systems: Systems, database: Database) -> None:
    await systems.turn()
    async with database.write() as session:
        await session.execute(sa.update(VisibilityVersion).values(content="?"))
    assert await systems.turn(HOUR) == {}
    assert await kept(database) == [({"tier": ["gold"]}, None)]
