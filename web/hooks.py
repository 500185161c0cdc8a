"""Where back offices tell us of changes: POST /hooks/{source}. Whoever is refused does not learn why."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, post
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.params import FromPath

from auth.clock import utc_now
from auth.guards import FROM_ELSEWHERE, PUBLIC
from connectors.deliveries import Delivery
from gateway.webhooks.intake import Intake
from web.body import Cap

PLACE = "/hooks/"
MOST_BYTES = 256 * 1024
HOOK_CAPS = {PLACE: Cap(MOST_BYTES)}


@post(f"{PLACE}{{source:str}}", opt={**PUBLIC, **FROM_ELSEWHERE}, include_in_schema=False)
async def take_delivery(request: Request[Any, Any, Any], source: FromPath[str]) -> Response[bytes]:
    """Answer when it is written down, and not before; what follows from it is done later."""
    intake: Intake = request.app.state.intake
    try:
        delivery = await _delivery(request)
    except RequestEntityTooLarge:
        await intake.note_too_large(source, utc_now())
        raise
    status = await intake.take(source, delivery)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Response(b"Not now.\n", status_code=status, headers={"Retry-After": "30"}, media_type="text/plain")
    return Response(b"" if status == HTTPStatus.OK else b"Refused.\n", status_code=status, media_type="text/plain")


def note_too_large(intake: Intake) -> Callable[[str], Awaitable[None]]:
    """Count what the edge refuses by its length alone, by the path."""

    async def note(path: str) -> None:
        if path.startswith(PLACE):
            await intake.note_too_large(path.removeprefix(PLACE), utc_now())

    return note


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
