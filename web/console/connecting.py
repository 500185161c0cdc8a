"""How staff connect a system: choose it, fill in its form, test it, save it; and change that later."""

from typing import Any
from urllib.parse import parse_qs

from litestar import Request, Response, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.sources.connecting import Connecting, Seat
from gateway.sources.consenting import Answer, ConsentRefused
from web.console import source_form
from web.console.desk import desk
from web.console.matters import SOURCES
from web.console.passport import passport_of

CONSENT = f"{SOURCES}/consent"
NEW, SETTINGS = f"{SOURCES}/new", f"{SOURCES}/{{name:str}}/settings"
MOST_FIELDS = 20
LONGEST = 2000  # characters of a code
OWNER = for_staff("owner")

Asking = Request[StaffPrincipal, Any, Any]


@get(NEW, opt=OWNER)
async def show_catalogue(request: Asking) -> Response[str]:
    connectors = _connecting(request).connectors.values()
    found = sorted(map(passport_of, connectors), key=lambda each: each.title)
    return desk(request, "staff_catalogue.html", area="sources", passports=found)


@get(f"{NEW}/{{connector:str}}", opt=OWNER)
async def show_new(request: Asking, connector: FromPath[str]) -> Response[str]:
    return await source_form.show(request, _new(request, connector))


@post(f"{NEW}/{{connector:str}}", opt=OWNER)
async def send_new(request: Asking, connector: FromPath[str]) -> Response[str]:
    return await source_form.send(request, _new(request, connector))


@get(f"{NEW}/{{connector:str}}/untested", opt=OWNER)
async def ask_new_untested(request: Asking, connector: FromPath[str]) -> Response[str]:
    return await source_form.ask_untested(request, _new(request, connector))


@post(f"{NEW}/{{connector:str}}/untested", opt=OWNER)
async def save_new_untested(request: Asking, connector: FromPath[str]) -> Response[str]:
    return await source_form.save_untested(request, _new(request, connector))


@get(SETTINGS, opt=OWNER)
async def show_settings(request: Asking, name: FromPath[str]) -> Response[str]:
    return await source_form.show(request, await _known(request, name))


@post(SETTINGS, opt=OWNER)
async def send_settings(request: Asking, name: FromPath[str]) -> Response[str]:
    return await source_form.send(request, await _known(request, name))


@get(f"{SETTINGS}/untested", opt=OWNER)
async def ask_settings_untested(request: Asking, name: FromPath[str]) -> Response[str]:
    return await source_form.ask_untested(request, await _known(request, name))


@post(f"{SETTINGS}/untested", opt=OWNER)
async def save_settings_untested(request: Asking, name: FromPath[str]) -> Response[str]:
    return await source_form.save_untested(request, await _known(request, name))


@get(f"{NEW}/{{connector:str}}/consent", opt=OWNER)
async def agree_to_new(request: Asking, connector: FromPath[str]) -> Response[str]:
    return await source_form.leave(request, _new(request, connector))


@get(f"{SETTINGS}/consent", opt=OWNER)
async def agree_again(request: Asking, name: FromPath[str]) -> Response[str]:
    return await source_form.leave(request, await _known(request, name))


@get(CONSENT, opt=OWNER)
async def come_back(request: Asking) -> Response[str]:
    """Take a vendor's answer about a consent. One that this session did not ask for is refused, and nothing is sent."""
    consenting = source_form.consenting_of(request)
    try:
        asked = parse_qs(request.url.query, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise ClientException from error
    state, code, problem = ("".join(asked.get(name, ())) for name in ("state", "code", "error"))
    answer = Answer(state=state, code=code[:LONGEST], error=problem)
    try:
        place, journey = await consenting.find(request.user.staff_id, request.user.session, answer)
    except ConsentRefused:
        return desk(request, "staff_consent.html", area="sources", status_code=403)
    kind, _, name = place.partition("/")
    seat = _new(request, name) if kind == "new" else await _known(request, name)
    return await source_form.come_back(request, seat, journey, answer)


def _new(request: Asking, name: str) -> Seat:
    connector = _connecting(request).connectors.get(name)
    if connector is None:
        raise NotFoundException
    return Seat(staff=request.user.staff_id, connector=connector, stored=None)


async def _known(request: Asking, name: str) -> Seat:
    stored = await _connecting(request).stored(name)
    if stored is None:
        raise NotFoundException
    return Seat(staff=request.user.staff_id, connector=stored.connector, stored=stored)


def _connecting(request: Asking) -> Connecting:
    connecting: Connecting = request.app.state.connecting
    return connecting


ROUTES = [
    show_catalogue,
    show_new,
    send_new,
    ask_new_untested,
    save_new_untested,
    show_settings,
    send_settings,
    ask_settings_untested,
    save_settings_untested,
    agree_to_new,
    agree_again,
    come_back,
]
