"""For whoever watches this process: alive, and ready for visitors."""

from typing import Any

from litestar import Request, Response, get
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from gateway.health import Readiness


@get("/healthz", opt={"public": True}, include_in_schema=False, sync_to_thread=False)
def get_healthz() -> dict[str, str]:
    """Say that the process answers. It asks nobody else, so a database that is away restarts nothing."""
    return {"status": "ok"}


@get("/readyz", opt={"public": True}, include_in_schema=False)
async def get_readyz(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
    readiness: Readiness = request.app.state.readiness
    health = await readiness.look()
    return Response(
        {
            "status": "ready" if health.is_ready else "not ready",
            "database": health.database,
            "cache": health.cache,
        },
        status_code=HTTP_200_OK if health.is_ready else HTTP_503_SERVICE_UNAVAILABLE,
    )
