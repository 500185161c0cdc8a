"""What a connector declares. A connector module builds one `Connector` and opens no connection itself.

A read is a plain async function over a `BackOffice`: an HTTP client that already has the base URL, the credentials,
the deadline, the retries and the error mapping of `connectors.transport`. What comes back are `Answer`s, which name
their owners in the back office's own words; `connectors.scope` turns them into records that may be stored.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import httpx
import msgspec
from msgspec import Struct

from connectors.actions import Action, ActionName
from connectors.articles import PublicArticle
from connectors.config import Config, Secret
from connectors.consents import Consent
from connectors.counterparts import Counterpart
from connectors.deliveries import Webhook
from connectors.details import Held
from connectors.records import Kind, Record

C = TypeVar("C", bound=Config)
C_co = TypeVar("C_co", bound=Config, covariant=True)
C_contra = TypeVar("C_contra", bound=Config, contravariant=True)
R_co = TypeVar("R_co", bound=Record, covariant=True)


class Token(Struct, frozen=True, kw_only=True):
    """Something a back office gave us to come back with. `expires_at` None: until refused."""

    value: Secret
    expires_at: datetime | None = None


class TokenStore(Protocol):
    """Where tokens live between calls: one store per source."""

    async def get(self, name: str) -> Token | None: ...
    async def put(self, name: str, token: Token) -> None: ...
    async def drop(self, name: str) -> None: ...

    async def lend(self, refused: Secret | None = None) -> Secret:
        """Give the access token of a consent that `rotates`, another one than `refused`. Raises `ConnectorError`."""
        ...


class BackOffice(Struct, Generic[C_co], frozen=True, kw_only=True):
    """A configured back office, ready to be asked."""

    source: str  # our name for it, from the deployment's settings
    http: httpx.AsyncClient
    config: C_co
    tokens: TokenStore


class Query(Struct, frozen=True, kw_only=True):
    """One customer's records of one kind, a page at a time, the newest first.

    `only_open` is asked of the kinds in `Connector.reads_open` alone: just what is not done yet, however old.
    """

    customer: str  # their id for the customer, from the account's link
    asked_at: datetime
    cursor: str | None = None
    only_open: bool = False


class RecordQuery(Struct, frozen=True, kw_only=True):
    """One record by their id, on behalf of a customer."""

    id: str
    customer: str
    asked_at: datetime


class FileQuery(Struct, frozen=True, kw_only=True):
    """One file of one record, on behalf of a customer. The owner is checked upstream before a byte is sent."""

    record: str
    file: str
    customer: str


class Answer(Struct, Generic[R_co], frozen=True):
    """A record as answered, with the customers that the answer itself says it belongs to. Not checked yet."""

    owners: frozenset[str]
    record: R_co


class Page(Struct, Generic[R_co], frozen=True):
    """`cursor` None: there is no next page."""

    answers: tuple[Answer[R_co], ...]
    cursor: str | None = None


class ChangesQuery(Struct, frozen=True, kw_only=True):
    """What has changed over there, whoever's it is, a page at a time: the oldest change first, or in the order of ids.

    `cursor` None: begin with what changed at `since`, by their clock. Else go on where a page has ended.
    """

    since: datetime
    asked_at: datetime
    cursor: str | None = None


class Changes(Struct, Generic[R_co], frozen=True, kw_only=True):
    """Records as they are now, as `reads` answers them, and the ids of those that nobody may see any more.

    `cursor` is where to go on: at once while there is `more`, else the next time. It is theirs, never our clock's.
    """

    answers: tuple[Answer[R_co], ...]
    gone: frozenset[str] = frozenset()
    cursor: str
    more: bool = False


class FileStream(Struct, frozen=True, kw_only=True):
    """A file on its way, never held whole."""

    name: str
    media_type: str
    chunks: AsyncIterator[bytes]


class Facts(Struct, frozen=True, kw_only=True):
    """What we know of a person. `email` only where a provider verified it."""

    email: str | None = None
    external_id: str | None = None
    domain: str | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """A customer of theirs who may be the person, and the facts that matched. A candidate is never a decision.

    `person` is their id for the human whose address matched, as `Record.people` has it; None where the facts are
    about the customer alone.
    """

    customer: str
    name: str
    matched: Mapping[str, str]  # fact -> the value that matched
    person: str | None = None


class Person(Struct, frozen=True, kw_only=True):
    """A human as a back office has them now: the customers they act for there, and their addresses."""

    id: str
    customers: frozenset[str]
    emails: frozenset[str]


class Read(Protocol[C_contra, R_co]):
    """Fetch one page of one customer's records."""

    def __call__(self, office: BackOffice[C_contra], query: Query, /) -> Awaitable[Page[R_co]]: ...


class Fetch(Protocol[C_contra, R_co]):
    """Fetch one record whole. Raises `NotFound`."""

    def __call__(self, office: BackOffice[C_contra], query: RecordQuery, /) -> Awaitable[Answer[R_co]]: ...


class ReadChanges(Protocol[C_contra, R_co]):
    """Fetch one page of the changes of one kind, of all customers."""

    def __call__(self, office: BackOffice[C_contra], query: ChangesQuery, /) -> Awaitable[Changes[R_co]]: ...


