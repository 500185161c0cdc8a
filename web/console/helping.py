"""Help as staff see it: what customers looked for in vain, and what they say of each article."""

from typing import Annotated, Any, Literal

from litestar import Request, Response, get
from litestar.params import Parameter

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.help.overview import rated, searches
from gateway.records.database import Database
from web.console.desk import Paging, desk
from web.console.finding import PageNumber, file_of, titles_of

HELP = "/staff/help"
ARTICLES = f"{HELP}/articles"
PER_PAGE = 50
MOST_IN_FILE = 100_000

Show = Annotated[Literal["", "all"], Parameter(description="All searches, and not only those in vain")]


@get(HELP, opt=for_staff("support"))
async def show_searches(
    request: Request[StaffPrincipal, Any, Any], show: Show = "", page: PageNumber = 1
) -> Response[str]:
    database: Database = request.app.state.database
    found, count = await searches(database, failed=not show, page=page, size=PER_PAGE)
    return desk(
        request,
        "staff_help.html",
        area="requests",
        searches=found,
        show=show,
        paging=Paging(path=HELP, page=page, size=PER_PAGE, count=count, asked={"show": show}),
        is_on=request.app.state.help.is_on,
    )


@get(f"{HELP}.csv", opt=for_staff("support"))
async def download_searches(request: Request[StaffPrincipal, Any, Any], show: Show = "") -> Response[bytes]:
    found, _ = await searches(request.app.state.database, failed=not show, size=MOST_IN_FILE)
    rows = [(each.words, str(each.times), str(each.empty), str(each.unanswered)) for each in found]
    return file_of("searches", ("Words", "Searched", "Nothing found", "Not answered"), rows)


@get(ARTICLES, opt=for_staff("support"))
async def show_articles(request: Request[StaffPrincipal, Any, Any], page: PageNumber = 1) -> Response[str]:
    database: Database = request.app.state.database
    found, count = await rated(database, page, PER_PAGE)
    return desk(
        request,
        "staff_help_articles.html",
        area="requests",
        articles=found,
        titles={**await titles_of(request), "": "Folder"},
        paging=Paging(path=ARTICLES, page=page, size=PER_PAGE, count=count),
    )


@get(f"{ARTICLES}.csv", opt=for_staff("support"))
async def download_articles(request: Request[StaffPrincipal, Any, Any]) -> Response[bytes]:
    found, _ = await rated(request.app.state.database, 1, MOST_IN_FILE)
    rows = [(each.title, each.name, each.origin, str(each.yes), str(each.no)) for each in found]
    return file_of("articles", ("Article", "Name", "Source", "Answered", "Not answered"), rows)


ROUTES = [show_searches, download_searches, show_articles, download_articles]
