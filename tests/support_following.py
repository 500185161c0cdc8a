"""Following a feed as a worker does: page by page to the end, what came last counts, and what is gone goes."""

from datetime import UTC, datetime
from typing import Any

import httpx
from msgspec import Struct, field

from connectors.contract import Answer, BackOffice, ChangesQuery, Feed, Query, Read
from connectors.records import Record

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
MOST_PAGES = 500


class Follower(Struct):
    """`answers` are the records as they are told to be, by id."""

    feed: Feed[Any]
    office: BackOffice[Any]
    since: datetime
    answers: dict[str, Answer[Record]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    cursor: str | None = None

    async def page(self) -> bool:
        """Take one page in, and say whether there is more."""
        query = ChangesQuery(since=self.since, asked_at=NOW, cursor=self.cursor)
        changes = await self.feed.read(self.office, query)
        for answer in changes.answers:
            self.answers[answer.record.origin.id] = answer
            self.gone.discard(answer.record.origin.id)
        for key in changes.gone:
            self.answers.pop(key, None)
        self.gone |= changes.gone
        self.cursor = changes.cursor
        return changes.more

    async def look(self) -> int:
        """Follow to the end, and say how many pages there were."""
        pages = 1
        while await self.page():
            pages += 1
            assert pages < MOST_PAGES, "a feed without an end"
        return pages


async def play_staff(url: str, **choices: str) -> None:
    """Change a record on the sandbox's own page."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(url, data=choices)
    assert answer.status_code == 303, answer.text


async def read_all(read: Read[Any, Record], office: BackOffice[Any], *customers: str) -> dict[str, Answer[Record]]:
    """Read all pages of some customers' records, by id."""
    found = dict[str, Answer[Record]]()
    for customer in customers:
        page = await read(office, Query(customer=customer, asked_at=NOW))
        found |= {answer.record.origin.id: answer for answer in page.answers}
        while page.cursor:
            page = await read(office, Query(customer=customer, asked_at=NOW, cursor=page.cursor))
            found |= {answer.record.origin.id: answer for answer in page.answers}
    return found
