"""The portal pages that a token opens: invoices and orders, as PDF too, delivery slips, attachments as they are."""

import re
from urllib.parse import quote

from connectors.sandbox.asgi import Request, Response, as_html
from connectors.sandbox.odoo.paying import pay, paying_page
from connectors.sandbox.odoo.store import Row, Store
from connectors.sandbox.pdf import one_page

DOCUMENTS = {"invoices": ("account.move", "Invoice"), "orders": ("sale.order", "Order")}
PORTAL_PARAMS = {"access_token", "report_type", "download"}
CONTENT_PARAMS = {"access_token", "download"}
# A client that keeps cookies would carry one customer's session to the next.
COOKIE = ("set-cookie", "session_id=c00kie-of-the-sandbox; HttpOnly; Path=/")


def answer_page(store: Store, request: Request) -> Response:
    pays = request.method == "POST" and request.path.startswith("/my/invoices/")
    if request.method != "GET" and not pays:
        return as_html("405 Method Not Allowed", 405)
    if match := re.fullmatch(r"/my/(invoices|orders)/(\d+)", request.path):
        return _document(store, request, match[1], int(match[2]))
    if match := re.fullmatch(r"/my/picking/pdf/(\d+)", request.path):
        return _slip(store, request, int(match[1]))
    if match := re.fullmatch(r"/web/content/(\d+)", request.path):
        return _content(store, request, int(match[1]))
    return as_html("404 Not Found", 404)


def _document(store: Store, request: Request, kind: str, row_id: int) -> Response:
    params = dict(request.params)
    if not params.keys() <= PORTAL_PARAMS:
        return as_html("400 Bad Request", 400)
    model, word = DOCUMENTS[kind]
    row = store.rows[model].get(row_id)
    if row is None or not _opens(row, params):
        return as_html("Redirecting...", 303, ("location", "/my"))
    if kind == "invoices" and request.method == "POST":
        return pay(row, request)
    if params.get("report_type") != "pdf":
        return paying_page(store, row, COOKIE) if kind == "invoices" else as_html(f"{word} {row['name']}", 200, COOKIE)
    name = f"{str(row['name']).replace('/', '_')}.pdf"
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(200, one_page(_text(store, row, word)), _file_headers("application/pdf", disposition))


def _slip(store: Store, request: Request, row_id: int) -> Response:
    """A delivery's paper opens with the token of its order."""
    row = store.rows["stock.picking"].get(row_id)
    order = store.rows["sale.order"][row["sale_id"]] if row else None
    if row is None or order is None or not _opens(order, dict(request.params)):
        return as_html("404 Not Found", 404)
    about = [f"Kestrel & Moor - Delivery slip {row['name']}", f"Order {order['name']}"]
    return Response(200, one_page(about), (("content-type", "application/pdf"), COOKIE))


def _content(store: Store, request: Request, row_id: int) -> Response:
    params = dict(request.params)
    if not params.keys() <= CONTENT_PARAMS:
        return as_html("400 Bad Request", 400)
    row = store.rows["ir.attachment"].get(row_id)
    if row is None or not _opens(row, params):
        return as_html("404 Not Found", 404)
    disposition = f"attachment; filename*=UTF-8''{quote(row['name'])}"
    return Response(200, row["datas"], _file_headers(row["mimetype"], disposition))


def _opens(row: Row, params: dict[str, str]) -> bool:
    return bool(row.get("access_token")) and params.get("access_token") == row["access_token"]


def _file_headers(media_type: str, disposition: str) -> tuple[tuple[str, str], ...]:
    return ("content-type", media_type), ("content-disposition", disposition), COOKIE


def _text(store: Store, row: Row, word: str) -> list[str]:
    lines = store.rows["account.move.line" if word == "Invoice" else "sale.order.line"]
    shown = [lines[line] for line in row["invoice_line_ids" if word == "Invoice" else "order_line"]]
    currency = store.rows["res.currency"][row["currency_id"]]["name"]
    return [
        f"Kestrel & Moor - {word} {row['name']}",
        store.display_name("res.partner", store.rows["res.partner"][row["partner_id"]]),
        f"Due {row['invoice_date_due']}" if row.get("invoice_date_due") else "",
        "",
        *(f"{line['name']}   {line.get('price_total') or ''}" for line in shown),
        "",
        f"Total {currency} {row['amount_total']:,.2f}",
    ]
