"""What to ask for: every route that the application has, filled with every form of id."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from litestar import Litestar
from msgspec import Struct
from support_leak_world import (
    ARCHIVE,
    ARCHIVED,
    COMPANIES,
    DESK,
    EACH,
    INVOICES,
    ORDERS,
    TICKETS,
    WANDERERS,
    owner_of,
    person_of,
)
from support_sent import ASKED

BASES = {("orders", "odoo"): ORDERS, ("invoices", "odoo"): INVOICES, ("requests", "odoo"): TICKETS}
BASES[("requests", "desk")] = DESK
SOURCES = ("east", "west", "desk")
PAPERS = tuple(f"{company}-{state}" for company in (*COMPANIES, "x") for state in ASKED)
GHOST = 70  # so many places behind the last record there is nothing
OTHER_METHODS = ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get")
OURS = {"visit", "request", "scope", "data", "source", "record", "file", "name", "path", "provider"}  # no query
ALWAYS = ("account", "customer", "member", "user", "scope", "id", "format")  # parameters that nobody should heed

# Every form in which somebody might write an id, as it goes into the path.
FORMS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "encoded": lambda text: "".join(f"%{ord(letter):02x}" for letter in text),
    "twice": lambda text: "".join(f"%25{ord(letter):02x}" for letter in text),
    "upper": str.upper,
    "zero": lambda text: f"0{text}",
    "plus": lambda text: f"+{text}",
    "minus": lambda text: f"-{text}",
    "point": lambda text: f"{text}.0",
    "power": lambda text: f"{text}e0",
    "hex": lambda text: hex(int(text)) if text.isdigit() else text.title(),
    "space": lambda text: f"{text}%20",
    "space before": lambda text: f"%20{text}",
    "tab": lambda text: f"{text}%09",
    "line": lambda text: f"{text}%0a",
    "header": lambda text: f"{text}%0d%0aX-Account:%20birch",
    "nul": lambda text: f"{text}%00",
    "wide": lambda text: quote("".join(chr(ord(letter) + 0xFEE0) for letter in text)),
    "arabic": lambda text: quote("".join(chr(0x660 + int(letter)) if letter.isdigit() else letter for letter in text)),
    "not utf-8": lambda text: f"{text}%ff",
    "joiner": lambda text: quote(f"{text}\u200d"),
    "up": lambda text: f"../{text}",
    "up encoded": lambda text: f"%2e%2e%2f{text}",
    "up and back": lambda text: f"x/../{text}",
    "backslash": lambda text: f"..%5c{text}",
    "slash": lambda text: f"{text}/",
    "slashes": lambda text: f"/{text}",
    "slash encoded": lambda text: f"{text}%2f",
    "dot": lambda text: f"./{text}",
    "question": lambda text: f"{text}%3faccount=birch",
    "hash": lambda text: f"{text}%23",
    "semicolon": lambda text: f"{text};account=birch",
    "json": lambda text: f"{text}.json",
    "list": lambda text: f"{text},{text}",
    "array": lambda text: quote(f"[{text}]"),
    "object": lambda text: quote(f'{{"id":{text}}}'),
    "sql": lambda text: quote(f"{text}' OR '1'='1"),
    "sql comment": lambda text: quote(f"{text}--"),
    "rt query": lambda text: quote(f"{text} OR id > 0"),
    "odoo domain": lambda text: quote(f'{text}"],["id",">",0'),
    "template": lambda text: quote("{{" + text + "}}"),
    "any": lambda _: "*",
    "percent": lambda _: "%25",
    "long": lambda text: text * 600,
    "empty": lambda _: "",
    "null": lambda _: "null",
}


class Route(Struct, frozen=True):
    """`query` are the names of its parameters. `public` and `staff` (the least role) are its own words."""

    path: str
    methods: tuple[str, ...]
    query: tuple[str, ...]
    public: bool
    staff: str | None

    @property
    def area(self) -> str | None:
        """Which kind of record it is about."""
        return next((area for area in ("orders", "invoices", "requests") if f"/{area}/" in self.path), None)


class Target(Struct, frozen=True):
    """Where to ask, as it is sent. `owner`: of the record that is named plainly; None where there is none."""

    path: str
    route: Route | None
    owner: str | None = None
    person: str | None = None  # whose own it is there
    is_plain: bool = False


def routes_of(app: Any) -> list[Route]:
    """Read the routes from the application itself, so that one that is added is crawled without being listed."""
    while not isinstance(app, Litestar):
        app = app._app
    found = []
    for route in app.routes:
        handlers = getattr(route, "route_handlers", None) or [route.route_handler]  # type: ignore[union-attr]
        for handler in handlers:
            methods = tuple(sorted(getattr(handler, "http_methods", ("GET",))))
            if methods == ("OPTIONS",):
                continue
            names = tuple(name for name in handler.parsed_fn_signature.parameters if name not in OURS)
            public, staff = handler.opt.get("public") is True, handler.opt.get("staff")
            found.append(Route(str(route.path_format), methods, names, public, staff))
    return sorted(found, key=lambda route: (route.path, route.methods))


def owner(area: str | None, source: str, number: int) -> str | None:
    """Say whose record that is; None where there is no such record."""
    base = BASES.get((area or "", "desk" if source == "desk" else "odoo"))
    if base is not None and 0 < number - base <= 2 * EACH:
        return owner_of(source, number - base)
    if area == "requests" and source == "desk" and 0 <= number - ARCHIVE < 2 * ARCHIVED:
        return COMPANIES[(number - ARCHIVE) // ARCHIVED]
    return None


def person(area: str | None, source: str, number: int) -> str | None:
    """Say whose own that record is in its company; at the desk each is somebody's."""
    base = BASES.get((area or "", "desk" if source == "desk" else "odoo"), 0)
    if source == "desk":
        return "kim" if 0 < number - base <= 2 * EACH and person_of(number - base) == "kim" else "sam"
    return person_of(number - base)


