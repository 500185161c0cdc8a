"""Whatever is sent to any address that there is, by an owner or by a customer: no answer is an error of ours.

The JSON side has a description of its own; here every route has one, made of what its function takes. Values that mean
something come from the addresses of all pages, names of fields from the templates.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from litestar import Litestar
from litestar._openapi.plugin import OpenAPIPlugin
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct
from schemathesis.core.result import Ok
from support_door import litestar_of
from support_every_page import DESK, DOORS, MEMBERS_PAGES
from support_portal import BAKERY, Portal
from support_sandbox import RunningSandbox
from support_staff import staff_at

from auth import cookies
from auth.cross_site import FIELD, FORM
from web.errors import AWAY, TRY_AGAIN

# The stricter of the two: it refuses what the other one keeps.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

EXAMPLES = 4  # for each operation
WITHIN = 30  # seconds for one answer
TEMPLATES = Path(__file__).parent.parent / "web" / "templates"
ODD = ("", "0", "-1", "99999999999999999999", "1e9", "2026-02-30", "a\0b", "\u202e\U0001f950", "%", "..", "x" * 2000)
KNOWN = "AnyKnownValue"
ENDLESS = {"/live"}  # one answer that goes on: tests of its own
LAST = ("remove", "delete", "discard", "reset", "usual", "stop", "sign-out", "withdraw")  # what leaves less to try
QUIET = settings(
    max_examples=EXAMPLES,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Sender(Struct, frozen=True):
    """Somebody who is signed in, at a page of ours."""

    name: str
    headers: dict[str, str]


class Tried:
    """What was answered: how often which status, and the first mistake of each operation."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        self.mistakes: dict[str, str] = {}

    def send(self, operation: Any, base_url: str, senders: list[Sender]) -> None:
        """Send what its description says of an operation, and what is odd."""
        with requests.Session() as http:

            @QUIET
            @given(case=operation.as_strategy())
            def send_as_everybody(case: schemathesis.Case[Any]) -> None:
                for who in senders:
                    self._send(case, who, base_url=base_url, session=http)

            send_as_everybody()

    def _send(self, case: schemathesis.Case[Any], who: Sender, **how: Any) -> None:
        label = case.operation.label
        try:
            answer = case.call(**how, headers=who.headers, allow_redirects=False, timeout=WITHIN)
        except requests.RequestException as error:  # it hung up
            status, is_mistake = type(error).__name__, True
        else:
            status, is_mistake = str(answer.status_code), is_our_mistake(answer)
        self.answers[label, status] += 1
        if is_mistake:
            self.mistakes.setdefault(label, f"{status} for the {who.name}: {case.as_curl_command()}")


async def test_no_address_has_an_answer_that_is_our_mistake(
    furnished: Portal, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(HTTPRouteHandler, "resolve_include_in_schema", lambda its: its.http_methods != {"OPTIONS"})
        described = description(litestar_of(furnished.app))
    schema = schemathesis.openapi.from_dict(described)
    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    assert len(operations) == sum(len(methods) for methods in described["paths"].values()), "all can be tried"
    tried = Tried()
    for operation in sorted(operations, key=lambda each: (each.method != "get", each.path.endswith(LAST))):
        senders = await signed_in(furnished, sandbox)
        await asyncio.to_thread(tried.send, operation, furnished.base_url, senders)
    assert not tried.mistakes, "\n".join(tried.mistakes.values())
    let_in = {label for label, status in tried.answers if status not in {"401", "403", "404", "405"}}
    assert len(let_in) > len(operations) // 2, sorted({label for label, _ in tried.answers} - let_in)


async def signed_in(portal: Portal, sandbox: RunningSandbox) -> list[Sender]:
    """Sign in an owner and a customer, and bring back what one of them may have taken away."""
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", *BAKERY)
    owner, member = (await staff_at(portal, "owner")).cookie, await portal.sign_in("maya", "bakery")
    return [await sender(portal, name, cookie) for name, cookie in (("owner", owner), ("member", member))]


async def sender(portal: Portal, name: str, cookie: str) -> Sender:
    session = await portal.sessions.get(cookie)
    assert session
    own = {"Cookie": f"{cookies.SESSION}={cookie}", "X-CSRF-Token": session.csrf_token}
    return Sender(name, {**own, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"})


def is_our_mistake(answer: Any) -> bool:
    """A source may be away; the database is not, and nothing is unexpected."""
    if answer.status_code < 500:
        return False
    return answer.status_code not in {502, 503} or any(each.title in answer.text for each in (AWAY, TRY_AGAIN))


def description(app: Litestar) -> dict[str, Any]:
    """Describe every route by what its function takes, and leave the description that programs get as it is."""
    plugin = copy(app.plugins.get(OpenAPIPlugin))
    plugin.included_routes = {}
    for route in app.routes:
        plugin.receive_route(route)
    schema = plugin.provide_openapi().to_schema()
    for path in ENDLESS:
        del schema["paths"][path]
    fields = sorted(field_names())
    for methods in schema["paths"].values():
        for method, operation in methods.items():
            operation["responses"] = {"default": {"description": ""}}
            if method != "get" and "requestBody" not in operation:
                form = {"type": "object", "propertyNames": {"enum": fields}, "additionalProperties": {"type": "string"}}
                operation["requestBody"] = {"content": {FORM.decode(): {"schema": form}}}
    described: dict[str, Any] = widened(schema)
    described["components"]["schemas"][KNOWN] = {"type": "string", "enum": sorted({*known_values()})}
    return described


def known_values() -> Iterator[str]:
    """Give every part of the addresses of pages, and what is odd."""
    for address in (*MEMBERS_PAGES, *DESK, *DOORS):
        yield from map(unquote, re.split(r"[/?&=]", address))
    yield from ODD


def field_names() -> set[str]:
    named = {name for page in TEMPLATES.glob("*.html") for name in re.findall(r'name="([a-z_]+)"', page.read_text())}
    return named - {FIELD}  # it is in a header


def widened(schema: Any) -> Any:
    """Let every value be one of those that are known, too."""
    if isinstance(schema, list):
        return [widened(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type", "object") not in ("object", "array"):
        return {"anyOf": [{"$ref": f"#/components/schemas/{KNOWN}"}, schema]}
    return {name: widened(each) for name, each in schema.items()}
