"""A connector to a made-up system, and sources files for it: what sources need, and nothing of a vendor."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from connectors.addresses import AddressPolicy
from connectors.config import Config, Secret
from connectors.contract import BackOffice, Connector, Limits, Page, Query, Scope
from connectors.records import Record
from gateway.keyring import parse_keyring
from gateway.sources.desired import Desired, parse
from gateway.vault import Vault

OLD_KEY = "1:" + "A" * 43 + "="
NEW_KEY = "2:" + "E" * 43 + "="
ENVIRON = {"TOKEN": "canary-token", "OTHER": "canary-other"}
STRICT = AddressPolicy()
LAX = AddressPolicy(allow_http=True, allow_private=True)


class NotesConfig(Config, frozen=True):
    base_url: str
    token: Annotated[Secret, Meta(title="Token")]
    pin: Annotated[Secret | None, Meta(title="PIN")] = None
    pages: Annotated[int, Meta(ge=1)] = 5


class Me(msgspec.Struct):
    name: str


async def who(office: BackOffice[NotesConfig]) -> str:
    response = await office.http.get("/me", headers={"Token": office.config.token.reveal()})
    return msgspec.json.decode(response.content, type=Me).name


async def nothing(office: BackOffice[NotesConfig], query: Query) -> Page[Record]:
    return Page(())


def connector(name: str = "notes") -> Connector[NotesConfig]:
    return Connector(
        name=name,
        title=name.title(),
        config=NotesConfig,
        base_url=lambda config: config.base_url,
        auth=lambda config, tokens: None,
        check=who,
        find=None,  # type: ignore[arg-type]  # never asked here
        reads={"tickets": nothing},
        fetch={},
        files={},
        statuses={},
        limits=Limits(concurrent=4),
        scope=Scope(customer="customer number", proof="the customer on the note"),
    )


CONNECTORS: Mapping[str, Connector[Any]] = {"notes": connector(), "memos": connector("memos")}

FILE = """
[sources.desk]
connector = "notes"
title = "Requests"
[sources.desk.settings]
base_url = "https://notes.example.com"
token = { env = "TOKEN" }
[sources.desk.promises]
tickets = 60
"""


def vault(*keys: str) -> Vault:
    return Vault(parse_keyring(",".join(keys or (OLD_KEY,))))


def desired(
    text: str = FILE, environ: Mapping[str, str] = ENVIRON, policy: AddressPolicy = STRICT
) -> tuple[Desired, ...]:
    return parse(text, CONNECTORS, policy, environ=environ, folder=Path())
