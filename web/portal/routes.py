"""The customer's pages, and the visit that each of them is given."""

from typing import Any

from litestar import MediaType, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import NotFoundException

from auth.principals import Visiting
from gateway.standing import Standings
from web.leaving import note_left
from web.live import follow
from web.portal.account import show_account, sign_out_elsewhere
from web.portal.again import order_again, show_again
from web.portal.answers import accept_quote, decline_quote, show_accept, show_decline
from web.portal.asked import send_asked, show_asked
from web.portal.asking import ask_for_a_call, choose_topic, send_request, show_form
from web.portal.colleagues import change_colleague, invite, withdraw_invitation
from web.portal.details import (
    check_details,
    edit_details,
    go_to_details,
    send_details,
    show_details,
    take_back_details,
)
from web.portal.documents import show_documents
from web.portal.fitting import go_to_topics, show_fitting
from web.portal.help import answer_article, go_to_article, show_article, show_help
from web.portal.home import show_home
from web.portal.inbox import go_to_message, read_all, show_inbox
from web.portal.invoices import get_invoice_file, show_invoice, show_invoices
from web.portal.languages import take_language
from web.portal.leaving import delete_login, show_leaving
from web.portal.mails import believe_address, choose_mails, go_to_own_details, open_record, show_mails
from web.portal.orders import get_order_file, go_to_order, show_order, show_orders, take_back_order
from web.portal.rating import go_to_rating, rate_request
from web.portal.requests import (
    get_request_file,
    go_to_request,
    move_request,
    send_reply,
    show_request,
    show_requests,
    take_back_reply,
)
from web.portal.search import show_search
from web.portal.sent import correct_sent, go_to_sent, show_sent, take_back_sent
from web.portal.statements import get_sheet, get_table, show_statement
from web.portal.switch import use_account
from web.portal.takeout import download_data
from web.portal.visit import Visit, visit_of
from web.portal.welcome import WELCOME
from web.portal.why import why_invoice, why_order, why_request


class AnotherAccount(NotFoundException):
    """A page asks for news of itself, but the browser has moved to another account meanwhile."""


async def provide_visit(request: Request[Visiting, Any, Any]) -> Visit:
    """Find out what the visitor may see. Raises `AnotherAccount`."""
    account = request.user.account_id or ""
    if request.headers.get("x-account", account) != account:
        raise AnotherAccount
    standings: Standings = request.app.state.standings
    return await visit_of(request, await standings.of(request.user))


def load_anew(_: Request[Any, Any, Any], __: AnotherAccount) -> Response[bytes]:
    """Have the page loaded anew, or leave it as it is where somebody is writing."""
    return Response(b"", headers={"HX-Refresh": "true"}, media_type=MediaType.HTML, status_code=404)


PORTAL = Router(
    path="/",
    route_handlers=[
        show_home,
        show_fitting,
        go_to_topics,
        show_help,
        show_article,
        answer_article,
        go_to_article,
        show_invoices,
        show_invoice,
        get_invoice_file,
        show_statement,
        get_table,
        get_sheet,
        show_requests,
        show_request,
        get_request_file,
        send_reply,
        go_to_request,
        move_request,
        take_back_reply,
        rate_request,
        go_to_rating,
        choose_topic,
        ask_for_a_call,
        show_form,
        send_request,
        show_sent,
        correct_sent,
        take_back_sent,
        go_to_sent,
        show_orders,
        show_order,
        get_order_file,
        show_again,
        order_again,
        show_accept,
        accept_quote,
        show_decline,
        decline_quote,
        go_to_order,
        take_back_order,
        show_documents,
        show_asked,
        send_asked,
        show_search,
        show_account,
        sign_out_elsewhere,
        take_language,
        show_mails,
        choose_mails,
        believe_address,
        open_record,
        go_to_own_details,
        show_inbox,
        go_to_message,
        read_all,
        show_details,
        edit_details,
        check_details,
        send_details,
        go_to_details,
        take_back_details,
        show_leaving,
        delete_login,
        download_data,
        change_colleague,
        invite,
        withdraw_invitation,
        why_order,
        why_invoice,
        why_request,
        use_account,
        *WELCOME,
        note_left,
        follow,
    ],
    dependencies={"visit": Provide(provide_visit)},
    exception_handlers={AnotherAccount: load_anew},
    include_in_schema=False,
)
