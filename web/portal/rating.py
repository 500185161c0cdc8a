"""The form under a solved request: whether it helped."""

from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from litestar.status_codes import HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY
from msgspec import Struct
from msgspec.structs import replace

from auth.guards import KEEPS_DRAFT
from auth.principals import Visiting
from connectors.records import Ticket
from gateway.home import Item
from gateway.languages import gettext, gettext_noop
from gateway.outbox.desk import TooLate
from web.portal.drafting import again_of, drop_draft
from web.portal.nonces import Nonce
from web.portal.paths import RecordId, SourceName
from web.portal.replies import answering
from web.portal.requests import request_page
from web.portal.satisfaction import LONGEST_COMMENT, Satisfaction, satisfaction
from web.portal.too_long import too_long
from web.portal.visit import Visit, href
from web.redirects import see_other

RATE = "/requests/{source:str}/{record:str}/rate"
GONE = gettext_noop("Your first answer was on its way already, so it stays. Tell us below what has changed.")


class Given(Struct, frozen=True, kw_only=True):
    """What the form says. `nonce` names the solution that was seen."""

    nonce: Nonce
    helped: Literal["yes", "no"]
    comment: str = ""


@post(RATE, opt=KEEPS_DRAFT)
async def rate_request(
    visit: NamedDependency[Visit],
    request: Request[Visiting, Any, Any],
    source: SourceName,
    record: RecordId,
    data: Annotated[Given, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Take whether it helped, or change what was said while it has not gone out."""
    item = await visit.one(Ticket, source, record)
    if visit.scope is None or not visit.can("rate", item.part.link):
        raise NotFoundException
    so_far = await satisfaction(visit, item)
    there = see_other(f"{href(item)}#rate")
    if so_far is None or data.nonce != so_far.nonce:
        return there  # it was opened again, or more was said: the page shows that
    comment, helped = data.comment.replace("\r\n", "\n").strip(), data.helped == "yes"
    asked = {"helped": helped, "comment": comment}
    if len(comment) > LONGEST_COMMENT:
        refused = replace(so_far, comment=comment, problem=too_long(LONGEST_COMMENT))
        return await _refuse(visit, item, refused, HTTP_422_UNPROCESSABLE_ENTITY)
    if so_far.handed is None and so_far.may_answer:
        await visit.desk.take(visit.scope, item.part.link, "rate", {"ticket": record, **asked}, data.nonce)
    elif so_far.handed and so_far.is_mine and (helped, comment) != (so_far.helped, so_far.comment):
        try:
            await visit.desk.correct(visit.scope, so_far.handed.id, asked)
        except TooLate:
            refused = replace(so_far, may_answer=False, problem=gettext(GONE))
            return await _refuse(visit, item, refused, HTTP_409_CONFLICT)
    await drop_draft(request)
    return there


async def _refuse(visit: Visit, item: Item[Ticket], refused: Satisfaction, status: int) -> Response[bytes]:
    page = await request_page(visit, item, await answering(visit, item), refused)
    page.status_code = status
    return page


@get(RATE)
async def go_to_rating(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], source: SourceName, record: RecordId
) -> Response[str]:
    """Lead somebody back who reloads the address of the form, or has signed in again on the way there."""
    page = href(await visit.one(Ticket, source, record))
    return see_other(f"{page}{again_of(request)}#rate")
