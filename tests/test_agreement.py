"""Whether two sources say the same: never by how they write it, always by what they mean."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from itertools import combinations
from typing import get_args

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.records import Invoice, InvoiceState, Money, Order, OrderState, Origin, Record
from gateway.agreement.facts import compare
from gateway.agreement.pairs import is_same_thing, pairs
from gateway.agreement.winners import left_out

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CURRENCIES = st.sampled_from(["EUR", "GBP", "USD", "JPY", "KWD", "HUF"])
AMOUNTS = st.decimals("-100000000", "100000000", places=6)
ROUNDINGS = st.sampled_from([ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP])
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # made aware
ZONES = st.integers(-10, 13).map(lambda hours: timezone(timedelta(hours=hours)))  # of all but some islands

# Each group is equally far on; whatever is in no group with it is a difference.
ORDERS = ({"quoted"}, {"received", "confirmed"}, {"packed", "on_its_way"}, {"delivered"}, {"cancelled"})
INVOICES = ({"open", "part_paid"}, {"paid"}, {"credited", "cancelled"})


def order(source: str, number: str = "S00041", total: str | Money = "100", id_: str = "1", **more: object) -> Order:
    return replace(
        Order(
            origin=Origin(source=source, id=id_, fetched_at=NOW),
            number=number,
            state="confirmed",
            vendor_state="v",
            total=Money("EUR", Decimal(total)) if isinstance(total, str) else total,
        ),
        **more,
    )


def invoice(source: str, number: str = "INV/26/0041", total: str = "100", **more: object) -> Invoice:
    money = Money("EUR", Decimal(total))
    return replace(
        Invoice(
            origin=Origin(source=source, id="1", fetched_at=NOW),
            number=number,
            state="open",
            vendor_state="v",
            total=money,
            open=money,
            issued_on=date(2026, 11, 2),
            due_on=date(2026, 12, 2),
        ),
        **more,
    )


def differing(one: Record, other: Record) -> list[str]:
    return [compared.field for compared in compare(one, other) if not compared.agrees]


def paired(*records: Record) -> list[tuple[str, str]]:
    return [(one.origin.source, other.origin.source) for one, other in pairs(records)]


@given(AMOUNTS, CURRENCIES, ROUNDINGS, ROUNDINGS)
def test_takes_no_rounding_for_a_difference(amount: Decimal, currency: str, up: str, down: str) -> None:
    coin = Decimal(1).scaleb(-get_currency_precision(currency))
    one, other = Money(currency, amount.quantize(coin, up)), Money(currency, amount.quantize(coin, down))
    assert differing(order("crm", total=one), order("erp", total=other)) == []
    assert differing(order("crm", total=one), order("erp", total=Money(currency, amount))) == []


@given(AMOUNTS, CURRENCIES, st.integers(2, 10**9), st.sampled_from([-1, 1]))
def test_finds_every_difference_of_more_than_the_smallest_coin(
    amount: Decimal, currency: str, coins: int, sign: int
) -> None:
    less = amount + sign * coins * Decimal(1).scaleb(-get_currency_precision(currency))
    one, other = Money(currency, amount), Money(currency, less)
    assert differing(order("crm", total=one), order("erp", total=other)) == ["total"]
    assert differing(invoice("crm", open=one), invoice("erp", open=other)) == ["open"]


@given(AMOUNTS, st.sampled_from([("eur", "EUR"), (" EUR ", "EUR"), ("€", "EUR"), ("£", "gbp"), ("JPY", "jpy")]))
def test_takes_no_way_to_write_money_for_a_difference(amount: Decimal, written: tuple[str, str]) -> None:
    one, other = Money(written[0], amount), Money(written[1], amount.normalize())  # 1E+2 is 100.00
    assert differing(order("crm", total=one), order("erp", total=other)) == []


@given(AMOUNTS, st.lists(CURRENCIES, min_size=2, max_size=2, unique=True))
def test_finds_every_difference_of_currency(amount: Decimal, currencies: Sequence[str]) -> None:
    one, other = (Money(currency, amount) for currency in currencies)
    assert differing(order("crm", total=one), order("erp", total=other)) == ["total"]


@given(INSTANTS, ZONES, ZONES)
def test_takes_no_time_zone_for_a_difference(instant: datetime, here: timezone, there: timezone) -> None:
    one, other = instant.astimezone(here), instant.astimezone(there)
    assert differing(invoice("crm", due_on=one.date()), invoice("erp", due_on=other.date())) == []
    assert is_same_thing(order("crm", "41", ordered_at=one), order("erp", "41", ordered_at=other))
    assert is_same_thing(invoice("crm", "41", issued_on=one.date()), invoice("erp", "41", issued_on=other.date()))


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(2, 1000))
def test_finds_every_difference_of_days(day: date, days: int) -> None:
    assert differing(invoice("crm", due_on=day), invoice("erp", due_on=day + timedelta(days=days))) == ["due_on"]


@pytest.mark.parametrize("one", get_args(OrderState))
@pytest.mark.parametrize("other", get_args(OrderState))
def test_compares_how_far_orders_are(one: OrderState, other: OrderState) -> None:
    is_alike = "unknown" in {one, other} or any({one, other} <= group for group in ORDERS)
    assert differing(order("crm", state=one), order("erp", state=other)) == ([] if is_alike else ["state"])


@pytest.mark.parametrize("one", get_args(InvoiceState))
@pytest.mark.parametrize("other", get_args(InvoiceState))
def test_compares_how_far_invoices_are(one: InvoiceState, other: InvoiceState) -> None:
    is_alike = "unknown" in {one, other} or any({one, other} <= group for group in INVOICES)
    assert differing(invoice("crm", state=one), invoice("erp", state=other)) == ([] if is_alike else ["state"])


def test_takes_what_a_source_leaves_open_for_no_fact() -> None:
    assert [fact.field for fact in compare(invoice("crm", due_on=None), invoice("erp"))] == ["state", "total", "open"]
    assert [fact.field for fact in compare(order("crm", state="unknown"), order("erp"))] == ["total"]


def test_finds_the_same_number_however_it_is_written() -> None:
    assert paired(order("erp", "S00041"), order("crm", " s000 41")) == [("crm", "erp")]
    assert paired(order("erp", "S00041"), order("crm", "S00042")) == []
    assert paired(order("erp", "S00041"), order("crm", "S41")) == []
    assert paired(order("erp", ""), order("crm", "")) == []
    assert paired(order("erp", "1234567"), order("crm", "01234567")) == []


def test_pairs_each_two_of_three_sources() -> None:
    assert paired(order("c"), order("a"), order("b")) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_pairs_nothing_within_one_source() -> None:
    assert paired(order("erp", id_="1"), order("erp", id_="2")) == []
    # Nor what a source has twice with what another one has once: nobody knows which is meant.
    assert paired(order("erp", id_="1"), order("erp", id_="2"), order("crm")) == []
    assert paired(order("erp"), order("erp"), order("crm")) == [("crm", "erp")]  # two links lead to one record


def test_pairs_nothing_of_two_kinds() -> None:
    assert paired(order("erp", "41-A"), invoice("crm", "41-A")) == []
    assert paired(invoice("erp"), invoice("crm", is_credit_note=True)) == []


def test_wants_more_than_the_number() -> None:
    dollars = Money("USD", Decimal(100))
    monday, later = NOW, NOW + timedelta(days=40)
    assert paired(order("erp"), order("crm", total=dollars)) == []
    assert paired(order("erp", ordered_at=monday), order("crm", total=dollars, ordered_at=monday)) == [("crm", "erp")]
    assert paired(order("erp", ordered_at=monday), order("crm", ordered_at=later)) == []  # numbers began anew


@pytest.mark.parametrize("number", ["41", "10482"])
def test_takes_no_short_number_for_the_same_thing_by_itself(number: str) -> None:
    week = NOW + timedelta(days=7)
    assert paired(order("erp", number), order("crm", number)) == []
    assert paired(order("erp", number, ordered_at=NOW), order("crm", number, ordered_at=week)) == []
    assert paired(order("erp", number, ordered_at=NOW), order("crm", number, ordered_at=NOW)) == [("crm", "erp")]


def hidden(*records: Record, **rules: tuple[str, ...]) -> dict[str, str]:
    """Give who is hidden and in whose favour, by source."""
    named = {f"orders.{field}": sources for field, sources in rules.items()}
    return {source: instead.origin.source for (source, _), instead in left_out("orders", records, named).items()}


def test_leaves_out_what_a_rule_says_loses() -> None:
    crm, erp = order("crm", total="90"), order("erp")
    assert hidden(crm, erp, total=("erp", "crm")) == {"crm": "erp"}
    assert hidden(crm, erp, total=("crm", "erp")) == {"erp": "crm"}


def test_shows_both_where_no_rule_decides() -> None:
    crm, erp = order("crm", total="90", state="cancelled"), order("erp")
    assert hidden(crm, erp) == {}
    assert hidden(crm, erp, total=("erp", "shop")) == {}
    assert hidden(crm, erp, total=("erp", "crm")) == {}  # the state is nobody's yet
    assert hidden(crm, erp, total=("erp", "crm"), state=("crm", "erp")) == {}  # neither of them counts in all
    assert hidden(crm, erp, total=("erp", "crm"), state=("erp", "crm")) == {"crm": "erp"}


def test_shows_once_what_is_the_same_in_both() -> None:
    assert hidden(order("crm"), order("erp"), state=("erp", "crm")) == {"crm": "erp"}
    assert hidden(order("crm", "S9"), order("erp"), state=("erp", "crm")) == {}


STATES = st.sampled_from(["received", "packed", "delivered", "unknown"])
SOURCES = ("crm", "erp", "shop", "till")


@given(
    st.lists(
        st.builds(order, st.sampled_from(SOURCES), total=st.sampled_from(["1", "2", "3"]), state=STATES), max_size=4
    ),
    st.permutations(SOURCES),
    st.permutations(SOURCES),
)
def test_never_leaves_out_what_nothing_is_shown_instead_of(
    records: list[Order], total: list[str], state: list[str]
) -> None:
    rules = {"orders.total": tuple(total), "orders.state": tuple(state)}
    instead = left_out("orders", records, rules)
    places = {(each.origin.source, each.origin.id) for each in records}
    for loser, winner in instead.items():
        assert loser in places
        assert (winner.origin.source, winner.origin.id) in places - instead.keys()
        assert winner.origin.source != loser[0]


def test_needs_no_order_of_the_sources_to_decide() -> None:
    records = [order("a", total="1"), order("b", total="2", state="packed"), order("c", total="3")]
    rules = {"orders.total": ("b", "c", "a"), "orders.state": ("b", "a", "c")}
    found = [dict(left_out("orders", some, rules)) for some in (records, records[::-1])]
    assert found[0] == found[1]
    assert {place[0] for place in found[0]} == {"a", "c"}
    for some in combinations(records, 2):
        assert len(left_out("orders", some, rules)) == 1
