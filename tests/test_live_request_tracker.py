"""The connector against a real Request Tracker: whose own a ticket is, and who its requestor is now."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from support_rt import RequestTracker

from connectors.addresses import AddressPolicy
from connectors.config import Secret
from connectors.contract import BackOffice, Candidate, Facts, Person, Query, RecordQuery
from connectors.errors import NotFound
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.request_tracker import connector
from connectors.vendors.request_tracker.settings import RequestTrackerConfig

pytestmark = pytest.mark.live

Office = BackOffice[RequestTrackerConfig]
CARA, DAN = "cara@initech.example", "dan@initech.example"


@pytest_asyncio.fixture
async def office(request_tracker: RequestTracker) -> AsyncIterator[Office]:
    config = RequestTrackerConfig(base_url=request_tracker.url, token=Secret(request_tracker.token))
    async with open_client(
        request_tracker.url,
        policy=AddressPolicy(allow_http=True, allow_private=True),
        auth=connector.auth(config, MemoryTokens()),
        deadline=30.0,
    ) as http:
        yield BackOffice(source="helpdesk", http=http, config=config, tokens=MemoryTokens())


async def test_gives_a_ticket_to_who_asked_until_they_are_disabled(
    office: Office, request_tracker: RequestTracker
) -> None:
    assert connector.person is not None
    for name in (CARA, DAN):
        request_tracker.user(name)
    number = request_tracker.ticket(CARA, "Stapler", "It is gone.")
    request_tracker.call("PUT", f"/ticket/{number}", {"Cc": DAN, "AdminCc": DAN})
    assert [each["id"] for each in request_tracker.call("GET", f"/ticket/{number}", {})["Cc"]] == [DAN]
    now = datetime.now(UTC)
    page = await connector.reads["tickets"](office, Query(customer=CARA, asked_at=now))
    whole = await connector.fetch["tickets"](office, RecordQuery(id=number, customer=CARA, asked_at=now))
    assert [answer.record.people for answer in (*page.answers, whole)] == [(CARA,), (CARA,)]
    assert (await connector.reads["tickets"](office, Query(customer=DAN, asked_at=now))).answers == ()

    found = Candidate(customer=CARA, name="cara", matched={"email": CARA}, person=CARA)
    assert await connector.find(office, Facts(email=CARA)) == (found,)
    assert await connector.person(office, CARA) == Person(
        id=CARA, customers=frozenset({CARA}), emails=frozenset({CARA})
    )
    request_tracker.call("PUT", f"/user/{CARA}", {"Disabled": 1})
    assert await connector.find(office, Facts(email=CARA)) == ()
    with pytest.raises(NotFound):
        await connector.person(office, CARA)
    with pytest.raises(NotFound):
        await connector.person(office, "nobody@initech.example")
