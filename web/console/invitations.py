"""Invitations on the page of an account: one more, a mail once more, one taken back, and all of an address erased."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.dossiers import customer_of
from gateway.identity.invitations import Wish, invitations, invite, withdraw
from gateway.identity.inviting import invite_by_mail, send_one, wants_none
from gateway.identity.uninvited import CameError, Trace, forget, held_of
from gateway.links import LinkError
from gateway.rights import COMPANY, OWN
from web.caller import by_staff
from web.console.account import ACCOUNT, account_page
from web.console.customers import CUSTOMERS
from web.console.desk import Answer, Question, confirm
from web.redirects import see_other
from web.words import count

INVITATIONS = f"{ACCOUNT}/invitations"
ONE = f"{INVITATIONS}/{{invitation:str}}"
LASTS = timedelta(days=30)
OTHER, OTHERS = "other account", "other accounts"
TRACES: tuple[tuple[Trace, str, str], ...] = (
    ("invitations", "invitation", "invitations"),
    ("mails", "mail that invites", "mails that invite"),
    ("codes", "code to sign in that was asked for", "codes to sign in that were asked for"),
)


class Wanted(Struct, frozen=True, kw_only=True):
    """Whom to invite."""

    email: Annotated[str, Meta(max_length=300)] = ""
    name: Annotated[str, Meta(max_length=300)] = ""
    reach: Literal["own", "company"] = "own"


class Again(Struct, frozen=True, kw_only=True):
    """Which mail about an invitation it would be: a second press of the button finds it written."""

    number: int


@get([INVITATIONS, f"{ONE}/send", f"{ONE}/withdraw", f"{ONE}/erase"], opt=for_staff("admin"))
async def back_to_invitations(account: FromPath[str]) -> Response[str]:
    """Lead back who asks for the address of a form."""
    return see_other(_place(account))


@post(INVITATIONS, opt=for_staff("admin"))
async def invite_one(
    request: Request[StaffPrincipal, Any, Any],
    account: FromPath[str],
    data: Annotated[Wanted, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Invite somebody, and write to them where there is a mail server."""
    state, by = request.app.state, by_staff(request)
    if await customer_of(state.database, account) is None:
        raise NotFoundException
    rights, name = COMPANY if data.reach == "company" else OWN, " ".join(data.name.split()) or None
    wish = Wish(email=data.email.strip(), account=account, rights=rights, until=utc_now() + LASTS, name=name)
    act = invite_by_mail if state.mails.is_on else invite
    try:
        done = await act(state.database, trail=state.trail, by=by, made_by=by.who, wish=wish, now=utc_now())
    except LinkError as error:
        problem = f"{str(error)[:1].upper()}{str(error)[1:]}."
        written = {"email": data.email, "name": data.name, "reach": data.reach}
        return await account_page(request, account, status_code=422, problem=problem, at="invite", written=written)
    if done and state.mails.is_on and await wants_none(state.database, wish.email):
        return see_other(_place(account, "stopped"))
    return see_other(_place(account, "invited" if done else "same"))


@post(f"{ONE}/send", opt=for_staff("admin"))
async def send_again(
    request: Request[StaffPrincipal, Any, Any],
    account: FromPath[str],
    invitation: FromPath[str],
    data: Annotated[Again, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Write once more. The links of earlier mails go on working until one of them is used."""
    email, state = await _email(request, account, invitation), request.app.state
    done = state.mails.is_on and await send_one(
        state.database,
        trail=state.trail,
        by=by_staff(request),
        invitation=invitation,
        number=data.number,
        now=utc_now(),
    )
    if not done and await wants_none(state.database, email):
        return see_other(_place(account, "stopped"))
    return see_other(_place(account, "mailed" if done else "same"))


@post(f"{ONE}/withdraw", opt=for_staff("admin"), status_code=200)
async def take_back(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], invitation: FromPath[str], data: Answer
) -> Response[str]:
    """Let nobody use an invitation any more."""
    email, state = await _email(request, account, invitation), request.app.state
    if not data.sure:
        question = Question(
            title=f"Take back the invitation of {email}?",
            text="It is written to the audit trail with your name.",
            effects=("No link that they have works any more.", "They can be invited again."),
            action=f"{CUSTOMERS}/{account}/invitations/{invitation}/withdraw",
            button="Take it back",
            back=_place(account),
            fields={"sure": "yes"},
            is_loss=True,
        )
        return confirm(request, "customers", question)
    done = await withdraw(state.database, trail=state.trail, by=by_staff(request), id_=invitation)
    return see_other(_place(account, "withdrawn" if done else "same"))


@post(f"{ONE}/erase", opt=for_staff("admin"), status_code=200)
async def erase_invited(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], invitation: FromPath[str], data: Answer
) -> Response[str]:
    """Forget an address with which nobody came, once the page that says what goes was answered."""
    email, state = await _email(request, account, invitation), request.app.state
    try:
        if data.sure:
            await forget(state.database, trail=state.trail, by=by_staff(request), email=email)
            return see_other(_place(account, "forgotten"))
        held = await held_of(state.database, email)
    except CameError:
        return see_other(_place(account, "came"))
    except LinkError as error:  # somebody was quicker
        raise NotFoundException from error
    goes = [count(held.held[name], one, more) for name, one, more in TRACES if held.held[name]]
    others = len(held.accounts) - 1
    question = Question(
        title=f"Erase all that is kept of {email}?",
        text="It is gone for good. That it was done is written to the audit trail with your name.",
        effects=(
            f"What goes: {', '.join(goes)}{f', also for {count(others, OTHER, OTHERS)}' if others else ''}.",
            "Lines of the audit trail stay, and are sealed with the key of the account that invited them.",
            "They can be invited again, also by mail: if they wanted no more mails, that is forgotten with the rest.",
        ),
        action=f"{CUSTOMERS}/{account}/invitations/{invitation}/erase",
        button="Erase",
        is_loss=True,
        back=_place(account),
        fields={"sure": "yes"},
    )
    return confirm(request, "customers", question)


async def _email(request: Request[StaffPrincipal, Any, Any], account: str, invitation: str) -> str:
    """Find whom an invitation of this account is for."""
    found = await invitations(request.app.state.database, utc_now(), account)
    email = next((each.email for each in found if each.id == invitation), None)
    if email is None:
        raise NotFoundException
    return email


def _place(account: str, done: str = "") -> str:
    return f"{CUSTOMERS}/{account}{f'?done={done}' if done else ''}#invitations"


ROUTES = [back_to_invitations, invite_one, send_again, take_back, erase_invited]
