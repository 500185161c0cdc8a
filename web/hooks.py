"""Where back offices tell us of changes: POST /hooks/{source}. Whoever is refused does not learn why."""

from typing import Any

import structlog
from litestar import Request, Response, post
from litestar.params import FromPath

from auth.clock import utc_now
from auth.guards import FROM_ELSEWHERE, PUBLIC
from connectors.deliveries import Delivery
from connectors.errors import WebhookRefused
from gateway.inbox import Inbox
from gateway.records.database import DatabaseDown

PLACE = "/hooks/"
MOST_BYTES = 256 * 1024

log = structlog.get_logger()


@post(f"{PLACE}{{source:str}}", opt={**PUBLIC, **FROM_ELSEWHERE}, include_in_schema=False)
async def take_delivery(request: Request[Any, Any, Any], source: FromPath[str]) -> Response[bytes]:
    """Answer when it is written down, and not before; what follows from it is done later."""
    inbox: Inbox = request.app.state.inbox
    try:
        await inbox.take(source, await _delivery(request))
    except WebhookRefused as error:
        log.warning("webhook refused", source=source[:63], reason=str(error))
        return Response(b"Refused.\n", status_code=await inbox.refused_status(source), media_type="text/plain")
    except DatabaseDown:
        return Response(b"Not now.\n", status_code=503, headers={"Retry-After": "30"}, media_type="text/plain")
    return Response(b"", status_code=200, media_type="text/plain")


async def _delivery(request: Request[Any, Any, Any]) -> Delivery:
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1")
    return Delivery(
        url=f"{request.app.state.base_url}{path}" + (f"?{query}" if query else ""),
        key=request.query_params.get("key", ""),
        headers=dict(request.headers),
        body=await request.body(),
        received_at=utc_now(),
    )
