"""One HubSpot account as an ASGI app."""

import re
from collections.abc import Callable
from typing import Any

from connectors.sandbox.asgi import App, Request, Response, as_json
from connectors.sandbox.faults import Switch
from connectors.sandbox.hubspot import associations, consent, objects, searching, writing
from connectors.sandbox.hubspot.asking import params_of
from connectors.sandbox.hubspot.errors import HubSpotError, missing_scopes, not_found, unauthenticated
from connectors.sandbox.hubspot.store import Store

Json = dict[str, Any]
Handler = Callable[..., Json | tuple[Json, int]]
PIPELINE_SCOPES = {
    "deals": ["crm.schemas.deals.read", "crm.objects.deals.read"],
    "orders": ["crm.pipelines.orders.read", "crm.objects.orders.read"],
}


def hubspot_app(store: Store, switch: Switch) -> App:
    def answer(request: Request) -> Response:
        if request.path.startswith("/oauth/"):
            return consent.answer(store, request)
        try:
            given = _answer(store, request)
        except HubSpotError as error:
            return as_json(error.body, error.status, "application/json;charset=utf-8")
        body, status = given if isinstance(given, tuple) else (given, 200)
        said = as_json(body, status, "application/json;charset=utf-8")
        limits = () if request.path.endswith("/search") else LIMITS
        return Response(said.status, said.body, said.headers + limits)

    return switch.guard(answer)


def _answer(store: Store, request: Request) -> Json | tuple[Json, int]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    scopes = store.tokens.get(token) if scheme.lower() == "bearer" else None
    if scopes is None:
        raise unauthenticated()
    for method, pattern, handler in ROUTES:
        match = re.fullmatch(pattern, request.path)
        if match and method == request.method:
            _check_scopes(scopes, request, match.groups())
            return handler(store, request, *match.groups())
    raise not_found()


def _check_scopes(scopes: list[str], request: Request, types: tuple[str, ...]) -> None:
    """Each type of object that an address names has a scope. A pipeline may be read by any of several."""
    asks = request.method == "GET" or request.path.endswith(("/read", "/search"))
    for each in types:
        needed = [f"crm.objects.{each}.{'read' if asks else 'write'}"]
        if each == "tickets":
            needed = ["tickets"]  # to read and to write them
        elif "/pipelines/" in request.path:
            needed = PIPELINE_SCOPES.get(each, [])
        if not each.isdigit() and not set(needed) & set(scopes):
            raise missing_scopes(needed)


def _account(store: Store, request: Request) -> Json:
    params_of(request)
    return store.account


def _pipelines(store: Store, request: Request, name: str) -> Json:
    params_of(request)
    if name not in store.pipelines:
        raise not_found()
    return {"results": store.pipelines[name]}


# What HubSpot tells of its limits, but for a search. We never refuse anybody: that is a fault to be switched on.
LIMITS = (
    ("x-hubspot-ratelimit-max", "100"),
    ("x-hubspot-ratelimit-remaining", "99"),
    ("x-hubspot-ratelimit-interval-milliseconds", "10000"),
)
TYPE, KEY = "([a-z_]+)", "([0-9]+)"
ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/account-info/v3/details", _account),
    ("GET", f"/crm/v3/pipelines/{TYPE}", _pipelines),
    ("GET", f"/crm/v3/(owners)/{KEY}", objects.owner),
    ("GET", f"/crm/v3/objects/{TYPE}", objects.listed),
    ("POST", "/crm/v3/objects/(tickets)", writing.make),
    ("GET", f"/crm/v3/objects/{TYPE}/{KEY}", objects.one),
    ("PATCH", f"/crm/v3/objects/{TYPE}/{KEY}", writing.update),
    ("POST", f"/crm/v3/objects/{TYPE}/batch/read", objects.batch),
    ("POST", f"/crm/v3/objects/{TYPE}/search", searching.search),
    ("GET", f"/crm/v4/objects/{TYPE}/{KEY}/associations/{TYPE}", associations.of_one),
    ("POST", f"/crm/v4/associations/{TYPE}/{TYPE}/batch/read", associations.of_many),
]
