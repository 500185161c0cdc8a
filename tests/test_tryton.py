"""What the kit's recordings of Tryton cannot say: their questions are Base64, and few of the values that may come."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from support_tree import ROOT

from connectors.addresses import AddressPolicy
from connectors.config import Secret, decode_config
from connectors.contract import BackOffice
from connectors.errors import BadResponse
from connectors.testing.far_end import FarEnd
from connectors.testing.recordings import Exchange, RecordedRequest, RecordedResponse, load_fixtures
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.tryton.fields import fields_of
from connectors.vendors.tryton.rest import Row, Tryton, search
from connectors.vendors.tryton.settings import TrytonConfig
from connectors.vendors.tryton.values import Amount, Day, Moment, plain

RECORDINGS = load_fixtures(ROOT / "connector_fixtures" / "tryton").recordings


def test_asks_for_sales_that_the_customer_knows_of() -> None:
    question = RECORDINGS["orders__page_2"].exchanges[1].request
    assert meant(question, "d") == [
        ["party", "=", 12],
        ["state", "!=", "draft"],
        ["number", "!=", None],
        ["id", "<", 351],
    ]
    assert meant(question, "o") == [["id", "DESC"]]
    assert question.headers["range"] == "records=0-50"


def test_asks_for_orders_of_which_anything_has_changed() -> None:
    at = {"__class__": "datetime", "year": 2026, "month": 11, "day": 1} | dict.fromkeys(
        ("hour", "minute", "second", "microsecond"), 0
    )
    question = RECORDINGS["orders__changes_page_2"].exchanges[1].request
    paths = ("", "lines.", "shipments.", "moves.", "contact.", "invoice_address.")
    dates = [[f"{path}{date}", ">=", at] for path in paths for date in ("write_date", "create_date")]
    assert meant(question, "d") == [["id", ">", 85], ["OR", *dates]]
    assert meant(question, "o") == [["id", "ASC"]]
    newest = RECORDINGS["orders__changes_page_1"].exchanges[3].request
    assert (meant(newest, "d"), meant(newest, "o")) == ([["write_date", "!=", None]], [["write_date", "DESC"]])


def test_asks_for_invoices_to_customers_that_were_posted() -> None:
    question = RECORDINGS["invoices__page_1"].exchanges[0].request
    assert meant(question, "d") == [
        ["party", "=", 12],
        ["type", "=", "out"],
        ["state", "not in", ["draft", "validated"]],
        ["number", "!=", None],
    ]


def test_asks_for_sales_that_are_not_delivered_and_invoices_that_are_not_paid() -> None:
    sales, invoices = RECORDINGS["orders__open"].exchanges[1].request, RECORDINGS["invoices__open"].exchanges[0].request
    assert meant(sales, "d")[3:] == [
        ["state", "not in", ["done", "cancelled", "sent"]],
        ["OR", ["state", "!=", "processing"], ["shipment_state", "not in", ["done", "cancelled", "sent"]]],
    ]
    assert meant(invoices, "d")[4:] == [["state", "not in", ["paid", "cancelled"]]]


def test_asks_which_fields_there_are_and_in_which_format_notes_come() -> None:
    fields, _, report = (each.request for each in RECORDINGS["orders__whole"].exchanges)
    assert meant(fields, "d") == [
        ["model", "=", "stock.shipment.out"],
        ["name", "in", ["carrier", "shipping_reference"]],
    ]
    assert meant(report, "d") == [["report_name", "=", "stock.shipment.out.delivery_note"]]


def test_takes_a_wildcard_in_an_address_literally() -> None:
    question = RECORDINGS["find__email"].exchanges[0].request
    assert ["value", "ilike", r"ingrid\_h@halvorsen-marine.example"] in meant(question, "d")


@pytest.mark.parametrize("recording", [name for name in RECORDINGS if name.startswith(("orders", "invoices"))])
def test_asks_for_nothing_internal(recording: str) -> None:
    """A comment, a note, a move or an attachment is staff's own until somebody says otherwise."""
    asked = [value for each in RECORDINGS[recording].exchanges for name, value in each.request.params if name == "f"]
    words = {word for path in asked for word in path.split(".")}
    assert words & {"comment", "note", "notes", "moves", "cost_price", "attachments", "origin", "warehouse"} == set()


def meant(question: RecordedRequest, name: str) -> Any:
    return json.loads(urlsafe_b64decode(dict(question.params)[name]))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12.50", Decimal("12.50")),
        ("-0.00", Decimal("0.00")),
        ("0E-8", Decimal("0E-8")),
        ("1E-8", Decimal("0.00000001")),
        ("123456789012345.0123456789", Decimal("123456789012345.0123456789")),
    ],
)
def test_reads_decimals_exactly(written: str, meant: Decimal) -> None:
    amount = msgspec.json.decode(json.dumps({"__class__": "Decimal", "decimal": written}), type=Amount)
    assert str(amount.value) == str(meant)


