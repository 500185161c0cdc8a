"""The browser says which page was left. The only thing it tells us by itself."""

from typing import Annotated, Any

from litestar import Request, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from msgspec import Struct

from auth.principals import Principal


class Left(Struct, frozen=True, forbid_unknown_fields=False):
    page: str


@post("/usage/left", status_code=204)
async def note_left(
    request: Request[Principal, Any, Any], data: Annotated[Left, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> None:
    request.app.state.usage.record(
        "left", data.page, member_id=request.user.member_id, account_id=request.user.account_id
    )
