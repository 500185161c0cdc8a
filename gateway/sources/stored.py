"""A source as its form begins with it: what is stored of it, and where its secrets go."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from connectors.addresses import AddressPolicy, parse_base_url
from connectors.config import Config, Secret, decode_config
from connectors.consents import KEPT_IN
from connectors.contract import Connector
from connectors.errors import AddressRefused
from gateway.offices import vault_row
from gateway.records.tables import Source
from gateway.sources.changes import host_of, last_change
from gateway.sources.fields import HOOKS, Field, FieldError, fields_of
from gateway.sources.written import Written
from gateway.vault import Vault, VaultError

ANYWHERE = AddressPolicy(allow_http=True, allow_private=True)


class Stored(Struct, frozen=True, kw_only=True):
    """A source as it is. `goes_to` is where its secrets are sent, None: nobody can tell any more.

    `secrets` are those that can be opened; `set_at` says when each was set, as far as that is known.
    """

    name: str
    connector: Connector[Any]
    written: Written
    config: Config | None  # None: it cannot be used as it is
    secrets: dict[str, Secret]
    set_at: dict[str, datetime | None]
    refs: dict[str, Any]
    wins: dict[str, list[str]]
    version: str
    goes_to: str | None

    @property
    def agrees_elsewhere(self) -> bool:
        consent = self.connector.consent
        return bool(self.config and consent and consent.client_id(self.config))

    def lasting(self, written: Written, goes_to: str | None) -> dict[str, Secret]:
        """Give the secrets that stay. What proves webhooks is sent nowhere, and stays with the host."""
        is_same_host = self.goes_to and goes_to and host_of(self.goes_to) == host_of(goes_to)
        return {
            field: secret
            for field, secret in self.secrets.items()
            if (self.goes_to == goes_to or (is_same_host and field in HOOKS)) and field not in written.given_up
        }


def asked_of(connector: Connector[Any]) -> tuple[Field, ...]:
    """Give what a form asks for. What the vendor gives after a consent is typed by nobody."""
    return tuple(each for each in fields_of(connector.config) if not connector.consent or each.name != KEPT_IN)


def destination(connector: Connector[Any], written: Written) -> str | None:
    """Say where secrets would be sent. None: the settings do not say yet, so they are sent nowhere."""
    values: dict[str, object] = {}
    for field in fields_of(connector.config):
        if field.how == "secret":
            values[field.name] = Secret("-")
            continue
        with suppress(FieldError):
            value = field.read(written.values.get(field.name, ""))
            values.update({field.name: value} if value is not None else {})
    try:
        address = connector.base_url(decode_config(connector.config, values))
        return str(parse_base_url(address, ANYWHERE)).rstrip("/")
    except (msgspec.ValidationError, AddressRefused):
        return None


def stored_in(row: Source, connector: Connector[Any], vault: Vault) -> Stored:
    secrets: dict[str, Secret] = {}
    for field, token in row.sealed.items():
        with suppress(VaultError):
            secrets[field] = vault.open(token, vault_row(row.name), field)
    written = _written(row, connector)
    return Stored(
        name=row.name,
        connector=connector,
        written=written,
        config=_config(row, connector, secrets),
        secrets=secrets,
        set_at={field: _instant(row.sealed_at.get(field)) for field in row.sealed},
        refs=row.refs,
        wins=row.wins,
        version=last_change(row).isoformat(),
        goes_to=destination(connector, written),
    )


def _config(row: Source, connector: Connector[Any], secrets: Mapping[str, Secret]) -> Config | None:
    try:
        config: Config = decode_config(connector.config, {**row.settings, **secrets})
    except msgspec.ValidationError:
        return None
    return config


def _written(row: Source, connector: Connector[Any]) -> Written:
    """Write a row as its form has it, also one whose settings cannot be used."""
    return Written(
        name=row.name,
        title=row.title,
        values={
            field.name: field.written(row.settings[field.name]) if field.name in row.settings else field.default
            for field in fields_of(connector.config)
            if field.how != "secret"
        },
        kinds=tuple(kind for kind in connector.reads if kind in (row.kinds or connector.reads)),
        promises={kind: str(seconds) for kind, seconds in row.promises.items()},
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
