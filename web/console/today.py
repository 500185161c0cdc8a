"""Where staff arrive: what needs them now, each with the next step, and how each source is doing."""

from typing import Any

from litestar import Request, Response, get
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from gateway.today import Matter, Today, What
from web.console.deliveries import DELIVERIES
from web.console.desk import STAFF_HOME, desk
from web.words import count

SOURCES, REQUESTS = "/staff/sources", "/staff/requests"


class Words(Struct, frozen=True, kw_only=True):
    """How a matter is told, and its next step: a page for those of the `least` role, or a command."""

    chip: str
    title: str  # {source}, {messages}, {logins}, {things}, {webhooks} and {mails} stand for what it is about
    text: str
    href: str | None = None
    step: str = ""
    least: Role = "read-only"
    command: str | None = None


WORDS: dict[What, Words] = {
    "broken": Words(
        chip="Switched off",
        title="The settings of {source} can’t be used",
        text="Customers see what we knew before, and nothing new.",
        href=SOURCES,
        step="See the source",
    ),
    "failing": Words(
        chip="Not reachable",
        title="{source} does not tell us what has changed",
        text="Customers see what we knew before, with its age.",
        href=SOURCES,
        step="See the source",
    ),
    "unknown": Words(
        chip="Can’t tell if sent",
        title="{messages} may or may not have reached {source}",
        text="The line broke before the answer came. Nothing is sent twice by itself: look, and decide.",
        href=REQUESTS,
        step="Look and decide",
        least="support",
    ),
    "not_sent": Words(
        chip="Not sent",
        title="{messages} could not be passed on to {source}",
        text="The customer knows that we have it, and waits.",
        href=REQUESTS,
        step="Look and decide",
        least="support",
    ),
    "late": Words(
        chip="Late",
        title="{source} is slow",
        text="What we know of it is older than promised.",
        href=SOURCES,
        step="See the source",
    ),
    "questions": Words(
        chip="Who is this?",
        title="{logins} for a decision",
        text="Nobody could be sure which customer they are. They see nothing until someone decides.",
        command="hallway queue list",
    ),
    "conflicts": Words(
        chip="Differs",
        title="Two sources disagree about {things}",
        text="Customers see both, each with where it is from.",
        command="hallway conflicts list",
    ),
    "refused": Words(
        chip="Refused",
        title="{webhooks} from {source} could not be believed since yesterday",
        text="An old secret, a clock that is wrong, or somebody else who tries.",
        href=f"{DELIVERIES}/refused",
        step="See why",
        least="support",
    ),
    "given_up": Words(
        chip="Given up",
        title="{webhooks} from {source} could not be followed",
        text="The system did not answer. Pages follow as their promises say; a replay makes them follow at once.",
        href=f"{DELIVERIES}?status=dead",
        step="Look and replay",
        least="support",
    ),
    "mails": Words(
        chip="Not sent",
        title="{mails} did not go out, or may not have",
        text="Whoever waits for them has not been told. Nothing is sent twice by itself: look, and decide.",
        href=f"{DELIVERIES}/mails",
        step="Look and decide",
        least="support",
    ),
}


class Card(Struct, frozen=True):
    """A matter as it is shown. `detail` is what a system says of it."""

    words: Words
    title: str
    tone: str
    detail: str
    href: str | None


@get(STAFF_HOME, opt=for_staff("none"))
async def show_today(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    who = request.user
    if not who.reaches("read-only"):
        return desk(request, "staff.html", area="today")
    today: Today = request.app.state.today
    day = await today.look()
    felt = [card_of(each, who) for each in day.matters if each.is_felt]
    others = [card_of(each, who) for each in day.matters if not each.is_felt]
    return desk(request, "staff_today.html", area="today", felt=felt, others=others, sources=day.sources, now=day.now)


def card_of(matter: Matter, who: StaffPrincipal) -> Card:
    """Tell a matter to somebody whose role may do something about it, or not."""
    words, many = WORDS[matter.what], matter.many
    title = words.title.format(
        source=matter.title,
        messages=count(many, "message", "messages"),
        logins=count(many, "login waits", "logins wait"),
        things=count(many, "thing", "things"),
        webhooks=count(many, "webhook", "webhooks"),
        mails=count(many, "mail", "mails"),
    )
    tone = "bad" if matter.is_felt else "warn"
    return Card(words, title, tone, matter.detail, words.href if who.reaches(words.least) else None)


ROUTES = [show_today]
