"""Recordings: what was asked, what a back office answered, and what must come of it, written by hand.

connector_fixtures/<connector>/
  config.json            settings with made-up secrets, and what else the checks need: `Setup`
  statuses.json          kind -> every status the vendor knows, from its own documentation
  errors.json            the vendor's own errors: `OwnError`
  <what>__<case>.json    a kind ("invoices"), "articles", "find", "person", "counterpart", "check" or "register", and a
                         case
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Raw, Struct

from connectors.contract import Candidate, Person
from connectors.counterparts import Counterpart
from connectors.records import KINDS, Kind

T = TypeVar("T")


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A misspelt field would be a check that never runs."""


class Setup(Strict, frozen=True):
    settings: dict[str, Any]
    secrets: list[str]  # which of the settings are to be sealed
    other_customer: str  # somebody else, to whom nothing may be shown
    tokens: dict[str, str] = {}  # what an earlier call left in the token store
    canary: str = "INTERNAL"  # a text inside every internal note in the answers


class RecordedRequest(Strict, frozen=True):
    method: str
    path: str
    origin: str = ""  # where it is not the back office's own: "https://files.example"
    query: dict[str, str | list[str]] = {}  # a list: the name comes that many times
    headers: dict[str, str | None] = {}  # those that matter; None: one that must not be there
    body: Any = None

    @property
    def params(self) -> list[tuple[str, str]]:
        return [
            (name, each)
            for name, value in self.query.items()
            for each in ([value] if isinstance(value, str) else value)
        ]


class RecordedResponse(Strict, frozen=True):
    """One of `body` (JSON, kept byte by byte) and `text`."""

    status: int = 200
    headers: dict[str, str] = msgspec.field(default_factory=lambda: {"content-type": "application/json"})
    body: Raw = Raw()
    text: str = ""

    @property
    def content(self) -> bytes:
        return bytes(self.body) or self.text.encode("latin-1")

    @property
    def is_json(self) -> bool:
        return bool(bytes(self.body))


class Exchange(Strict, frozen=True):
    request: RecordedRequest
    response: RecordedResponse

    def answering(self, body: bytes) -> "Exchange":
        """The same with another body."""
        return msgspec.structs.replace(self, response=msgspec.structs.replace(self.response, body=Raw(body), text=""))


class Ask(Strict, frozen=True):
    """The arguments of one call."""

    call: Literal["read", "fetch", "file", "changes", "articles", "find", "person", "counterpart", "check", "register"]
    customer: str = ""
    cursor: str | None = None
    only_open: bool = False
    since: datetime = datetime(2026, 11, 21, 10, tzinfo=UTC)  # of changes, where there is no cursor
    id: str = ""  # of the record, or of the person
    file: str = ""
    email: str | None = None
    external_id: str | None = None
    domain: str | None = None
    address: str = ""  # for webhooks
    asked_at: datetime = datetime(2026, 11, 22, 10, tzinfo=UTC)


class ExpectedFile(Strict, frozen=True):
    name: str
    media_type: str
    text: str  # its bytes, as Latin-1


class ExpectedArticle(Strict, frozen=True):
    id: str
    title: str
    html: str
    language: str | None = None
    url: str | None = None
    changed_at: datetime | None = None


class ExpectedRegistration(Strict, frozen=True):
    id: str
    secret: str | None = None


class Expect(Strict, frozen=True):
    """What must come of it. `owners` are those of every answer; `ids` is for pages too long to write out.

    Changes are of many customers: `owned` names the owners of a record, by its id, where they are not `owners`.
    """

    owners: list[str] = []
    owned: dict[str, list[str]] = {}
    records: list[dict[str, Any]] | None = None
    ids: list[str] | None = None
    gone: list[str] = []
    cursor: str | None = None
    more: bool = False  # of changes: whether there are any to be had at once
    candidates: tuple[Candidate, ...] | None = None
    person: Person | None = None
    counterpart: Counterpart | None = None
    says: str | None = None  # what the check answers
    file: ExpectedFile | None = None
    registered: ExpectedRegistration | None = None
    articles: tuple[ExpectedArticle, ...] | None = None
    raises: str | None = None  # a class of `connectors.errors`


class Recording(Strict, frozen=True):
    about: str
    ask: Ask
    exchanges: list[Exchange]
    expect: Expect
    tokens: dict[str, str] | None = None  # instead of the setup's
    settings: dict[str, Any] = {}  # beside the setup's

    @property
    def richness(self) -> tuple[int, int]:
        return len(self.exchanges), sum(len(each.response.content) for each in self.exchanges)

    def with_body(self, place: int, body: bytes) -> "Recording":
        """The same with the body of one answer changed."""
        changed = [each.answering(body) if at == place else each for at, each in enumerate(self.exchanges)]
        return msgspec.structs.replace(self, exchanges=changed)

    def with_bodies(self, change: Callable[[bytes], bytes]) -> "Recording":
        """The same with each JSON body changed."""
        changed = [
            each.answering(change(each.response.content)) if each.response.is_json else each for each in self.exchanges
        ]
        return msgspec.structs.replace(self, exchanges=changed)


class OwnError(Strict, frozen=True):
    """An error in the vendor's own words, which may come instead of any answer."""

    about: str
    response: RecordedResponse
    raises: str


class Fixtures(Struct, frozen=True, kw_only=True):
    setup: Setup
    statuses: dict[Kind, list[str]]
    own_errors: list[OwnError]
    recordings: dict[str, Recording]  # by name, "invoices__two_currencies"

    @property
    def answered(self) -> dict[str, Recording]:
        """Those that end well."""
        return {name: each for name, each in self.recordings.items() if each.expect.raises is None}

    @property
    def richest(self) -> list[str]:
        """Name the recording of each call and kind in which the most is answered, long pages aside."""
        found: dict[tuple[str, Kind | None], str] = {}
        for name, each in sorted(self.answered.items(), key=lambda item: item[1].richness):
            if each.expect.ids is None:
                found[each.ask.call, kind_of(name)] = name
        return sorted(found.values())

    def of(self, call: str, kind: Kind | None = None) -> dict[str, Recording]:
        return {
            name: each
            for name, each in self.answered.items()
            if each.ask.call == call and kind in (None, kind_of(name))
        }

    def pages(self, call: str, kind: Kind) -> list[tuple[str, str]]:
        """Name each two recordings of which the second begins with the cursor that the first gives."""
        given = self.of(call, kind)
        return [
            (first, second)
            for first, one in given.items()
            for second, other in given.items()
            if one.expect.cursor and one.expect.cursor == other.ask.cursor
            if one.ask.only_open is other.ask.only_open
        ]


def kind_of(name: str) -> Kind | None:
    what = name.partition("__")[0]
    return next((kind for kind in KINDS if kind == what), None)


def load_fixtures(folder: Path) -> Fixtures:
    """Read a connector's folder. Raises `msgspec.ValidationError` for a field that nobody knows."""
    return Fixtures(
        setup=_decode(folder / "config.json", Setup),
        statuses=_decode(folder / "statuses.json", dict[Kind, list[str]]),
        own_errors=_decode(folder / "errors.json", list[OwnError]),
        recordings={path.stem: _decode(path, Recording) for path in sorted(folder.glob("*__*.json"))},
    )


def _decode(path: Path, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path.name}: {error}") from error
