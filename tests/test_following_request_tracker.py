"""Following Request Tracker's feed gives what reading every list anew gives: in the sandbox, and of a real one."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from support_following import Follower, read_all
from support_rt import RequestTracker as RealRequestTracker
from support_sandbox import RT_TOKEN, RunningSandbox

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import Answer
from connectors.records import Record
from connectors.sandbox.rt import changes
from connectors.sandbox.rt.seed import add_ticket
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.request_tracker import connector
from connectors.vendors.request_tracker.api import RequestTracker
from connectors.vendors.request_tracker.settings import RequestTrackerConfig

PORTAL = Path(__file__).parent / "rt_portal.pl"
ANN, BEN = "ann@follow.example", "ben@follow.example"


class Desk(Protocol):
    """What staff do there. A ticket is named by its id."""

    url: str
    token: str

    def user(self, name: str) -> None: ...
    def ticket(self, requestor: str, subject: str, content: str) -> str: ...
    def reply(self, ticket: str, content: str) -> None: ...
    def comment(self, ticket: str, content: str) -> None: ...
    def set_status(self, ticket: str, status: str) -> None: ...
    def set_requestors(self, ticket: str, names: list[str]) -> None: ...
    def merge(self, ticket: str, into: str) -> None: ...


class Sandboxed:
    def __init__(self, sandbox: RunningSandbox) -> None:
        self.url, self.token = sandbox.rt_url, RT_TOKEN
        self._store = sandbox.site.rt

    def user(self, name: str) -> None:
        someone = next(iter(self._store.users.values()))
        row = {"id": 10_000 + len(self._store.users), "Name": name, "EmailAddress": name, "Privileged": "0"}
        self._store.users[name] = someone | row

    def ticket(self, requestor: str, subject: str, content: str) -> str:
        key = max(self._store.tickets) + 1
        said = {"Type": "Create", "by": requestor, "at": datetime.now(UTC).replace(microsecond=0), "text": content}
        made = {"id": key, "Queue": 3, "Owner": "root", "Subject": subject, "Status": "new", "Requestor": [requestor]}
        add_ticket(self._store, made | {"history": [said]})
        return str(key)

    def reply(self, ticket: str, content: str) -> None:
        changes.reply(self._store, int(ticket), content, datetime.now(UTC))

    def comment(self, ticket: str, content: str) -> None:
        changes.comment(self._store, int(ticket), content, datetime.now(UTC))

    def set_status(self, ticket: str, status: str) -> None:
        changes.set_status(self._store, int(ticket), status, datetime.now(UTC))

    def set_requestors(self, ticket: str, names: list[str]) -> None:
        changes.set_requestors(self._store, int(ticket), names, datetime.now(UTC))

    def merge(self, ticket: str, into: str) -> None:
        changes.merge(self._store, int(ticket), int(into), datetime.now(UTC))


class Real:
    """Staff do what they do with all rights. The feed has those of an account far away that may only look."""

    def __init__(self, server: RealRequestTracker) -> None:
        server.insert(PORTAL)
        self.url, self.token = server.url, (server.folder / "token").read_text()
        self.user, self.ticket, self.set_status = server.user, server.ticket, server.set_status
        self.reply, self.comment = server.reply, server.comment
        self._server = server

    def set_requestors(self, ticket: str, names: list[str]) -> None:
        self._server.call("PUT", f"/ticket/{ticket}", {"Requestor": names})

    def merge(self, ticket: str, into: str) -> None:
        self._server.call("PUT", f"/ticket/{ticket}", {"MergeInto": into})


@pytest.fixture(params=["sandbox", pytest.param("request_tracker", marks=pytest.mark.live)])
def desk(request: pytest.FixtureRequest) -> Desk:
    server = request.getfixturevalue(request.param)
    return Sandboxed(server) if isinstance(server, RunningSandbox) else Real(server)


@pytest_asyncio.fixture
async def office(desk: Desk) -> AsyncIterator[RequestTracker]:
    config = RequestTrackerConfig(base_url=desk.url, token=Secret(desk.token))
    policy = AddressPolicy(allow_http=True, allow_private=True)
    auth = connector.auth(config, MemoryTokens())
    async with open_client(config.base_url, policy=policy, auth=auth, deadline=30.0) as http:
        yield RequestTracker(source="desk", http=http, config=config, tokens=MemoryTokens())


async def everything(office: RequestTracker) -> dict[str, Answer[Record]]:
    return await read_all(connector.reads["tickets"], office, ANN, BEN)


STEPS: dict[str, Callable[[Desk, str, str], None]] = {
    "a reply": lambda desk, one, other: desk.reply(one, "We have sent it again."),
    "another status": lambda desk, one, other: desk.set_status(one, "resolved"),
    "who else asked": lambda desk, one, other: desk.set_requestors(one, [ANN, BEN]),
    "who asks now": lambda desk, one, other: desk.set_requestors(one, [BEN]),
    "a merge": lambda desk, one, other: desk.merge(one, other),
    "what was deleted": lambda desk, one, other: desk.set_status(other, "deleted"),
    "what is back": lambda desk, one, other: desk.set_status(other, "open"),
}


async def test_tells_of_all_that_staff_do(desk: Desk, office: RequestTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """No look goes back here: what was told for another reason shortly before is not told again."""
    monkeypatch.setattr("connectors.vendors.request_tracker.feeds.LAG", timedelta(0))
    for name in (ANN, BEN):
        desk.user(name)
    one, other = (desk.ticket(ANN, f"Stapler {number}", "It is gone.") for number in range(2))
    feed = Follower(connector.feeds["tickets"], office, datetime.now(UTC) - timedelta(minutes=15))
    await feed.look()
    told = feed.answers
    assert {one, other} <= told.keys()
    for step, change in STEPS.items():
        change(desk, one, other)
        await feed.look()
        theirs = {key: answer for key, answer in feed.answers.items() if answer.owners & {ANN, BEN}}
        assert theirs == await everything(office), step
        assert theirs != told or step == "a reply", step  # that one moves the time alone, which RT tells in seconds
        assert ((one in feed.gone), (other in feed.gone)) == (
            step in {"a merge", "what was deleted", "what is back"},
            step == "what was deleted",
        )
        told = theirs
    desk.comment(one, "INTERNAL: again?")
    await feed.look()
    assert feed.answers[other] == (await everything(office))[other]
    new = desk.ticket(BEN, "Stapler 3", "And now this one.")
    await feed.look()
    assert feed.answers[new] == (await everything(office))[new]


@pytest.mark.parametrize("desk", ["sandbox"], indirect=True)
async def test_loses_none_of_hundreds_that_were_changed_at_once(
    desk: Desk, office: RequestTracker, sandbox: RunningSandbox
) -> None:
    """Meanwhile those that were told are changed again, and deleted, and those that were not."""
    desk.user(ANN)
    theirs = [desk.ticket(ANN, f"Stapler {number}", "Gone.") for number in range(500)]
    for ticket in theirs:
        sandbox.site.rt.tickets[int(ticket)]["LastUpdated"] = datetime.now(UTC) - timedelta(hours=1)
    feed = Follower(connector.feeds["tickets"], office, datetime.now(UTC) - timedelta(minutes=15))
    feed.answers = await read_all(connector.reads["tickets"], office, ANN)
    for number, ticket in enumerate(theirs):
        desk.set_status(ticket, "deleted" if number % 2 else "open")
    for edited, dropped in ((0, -2), (-4, 2)):
        assert await feed.page()
        desk.set_status(theirs[edited], "stalled")
        desk.set_status(theirs[dropped], "deleted")
    await feed.look()
    await feed.look()
    assert feed.gone >= {theirs[2], theirs[-2], *theirs[1::2]}
    assert feed.answers.keys() >= set(theirs) - feed.gone
    theirs_now = {key: answer for key, answer in feed.answers.items() if ANN in answer.owners}
    assert theirs_now == await read_all(connector.reads["tickets"], office, ANN)


@pytest.mark.parametrize("desk", ["sandbox"], indirect=True)
async def test_asks_little_while_nothing_changes(office: RequestTracker, sandbox: RunningSandbox) -> None:
    for ticket in sandbox.site.rt.tickets.values():
        ticket["LastUpdated"] = min(ticket["LastUpdated"], datetime.now(UTC) - timedelta(days=1))
    feed = Follower(connector.feeds["tickets"], office, datetime.now(UTC) - timedelta(minutes=15))
    await feed.look()
    assert (feed.answers, feed.gone, len(sandbox.rt_seen)) == ({}, set(), 2)
