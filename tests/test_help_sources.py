"""Articles of a help desk: of the public ones only, kept while it is away, and said where they are from."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from support_sandbox import RunningSandbox
from test_safe_html import dangers
from test_zendesk import config, opened

from connectors.contract import BackOffice
from connectors.sandbox.faults import Fault
from connectors.vendors.zendesk import connector
from connectors.vendors.zendesk.articles import read_articles
from connectors.vendors.zendesk.settings import ZendeskConfig
from gateway.help.article import Article
from gateway.help.finding import article, listed, search
from gateway.help.pulling import EVERY, ArticlePulling
from gateway.help.shelf import put
from gateway.offices import Office, Offices
from gateway.records.database import Database
from web.safe_html import clean

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def desk(sandbox: RunningSandbox) -> AsyncIterator[BackOffice[ZendeskConfig]]:
    async with opened(config(base_url=sandbox.zendesk_url, shows_articles=True)) as office:
        yield office


class Stage:
    """Sources as the pulling asks for them, and a clock."""

    def __init__(self, database: Database, desk: BackOffice[ZendeskConfig]) -> None:
        self.now = NOW
        self.offices: dict[str, Office] = {
            "desk": Office(name="desk", title="Help desk", connector=connector, promises={}, version="1", opened=desk)
        }
        offices = cast("Offices", SimpleNamespace(all=self._all))
        self.pulling = ArticlePulling(database, offices, lambda: self.now, has_folder=False)

    async def _all(self) -> Mapping[str, Office]:
        return self.offices


async def test_takes_public_articles_and_no_others(desk: BackOffice[ZendeskConfig]) -> None:
    found = await read_articles(desk)
    assert [each.id for each in found] == ["360009000001", "360009000002"]
    assert not any("INTERNAL" in each.html or "DRAFT" in each.html for each in found)
    assert found[0].url
    assert found[0].url.endswith("/hc/en-us/articles/360009000001")
    assert "HOSTILE-article" in found[1].html, "or this shows nothing"
    cleaned = (await clean(found[1].html)).html
    assert dangers(cleaned) == []
    assert "HOSTILE" not in cleaned


async def test_takes_none_unless_the_settings_say_so(sandbox: RunningSandbox) -> None:
    async with opened(config(base_url=sandbox.zendesk_url)) as office:
        assert await read_articles(office) == ()
    assert not any("help_center" in seen.path for seen in sandbox.zendesk_seen)


async def test_puts_them_beside_the_others_and_takes_them_away_with_the_source(
    database: Database, desk: BackOffice[ZendeskConfig]
) -> None:
    stage = Stage(database, desk)
    await put(database, "", [Article(name="old", title="Of a folder that is set no more", html="<p>x</p>")], NOW)
    await stage.pulling.turn()
    assert [each.name for each in (await listed(database, 1, 10))[0]] == ["desk.360009000001", "desk.360009000002"]
    assert [each.name for each in await search(database, "descale")] == ["desk.360009000001"]
    found = await article(database, "desk.360009000001")
    assert found
    hostile = (await search(database, "dishwasher"))[0]
    assert hostile.summary == "Below the lower basket. Turn it left."
    assert await search(database, "hostile") == (), "what is in a script is no word of the article"
    assert (found.origin, found.read_at, found.language) == ("desk", NOW, "en-us")
    stage.offices = {}
    await stage.pulling.turn()
    assert (await listed(database, 1, 10))[1] == 0


async def test_keeps_them_while_the_source_is_away(
    database: Database, desk: BackOffice[ZendeskConfig], sandbox: RunningSandbox
) -> None:
    stage = Stage(database, desk)
    await stage.pulling.turn()
    sandbox.zendesk_fault(Fault(kind="unavailable"))
    stage.now = NOW + EVERY + timedelta(seconds=1)
    await stage.pulling.turn()
    found = await article(database, "desk.360009000001")
    assert found
    assert found.read_at == NOW, "and says how old they are"