def numbers(area: str, source: str) -> Iterator[int]:
    """Count through the records of both companies, without those that change hands."""
    base = BASES.get((area, "desk" if source == "desk" else "odoo"))
    if base is not None:
        yield from (base + place for place in range(1, 2 * EACH + 1) if base + place not in WANDERERS)


def ghost(area: str, source: str, rng: random.Random) -> int:
    """Give an id of the same length that no record has."""
    base = BASES.get((area, "desk" if source == "desk" else "odoo"), DESK)
    return base + GHOST + rng.randrange(8)


def fill(route: Route, rng: random.Random, files: list[str]) -> Target:
    """Name something by a route's path: mostly a record that is there, in one form or another."""
    source = rng.choice(SOURCES) if rng.random() < 0.95 else rng.choice(("EAST", "east%20", "nowhere", "%65ast", ".."))
    known = list(numbers(route.area or "orders", source))
    number = (
        rng.choice(known) if known and rng.random() < 0.8 else rng.choice(list(BASES.values())) + rng.randrange(-3, 40)
    )
    if number in WANDERERS:
        number += GHOST
    form = "plain" if rng.random() < 0.4 else rng.choice(list(FORMS))
    file = FORMS["plain" if rng.random() < 0.8 else form](rng.choice(files))
    words = {"source": source, "record": FORMS[form](str(number)), "file": file}
    words |= {
        "account": FORMS[form](rng.choice(COMPANIES)),
        "provider": rng.choice(("main", "x")),
        "name": "x.css",
        "topic": rng.choice(("order", "dispute", "call-back", FORMS[form]("order"))),
        "document": FORMS["plain" if rng.random() < 0.8 else form](rng.choice(PAPERS)),
        "handed": FORMS[form](str(number)),
        "path": FORMS[form]("openapi.json"),
    }
    path = route.path
    for name, value in words.items():
        path = path.replace(f"{{{name}}}", value)
    if form == "plain" and "{record}" in route.path:
        whose, who = owner(route.area, source, number), person(route.area, source, number)
        return Target(path, route, whose, who, is_plain=source in SOURCES)
    return Target(path, route)


def question(route: Route, rng: random.Random, cursors: list[str]) -> str:
    """Write a query string, with parameters that the route has and some that no route should heed."""
    values = {
        "q": ("mixer", "zq", "SO-10", "Hums", "a b c", "%27%20OR%201=1--", "%00", "x" * 300),
        "show": ("all", "open", "paid", "to-pay", "solved", "ALL"),
        "page": ("1", "2", "3", "-1", "999999", "x"),
        "depth": ("1", "2", "3", "50", "0"),
        "limit": ("1", "3", "200", "0", "x"),
        "about": tuple(f"{source}/orders/{number}" for source in SOURCES for number in numbers("orders", source)),
        "after": (*cursors[-20:], "x", "", "%00"),
    }
    pairs = [
        f"{name}={rng.choice(values.get(name, ('alder', 'birch', '30', '1')))}"
        for name in (*route.query, *rng.sample(ALWAYS, 2))
        if rng.random() < (0.5 if name in route.query else 0.1)
    ]
    return "?" + "&".join(pairs) if pairs else ""
