"""The back offices as they are configured right now, ready to be asked: one per source, each with its own client."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast

import httpx
import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace

from connectors.addresses import AddressPolicy
from connectors.budget import Budget
from connectors.config import decode_config
from connectors.contract import BackOffice, Connector, Limits
from connectors.errors import AddressRefused, ConnectorError, NotSent
from connectors.narrowed import narrowed
from connectors.records import Kind
from connectors.transport import open_client
from gateway.lending import Lending
from gateway.records.database import Database
from gateway.records.status_tables import StatusVersion, VisibilityVersion
from gateway.records.tables import Source
from gateway.segments import EVERYTHING_TO_ALL, Policy, Seen, read_policy
from gateway.vault import Vault, VaultError
from gateway.wording import UNSAID, Said, read_words

LOOK_EVERY = 3.0  # seconds until a change of a source is noticed
RETIRE_AFTER = 600.0  # seconds for calls and downloads that began before a change
PROMISE = timedelta(minutes=1)  # for kinds to which an admin promised nothing; longer where a feed takes longer

# Asked along with the sources: what staff have published of statuses, and of what is seen.
NEWEST = sa.select(sa.func.max(StatusVersion.number)).scalar_subquery()
NEWEST_POLICY = sa.select(sa.func.max(VisibilityVersion.number)).scalar_subquery()

NOTHING_TO_HIDE = EVERYTHING_TO_ALL.everybody

log = structlog.get_logger()


class SourceBroken(ConnectorError):  # noqa: N818  # says what is the matter, as its siblings do
    """A source whose settings cannot be used: what we know of it is shown, and an admin corrects it."""

    serve_stale, fixed_by = True, "admin"


class SourcePaused(NotSent):
    """A source of which staff want nothing to be asked: what we know of it is shown."""


class Office(Struct, frozen=True, kw_only=True):
    """A source and the way to it. `version` differs after every change of its settings.

    `paused_at`: since then nothing is asked of it. `rotated_at`: then its webhook secret was changed.
    """

    name: str
    title: str
    connector: Connector[Any]
    promises: Mapping[Kind, int]  # seconds
    version: str
    opened: BackOffice[Any] | None
    broken: str | None = None  # what is wrong, for operators
    wins: Mapping[str, tuple[str, ...]] = {}  # "orders.total" -> sources, this one among them, who counts first
    said: Said = UNSAID  # what staff say about its statuses
    policy: Policy = EVERYTHING_TO_ALL  # what customers see
    paused_at: datetime | None = None
    rotated_at: datetime | None = None

    @property
    def is_asked(self) -> bool:
        return self.opened is not None and self.paused_at is None

    @property
    def back_office(self) -> BackOffice[Any]:
        """Raises `SourceBroken` or `SourcePaused`: callers treat it as any other failure of that source."""
        if self.paused_at is not None:
            raise SourcePaused(f"{self.name}: paused")
        if self.opened is None:
            raise SourceBroken(f"{self.name}: {self.broken}")
        return self.opened

    def ticket_page(self, record: str) -> str | None:
        """Say where the business's people read a ticket in the system itself. None: it does not say."""
        if self.opened is None or self.connector.ticket_page is None:
            return None
        return self.connector.ticket_page(self.opened.config, record)

    def promise(self, kind: Kind) -> timedelta:
        """Say how old its data may be before the page calls it late. Without a word of an admin's, what can be held."""
        feed = self.connector.feeds.get(kind)
        can_be_held = feed.lag + 2 * feed.every if feed else timedelta(0)
        return timedelta(seconds=self.promises[kind]) if kind in self.promises else max(PROMISE, can_be_held)


def seen_through(offices: Mapping[str, Office], segments: tuple[str, ...]) -> Seen:
    """Say what is seen by who may be in these segments. Without a source there is nothing to hide."""
    return next((office.policy.seen_by(segments) for office in offices.values()), NOTHING_TO_HIDE)


