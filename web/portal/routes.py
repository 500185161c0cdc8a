"""The customer's pages, and the visit that each of them is given."""

from typing import Any

from litestar import Request, Router
from litestar.di import Provide

from auth.principals import Principal
from gateway.access import accounts_of, scope_of
from gateway.account_view import AccountViews
from gateway.profile import profile_of
from gateway.records.database import Database
from web.leaving import note_left
from web.portal.account import show_account, sign_out_elsewhere
from web.portal.documents import show_documents
from web.portal.home import show_home
from web.portal.invoices import get_invoice_file, show_invoice, show_invoices
from web.portal.orders import get_order_file, show_order, show_orders
from web.portal.requests import get_request_file, show_request, show_requests
from web.portal.search import show_search
from web.portal.switch import use_account
from web.portal.visit import Visit


async def provide_visit(request: Request[Principal, Any, Any]) -> Visit:
    """Find out what the visitor may see, anew for each page: a right that was taken is gone at once."""
    database: Database = request.app.state.database
    user = request.user
    scope = await scope_of(database, user.member_id, user.account_id) if user.account_id else None
    profile = await profile_of(database, user.member_id, user.session)
    views: AccountViews = request.app.state.account_views
    records = await views.of(scope) if scope else None
    return Visit(request, scope, profile, await accounts_of(database, user.member_id), records)


PORTAL = Router(
    path="/",
    route_handlers=[
        show_home,
        show_invoices,
        show_invoice,
        get_invoice_file,
        show_requests,
        show_request,
        get_request_file,
        show_orders,
        show_order,
        get_order_file,
        show_documents,
        show_search,
        show_account,
        sign_out_elsewhere,
        use_account,
        note_left,
    ],
    dependencies={"visit": Provide(provide_visit)},
    include_in_schema=False,
)
