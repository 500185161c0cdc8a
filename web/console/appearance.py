"""How the portal looks and whom it names: the brand, the person to talk to, the office hours."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.appearance import LOGO_KINDS, Appearance, AppearanceChanged, Appearances, Logo, check, read_logo
from gateway.counterparts import Coverage, coverage
from gateway.offices import Offices
from gateway.records.database import Database
from web.body import Cap
from web.caller import by_staff
from web.console.desk import CHANGED, Question, confirm, desk
from web.console.finding import Whole, version_of
from web.dressing import Dressing
from web.redirects import see_other

APPEARANCE = "/staff/settings/appearance"
LOGO_CAPS = {APPEARANCE: Cap(512 * 1024, within=60.0)}
ACCEPT = ",".join(f".{kind}" for kind in LOGO_KINDS)


class Field(Struct, frozen=True, kw_only=True):
    """One line of the form."""

    name: str
    label: str
    help: str = ""
    kind: str = "text"
    most: int = 100


BRAND = (
    Field(name="name", label="Name of your business", most=60),
    Field(name="accent", label="Colour", help="Of buttons and links. Dark enough to be seen on white.", most=7),
    Field(name="accent_ink", label="Text on that colour", help="#fff (white) or #101215 (black) mostly fits.", most=7),
)
PERSON = (
    Field(name="contact_name", label="Name", help="The person whom customers can talk to, or a team."),
    Field(name="contact_phone", label="Phone", kind="tel", most=40),
    Field(name="contact_email", label="E-mail address", kind="email", most=254),
    Field(
        name="office_hours",
        label="Office hours",
        help="Such as Mon-Fri 8:00-17:00, closed 2026-12-24 to 2026-12-26, closed 2027-01-01. They say when we answer.",
        most=2000,
    ),
    Field(name="contact_hours", label="Hours in your own words", help="Pages say this instead, if you like."),
)


class Teller(Struct, frozen=True, kw_only=True):
    """A source that can say who looks after a customer."""

    name: str
    title: str
    coverage: Coverage


class Sent(Struct, frozen=True, kw_only=True):
    """The form, as it came."""

    fields: dict[str, str]
    seen: Whole
    logo: Logo | None
    problem: str | None  # of the logo


@get(APPEARANCE, opt=for_staff("owner"))
async def show_appearance(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    appearances = await _now(request)
    return await _page(request, appearances.current.fields, {})


@post(APPEARANCE, opt=for_staff("owner"), request_max_body_size=None)
async def change_appearance(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Take a new appearance, which all pages have from now on."""
    sent = await _sent(request)
    wanted, problems = check(sent.fields, sent.logo)
    if sent.problem:
        problems["logo"] = sent.problem
    if wanted is None or problems:
        return await _page(request, sent.fields, problems, status_code=422)
    return await _save(request, wanted, sent)


@get(f"{APPEARANCE}/reset", opt=for_staff("owner"))
async def ask_reset(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    appearances = await _now(request)
    question = Question(
        title="Forget what was set here?",
        text="The portal then looks as it is set where it runs.",
        effects=("The name, colours, logo, person and hours on this page are gone.", "All customers see it at once."),
        action=f"{APPEARANCE}/reset",
        button="Forget it",
        is_loss=True,
        back=APPEARANCE,
        fields={"seen": str(appearances.version)},
    )
    return confirm(request, "settings", question)


@post(f"{APPEARANCE}/reset", opt=for_staff("owner"))
async def reset(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await _save(request, None, await _sent(request))


async def _save(request: Request[StaffPrincipal, Any, Any], wanted: Appearance | None, sent: Sent) -> Response[str]:
    appearances = await _now(request)
    try:
        await appearances.save(
            wanted, seen=sent.seen, trail=request.app.state.trail, by=by_staff(request), now=utc_now()
        )
    except AppearanceChanged:
        await _now(request)
        return await _page(request, appearances.current.fields, {"": CHANGED}, status_code=409)
    await _now(request)
    return see_other(APPEARANCE)


async def _now(request: Request[StaffPrincipal, Any, Any]) -> Appearances:
    """Give what counts at this moment, whichever process changed it last."""
    dressing: Dressing = request.app.state.dressing
    await dressing.dress()
    return dressing.appearances


async def _sent(request: Request[StaffPrincipal, Any, Any]) -> Sent:
    appearances = await _now(request)
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    logo, problem = None if fields.get("no_logo") else appearances.current.logo, None
    picture = form.get("logo")
    if isinstance(picture, UploadFile) and picture.filename:
        try:
            logo = read_logo(picture.filename, await picture.read())
        except ValueError as error:
            problem = str(error)
    seen = fields.get("seen", "")
    return Sent(fields=fields, seen=version_of(seen), logo=logo, problem=problem)


async def _page(
    request: Request[StaffPrincipal, Any, Any],
    written: dict[str, str],
    problems: dict[str, str],
    status_code: int = 200,
) -> Response[str]:
    dressing: Dressing = request.app.state.dressing
    appearances = dressing.appearances
    return desk(
        request,
        "staff_appearance.html",
        area="settings",
        status_code=status_code,
        groups=(("brand", "Brand", BRAND), ("person", "The person to talk to", PERSON)),
        written=written,
        problems=problems,
        version=appearances.version,
        has_logo=appearances.current.logo is not None,
        accept=ACCEPT,
        tellers=await _tellers(request),
    )


async def _tellers(request: Request[StaffPrincipal, Any, Any]) -> list[Teller]:
    """Name the sources that can say who looks after customers, in the order in which their word counts."""
    offices: Offices = request.app.state.offices
    database: Database = request.app.state.database
    async with database.read() as session:
        counted = await coverage(session, utc_now())
    return [
        Teller(name=name, title=office.title, coverage=counted.get(name, Coverage()))
        for name, office in sorted((await offices.all()).items())
        if office.connector.counterpart
    ]


ROUTES = [show_appearance, change_appearance, ask_reset, reset]
