"""What somebody wrote into the form of a source, and what it asks for: every problem named at its own field."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from connectors.addresses import AddressPolicy, parse_base_url
from connectors.config import Secret
from connectors.contract import Connector
from connectors.errors import AddressRefused
from connectors.records import Kind
from gateway.sources.desired import LONGEST_PROMISE, LONGEST_TITLE, Desired, chosen, config_of, is_title, name_problem
from gateway.sources.fields import INVISIBLE, LONGEST, Field, FieldError, fields_of

WHOLE = ""  # where a problem stands that is no single field's
ADDRESS = "base_url"  # where the problem of an address stands, in a connector that has such a setting


class Written(Struct, frozen=True, kw_only=True):
    """What was written and is not secret, as it was written. `values` by setting, `promises` by kind.

    `given_up`: secrets that are stored and are to be taken away.
    """

    name: str = ""
    title: str = ""
    values: dict[str, str] = {}
    kinds: tuple[str, ...] = ()
    promises: dict[str, str] = {}
    given_up: tuple[str, ...] = ()


class Read(Struct, frozen=True, kw_only=True):
    """`problems` by field: `name`, `title`, `kinds`, a setting, or `promise-<kind>`. With any there is no `desired`."""

    desired: Desired | None
    problems: dict[str, str]


def empty(connector: Connector[Any], name: str) -> Written:
    """Give what a new form has in it."""
    fields = fields_of(connector.config)
    return Written(
        name=name,
        title=connector.title,
        values={field.name: field.default for field in fields if field.how != "secret"},
        kinds=tuple(connector.reads),
    )


def taken(form: Mapping[str, list[str]], connector: Connector[Any]) -> tuple[Written, dict[str, Secret]]:
    """Take what a form holds: what may be shown again, and what is secret, by field."""

    def one(name: str) -> str:
        return form.get(name, [""])[-1].replace("\0", "").strip()[: LONGEST + 1]

    fields = fields_of(connector.config)
    written = Written(
        name=one("name"),
        title=one("title"),
        values={field.name: one(field.id) for field in fields if field.how != "secret"},
        kinds=tuple(kind for kind in connector.reads if one(f"kind-{kind}") == "yes"),
        promises={kind: value for kind in connector.reads if (value := one(f"promise-{kind}"))},
        given_up=tuple(field.name for field in fields if field.away and one(field.away) == "yes"),
    )
    secrets = {field.name: Secret(value) for field in fields if field.how == "secret" and (value := one(field.id))}
    return written, secrets


def read(written: Written, secrets: Mapping[str, Secret], connector: Connector[Any], policy: AddressPolicy) -> Read:
    """Check all of it. Sentences never hold what was written."""
    problems: dict[str, str] = {}
    if problem := name_problem(written.name):
        problems["name"] = _sentence(problem)
    if not is_title(written.title):
        problems["title"] = f"Write what customers read, in one line of at most {LONGEST_TITLE} characters."
    if not written.kinds:
        problems["kinds"] = "Choose at least one: without any, nobody sees anything of it."
    plain = _plain(written, secrets, fields_of(connector.config), problems)
    promises = _promises(written, problems)
    if ADDRESS in plain and (problem := _no_address(str(plain[ADDRESS]), policy)):
        problems[ADDRESS] = problem
    if problems:
        return Read(desired=None, problems=problems)
    try:
        config = config_of(connector, plain, secrets, policy)
    except AddressRefused as error:
        place = ADDRESS if ADDRESS in plain else WHOLE
        return Read(desired=None, problems={place: _sentence(str(error))})
    except msgspec.ValidationError as error:
        return Read(desired=None, problems={WHOLE: _sentence(str(error))})
    desired = Desired(
        name=written.name,
        title=written.title,
        connector=connector,
        config=config,
        plain=plain,
        secrets=dict(secrets),
        promises=promises,
        kinds=chosen(connector, written.kinds),
        given_up=written.given_up,
    )
    return Read(desired=desired, problems={})


def _plain(
    written: Written, secrets: Mapping[str, Secret], fields: tuple[Field, ...], problems: dict[str, str]
) -> dict[str, Any]:
    """Read the settings that are no secrets, and look whether the secrets are there that are needed."""
    plain: dict[str, Any] = {}
    for field in fields:
        if field.how == "secret":
            if field.required and field.name not in secrets:
                problems[field.name] = "Enter it: nothing is stored for it yet."
            elif field.name in secrets and field.name in written.given_up:
                problems[field.name] = "Enter a new one or take it away, not both."
            elif field.name in secrets and not secrets[field.name].reveal().isprintable():
                problems[field.name] = INVISIBLE
            continue
        try:
            value = field.read(written.values.get(field.name, ""))
        except FieldError as error:
            problems[field.name] = str(error)
        else:
            if value is not None and field.written(value) != field.default:
                plain[field.name] = value
    return plain


def _promises(written: Written, problems: dict[str, str]) -> dict[Kind, int]:
    promises: dict[Kind, int] = {}
    for kind, value in written.promises.items():
        seconds = int(value) if re.fullmatch("[0-9]{1,9}", value) else 0
        if not 1 <= seconds <= LONGEST_PROMISE:
            problems[f"promise-{kind}"] = f"Write whole seconds, from 1 to {LONGEST_PROMISE}, or leave it empty."
        elif kind in written.kinds:
            promises[kind] = seconds  # type: ignore[index]  # of the connector's kinds
    return promises


def _no_address(written: str, policy: AddressPolicy) -> str | None:
    try:
        parse_base_url(written, policy)
    except AddressRefused as error:
        return _sentence(str(error))
    return None


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "com")) else ".")
