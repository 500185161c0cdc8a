"""Removing a topic, or all that staff wrote: asked first, and not where somebody changed it meanwhile."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.seeing.versions import POLICIES
from gateway.segments import Policy
from gateway.topics import changes
from gateway.topics.topic import Named
from gateway.topics.writing import as_written
from web.console.desk import CHANGED, Question, confirm
from web.console.topics import TOPICS, WRITES, apply_topics, topic_named, topic_page
from web.redirects import see_other

LAST = "This is the only one. Write another one first, or go back to the usual topics."


class Looked(Struct, frozen=True):
    """What there was when the page that asks was made."""

    seen: Annotated[str, Meta(max_length=64)] = ""


@get(f"{TOPICS}/one/{{name:str}}/remove", opt=for_staff(WRITES))
async def ask_remove(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    found = await topic_named(request, name)
    if found is None:
        raise NotFoundException
    return await _ask_remove(request, found)


@post(f"{TOPICS}/one/{{name:str}}/remove", opt=for_staff(WRITES))
async def remove_topic(
    request: Request[StaffPrincipal, Any, Any],
    name: FromPath[str],
    data: Annotated[Looked, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    database = request.app.state.database
    found = await topic_named(request, name)
    if found is None:  # that was done already
        return see_other(TOPICS)
    if data.seen != (await changes.stamps(database)).get(name, ""):
        return await _ask_remove(request, found, said=CHANGED)
    left = [each for each in await changes.topics(database) if each.name != name]
    if not left:
        return await topic_page(request, name, as_written(found.topic), data.seen, said=LAST, status_code=422)
    await apply_topics(request, left)
    return see_other(TOPICS)


async def _ask_remove(request: Request[StaffPrincipal, Any, Any], found: Named, *, said: str = "") -> Response[str]:
    database = request.app.state.database
    policy = (await POLICIES.live(database)).content
    question = Question(
        title=f"Remove “{found.topic.label}”?",
        text=said or "Customers can’t choose it any more, from their next page on.",
        effects=(
            "What was sent with it stays.",
            "What somebody is writing with it can’t be sent any more.",
            *_dead_links(policy, found.name),
        ),
        action=f"{TOPICS}/one/{found.name}/remove",
        button="Remove it",
        back=f"{TOPICS}/one/{found.name}",
        fields={"seen": (await changes.stamps(database)).get(found.name, "")},
        is_loss=True,
    )
    return confirm(request, "requests", question, status_code=409 if said else 200)


@get(f"{TOPICS}/usual", opt=for_staff(WRITES))
async def ask_usual(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await _ask_usual(request)


@post(f"{TOPICS}/usual", opt=for_staff(WRITES))
async def use_usual(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Looked, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    stamps = await changes.stamps(request.app.state.database)
    if stamps and data.seen != _all_of(stamps):
        return await _ask_usual(request, said=CHANGED)
    await apply_topics(request, ())
    return see_other(TOPICS)


async def _ask_usual(request: Request[StaffPrincipal, Any, Any], *, said: str = "") -> Response[str]:
    question = Question(
        title="Go back to the usual topics?",
        text=said or "Customers choose from the topics that Hallway comes with.",
        effects=("All topics that were written here are gone.", "What was sent with them stays."),
        action=f"{TOPICS}/usual",
        button="Use the usual ones",
        back=TOPICS,
        fields={"seen": _all_of(await changes.stamps(request.app.state.database))},
        is_loss=True,
    )
    return confirm(request, "requests", question, status_code=409 if said else 200)


def _all_of(stamps: Mapping[str, str]) -> str:
    """Make one stamp of all topics' stamps."""
    return hashlib.sha256(msgspec.json.encode(sorted(stamps.items()))).hexdigest()


def _dead_links(policy: Policy, topic: str) -> Iterator[str]:
    """Say whose notice leads to a topic."""
    seen = [(f"“{each.title}”", each.seen) for each in policy.segments]
    for who, its in [*seen, ("everybody else" if seen else "all customers", policy.everybody)]:
        if its.notice and its.notice.topic == topic:
            yield f"The notice for {who} leads to it: that link leads nowhere then."


ROUTES = [ask_remove, remove_topic, ask_usual, use_usual]
