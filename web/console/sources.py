"""The sources: a list with what is wrong first, and of each a page that says how it is doing."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, Parameter
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.budgets import room_of
from gateway.feeds.overview import FollowedKind
from gateway.links import is_linked
from gateway.offices import Office, Offices
from gateway.repairs import repairs_of
from gateway.sources.resting import segments_of
from gateway.sources.stored import asked_of
from gateway.status import SourceStatus
from gateway.today import Day, Today
from gateway.troubles import history_of
from gateway.webhooks.rotating import both_until
from web.console.desk import desk
from web.console.finding import Search, file_of, plain
from web.console.matters import SOURCES, Card, card_of
from web.console.source_words import CONDITIONS, KINDS, blind_to, errors_of, lost_with_the_address, remarks, steps_of

ERRORS = 30  # of a source, the last ones
HEAD = ("Name", "Title", "System", "Condition", "Kind", "Known as of", "Promised seconds", "Last webhook", "Waiting")


class Row(Struct, frozen=True):
    """A source in the list: `remark` says in a sentence what there is to say of its condition."""

    source: SourceStatus
    remark: str


class KindRow(Struct, frozen=True, kw_only=True):
    """One kind of a source's page. `read` None: it was never read as a whole."""

    name: str
    followed: FollowedKind | None
    promise: timedelta
    blind: str
    read: int | None


@get(SOURCES, opt=for_staff("read-only"))
async def show_sources(
    request: Request[StaffPrincipal, Any, Any],
    q: Search = "",
    show: Annotated[str, Parameter(max_length=20)] = "",
) -> Response[str]:
    day = await _day(request)
    question = plain(q)
    found = _found(day, question, show)
    segments = await segments_of(request.app.state.database)
    offices: Offices = request.app.state.offices
    known, broken = await offices.all(), await offices.broken()
    conditions = [source.condition(day.now) for source in day.sources]
    return desk(
        request,
        "staff_sources.html",
        area="sources",
        rows=[Row(each, remarks(each, day.now, segments.get(each.name, ()))) for each in found],
        question=question,
        show=show if show in CONDITIONS else "",
        many=len(day.sources),
        counts=[
            (name, words.label, conditions.count(name)) for name, words in CONDITIONS.items() if name in conditions
        ],
        lost={name: broken[name] for name in sorted(broken.keys() - known.keys())},
        now=day.now,
    )


@get(f"{SOURCES}.csv", opt=for_staff("read-only"))
async def download_sources(
    request: Request[StaffPrincipal, Any, Any],
    q: Search = "",
    show: Annotated[str, Parameter(max_length=20)] = "",
) -> Response[bytes]:
    """Give the same list as a file, a line for each kind that is followed."""
    day = await _day(request)
    rows = [line for each in _found(day, plain(q), show) for line in _lines(each, day)]
    return file_of("sources", HEAD, rows)


@get(f"{SOURCES}/{{name:str}}", opt=for_staff("read-only"))
async def show_source(
    request: Request[StaffPrincipal, Any, Any],
    name: FromPath[str],
    lost: Annotated[str, Parameter(max_length=200)] = "",
) -> Response[str]:
    return await source_page(request, name, lost=lost)


async def source_page(
    request: Request[StaffPrincipal, Any, Any], name: str, *, status_code: int = 200, **said: str | None
) -> Response[str]:
    """Show a source. `said` is what came of an act: `problem`, `secret`, `lost`."""
    day = await _day(request)
    offices: Offices = request.app.state.offices
    source, office = next((each for each in day.sources if each.name == name), None), await offices.get(name)
    if source is None or office is None:
        broken = (await offices.broken()).get(name)
        if broken is None:
            raise NotFoundException
        return desk(request, "staff_source_lost.html", area="sources", name=name, problem=broken)
    history = await history_of(request.app.state.database, name, ERRORS)
    sweep, webhooks = source.followed.sweep, source.webhooks
    is_reading = source.paused_at is None and sweep is not None and sweep.ended_at is None
    is_new = not await is_linked(request.app.state.database, name)
    segments = await segments_of(request.app.state.database)
    cards: list[Card] = [card_of(each, request.user) for each in repairs_of(source, day.now)]
    return desk(
        request,
        "staff_source.html",
        area="sources",
        status_code=status_code,
        source=source,
        remark=remarks(source, day.now, segments.get(name, ())),
        cards=cards,
        kinds=_kinds(source, office),
        room=room_of(office.connector.limits),
        per_minute=office.connector.limits.per_minute,
        errors=errors_of(sorted(history, key=lambda each: each.ended_at is not None)),
        hook=webhooks.address.replace("<webhook_secret>", said.get("secret") or "THE-SECRET"),
        steps=steps_of(webhooks.steps),
        is_ours=bool(office.connector.webhook and office.connector.webhook.is_ours),
        both_until=both_until(office, day.now),
        refresh=is_reading or webhooks.state == "waiting",
        may=request.user.reaches("owner"),
        may_invite=request.user.reaches("admin"),
        is_new=is_new,
        now=day.now,
        problem=said.get("problem"),
        lost=_lost(office, (said.get("lost") or "").split(",")),
        secret=said.get("secret"),
    )


async def _day(request: Request[StaffPrincipal, Any, Any]) -> Day:
    today: Today = request.app.state.today
    return await today.look_at_sources()


def _found(day: Day, question: str, show: str) -> list[SourceStatus]:
    """Give those that match, the worst condition first."""
    order = list(CONDITIONS)
    words = question.casefold().split()
    found = [
        each
        for each in day.sources
        if all(word in f"{each.name} {each.followed.title} {each.system}".casefold() for word in words)
        and (show not in CONDITIONS or each.condition(day.now) == show)
    ]
    return sorted(found, key=lambda each: (order.index(each.condition(day.now)), each.followed.title))


def _lines(source: SourceStatus, day: Day) -> Sequence[tuple[str, ...]]:
    last = source.webhooks.told.last_at
    ours = (source.name, source.followed.title, source.system, CONDITIONS[source.condition(day.now)].label)
    theirs = (last.isoformat() if last else "", str(source.outbox.waiting))
    kinds: list[tuple[str, str, str]] = [
        (kind.kind, kind.checked_at.isoformat() if kind.checked_at else "", f"{kind.promise.total_seconds():g}")
        for kind in source.followed.kinds
    ]
    return [(*ours, *kind, *theirs) for kind in kinds or [("", "", "")]]


def _lost(office: Office, names: Collection[str]) -> list[str]:
    """Say which of these secrets are gone, of those that are not there again."""
    if office.opened is None:
        return []
    config = office.opened.config
    fields = [each for each in asked_of(office.connector) if each.away and each.name in names]
    return lost_with_the_address([each for each in fields if getattr(config, each.name) is None])


def _kinds(source: SourceStatus, office: Office) -> list[KindRow]:
    followed = {kind.kind: kind for kind in source.followed.kinds}
    read = source.followed.sweep.read if source.followed.sweep else {}
    return [
        KindRow(
            name=KINDS[kind],
            followed=followed.get(kind),
            promise=office.promise(kind),
            blind=blind_to(office.connector.feeds.get(kind)),
            read=read.get(kind),
        )
        for kind in office.connector.reads
    ]


ROUTES = [show_sources, download_sources, show_source]
