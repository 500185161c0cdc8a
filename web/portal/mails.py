"""Which mails a member gets, and the way from a mail to the record that it is about."""

from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath, QueryParameter
from msgspec import Struct

from auth.principals import Principal, Visiting
from gateway.access import scope_of
from gateway.events import EVENTS, KIND_OF, EventName
from gateway.mails.choices import MailDesk
from gateway.mails.letters import WHEN
from gateway.records.database import Database
from gateway.rights import AREA_OF
from web.caller import by_member
from web.portal.visit import Visit
from web.redirects import see_other

Saved = Annotated[str, QueryParameter(max_length=10, description="Whether something was just saved")]


class Chosen(Struct, frozen=True, kw_only=True):
    """What the form says: each event that is ticked."""

    request_waits: str = ""
    request_answered: str = ""
    invoice_new: str = ""
    invoice_overdue: str = ""
    order_shipped: str = ""


class Choice(Struct, frozen=True, kw_only=True):
    """An event as the form shows it."""

    event: EventName
    when: str
    is_wanted: bool


@get("/account/mails")
async def show_mails(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], saved: Saved = ""
) -> Response[bytes]:
    mails: MailDesk = request.app.state.mails
    choices = await mails.choices.of(request.user.member_id)
    return visit.page(
        "mails.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        saved=bool(saved),
        sends_mails=request.app.state.mails.is_on,
        has_mailbox=request.app.state.mails.mailbox is not None,
        address=choices.address,
        refused=choices.refused,
        choices=[Choice(event=event, when=WHEN[event], is_wanted=event in choices.wanted) for event in _offered(visit)],
    )


@post("/account/mails")
async def choose_mails(
    visit: NamedDependency[Visit],
    request: Request[Principal, Any, Any],
    data: Annotated[Chosen, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Set which mails are wanted. What the member may not see is not on the form, and stays as it is."""
    mails: MailDesk = request.app.state.mails
    offered = _offered(visit)
    before = (await mails.choices.of(request.user.member_id)).wanted
    wanted = [event for event in EVENTS if (getattr(data, event) if event in offered else event in before)]
    await mails.choices.choose(request.user.member_id, wanted, by_member(request))
    return see_other("/account/mails?saved=1")


@post("/account/mails/address")
async def believe_address(request: Request[Principal, Any, Any]) -> Response[str]:
    """Send mails again to an address that was refused."""
    mails: MailDesk = request.app.state.mails
    await mails.choices.try_again(request.user.member_id, by_member(request))
    return see_other("/account/mails?saved=1")


@get("/open/{account:str}/{area:str}/{source:str}/{record:str}")
async def open_record(
    visit: NamedDependency[Visit],
    request: Request[Visiting, Any, Any],
    account: FromPath[str],
    area: FromPath[str],
) -> Response[Any]:
    """Go to a record of one account. Whoever acts for another one of theirs is asked to change."""
    if area not in AREA_OF.values():
        raise NotFoundException
    of = request.path_params
    place = "/" + "/".join(quote(part, safe="") for part in (area, of["source"], of["record"]))
    if visit.scope and visit.scope.account_id == account:
        return see_other(place)
    database: Database = request.app.state.database
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


def _offered(visit: Visit) -> list[EventName]:
    return [event for event in EVENTS if AREA_OF[KIND_OF[event]] in visit.areas]
