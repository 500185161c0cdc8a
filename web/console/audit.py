"""The audit trail: who did what to which record and setting, and up to where the chain holds."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, Parameter
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.audit_search import LinesFound, LinesWanted, NoLine, find_lines, look_at_line, note_export
from gateway.finding import PAGE
from gateway.upkeep import Upkeep
from web.caller import by_staff
from web.console.desk import Paging, desk
from web.console.finding import MOST_EXPORTED, PageNumber, day_of, file_of
from web.redirects import see_other

AUDIT = "/staff/audit"


class Asked(Struct, frozen=True, kw_only=True):
    """The filters of an address."""

    who: str
    what: str
    account: str
    since: str
    until: str

    def given(self) -> dict[str, str]:
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value}


def asked_of(
    *,
    who: Annotated[str, Parameter(max_length=100)] = "",
    what: Annotated[str, Parameter(max_length=40)] = "",
    account: Annotated[str, Parameter(max_length=63)] = "",
    since: Annotated[str, Parameter(max_length=10)] = "",
    until: Annotated[str, Parameter(max_length=10)] = "",
) -> Asked:
    return Asked(who=who.strip(), what=code_of(what), account=account.strip(), since=since, until=until)


FILTERS = {"asked": Provide(asked_of, sync_to_thread=False)}


@get(AUDIT, opt=for_staff("admin"), dependencies=FILTERS)
async def show_audit(
    request: Request[StaffPrincipal, Any, Any], asked: NamedDependency[Asked], page: PageNumber = 1
) -> Response[str]:
    """List lines without what is personal in them."""
    upkeep: Upkeep = request.app.state.upkeep
    found = await _find(request, asked, page)
    return desk(
        request,
        "staff_audit.html",
        area="audit",
        found=found,
        asked=asked,
        paging=Paging(path=AUDIT, page=page, size=PAGE, count=found.count, asked=asked.given()),
        json=Paging(path=f"{AUDIT}.json", page=1, size=PAGE, count=0, asked=asked.given()).at(1),
        check=await upkeep.progress("audit"),
        said=said,
        named=_named,
        instant_of=datetime.fromisoformat,
    )


@post(f"{AUDIT}/check", opt=for_staff("admin"))
async def check_now(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Have the chain checked from its beginning. Where that is under way already, nothing is done."""
    upkeep: Upkeep = request.app.state.upkeep
    await upkeep.begin("audit", trail=request.app.state.trail, by=by_staff(request))
    return see_other(AUDIT)


@get(f"{AUDIT}/check", opt=for_staff("admin"))
async def lead_back(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:  # noqa: ARG001  # it is asked for nothing
    """Lead whoever loads the address of the form to the page that it is on."""
    return see_other(AUDIT)


@get(f"{AUDIT}/lines/{{number:int}}", opt=for_staff("admin"))
async def show_line(request: Request[StaffPrincipal, Any, Any], number: FromPath[int]) -> Response[str]:
    """Show a line with what is personal in it. Each look is a line itself."""
    state = request.app.state
    try:
        told = await look_at_line(state.database, state.vault, number, trail=state.trail, by=by_staff(request))
    except NoLine as error:
        raise NotFoundException from error
    return desk(request, "staff_audit_line.html", area="audit", line=told, shown=_shown, said=said)


@get(f"{AUDIT}.csv", opt=for_staff("admin"), dependencies=FILTERS)
async def export_csv(request: Request[StaffPrincipal, Any, Any], asked: NamedDependency[Asked]) -> Response[bytes]:
    found = await _export(request, asked, "csv")
    head = ("number", "at", "what", "who", "via", "about", "account", "details", "hash")
    rows = [
        (
            str(each.number),
            each.at,
            each.what,
            each.who,
            each.via,
            each.about,
            each.account or "",
            msgspec.json.encode(each.details).decode(),
            each.hash,
        )
        for each in found.found
    ]
    return file_of("audit", head, rows)


@get(f"{AUDIT}.json", opt=for_staff("admin"), dependencies=FILTERS)
async def export_json(request: Request[StaffPrincipal, Any, Any], asked: NamedDependency[Asked]) -> Response[bytes]:
    found = await _export(request, asked, "json")
    headers = {"Content-Disposition": 'attachment; filename="audit.json"'}
    return Response(msgspec.json.encode(found.found), media_type="application/json", headers=headers)


async def _find(request: Request[Any, Any, Any], asked: Asked, page: int, size: int = PAGE) -> LinesFound:
    wanted = LinesWanted(
        who=asked.who,
        what=asked.what,
        account=asked.account,
        since=day_of(request, asked.since),
        until=day_of(request, asked.until, days=1),
    )
    return await find_lines(request.app.state.database, wanted, page, size=size)


async def _export(request: Request[StaffPrincipal, Any, Any], asked: Asked, form: Literal["csv", "json"]) -> LinesFound:
    state = request.app.state
    wanted = LinesWanted(what=asked.what, account=asked.account)
    await note_export(state.database, wanted, form, trail=state.trail, by=by_staff(request))
    return await _find(request, asked, 1, MOST_EXPORTED)


def said(what: str) -> str:
    """Say a code of the trail as people do: "customer.linked" is "Customer linked"."""
    return what.replace(".", " ").replace("_", " ").capitalize()


def code_of(what: str) -> str:
    """Read what somebody looks for, written as the trail has it or as the page says it."""
    area, _, act = what.strip().partition(" ")
    return (f"{area}.{act.replace(' ', '_')}" if act else area).lower()


def _named(whom: str) -> str:
    """Say whom the trail names: "account/bakery" is "Account bakery"."""
    kind, _, name = whom.partition("/")
    return f"{kind.capitalize()} {name}".rstrip()


def _shown(value: object, under: str = "") -> list[str]:
    """Write a value in lines, with the names that lead to each part of it."""
    if isinstance(value, dict) and value:
        return [line for name, part in value.items() for line in _shown(part, f"{under}{name}: ")]
    if value is None or value in ({}, []):
        return [f"{under}none"]
    return [f"{under}{value if isinstance(value, str) else msgspec.json.encode(value).decode()}"]


ROUTES = [show_audit, check_now, lead_back, show_line, export_csv, export_json]
