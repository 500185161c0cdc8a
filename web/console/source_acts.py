"""What staff do to a source: pause and resume it, read it anew, and remove it, after they read what goes with it."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.feeds.sweeps import read_anew
from gateway.sources.changes import SourceNeededError, SourcesChangedError
from gateway.sources.pausing import NoSourceError, pause, resume
from gateway.sources.removing import Going, remove, what_goes
from gateway.sources.resting import without_it
from web.caller import by_staff
from web.console.desk import Question, confirm
from web.console.matters import SOURCES
from web.console.source_words import KINDS
from web.redirects import see_other
from web.words import count

ONE = f"{SOURCES}/{{name:str}}"
OVERTAKEN = "Somebody changed this after you opened it. Look at it again before you remove it."


class Meant(Struct, frozen=True):
    """`even_waiting` is set where somebody read that something waits, and removes it all the same."""

    version: Annotated[str, Meta(max_length=40)] = ""
    even_waiting: Annotated[str, Meta(max_length=3)] = ""


@post(f"{ONE}/pause", opt=for_staff("owner"))
async def pause_source(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    state = request.app.state
    try:
        await pause(state.database, source=name, now=utc_now(), trail=state.trail, by=by_staff(request))
    except NoSourceError as error:
        raise NotFoundException from error
    state.offices.look_again()
    return see_other(f"{SOURCES}/{name}")


@post(f"{ONE}/resume", opt=for_staff("owner"))
async def resume_source(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    state = request.app.state
    try:
        await resume(state.database, source=name, trail=state.trail, by=by_staff(request))
    except NoSourceError as error:
        raise NotFoundException from error
    state.offices.look_again()
    return see_other(f"{SOURCES}/{name}")


@post(f"{ONE}/read-anew", opt=for_staff("owner"))
async def read_source_anew(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    """Have every list of it read as a whole once more."""
    state = request.app.state
    if not await read_anew(state.database, source=name, now=utc_now(), trail=state.trail, by=by_staff(request)):
        raise NotFoundException
    return see_other(f"{SOURCES}/{name}#reading")


@get(f"{ONE}/remove", opt=for_staff("owner"))
async def ask_to_remove(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    """Say what goes with it, and ask."""
    return confirm(request, "sources", await _question(request, name))


@post(f"{ONE}/remove", opt=for_staff("owner"))
async def remove_source(
    request: Request[StaffPrincipal, Any, Any],
    name: FromPath[str],
    data: Annotated[Meant, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Do it. Where the source has changed, or something waits of which the page did not tell, ask once more."""
    state = request.app.state
    try:
        await remove(
            state.database,
            state.vault,
            state.offices.connectors,
            source=name,
            version=data.version,
            even_waiting=data.even_waiting == "yes",
            now=utc_now(),
            trail=state.trail,
            by=by_staff(request),
        )
    except (SourcesChangedError, SourceNeededError) as error:
        answer = confirm(request, "sources", await _question(request, name, problem=_told(error)))
        answer.status_code = 409
        return answer
    state.offices.look_again()
    return see_other(SOURCES)


def _told(error: Exception) -> str:
    if isinstance(error, SourceNeededError):
        return "A message of a customer’s came after you opened this page. Read what will happen to it."
    return OVERTAKEN


async def _question(request: Request[StaffPrincipal, Any, Any], name: str, problem: str = "") -> Question:
    going = await what_goes(request.app.state.database, request.app.state.offices.connectors, name)
    if going is None:
        raise NotFoundException
    fields = {"version": going.version}
    if going.waiting:
        fields["even_waiting"] = "yes"
    return Question(
        title=f"Remove {going.title}?",
        text=problem or "It goes at once, for everybody. Nothing in the system itself is touched.",
        effects=tuple(effects_of(going)),
        action=f"{SOURCES}/{name}/remove",
        button=f"Remove {going.title}, all the same" if going.waiting else f"Remove {going.title}",
        back=f"{SOURCES}/{name}",
        fields=fields,
        is_loss=True,
    )


def effects_of(going: Going) -> list[str]:
    """Say what will disappear, and for whom."""
    accounts = count(going.accounts, "account", "accounts")
    people = count(going.members, "person", "people")
    said = [f"{accounts} with {people} will see nothing of it any more, from their next page on."]
    if going.alone:
        said.append(f"{count(going.alone, 'account has', 'accounts have')} nothing else: those pages will be empty.")
    if going.records:
        found = ", ".join(
            count(many, KINDS[kind].lower()[:-1], KINDS[kind].lower()) for kind, many in going.records.items()
        )
        said.append(f"What is kept of its records is not shown any more ({found}), and is deleted within eight days.")
    if going.only_here:
        kinds = " or ".join(KINDS[kind].lower() for kind in going.only_here)
        said.append(f"No other source has {kinds}: customers will see none.")
    said += without_it(going.resting)
    links = count(going.links, "link", "links")
    persons = f", and {count(going.persons, 'tie', 'ties')} to persons over there," if going.persons else ""
    said.append(f"{links} to its customers{persons} will be deleted. Connected again, it has to be linked again.")
    said.append("Its settings and its secrets will be deleted. The audit trail keeps that it was there.")
    if going.waiting:
        messages = count(going.waiting, "message", "messages")
        said.append(f"{messages} of customers’ still wait to go there. They will not; staff decide about each.")
    return said


@get([f"{ONE}/{act}" for act in ("pause", "resume", "read-anew", "register")], opt=for_staff("read-only"))
async def lead_back(name: FromPath[str]) -> Response[str]:
    """Lead whoever comes back to the address of a form, as after a sign-in, to the page that has it."""
    return see_other(f"{SOURCES}/{name}")


ROUTES = [lead_back, pause_source, resume_source, read_source_anew, ask_to_remove, remove_source]
