"""HubSpot beyond its recordings: which scopes are missing, what a stage means, and whatever value may come."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_tree import ROOT

from connectors.config import decode_config
from connectors.contract import Facts
from connectors.errors import AccessDenied, BadResponse, NotFound, RateLimited
from connectors.testing.far_end import FarEnd
from connectors.testing.performing import opened
from connectors.testing.recordings import Exchange, load_fixtures
from connectors.vendors.hubspot import connector, values
from connectors.vendors.hubspot.api import HubSpot
from connectors.vendors.hubspot.associations import associated, customer_of
from connectors.vendors.hubspot.orders import OrderProperties
from connectors.vendors.hubspot.pipelines import Stage
from connectors.vendors.hubspot.settings import HubSpotConfig

FIXTURES = load_fixtures(ROOT / "connector_fixtures" / "hubspot")
BASE_URL = "https://api.hubapi.com"


@asynccontextmanager
async def answering(exchanges: Sequence[Exchange]) -> AsyncIterator[tuple[HubSpot, FarEnd]]:
    """Open a HubSpot that gives these answers, whatever it is asked, and the last one for ever."""
    far_end = FarEnd(BASE_URL, exchanges, strict=False)
    async with opened(connector, FIXTURES.setup, far_end) as office:
        yield office, far_end


async def test_names_the_scopes_that_a_token_lacks() -> None:
    async with answering(FIXTURES.recordings["check__missing_scopes"].exchanges) as (office, _):
        with pytest.raises(AccessDenied) as raised:
            await connector.check(office)
    assert str(raised.value).endswith("crm.objects.orders.read, crm.objects.deals.read")


async def test_does_not_take_a_refused_token_for_a_missing_scope() -> None:
    async with answering(FIXTURES.recordings["check__wrong_token"].exchanges) as (office, far_end):
        with pytest.raises(AccessDenied, match="answered 401"):
            await connector.check(office)
    assert len(far_end.asked) == 1


async def test_asks_again_when_told_that_it_asks_too_often() -> None:
    """Without a Retry-After: HubSpot promises none."""
    too_often = next(each for each in FIXTURES.own_errors if each.raises == "RateLimited")
    check = FIXTURES.recordings["check__ok"].exchanges
    refused = msgspec.structs.replace(check[0], response=too_often.response)
    async with answering([refused, *check]) as (office, _):
        assert "442091910" in await connector.check(office)
    async with answering([refused]) as (office, far_end):
        with pytest.raises(RateLimited):
            await connector.check(office)
    assert len(far_end.asked) == 3


async def test_repeats_a_question_that_only_reads() -> None:
    """A search and a batch are POSTs."""
    played = FIXTURES.recordings["find__nobody"].exchanges
    failed = msgspec.structs.replace(
        played[0], response=next(each for each in FIXTURES.own_errors if each.raises == "Unavailable").response
    )
    async with answering([failed, *played]) as (office, far_end):
        assert await connector.find(office, Facts(email="maya@alderlane.example")) == ()
    assert [request.method for request in far_end.asked] == ["POST", "POST"]


async def test_ends_with_associations_that_never_end() -> None:
    page = FIXTURES.recordings["orders__many_contacts"].exchanges[4]
    async with answering([page]) as (office, far_end):
        with pytest.raises(BadResponse):
            await associated(office, "orders", ["700"], "contacts")
    assert len(far_end.asked) < 50


def test_asks_for_nothing_that_is_not_ours_to_know() -> None:
    """Every property comes only when it is named: none is that says what staff think."""
    asked = {
        name
        for recording in FIXTURES.recordings.values()
        for exchange in recording.exchanges
        for name in (exchange.request.body or {}).get("properties", [])
    }
    staffs_own = ["note", "description", "hubspot_owner", "next_step", "lost_reason", "probability", "lead"]
    private = [*staffs_own, "cost", "margin"]
    assert asked
    assert [name for name in asked if any(word in name for word in private)] == []


@pytest.mark.parametrize(
    ("stage", "won", "offer"),
    [
        (Stage("closedwon", "Closed Won", {"isClosed": "true", "probability": "1.0"}), True, False),
        (Stage("1552002", "Signed", {"isClosed": "true", "probability": "1"}), True, False),
        (Stage("closedwon", "Closed Won", {"isClosed": "false", "probability": "1.0"}), False, False),
        (Stage("closedwon", "Closed Won", {"isClosed": "true", "probability": "0.0"}), False, False),
        (Stage("closedwon", "Closed Won"), False, False),
        (Stage("closedlost", "Closed Lost", {"isClosed": "true", "probability": "0.0"}), False, False),
        (Stage("contractsent", "Contract sent", {"isClosed": "false", "probability": "0.9"}), False, True),
        (Stage("contractsent", "Call again", {"isClosed": "false", "probability": "0.9"}), False, False),
        (Stage("contractsent", "Contract Sent", {"isClosed": "true", "probability": "0.0"}), False, False),
        (Stage("1552001", "Contract Sent", {"isClosed": "false", "probability": "0.9"}), False, False),
        (Stage("qualifiedtobuy", "Qualified To Buy", {"isClosed": "false", "probability": "0.4"}), False, False),
    ],
)
def test_shows_only_deals_that_were_offered_or_won(stage: Stage, *, won: bool, offer: bool) -> None:
    assert (stage.is_won, stage.is_offer) == (won, offer)


@pytest.mark.parametrize(
    ("label", "fulfilment", "shop", "status"),
    [
        ("Open", None, None, "Open"),
        ("Open", "shipped ", None, "Shipped"),
        ("Processed", "Packing", "open", "Packing"),
        ("Delivered", "Packing", None, "Delivered"),
        ("Delivered", None, "CANCELLED", "Cancelled"),
        ("Aflyst", None, None, "Aflyst"),  # once called "Delivered", under the same id
        ("Aflyst", None, "Shipped", "Shipped"),
        (None, "in the oven", None, "in the oven"),
        (None, None, None, ""),
    ],
)
def test_believes_whichever_place_knows_of_more(
    label: str | None, fulfilment: str | None, shop: str | None, status: str
) -> None:
    row = OrderProperties(hs_fulfillment_status=fulfilment, hs_external_order_status=shop)
    assert row.status(Stage("1", label) if label else None) == status


@given(st.text(max_size=30) | st.decimals(allow_nan=True, allow_infinity=True).map(str))
def test_reads_an_amount_exactly_or_not_at_all(text: str) -> None:
    try:
        read = values.amount(text)
    except BadResponse:
        return
    assert read is None if not text else read is not None and read.is_finite()


@pytest.mark.parametrize("text", ["1e5", "1,000.00", "12.", ".5", "NaN", "٣", "1" * 16, "1.0\n", " 1"])
def test_takes_no_other_writing_for_an_amount(text: str) -> None:
    with pytest.raises(BadResponse):
        values.amount(text)


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T10:00:00", "1795341600000", "0001-01-01T00:00:00+14:00"])
def test_takes_nothing_without_a_zone_for_a_point_in_time(text: str) -> None:
    with pytest.raises(BadResponse):
        values.instant(text)


@pytest.mark.parametrize(
    "name", ["", "company", "company:", "company:0", "company:٣", "company:1\n", "Company:1", "9001", "deal:1"]
)
def test_knows_no_customer_by_another_name(name: str) -> None:
    with pytest.raises(NotFound):
        customer_of(name)


@pytest.mark.parametrize("name", ["Name", "a-b", "a b", "a;b", "1a", "a\n"])
def test_refuses_what_cannot_be_a_property(name: str) -> None:
    settings: dict[str, Any] = {"access_token": "made-up-token", "external_id_property": name}
    with pytest.raises(msgspec.ValidationError, match="external_id_property"):
        decode_config(HubSpotConfig, settings)


def test_needs_no_address_and_no_property() -> None:
    config = decode_config(HubSpotConfig, {"access_token": "made-up-token"})
    assert (connector.base_url(config), config.external_id_property) == (BASE_URL, "")
