"""What a sources file asks for. Every problem in it is found before anything is touched, and all are told at once."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connectors.addresses import AddressPolicy, parse_base_url
from connectors.config import Config, Secret, decode_config, secret_fields
from connectors.contract import Connector
from connectors.errors import AddressRefused
from connectors.records import KINDS, Kind
from gateway.agreement.facts import FACTS
from gateway.rules import did_you_mean
from gateway.sources.references import resolve

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
TAKEN = ("consent", "new", "sent")  # words that stand in the place of a source in addresses of requests
KEYS = ("connector", "title", "kinds", "settings", "promises")
LONGEST_TITLE = 255
LONGEST_PROMISE = 7 * 24 * 60 * 60  # seconds; data that may be older than a week is not worth a promise

Connectors = Mapping[str, Connector[Any]]


class SourcesFileError(Exception):
    """A sources file that cannot be used. `problems` names the place and the reason of each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Desired(Struct, frozen=True, kw_only=True):
    """One source as its admin wants it. `plain` and `secrets` together are the fields of `config`."""

    name: str
    title: str
    connector: Connector[Any]
    config: Config
    plain: dict[str, Any]
    secrets: dict[str, Secret]
    promises: dict[Kind, int]  # seconds
    kinds: tuple[Kind, ...] = ()  # those that it gives; empty: all that its connector can
    refs: dict[str, Any] = {}  # secret field -> where the file says that it comes from
    wins: dict[str, list[str]] = {}  # fact -> sources, this one among them, who counts first
    given_up: tuple[str, ...] = ()  # secret fields that go, also where a vendor gave what is in them

    @property
    def address(self) -> str:
        return self.connector.base_url(self.config)


