"""One account of Zendesk Support as an ASGI app. Each address may end with `.json`."""

import base64
import re
from collections.abc import Callable
from hmac import compare_digest

from connectors.sandbox.asgi import App, Request, Response, as_json
from connectors.sandbox.faults import Switch
from connectors.sandbox.zendesk import consent, files, help_center, incremental, people, tickets, uploads, webhooks
from connectors.sandbox.zendesk.errors import ZendeskError, not_found, unauthorized
from connectors.sandbox.zendesk.store import Store
from connectors.sandbox.zendesk.writer import Writer

# What Zendesk tells of its limits. We never refuse anybody: that is a fault to be switched on.
LIMITS = (("x-rate-limit", "700"), ("x-rate-limit-remaining", "699"))
Handler = Callable[[Store, Writer, Request, str], Response]


def zendesk_app(store: Store, switch: Switch) -> App:
    def answer(request: Request) -> Response:
        try:
            said = _answer(store, request)
        except ZendeskError as error:
            said = as_json(error.body, error.status)
            said = Response(said.status, said.body, said.headers + error.headers)
        return Response(said.status, said.body, said.headers + LIMITS, said.changed)

    return switch.guard(answer)


def _answer(store: Store, request: Request) -> Response:
    if request.path.startswith(f"{files.HOST}/"):
        return files.content(store, request)
    if said := consent.answer(store, request):
        return said
    path = request.path.removesuffix(".json")
    for pattern, methods, handler in ROUTES:
        if (match := re.fullmatch(pattern, path)) and request.method in methods:
            if handler is not people.myself or "authorization" in request.headers:
                _check_credentials(store, request)
            return handler(store, Writer(store, request.base), request, "".join(match.groups()))
    _check_credentials(store, request)
    raise not_found()


def _check_credentials(store: Store, request: Request) -> None:
    """Want `{email}/token:{api_token}`, or an access token of a consent that still counts."""
    wanted = base64.b64encode(f"{store.email}/token:{store.token}".encode())
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given in store.bearers:
        return
    if scheme.lower() != "basic" or not compare_digest(given.encode("latin-1"), wanted):
        raise unauthorized()


ROUTES: list[tuple[str, tuple[str, ...], Handler]] = [
    (r"/api/v2/users/me", ("GET",), people.myself),
    (r"/api/v2/users/search", ("GET",), people.search_users),
    (r"/api/v2/users/(\d+)", ("GET", "PUT"), people.user),
    (r"/api/v2/users/(\d+)/identities", ("GET",), people.identities),
    (r"/api/v2/users/(\d+)/organization_memberships", ("GET",), people.memberships),
    (r"/api/v2/users/(\d+)/tickets/requested", ("GET",), tickets.of_requester),
    (r"/api/v2/organizations", ("GET",), people.organizations),
    (r"/api/v2/organizations/show_many", ("GET",), people.several_organizations),
    (r"/api/v2/organizations/autocomplete", ("GET",), people.complete_organizations),
    (r"/api/v2/organizations/(\d+)", ("GET",), people.organization),
    (r"/api/v2/organizations/(\d+)/tickets", ("GET",), tickets.of_organization),
    (r"/api/v2/tickets", ("GET", "POST"), tickets.tickets),
    (r"/api/v2/tickets/(\d+)", ("GET", "PUT"), tickets.ticket),
    (r"/api/v2/tickets/(\d+)/tags", ("GET", "PUT", "DELETE"), tickets.tags),
    (r"/api/v2/tickets/(\d+)/audits", ("GET",), tickets.audits),
    (r"/api/v2/tickets/(\d+)/comments", ("GET",), tickets.comments),
    (r"/api/v2/uploads", ("POST",), uploads.upload),
    (r"/api/v2/incremental/tickets/cursor", ("GET",), incremental.tickets),
    (r"/api/v2/help_center/articles", ("GET",), help_center.articles),
    (r"/api/v2/webhooks", ("GET", "POST"), webhooks.webhooks),
    (r"/api/v2/webhooks/([A-Za-z0-9]+)/signing_secret", ("GET",), webhooks.signing_secret),
    (r"/attachments/token/([A-Za-z0-9]+)/", ("GET",), files.attachment),
]
