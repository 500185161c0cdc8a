"""From the sources there are to the sources a file asks for: first shown, then done. A secret is never shown."""

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, cast

import httpx
import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.config import Secret, decode_config
from connectors.errors import AddressRefused
from gateway.audit import Trail
from gateway.offices import vault_row
from gateway.records.database import Database
from gateway.records.lines import By, Line, What
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Link, Source
from gateway.records.webhook_tables import WebhookHour, WebhookRegistration, WebhookTotal
from gateway.sources.check import printable
from gateway.sources.desired import Connectors, Desired
from gateway.sources.given import REGISTERED, agreed_to, registered_by
from gateway.sources.resting import Resting, resting_on, without_it
from gateway.vault import Vault, VaultError

Action = Literal["add", "change", "keep", "remove", "leave"]

AWAY = "taken away"
RESEALED = "unchanged, sealed anew with the current key"
OVERTAKEN = "somebody else changed the sources meanwhile, and nothing was applied: look at the diff again"


class SourcesChangedError(Exception):
    """Somebody else changed the sources after the diff was shown. Nothing was applied."""


class SourceNeededError(Exception):
    """What customers sent still waits to go to a source that is to be removed. Nothing was applied."""


class Change(Struct, frozen=True, kw_only=True):
    """What happens to one source. `seen` is when its row had last been changed; None: there was no row.

    `secrets` says what happens to each secret field that does not stay as it is. `even_waiting`: it is removed also
    where something that customers sent still waits to go there.
    """

    name: str
    action: Action
    details: tuple[str, ...] = ()
    secrets: dict[str, str] = {}
    desired: Desired | None = None
    seen: datetime | None = None
    even_waiting: bool = False


class Diff(Struct, frozen=True):
    """What would happen, in order of names."""

    changes: tuple[Change, ...]

    @property
    def empty(self) -> bool:
        return all(change.action in {"keep", "leave"} for change in self.changes)


async def plan(
    db: Database, vault: Vault, connectors: Connectors, desired: Iterable[Desired], *, prune: bool = False
) -> Diff:
    """Compare. Sources that the file does not name stay as they are, unless `prune` takes them away."""
    wanted = {source.name: source for source in desired}
    async with db.read() as session:
        rows = {row.name: row for row in await session.scalars(sa.select(Source))}
        counted = await session.execute(sa.select(Link.source, sa.func.count()).group_by(Link.source))
        links = dict(counted.all())
        registered = set(await session.scalars(sa.select(WebhookRegistration.source)))
        going = rows.keys() - wanted.keys() if prune else ()
        resting = {name: await resting_on(session, name) for name in going}
    changes: list[Change] = []
    for name in sorted({*wanted, *rows}):
        if name not in wanted:
            changes.append(_unnamed(rows[name], links.get(name, 0), resting.get(name)))
        elif name not in rows:
            changes.append(_added(wanted[name]))
        else:
            row, source = rows[name], wanted[name]
            if (name in registered or row.rotated_at) and host_of(source.address) == _old_host(row, source, connectors):
                source = replace(source, secrets={**registered_by(row, source, vault), **source.secrets})
            if host_of(source.address) == _old_host(row, source, connectors):
                source = replace(source, secrets={**agreed_to(row, source, vault), **source.secrets})
            changes.append(_compared(row, source, vault, connectors, links.get(name, 0)))
    return Diff(tuple(changes))


async def apply(db: Database, vault: Vault, diff: Diff, now: datetime, *, trail: Trail, by: By) -> None:
    """Do what the diff says: all of it, or nothing. Raises `SourcesChangedError` and `SourceNeededError`."""
    try:
        async with db.write() as session:
            wanted = [change for change in diff.changes if change.action not in {"keep", "leave"}]
            lines = [await _do(session, change, vault, now, by) for change in wanted]
            await session.flush()
            await trail.record(session, *lines)
    except IntegrityError as error:  # two added the same source at the same moment
        raise SourcesChangedError(OVERTAKEN) from error


