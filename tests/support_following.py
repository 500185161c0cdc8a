"""Following a feed as a portal does, and what must come of it: what reading everything anew gives."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from connectors.contract import BackOffice, ChangesQuery, Connector, Query
from connectors.records import Kind, Record

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)  # when everything is asked, so that two answers can be compared
MOST_PAGES = 200

Shelf = dict[str, dict[str, Record]]  # a customer's records by their ids


async def do_nothing() -> None: ...


class Follower:
    """What is known of some customers' records of one kind, kept up by its feed."""

    def __init__(
        self, connector: Connector[Any], office: BackOffice[Any], kind: Kind, customers: list[str], since: datetime
    ) -> None:
        self._connector = connector
        self._office = office
        self._kind = kind
        self._customers = customers
        self._since = since
        self.cursor: str | None = None
        self.shelf: Shelf = {}

    async def whole(self) -> Shelf:
        """Read every list to its end."""
        return {customer: await self._list(customer) for customer in self._customers}

    async def begin(self) -> None:
        self.shelf = await self.whole()
        await self.follow()

    async def follow(self, between: Callable[[], Awaitable[None]] = do_nothing) -> list[str]:
        """Look until there is no more, and name what was told. `between` is done after each page but the last."""
        told: list[str] = []
        for _ in range(MOST_PAGES):
            query = ChangesQuery(since=self._since, asked_at=NOW, cursor=self.cursor)
            changes = await self._connector.feeds[self._kind].read(self._office, query)
            told += [answer.record.origin.id for answer in changes.answers] + sorted(changes.gone)
            for answer in changes.answers:
                self._take_out(answer.record.origin.id)
                for owner in answer.owners & self.shelf.keys():
                    self.shelf[owner][answer.record.origin.id] = answer.record
            for key in changes.gone:
                self._take_out(key)
            self.cursor = changes.cursor
            if not changes.more:
                return told
            await between()
        raise AssertionError("a look without an end")

    async def _list(self, customer: str) -> dict[str, Record]:
        records: dict[str, Record] = {}
        cursor = None
        while True:
            query = Query(customer=customer, asked_at=NOW, cursor=cursor)
            page = await self._connector.reads[self._kind](self._office, query)
            records |= {each.record.origin.id: each.record for each in page.answers if customer in each.owners}
            cursor = page.cursor
            if cursor is None:
                return records

    def _take_out(self, key: str) -> None:
        for records in self.shelf.values():
            records.pop(key, None)
