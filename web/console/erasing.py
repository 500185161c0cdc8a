"""What we hold of one person: a copy of it, and its end. What is erased and what stays is said before and after."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK, HTTP_429_TOO_MANY_REQUESTS

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from auth.sessions import Sessions
from gateway.access import scope_of
from gateway.audit_reading import Wanted, read, verify
from gateway.belongings import Thing, belongings_of
from gateway.links import LinkError
from gateway.members import erase
from gateway.takeout.making import EVERY, OneAtATime, Takeouts
from web.caller import by_staff
from web.console.customers import CUSTOMERS
from web.console.desk import Answer, desk
from web.console.people import MEMBER, person_named
from web.portal.takeout import streamed
from web.redirects import see_other

DATA, COPY, ERASE = f"{MEMBER}/data", f"{MEMBER}/copy", f"{MEMBER}/erase"
ERASED = "/staff/erased"
GOES: dict[Thing, str] = {
    "accounts": "Accounts that they act for, with their rights",
    "moves": "What they could see before accounts were merged or parted",
    "persons": "Who they are in the sources",
    "addresses": "Addresses with which they came",
    "invitations": "Invitations of theirs",
    "questions": "Questions about who they are, and what was found",
    "sessions": "Sign-ins, also ended ones",
    "pages": "Pages that they were shown",
    "mails": "Mails to them, sent and waiting",
    "choices": "Their choices of mails",
    "codes": "Codes to sign in that were asked for with their address",
    "differences": "Differences between sources about them",
    "sent": "What they sent from here",
    "files": "Files that went with it",
    "visits": "Visits: they are counted on, without saying whose",
}
STAYS: dict[Thing, str] = {
    "kept_sent": "What they sent and may be under way, without their name: staff must be able to say what became of it",
    "kept_files": "Documents that their company was asked for, without the name of who gave them",
    "kept_lines": "Lines of the audit trail, so that what was done can be proved: what names the person opens no more",
}
ELSEWHERE = (
    "What the sources hold: orders, invoices and requests belong to your systems. Erase them there.",
    "Addresses in lines about invitations: the company’s key seals those, and hallway audit forget ends it.",
    "Backups of the database: they hold what was there on their day, until they are as old as you keep them.",
)


@get(DATA, opt=for_staff("admin"))
async def show_data(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], member: FromPath[str]
) -> Response[str]:
    """Show how much there is of a person, and what would become of it."""
    return await _data_page(request, account, member)


async def _data_page(
    request: Request[StaffPrincipal, Any, Any], account: str, member: str, *, too_soon: bool = False
) -> Response[str]:
    database = request.app.state.database
    _, called = await person_named(database, account, member)
    held = await belongings_of(database, member)
    return desk(
        request,
        "staff_data.html",
        area="customers",
        called=called,
        base=f"{CUSTOMERS}/{account}",
        member=member,
        goes=_rows(GOES, held),
        stays=_rows(STAYS, held),
        elsewhere=ELSEWHERE,
        too_soon=too_soon,
        status_code=HTTP_429_TOO_MANY_REQUESTS if too_soon else HTTP_200_OK,
    )


@get([COPY, ERASE], opt=for_staff("admin"))
async def back_to_data(account: FromPath[str], member: FromPath[str]) -> Response[str]:
    """Lead back who asks for the address of a form."""
    return see_other(f"{CUSTOMERS}/{account}/members/{member}/data")


@post(COPY, opt=for_staff("admin"), status_code=200)
async def copy_data(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], member: FromPath[str]
) -> Response[str] | Stream:
    """Send what the person could download themselves for this account, one copy at a time."""
    state = request.app.state
    await person_named(state.database, account, member)
    scope = await scope_of(state.database, member, account)
    if scope is None:
        raise NotFoundException
    takeouts: Takeouts = state.takeouts
    stack = AsyncExitStack()
    try:
        pieces = await stack.enter_async_context(takeouts.begun(scope, by_staff(request)))
    except OneAtATime:
        page = await _data_page(request, account, member, too_soon=True)
        page.headers["Retry-After"] = str(int(EVERY.total_seconds()))
        return page
    return streamed(pieces, stack, "their-data.zip")


@post(ERASE, opt=for_staff("admin"))
async def erase_data(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], member: FromPath[str], data: Answer
) -> Response[str]:
    """Forget a person for good, once the page that says what goes was answered."""
    state = request.app.state
    login, _ = await person_named(state.database, account, member)
    if not data.sure:
        return see_other(f"{CUSTOMERS}/{account}/members/{member}/data")
    try:
        stopped = await erase(state.database, trail=state.trail, by=by_staff(request), login=login, now=utc_now())
    except LinkError as error:  # somebody was quicker
        raise NotFoundException from error
    sessions: Sessions = state.sessions
    await sessions.forget_copies([*stopped.sessions, *stopped.viewers])
    await state.standings.forget(stopped.sessions)
    for session in stopped.sessions:
        await state.drafts.drop(session.hex())
    return see_other(f"{ERASED}/{stopped.member_id}")


@get(f"{ERASED}/{{member:str}}", opt=for_staff("admin"))
async def show_erased(request: Request[StaffPrincipal, Any, Any], member: FromPath[str]) -> Response[str]:
    """Report what was erased, as the trail has it, and whether the trail is whole."""
    state = request.app.state
    lines = await read(state.database, state.vault, Wanted(latest=1, what="member.erased", who=f"member/{member}"))
    if not lines:
        raise NotFoundException
    held = lines[0].details.get("held", {})
    verified = await verify(state.database, state.vault)
    return desk(
        request,
        "staff_erased.html",
        area="customers",
        line=lines[0],
        goes=_rows(GOES, held),
        stays=_rows(STAYS, held),
        left=[(label, many) for label, many in _rows(GOES, await belongings_of(state.database, member)) if many],
        elsewhere=ELSEWHERE,
        verified=verified,
    )


def _rows(labels: Mapping[Thing, str], held: Mapping[Any, int]) -> list[tuple[str, int]]:
    return [(label, held.get(thing, 0)) for thing, label in labels.items()]


ROUTES = [show_data, back_to_data, copy_data, erase_data, show_erased]
