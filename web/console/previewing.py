"""A customer's first page as staff see it before something is true of it: read only, and without ways to anywhere."""

import re
from typing import Any

import minijinja
from msgspec import Struct

from cache.same import Same
from gateway.account_view import AccountView
from gateway.home import Home, Item, home
from gateway.languages import voice
from web.portal.home_rows import rows_of
from web.view import View

LINKED = re.compile(r'(<a\b[^>]*?)\shref="[^"]*"')  # links lead to pages that are not staff's


class FirstPage(Struct, frozen=True):
    """`needs` and `under_way` are rows as customers read them."""

    home: Home
    needs: list[Any]
    under_way: list[Any]


async def first_page(looked: AccountView, view: View) -> FirstPage:
    today = view.today()
    parts = await looked.parts(("orders", "invoices", "tickets"))
    rows = {id(part): rows_of(Same(part.records), part.kind, part.source, today, view, voice()) for part in parts}

    def shown(item: Item[Any]) -> Any:  # noqa: ANN401  # the library's marked text has no type of its own
        return minijinja.safe(LINKED.sub(r"\1", str(rows[id(item.part)][item.record.origin.id])))

    seen = home(parts, today, None)
    return FirstPage(seen, list(map(shown, seen.needs)), list(map(shown, seen.under_way)))
