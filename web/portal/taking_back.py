"""Taking back what has not gone out, on whatever page it stands, and what is said where that comes too late."""

from litestar.exceptions import NotFoundException

from gateway.languages import gettext, gettext_noop
from gateway.outbox.desk import NotYours, TooLate
from gateway.standing import Standings
from web.portal.fates import doubt_of
from web.portal.visit import Visit

STAYS = gettext_noop("It was on its way already, so it could not be taken back.")


async def take_back(visit: Visit, handed: str) -> str | None:
    """Take back what the visitor sent. Gives what is to be said where it was too late, None: it is taken back.

    Raises `NotFoundException` for what is not theirs, and `DatabaseDown`.
    """
    if visit.scope is None:
        raise NotFoundException
    try:
        await visit.desk.take_back(visit.scope, handed)
    except NotYours as error:
        raise NotFoundException from error
    except TooLate:
        found = await visit.desk.one(visit.scope, handed)
        return None if found.state == "cancelled" else doubt_of(found) or gettext(STAYS)
    await stand_anew(visit)
    return None


async def stand_anew(visit: Visit) -> None:
    """Let the visitor's next page count anew what waits for them."""
    standings: Standings = visit.request.app.state.standings
    await standings.forget([visit.request.user.session])
