"""What customers send to a real Request Tracker, by an account with no more rights than the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from support_rt import RequestTracker
from support_uploads import GOOD, PDF

from connectors.actions import ActionName, Asked, Attached, Done, Move, NewTicket, Rating, Reply
from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import BackOffice, FileQuery, Query, RecordQuery
from connectors.errors import NotAllowed, NotFound
from connectors.records import Message, Ticket
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.request_tracker import connector
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from gateway.outbox.references import new_reference
from gateway.uploads.kinds import KINDS
from gateway.uploads.names import suffix_of

pytestmark = pytest.mark.live

Office = BackOffice[RequestTrackerConfig]
HERE = Path(__file__).parent
EVA, FINN, GUS = "eva@initrode.example", "finn@initrode.example", "gus"
HOSTILE = "<script>alert(1)</script> 'Zoë' \\ \"x\"\n.\nFrom nobody\n{$Ticket->id} &amp; 漢字"
SAID = ("Create", "Correspond", "Comment")
SENDER = "sender@kestrel.example"
NO_UTF_8 = ("b.txt", "c.txt")  # RT would write such a text anew


@asynccontextmanager
async def opened(server: RequestTracker, account: str) -> AsyncIterator[Office]:
    server.insert(HERE / account)
    config = RequestTrackerConfig(
        base_url=server.url, token=Secret((server.folder / "token").read_text()), queue="Support"
    )
    async with open_client(
        server.url,
        policy=AddressPolicy(allow_http=True, allow_private=True),
        auth=connector.auth(config, MemoryTokens()),
        deadline=30.0,
    ) as http:
        yield BackOffice(source="helpdesk", http=http, config=config, tokens=MemoryTokens())


@pytest.fixture(scope="module")
def server(request_tracker: RequestTracker) -> RequestTracker:
    for name in (EVA, FINN):
        request_tracker.user(name)
    request_tracker.call("POST", "/user", {"Name": GUS, "RealName": "Gus", "Privileged": 0})
    return request_tracker


@pytest_asyncio.fixture
async def office(server: RequestTracker) -> AsyncIterator[Office]:
    async with opened(server, "rt_sender.pl") as office:
        yield office


async def do(office: Office, action: ActionName, asked: Asked) -> str:
    """Do it, and give the ticket. What was done is found under its reference, and nothing is before."""
    its = connector.actions[action]
    if its.find:
        assert await its.find(office, asked) is None
    done: Done = await its.do(office, asked)
    assert done.number == done.record
    if its.find:
        assert await its.find(office, asked) == done
    return done.record


async def messages(office: Office, ticket: str, customer: str) -> list[tuple[str, bool, str]]:
    query = RecordQuery(id=ticket, customer=customer, asked_at=datetime.now(UTC))
    answer = await connector.fetch["tickets"](office, query)
    assert isinstance(answer.record, Ticket)
    said: tuple[Message, ...] = answer.record.messages or ()
    return [(each.author, each.from_customer, each.body) for each in said]


def public(server: RequestTracker, ticket: str) -> list[Any]:
    """List the types of what its own API shows to have been said, and by whom."""
    path = f"/ticket/{ticket}/history?fields=Type,Creator&per_page=100"
    said = (each for each in server.call("GET", path, {})["items"] if each["Type"] in SAID)
    return [(each["Type"], each["Creator"]["id"]) for each in said]


def notes(server: RequestTracker, ticket: str) -> list[str]:
    """List what was written on a ticket."""
    path = f"/ticket/{ticket}/attachments?fields=Content&per_page=100"
    return [str(each["Content"]) for each in server.call("GET", path, {})["items"]]


async def test_makes_a_ticket_and_replies_to_it(office: Office, server: RequestTracker) -> None:
    asked = NewTicket(reference=new_reference(), customer=EVA, persons=(EVA,), subject="Zoë's\r\nX: <b>", text=HOSTILE)
    ticket = await do(office, "new_ticket", asked)
    again = Reply(reference=new_reference(), customer=EVA, persons=(EVA,), ticket=ticket, text=f"Yes. {HOSTILE}")
    assert await do(office, "reply", again) == ticket
    server.reply(ticket, "We are on it.")
    server.comment(ticket, "She pays late.")

    assert public(server, ticket) == [
        ("Create", SENDER),
        ("Correspond", SENDER),
        ("Correspond", "root"),
        ("Comment", "root"),
    ]
    assert await messages(office, ticket, EVA) == [
        (EVA, True, HOSTILE),
        (EVA, True, f"Yes. {HOSTILE}"),
        ("Support", False, "We are on it."),
    ]
    page = await connector.reads["tickets"](office, Query(customer=EVA, asked_at=datetime.now(UTC)))
    assert [answer.record.subject for answer in page.answers if isinstance(answer.record, Ticket)] == ["Zoë's X: <b>"]


async def test_makes_a_ticket_for_a_name_without_an_address_and_for_two(office: Office, server: RequestTracker) -> None:
    server.call("PUT", f"/user/{FINN}", {"EmailAddress": "finn@elsewhere.example"})
    asked = NewTicket(reference=new_reference(), customer=FINN, persons=(GUS,), subject="Two", text="Hello.")
    ticket = await do(office, "new_ticket", asked)
    whose = server.call("GET", f"/ticket/{ticket}", {})["Requestor"]
    assert {each["id"] for each in whose} == {FINN, GUS}
    with pytest.raises(NotFound):
        await connector.actions["new_ticket"].do(office, msgspec.structs.replace(asked, customer="nobody"))


async def test_finds_both_after_a_merge(office: Office, server: RequestTracker) -> None:
    tickets = []
    for text in ("One.", "Two."):
        asked = NewTicket(reference=new_reference(), customer=GUS, subject=text, text=text)
        tickets.append((asked, await do(office, "new_ticket", asked)))
    (first, gone), (second, left) = tickets
    answered = Reply(reference=new_reference(), customer=GUS, ticket=gone, text="More.")
    await do(office, "reply", answered)
    server.call("PUT", f"/ticket/{gone}", {"MergeInto": left})
    sent: list[tuple[ActionName, Asked]] = [("new_ticket", first), ("new_ticket", second), ("reply", answered)]
    for action, each in sent:
        find = connector.actions[action].find
        assert find is not None
        assert await find(office, each) == Done(record=left, number=left)
    assert sorted(body for author, _, body in await messages(office, left, GUS) if author == GUS) == [
        "More.",
        "One.",
        "Two.",
    ]


async def test_touches_no_ticket_of_somebody_elses(office: Office, server: RequestTracker) -> None:
    ticket = server.ticket(FINN, "Mine", "Hello.")
    before = public(server, ticket)
    reply = Reply(reference=new_reference(), customer=EVA, ticket=ticket, text="Let me in.")
    move = Move(reference=new_reference(), customer=EVA, ticket=ticket)
    tried: list[tuple[ActionName, Asked]] = [("reply", reply), ("solve", move), ("reopen", move)]
    for action, asked in tried:
        with pytest.raises(NotFound):
            await connector.actions[action].do(office, asked)
    assert public(server, ticket) == before


async def test_takes_nobody_for_a_customer_for_what_they_write_about_it(office: Office, server: RequestTracker) -> None:
    ticket = server.ticket(EVA, "Mine", "Hello.")
    server.reply(ticket, "No.", Subject=f"[{new_reference()}] {EVA}, in the customer portal")
    assert await messages(office, ticket, EVA) == [("Support", False, "Hello."), ("Support", False, "No.")]


async def test_closes_a_ticket_and_opens_it_again(office: Office, server: RequestTracker) -> None:
    ticket = server.ticket(EVA, "Mine", "Hello.")
    move = Move(reference=new_reference(), customer=EVA, ticket=ticket)
    steps: list[tuple[ActionName, str]] = [("solve", "resolved"), ("solve", "resolved"), ("reopen", "open")]
    for action, status in steps:
        assert await do(office, action, move) == ticket
        assert server.call("GET", f"/ticket/{ticket}", {})["Status"] == status


async def test_tells_staff_alone_whether_it_helped(office: Office, server: RequestTracker) -> None:
    """The account may read comments, so that it finds its own; no customer's page may have them for that."""
    ticket = server.ticket(EVA, "Mine", "Hello.")
    server.comment(ticket, "She pays late.")
    before = await messages(office, ticket, EVA)
    for helped, said in ((True, "solved"), (False, "not solved")):
        asked = Rating(reference=new_reference(), customer=EVA, ticket=ticket, helped=helped, comment=HOSTILE)
        assert await do(office, "rate", asked) == ticket
        assert notes(server, ticket)[-1].startswith(f"The customer says: {said}.\n\n{HOSTILE}\n\n")
        assert asked.reference in notes(server, ticket)[-1]
        with pytest.raises(NotFound):
            await connector.actions["rate"].do(office, msgspec.structs.replace(asked, customer=FINN))
    said_to_staff = [("Comment", "root"), ("Comment", SENDER), ("Comment", SENDER)]
    assert public(server, ticket) == [("Create", "root"), *said_to_staff]
    assert await messages(office, ticket, EVA) == before == [("Support", False, "Hello.")]


