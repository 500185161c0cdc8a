"""The Zendesk connector over the sandbox's account, and what its recordings cannot tell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from support_sandbox import RunningSandbox

from connectors.addresses import AddressPolicy
from connectors.config import decode_config
from connectors.contract import BackOffice, Candidate, Facts, FileQuery, Page, Query, RecordQuery
from connectors.errors import AccessDenied, AddressRefused, NotFound
from connectors.records import Message, Ticket
from connectors.sandbox.zendesk.changes import delete_ticket, update_ticket
from connectors.scope import admit
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.zendesk import check, connector
from connectors.vendors.zendesk.files import open_file
from connectors.vendors.zendesk.people import find
from connectors.vendors.zendesk.settings import ZendeskConfig, account_address
from connectors.vendors.zendesk.tickets import fetch_ticket, read_tickets

TOKEN = "sandbox0zendesk0token0sandbox0zendesk0to"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LOOPBACK = AddressPolicy(allow_http=True, allow_private=True)
BAKERY, HOTEL, FENWICK = "organization:360001000010", "organization:360001000030", "organization:360001000040"
MAYA, JOSEPH, INES, JO = "user:360002000031", "user:360002000032", "user:360002000034", "user:9007199254740993"
EVERYBODY = (BAKERY, HOTEL, FENWICK, MAYA, JOSEPH, INES, JO, "organization:360001000020", "user:360002000033")


def config(**changed: Any) -> ZendeskConfig:
    values = {"base_url": "https://kestrel.zendesk.com", "email": "portal@kestrel.example", "api_token": TOKEN}
    return decode_config(ZendeskConfig, values | changed)


@pytest.fixture
async def office(sandbox: RunningSandbox) -> AsyncIterator[BackOffice[ZendeskConfig]]:
    async with opened(config(base_url=sandbox.zendesk_url, team_name="Kestrel & Moor")) as office:
        yield office


@asynccontextmanager
async def opened(settings: ZendeskConfig) -> AsyncIterator[BackOffice[ZendeskConfig]]:
    tokens = MemoryTokens()
    auth = connector.auth(settings, tokens)
    async with open_client(connector.base_url(settings), policy=LOOPBACK, auth=auth) as http:
        yield BackOffice(source="desk", http=http, config=settings, tokens=tokens)


async def pages(office: BackOffice[ZendeskConfig], customer: str) -> list[Page[Ticket]]:
    read, cursor = list[Page[Ticket]](), None
    while not read or cursor:
        read.append(await read_tickets(office, Query(customer=customer, asked_at=NOW, cursor=cursor)))
        cursor = read[-1].cursor
    return read


async def listed(office: BackOffice[ZendeskConfig], customer: str) -> list[str]:
    answers = [answer for page in await pages(office, customer) for answer in page.answers]
    admitted = admit(answers, customer)
    assert admitted.refused == ()
    return [record.origin.id for record in admitted.records]


async def conversation(office: BackOffice[ZendeskConfig], key: str, customer: str) -> tuple[Message, ...]:
    answer = await fetch_ticket(office, RecordQuery(id=key, customer=customer, asked_at=NOW))
    assert answer.record.messages is not None
    return answer.record.messages


async def read_file(office: BackOffice[ZendeskConfig], record: str, file: str, customer: str) -> bytes:
    async with open_file(office, FileQuery(record=record, file=file, customer=customer)) as stream:
        return b"".join([chunk async for chunk in stream.chunks])


@pytest.mark.parametrize(
    "address",
    [
        "https://acme.zendesk.com",
        "https://acme-2.zendesk.com/",
        "https://Acme.zendesk.com",
        "http://127.0.0.1:8123/zendesk",
        "http://localhost/zendesk/",
    ],
)
def test_takes_the_address_of_an_account(address: str) -> None:
    assert account_address(config(base_url=address)) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "acme",
        "acme.zendesk.com",
        "http://acme.zendesk.com",
        "https://zendesk.com",
        "https://help.acme.example",
        "https://acme.zendesk.com/agent",
        "https://acme.zendesk.com.elsewhere.example",
        "https://elsewhere.example/acme.zendesk.com",
        "https://user:pass@acme.zendesk.com",
        "https://acme.zendesk.com:8443",
        "https://a.b.zendesk.com",
        "https://acme.zendesk.com\n",
        "http://127.0.0.1.elsewhere.example",
        "http://169.254.169.254/zendesk",
    ],
)
def test_refuses_any_other_address(address: str) -> None:
    with pytest.raises(AddressRefused, match=r"https://acme\.zendesk\.com"):
        account_address(config(base_url=address))


@pytest.mark.parametrize(
    "email", ["", "portal", "portal@kestrel.example/token:", "a b@c.example", "a@b@c", "a@b.example\n"]
)
def test_refuses_what_is_no_e_mail_address(email: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        config(email=email)


async def test_says_who_we_are_there(office: BackOffice[ZendeskConfig]) -> None:
    assert await check(office) == "Zendesk Support, signed in as Hallway, admin"


async def test_is_refused_with_another_token(sandbox: RunningSandbox) -> None:
    async with opened(config(base_url=sandbox.zendesk_url, api_token="another0token")) as office:
        with pytest.raises(AccessDenied):
            await check(office)


async def test_lists_an_organizations_tickets_newest_first(office: BackOffice[ZendeskConfig]) -> None:
    assert await listed(office, BAKERY) == ["7085", "7081", "7078", "7074", "7060", "7052"]


async def test_lists_a_requesters_tickets_and_none_they_are_copied_in(office: BackOffice[ZendeskConfig]) -> None:
    assert await listed(office, MAYA) == ["7085", "7081", "7074", "7060"]
    assert await listed(office, JOSEPH) == ["7078", "7052"]


async def test_keeps_ids_exact_that_a_double_would_round(office: BackOffice[ZendeskConfig]) -> None:
    assert await listed(office, JO) == ["7084", "7061"]
    assert [message.from_customer for message in await conversation(office, "7084", JO)] == [True, False]


async def test_walks_the_archive_of_a_requester(office: BackOffice[ZendeskConfig]) -> None:
    read = await pages(office, INES)
    ids = await listed(office, INES)
    assert [len(page.answers) for page in read] == [100, 31]
    assert len(set(ids)) == 131
    assert set(await listed(office, HOTEL)) < set(ids)


async def test_reads_every_page_of_a_conversation(office: BackOffice[ZendeskConfig]) -> None:
    said = await conversation(office, "7070", INES)
    assert len({message.id for message in said}) == 111
    assert [message.at for message in said] == sorted(message.at for message in said)


async def test_calls_staff_what_customers_may_call_them(office: BackOffice[ZendeskConfig]) -> None:
    said = [*await conversation(office, "7081", BAKERY), *await conversation(office, "7074", BAKERY)]
    assert [(message.author, message.from_customer) for message in said] == [
        ("Maya Okafor", True),
        ("Priya", False),
        ("Maya Okafor", True),
        ("Kestrel & Moor", False),
    ]


async def test_lets_nothing_internal_out(office: BackOffice[ZendeskConfig]) -> None:
    """Every ticket of everybody, whole, with all files that are offered."""
    told = ""
    for customer in EVERYBODY:
        for key in (await listed(office, customer))[:20]:
            said = await conversation(office, key, customer)
            told += repr(said)
            for file in [file for message in said for file in message.files]:
                told += repr(await read_file(office, key, file.id, customer))
    assert "measurements" in told
    assert "INTERNAL-CANARY" not in told


async def test_passes_a_file_on(office: BackOffice[ZendeskConfig], sandbox: RunningSandbox) -> None:
    (file,) = [file for message in await conversation(office, "7081", MAYA) for file in message.files]
    content = await read_file(office, "7081", file.id, MAYA)
    assert content.startswith(b"%PDF-")
    assert len(content) == file.size
    (asked,) = [seen.path for seen in sandbox.zendesk_seen if seen.path.startswith("/zdusercontent")]
    assert asked.endswith("Cabinet measurements.pdf")


async def test_passes_on_a_file_of_a_hostile_name(office: BackOffice[ZendeskConfig]) -> None:
    page, picture = [file for message in await conversation(office, "7061", JO) for file in message.files]
    assert await read_file(office, "7061", page.id, JO) == b"<script>alert('HOSTILE-6')</script>"
    assert (await read_file(office, "7061", picture.id, JO)).startswith(b"\x89PNG")


async def test_gives_no_file_to_somebody_else(office: BackOffice[ZendeskConfig]) -> None:
    (file,) = [file for message in await conversation(office, "7081", MAYA) for file in message.files]
    for customer in (JOSEPH, HOTEL, "user:360002000033"):
        with pytest.raises(NotFound):
            await read_file(office, "7081", file.id, customer)


async def test_sees_a_change_of_status_and_of_organization(
    office: BackOffice[ZendeskConfig], sandbox: RunningSandbox
) -> None:
    store = sandbox.site.zendesk
    update_ticket(store, 7081, {"status": "solved"}, NOW)
    answer = await fetch_ticket(office, RecordQuery(id="7081", customer=BAKERY, asked_at=NOW))
    assert (answer.record.state, answer.record.origin.changed_at) == ("solved", NOW)
    store.tickets[7081]["organization_id"] = 360001000030
    with pytest.raises(NotFound):
        await conversation(office, "7081", BAKERY)
    assert "7081" not in await listed(office, BAKERY)
    assert "7081" in await listed(office, HOTEL)


async def test_loses_what_was_deleted(office: BackOffice[ZendeskConfig], sandbox: RunningSandbox) -> None:
    delete_ticket(sandbox.site.zendesk, 7081, NOW)
    assert "7081" not in await listed(office, BAKERY)
    with pytest.raises(NotFound):
        await conversation(office, "7081", MAYA)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (Facts(email="maya@alderlane.example"), {MAYA, BAKERY}),  # and not who only claims the address
        (Facts(email="maya.okafor@mail.example"), {MAYA, BAKERY}),
        (Facts(email="jo.o'neill@fenwick.example"), {JO, FENWICK}),
        (Facts(email="priya@kestrel.example"), set()),
        (Facts(email="nobody@nowhere.example"), set()),
        (Facts(external_id="c-31"), {MAYA}),
        (Facts(external_id="10609"), {FENWICK}),
        (Facts(external_id="10482,10031"), set()),
        (Facts(domain="fenwick-cafe.example"), {FENWICK}),
        (Facts(domain="cafe.example"), set()),
        (Facts(email="maya@alderlane.example", external_id="10482", domain="alderlane.example"), {MAYA, BAKERY}),
        (Facts(), set()),
    ],
)
async def test_finds_who_it_may_be(office: BackOffice[ZendeskConfig], facts: Facts, found: set[str]) -> None:
    candidates: tuple[Candidate, ...] = await find(office, facts)
    assert {each.customer for each in candidates} == found
    assert len(candidates) == len(found)
    for each in candidates:
        assert each.matched.items() <= msgspec.to_builtins(facts).items()
