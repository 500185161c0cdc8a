"""An invoice's own page, with a button that pays it. Odoo's leads on to a payment provider."""

from datetime import UTC, datetime
from html import escape

from connectors.sandbox.asgi import Request, Response, as_html
from connectors.sandbox.odoo.documents import instant, settle
from connectors.sandbox.odoo.store import Row, Store

BUTTON = "<form method=post><button>Pay</button></form>"


def paying_page(store: Store, row: Row, *headers: tuple[str, str]) -> Response:
    title = f"Invoice {row['name']}"
    currency = store.rows["res.currency"][row["currency_id"]]["name"]
    paid = not row["amount_residual"] or row["state"] != "posted"
    rest = "<p>There is nothing to pay." if paid else f"<p>{currency} {row['amount_residual']:,.2f} to pay.{BUTTON}"
    page = f"<!doctype html>\n<html lang=en>\n<title>{escape(title)}</title>\n<h1>{escape(title)}</h1>\n{rest}\n"
    return Response(200, page.encode(), (("content-type", "text/html; charset=utf-8"), *headers))


def pay(row: Row, request: Request) -> Response:
    """Take the money, and show the page again. The bank has yet to confirm it."""
    settle(row, "in_payment")
    row["write_date"] = instant(datetime.now(UTC))
    return as_html("See Other", 303, ("location", f"{request.base}{request.path}?{request.query}"))
