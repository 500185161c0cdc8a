"""Taking back what has not gone out, on whatever page it stands."""

from contextlib import suppress

from litestar.exceptions import NotFoundException

from gateway.outbox.desk import NotYours, TooLate
from web.portal.visit import Visit


async def take_back(visit: Visit, handed: str) -> None:
    """Take back what the visitor sent. What has gone out stays where it is, and its page says so.

    Raises `NotFoundException` for what is not theirs, and `DatabaseDown`.
    """
    if visit.scope is None:
        raise NotFoundException
    try:
        with suppress(TooLate):
            await visit.desk.take_back(visit.scope, handed)
    except NotYours as error:
        raise NotFoundException from error
