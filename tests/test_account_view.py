"""The merged view: real Redis, and back offices that are functions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from support_redis import RedisProcess

from cache.client import Client, connect
from cache.flight import Flight
from cache.keys import key
from cache.snapshots import Snapshot, Snapshots
from connectors.config import Config
from connectors.contract import Answer, BackOffice, Connector, FileQuery, FileStream, Limits, Page, Query, RecordQuery
from connectors.contract import Scope as Proof
from connectors.errors import NotFound, Unavailable
from connectors.records import Invoice, Kind, Money, Origin, Record, Ticket
from connectors.tokens import MemoryTokens
from gateway.access import LinkRef, Scope
from gateway.account_view import AccountView
from gateway.offices import Office
from gateway.pull import Known

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Desk:
    """The far end: what it holds, whose it is, and how it behaves. Counts what it is asked."""

    def __init__(self) -> None:
        self.held: dict[str, list[tuple[str, Record]]] = {"invoices": [], "tickets": []}
        self.asked: list[str] = []
        self.failing = False
        self.was_asked = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def answer(self, what: str) -> None:
        self.asked.append(what)
        self.was_asked.set()
        if self.gate:
            await self.gate.wait()
        if self.failing:
            raise Unavailable("away")

    def read(self, kind: Kind) -> Callable[[BackOffice[Any], Query], Awaitable[Page[Record]]]:
        async def page(office: BackOffice[Any], query: Query) -> Page[Record]:
            await self.answer(f"{kind} of {query.customer}")
            answers = tuple(Answer(frozenset({owner}), record) for owner, record in self.held[kind])
            start = int(query.cursor or 0)
            return Page(answers[start : start + 2], str(start + 2) if start + 2 < len(answers) else None)

        return page

    def fetch(self, kind: Kind) -> Callable[[BackOffice[Any], RecordQuery], Awaitable[Answer[Record]]]:
        async def one(office: BackOffice[Any], query: RecordQuery) -> Answer[Record]:
            await self.answer(f"{kind} {query.id}")
            for owner, record in self.held[kind]:
                if record.origin.id == query.id:
                    whole = replace(record, messages=()) if isinstance(record, Ticket) else record
                    return Answer(frozenset({owner}), whole)
            raise NotFound(query.id)

        return one

    @asynccontextmanager
    async def open_file(self, office: BackOffice[Any], query: FileQuery) -> AsyncIterator[FileStream]:
        async def chunks() -> AsyncIterator[bytes]:
            yield f"{query.customer}/{query.record}/{query.file}".encode()

        yield FileStream(name="f.pdf", media_type="application/pdf", chunks=chunks())

    def office(self, name: str = "desk") -> Office:
        async def unused(*_: object) -> Any:
            raise AssertionError

        connector: Connector[Config] = Connector(
            name="desk",
            title="Desk",
            config=Config,
            base_url=lambda _: "https://desk.example",
            auth=lambda *_: None,
            check=unused,
            find=unused,
            reads={"invoices": self.read("invoices"), "tickets": self.read("tickets")},
            fetch={"invoices": self.fetch("invoices"), "tickets": self.fetch("tickets")},
            files={"invoices": self.open_file},
            statuses={},
            limits=Limits(concurrent=1),
            scope=Proof(customer="number", proof="it says so"),
        )
        back_office = BackOffice(source=name, http=httpx.AsyncClient(), config=Config(), tokens=MemoryTokens())
        return Office(
            name=name, title=name.title(), connector=connector, promises={"invoices": 60, "tickets": 60}, version="1",
            opened=back_office,
        )  # fmt: skip


class FixedOffices:
    def __init__(self, *offices: Office) -> None:
        self._offices = {office.name: office for office in offices}

    async def all(self) -> Mapping[str, Office]:
        return self._offices


def origin(id_: str) -> Origin:
    return Origin(source="desk", id=id_, fetched_at=START)


def invoice(id_: str) -> Invoice:
    money = Money("EUR", Decimal("1.10"))
    return Invoice(origin=origin(id_), number=id_, vendor_state="v", state="open", total=money, open=money)


def ticket(id_: str) -> Ticket:
    return Ticket(origin=origin(id_), number=id_, vendor_state="v", state="working", subject="s", created_at=START)


def scope(account: str = "acme", *customers: str, source: str = "desk") -> Scope:
    links = tuple(LinkRef(source, customer) for customer in customers or ("7",))
    return Scope(member_id="m", account_id=account, account_name="Acme", links=links)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def view(desk: Desk, clock: Clock, redis: Client) -> AsyncIterator[AccountView]:
    flight: Flight[Known] = Flight()
    offices: Any = FixedOffices(desk.office())
    yield AccountView(offices, Snapshots(redis), flight, clock=clock, budget=0.1)
    await flight.aclose()


async def test_asks_once_within_the_promise_and_again_after_it(view: AccountView, desk: Desk, clock: Clock) -> None:
    desk.held["invoices"] = [("7", invoice("1")), ("7", invoice("2")), ("7", invoice("3"))]
    (part,) = await view.parts(scope(), ["invoices"])
    assert [record.number for record in part.records] == ["1", "2", "3"]
    assert (part.state, part.fetched_at, part.complete) == ("on_time", START, True)
    asked = len(desk.asked)
    clock.now += timedelta(seconds=60)
    assert await view.parts(scope(), ["invoices"]) == (part,)
    assert len(desk.asked) == asked
    clock.now += timedelta(seconds=1)
    desk.held["invoices"].pop()
    (part,) = await view.parts(scope(), ["invoices"])
    assert [record.number for record in part.records] == ["1", "2"]
    assert part.fetched_at == clock.now


async def test_drops_a_record_that_names_another_owner(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("8", invoice("theirs")), ("7", invoice("mine"))]
    (part,) = await view.parts(scope(), ["invoices"])
    assert [record.number for record in part.records] == ["mine"]
    with pytest.raises(NotFound):
        await view.one(scope(), "invoices", "desk", "theirs")


async def test_tells_staff_of_a_status_without_words_and_shows_the_record(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("7", replace(invoice("1"), state="unknown", vendor_state="escheated"))]
    with capture_logs() as logs:
        (part,) = await view.parts(scope(), ["invoices"])
    assert len(part.records) == 1
    assert [line["states"] for line in logs if line["event"] == "status without words"] == [["escheated"]]


async def test_counts_a_record_once_that_two_links_lead_to(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("1")), ("8", invoice("1")), ("8", invoice("2"))]
    parts = await view.parts(scope("acme", "7", "8"), ["invoices"])
    assert sorted(record.number for part in parts for record in part.records) == ["1", "2"]


async def test_reads_nothing_for_a_scope_without_links(view: AccountView, desk: Desk) -> None:
    nobody = Scope(member_id="m", account_id="acme", account_name="Acme", links=())
    desk.held["invoices"] = [("7", invoice("1"))]
    assert await view.parts(nobody, ["invoices", "tickets"]) == ()
    with pytest.raises(NotFound):
        await view.one(nobody, "invoices", "desk", "1")
    with pytest.raises(NotFound):
        async with view.file(nobody, "invoices", "desk", "1", "f"):
            pass
    assert desk.asked == []


async def test_shows_the_last_known_records_of_a_source_that_is_away(
    view: AccountView, desk: Desk, clock: Clock
) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    await view.parts(scope(), ["invoices"])
    desk.failing = True
    clock.now += timedelta(hours=1)
    (part,) = await view.parts(scope(), ["invoices"])
    assert (part.state, part.fetched_at, len(part.records)) == ("down", START, 1)
    assert (await view.one(scope(), "invoices", "desk", "1")).state == "down"


async def test_says_what_it_does_not_know(view: AccountView, desk: Desk) -> None:
    desk.failing = True
    (part,) = await view.parts(scope(), ["invoices"])
    assert (part.state, part.fetched_at, part.records, part.complete) == ("down", None, (), False)
    assert (await view.one(scope(), "invoices", "desk", "1")).records == ()


async def test_shows_the_page_when_the_budget_is_spent_and_has_the_answer_later(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    desk.gate = asyncio.Event()
    (part,) = await view.parts(scope(), ["invoices"])
    assert (part.state, part.records) == ("waiting", ())
    desk.gate.set()
    (part,) = await view.parts(scope(), ["invoices"])
    assert (part.state, len(part.records)) == ("on_time", 1)
    assert desk.asked == ["invoices of 7"]


async def test_goes_on_with_a_call_whose_page_was_closed(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    desk.gate = asyncio.Event()
    page = asyncio.create_task(view.parts(scope(), ["invoices"]))
    await desk.was_asked.wait()
    page.cancel()
    desk.gate.set()
    (part,) = await view.parts(scope(), ["invoices"])
    assert len(part.records) == 1
    assert desk.asked == ["invoices of 7"]


async def test_shares_one_call_among_many_pages(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    pages = await asyncio.gather(*(view.parts(scope(), ["invoices"]) for _ in range(50)))
    assert {len(part.records) for (part,) in pages} == {1}
    assert desk.asked == ["invoices of 7"]


async def test_keeps_two_accounts_apart_in_every_cache(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("seven")), ("8", invoice("eight"))]
    (seven,) = await view.parts(scope("acme", "7"), ["invoices"])
    (eight,) = await view.parts(scope("globex", "8"), ["invoices"])
    assert [record.number for record in seven.records] == ["seven"]
    assert [record.number for record in eight.records] == ["eight"]
    with pytest.raises(NotFound):
        await view.one(scope("globex", "8"), "invoices", "desk", "seven")


async def test_merges_two_customers_of_one_account(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("seven")), ("8", invoice("eight"))]
    parts = await view.parts(scope("acme", "7", "8"), ["invoices"])
    assert {record.number for part in parts for record in part.records} == {"seven", "eight"}
    assert (await view.one(scope("acme", "7", "8"), "invoices", "desk", "eight")).records


async def test_fetches_the_conversation_only_when_it_is_read(view: AccountView, desk: Desk) -> None:
    desk.held["tickets"] = [("7", ticket("1"))]
    (part,) = await view.parts(scope(), ["tickets"])
    assert part.records[0].messages is None  # type: ignore[attr-defined]
    part = await view.one(scope(), "tickets", "desk", "1")
    assert part.records[0].messages == ()  # type: ignore[attr-defined]
    assert desk.asked == ["tickets of 7", "tickets 1"]
    await view.one(scope(), "tickets", "desk", "1")
    assert desk.asked == ["tickets of 7", "tickets 1"]


async def test_says_that_a_conversation_is_still_missing(view: AccountView, desk: Desk) -> None:
    desk.held["tickets"] = [("7", ticket("1"))]
    await view.parts(scope(), ["tickets"])
    desk.gate = asyncio.Event()
    part = await view.one(scope(), "tickets", "desk", "1")
    assert (part.state, part.records[0].messages) == ("waiting", None)  # type: ignore[attr-defined]
    desk.gate.set()
    part = await view.one(scope(), "tickets", "desk", "1")
    assert (part.state, part.records[0].messages) == ("on_time", ())  # type: ignore[attr-defined]


async def test_does_not_show_a_ticket_that_was_given_to_somebody_else(view: AccountView, desk: Desk) -> None:
    desk.held["tickets"] = [("7", ticket("1"))]
    await view.parts(scope(), ["tickets"])
    desk.held["tickets"] = [("8", ticket("1"))]
    with pytest.raises(NotFound):
        await view.one(scope(), "tickets", "desk", "1")


async def test_finds_nothing_that_the_list_does_not_hold_without_asking_for_it(view: AccountView, desk: Desk) -> None:
    desk.held["tickets"] = [("8", ticket("theirs")), ("7", ticket("mine"))]
    with pytest.raises(NotFound):
        await view.one(scope(), "tickets", "desk", "theirs")
    assert "tickets theirs" not in desk.asked


async def test_opens_a_file_only_of_a_record_of_the_account(view: AccountView, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("mine")), ("8", invoice("theirs"))]
    async with view.file(scope(), "invoices", "desk", "mine", "pdf") as stream:
        assert [chunk async for chunk in stream.chunks] == [b"7/mine/pdf"]
    with pytest.raises(NotFound):
        async with view.file(scope(), "invoices", "desk", "theirs", "pdf"):
            pass


async def test_fetches_anew_what_another_version_wrote(view: AccountView, desk: Desk, redis: Client) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    foreign = Snapshot(owner="acme", fetched_at=START, complete=True, payload=b"\x91\x01")
    await Snapshots(redis).put(key("list", "acme", "desk", "1", "7", "invoices"), foreign, timedelta(hours=1))
    (part,) = await view.parts(scope(), ["invoices"])
    assert [record.number for record in part.records] == ["1"]


async def test_forgets_what_a_source_said_before_its_settings_changed(
    view: AccountView, desk: Desk, redis: Client
) -> None:
    desk.held["invoices"] = [("7", invoice("old"))]
    await view.parts(scope(), ["invoices"])
    desk.held["invoices"] = [("7", invoice("new"))]
    moved: Any = FixedOffices(replace(desk.office(), version="2"))
    flight: Flight[Known] = Flight()
    (part,) = await AccountView(moved, Snapshots(redis), flight, clock=Clock(), budget=1.0).parts(scope(), ["invoices"])
    assert [record.number for record in part.records] == ["new"]
    await flight.aclose()


async def test_serves_pages_without_redis(desk: Desk, clock: Clock, redis_process: RedisProcess) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    redis = connect(redis_process.url)
    flight: Flight[Known] = Flight()
    offices: Any = FixedOffices(desk.office())
    view = AccountView(offices, Snapshots(redis), flight, clock=clock, budget=1.0)
    redis_process.kill()
    (part,) = await view.parts(scope(), ["invoices"])
    assert (part.state, len(part.records)) == ("on_time", 1)
    await flight.aclose()
    await redis.aclose()
