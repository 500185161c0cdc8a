"""TicketSQL, which finds tickets."""

from connectors.sandbox.rt.errors import bad_request
from connectors.sandbox.rt.sql import ORDERED, Test, instant, parse, text_test
from connectors.sandbox.rt.store import Row, Store

_WATCHER = frozenset({"Name", "EmailAddress", "RealName", "id"})
_DATES = frozenset({"Created", "LastUpdated", "Resolved", "Due", "Told", "Started"})
_NUMBERS = frozenset({"id", "EffectiveId"})
_ACTIVE = {"__Active__": True, "__Inactive__": False}


def compile_query(store: Store, query: str) -> Test:
    """Build the test a ticket has to pass. Deleted tickets are never found, merged ones only by `EffectiveId`."""
    names = set[str]()

    def compare(field: str, operator: str, value: str) -> Test:
        names.add(field)
        return _comparison(store, field, operator, value)

    test = parse(query, compare)
    return lambda ticket: (
        ticket["Status"] != "deleted"
        and ("EffectiveId" in names or ticket["EffectiveId"] == ticket["id"])
        and test(ticket)
    )


def _comparison(store: Store, field: str, operator: str, value: str) -> Test:
    name, _, sub = field.partition(".")
    if name == "Requestor" and (sub or "EmailAddress") in _WATCHER:
        column = sub or "EmailAddress"
        negative = operator in {"!=", "NOT LIKE"}
        found = text_test({"!=": "=", "NOT LIKE": "LIKE"}.get(operator, operator), value)

        def by_requestor(ticket: Row) -> bool:
            return any(found(str(store.users[one][column])) for one in ticket["Requestor"]) is not negative

        return by_requestor
    if name == "Requestor":
        raise bad_request(f"Invalid watcher subfield: '{sub}'")
    if field in _DATES and operator in {"<", "<=", ">", ">="}:
        bound, order = instant(value), ORDERED[operator]
        return lambda ticket: order(ticket[field], bound)
    if field in _NUMBERS and operator in ORDERED and value.isdigit():
        order = ORDERED[operator]
        return lambda ticket: order(ticket[field], int(value))
    if field == "Status" and value in _ACTIVE and operator in {"=", "!="}:
        active = _ACTIVE[value] is (operator == "=")
        return lambda ticket: store.is_active(ticket) is active
    if field in {"Status", "Subject", "Queue"}:
        test, queues = text_test(operator, value), store.queues
        return lambda ticket: test(str(queues[ticket[field]]["Name"] if field == "Queue" else ticket[field]))
    if field == "RefersTo" and operator == "=":
        return lambda ticket: value in ticket["RefersTo"]
    raise bad_request(f"Unknown field: {field}")
