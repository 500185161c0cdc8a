"""What staff do about a person of an account: set what they may see, let them in or keep them out."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from auth.sessions import Sessions
from gateway.dossiers import customer_of
from gateway.grants import Stale, set_rights
from gateway.links import LinkError, Login, remove_member
from gateway.member_rows import live_sessions, login_of
from gateway.members import disable, enable
from gateway.records.database import Database
from gateway.rights import Reach, Rights
from web.caller import by_staff
from web.console.account import ACCOUNT, account_page
from web.console.customers import CUSTOMERS
from web.console.desk import Answer, Question, confirm
from web.console.finding import Whole
from web.redirects import see_other

MEMBER = f"{ACCOUNT}/members/{{member:str}}"
ACTS = ("rights", "disable", "enable", "sign-out", "remove")
STALE = "Below is what holds now. What you chose was not saved: look, and choose again."


class Chosen(Struct, frozen=True, kw_only=True):
    """What a form says of each area, and which version of the rights it was made of."""

    orders: Reach
    invoices: Reach
    requests: Reach
    documents: Reach
    version: Whole
    manages: str = ""


@get([f"{MEMBER}/{act}" for act in ACTS], opt=for_staff("admin"))
async def back_to_person(account: FromPath[str], member: FromPath[str]) -> Response[str]:
    """Lead back who asks for the address of a form."""
    return see_other(f"{CUSTOMERS}/{account}#person-{member}")


@post(f"{MEMBER}/rights", opt=for_staff("admin"))
async def save_rights(
    request: Request[StaffPrincipal, Any, Any],
    account: FromPath[str],
    member: FromPath[str],
    data: Annotated[Chosen, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Set what a person may see of the account, if nobody else did meanwhile."""
    state = request.app.state
    login, _ = await person_named(state.database, account, member)
    wanted = Rights(
        orders=data.orders,
        invoices=data.invoices,
        requests=data.requests,
        documents=data.documents,
        manages=bool(data.manages),
    )
    try:
        changed = await set_rights(
            state.database,
            trail=state.trail,
            by=by_staff(request),
            login=login,
            account=account,
            change=lambda _: wanted,
            seen=data.version,
        )
    except Stale:
        return await account_page(
            request, account, status_code=409, problem=STALE, at="rights", written={"member": member}
        )
    except LinkError as error:
        raise NotFoundException from error
    await state.standings.forget(changed.sessions)
    return see_other(f"{CUSTOMERS}/{account}?done=rights#person-{member}")


@post(f"{MEMBER}/disable", opt=for_staff("admin"), status_code=200)
async def disable_person(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], member: FromPath[str], data: Answer
) -> Response[str]:
    """Keep somebody out of every account of theirs."""
    state = request.app.state
    login, called = await person_named(state.database, account, member)
    if not data.sure:
        effects = (
            "They are signed out everywhere within ten seconds.",
            "They cannot sign in again, for any account, until you let them.",
            "Nothing of theirs is deleted, and what they sent goes on.",
        )
        return _ask(request, account, member, "disable", (f"Disable {called}?", "Disable"), effects)
    now = utc_now()
    stopped = await disable(state.database, trail=state.trail, by=by_staff(request), login=login, now=now)
    sessions: Sessions = state.sessions
    await sessions.forget_copies(stopped.sessions if stopped else ())
    return see_other(f"{CUSTOMERS}/{account}?done=disabled#person-{member}")


@post(f"{MEMBER}/enable", opt=for_staff("admin"))
async def enable_person(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], member: FromPath[str]
) -> Response[str]:
    state = request.app.state
    login, _ = await person_named(state.database, account, member)
    await enable(state.database, trail=state.trail, by=by_staff(request), login=login)
    return see_other(f"{CUSTOMERS}/{account}?done=enabled#person-{member}")


@post(f"{MEMBER}/sign-out", opt=for_staff("admin"), status_code=200)
async def sign_out_person(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], member: FromPath[str], data: Answer
) -> Response[str]:
    """End every session of somebody."""
    state = request.app.state
    _, called = await person_named(state.database, account, member)
    if not data.sure:
        effects = ("Every browser that they are signed in with is signed out.", "They may sign in again at once.")
        return _ask(request, account, member, "sign-out", (f"Sign {called} out everywhere?", "Sign out"), effects)
    sessions: Sessions = state.sessions
    await sessions.end_all(member, by=by_staff(request))
    return see_other(f"{CUSTOMERS}/{account}?done=signed-out#person-{member}")


@post(f"{MEMBER}/remove", opt=for_staff("admin"), status_code=200)
async def remove_person(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], member: FromPath[str], data: Answer
) -> Response[str]:
    """Let somebody act for this account no longer. Their login and their other accounts stay."""
    state = request.app.state
    login, called = await person_named(state.database, account, member)
    if not data.sure:
        effects = (
            "They see nothing of this account any more, within ten seconds.",
            "Their login and their other accounts stay as they are.",
            "No match gives it back: only staff can.",
        )
        title = (f"Remove {called} from this account?", "Remove")
        return _ask(request, account, member, "remove", title, effects)
    before = await live_sessions(state.database, account)
    await remove_member(state.database, trail=state.trail, by=by_staff(request), account=account, login=login)
    await state.standings.forget(before)
    return see_other(f"{CUSTOMERS}/{account}?done=removed#people")


async def person_named(database: Database, account: str, member: str) -> tuple[Login, str]:
    """Find somebody who may act for the account: their login, and what they are called."""
    login = await login_of(database, account, member)
    found = await customer_of(database, account) if login else None
    if login is None or found is None:
        raise NotFoundException
    return login, next((each.called for each in found.people if each.id == member), login.subject)


def _ask(  # noqa: PLR0917  # what a page that asks is made of
    request: Request[StaffPrincipal, Any, Any],
    account: str,
    member: str,
    act: str,
    words: tuple[str, str],
    effects: tuple[str, ...],
) -> Response[str]:
    title, button = words
    question = Question(
        title=title,
        text="It is written to the audit trail with your name.",
        effects=effects,
        action=f"{CUSTOMERS}/{account}/members/{member}/{act}",
        button=button,
        back=f"{CUSTOMERS}/{account}#person-{member}",
        fields={"sure": "yes"},
        is_loss=act in {"disable", "remove"},
    )
    return confirm(request, "customers", question)


ROUTES = [back_to_person, save_rights, disable_person, enable_person, sign_out_person, remove_person]
