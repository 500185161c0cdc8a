"""A back office whose every word is an attack, and the attacks: what the published collections know."""

import json
import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any, get_args

import msgspec
from support_needs import need

from connectors.actions import Action, ActionName, Asked, Done
from connectors.config import Config
from connectors.contract import Answer, BackOffice, Connector, Fetch, Limits, Page, Query, Read, RecordQuery, Scope
from connectors.details import DetailName, Held
from connectors.errors import Unavailable
from connectors.records import FileRef, Invoice, Kind, Line, Message, Money, Order, Origin, Record, Shipment, Ticket

SHARED = Path(os.environ.get("HALLWAY_SHARED", Path(__file__).parents[2] / "shared"))
TALK = 500  # disguises in one conversation
CROWD = 25  # attacks in one record that has many lines, and in one text where it has room for one only
LEADS_ASTRAY = "javascript:alert(1)"  # in place of an address, from a connector that does not look at it
WRITTEN: tuple[ActionName, ...] = ("reply", "new_ticket")
EUR = Money("EUR", Decimal("12.50"))
START = datetime(2026, 1, 1, tzinfo=UTC)


def attacks() -> tuple[str, ...]:
    """Every vector and every naughty string, each once."""
    folder = SHARED / "corpora"
    need("shared corpora", folder.is_dir(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    naughty = json.loads((folder / "blns" / "blns.json").read_text("utf-8"))
    vectors = re.split(r'(?=<div id="\d+">)', (folder / "xss" / "h5sc" / "vectors.txt").read_text("utf-8"))[1:]
    return tuple(dict.fromkeys(attack for attack in [*naughty, *vectors] if attack.strip()))


# What a text may be put into, and what may be done to it on its way here; "{}" is the attack.
AROUND = (
    *('">{}', "'>{}", "-->{}", "]]>{}", "</textarea>{}", "</title>{}", "</script>{}", "<!--{}", "<p>{}"),
    *('<a href="{}">x</a>', "<b title='{}'>x</b>", "<table><td>{}"),
)


def disguises(words: Sequence[str]) -> tuple[str, ...]:
    """Each attack in eighteen forms: as it is, behind the end of something, inside of something, and written otherwise.

    Their upper case, each sign as an entity, that once more, wide brackets, and a null after each opening one.
    """
    found = [
        form
        for word in words
        for form in (
            word,
            *(around.replace("{}", word) for around in AROUND),
            word.upper(),
            escape(word),
            escape(escape(word)),
            word.replace("<", "\uff1c").replace(">", "\uff1e"),
            word.replace("<", "<\0"),
        )
    ]
    return tuple(dict.fromkeys(found))


def crowds(words: Sequence[str]) -> list[Sequence[str]]:
    return [words[start : start + CROWD] for start in range(0, len(words), CROWD)]


class NoConfig(Config, frozen=True):
    """The back office is in this process."""


def connectors(words: Sequence[str]) -> dict[str, Connector[Any]]:
    """One with these words in every field, one with them in disguise, and one with coins that are called like them.

    And one of whom the persons say such words, each a crowd; one with false links, one that never answers, and one that
    has nothing.
    """
    records: dict[Kind, list[Record]] = {
        "orders": [_order(n, [word]) for n, word in enumerate(words)],
        "invoices": [_invoice(n, [word]) for n, word in enumerate(words)],
        "tickets": [ticket(n, [word]) for n, word in enumerate(words)],
    }
    for number, crowd in enumerate(crowds(words), len(words)):
        records["orders"].append(_order(number, crowd))
        records["invoices"].append(_invoice(number, crowd))
        records["tickets"].append(ticket(number, crowd))
    shipment = Shipment(number="1", state="on_its_way", tracking_number="1", tracking_url=LEADS_ASTRAY)
    astray: dict[Kind, list[Record]] = {
        "orders": [msgspec.structs.replace(_order(0, ["1"]), shipments=(shipment,))],
        "invoices": [msgspec.structs.replace(_invoice(0, ["1"]), pay_url=LEADS_ASTRAY)],
    }
    disguised = disguises(words)
    each = [disguised[start : start + TALK] for start in range(0, len(disguised), TALK)]
    talks: dict[Kind, list[Record]] = {
        "tickets": [ticket(number, its, name=f"Talk {number}") for number, its in enumerate([("Hello",), *each])]
    }
    coins: dict[Kind, list[Record]] = {"invoices": [_coin(number, word) for number, word in enumerate(words)]}
    return {
        "talks": msgspec.structs.replace(connector_of("talks", talks), actions=dict.fromkeys(WRITTEN, DECLINED)),
        "people": msgspec.structs.replace(
            connector_of("people", {"orders": []}), details=_tell(words), actions={"change_details": DECLINED}
        ),
        "coins": connector_of("coins", coins),
        "astray": connector_of("astray", astray),
        "hostile": connector_of("hostile", records),
        "silent": _connector("silent", {"orders": _fail, "invoices": _fail}, {}),
        "empty": _connector("empty", {"orders": _read([])}, {}),
    }


def connector_of(name: str, records: dict[Kind, list[Record]]) -> Connector[NoConfig]:
    """One that has these records, each under its place in its list."""
    return _connector(name, {kind: _read(found) for kind, found in records.items()}, _fetches(records))


def _connector(
    name: str, reads: dict[Kind, Read[NoConfig, Record]], fetch: dict[Kind, Fetch[NoConfig, Record]]
) -> Connector[NoConfig]:
    return Connector(
        name=name,
        title=name.title(),
        config=NoConfig,
        base_url=lambda _: "http://127.0.0.1:9",
        auth=lambda config, tokens: None,
        check=None,  # type: ignore[arg-type]  # never asked here
        find=None,  # type: ignore[arg-type]  # as above
        reads=reads,
        fetch=fetch,
        files={},
        statuses={},
        limits=Limits(concurrent=4),
        scope=Scope(customer="customer number", proof="the customer on the record"),
    )


def _read(records: Sequence[Record]) -> Read[NoConfig, Record]:
    async def read(office: BackOffice[NoConfig], query: Query) -> Page[Record]:
        return Page(tuple(Answer(frozenset({query.customer}), record) for record in records))

    return read


def _tell(words: Sequence[str]) -> Callable[[BackOffice[NoConfig], str], Any]:
    groups = crowds(words)

    async def tell(office: BackOffice[NoConfig], person: str) -> Held:
        values: dict[DetailName, str] = dict.fromkeys(get_args(DetailName), "")
        parts = [groups[int(person)][place :: len(values)] for place in range(len(values))]
        values = {name: " ".join(part) for name, part in zip(values, parts, strict=True)}
        return Held(customers=frozenset({"1"}), values=values, locked={"email": " ".join(groups[int(person)])})

    return tell


async def _decline(office: BackOffice[NoConfig], asked: Asked) -> Done:
    raise Unavailable("never there")


DECLINED: Action[NoConfig, Asked] = Action(do=_decline)


async def _fail(office: BackOffice[NoConfig], query: Query) -> Page[Record]:
    raise Unavailable("never there")


def _fetches(records: dict[Kind, list[Record]]) -> dict[Kind, Fetch[NoConfig, Record]]:
    def of(found: list[Record]) -> Callable[[BackOffice[NoConfig], RecordQuery], Any]:
        async def fetch(office: BackOffice[NoConfig], query: RecordQuery) -> Answer[Record]:
            return Answer(frozenset({query.customer}), found[int(query.id)])

        return fetch

    return {kind: of(found) for kind, found in records.items()}


def _origin(number: int) -> Origin:
    changed_at = START + timedelta(hours=number)
    return Origin(source="hostile", id=str(number), changed_at=changed_at, fetched_at=datetime.now(UTC))


def _files(words: Sequence[str]) -> tuple[FileRef, ...]:
    return tuple(FileRef(id=word, name=word, media_type=word, size=1000) for word in words)


def _lines(words: Sequence[str]) -> tuple[Line, ...]:
    return tuple(
        Line(text=word, quantity=Decimal(1) if n % 2 else None, total=EUR if n % 2 else None)
        for n, word in enumerate(words)
    )


def _order(number: int, words: Sequence[str]) -> Order:
    whole = " ".join(words)
    return Order(
        origin=_origin(number),
        number=whole,
        vendor_state=whole,
        state="on_its_way",
        total=EUR,
        title=whole if number % 3 == 0 else None,  # a list shows the first of these that there is
        reference=whole if number % 3 else None,
        lines=_lines(words),
        shipments=tuple(
            Shipment(number=word, state="on_its_way", carrier=word, tracking_number=word) for word in words
        ),
        files=_files(words),
    )


def _invoice(number: int, words: Sequence[str]) -> Invoice:
    whole = " ".join(words)
    return Invoice(
        origin=_origin(number),
        number=whole,
        vendor_state=whole,
        state="open",
        total=EUR,
        open=EUR,
        due_on=START.date(),
        order_number=whole if number % 2 else None,
        reference=whole,
        lines=_lines(words),
        files=_files(words[:1]),
    )


def _coin(number: int, word: str) -> Invoice:
    """One in a currency of its own, without a number to be told apart by."""
    money = Money(word, EUR.amount)
    return msgspec.structs.replace(_invoice(number, ["1"]), total=money, open=money, issued_on=START.date())


def ticket(number: int, words: Sequence[str], *, name: str | None = None) -> Ticket:
    whole = name or " ".join(words)
    return Ticket(
        origin=_origin(number),
        number=whole,
        vendor_state=whole,
        state="awaiting_customer",
        subject=whole,
        created_at=START + timedelta(hours=number),
        messages=tuple(_message(number, word, kind) for word in words for kind in ("text/plain", "text/html")),
    )


def _message(number: int, word: str, media_type: Any) -> Message:  # one of two words
    return Message(
        id=str(number),
        author=word,
        from_customer=False,
        at=START + timedelta(hours=number),
        body=word,
        media_type=media_type,
        files=_files([word]),
    )