async def _do(session: AsyncSession, change: Change, vault: Vault, now: datetime, by: By) -> Line:
    row = await session.get(Source, change.name, with_for_update=True)
    if (last_change(row) if row else None) != change.seen:
        raise SourcesChangedError(OVERTAKEN)
    columns = _columns(change, row, vault, now) if change.desired else {}
    if row is None:
        row = Source(name=change.name, **columns)
        session.add(row)
        return _line("source.added", by, change, after=_plain(row))
    if not change.desired:
        if not change.even_waiting and (waiting := await waiting_for(session, change.name)):
            raise SourceNeededError(f"{waiting} message(s) of customers still wait to go to {change.name}")
        links = await session.scalar(sa.select(sa.func.count()).where(Link.source == change.name))
        for counts in (WebhookTotal, WebhookHour):
            await session.execute(sa.delete(counts).where(counts.source == change.name))
        await session.delete(row)
        return _line("source.removed", by, change, before=_plain(row), links=links)
    before = _plain(row, secret=change.desired.secrets)
    told = {field: fate for field, fate in change.secrets.items() if field in REGISTERED and fate != RESEALED}
    if told not in ({}, {REGISTERED[1]: AWAY}):
        row.rotated_at = None  # what counts now is as the settings say
    for column, value in columns.items():
        setattr(row, column, value)
    if REGISTERED[0] not in row.sealed:
        await session.execute(sa.delete(WebhookRegistration).where(WebhookRegistration.source == change.name))
    return _line("source.changed", by, change, before=before, after=_plain(row))


async def waiting_for(session: AsyncSession, source: str) -> int:
    """Count what customers sent that is on its way to a source."""
    its = (OutboxRow.source == source, OutboxRow.state.in_(("waiting", "sending")))
    return await session.scalar(sa.select(sa.func.count()).select_from(OutboxRow).where(*its)) or 0


def last_change(row: Source) -> datetime:
    """Say when the row was last changed, a secret that was made for its webhooks too."""
    return max(row.changed_at, row.rotated_at) if row.rotated_at else row.changed_at


def _line(what: What, by: By, change: Change, **details: object) -> Line:
    told = {**details, "secrets": change.secrets}
    return Line(what=what, by=by, about=f"source/{change.name}", details=told, owner=by.who if by.address else None)


def _plain(row: Source, secret: Container[str] = ()) -> dict[str, Any]:
    """What the audit trail may show of a source: nothing that is secret, or is now and was not when it was stored."""
    settings = {field: value for field, value in row.settings.items() if field not in secret}
    its = {"title": row.title, "connector": row.connector, "settings": settings, "promises": row.promises}
    more = {"wins": row.wins, "kinds": row.kinds}
    return {**its, **{name: value for name, value in more.items() if value}}


def _columns(change: Change, row: Source | None, vault: Vault, now: datetime) -> dict[str, Any]:
    desired = cast("Desired", change.desired)
    place, known = vault_row(desired.name), row.sealed_at if row else {}
    new = {field for field, fate in change.secrets.items() if fate != RESEALED}
    set_at = {field: now.isoformat() if field in new else known.get(field) for field in desired.secrets}
    return {
        "title": desired.title,
        "connector": desired.connector.name,
        "settings": desired.plain,
        "sealed": {field: vault.seal(secret, place, field) for field, secret in desired.secrets.items()},
        "promises": desired.promises,
        "wins": desired.wins,
        "kinds": list(desired.kinds),
        "refs": desired.refs,
        "sealed_at": {field: at for field, at in set_at.items() if at},
        "changed_at": now,
    }


def _unnamed(row: Source, links: int, resting: Resting | None) -> Change:
    if resting is None:
        return Change(name=row.name, action="leave", details=("not in the file; --prune would remove it",))
    lost = f"and with it {links} link(s) to customers" if links else "no customer is linked to it"
    secrets = dict.fromkeys(row.sealed, AWAY)
    details = (lost, *map(printable, without_it(resting)))
    return Change(name=row.name, action="remove", details=details, secrets=secrets, seen=last_change(row))


