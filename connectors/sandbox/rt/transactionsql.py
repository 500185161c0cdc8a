"""TransactionSQL, which finds what happened to tickets."""

from connectors.sandbox.rt.changes import CALLER
from connectors.sandbox.rt.errors import bad_request
from connectors.sandbox.rt.sql import ORDERED, Test, instant, parse, text_test
from connectors.sandbox.rt.store import Store

_TEXTS = frozenset({"ObjectType", "Type", "Field", "OldValue", "NewValue"})
_NUMBERS = frozenset({"id", "ObjectId"})
_OF_TICKETS = {"TicketStatus": "Status"}


def compile_query(store: Store, query: str) -> Test:
    return parse(query, lambda field, operator, value: _comparison(store, field, operator, value))


def _comparison(store: Store, field: str, operator: str, value: str) -> Test:
    if field in _TEXTS:
        test = text_test(operator, value)
        return lambda row: test(str(row[field] or ""))
    if field == "Creator":
        test = text_test(operator, CALLER if value == "__CurrentUser__" else value)
        return lambda row: test(str(row["Creator"]))
    if field in _NUMBERS and operator in ORDERED and value.isdigit():
        order = ORDERED[operator]
        return lambda row: order(row[field], int(value))
    if field == "Created" and operator in {"<", "<=", ">", ">="}:
        order, bound = ORDERED[operator], instant(value)
        return lambda row: order(row[field], bound)
    if field == "TicketLastUpdated" and operator in {"<", "<=", ">", ">="}:
        order, bound = ORDERED[operator], instant(value)
        return lambda row: order(store.tickets[row["ObjectId"]]["LastUpdated"], bound)
    if field in _OF_TICKETS:
        test = text_test(operator, value)
        return lambda row: test(str(store.tickets[row["ObjectId"]][_OF_TICKETS[field]]))
    raise bad_request(f"Unknown field: {field}")
