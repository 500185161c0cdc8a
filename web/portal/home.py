"""The first page: what is going on, and what must I do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from cache.same import Same
from connectors.records import Record
from gateway.account_view import Part
from gateway.home import Home, Item, home
from gateway.languages import gettext, ngettext, voice
from web.portal.asked_rows import row_of_asked
from web.portal.declined import rows_of_declined
from web.portal.home_rows import rows_of
from web.portal.seen import seen_by
from web.portal.visit import Visit, only
from web.words import number

HTML = "text/html; charset=utf-8"


@get("/")
async def show_home(visit: NamedDependency[Visit]) -> Response[bytes]:
    return await home_page(visit)


async def home_page(visit: Visit) -> Response[bytes]:
    """Make the page, and keep it if it may be given again."""
    parts = await visit.parts("orders")
    today = visit.today
    seen = home(parts, today, visit.profile.last_visit_at)
    invoices = only(parts, "invoices")
    stamps = {id(part): visit.stamps([part]) for part in _parts_of(seen.needs)}
    rows = {id(part): _rows(part, visit) for part in parts}
    page = visit.page(
        "home.html",
        area="home",
        parts=parts,
        about=parts,
        home=seen,
        needs=[(rows[id(item.part)][item.record.origin.id], stamps[id(item.part)]) for item in seen.needs],
        under_way=[rows[id(item.part)][item.record.origin.id] for item in seen.under_way],
        asked=[row_of_asked(each, today) for each in visit.standing.asked],
        declined=rows_of_declined(visit.standing.declined, parts, today),
        headline=_headline(seen, parts, visit),
        since=visit.profile.last_visit_at,
        is_new=visit.profile.is_new,
        mails_come_back=visit.standing.post.address_refused,
        way_stamps=visit.stamps(_parts_of(seen.under_way)),
        news_stamps=visit.stamps(_parts_of(seen.news)),
        invoice_stamps=visit.stamps(invoices),
        has_invoices=bool(invoices),
        notice=_notice(visit),
        invoices_known=all(part.fetched_at for part in invoices),
        all_open=all(part.all_open for part in invoices),
    )
    visit.keep(page.content, parts, {"Content-Type": HTML})
    return page


def _parts_of(items: Iterable[Item[Record]]) -> Iterable[Part]:
    """Give the parts that these came in, each once."""
    return {id(item.part): item.part for item in items}.values()


def _rows(part: Part, visit: Visit) -> Mapping[str, Any]:
    return rows_of(Same(part.records), part.kind, part.source, visit.today, visit.view, voice())


def _notice(visit: Visit) -> tuple[str, str | None] | None:
    """Give what staff say to this customer today, and where it leads."""
    notice = seen_by(visit).notice
    if notice is None or not notice.stands(visit.today):
        return None
    return notice.text, f"/requests/new/{notice.topic}" if notice.topic and visit.desks else None


def _headline(seen: Home, parts: Sequence[Part], visit: Visit) -> str:
    """Say how many things need the customer, and never more than is known."""
    if not visit.is_linked:
        return gettext("You are signed in")
    many = len(seen.needs) + len(visit.standing.asked) + len(visit.standing.declined)
    if not many and not {"invoices", "requests"} & set(visit.areas):  # nothing that they see could need them
        return gettext("Welcome, {account}", account=visit.account_name)
    if many:
        return ngettext("{n} thing needs you", "{n} things need you", many, n=number(many).capitalize())
    known = [part.fetched_at is not None for part in parts]
    if all(known):
        return gettext("Nothing needs you")
    if any(known):
        return gettext("Nothing needs you, as far as we can see")
    return gettext("We can’t say yet what needs you")
