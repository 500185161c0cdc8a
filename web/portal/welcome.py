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
from gateway.mails.choices import MailDesk
from gateway.mails.rules import WAYS, Choice
from gateway.mails.words import WHEN
from gateway.profile import note_welcomed
from gateway.rights import AREA_OF
from gateway.statuses import is_to_pay, is_under_way
from web.caller import by_member
from web.portal.mails import WAY_NAMES, Row, offered
from web.portal.visit import Visit, only
from web.redirects import see_other
from web.words import count

STEPS = (("/welcome", "What is here"), ("/welcome/mails", "Your mails"), ("/welcome/person", "Whom to ask"))
PLACES: dict[Kind, tuple[str, str, str]] = {
    "orders": ("/orders", "order", "orders"),
    "invoices": ("/invoices", "invoice", "invoices"),
    "tickets": ("/requests", "request", "requests"),
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
    rows = [Row(event=event, when=WHEN[event], choice=choices.each[event]) for event in offered(visit, choices)]
    can_write = mails.is_on and choices.address is not None and not choices.refused
    return await _step(visit, 2, rows=rows if can_write else [], ways=WAY_NAMES, email=choices.address)


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
    context: dict[str, Any] = {"holdings": [], "rows": [], "ways": WAY_NAMES, "email": None, **more}
    known = tuple(parts if parts is not None else await visit.parts())
    about = known if step == 1 else ()
    return visit.page("welcome.html", area=None, parts=known, about=about, step=step, steps=STEPS, **context)


def _holding(kind: Kind, parts: tuple[Part, ...], visit: Visit) -> Holding:
    href, one, more = PLACES[kind]
    name = more.capitalize()
    if not visit.knows(parts) and not any(part.fetched_at for part in parts):
        return Holding(name=name, href=href, said="We can’t say yet how many there are.")
    records = [record for part in parts for record in part.records]
    tests: dict[Kind, tuple[Callable[[Any], bool], str]] = {
        "orders": (is_under_way, "under way"),
        "invoices": (is_to_pay, "to pay"),
        "tickets": (is_under_way, "open"),
    }
    test, words = tests[kind]
    older = " and older ones" if any(part.older is not None for part in parts) else ""
    said = f"{count(len(records), one, more)}{older}, {sum(map(test, records))} {words}."
    return Holding(name=name, href=href, said=said)


WELCOME = (
    show_welcome,
    show_welcome_mails,
    choose_first_mails,
    show_welcome_person,
    go_to_first_step,
    leave_welcome,
)
