"""Telling a back office by its API where to send webhooks, and keeping what it signs with."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from connectors.config import Secret
from connectors.deliveries import Registered
from gateway.audit import Trail
from gateway.offices import Offices, vault_row
from gateway.records.database import Database
from gateway.records.lines import By, of_source
from gateway.records.tables import Source
from gateway.records.webhook_tables import WebhookRegistration
from gateway.sources.changes import OVERTAKEN, SourcesChangedError
from gateway.sources.given import REGISTERED
from gateway.vault import Vault, VaultError
from gateway.webhooks.summary import address_of

SECRET, BEFORE = REGISTERED


class CannotRegister(Exception):  # noqa: N818  # says what is, as its siblings do
    """There is no way to do it by ourselves. The text says what an admin does."""


class Registration(Struct, frozen=True):
    """What came of it. `fate` is that of our secret: "kept" where the vendor signs with the one we have."""

    address: str
    fate: Literal["kept", "new", "changed"]
    is_new: bool


async def register(
    db: Database, vault: Vault, offices: Offices, *, source: str, base_url: str, now: datetime, trail: Trail, by: By
) -> Registration:
    """Tell the vendor our address, or find that it knows it, and store what it signs with. Done again it does nothing.

    Raises `ConnectorError`, `CannotRegister`, and `SourcesChangedError` where the settings changed meanwhile.
    """
    office = await offices.get(source)
    webhook = office.connector.webhook if office else None
    if office is None or webhook is None:
        raise CannotRegister(f"there is no source {source!r} that sends webhooks")
    address = address_of(source, base_url)
    if webhook.register is None:
        raise CannotRegister(
            f"{office.connector.title} has no API for this. {webhook.steps}\nThe address: {address}{webhook.behind}"
        )
    registered = await webhook.register(office.back_office, address)
    async with db.write() as session:
        row = await session.get(Source, source, with_for_update=True)
        if row is None or row.changed_at.isoformat() != office.version:
            raise SourcesChangedError(OVERTAKEN)
        known = await session.get(WebhookRegistration, source)
        fate = _take_secret(row, registered, vault)
        ends_at = registered.ends_at
        is_new = known is None or (known.address, known.theirs, known.ends_at) != (address, registered.id, ends_at)
        if fate == "kept" and not is_new:
            return Registration(address, fate, is_new)
        if fate != "kept":
            row.changed_at = now
        if fate == "changed":
            row.rotated_at = now
        if is_new:
            await session.execute(sa.delete(WebhookRegistration).where(WebhookRegistration.source == source))
            its = {"source": source, "address": address, "theirs": registered.id}
            session.add(WebhookRegistration(**its, registered_at=now, ends_at=ends_at))
        await session.flush()
        secrets = {} if fate == "kept" else {SECRET: fate}
        line = of_source("webhook.registered", source, by, address=address, secrets=secrets)
        await trail.record(session, line)
    return Registration(address, fate, is_new)


def _take_secret(row: Source, registered: Registered, vault: Vault) -> Literal["kept", "new", "changed"]:
    """Seal what they sign with into the source's settings. The one before counts on for a while."""
    if registered.secret is None:
        return "kept"
    place = vault_row(row.name)
    before = _opened(row, SECRET, vault)
    if before == registered.secret:
        return "kept"
    sealed = {**row.sealed, SECRET: vault.seal(registered.secret, place, SECRET)}
    if before is not None:
        sealed[BEFORE] = vault.seal(before, place, BEFORE)
    row.sealed = sealed
    return "new" if before is None else "changed"


def _opened(row: Source, field: str, vault: Vault) -> Secret | None:
    try:
        return vault.open(row.sealed[field], vault_row(row.name), field) if field in row.sealed else None
    except VaultError:
        return None