def parse(
    text: str, connectors: Connectors, policy: AddressPolicy, *, environ: Mapping[str, str], folder: Path
) -> tuple[Desired, ...]:
    """Read a sources file. Secrets come from `environ` or from files, relative to `folder`.

    Raises `SourcesFileError`, which never shows a secret.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourcesFileError([f"not TOML: {error}"]) from None
    reader = _Reader(connectors, policy, environ, folder)
    desired = reader.document(document)
    if reader.problems:
        raise SourcesFileError(reader.problems)
    return desired


def name_problem(name: str) -> str | None:
    """Say what is wrong with the name of a source."""
    if not NAME.fullmatch(name):
        return "a name is made of a-z, 0-9, _ and -, starts with a letter and has at most 63 characters"
    if name in TAKEN:
        return "this name means something else in the portal's addresses: choose another one"
    return None


def is_title(title: str) -> bool:
    return bool(title) and len(title) <= LONGEST_TITLE and title.isprintable()


def chosen(connector: Connector[Any], kinds: Collection[object]) -> tuple[Kind, ...]:
    """Give these kinds as they are stored: all of them is none named."""
    given = tuple(kind for kind in connector.reads if kind in kinds)
    return () if len(given) == len(connector.reads) else given


def config_of(
    connector: Connector[Any], plain: Mapping[str, Any], secrets: Mapping[str, Secret], policy: AddressPolicy
) -> Config:
    """Build the settings, and check what only the whole can tell.

    Raises `msgspec.ValidationError` or `AddressRefused`.
    """
    config: Config = decode_config(connector.config, {**plain, **secrets})
    parse_base_url(connector.base_url(config), policy)
    return config


class _Reader:
    """Reads on after a problem, to find the others too."""

    def __init__(self, connectors: Connectors, policy: AddressPolicy, environ: Mapping[str, str], folder: Path) -> None:
        self.problems: list[str] = []
        self._connectors = connectors
        self._policy = policy
        self._environ = environ
        self._folder = folder

    def document(self, document: Mapping[str, object]) -> tuple[Desired, ...]:
        self._known(document, ("sources", "agreement"), "")
        tables = self._table(document.get("sources", {}), "sources")
        found = [desired for name, value in tables.items() if (desired := self._source(name, value))]
        wins = self._agreement(document.get("agreement", {}), tables)
        return tuple(replace(each, wins=_naming(wins, each.name)) for each in found)

    def _agreement(self, value: object, names: Collection[str]) -> dict[str, list[str]]:
        """Read who counts, fact by fact: `orders.total = ["erp", "crm"]`."""
        wins: dict[str, list[str]] = {}
        kinds = self._table(value, "agreement")
        self._known(kinds, FACTS, "agreement")
        for kind, fields in FACTS.items():
            rules = self._table(kinds.get(kind, {}), f"agreement.{kind}")
            self._known(rules, fields, f"agreement.{kind}")
            for field in fields:
                if field in rules and self._order(rules[field], names, f"agreement.{kind}.{field}"):
                    wins[f"{kind}.{field}"] = rules[field]
        return wins

    def _order(self, value: object, names: Collection[str], place: str) -> bool:
        """Check an order of sources."""
        before = len(self.problems)
        match value:
            case [str(), str(), *_] if all(isinstance(each, str) for each in value):
                if unknown := [each for each in value if each not in names]:
                    self._say(place, f"no source of this file: {', '.join(map(repr, unknown))}")
                if len(set(value)) < len(value):
                    self._say(place, "name each source once")
            case _:
                self._say(place, 'name two sources or more, the one that counts first: ["erp", "crm"]')
        return len(self.problems) == before

    def _source(self, name: str, value: object) -> Desired | None:
        before = len(self.problems)
        place = f"sources.{name}"
        if problem := name_problem(name):
            self._say(place, problem)
        table = self._table(value, place)
        self._known(table, KEYS, place)
        title = self._title(table.get("title"), f"{place}.title")
        settings = self._table(table.get("settings", {}), f"{place}.settings")
        connector = self._connector(table.get("connector"), f"{place}.connector")
        if connector is None:
            return None
        promises = self._promises(table.get("promises", {}), connector, f"{place}.promises")
        kinds = self._kinds(table.get("kinds", []), connector, f"{place}.kinds")
        plain, secrets = self._settings(settings, connector.config, f"{place}.settings")
        if len(self.problems) > before:
            return None
        config = self._config(connector, plain, secrets, f"{place}.settings")
        if config is None:
            return None
        return Desired(
            name=name,
            title=title,
            connector=connector,
            config=config,
            plain=plain,
            secrets=secrets,
            promises=promises,
            kinds=kinds,
            refs={field: settings[field] for field in secrets},
        )

    def _title(self, value: object, place: str) -> str:
        title = value.strip() if isinstance(value, str) else ""
        if not is_title(title):
            self._say(place, f"write what customers read, in one line of at most {LONGEST_TITLE} characters")
        return title

    def _connector(self, value: object, place: str) -> Connector[Any] | None:
        connector = self._connectors.get(value) if isinstance(value, str) else None
        if connector is None:
            named = "write one" if value is None else f"{value!r} is not known"
            self._say(place, f"{named}; known are {', '.join(sorted(self._connectors))}")
        return connector

    def _kinds(self, value: object, connector: Connector[Any], place: str) -> tuple[Kind, ...]:
        """Read which kinds it gives. All of them is none named."""
        if not isinstance(value, list):
            self._say(place, 'write a list of kinds, ["orders"]')
            return ()
        for kind in value:
            if kind not in tuple(connector.reads):
                self._say(place, f"{connector.title} has no {kind!r}; it reads {', '.join(connector.reads)}")
        return chosen(connector, value)

    def _promises(self, value: object, connector: Connector[Any], place: str) -> dict[Kind, int]:
        promises: dict[Kind, int] = {}
        for kind, seconds in self._table(value, place).items():
            where = f"{place}.{kind}"
            if kind not in KINDS:
                self._say(where, f"not a kind of record; kinds are {', '.join(KINDS)}")
            elif kind not in connector.reads:
                self._say(where, f"{connector.title} has no {kind}; it reads {', '.join(connector.reads)}")
            elif type(seconds) is not int or not 1 <= seconds <= LONGEST_PROMISE:
                self._say(where, f"write whole seconds, 1 to {LONGEST_PROMISE}")
            else:
                promises[kind] = seconds
        return promises

    def _settings(
        self, settings: Mapping[str, object], config: type[Config], place: str
    ) -> tuple[dict[str, Any], dict[str, Secret]]:
        """Check field by field, because msgspec alone would stop at the first problem."""
        fields = {field.encode_name: field for field in msgspec.structs.fields(config)}
        sealed = set(secret_fields(config))
        plain: dict[str, Any] = {}
        secrets: dict[str, Secret] = {}
        self._known(settings, fields, place)
        for name, field in fields.items():
            where = f"{place}.{name}"
            if name not in settings:
                if field.required:
                    self._say(where, "missing")
                continue
            try:
                if field.name in sealed:
                    secrets[name] = resolve(settings[name], self._environ, self._folder)
                else:
                    plain[name] = msgspec.to_builtins(settings[name])
                    msgspec.convert(plain[name], field.type)
            except ValueError as error:  # msgspec's ValidationError is one too
                self._say(where, str(error))
        return plain, secrets

    def _config(
        self, connector: Connector[Any], plain: dict[str, Any], secrets: dict[str, Secret], place: str
    ) -> Config | None:
        """Check what only the whole can tell."""
        try:
            return config_of(connector, plain, secrets, self._policy)
        except (msgspec.ValidationError, AddressRefused) as error:
            self._say(place, str(error))
            return None

    def _table(self, value: object, place: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._say(place, f"write a table, [{place}]")
        return {}

    def _known(self, table: Iterable[str], known: Iterable[str], place: str) -> None:
        self.problems.extend(_unknown(table, tuple(known), place))

    def _say(self, place: str, problem: str) -> None:
        self.problems.append(f"{place}: {problem}")


def _naming(wins: Mapping[str, list[str]], source: str) -> dict[str, list[str]]:
    return {fact: sources for fact, sources in sorted(wins.items()) if source in sources}


def _unknown(table: Iterable[str], known: tuple[str, ...], place: str) -> Iterator[str]:
    for name in table:
        if name in known:
            continue
        hint = did_you_mean(name, set(known)) or f"; known are {', '.join(known)}"
        yield f"{place}.{name}: not known{hint}".lstrip(".")
