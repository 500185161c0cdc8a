"""What customers are told, how unless they choose, and what mails say: rules, tried before they are true."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.identity.mailboxes import is_plain
from gateway.mails.choices import MailDesk
from gateway.mails.post import Away, Declined, Lost
from gateway.mails.rules import MOST_DAYS, WAYS, Choice, Rules, RulesChanged, Written, rules_of, save_rules
from gateway.mails.trying import Tally, Trying, tally
from gateway.occasions import EVENTS, EventName
from web.caller import by_staff
from web.console.desk import CHANGED, desk
from web.console.mails import EVENTS as NAMES
from web.mailbox import LIKE_A_MAIL_PROGRAM
from web.redirects import see_other
from web.view import View

MESSAGES = "/staff/messages"
WAY_NAMES = (("at_once", "Mail at once"), ("daily", "Mail of the day"), ("none", "No mail"))
HOURS = tuple(range(24))
Said = Annotated[str, Parameter(max_length=10)]
Account = Annotated[str, Parameter(max_length=63)]
Named = Annotated[str, Parameter(max_length=40)]


@get(MESSAGES, opt=for_staff("admin"))
async def show_messages(request: Request[StaffPrincipal, Any, Any], said: Said = "") -> Response[str]:
    written = await rules_of(request.app.state.database)
    return _page(request, written, written.rules, said=said)


@post(MESSAGES, opt=for_staff("admin"))
async def save_messages(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Let other rules count from now on, or try them on what happened lately."""
    state, form = request.app.state, _texts(await request.form())
    now = await rules_of(state.database)
    wanted, problem = _read(form)
    if problem:
        return _page(request, now, wanted, problem=problem, form=form, status_code=422)
    if "try" in form:
        at = utc_now()
        tallies = (await tally(state.database, now.rules, at), await tally(state.database, wanted, at))
        return _page(request, now, wanted, form=form, tallies=tallies)
    seen = form.get("seen", "")
    try:
        version = int(seen) if seen.isascii() and seen.isdigit() else -1
        await save_rules(state.database, wanted, seen=version, trail=state.trail, by=by_staff(request), now=utc_now())
    except RulesChanged:
        return _page(request, now, now.rules, problem=CHANGED, status_code=409)
    return see_other(f"{MESSAGES}?said=saved")


@get(f"{MESSAGES}/preview", opt=for_staff("admin"))
async def show_message_preview(
    request: Request[StaffPrincipal, Any, Any], account: Account = "", event: Named = ""
) -> Response[str]:
    """Show the mail that an account would get, as text. Each look is audited."""
    mail = await _preview(request, account, event) if account else None
    part = mail.get_body(("plain",)) if mail else None
    return desk(
        request,
        "staff_message_preview.html",
        area="settings",
        account=account,
        event=event,
        events=NAMES,
        subject=str(mail["Subject"]) if mail else None,
        text=str(part.get_content()) if part else "",
    )


@get(f"{MESSAGES}/preview/mail", opt=for_staff("admin"))
async def show_previewed_mail(
    request: Request[StaffPrincipal, Any, Any], account: Account = "", event: Named = ""
) -> Response[str]:
    """Show it as a mail program does."""
    mail = await _preview(request, account, event)
    part = mail.get_body(("html",)) if mail else None
    if part is None:
        raise NotFoundException
    headers = {"Content-Security-Policy": LIKE_A_MAIL_PROGRAM}
    return Response(str(part.get_content()), media_type=MediaType.HTML, headers=headers)


@post(f"{MESSAGES}/test", opt=for_staff("admin"))
async def send_test(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Send an example to an address, at once, and say what came of it."""
    state, form = request.app.state, _texts(await request.form())
    written = await rules_of(state.database)
    to, event = form.get("to", "").strip(), _event(form.get("event", ""))
    if not is_plain(to):
        return _page(
            request, written, written.rules, problem="That is no address to send to.", form=form, status_code=422
        )
    trying: Trying = state.trying
    trying.wear(state.dressing.appearances.current)
    view: View = state.view
    try:
        await trying.send(to, event, written.rules, view.today(), by_staff(request))
    except Away as error:
        said = f"The mail server is away, or does not take our mails: {error}"
    except Declined as error:
        said = f"The mail server did not take it: {error}"
    except Lost:
        said = "The connection broke: it may have arrived, and may not."
    else:
        return see_other(f"{MESSAGES}?said=sent")
    return _page(request, written, written.rules, problem=said, form=form, status_code=502)


@get(f"{MESSAGES}/test", opt=for_staff("admin"))
async def go_to_messages(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:  # noqa: ARG001  # its role counts
    return see_other(MESSAGES)


async def _preview(request: Request[StaffPrincipal, Any, Any], account: str, event: str) -> Any:  # noqa: ANN401
    state = request.app.state
    trying: Trying = state.trying
    trying.wear(state.dressing.appearances.current)
    view: View = state.view
    rules = (await rules_of(state.database)).rules
    return await trying.preview(account.strip(), _event(event), rules, view.today(), by_staff(request))


def _page(
    request: Request[StaffPrincipal, Any, Any],
    now: Written,
    shown: Rules,
    *,
    said: str = "",
    problem: str = "",
    form: Mapping[str, str] | None = None,
    tallies: tuple[Tally, Tally] | None = None,
    status_code: int = 200,
) -> Response[str]:
    """`shown` are the rules of the form, which may not count yet."""
    mails: MailDesk = request.app.state.mails
    return desk(
        request,
        "staff_messages.html",
        area="settings",
        status_code=status_code,
        version=now.version,
        rules=shown,
        each=[(event, NAMES[event], event not in shown.off, shown.choice(event)) for event in EVENTS],
        ways=WAY_NAMES,
        hours=HOURS,
        most_days=MOST_DAYS,
        days=(form or {}).get("days", str(shown.days)),
        to=(form or {}).get("to", ""),
        events=NAMES,
        saved=said == "saved",
        sent=said == "sent",
        problem=problem,
        before=tallies[0] if tallies else None,
        after=tallies[1] if tallies else None,
        sends_mails=mails.is_on,
        zone=mails.zone.key,
    )


def _read(form: Mapping[str, str]) -> tuple[Rules, str]:
    """Read the rules of a form, and say what is wrong with them."""
    usual = {
        event: Choice(
            mail=next((way for way in WAYS if way == form.get(f"mail-{event}")), "none"), inbox=f"inbox-{event}" in form
        )
        for event in EVENTS
    }
    days = form.get("days", "")
    is_number = days.isascii() and days.isdigit() and len(days) < 4 and int(days) <= MOST_DAYS  # noqa: PLR2004  # digits
    rules = Rules(
        off=frozenset(event for event in EVENTS if f"on-{event}" not in form),
        usual=usual,
        days=int(days) if is_number else Rules().days,
        amounts="amounts" in form,
        bodies="bodies" in form,
        quiet_from=_hour(form, "quiet_from", 0),
        quiet_until=_hour(form, "quiet_until", 0),
        daily_at=_hour(form, "daily_at", 8),
    )
    return rules, "" if is_number else f"Days before an invoice is due are a number, up to {MOST_DAYS}."


def _hour(form: Mapping[str, str], name: str, otherwise: int) -> int:
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and int(text) in HOURS else otherwise


def _event(name: str) -> EventName:
    return next((event for event in EVENTS if event == name), "invoice_new")


def _texts(form: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


ROUTES = [show_messages, save_messages, show_message_preview, show_previewed_mail, send_test, go_to_messages]
