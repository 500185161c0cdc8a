"""Articles of a real Request Tracker: those of the class that the settings name, and of no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support_rt import RequestTracker
from support_sources import LAX

from connectors.articles import PublicArticle
from connectors.config import decode_config
from connectors.contract import BackOffice
from connectors.errors import NotFound
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.request_tracker import check, connector
from connectors.vendors.request_tracker.articles import read_articles
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from gateway.help.words import text_of

pytestmark = pytest.mark.live

CLASS, DESK = "Customer help & answers", "General"


@asynccontextmanager
async def opened(request_tracker: RequestTracker, **more: str) -> AsyncIterator[BackOffice[RequestTrackerConfig]]:
    given = {"base_url": request_tracker.url, "token": request_tracker.token, **more}
    config = decode_config(RequestTrackerConfig, given)
    auth = connector.auth(config, MemoryTokens())
    async with open_client(request_tracker.url, policy=LAX, auth=auth, deadline=30.0) as http:
        yield BackOffice(source="helpdesk", http=http, config=config, tokens=MemoryTokens())


def write(request_tracker: RequestTracker, name: str, class_: str, content: str) -> str:
    values = {"Name": name, "Class": class_, "CustomFields": {"Content": content}}
    return str(request_tracker.call("POST", "/article", values)["id"])


async def read(request_tracker: RequestTracker, **more: str) -> list[PublicArticle]:
    async with opened(request_tracker, **more) as office:
        return [*await read_articles(office)]


async def test_reads_the_class_that_is_for_customers(request_tracker: RequestTracker) -> None:
    request_tracker.call("POST", "/class", {"Name": CLASS})
    hatch = write(request_tracker, "How do I fit a hatch?", CLASS, "Seal it.\n\nThen <b>screw</b> it down.")
    margin = write(request_tracker, "Our margins", DESK, "INTERNAL: 40 %.")
    old = write(request_tracker, "Taken back", CLASS, "INTERNAL: not any more.")
    request_tracker.call("PUT", f"/article/{old}", {"Disabled": 1})
    write(request_tracker, "Without a text", CLASS, "")
    many = [write(request_tracker, f"Rope {number}", CLASS, "Twelve millimetres.") for number in range(3)]

    (first, *others) = await read(request_tracker, article_class=CLASS)
    assert (first.id, first.title) == (hatch, "How do I fit a hatch?")
    assert text_of(first.html).split() == ["Seal", "it.", "Then", "<b>screw</b>", "it", "down."]
    assert first.changed_at
    assert [each.id for each in others] == many
    assert await read(request_tracker) == []
    assert [each.id for each in await read(request_tracker, article_class=DESK)] == [margin]
    assert await read(request_tracker, article_class=CLASS, article_field="Answer") == []


async def test_says_which_class_is_not_there(request_tracker: RequestTracker) -> None:
    async with opened(request_tracker, article_class="Nowhere / never") as office:
        for ask in (check, read_articles):
            with pytest.raises(NotFound, match="no class of articles called 'Nowhere / never'"):
                await ask(office)