class Find(Protocol[C_contra]):
    """Look a person up. Several candidates, or none, are answers too."""

    def __call__(self, office: BackOffice[C_contra], facts: Facts, /) -> Awaitable[tuple[Candidate, ...]]: ...


class FetchPerson(Protocol[C_contra]):
    """Look at one person by their id. Raises `NotFound` for one who is gone, archived or blocked."""

    def __call__(self, office: BackOffice[C_contra], person: str, /) -> Awaitable[Person]: ...


class ReadDetails(Protocol[C_contra]):
    """Look at a person's own details. Raises `NotFound` for one who is gone, archived or blocked."""

    def __call__(self, office: BackOffice[C_contra], person: str, /) -> Awaitable[Held]: ...


class ReadProperties(Protocol[C_contra]):
    """Look at properties of a customer: each has its values, none where they have none. Raises `NotFound`.

    A property that the back office does not have is left out: whether they have it is not known.
    """

    def __call__(
        self, office: BackOffice[C_contra], customer: str, names: Collection[str], /
    ) -> Awaitable[Mapping[str, tuple[str, ...]]]: ...


class ReadCounterpart(Protocol[C_contra]):
    """Look up who looks after a customer. None: nobody. Raises `NotFound`, also for somebody who has left."""

    def __call__(self, office: BackOffice[C_contra], customer: str, /) -> Awaitable[Counterpart | None]: ...


class ReadArticles(Protocol[C_contra]):
    """Fetch the articles that anybody may read, never a draft nor an internal one."""

    def __call__(self, office: BackOffice[C_contra], /) -> Awaitable[tuple[PublicArticle, ...]]: ...


class OpenFile(Protocol[C_contra]):
    """Open one file. Raises `NotFound` for a file that is not the customer's, `BadResponse` for a wrong content."""

    def __call__(
        self, office: BackOffice[C_contra], query: FileQuery, /
    ) -> AbstractAsyncContextManager[FileStream]: ...


class Feed(Struct, Generic[C], frozen=True, kw_only=True):
    """How a back office tells what has changed.

    A list shows a change at once, this one as much as `lag` later. `every` is the shortest pause between two looks that
    its limits bear. What it tells nothing of, what was deleted or has another owner now, shows only when a customer's
    list is read as a whole: that is due after `whole_every`. `tells_owners`: whose a record is now is not among that.
    """

    read: ReadChanges[C, Record]
    lag: timedelta
    every: timedelta = timedelta(seconds=10)
    whole_every: timedelta
    tells_owners: bool = False


class Properties(Struct, Generic[C], frozen=True, kw_only=True):
    """What can be told of a customer themselves, who is never shown it. `known`: property -> what people call it.

    `fits`: whether a name that is not known may be one of theirs all the same.
    """

    known: Mapping[str, str]
    read: ReadProperties[C]
    fits: Callable[[str], bool] = lambda _: False

    def takes(self, name: str) -> bool:
        return name in self.known or self.fits(name)


class Limits(Struct, frozen=True, kw_only=True):
    """What the vendor documents, or bears. `per_minute` None: no documented rate."""

    concurrent: int
    per_minute: int | None = None
    told_by: tuple[str, ...] = ()  # response headers that tell what remains


class Scope(Struct, frozen=True, kw_only=True):
    """How an answer proves whose it is, in words that fit into a sentence for a customer."""

    customer: str  # what a link holds: "customer number"
    proof: str  # where the answer names it: "the company on the invoice"


class Connector(Struct, Generic[C], frozen=True, kw_only=True):
    """A vendor's API as data and functions. The keys of `reads` are its capabilities; there is no other list."""

    name: str  # also the module, the fixture folder and the URL segment
    title: str
    config: type[C]
    base_url: Callable[[C], str]
    auth: Callable[[C, TokenStore], httpx.Auth | None]
    check: Callable[[BackOffice[C]], Awaitable[str]]  # "Test connection": who we are there, or a ConnectorError
    find: Find[C]
    person: FetchPerson[C] | None = None  # None: it knows customers alone, and nobody's own records
    details: ReadDetails[C] | None = None  # None: it tells nobody what it knows of them
    properties: Properties[C] | None = None  # None: customers cannot be sorted by what it knows of them
    counterpart: ReadCounterpart[C] | None = None  # None: it does not say who looks after a customer
    reads: Mapping[Kind, Read[C, Record]]
    reads_open: frozenset[Kind] = frozenset()  # of these it can tell what is open without reading all of them
    fetch: Mapping[Kind, Fetch[C, Record]]
    feeds: Mapping[Kind, Feed[C]] = msgspec.field(default_factory=dict)  # kinds of which it can tell what has changed
    brief: frozenset[Kind] = frozenset({"tickets"})  # a list of these lacks something that `fetch` gives
    files: Mapping[Kind, OpenFile[C]]
    articles: ReadArticles[C] | None = None  # None: it has none for customers
    actions: Mapping[ActionName, Action[C, Any]] = msgspec.field(default_factory=dict)  # what it can be asked to do
    statuses: Mapping[Kind, Mapping[str, str]]  # their status -> ours; whatever is not named here is "unknown"
    limits: Limits
    scope: Scope
    consent: Consent[C] | None = None  # None: whoever fills in the settings has a key to enter
    webhook: Webhook[C] | None = None  # None: it cannot tell us of changes
    ticket_page: Callable[[C, str], str] | None = None  # where its own people read a ticket of this id
