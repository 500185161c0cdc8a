"""The sandbox's search of HubSpot: sorted and by bounds, as whoever follows changes asks it, and its archive."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from support_sandbox import RunningSandbox
from test_sandbox_hubspot import Crm

from connectors.sandbox.hubspot.changes import archive, change, create, restore
from connectors.sandbox.hubspot.store import Store

SEARCH = "/crm/v3/objects/orders/search"
CHANGED = "hs_lastmodifieddate"
AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
MS = 1767323045678  # the same instant, as HubSpot counts it


@pytest.fixture
def crm(sandbox: RunningSandbox, plain_http: httpx.Client) -> Crm:
    return Crm(sandbox.hubspot_url, plain_http)


@pytest.fixture
def store(sandbox: RunningSandbox) -> Store:
    """An account with nothing but orders of one instant, and one of a moment later."""
    store = sandbox.site.hubspot
    store.objects["orders"] = {"100": store.objects["orders"].popitem()[1]}
    for _ in range(6):
        create(store, "orders", {}, AT)
    create(store, "orders", {}, AT + timedelta(milliseconds=1))
    del store.objects["orders"]["100"]
    return store


def found(crm: Crm, *filters: tuple[str, str, str], by: str = CHANGED, **more: Any) -> list[str]:
    conditions = [{"propertyName": name, "operator": operator, "value": value} for name, operator, value in filters]
    sorts = [{"propertyName": by, "direction": more.pop("direction", "ASCENDING")}]
    answer = crm.post(SEARCH, {"filterGroups": [{"filters": conditions}], "sorts": sorts, **more})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["results"]]


def test_finds_from_an_instant_on(crm: Crm, store: Store) -> None:
    assert len(store.objects["orders"]) == 7
    assert len(found(crm, (CHANGED, "GTE", str(MS)))) == 7
    assert found(crm, (CHANGED, "GT", str(MS))) == found(crm, (CHANGED, "GTE", str(MS + 1))) == ["107"]
    assert sorted(found(crm, (CHANGED, "EQ", str(MS)))) == ["101", "102", "103", "104", "105", "106"]


def test_sorts_by_one_property_and_leaves_ties_in_disorder(crm: Crm, store: Store) -> None:
    change(store, "orders", "103", {}, AT - timedelta(days=1))
    ids = found(crm, (CHANGED, "GTE", "0"))
    assert (ids[0], ids[-1]) == ("103", "107")
    assert ids[1:-1] != sorted(ids[1:-1])
    assert found(crm, (CHANGED, "GTE", "0"), direction="DESCENDING", limit=1) == ["107"]
    assert found(crm, ("hs_object_id", "GT", "104"), by="hs_object_id") == ["105", "106", "107"]


def test_finds_what_is_new_a_moment_later(crm: Crm, store: Store) -> None:
    change(store, "orders", "103", {}, datetime.now(UTC))
    store.found_after = timedelta(minutes=1)
    assert "103" not in found(crm, (CHANGED, "GTE", "0"))
    store.found_after = timedelta(0)
    assert "103" in found(crm, (CHANGED, "GTE", "0"))


def test_finds_nothing_archived_and_lists_it_apart(crm: Crm, store: Store) -> None:
    before = store.objects["orders"]["103"].updated_at
    archive(store, "orders", "103", AT + timedelta(days=1))
    assert "103" not in found(crm, (CHANGED, "GTE", "0"))
    (row,) = crm.get("/crm/v3/objects/orders", archived="true", limit="100").json()["results"]
    assert (row["id"], row["archived"], row["updatedAt"]) == ("103", True, before)
    restore(store, "orders", "103", AT + timedelta(days=2))
    assert found(crm, (CHANGED, "GT", str(MS + 1))) == ["103"]


@pytest.mark.parametrize(
    "body",
    [
        {"sorts": [{"propertyName": CHANGED}, {"propertyName": "hs_object_id"}]},
        {"sorts": [{"propertyName": "no_such"}]},
        {"sorts": [{"propertyName": CHANGED, "direction": "UP"}]},
        {"sorts": [{"propertyName": CHANGED, "then": "hs_object_id"}]},
        {"sorts": CHANGED},
        {"filterGroups": [{"filters": [{"propertyName": CHANGED, "operator": "GTE", "value": "2026-01-02"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": CHANGED, "operator": "GTE", "values": ["1"]}]}]},
        {"limit": 201},
    ],
)
def test_refuses_what_it_does_not_know(crm: Crm, store: Store, body: dict[str, Any]) -> None:
    assert store.objects["orders"]
    everything = {"filterGroups": [{"filters": [{"propertyName": "hs_object_id", "operator": "HAS_PROPERTY"}]}]}
    answer = crm.post(SEARCH, everything | body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