@pytest.mark.parametrize(
    "value",
    [
        '{"__class__": "Decimal", "decimal": "Infinity"}',
        '{"__class__": "Decimal", "decimal": "1E+400"}',
        '{"__class__": "Decimal", "decimal": "1,5"}',
        '{"__class__": "Decimal", "decimal": "1.5\\n"}',
        '{"__class__": "Decimal", "decimal": "\\u0661"}',
        '{"__class__": "Decimal", "decimal": 1.5}',
        '{"__class__": "float", "decimal": "1.5"}',
        '"1.5"',
        "1.5",
    ],
)
def test_refuses_what_is_no_decimal(value: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(value, type=Amount)


def test_reads_days_and_moments() -> None:
    day = b'{"__class__": "date", "year": 2028, "month": 2, "day": 29}'
    assert msgspec.json.decode(day, type=Day).value == date(2028, 2, 29)
    moment = (
        b'{"__class__": "datetime", "year": 2026, "month": 11, "day": 22,'
        b' "hour": 2, "minute": 25, "second": 43, "microsecond": 599063}'
    )
    assert msgspec.json.decode(moment, type=Moment).value == datetime(2026, 11, 22, 2, 25, 43, 599063, tzinfo=UTC)


@pytest.mark.parametrize(("year", "month", "day"), [(2026, 2, 29), (0, 1, 1), (10**30, 1, 1), (2026, 13, 1)])
@pytest.mark.parametrize(("name", "type_"), [("date", Day), ("datetime", Moment)])
def test_refuses_days_that_are_none(name: str, type_: type[Any], year: int, month: int, day: int) -> None:
    value = {"__class__": name, "year": year, "month": month, "day": day}
    clock = dict.fromkeys(("hour", "minute", "second", "microsecond"), 0)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(value | clock), type=type_)


@pytest.mark.parametrize(
    ("number", "meant"), [(2.0, "2"), (2.75, "2.75"), (0.1 + 0.2, "0.3"), (-1.0, "-1"), (1e-05, "0.00001"), (0.0, "0")]
)
def test_writes_quantities_plainly(number: float, meant: str) -> None:
    assert str(plain(number)) == meant


class Inner(msgspec.Struct):
    id: int
    code: str


class Outer(Row):
    name: str
    one: Inner
    maybe: Inner | None
    many: list[Inner]
    on: Day | None


def test_asks_for_the_fields_that_a_row_declares() -> None:
    assert [name for _, name in fields_of(Outer)] == ["name", "one.code", "maybe.code", "many.code", "on"]
    assert [name for _, name in fields_of(Outer, frozenset({"one", "many.code", "o"}))] == ["name", "maybe.code", "on"]


@pytest.mark.parametrize(
    "part", ["", "records 0-1", "records 1-2/2", "records 0-2/2", "items 0-1/1", "records 0-1/1, 2", "records 0-1/x"]
)
async def test_believes_no_list_without_its_part(part: str) -> None:
    with pytest.raises(BadResponse, match="not the part asked for"):
        await asked(part, rows=1)


async def test_refuses_more_than_it_asked_for() -> None:
    with pytest.raises(BadResponse, match="not the part asked for"):
        await asked("records 0-3/3", rows=3)


@pytest.mark.parametrize(("part", "more"), [("records 0-1/1", False), ("records 0-1/2", True), ("records 0-1/*", True)])
async def test_knows_whether_there_is_more(part: str, more: bool) -> None:  # noqa: FBT001  # what is expected
    _, told = await asked(part, rows=1)
    assert told is more


async def asked(part: str, *, rows: int) -> tuple[list[Row], bool]:
    """Ask for two rows, and get so many with this Content-Range."""
    body = msgspec.Raw(json.dumps([{"id": number} for number in range(1, rows + 1)]).encode())
    headers = {"content-type": "application/json", "content-range": part}
    exchange = Exchange(
        request=RecordedRequest(method="GET", path="/"), response=RecordedResponse(headers=headers, body=body)
    )
    async with open_client(
        "https://tryton.example.net",
        policy=AddressPolicy(allow_private=True),
        transport=FarEnd("https://tryton.example.net", [exchange], strict=False),
    ) as http:
        return await search(office(http), Row, "party.party", [], limit=2)


def office(http: Any) -> Tryton:
    config = TrytonConfig(base_url="https://tryton.example.net", database="kestrel", application_key=Secret("a" * 40))
    return BackOffice(source="erp", http=http, config=config, tokens=MemoryTokens())


@pytest.mark.parametrize("database", ["", "..", "a/b", "a?b", "a#b", "a b", "a%2fb", "kestrel\n"])
def test_refuses_a_database_that_leads_elsewhere(database: str) -> None:
    values = {"base_url": "https://tryton.example.net", "database": database, "application_key": "k"}
    with pytest.raises(msgspec.ValidationError, match=r"\$\.database"):
        decode_config(TrytonConfig, values)
