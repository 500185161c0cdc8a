"""Writing to the invited: first who gets a mail, who does not and why, and what it says; then a part, or all."""

import re
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import MediaType, Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromQuery, Parameter
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.identity.inviting import MOST, WHY, Choice, Plan, Recipient, Which, Why, plan, send, stage
from gateway.identity.readiness import Preview
from gateway.mails.inviting import Bidding, InvitationLetters
from gateway.mails.letters import Letters
from gateway.mails.trying import sender_of
from gateway.settings import Settings
from web.caller import by_staff
from web.console.customers import CUSTOMERS
from web.console.desk import Paging, Question, confirm, desk
from web.console.finding import PageNumber
from web.mailbox import LIKE_A_MAIL_PROGRAM
from web.redirects import see_other
from web.view import View
from web.words import count

INVITE = f"{CUSTOMERS}/invite"
SEND = f"{INVITE}/send"
PAGE = 20
FIRST = 50  # offered as the first part
SHARE = re.compile(r"\s*(\d{1,6})\s*(%?)\s*")
NO_LINK = "a-link-of-their-own"
FILTERS: dict[Which, str] = {"all": "Everybody invited", "ready": "Who would see everything"}

Short = Annotated[str, Parameter(max_length=63)]
Many = Annotated[str, Parameter(max_length=10)]


class Sent(Struct, frozen=True, kw_only=True):
    """The answer of the page that asks. `upto` is the last of those that it counted."""

    which: Which = "all"
    batch: Annotated[str, Meta(max_length=63)] = ""
    account: Annotated[str, Meta(max_length=63)] = ""
    upto: Annotated[str, Meta(max_length=26)] = ""


@get(INVITE, opt=for_staff("admin"))
async def show_inviting(
    request: Request[StaffPrincipal, Any, Any],
    *,
    which: FromQuery[Which] = "all",
    batch: Short = "",
    account: Short = "",
    why: FromQuery[Why | None] = None,
    page: PageNumber = 1,
    done: Annotated[int, Parameter(ge=0)] = 0,
    part: Many = "",
) -> Response[str]:
    """Show whom a mail would reach. `part` is what was written in the form and could not be understood."""
    choice = await _choice(request, which, batch, account)
    found = await plan(request.app.state.database, choice, utc_now(), why=why, page=page, size=PAGE)
    asked = _asked(choice)
    many = found.left_out.get(why, 0) if why else found.sendable
    return desk(
        request,
        "staff_invite.html",
        area="customers",
        status_code=422 if part else 200,
        plan=found,
        left_out=[(each, WHY[each], _address({**asked, "why": each}), found.left_out[each]) for each in found.left_out],
        letter=_letter(request, found.shown[0]) if found.shown and not why else None,
        letter_at=f"{INVITE}/letter",
        filters=[(name, label, _address({**asked, "which": name})) for name, label in FILTERS.items()],
        choice=choice,
        first=min(FIRST, found.sendable),
        most=MOST,
        part=part,
        why=why,
        back=_address(asked),
        done=done,
        sends_mails=request.app.state.mails.is_on,
        paging=Paging(path=INVITE, page=page, size=PAGE, count=many, asked={**asked, "why": why or ""}),
    )


