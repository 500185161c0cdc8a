"""What customers are told, how unless they choose, and what mails say: rules, tried before they are true."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import Parameter
from msgspec.structs import replace

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.identity.mailboxes import is_plain
from gateway.mails.choices import MailDesk
from gateway.mails.post import Away, Declined, Lost
from gateway.mails.tallying import Tally, lately, tally
from gateway.mails.trying import Preview, Trying
from gateway.message_rules import MOST_DAYS, WAYS, Choice, Rules, RulesChanged, Written, rules_of, save_rules
from gateway.occasions import EVENTS, EventName
from web.caller import by_staff
from web.console.desk import CHANGED, desk
from web.console.mails import EVENTS as NAMES
from web.console.message_segments import (
    HELD_NAMES,
    TOLD_NAMES,
    by_segment,
    choosable,
    chosen_segments,
    known_segments,
    on_form,
    read_segments,
    title_of,
)
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
    return await _page(request, written, written.rules, said=said)


@post(MESSAGES, opt=for_staff("admin"))
async def save_messages(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Let other rules count from now on, or try them on what happened lately."""
    state, form = request.app.state, _texts(await request.form())
    now = await rules_of(state.database)
    _, known = await known_segments(state.database)
    wanted, problem = _read(form)
    wanted = replace(wanted, segments=read_segments(form, known, now.rules.segments))
    if problem:
        return await _page(request, now, wanted, problem=problem, form=form, status_code=422)
    if "try" in form:
        happened = await lately(state.database, utc_now())
        tallies = tally(happened, now.rules), tally(happened, wanted)
        return await _page(request, now, wanted, form=form, tallies=tallies)
    seen = form.get("seen", "")
    try:
        version = int(seen) if seen.isascii() and seen.isdigit() else -1
        await save_rules(state.database, wanted, seen=version, trail=state.trail, by=by_staff(request), now=utc_now())
    except RulesChanged:
        return await _page(request, now, now.rules, problem=CHANGED, status_code=409)
    return see_other(f"{MESSAGES}?said=saved")


@get(f"{MESSAGES}/preview", opt=for_staff("admin"))
async def show_message_preview(
    request: Request[StaffPrincipal, Any, Any], account: Account = "", event: Named = "", segment: Named = ""
) -> Response[str]:
    """Show the mail that an account would get, as text, in its own segment or in another. Each look is audited."""
    policy, _ = await known_segments(request.app.state.database)
    found = await _preview(request, account, event, chosen_segments(policy, segment)) if account else None
    mail = found.mail if found else None
    part = mail.get_body(("plain",)) if mail else None
    return desk(
        request,
        "staff_message_preview.html",
        area="settings",
        account=account,
        event=event,
        segment=segment,
        segments=choosable(policy),
        events=NAMES,
        found=found,
        within=[title_of(policy, each) for each in found.segments] if found and policy.segments else [],
        subject=str(mail["Subject"]) if mail else None,
        text=str(part.get_content()) if part else "",
    )


@get(f"{MESSAGES}/preview/mail", opt=for_staff("admin"))
async def show_previewed_mail(
    request: Request[StaffPrincipal, Any, Any], account: Account = "", event: Named = "", segment: Named = ""
) -> Response[str]:
    """Show it as a mail program does."""
    policy, _ = await known_segments(request.app.state.database)
    found = await _preview(request, account, event, chosen_segments(policy, segment))
    part = found.mail.get_body(("html",)) if found and found.mail else None
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
        return await _page(
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
    return await _page(request, written, written.rules, problem=said, form=form, status_code=502)


@get(f"{MESSAGES}/test", opt=for_staff("admin"))
async def go_to_messages(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:  # noqa: ARG001  # its role counts
    return see_other(MESSAGES)


async def _preview(
    request: Request[StaffPrincipal, Any, Any], account: str, event: str, segments: tuple[str, ...] | None
) -> Preview | None:
    state = request.app.state
    trying: Trying = state.trying
    trying.wear(state.dressing.appearances.current)
    view: View = state.view
    rules = (await rules_of(state.database)).rules
    by, name = by_staff(request), account.strip()
    return await trying.preview(name, _event(event), rules, view.today(), by, segments=segments)


async def _page(
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
    policy, known = await known_segments(request.app.state.database)
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
        segments=on_form(shown, known, NAMES),
        told_names=TOLD_NAMES,
        held_names=HELD_NAMES,
        by_segment=by_segment(*tallies, policy) if tallies and policy.segments else [],
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
