"""One account: its people with what they may see, its links with their proofs, and what each source has for it."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import VIEW_AS, StaffPrincipal
from gateway.counterparts import counterparts_of
from gateway.dossiers import MOST, Dossier, dossier_of, note_looked_up
from gateway.holdings import holdings_of
from gateway.identity.mailboxes import is_plain
from gateway.publishing import names_of
from gateway.records.database import Database
from gateway.rights import AREAS, REACHES
from web.caller import by_staff
from web.console.customers import CUSTOMERS
from web.console.desk import desk
from web.console.finding import titles_of
from web.console.invited_words import fate_of

ACCOUNT = f"{CUSTOMERS}/{{account:str}}"
BUDGET = 0.8  # seconds that the page waits for counts nobody asked for yet
AREA_NAMES = {"orders": "Orders", "invoices": "Invoices", "requests": "Requests", "documents": "Files"}
REACH_NAMES = {"none": "Nothing", "own": "What names them", "company": "All of the company’s"}
KIND_NAMES = {"orders": "Orders", "invoices": "Invoices", "tickets": "Requests"}
COUNTED = {"orders": ("order", "orders"), "invoices": ("invoice", "invoices"), "tickets": ("request", "requests")}
HOW = {"matched": "matched by facts", "invited": "came by invitation", "decided": "decided by staff"}
DONE = {
    "linked": "Linked.",
    "same": "That was so already.",
    "unlinked": "The link is taken away.",
    "rights": "Saved. It counts at once.",
    "disabled": "Disabled, and signed out everywhere.",
    "enabled": "They may sign in again.",
    "signed-out": "Signed out everywhere.",
    "removed": "They act for this account no longer.",
    "invited": "Invited.",
    "mailed": "The mail is on its way.",
    "stopped": "No mail goes to them: they want none about invitations. The invitation itself works.",
    "withdrawn": "Taken back.",
    "forgotten": "Erased, with all that was kept of the address.",
    "came": "Nothing was erased: somebody has come with this address. Erase them among the people.",
    "merged": "Merged. All that was theirs is here now.",
    "split": "Split. This is an account of its own now.",
}
Done = Annotated[str, QueryParameter(max_length=20, description="What was just done")]


@get(ACCOUNT, opt=for_staff("support"))
async def show_account(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], done: Done = ""
) -> Response[str]:
    """Show an account. Each look is in the audit trail."""
    return await account_page(request, account, done=done)


async def account_page(
    request: Request[StaffPrincipal, Any, Any],
    account: str,
    *,
    done: str = "",
    status_code: int = 200,
    problem: str | None = None,
    at: str = "",
    written: Mapping[str, str] | None = None,
) -> Response[str]:
    """Make the page. `problem` is shown at the form `at`, which keeps what was `written`."""
    state = request.app.state
    database: Database = state.database
    dossier = await dossier_of(database, account, utc_now())
    if dossier is None:
        raise NotFoundException
    await note_looked_up(database, account, trail=state.trail, by=by_staff(request))
    holdings = await holdings_of(database, state.account_views, account, budget=BUDGET)
    titles = await titles_of(request)
    async with database.read() as session:
        looks_after = (await counterparts_of(session, [account], utc_now())).get(account, ())
    return desk(
        request,
        "staff_account.html",
        area="customers",
        status_code=status_code,
        account=dossier,
        cut=dossier.people_count > MOST,
        holdings=holdings,
        sources=sorted(titles.items()),
        titles=titles,
        areas=[(area, AREA_NAMES[area]) for area in AREAS],
        reaches=[(reach, REACH_NAMES[reach]) for reach in REACHES],
        reach_names=REACH_NAMES,
        area_names=AREA_NAMES,
        deciders=await names_of(
            database, {*(each.decided_by for each in dossier.links), *(each.who for each in dossier.moves)}
        ),
        kind_names=KIND_NAMES,
        counted=COUNTED,
        how=HOW,
        done=DONE.get(done),
        fate_of=fate_of,
        looks_after=looks_after,
        problem=problem,
        at=at,
        written=written or {},
        sends_mails=state.mails.is_on,
        can_write_to=is_plain,
        may_view=request.user.reaches(VIEW_AS),
        may_audit=request.user.reaches("admin"),
        may_change=request.user.reaches("admin") and dossier.merged_into is None,
        base=address_of_account(dossier),
    )


def address_of_account(dossier: Dossier) -> str:
    return f"{CUSTOMERS}/{dossier.id}"


ROUTES = [show_account]
