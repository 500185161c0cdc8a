"""From the sources there are to the sources a file asks for: first shown, then done. A secret is never shown."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import httpx
import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.config import Secret, decode_config
from connectors.errors import AddressRefused
from gateway.offices import vault_row
from gateway.records.database import Database
from gateway.records.tables import Link, Source
from gateway.sources.desired import Connectors, Desired
from gateway.vault import Vault, VaultError

Action = Literal["add", "change", "keep", "remove", "leave"]

OVERTAKEN = "somebody else changed the sources meanwhile, and nothing was applied: look at the diff again"


class SourcesChangedError(Exception):
    """Somebody else changed the sources after the diff was shown. Nothing was applied."""


class Change(Struct, frozen=True, kw_only=True):
    """What happens to one source. `seen` is the row's `changed_at` when this was planned; None: there was no row."""

    name: str
    action: Action
    details: tuple[str, ...] = ()
    desired: Desired | None = None
    seen: datetime | None = None


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
    changes: list[Change] = []
    for name in sorted({*wanted, *rows}):
        if name not in wanted:
            changes.append(_unnamed(rows[name], links.get(name, 0), prune=prune))
        elif name not in rows:
            changes.append(_added(wanted[name]))
        else:
            changes.append(_compared(rows[name], wanted[name], vault, connectors, links.get(name, 0)))
    return Diff(tuple(changes))


async def apply(db: Database, vault: Vault, diff: Diff, now: datetime) -> None:
    """Do what the diff says: all of it, or nothing. Raises `SourcesChangedError`."""
    try:
        async with db.write() as session:
            for change in diff.changes:
                if change.action not in {"keep", "leave"}:
                    await _do(session, change, vault, now)
    except IntegrityError as error:  # two added the same source at the same moment
        raise SourcesChangedError(OVERTAKEN) from error


async def _do(session: AsyncSession, change: Change, vault: Vault, now: datetime) -> None:
    row = await session.get(Source, change.name, with_for_update=True)
    if (row.changed_at if row else None) != change.seen:
        raise SourcesChangedError(OVERTAKEN)
    if not change.desired:
        await session.delete(row)
    elif row:
        for column, value in _columns(change.desired, vault, now).items():
            setattr(row, column, value)
    else:
        session.add(Source(name=change.name, **_columns(change.desired, vault, now)))


def _columns(desired: Desired, vault: Vault, now: datetime) -> dict[str, Any]:
    place = vault_row(desired.name)
    return {
        "title": desired.title,
        "connector": desired.connector.name,
        "settings": desired.plain,
        "sealed": {field: vault.seal(secret, place, field) for field, secret in desired.secrets.items()},
        "promises": desired.promises,
        "changed_at": now,
    }


def _unnamed(row: Source, links: int, *, prune: bool) -> Change:
    if not prune:
        return Change(name=row.name, action="leave", details=("not in the file; --prune would remove it",))
    lost = f"and with it {links} link(s) to customers" if links else "no customer is linked to it"
    return Change(name=row.name, action="remove", details=(lost,), seen=row.changed_at)


def _added(desired: Desired) -> Change:
    details = (
        f"title: {_shown(desired.title)}",
        f"connector: {desired.connector.name}",
        *(f"{field}: {_shown(value)}" for field, value in desired.plain.items()),
        *(f"{field}: (secret)" for field in desired.secrets),
        *(f"{kind}: promised within {seconds} s" for kind, seconds in desired.promises.items()),
        f"credentials will be sent to {_host(desired.address)}",
    )
    return Change(name=desired.name, action="add", details=details, desired=desired)


def _compared(row: Source, desired: Desired, vault: Vault, connectors: Connectors, links: int) -> Change:
    details = [
        *_differences({"title": row.title}, {"title": desired.title}),
        *_differences({"connector": row.connector}, {"connector": desired.connector.name}),
        *_differences(row.settings, desired.plain),
        *_secrets(row, desired, vault),
        *_differences(row.promises, desired.promises, "promise for "),
    ]
    if not details:
        return Change(name=row.name, action="keep")
    if (new := _host(desired.address)) != _old_host(row, desired, connectors):
        details.append(f"host changes; credentials will be sent to {new}")
    if row.connector != desired.connector.name and links:
        details.append(f"{links} link(s) hold customer numbers of {row.connector}: link these customers again")
    return Change(name=row.name, action="change", details=tuple(details), desired=desired, seen=row.changed_at)


def _differences(old: Mapping[str, Any], new: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    for field in {**old, **new}:
        if field not in new:
            yield f"{prefix}{field}: {_shown(old[field])} -> (not set)"
        elif field not in old:
            yield f"{prefix}{field}: (not set) -> {_shown(new[field])}"
        elif old[field] != new[field]:
            yield f"{prefix}{field}: {_shown(old[field])} -> {_shown(new[field])}"


def _secrets(row: Source, desired: Desired, vault: Vault) -> Iterator[str]:
    for field in {**row.sealed, **desired.secrets}:
        if field not in desired.secrets:
            yield f"{field}: (secret, taken away)"
        elif field not in row.sealed:
            yield f"{field}: (secret, new)"
        else:
            yield from _secret(field, row, desired.secrets[field], vault)


def _secret(field: str, row: Source, wanted: Secret, vault: Vault) -> Iterator[str]:
    token, place = row.sealed[field], vault_row(row.name)
    try:
        if vault.open(token, place, field) != wanted:
            yield f"{field}: (secret, changed)"
        elif vault.reseal(token, place, field) != token:
            yield f"{field}: (secret, unchanged, sealed anew with the current key)"
    except VaultError:
        yield f"{field}: (secret, the stored one cannot be opened and is replaced)"


def _old_host(row: Source, desired: Desired, connectors: Connectors) -> str | None:
    """Where the source was called until now. None where that cannot be told any more.

    An address never depends on a secret, so whatever is secret is filled from the file.
    """
    connector = connectors.get(row.connector)
    if connector is None:
        return None
    secrets = {field: desired.secrets.get(field, Secret("-")) for field in row.sealed}
    try:
        return _host(connector.base_url(decode_config(connector.config, {**row.settings, **secrets})))
    except (msgspec.ValidationError, httpx.InvalidURL, AddressRefused):
        return None


def _host(address: str) -> str:
    """Scheme, host and port: whoever answers there gets the credentials."""
    url = httpx.URL(address)
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _shown(value: object) -> str:
    """Quoted, so that an odd value cannot move the cursor of a terminal."""
    return json.dumps(value)
