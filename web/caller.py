"""Where a request came from, for limits and for the audit trail."""

from typing import Any

from litestar import Request

from auth.client_address import Callers


def address_of(request: Request[Any, Any, Any]) -> str:
    callers: Callers = request.app.state.callers
    return callers.address(request.client.host if request.client else "", request.scope["headers"])
