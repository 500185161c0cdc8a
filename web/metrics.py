"""Where Prometheus asks. There is no such page unless a token is set."""

import hmac
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from auth.guards import PUBLIC
from connectors.config import Secret
from gateway.metrics import CONTENT_TYPE, Metrics
from gateway.records.database import DatabaseDown


@get("/metrics", opt=PUBLIC, include_in_schema=False)
async def get_metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    token: Secret | None = request.app.state.metrics_token
    if token is None:
        raise NotFoundException
    wanted = f"Bearer {token.reveal()}".encode()
    if not hmac.compare_digest(request.headers.get("authorization", "").encode("latin-1"), wanted):
        return _told(b"Not without the token.\n", 401, {"WWW-Authenticate": "Bearer"})
    metrics: Metrics = request.app.state.metrics
    try:
        return Response(await metrics.text(), media_type=CONTENT_TYPE)
    except DatabaseDown:
        return _told(b"Not now.\n", 503, {})


def _told(text: bytes, status: int, headers: dict[str, str]) -> Response[bytes]:
    return Response(text, status_code=status, headers=headers, media_type="text/plain")
