"""TicketSQL, RT's search language, as far as a portal asks: comparisons, AND, OR, parentheses."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from msgspec import Struct

from connectors.sandbox.rt.errors import bad_request
from connectors.sandbox.rt.store import Row, Store

Test = Callable[[Row], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<VALUE>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|-?\d+(?:\.\d+)?(?![\w.]))
    | (?P<OPERATOR>!=|<=|>=|=|<|>|(?:NOT\s+)?LIKE\b)
    | (?P<AGGREGATOR>(?:AND|OR)\b)
    | (?P<PAREN>[()])
    | (?P<KEYWORD>[A-Za-z][\w.{}]*)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_WATCHER = frozenset({"Name", "EmailAddress", "RealName", "id"})
_DATES = frozenset({"Created", "LastUpdated", "Resolved", "Due", "Told", "Started"})
_ACTIVE = {"__Active__": True, "__Inactive__": False}


class Token(Struct, frozen=True):
    kind: str
    text: str


def compile_query(store: Store, query: str) -> Test:
    """Build the test a ticket has to pass. An empty query finds nothing; deleted tickets are never found."""
    if not query.strip():
        return lambda _: False
    tokens = list(_tokens(query))
    test = _several(store, tokens)
    if tokens:
        raise bad_request(f"Wrong query, expecting a AGGREGATOR in '{query}'")
    return lambda ticket: ticket["Status"] != "deleted" and test(ticket)


def _tokens(query: str) -> Iterator[Token]:
    position = 0
    while query[position:].strip():
        match = _TOKEN.match(query, position)
        if match is None or match.lastgroup is None:
            here = f"{query[:position]}>{query[position : position + 3]}<--here{query[position + 3 :]}"
            raise bad_request(f"Wrong query, expecting a VALUE in '{here}'")
        yield Token(match.lastgroup, match[match.lastgroup])
        position = match.end()


def _several(store: Store, tokens: list[Token]) -> Test:
    """Read comparisons up to a closing parenthesis. What RT makes of AND beside OR is nothing to rely on."""
    tests, joined_by = [_one(store, tokens)], set[str]()
    while tokens and tokens[0].kind == "AGGREGATOR":
        joined_by.add(tokens.pop(0).text.upper())
        tests.append(_one(store, tokens))
    if len(joined_by) > 1:
        raise bad_request("AND beside OR needs parentheses")
    how = any if joined_by == {"OR"} else all
    return lambda ticket: how(test(ticket) for test in tests)


def _one(store: Store, tokens: list[Token]) -> Test:
    if tokens and tokens[0].text == "(":
        tokens.pop(0)
        test = _several(store, tokens)
        _take(tokens, "PAREN", ")")
        return test
    field = _take(tokens, "KEYWORD").text
    operator = " ".join(_take(tokens, "OPERATOR").text.upper().split())
    return _comparison(store, field, operator, _unquoted(_take(tokens, "VALUE").text))


def _take(tokens: list[Token], kind: str, text: str | None = None) -> Token:
    if not tokens:
        raise bad_request(f"Incomplete query, expecting a {kind}")
    token = tokens.pop(0)
    if token.kind != kind or text not in {None, token.text}:
        raise bad_request(f"Wrong query, expecting a {kind}, found '{token.text}'")
    return token


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "'\"" else text


def _comparison(store: Store, field: str, operator: str, value: str) -> Test:
    name, _, sub = field.partition(".")
    if name == "Requestor" and (sub or "EmailAddress") in _WATCHER:
        column = sub or "EmailAddress"
        negative = operator in {"!=", "NOT LIKE"}
        found = _text_test({"!=": "=", "NOT LIKE": "LIKE"}.get(operator, operator), value)

        def by_requestor(ticket: Row) -> bool:
            return any(found(str(store.users[one][column])) for one in ticket["Requestor"]) is not negative

        return by_requestor
    if name == "Requestor":
        raise bad_request(f"Invalid watcher subfield: '{sub}'")
    if field in _DATES and operator in {"<", "<=", ">", ">="}:
        bound, order = _instant(value), _ORDERED[operator]
        return lambda ticket: order(ticket[field], bound)
    if field == "id" and operator in _ORDERED and value.isdigit():
        order = _ORDERED[operator]
        return lambda ticket: order(ticket["id"], int(value))
    if field == "Status" and value in _ACTIVE and operator in {"=", "!="}:
        active = _ACTIVE[value] is (operator == "=")
        return lambda ticket: store.is_active(ticket) is active
    if field in {"Status", "Subject"}:
        test = _text_test(operator, value)
        return lambda ticket: test(str(ticket[field]))
    if field == "Queue":
        test = _text_test(operator, value)
        return lambda ticket: test(str(store.queues[ticket["Queue"]]["Name"]))
    raise bad_request(f"Unknown field: {field}")


def _text_test(operator: str, value: str) -> Callable[[str], bool]:
    wanted = value.lower()
    match operator:
        case "=":
            return lambda text: text.lower() == wanted
        case "!=":
            return lambda text: text.lower() != wanted
        case "LIKE":
            return lambda text: wanted in text.lower()
        case "NOT LIKE":
            return lambda text: wanted not in text.lower()
    raise bad_request(f"Unknown operator: {operator}")


def _instant(value: str) -> datetime:
    """Read in the API user's time zone, which here is UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise bad_request(f"Couldn't parse date '{value}'") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