async def test_says_which_right_the_account_needs(server: RequestTracker) -> None:
    ticket = server.ticket(EVA, "Mine", "Hello.")
    new = NewTicket(reference=new_reference(), customer=EVA, subject="Hello", text="Hello.")
    reply = Reply(reference=new_reference(), customer=EVA, ticket=ticket, text="Hello?")
    move = Move(reference=new_reference(), customer=EVA, ticket=ticket)
    rating = Rating(reference=new_reference(), customer=EVA, ticket=ticket, helped=True)
    tried: list[tuple[ActionName, Asked]] = [("new_ticket", new), ("reply", reply), ("solve", move), ("rate", rating)]
    async with opened(server, "rt_portal.pl") as office:
        for action, asked in tried:
            with pytest.raises(NotAllowed):
                await connector.actions[action].do(office, asked)
    assert public(server, ticket) == [("Create", "root")]


async def test_carries_files_byte_for_byte_to_the_conversation(office: Office, server: RequestTracker) -> None:
    files = tuple(
        Attached(f"Zoë's {name}", KINDS[suffix_of(name)].media_type, content) for name, content in GOOD.items()
    )
    large = Attached("large.pdf", "application/pdf", PDF + bytes(range(256)) * 5_000)
    asked = NewTicket(
        reference=new_reference(), customer=EVA, persons=(EVA,), subject="Files", text="Here.", files=files[:9]
    )
    ticket = await do(office, "new_ticket", asked)
    rest = (*files[9:], large)
    await do(
        office,
        "reply",
        Reply(reference=new_reference(), customer=EVA, persons=(EVA,), ticket=ticket, text="More.", files=rest),
    )
    whole = await connector.fetch["tickets"](office, RecordQuery(id=ticket, customer=EVA, asked_at=datetime.now(UTC)))
    assert isinstance(whole.record, Ticket)
    said = whole.record.messages or ()
    assert [(each.author, each.body) for each in said] == [(EVA, "Here."), (EVA, "More.")]
    found = []
    for ref in (ref for each in said for ref in each.files):
        query = FileQuery(record=ticket, file=ref.id, customer=EVA)
        async with connector.files["tickets"](office, query) as stream:
            found.append((stream.name, stream.media_type, b"".join([chunk async for chunk in stream.chunks])))
    assert [each[0] for each in found] == [file.name for file in (*files, large)]
    for (name, media_type, content), file in zip(found, (*files, large), strict=True):
        assert (name, content) == (file.name, file.content)
        assert media_type == ("application/octet-stream" if name.endswith(NO_UTF_8) else file.media_type)