@get(f"{INVITE}/letter", opt=for_staff("admin"))
async def show_letter(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Show the letter to the first of them as a mail program does."""
    found: Plan = await plan(request.app.state.database, Choice(), utc_now(), size=1)
    letter = _letter(request, found.shown[0]) if found.shown else None
    if letter is None:
        raise NotFoundException
    return Response(letter.html, media_type=MediaType.HTML, headers={"Content-Security-Policy": LIKE_A_MAIL_PROGRAM})


@get(SEND, opt=for_staff("admin"))
async def ask_to_send(
    request: Request[StaffPrincipal, Any, Any],
    *,
    which: FromQuery[Which] = "all",
    batch: Short = "",
    account: Short = "",
    many: Many = "",
) -> Response[str]:
    """Say how many mails would go out. `many` is a number, or a share as "10 %"."""
    choice, database, now = await _choice(request, which, batch, account), request.app.state.database, utc_now()
    asked = _asked(choice)
    found = await plan(database, choice, now, size=1)
    wanted = _how_many(many, found.sendable)
    if wanted is None:
        return see_other(_address({**asked, "part": many or "0"}))
    ready = await stage(database, choice, wanted, now)
    if not ready.many:
        return see_other(_address(asked))
    mails, rest = count(ready.many, "mail", "mails"), found.sendable - ready.many
    left_out = sum(found.left_out.values())
    question = Question(
        title=f"Send {mails}?",
        text="A mail that has gone out cannot be taken back. The invitation can.",
        effects=(
            f"{count(ready.many, 'person is', 'people are')} written to now, one mail each.",
            f"{count(rest, 'other waits', 'others wait')} for another time." if rest else "Nobody is left for later.",
            *([f"{count(left_out, 'person gets', 'people get')} none: the page before says why."] if left_out else ()),
            "It is written to the audit trail with your name.",
        ),
        action=SEND,
        button=f"Send {mails}",
        back=_address(asked),
        fields={**asked, "upto": ready.upto},
    )
    return confirm(request, "customers", question)


@post(SEND, opt=for_staff("admin"))
async def send_mails(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Sent, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Queue the mails. To whom somebody has written meanwhile, nobody writes again."""
    state = request.app.state
    choice = await _choice(request, data.which, data.batch, data.account)
    if not state.mails.is_on:
        return see_other(_address(_asked(choice)))
    many = await send(
        state.database, trail=state.trail, by=by_staff(request), choice=choice, upto=data.upto, now=utc_now()
    )
    return see_other(_address({**_asked(choice), "done": str(many)}))


async def _choice(request: Request[StaffPrincipal, Any, Any], which: Which, batch: str, account: str) -> Choice:
    preview: Preview = request.app.state.preview
    basis = await preview.catch_up() if which == "ready" else ""
    return Choice(which=which, basis=basis, batch=batch, account=account)


class Shown(Struct, frozen=True, kw_only=True):
    """A letter as a page shows it."""

    to: str
    subject: str
    text: str
    html: str


def _letter(request: Request[StaffPrincipal, Any, Any], to: Recipient) -> Shown | None:
    """Write the letter as it would go out, but for its link. None: no mail server is set."""
    settings: Settings = request.app.state.settings
    view: View = request.app.state.view
    if settings.mail_from is None:
        return None
    sender = sender_of(settings.base_url, settings.mail_from, view.brand)
    letters = Letters(sender, lambda _stop: NO_LINK, utc_now, settings.spoken)
    bidding = Bidding(mail=NO_LINK, email=to.email, account=to.account_name, inviter=None, until=to.until)
    message = InvitationLetters(letters, lambda _mail: NO_LINK, ZoneInfo(settings.time_zone)).compose(bidding)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return Shown(
        to=to.email,
        subject=str(message["Subject"]),
        text=str(text.get_content()) if text else "",
        html=str(html.get_content()) if html else "",
    )


def _how_many(text: str, sendable: int) -> int | None:
    """Read a number or a share, of which there is at least one. None: it is neither."""
    found = SHARE.fullmatch(text)
    if found is None or int(found[1]) == 0:
        return None
    return -(-sendable * min(int(found[1]), 100) // 100) if found[2] else int(found[1])


def _asked(choice: Choice) -> dict[str, str]:
    of = {"which": "" if choice.which == "all" else choice.which, "batch": choice.batch, "account": choice.account}
    return {name: value for name, value in of.items() if value}


def _address(asked: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in asked.items() if value and (name, value) != ("which", "all")})
    return f"{INVITE}?{query}" if query else INVITE


ROUTES = [show_inviting, show_letter, ask_to_send, send_mails]
