"""HubSpot's orders and deals, by the labels of their stages."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from connectors.sandbox.control.kinds import Choice, Item, Kind, System
from connectors.sandbox.hubspot.changes import move, stage_of, stages_of
from connectors.sandbox.hubspot.store import Record, Store


def hubspot_system(store: Store) -> System:
    def kind(type_: str, title: str) -> Kind:
        return Kind(
            title,
            lambda: list(_items(store, type_)),
            lambda key, values, now: move(store, type_, str(key), values["stage"], now),
        )

    return System("HubSpot", {"orders": kind("orders", "Orders"), "deals": kind("deals", "Deals")})


def _items(store: Store, type_: str) -> Iterator[Item]:
    for record in store.objects[type_].values():
        if not record.archived:
            labels = tuple(str(each["label"]) for each in stages_of(store, type_, record))
            choices = (Choice("stage", stage_of(store, type_, record), labels),)
            yield Item(
                int(record.id),
                _name(record),
                _about(store, type_, record),
                datetime.fromisoformat(record.created_at),
                choices,
            )


def _name(record: Record) -> str:
    its = record.properties
    return its.get("hs_order_name") or its.get("offer_number") or f"#{record.id}"


def _about(store: Store, type_: str, record: Record) -> str:
    """Name the company, what it is about, and the amount, as far as there are any."""
    companies = [str(each["toObjectId"]) for each in store.associated((type_, record.id), "companies")]
    its = record.properties
    amount = its.get("hs_total_price") or its.get("amount")
    currency = its.get("hs_currency_code") or its.get("deal_currency_code") or store.account["companyCurrency"]
    names = [store.objects["companies"][key].properties["name"] for key in companies]
    return "; ".join(filter(None, [*names, its.get("dealname"), f"{currency} {Decimal(amount):,}" if amount else None]))
