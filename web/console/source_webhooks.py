"""The webhooks of a source: a secret that is shown once when it is made, and the vendor told by its API."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from connectors.errors import ConnectorError
from gateway.offices import Offices
from gateway.sources.changes import SourcesChangedError
from gateway.webhooks.registering import CannotRegister, register
from gateway.webhooks.rotating import NotOurs, make_secret
from web.caller import by_staff
from web.console.desk import Question, confirm
from web.console.matters import SOURCES
from web.console.source_acts import ONE
from web.console.sources import source_page
from web.redirects import see_other

OVERTAKEN = "Somebody changed this after you opened it. Look at it, and try again."


@get(f"{ONE}/secret", opt=for_staff("owner"))
async def ask_for_secret(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    offices: Offices = request.app.state.offices
    office = await offices.get(name)
    if office is None or office.connector.webhook is None or not office.connector.webhook.is_ours:
        raise NotFoundException
    question = Question(
        title=f"A new secret for the webhooks of {office.title}?",
        text="It is shown once, on the next page, and stored sealed.",
        effects=(
            "For one day the secret before counts too, so nothing is lost while you put in the new one over there.",
            "After that day, whatever still comes with the old one is refused.",
        ),
        action=f"{SOURCES}/{name}/secret",
        button="Make a new secret",
        back=f"{SOURCES}/{name}#webhooks",
    )
    return confirm(request, "sources", question)


@post(f"{ONE}/secret", opt=for_staff("owner"), status_code=200)
async def show_new_secret(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    """Make one, and show it this once: no address leads to it again."""
    state = request.app.state
    known = {"source": name, "now": utc_now(), "trail": state.trail, "by": by_staff(request)}
    try:
        made = await make_secret(state.database, state.vault, state.offices, **known)
    except NotOurs as error:
        raise NotFoundException from error
    except SourcesChangedError:
        return await source_page(request, name, status_code=409, problem=OVERTAKEN)
    state.offices.look_again()
    answer = await source_page(request, name, secret=made.secret.reveal())
    answer.set_header("Cache-Control", "no-store")
    return answer


@post(f"{ONE}/register", opt=for_staff("owner"))
async def register_source(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    """Tell the vendor our address by its API, as `hallway webhooks register` does."""
    state = request.app.state
    known = {
        "source": name,
        "base_url": state.base_url,
        "now": utc_now(),
        "trail": state.trail,
        "by": by_staff(request),
    }
    try:
        await register(state.database, state.vault, state.offices, **known)
    except CannotRegister as error:
        return await source_page(request, name, status_code=422, problem=str(error))
    except SourcesChangedError:
        return await source_page(request, name, status_code=409, problem=OVERTAKEN)
    except ConnectorError as error:
        return await source_page(request, name, status_code=422, problem=f"It did not take our address: {error}")
    state.offices.look_again()
    return see_other(f"{SOURCES}/{name}#webhooks")


ROUTES = [ask_for_secret, show_new_secret, register_source]
