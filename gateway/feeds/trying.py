"""Trying on what is kept: which lists there are, and what would be noticed of their records.

Nothing is asked of any source, nothing is written, and nothing of it is kept.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from connectors.records import Invoice, Kind, Order, Record, Ticket
from gateway.offices import Office
from gateway.pull import Pull
from gateway.records.database import Database
from gateway.records.tables import Account, Link

BACK = timedelta(days=90)
MOST = 6000  # lists that are looked at: of so many customers it says what of all would take too long
AT_ONCE = 16

K = TypeVar("K")


class Grouped(Struct, Generic[K], frozen=True):
    """Records of which the same is noticed. `example` is one of them."""

    what: K
    records: int
    accounts: int
    example: str


class Grouping(Generic[K]):
    """Counts what is noticed while the lists go by."""

    def __init__(self) -> None:
        self._records: Counter[K] = Counter()
        self._accounts: dict[K, set[str]] = defaultdict(set)
        self._examples: dict[K, tuple[str, str]] = {}

    def take(self, what: K, record: Record, account: str) -> None:
        self._records[what] += 1
        self._accounts[what].add(account)
        self._examples.setdefault(what, (record.number, account))

    @property
    def records(self) -> int:
        return self._records.total()

    @property
    def accounts(self) -> int:
        """How many accounts notice anything."""
        return len(set[str]().union(*self._accounts.values()))

    async def groups(self, db: Database) -> list[Grouped[K]]:
        """Give what was noticed, of the most records first."""
        named = {account for _, account in self._examples.values()}
        async with db.read() as session:
            some = sa.select(Account.id, Account.name).where(Account.id.in_(sorted(named)))
            names = {row.id: row.name for row in await session.execute(some)}
        found = []
        for what, records in self._records.most_common():
            number, account = self._examples[what]
            example = f"{number}, {names.get(account, account)}"
            found.append(Grouped(what, records, len(self._accounts[what]), example))
        return found


async def lists_of(
    db: Database, offices: Mapping[str, Office], kinds: Mapping[str, Collection[Kind]]
) -> tuple[list[Pull], bool]:
    """Name the lists of these kinds, by source. False: there are more than so many."""
    concerned = [name for name, its in kinds.items() if its]
    some = sa.select(Link.source, Link.customer, Link.account_id).where(Link.source.in_(concerned))
    async with db.read() as session:
        rows = (await session.execute(some.order_by(Link.account_id).limit(MOST + 1))).all()
    lists = [
        Pull(account=account, customer=customer, kind=kind, office=offices[source])
        for source, customer, account in rows
        for kind in kinds[source]
    ]
    return lists[:MOST], len(lists) <= MOST


def is_recent(record: Record, since: datetime) -> bool:
    """Whether something happened to it lately. Of what nobody says when, it may have."""
    if record.origin.changed_at:
        return record.origin.changed_at >= since
    match record:
        case Order(ordered_at=datetime() as at) | Ticket(created_at=at):
            return at >= since
        case Invoice(issued_on=date() as on):
            return on >= since.date()
        case _:
            return True
