"""Request Tracker beyond its recordings: any name, any file in any pieces, and lists of any length."""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support_rt import RequestTracker as RealRequestTracker

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import Query, RecordQuery
from connectors.errors import BadResponse, NotFound
from connectors.mail import addresses_in, same_address
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.request_tracker import connector
from connectors.vendors.request_tracker.api import RequestTracker, as_number, quoted
from connectors.vendors.request_tracker.files import _decoded
from connectors.vendors.request_tracker.settings import RequestTrackerConfig

# What RT's own parser takes for a quoted value, and how it reads one: RT::SQL.
RT_DELIMITED = re.compile(r"'(?:[^\\']|\\.)*'", re.DOTALL)
NAMES = st.text(st.characters(exclude_categories=["C"]), max_size=40).filter(
    lambda name: not name.lower().startswith("cf.")
)


@given(name=NAMES)
def test_quotes_any_name_so_that_rt_reads_the_same(name: str) -> None:
    try:
        text = quoted(name)
    except NotFound:
        assert not name.isprintable()
        return
    assert RT_DELIMITED.fullmatch(text)
    assert re.sub(r"\\(.)", r"\1", text[1:-1]) == name


@pytest.mark.parametrize("name", ["CF.{Contract}", "cf.Contract", "a\nb", "a\x00", "a\u2028b", "a\u202eb"])
def test_asks_for_nobody_whose_name_rt_would_read_otherwise(name: str) -> None:
    with pytest.raises(NotFound):
        quoted(name)


@pytest.mark.parametrize("key", ["", "-1", "1.0", "../1", "1/history", "\u0661", "9" * 19, "%31"])
def test_puts_only_numbers_into_a_path(key: str) -> None:
    with pytest.raises(NotFound):
        as_number(key)


async def pieces(document: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(document), size):
        yield document[start : start + size]


async def undo(document: bytes, size: int) -> bytes:
    return b"".join([chunk async for chunk in _decoded(pieces(document, size))])


def attachment(content: bytes, *, pretty: bool = True, slashes: bool = False) -> bytes:
    values = {"Subject": 'A "Content" : "no"', "Content": base64.encodebytes(content).decode(), "id": 61}
    text = json.dumps(values, indent=3 if pretty else None, separators=(",", " : "))
    return (text.replace("/", "\\/") if slashes else text).encode()


@given(content=st.binary(max_size=400), size=st.integers(1, 90), pretty=st.booleans(), slashes=st.booleans())
@example(content=b"\xff" * 60, size=7, pretty=True, slashes=True)
async def test_undoes_base64_in_any_pieces(content: bytes, size: int, pretty: bool, slashes: bool) -> None:  # noqa: FBT001  # drawn
    assert await undo(attachment(content, pretty=pretty, slashes=slashes), size) == content


@given(content=st.binary(min_size=1, max_size=200), size=st.integers(1, 90), data=st.data())
async def test_notices_a_file_that_breaks_off(content: bytes, size: int, data: st.DataObject) -> None:
    whole = attachment(content)
    end = data.draw(st.integers(0, whole.index(b'",', whole.index(b'\n   "Content" : "') + 17)))
    with pytest.raises(BadResponse):
        await undo(whole[:end], size)


NO_FILES = [b"{}", b"", b"<html>", b'{"Content" : "%%%%"}', b'{"Content" : "AAA"}', b" " * 1_100_000]


@pytest.mark.parametrize("document", NO_FILES)
async def test_takes_nothing_else_for_a_file(document: bytes) -> None:
    with pytest.raises(BadResponse):
        await undo(document, 65_536)


async def test_gives_nothing_for_a_file_of_nothing() -> None:
    assert await undo(b'{"Content" : null}', 5) == b""


Answer = Callable[[httpx.Request], dict[str, Any]]


@pytest.fixture
def office() -> Callable[[Answer], RequestTracker]:
    def make(answer: Answer) -> RequestTracker:
        config = RequestTrackerConfig(base_url="https://rt.example", token=Secret("1-1-made-up"))
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer(request)))
        http = open_client(config.base_url, policy=AddressPolicy(), transport=transport)
        return RequestTracker(source="desk", http=http, config=config, tokens=MemoryTokens())

    return make


