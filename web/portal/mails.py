"""What a member hears of, how and when, and the way from a mail to what it is about."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import available_timezones

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.status_codes import HTTP_422_UNPROCESSABLE_ENTITY
from msgspec import Struct

from auth.principals import Principal, Visiting
from gateway.access import now_of, scope_of
from gateway.languages import gettext, gettext_noop
from gateway.mails.choices import Choices, MailDesk, OwnTimes
from gateway.mails.words import WHEN
from gateway.message_rules import WAYS, Choice, Way
from gateway.occasions import AREA_OF_EVENT, EVENTS, EventName
from gateway.records.database import Database
from gateway.rights import AREAS
from web.caller import by_member
from web.portal.visit import Visit
from web.redirects import see_other

Saved = Annotated[str, QueryParameter(max_length=10, description="Whether something was just saved")]
WAY_NAMES: tuple[tuple[Way, str], ...] = (
    ("at_once", gettext_noop("Mail at once")),
    ("daily", gettext_noop("With the mail of the day")),
    ("none", gettext_noop("No mail")),
)
HOURS = tuple(range(24))
# Names that say nothing to people: offsets, old names of a region, and those of systems.
OTHERS = ("Etc/", "US/", "SystemV/")
ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(OTHERS))


class Row(Struct, frozen=True, kw_only=True):
    """An event as the form shows it."""

    event: EventName
    when: str
    choice: Choice


@get("/account/mails")
async def show_mails(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], saved: Saved = ""
) -> Response[bytes]:
    mails: MailDesk = request.app.state.mails
    choices = await mails.choices.of(request.user.member_id)
    return await _page(visit, mails, choices, saved=bool(saved))


@post("/account/mails")
async def choose_mails(visit: NamedDependency[Visit], request: Request[Principal, Any, Any]) -> Response[Any]:
    """Set what is wanted. What the member may not see is not on the form, and stays as it is."""
    mails: MailDesk = request.app.state.mails
    form = {name: str(value) for name, value in (await request.form()).items()}
    choices = await mails.choices.of(request.user.member_id)
    wanted = {event: _choice(form, event, choices, mails) for event in offered(visit, choices)}
    times = _times(form, choices.times) if mails.is_on else None
    if isinstance(times, str):
        answer = await _page(visit, mails, choices, saved=False, problem=times, wanted=wanted, form=form)
        answer.status_code = HTTP_422_UNPROCESSABLE_ENTITY
        return answer
    await mails.choices.choose(request.user.member_id, wanted, by_member(request), times)
    return see_other("/account/mails?saved=1")


@post("/account/mails/address")
async def believe_address(request: Request[Principal, Any, Any]) -> Response[str]:
    """Send mails again to an address that was refused."""
    mails: MailDesk = request.app.state.mails
    await mails.choices.try_again(request.user.member_id, by_member(request))
    await request.app.state.standings.forget([request.user.session])
    return see_other("/account/mails?saved=1")


@get("/open/{account:str}/{area:str}/{source:str}/{record:str}")
async def open_record(
    visit: NamedDependency[Visit],
    request: Request[Visiting, Any, Any],
    account: FromPath[str],
    area: FromPath[str],
) -> Response[Any]:
    """Go to a record of one account. Whoever acts for another one of theirs is asked to change."""
    if area not in AREAS:
        raise NotFoundException
    of = request.path_params
    return await _lead(visit, request, account, (area, of["source"], of["record"]))


@get("/open/{account:str}/account/details")
async def go_to_own_details(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], account: FromPath[str]
) -> Response[Any]:
    """Go to the details that somebody wanted to have changed."""
    return await _lead(visit, request, account, ("account", "details"))


async def _lead(
    visit: Visit, request: Request[Visiting, Any, Any], account: str, parts: tuple[str, ...]
) -> Response[Any]:
    place = "/" + "/".join(quote(part, safe="") for part in parts)
    database: Database = request.app.state.database
    account = await now_of(database, account)  # a mail may be older than a merge
    if visit.scope and visit.scope.account_id == account:
        return see_other(place)
    scope = await scope_of(database, request.user.member_id, account)
    if scope is None:
        raise NotFoundException
    return visit.page(
        "other_account.html",
        area=None,
        parts=await visit.parts(),
        about=(),
        other=scope.account_name,
        to=account,
        place=place,
    )


async def _page(
    visit: Visit,
    mails: MailDesk,
    choices: Choices,
    *,
    saved: bool,
    problem: str = "",
    wanted: Mapping[EventName, Choice] | None = None,
    form: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """`problem` is of what was written in `form`, which is kept."""
    times = choices.times.over(choices.rules, mails.zone.key)
    written = form or {
        "zone": times.zone,
        "quiet": "on" if times.is_ever_quiet else "",
        "quiet_from": str(times.quiet_from if times.is_ever_quiet else 20),
        "quiet_until": str(times.quiet_until if times.is_ever_quiet else 7),
        "daily_at": str(times.daily_at),
    }
    names = ("zone", "quiet", "quiet_from", "quiet_until", "daily_at")
    each = wanted or choices.each
    return visit.page(
        "mails.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        saved=saved,
        problem=problem,
        sends_mails=mails.is_on,
        has_mailbox=mails.mailbox is not None,
        address=choices.address,
        refused=choices.refused,
        writable=choices.is_writable,
        amounts=choices.amounts,
        choices=[Row(event=event, when=gettext(WHEN[event]), choice=each[event]) for event in offered(visit, choices)],
        ways=[(way, gettext(name)) for way, name in WAY_NAMES],
        hours=HOURS,
        zones=ZONES,
        times={name: written.get(name, "") for name in names},
    )


def _choice(form: Mapping[str, str], event: EventName, choices: Choices, mails: MailDesk) -> Choice:
    """Read what was chosen. Without a mail server mails are not on the form, and stay as they were."""
    before = choices.each[event]
    way = next((way for way in WAYS if way == form.get(f"mail-{event}")), "none" if mails.is_on else before.mail)
    return Choice(mail=way, inbox=f"inbox-{event}" in form)


def _times(form: Mapping[str, str], before: OwnTimes) -> OwnTimes | str:
    """Read when mails may come. A text says what is wrong."""
    zone = form.get("zone", "").strip()
    if zone and zone not in available_timezones():
        return gettext("This is not the name of a time zone: “Europe/Berlin” is one.")
    hours = {name: _hour(form.get(name, "")) for name in ("quiet_from", "quiet_until", "daily_at")}
    if None in hours.values():
        return before
    quiet = "quiet" in form and hours["quiet_from"] != hours["quiet_until"]
    return OwnTimes(zone=zone or None, quiet=quiet, **hours)


def _hour(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) in HOURS else None


def offered(visit: Visit, choices: Choices) -> list[EventName]:
    return [event for event in EVENTS if AREA_OF_EVENT[event] in visit.areas and event in choices.each]
