"""A new secret for the webhooks of a system that signs with ours: made here, shown once, and stored sealed."""

import base64
import secrets
from datetime import datetime

from msgspec import Struct

from connectors.config import Secret
from connectors.deliveries import WebhookConfig
from gateway.audit import Trail
from gateway.offices import Office, Offices, vault_row
from gateway.records.database import Database
from gateway.records.lines import By, of_source
from gateway.records.tables import Source
from gateway.sources.changes import OVERTAKEN, SourcesChangedError
from gateway.sources.given import REGISTERED
from gateway.vault import Vault, VaultError
from gateway.webhooks.intake import BOTH_COUNT

SECRET, BEFORE = REGISTERED
OCTETS = 33  # as base64 without padding


class NotOurs(Exception):  # noqa: N818  # says what is, as its siblings do
    """The secret is the vendor's, or the source sends no webhooks."""


class NewSecret(Struct, frozen=True):
    """What is to be put in over there, shown this once. `until` then the one before counts; None: there was none."""

    secret: Secret
    until: datetime | None


async def make_secret(
    db: Database, vault: Vault, offices: Offices, *, source: str, now: datetime, trail: Trail, by: By
) -> NewSecret:
    """Make a secret and store it. Nothing that was read is read anew for it.

    Raises `NotOurs`, and `SourcesChangedError` where the source has just changed.
    """
    office = await offices.get(source)
    webhook = office.connector.webhook if office else None
    if office is None or webhook is None or not webhook.is_ours:
        raise NotOurs(source)
    made, place = _made(), vault_row(source)
    async with db.write() as session:
        row = await session.get(Source, source, with_for_update=True)
        if row is None or row.changed_at.isoformat() != office.version:
            raise SourcesChangedError(OVERTAKEN)
        before = _opened(row, vault)
        sealed = {field: token for field, token in row.sealed.items() if field != BEFORE}
        sealed[SECRET] = vault.seal(made, place, SECRET)
        if before is not None:
            sealed[BEFORE] = vault.seal(before, place, BEFORE)
        row.sealed, row.rotated_at = sealed, now
        row.refs = {field: ref for field, ref in row.refs.items() if field not in REGISTERED}
        row.sealed_at = {**row.sealed_at, SECRET: now.isoformat()}
        await session.flush()
        fate = {SECRET: "changed" if before is not None else "new"}
        await trail.record(session, of_source("webhook.secret_made", source, by, secrets=fate))
    return NewSecret(made, now + BOTH_COUNT if before is not None else None)


def both_until(office: Office, now: datetime) -> datetime | None:
    """Say until when the secret before the last one counts too. None: it does not, or until somebody takes it out."""
    config = office.opened.config if office.opened else None
    if office.rotated_at is None or not isinstance(config, WebhookConfig) or config.webhook_secret_before is None:
        return None
    until = office.rotated_at + BOTH_COUNT
    return until if now < until else None


def _made() -> Secret:
    """Base64, as Standard Webhooks have it, that also stands in an address as it is."""
    while True:
        text = base64.b64encode(secrets.token_bytes(OCTETS)).decode()
        if text.isalnum():
            return Secret(text)


def _opened(row: Source, vault: Vault) -> Secret | None:
    try:
        return vault.open(row.sealed[SECRET], vault_row(row.name), SECRET) if SECRET in row.sealed else None
    except VaultError:
        return None