TICKET = {
    "id": 7,
    "Type": "ticket",
    "Subject": "Long",
    "Status": "open",
    "Created": "2026-11-02T08:00:00Z",
    "LastUpdated": "2026-11-02T08:00:00Z",
    "Requestor": [{"type": "user", "id": "mara"}],
}


def long_ticket(request: httpx.Request, messages: int) -> dict[str, Any]:
    """A ticket of so many messages, of one text each, as an account sees it that RT tells no totals."""
    path, page = request.url.path, int(request.url.params.get("page", 1))
    if path.endswith("/ticket/7"):
        return TICKET
    if path.endswith("/history"):
        ids = range(1, messages + 1)[(page - 1) * 100 : page * 100]
        who = {"type": "user", "id": "mara"}
        rows = [{"id": str(i), "Type": "Correspond", "Creator": who, "Created": TICKET["Created"]} for i in ids]
        return {"items": rows, "pages": None}
    wanted = [condition["value"] for condition in json.loads(request.content)]
    assert 0 < len(wanted) <= 20
    part = {"ContentType": "text/plain", "Filename": "", "ContentLength": "4", "Subject": "", "Content": "said"}
    return {"items": [{"id": i, "TransactionId": i, **part} for i in wanted], "pages": None}


@pytest.mark.parametrize("messages", [0, 1, 99, 100, 101, 345])
async def test_reads_a_conversation_of_any_length(office: Callable[[Answer], RequestTracker], messages: int) -> None:
    desk = office(lambda request: long_ticket(request, messages))
    answer = await connector.fetch["tickets"](desk, RecordQuery(id="7", customer="mara", asked_at=datetime.now(UTC)))
    said = answer.record.messages  # type: ignore[attr-defined]  # a ticket, as its kind says
    assert [message.id for message in said] == [str(i) for i in range(1, messages + 1)]
    assert {message.body for message in said} <= {"said"}


async def test_gives_up_on_a_list_without_an_end(office: Callable[[Answer], RequestTracker]) -> None:
    desk = office(lambda request: long_ticket(request, 1_000_000))
    with pytest.raises(BadResponse, match="without an end"):
        await connector.fetch["tickets"](desk, RecordQuery(id="7", customer="mara", asked_at=datetime.now(UTC)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Mara@Birchwood.example", "mara@birchwood.EXAMPLE", True),
        ("mara@birchwood.example", "mara+x@birchwood.example", False),
        ("k@birchwood.example", "\u212a@birchwood.example", False),
        ("strasse@a.example", "straße@a.example", False),
        ("i@a.example", "\u0131@a.example", False),
    ],
)
def test_takes_two_addresses_for_one_only_if_they_are(one: str, other: str, same: bool) -> None:  # noqa: FBT001  # a table
    assert same_address(one, other) is same


def test_finds_every_address_in_a_field() -> None:
    assert addresses_in('Ann "A" <ann@a.example>; office@a.example,x@y.example no-address') == [
        "ann@a.example",
        "office@a.example",
        "x@y.example",
    ]
    assert addresses_in("@ @a.example b@ b@c@d.example") == ["b@c@d.example"]


def test_finds_no_address_in_a_megabyte_of_letters() -> None:  # a search that begins anew at each takes hours
    assert addresses_in("a" * 1_000_000) == []


@pytest.mark.live
async def test_a_real_one_tells_what_is_open(request_tracker: RealRequestTracker) -> None:
    request_tracker.user("mara@birchwood.example")
    made = {
        status: request_tracker.ticket("mara@birchwood.example", f"A {status} one", "Hello.")
        for status in ("new", "open", "stalled", "resolved", "rejected")
    }
    for status, ticket in made.items():
        if status != "new":
            request_tracker.set_status(ticket, status)
    config = RequestTrackerConfig(base_url=request_tracker.url, token=Secret(request_tracker.token))
    policy = AddressPolicy(allow_http=True, allow_private=True)
    async with open_client(config.base_url, policy=policy, auth=connector.auth(config, MemoryTokens())) as http:
        desk = RequestTracker(source="desk", http=http, config=config, tokens=MemoryTokens())
        query = Query(customer="mara@birchwood.example", asked_at=datetime.now(UTC), only_open=True)
        page = await connector.reads["tickets"](desk, query)
    assert [answer.record.number for answer in page.answers] == [made["stalled"], made["open"], made["new"]]
