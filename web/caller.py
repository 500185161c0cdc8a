"""Where a request came from, and from whom: for limits and for the audit trail."""

from typing import Any

from litestar import Request

from auth.client_address import Callers
from auth.principals import Principal, StaffPrincipal
from gateway.records.lines import By


def address_of(request: Request[Any, Any, Any]) -> str:
    callers: Callers = request.app.state.callers
    return callers.address(request.client.host if request.client else "", request.scope["headers"])


def by_member(request: Request[Principal, Any, Any]) -> By:
    return By(f"member/{request.user.member_id}", "portal", address_of(request))


def by_staff(request: Request[StaffPrincipal, Any, Any]) -> By:
    return By(f"staff/{request.user.staff_id}", "portal", address_of(request))