def _added(desired: Desired) -> Change:
    details = (
        f"title: {_shown(desired.title)}",
        f"connector: {desired.connector.name}",
        *(f"{field}: {_shown(value)}" for field, value in desired.plain.items()),
        *(f"{field}: (secret)" for field in desired.secrets),
        *([f"kinds: {_shown(desired.kinds)}"] if desired.kinds else []),
        *(f"{kind}: promised within {seconds} s" for kind, seconds in desired.promises.items()),
        f"credentials will be sent to {host_of(desired.address)}",
    )
    secrets = dict.fromkeys(desired.secrets, "new")
    return Change(name=desired.name, action="add", details=details, secrets=secrets, desired=desired)


def _compared(row: Source, desired: Desired, vault: Vault, connectors: Connectors, links: int) -> Change:
    secrets = dict(_secrets(row, desired, vault))
    details = [
        *_differences({"title": row.title}, {"title": desired.title}),
        *_differences({"connector": row.connector}, {"connector": desired.connector.name}),
        *_differences(row.settings, desired.plain),
        *(f"{field}: (secret, {fate})" for field, fate in secrets.items()),
        *_differences({"kinds": row.kinds}, {"kinds": list(desired.kinds)}),
        *_differences(row.promises, desired.promises, "promise for "),
        *_differences(_staying(row.refs, secrets), _staying(desired.refs, secrets), "where it comes from: "),
        *_differences(row.wins, desired.wins, "who counts for "),
    ]
    if not details:
        return Change(name=row.name, action="keep")
    if (new := host_of(desired.address)) != _old_host(row, desired, connectors):
        details.append(f"host changes; credentials will be sent to {new}")
    if row.connector != desired.connector.name and links:
        details.append(f"{links} link(s) hold customer numbers of {row.connector}: link these customers again")
    return Change(
        name=row.name,
        action="change",
        details=tuple(details),
        secrets=secrets,
        desired=desired,
        seen=last_change(row),
    )


def _differences(old: Mapping[str, Any], new: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    for field in {**old, **new}:
        if field not in new:
            yield f"{prefix}{field}: {_shown(old[field])} -> (not set)"
        elif field not in old:
            yield f"{prefix}{field}: (not set) -> {_shown(new[field])}"
        elif old[field] != new[field]:
            yield f"{prefix}{field}: {_shown(old[field])} -> {_shown(new[field])}"


def _staying(refs: Mapping[str, Any], secrets: Container[str]) -> dict[str, Any]:
    """Leave out those of which something else is told already."""
    return {field: ref for field, ref in refs.items() if field not in secrets}


def _secrets(row: Source, desired: Desired, vault: Vault) -> Iterator[tuple[str, str]]:
    """What happens to each secret field that does not stay as it is."""
    for field in {**row.sealed, **desired.secrets}:
        if field not in desired.secrets:
            yield field, AWAY
        elif field not in row.sealed:
            yield field, "new"
        elif fate := _fate(field, row, desired.secrets[field], vault):
            yield field, fate


def _fate(field: str, row: Source, wanted: Secret, vault: Vault) -> str | None:
    token, place = row.sealed[field], vault_row(row.name)
    try:
        if vault.open(token, place, field) != wanted:
            return "changed"
        if vault.reseal(token, place, field) != token:
            return RESEALED
    except VaultError:
        return "the stored one cannot be opened and is replaced"
    return None


def _old_host(row: Source, desired: Desired, connectors: Connectors) -> str | None:
    """Where the source was called until now. None where that cannot be told any more.

    An address never depends on a secret, so whatever is secret is filled from the file.
    """
    connector = connectors.get(row.connector)
    if connector is None:
        return None
    secrets = {field: desired.secrets.get(field, Secret("-")) for field in row.sealed}
    try:
        return host_of(connector.base_url(decode_config(connector.config, {**row.settings, **secrets})))
    except (msgspec.ValidationError, httpx.InvalidURL, AddressRefused):
        return None


def host_of(address: str) -> str:
    """Scheme, host and port: whoever answers there gets the credentials."""
    url = httpx.URL(address)
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _shown(value: object) -> str:
    """Quoted, so that an odd value cannot move the cursor of a terminal."""
    return json.dumps(value)
