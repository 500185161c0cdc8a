"""Everything that customers sent to back offices, as one table: how far each thing is."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import Parameter
from msgspec.structs import asdict

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.finding import PAGE
from gateway.outbox.listing import RequestsWanted, find
from gateway.topics.changes import topics
from web.console.desk import Paging, desk
from web.console.finding import MOST_EXPORTED, Filters, PageNumber, Range, file_of, titles_of, wanted_of
from web.console.matters import REQUESTS
from web.console.request_words import ACTIONS, STATES
from web.redirects import see_other

ALL = f"{REQUESTS}/all"
FORMERLY = "/staff/deliveries/outgoing"


class RequestRange(Range, frozen=True, kw_only=True):
    """Filters as the address has them."""

    topic: str = ""
    account: str = ""

    def asked(self) -> dict[str, str]:
        more = {"topic": self.topic, "account": self.account}
        return super().asked() | {name: value for name, value in more.items() if value}


def requests_of(
    filters: Filters,
    topic: Annotated[str, Parameter(max_length=200)] = "",
    account: Annotated[str, Parameter(max_length=63)] = "",
) -> RequestRange:
    return RequestRange(**asdict(filters), topic=topic, account=account)


RequestFilters = NamedDependency[RequestRange]
FINDING = {"which": Provide(requests_of, sync_to_thread=False)}


@get(ALL, opt=for_staff("support"), dependencies=FINDING)
async def show_all(
    request: Request[StaffPrincipal, Any, Any], which: RequestFilters, page: PageNumber = 1
) -> Response[str]:
    database = request.app.state.database
    found = await find(database, _wanted(request, which), page)
    labels = [each.topic.label for each in await topics(database)]
    if which.topic and which.topic not in labels:
        labels.append(which.topic)
    return desk(
        request,
        "staff_all_requests.html",
        area="requests",
        found=found.found,
        paging=Paging(path=ALL, page=page, size=PAGE, count=found.count, asked=which.asked(), is_more=found.is_more),
        filters=which,
        titles=await titles_of(request),
        topics=labels,
        states=STATES,
        actions=ACTIONS,
    )


@get(f"{ALL}.csv", opt=for_staff("support"), dependencies=FINDING)
async def export_all(request: Request[StaffPrincipal, Any, Any], which: RequestFilters) -> Response[bytes]:
    found = await find(request.app.state.database, _wanted(request, which), 1, size=MOST_EXPORTED)
    head = (
        *("reference", "written", "source", "what", "topic", "account", "account name", "state", "tries", "done"),
        *("number", "last problem"),
    )
    rows = [
        (
            each.reference,
            each.made_at.isoformat(),
            each.source,
            ACTIONS.get(each.action, each.action),
            each.topic or "",
            each.account,
            each.account_name,
            STATES[each.state],
            str(each.tries),
            each.done_at.isoformat() if each.done_at else "",
            each.number or "",
            each.error or "",
        )
        for each in found.found
    ]
    return file_of("requests", head, rows)


@get(FORMERLY, opt=for_staff("support"))
async def lead_to_all(filters: Filters) -> Response[str]:
    """Lead on who kept the address that the table had."""
    return see_other(Paging(path=ALL, page=1, size=PAGE, count=0, asked=filters.asked()).at(1))


def _wanted(request: Request[Any, Any, Any], which: RequestRange) -> RequestsWanted:
    return RequestsWanted(**asdict(wanted_of(request, which)), topic=which.topic, account=which.account)


ROUTES = [show_all, export_all, lead_to_all]
