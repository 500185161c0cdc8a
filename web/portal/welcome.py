"""The first look around, in three short steps: what is here, which mails come, and whom to ask. Each can be left."""

from collections.abc import Callable, Iterable
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from msgspec import Struct

from auth.clock import utc_now
from auth.principals import Principal, Visiting
from connectors.records import KINDS, Kind
from gateway.account_view import Part
from gateway.languages import gettext, gettext_noop, ngettext
from gateway.mails.choices import MailDesk
from gateway.mails.words import WHEN
from gateway.message_rules import WAYS, Choice
from gateway.profile import note_welcomed
from gateway.rights import AREA_OF
from gateway.statuses import is_to_pay, is_under_way
from web.caller import by_member
from web.portal.mails import WAY_NAMES, Row, offered
from web.portal.visit import Visit, only
from web.redirects import see_other
from web.words import whole

STEPS = (
    ("/welcome", gettext_noop("What is here")),
    ("/welcome/mails", gettext_noop("Your mails")),
    ("/welcome/person", gettext_noop("Whom to ask")),
)
PLACES: dict[Kind, tuple[str, str]] = {
    "orders": ("/orders", gettext_noop("Orders")),
    "invoices": ("/invoices", gettext_noop("Invoices")),
    "tickets": ("/requests", gettext_noop("Requests")),
}


class Holding(Struct, frozen=True, kw_only=True):
    """One list, and how much is in it."""

    name: str
    href: str
    said: str


@get("/welcome")
async def show_welcome(visit: NamedDependency[Visit]) -> Response[bytes]:
    parts = await visit.parts("orders", "invoices", "tickets")
    holdings = [_holding(kind, only(parts, kind), visit) for kind in KINDS if AREA_OF[kind] in visit.areas]
    return await _step(visit, 1, parts=parts, holdings=holdings)


@get("/welcome/mails")
async def show_welcome_mails(visit: NamedDependency[Visit], request: Request[Visiting, Any, Any]) -> Response[bytes]:
    mails: MailDesk = request.app.state.mails
    choices = await mails.choices.of(request.user.member_id)
    rows = [
        Row(event=event, when=gettext(WHEN[event]), choice=choices.each[event]) for event in offered(visit, choices)
    ]
    is_told = mails.is_on and choices.is_writable and not choices.refused
    unwritable = mails.is_on and choices.address is not None and not choices.is_writable
    return await _step(visit, 2, rows=rows if is_told else [], email=choices.address, unwritable=unwritable)


@post("/welcome/mails")
async def choose_first_mails(visit: NamedDependency[Visit], request: Request[Principal, Any, Any]) -> Response[Any]:
    """Set which mails come. Whatever else was chosen stays."""
    mails: MailDesk = request.app.state.mails
    form = {name: str(value) for name, value in (await request.form()).items()}
    choices = await mails.choices.of(request.user.member_id)
    wanted: dict[Any, Choice] = {}
    for event in offered(visit, choices) if mails.is_on else ():
        before = choices.each[event]
        way = next((way for way in WAYS if way == form.get(f"mail-{event}")), before.mail)
        wanted[event] = Choice(mail=way, inbox=before.inbox)
    await mails.choices.choose(request.user.member_id, wanted, by_member(request))
    return see_other("/welcome/person")


@get("/welcome/person")
async def show_welcome_person(visit: NamedDependency[Visit]) -> Response[bytes]:
    return await _step(visit, 3)


@get("/welcome/done")
async def go_to_first_step() -> Response[str]:
    """Lead back who asks for the address of a form."""
    return see_other("/welcome")


@post("/welcome/done")
async def leave_welcome(request: Request[Principal, Any, Any]) -> Response[str]:
    """Offer it no more, whether they have looked at all of it or not. Account has the way back."""
    await note_welcomed(request.app.state.database, request.user.member_id, utc_now())
    await request.app.state.standings.forget([request.user.session])
    return see_other("/")


async def _step(visit: Visit, step: int, *, parts: Iterable[Part] | None = None, **more: Any) -> Response[bytes]:  # noqa: ANN401  # as of `Visit.page`
    ways = [(way, gettext(name)) for way, name in WAY_NAMES]
    steps = [(href, gettext(name)) for href, name in STEPS]
    context: dict[str, Any] = {"holdings": [], "rows": [], "ways": ways, "email": None, "unwritable": False, **more}
    known = tuple(parts if parts is not None else await visit.parts())
    about = known if step == 1 else ()
    return visit.page("welcome.html", area=None, parts=known, about=about, step=step, steps=steps, **context)


def _holding(kind: Kind, parts: tuple[Part, ...], visit: Visit) -> Holding:
    href, name = PLACES[kind]
    if not visit.knows(parts) and not any(part.fetched_at for part in parts):
        said = gettext("We can’t say yet how many there are.")
    else:
        records = [record for part in parts for record in part.records]
        said = _counted(kind, records, has_older=any(part.older is not None for part in parts))
    return Holding(name=gettext(name), href=href, said=said)


def _counted(kind: Kind, records: list[Any], *, has_older: bool) -> str:
    """Say how many there are, and how many of them are not done with."""
    is_open: Callable[[Any], bool] = is_to_pay if kind == "invoices" else is_under_way
    number = len(records)
    values = {"n": whole(number), "open": whole(sum(map(is_open, records)))}
    match kind, has_older:
        case "orders", False:
            return ngettext("{n} order, {open} under way.", "{n} orders, {open} under way.", number, **values)
        case "orders", True:
            return ngettext(
                "{n} order and older ones, {open} under way.",
                "{n} orders and older ones, {open} under way.",
                number,
                **values,
            )
        case "invoices", False:
            return ngettext("{n} invoice, {open} to pay.", "{n} invoices, {open} to pay.", number, **values)
        case "invoices", True:
            return ngettext(
                "{n} invoice and older ones, {open} to pay.",
                "{n} invoices and older ones, {open} to pay.",
                number,
                **values,
            )
        case "tickets", False:
            return ngettext("{n} request, {open} open.", "{n} requests, {open} open.", number, **values)
        case _:
            return ngettext(
                "{n} request and older ones, {open} open.",
                "{n} requests and older ones, {open} open.",
                number,
                **values,
            )


WELCOME = (
    show_welcome,
    show_welcome_mails,
    choose_first_mails,
    show_welcome_person,
    go_to_first_step,
    leave_welcome,
)
