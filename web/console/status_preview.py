"""What a customer would read with the draft: what is on their first page, looked at by staff before it is true."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import Parameter

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.access import whole_of
from gateway.account_view import AccountViews
from gateway.dictionary.overview import with_words
from gateway.dictionary.versions import DICTIONARIES
from web.caller import by_staff
from web.console.desk import desk
from web.console.previewing import first_page
from web.console.publishing import WRITES
from web.console.statuses import STATUSES
from web.view import View

PREVIEW = f"{STATUSES}/preview"


@get(PREVIEW, opt=for_staff(WRITES))
async def show_preview(
    request: Request[StaffPrincipal, Any, Any], account: Annotated[str, Parameter(max_length=63)] = ""
) -> Response[str]:
    """Show an account's first page with the draft, as somebody sees it who sees all of it. Each look is audited."""
    state = request.app.state
    draft = await DICTIONARIES.draft(state.database)
    name = account.strip()
    scope = await whole_of(state.database, name) if name else None
    needs: list[Any] = []
    under_way: list[Any] = []
    if scope:
        await DICTIONARIES.note_preview(
            state.database, trail=state.trail, by=by_staff(request), account=scope.account_id
        )
        views: AccountViews = state.account_views
        view: View = state.view
        looked = await views.of(scope)
        looked.offices = with_words(looked.offices, draft.wanted)
        seen = await first_page(looked, view)
        needs, under_way = seen.needs, seen.under_way
    return desk(
        request,
        "staff_status_preview.html",
        area="statuses",
        asked=name,
        called=scope.account_name if scope else None,
        is_draft=draft.content is not None,
        needs=needs,
        under_way=under_way,
    )


ROUTES = [show_preview]
