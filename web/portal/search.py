"""Search: one question over everything the account has."""

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from connectors.records import Invoice, Order, Record, Ticket
from gateway.account_view import Part
from gateway.home import Item
from gateway.languages import gettext_noop
from gateway.search import finds, words_of
from web.portal.listing import Question
from web.portal.visit import Visit, items_of

MOST = 20  # of one kind; the list of that kind shows the rest


class Found(Struct, frozen=True):
    """What was found of one kind. `path` is the list that has all of it; `label` is translated where it is shown."""

    name: str
    label: str
    path: str
    items: list[Item[Record]]
    count: int

    @property
    def parts(self) -> list[Part]:
        return [item.part for item in self.items]


@get("/search")
async def show_search(visit: NamedDependency[Visit], q: Question = "") -> Response[bytes]:
    parts = await visit.parts("orders")
    words = words_of(q)
    groups = [
        _found(name, label, path, [item for item in items_of(parts, kind) if words and finds(words, item.record)])
        for name, label, path, kind in (
            ("orders", gettext_noop("Orders"), "/orders?show=all&", Order),
            ("invoices", gettext_noop("Invoices"), "/invoices?show=all&", Invoice),
            ("requests", gettext_noop("Requests"), "/requests?show=all&", Ticket),
        )
    ]
    return visit.page(
        "search.html",
        area="search",
        parts=parts,
        about=parts,
        question=q,
        groups=[group for group in groups if group.items],
        asked=bool(words),
        cut=any(part.older for part in parts),
    )


def _found(name: str, label: str, path: str, items: list[Item[Record]]) -> Found:
    newest = sorted(
        items, key=lambda item: item.record.origin.changed_at or item.record.origin.fetched_at, reverse=True
    )
    return Found(name, label, path, newest[:MOST], len(items))
