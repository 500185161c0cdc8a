"""How staff connect a system: choose it, fill in its form, test it, save it; and change that later."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.sources.connecting import Connecting, Seat
from web.console import source_form
from web.console.desk import desk
from web.console.matters import SOURCES
from web.console.passport import passport_of

NEW, SETTINGS = f"{SOURCES}/new", f"{SOURCES}/{{name:str}}/settings"
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
]
