"""The first page: what is going on, and what must I do."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.di import NamedDependency

from gateway.account_view import Part
from gateway.home import Home, home
from web.portal.visit import Visit, only
from web.words import number


@get("/")
async def show_home(visit: NamedDependency[Visit]) -> Response[str]:
    parts = await visit.parts("orders")
    seen = home(parts, visit.today, visit.profile.last_visit_at)
    invoices = only(parts, "invoices")
    page = visit.page(
        "home.html",
        area="home",
        parts=parts,
        about=parts,
        home=seen,
        headline=_headline(seen, parts, visit),
        since=visit.profile.last_visit_at,
        way_parts=[item.part for item in seen.under_way],
        news_parts=[item.part for item in seen.news],
        invoice_parts=invoices,
        invoices_known=all(part.fetched_at for part in invoices),
        all_open=all(part.all_open for part in invoices),
    )
    visit.keep(page.content.encode(), parts, {"Content-Type": "text/html; charset=utf-8"})
    return page


def _headline(seen: Home, parts: Sequence[Part], visit: Visit) -> str:
    """Say how many things need the customer, and never more than is known."""
    if not visit.is_linked:
        return "You are signed in"
    if not {"invoices", "requests"} & set(visit.areas):  # nothing that they see could need them
        return f"Welcome, {visit.account_name}"
    many = len(seen.needs)
    if many:
        return f"{number(many).capitalize()} {'thing needs' if many == 1 else 'things need'} you"
    known = [part.fetched_at is not None for part in parts]
    if all(known):
        return "Nothing needs you"
    return "Nothing needs you, as far as we can see" if any(known) else "We can’t say yet what needs you"
