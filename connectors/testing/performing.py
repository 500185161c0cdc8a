"""Doing what a recording says, with the real client of `connectors.transport` around a far end of our own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from connectors.addresses import AddressPolicy
from connectors.articles import PublicArticle
from connectors.config import Secret, decode_config
from connectors.contract import (
    Answer,
    BackOffice,
    Candidate,
    ChangesQuery,
    Connector,
    Facts,
    FileQuery,
    Page,
    Person,
    Query,
    RecordQuery,
    Token,
)
from connectors.counterparts import Counterpart
from connectors.deliveries import Registered
from connectors.records import Kind, Record
from connectors.testing.far_end import FarEnd
from connectors.testing.recordings import Ask, Recording, Setup
from connectors.tokens import MemoryTokens
from connectors.transport import open_client


class GivenFile(Struct, frozen=True):
    name: str
    media_type: str
    content: bytes


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one call, whichever it was."""

    answers: tuple[Answer[Record], ...] = ()
    gone: frozenset[str] = frozenset()
    cursor: str | None = None
    more: bool = False
    candidates: tuple[Candidate, ...] = ()
    person: Person | None = None
    counterpart: Counterpart | None = None
    says: str | None = None
    file: GivenFile | None = None
    registered: Registered | None = None
    articles: tuple[PublicArticle, ...] = ()


@asynccontextmanager
async def opened(
    connector: Connector[Any], setup: Setup, far_end: FarEnd, recording: Recording | None = None
) -> AsyncIterator[BackOffice[Any]]:
    """Open a back office whose far end is ours. No pause between two attempts is ever waited for."""
    config = decode_config(connector.config, {**setup.settings, **(recording.settings if recording else {})})
    store, clock = MemoryTokens(), _Clock()
    tokens = setup.tokens if recording is None or recording.tokens is None else recording.tokens
    for name, value in tokens.items():
        await store.put(name, Token(value=Secret(value)))
    async with open_client(
        connector.base_url(config),
        policy=AddressPolicy(allow_http=True, allow_private=True),
        auth=connector.auth(config, store),
        transport=far_end,
        sleep=clock.sleep,
        timer=clock.time,
    ) as http:
        yield BackOffice(source=connector.name, http=http, config=config, tokens=store)


class _Clock:
    """It stands still but for the pauses between two attempts, and those take no time."""

    def __init__(self) -> None:
        self._now = 0.0

    def time(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += seconds


async def perform(connector: Connector[Any], office: BackOffice[Any], kind: Kind | None, ask: Ask) -> Outcome:
    """Make the call that a recording asks for."""
    match ask.call, kind:
        case "check", _:
            return Outcome(says=await connector.check(office))
        case "find", _:
            facts = Facts(email=ask.email, external_id=ask.external_id, domain=ask.domain)
            return Outcome(candidates=await connector.find(office, facts))
        case (("person" | "counterpart"), _):
            return await _look_at(connector, office, ask)
        case "articles", _ if connector.articles:
            return Outcome(articles=await connector.articles(office))
        case "register", _ if connector.webhook and connector.webhook.register:
            return Outcome(registered=await connector.webhook.register(office, ask.address))
        case _, str():
            return await _perform(connector, office, kind, ask)
    raise ValueError(f"a recording of {ask.call} needs a kind before its name, or a connector that can do it")


async def _look_at(connector: Connector[Any], office: BackOffice[Any], ask: Ask) -> Outcome:
    """Make a call that is about somebody."""
    if ask.call == "person" and connector.person:
        return Outcome(person=await connector.person(office, ask.id))
    if ask.call == "counterpart" and connector.counterpart:
        return Outcome(counterpart=await connector.counterpart(office, ask.customer))
    raise ValueError(f"a recording of {ask.call}, and a connector that can't do it")


async def _perform(connector: Connector[Any], office: BackOffice[Any], kind: Kind, ask: Ask) -> Outcome:
    """Make a call that is about records of a kind."""
    match ask.call:
        case "read":
            query = Query(customer=ask.customer, asked_at=ask.asked_at, cursor=ask.cursor, only_open=ask.only_open)
            page: Page[Record] = await connector.reads[kind](office, query)
            return Outcome(answers=page.answers, cursor=page.cursor)
        case "changes" if feed := connector.feeds.get(kind):
            changed = ChangesQuery(since=ask.since, asked_at=ask.asked_at, cursor=ask.cursor)
            told = await feed.read(office, changed)
            return Outcome(answers=told.answers, gone=told.gone, cursor=told.cursor, more=told.more)
        case "fetch":
            whole = RecordQuery(id=ask.id, customer=ask.customer, asked_at=ask.asked_at)
            return Outcome(answers=(await connector.fetch[kind](office, whole),))
        case "file":
            wanted = FileQuery(record=ask.id, file=ask.file, customer=ask.customer)
            async with connector.files[kind](office, wanted) as stream:
                content = b"".join([chunk async for chunk in stream.chunks])
            return Outcome(file=GivenFile(stream.name, stream.media_type, content))
    raise ValueError(f"a recording of {ask.call}, and a connector that can't do it for {kind}")
