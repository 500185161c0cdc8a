"""What a customer would read with the draft: what is on their first page, looked at by staff before it is true."""

import re
from typing import Annotated, Any

import minijinja
from litestar import Request, Response, get
from litestar.params import Parameter

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from cache.same import Same
from gateway.access import whole_of
from gateway.account_view import AccountViews
from gateway.dictionary.draft import read_draft
from gateway.dictionary.overview import with_words
from gateway.dictionary.versions import note_preview
from gateway.home import Item, home
from web.caller import by_staff
from web.console.desk import desk
from web.console.statuses import STATUSES, WRITES
from web.portal.home_rows import rows_of
from web.view import View

PREVIEW = f"{STATUSES}/preview"
LINKED = re.compile(r'(<a\b[^>]*?)\shref="[^"]*"')  # links lead to pages that are not staff's


@get(PREVIEW, opt=for_staff(WRITES))
async def show_preview(
    request: Request[StaffPrincipal, Any, Any], account: Annotated[str, Parameter(max_length=63)] = ""
) -> Response[str]:
    """Show an account's first page with the draft, as somebody sees it who sees all of it. Each look is audited."""
    state = request.app.state
    draft = await read_draft(state.database)
    name = account.strip()
    scope = await whole_of(state.database, name) if name and "\0" not in name else None
    needs: list[Any] = []
    under_way: list[Any] = []
    if scope:
        await note_preview(state.database, trail=state.trail, by=by_staff(request), account=scope.account_id)
        views: AccountViews = state.account_views
        view: View = state.view
        today = view.today()
        looked = await views.of(scope)
        looked.offices = with_words(looked.offices, draft.wanted)
        parts = await looked.parts(("orders", "invoices", "tickets"))
        rows = {id(part): rows_of(Same(part.records), part.kind, part.source, today, view) for part in parts}

        def shown(item: Item[Any]) -> Any:  # noqa: ANN401  # the library's marked text has no type of its own
            return minijinja.safe(LINKED.sub(r"\1", str(rows[id(item.part)][item.record.origin.id])))

        seen = home(parts, today, None)
        needs, under_way = list(map(shown, seen.needs)), list(map(shown, seen.under_way))
    return desk(
        request,
        "staff_status_preview.html",
        area="statuses",
        asked=name,
        called=scope.account_name if scope else None,
        is_draft=draft.words is not None,
        needs=needs,
        under_way=under_way,
    )


ROUTES = [show_preview]
