"""Download my data: one file, made while it is sent, one at a time."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.response import Stream

from auth.principals import Principal
from gateway.takeout.making import EVERY, OneAtATime, Takeouts
from web.caller import by_member
from web.errors import TooSoon
from web.portal.files import SANDBOX, WITHIN, attachment
from web.portal.visit import Visit


@post("/account/data", status_code=200)
async def download_data(visit: NamedDependency[Visit], request: Request[Principal, Any, Any]) -> Stream:
    """Send the member's copy. It is a POST, so that no other site can have one made."""
    takeouts: Takeouts = request.app.state.takeouts
    if visit.scope is None:
        raise NotFoundException
    stack = AsyncExitStack()
    try:
        pieces = await stack.enter_async_context(takeouts.begun(visit.scope, by_member(request)))
    except OneAtATime as error:
        raise TooSoon(headers={"Retry-After": str(int(EVERY.total_seconds()))}) from error
    visit.note("finished", "data")
    return streamed(pieces, stack, "my-data.zip")


def streamed(pieces: AsyncGenerator[bytes], stack: AsyncExitStack, name: str) -> Stream:
    """Send a copy while it is made. `stack` is what it holds until the last piece is sent, or its time is over."""
    ends = time.monotonic() + WITHIN

    async def chunks() -> AsyncIterator[bytes]:
        async with stack, aclosing(pieces):
            async for piece in pieces:
                if piece:
                    yield piece
                if time.monotonic() > ends:
                    raise TimeoutError("the reader was too slow")

    headers = {"Content-Disposition": attachment(name), "Content-Security-Policy": SANDBOX}
    return Stream(chunks(), media_type="application/zip", headers=headers)
