"""A connector that is asked for some of its kinds alone: what it can do shrinks, and all else follows from that."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from connectors.actions import ActionName
from connectors.contract import Connector
from connectors.records import Kind

T = TypeVar("T")

# What is done to a record needs that record. Requests can be opened where none are read, but not where they are hidden.
NEEDS: Mapping[ActionName, Kind] = {
    "new_ticket": "tickets",
    "reply": "tickets",
    "solve": "tickets",
    "reopen": "tickets",
    "rate": "tickets",
    "order_again": "orders",
    "accept": "orders",
    "decline": "orders",
}


def narrowed(connector: Connector[Any], kinds: Collection[str]) -> Connector[Any]:
    """Leave these kinds. None named leaves all."""
    hidden = {kind for kind in connector.reads if kinds and kind not in kinds}
    if not hidden:
        return connector

    def left(table: Mapping[Kind, T]) -> dict[Kind, T]:
        return {kind: value for kind, value in table.items() if kind not in hidden}

    return replace(
        connector,
        reads=left(connector.reads),
        reads_open=connector.reads_open - hidden,
        fetch=left(connector.fetch),
        feeds=left(connector.feeds),
        files=left(connector.files),
        actions={name: action for name, action in connector.actions.items() if NEEDS.get(name) not in hidden},
    )
