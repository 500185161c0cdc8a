"""What a vendor gave us, and no file can name: it stays as long as the source goes to the same host."""

from contextlib import suppress

from connectors.config import Secret
from connectors.consents import KEPT_IN
from gateway.offices import vault_row
from gateway.records.tables import Source
from gateway.sources.desired import Desired
from gateway.vault import Vault, VaultError

REGISTERED = ("webhook_secret", "webhook_secret_before")


def registered_by(row: Source, desired: Desired, vault: Vault) -> dict[str, Secret]:
    """What a vendor gave us to prove its webhooks with: no file can name it, so it stays until the host changes."""
    found = {}
    for field in REGISTERED:
        if field in desired.given_up:
            continue
        with suppress(KeyError, VaultError):
            found[field] = vault.open(row.sealed[field], vault_row(row.name), field)
    return found


def agreed_to(row: Source, desired: Desired, vault: Vault) -> dict[str, Secret]:
    """What a vendor gave us when somebody agreed: it stays as long as the app that they agreed to."""
    if desired.plain.get("client_id") != row.settings.get("client_id") or KEPT_IN not in row.sealed:
        return {}
    with suppress(VaultError):
        return {KEPT_IN: vault.open(row.sealed[KEPT_IN], vault_row(row.name), KEPT_IN)}
    return {}