class Offices:
    """Keeps the offices as the rows say. `clock` gives seconds; it decides when to look again and what to close."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        connectors: Mapping[str, Connector[Any]],
        policy: AddressPolicy,
        *,
        budget: Callable[[str, Limits], Budget | None] = lambda *_: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._vault = vault
        self.connectors = connectors
        self._budget = budget
        self._clock = clock
        self.lending = Lending(db, vault, policy)
        self._offices: dict[str, Office] = {}
        self._unknown: dict[str, str] = {}
        self._number = 0  # of the published version of what staff say
        self._said: dict[str, Said] = {}
        self._seen_number = 0  # of the published version of what customers see
        self._seen = EVERYTHING_TO_ALL
        self._retired: list[tuple[float, httpx.AsyncClient]] = []
        self._looked_at: float | None = None
        self._looking = asyncio.Lock()

    async def all(self) -> Mapping[str, Office]:
        """Give every source whose connector is installed, broken ones too. Raises `DatabaseDown`.

        It is the same mapping until something has changed.
        """
        if self._is_due(self._clock()):
            async with self._looking:
                now = self._clock()
                if self._is_due(now):
                    async with self._db.read() as session:
                        found = (
                            await session.execute(sa.select(Source, NEWEST, NEWEST_POLICY).order_by(Source.name))
                        ).all()
                        if found and (number := found[0][1] or 0) != self._number:
                            self._hear(await session.get(StatusVersion, number))
                        if found and (number := found[0][2] or 0) != self._seen_number:
                            version = await session.get(VisibilityVersion, number)
                            self._seen = read_policy(version.content if version else None)
                            self._seen_number = number
                    self._take([row for row, *_ in found], now)
                    self._looked_at = now
                    await self._close(lambda retired_at: now - retired_at >= RETIRE_AFTER)
        return self._offices

    def look_again(self) -> None:
        """Go by the rows the next time: one of them, or what is published, has just been changed."""
        self._looked_at = None

    async def get(self, name: str) -> Office | None:
        return (await self.all()).get(name)

    async def broken(self) -> Mapping[str, str]:
        """Name the sources that cannot be asked, and why."""
        offices = await self.all()
        return self._unknown | {office.name: office.broken for office in offices.values() if office.broken}

    async def aclose(self) -> None:
        """Close every client, at the end."""
        self._retire(self._offices.values(), self._clock())
        self._offices = {}
        await self._close(lambda _: True)
        await self.lending.aclose()

    def _is_due(self, now: float) -> bool:
        return self._looked_at is None or now - self._looked_at >= LOOK_EVERY

    def _hear(self, version: StatusVersion | None) -> None:
        """Take up what was published. What cannot be read says nothing, and the usual words stand."""
        self._number = version.number if version else 0
        try:
            words = read_words(version.content) if version else {}
        except msgspec.ValidationError:
            log.exception("words of statuses not readable", number=self._number)
            words = {}
        quiet = bool(version and version.is_quiet)
        self._said = {source: Said(self._number, quiet, kinds) for source, kinds in words.items()}

    def _take(self, rows: Iterable[Source], now: float) -> None:
        offices: dict[str, Office] = {}
        unknown: dict[str, str] = {}
        for row in rows:
            known = self._offices.get(row.name)
            connector = self.connectors.get(row.connector)
            said = self._said.get(row.name, Said(self._number))
            if known and known.version == _version(row):
                turned = self._turned(known, row)
                same = turned.said == said and turned.policy is self._seen
                offices[row.name] = turned if same else replace(turned, said=said, policy=self._seen)
            elif connector:
                budget = self._budget(row.name, connector.limits)
                office = open_office(row, connector, self.lending, budget)
                offices[row.name] = replace(office, said=said, policy=self._seen)
            else:
                unknown[row.name] = f"the connector {row.connector!r} is not installed"
        for name in unknown.keys() - self._unknown.keys():
            log.error("source broken", source=name, reason=unknown[name])
        used = {office.opened.http for office in offices.values() if office.opened}
        self._retire((old for old in self._offices.values() if old.opened and old.opened.http not in used), now)
        self._unknown = unknown
        if offices != self._offices:  # else the same mapping says that nothing has changed
            self._offices = offices

    def _turned(self, known: Office, row: Source) -> Office:
        """Take over what changes without the settings: the way to it stays, and what was read counts on."""
        if (known.paused_at, known.rotated_at) == (row.paused_at, row.rotated_at):
            return known
        opened = known.opened
        if opened and known.rotated_at != row.rotated_at:
            with suppress(VaultError, msgspec.ValidationError):
                opened = replace(opened, config=_config(row, known.connector, self._vault))
        return replace(known, paused_at=row.paused_at, rotated_at=row.rotated_at, opened=opened)

    def _retire(self, offices: Iterable[Office], now: float) -> None:
        self._retired.extend((now, office.opened.http) for office in offices if office.opened)

    async def _close(self, due: Callable[[float], bool]) -> None:
        closing = [client for retired_at, client in self._retired if due(retired_at)]
        self._retired = [retired for retired in self._retired if not due(retired[0])]
        for client in closing:
            await client.aclose()


def open_office(row: Source, connector: Connector[Any], lending: Lending, budget: Budget | None = None) -> Office:
    """Open one source. Whatever is wrong with its settings makes a broken office, never an error."""
    opened, broken = None, None
    try:
        opened = _open(row, connector, lending, budget)
    except (VaultError, msgspec.ValidationError, AddressRefused) as error:
        broken = str(error)
    if broken:
        log.error("source broken", source=row.name, reason=broken)
    return Office(
        name=row.name,
        title=row.title,
        connector=narrowed(connector, row.kinds),
        promises=cast("dict[Kind, int]", row.promises),
        version=_version(row),
        opened=opened,
        broken=broken,
        wins={fact: tuple(sources) for fact, sources in row.wins.items()},
        paused_at=row.paused_at,
        rotated_at=row.rotated_at,
    )


def vault_row(source: str) -> str:
    """Name the row to which a source's secrets are bound."""
    return f"sources/{source}"


def _open(row: Source, connector: Connector[Any], lending: Lending, budget: Budget | None) -> BackOffice[Any]:
    config = _config(row, connector, lending.vault)
    tokens = lending.store(connector.consent, config)
    http = open_client(
        connector.base_url(config),
        policy=lending.policy,
        auth=connector.auth(config, tokens),
        connections=connector.limits.concurrent,
        budget=budget,
    )
    return BackOffice(source=row.name, http=http, config=config, tokens=tokens)


def _config(row: Source, connector: Connector[Any], vault: Vault) -> Any:  # noqa: ANN401  # of the connector's own type
    place = vault_row(row.name)
    secrets = {field: vault.open(token, place, field) for field, token in row.sealed.items()}
    return decode_config(connector.config, {**row.settings, **secrets})


def _version(row: Source) -> str:
    return row.changed_at.isoformat()
