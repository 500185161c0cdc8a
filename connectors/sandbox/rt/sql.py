"""RT's search languages, as far as a portal asks: comparisons, AND, OR, parentheses, and times of two kinds."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from msgspec import Struct

from connectors.sandbox.rt.errors import bad_request
from connectors.sandbox.rt.store import Row

Test = Callable[[Row], bool]
Compare = Callable[[str, str, str], Test]  # of a field, an operator and a value

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
ORDERED: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


class Token(Struct, frozen=True):
    kind: str
    text: str


def parse(query: str, compare: Compare) -> Test:
    """Build the test that a row has to pass. An empty query finds nothing."""
    if not query.strip():
        return lambda _: False
    tokens = list(_tokens(query))
    test = _several(compare, tokens)
    if tokens:
        raise bad_request(f"Wrong query, expecting a AGGREGATOR in '{query}'")
    return test


def _tokens(query: str) -> Iterator[Token]:
    position = 0
    while query[position:].strip():
        match = _TOKEN.match(query, position)
        if match is None or match.lastgroup is None:
            here = f"{query[:position]}>{query[position : position + 3]}<--here{query[position + 3 :]}"
            raise bad_request(f"Wrong query, expecting a VALUE in '{here}'")
        yield Token(match.lastgroup, match[match.lastgroup])
        position = match.end()


def _several(compare: Compare, tokens: list[Token]) -> Test:
    """Read comparisons up to a closing parenthesis. What RT makes of AND beside OR is nothing to rely on."""
    tests, joined_by = [_one(compare, tokens)], set[str]()
    while tokens and tokens[0].kind == "AGGREGATOR":
        joined_by.add(tokens.pop(0).text.upper())
        tests.append(_one(compare, tokens))
    if len(joined_by) > 1:
        raise bad_request("AND beside OR needs parentheses")
    how = any if joined_by == {"OR"} else all
    return lambda ticket: how(test(ticket) for test in tests)


def _one(compare: Compare, tokens: list[Token]) -> Test:
    if tokens and tokens[0].text == "(":
        tokens.pop(0)
        test = _several(compare, tokens)
        _take(tokens, "PAREN", ")")
        return test
    field = _take(tokens, "KEYWORD").text
    operator = " ".join(_take(tokens, "OPERATOR").text.upper().split())
    return compare(field, operator, _unquoted(_take(tokens, "VALUE").text))


def _take(tokens: list[Token], kind: str, text: str | None = None) -> Token:
    if not tokens:
        raise bad_request(f"Incomplete query, expecting a {kind}")
    token = tokens.pop(0)
    if token.kind != kind or text not in {None, token.text}:
        raise bad_request(f"Wrong query, expecting a {kind}, found '{token.text}'")
    return token


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "'\"" else text


def text_test(operator: str, value: str) -> Callable[[str], bool]:
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


def instant(value: str) -> datetime:
    """Read a moment in the API user's time zone, which here is UTC, or one so many seconds ago: "-90 seconds"."""
    if match := re.fullmatch(r"-(\d+) seconds", value):
        return datetime.now(UTC) - timedelta(seconds=int(match[1]))
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise bad_request(f"Couldn't parse date '{value}'") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
