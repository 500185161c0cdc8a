"""The draft tried on real records, and what was published: version by version, and back."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from cache.client import CacheDown
from connectors.records import Kind
from gateway.dictionary import versions
from gateway.dictionary.draft import Draft, read_draft
from gateway.dictionary.overview import reads
from gateway.dictionary.versions import ChangedMeanwhileError, Difference, Version, differences
from gateway.feeds.rehearsing import Rehearsal, Rehearsing
from gateway.offices import Office, Offices
from gateway.statuses import Status
from gateway.wording import Words
from web.caller import by_staff
from web.console.desk import desk
from web.console.finding import Whole, WholeInPath
from web.console.statuses import KIND_NAMES, OVERTAKEN, STATUSES, WRITES
from web.redirects import see_other

REHEARSAL, VERSIONS = f"{STATUSES}/rehearsal", f"{STATUSES}/versions"


class Agreed(Struct, frozen=True):
    """What is to be published: the draft and the version that counted, as they were tried."""

    draft: Whole = 0
    live: Whole = 0
    mails: str = ""


class Seen(Struct, frozen=True):
    live: Whole = 0


class Change(Struct, frozen=True, kw_only=True):
    """A difference as it is shown: what customers read before and after, where no day says otherwise."""

    title: str
    kind: Kind
    status: str
    before: Status
    after: Status
    mails: tuple[bool, bool]


@get(REHEARSAL, opt=for_staff(WRITES))
async def show_rehearsal(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Try the draft on the records of the last 90 days. Each try is in the audit trail: it names records."""
    return await _rehearsal(request)


@post(REHEARSAL, opt=for_staff(WRITES))
async def publish(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Agreed, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Publish the draft that was tried. Where it, or what counts, is another one meanwhile, it is tried again."""
    state = request.app.state
    draft = await read_draft(state.database)
    try:
        await versions.publish_draft(
            state.database,
            trail=state.trail,
            by=by_staff(request),
            now=utc_now(),
            seen=data.live,
            draft=data.draft,
            is_quiet=data.mails != "yes",
        )
    except ChangedMeanwhileError:
        return await _rehearsal(request, is_overtaken=True)
    await _take_up(request, draft.live.words if data.mails == "yes" else None, draft)
    return see_other(f"{VERSIONS}")


@get(VERSIONS, opt=for_staff("read-only"))
async def show_versions(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    database = request.app.state.database
    found = await versions.latest(database)
    offices = await request.app.state.offices.all()
    former = {each.number: each for each in (*found, versions.NONE_YET)}
    counts = {
        each.number: len(changes_of(former[each.number - 1], each, offices))
        for each in found
        if each.number - 1 in former
    }
    names = await versions.names_of(database, (each.made_by for each in found))
    return desk(request, "staff_status_versions.html", area="statuses", versions=found, names=names, counts=counts)


@get(f"{VERSIONS}/{{number:int}}", opt=for_staff("read-only"))
async def show_version(request: Request[StaffPrincipal, Any, Any], number: WholeInPath) -> Response[str]:
    return await _version(request, number)


@post(f"{VERSIONS}/{{number:int}}", opt=for_staff(WRITES))
async def restore(
    request: Request[StaffPrincipal, Any, Any],
    number: WholeInPath,
    data: Annotated[Seen, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Make a new version of an old one, if what counts is still what the page said."""
    state = request.app.state
    if await versions.version(state.database, number) is None:
        raise NotFoundException
    try:
        await versions.restore(
            state.database, number, trail=state.trail, by=by_staff(request), now=utc_now(), seen=data.live
        )
    except ChangedMeanwhileError:
        return await _version(request, number, is_overtaken=True)
    await _take_up(request, None, None)
    return see_other(VERSIONS)


def changes_of(before: Version, after: Version, offices: Mapping[str, Office]) -> list[Change]:
    return [_change(each, offices) for each in differences(before.words, after.words)]


async def _rehearsal(request: Request[StaffPrincipal, Any, Any], *, is_overtaken: bool = False) -> Response[str]:
    state = request.app.state
    draft = await read_draft(state.database)
    if draft.words is None:
        return see_other(STATUSES)
    rehearsing: Rehearsing = state.rehearsing
    found: Rehearsal | None = None
    try:
        found = await rehearsing.rehearse(draft.live.words, draft.words, state.view.today())
    except CacheDown:  # nothing is kept that it could be tried on
        found = None
    await versions.note_rehearsal(state.database, trail=state.trail, by=by_staff(request), draft=draft.version)
    offices = await state.offices.all()
    return desk(
        request,
        "staff_status_rehearsal.html",
        area="statuses",
        status_code=409 if is_overtaken else 200,
        draft=draft,
        changes=[_change(each, offices) for each in differences(draft.live.words, draft.words)],
        found=found,
        sends_mails=rehearsing.sends_mails,
        kinds=KIND_NAMES,
        overtaken=OVERTAKEN if is_overtaken else None,
    )


async def _version(
    request: Request[StaffPrincipal, Any, Any], number: int, *, is_overtaken: bool = False
) -> Response[str]:
    database = request.app.state.database
    found, live = await versions.version(database, number), await versions.live(database)
    former = await versions.version(database, number - 1) if number else None
    if found is None:
        raise NotFoundException
    offices = await request.app.state.offices.all()
    return desk(
        request,
        "staff_status_version.html",
        area="statuses",
        status_code=409 if is_overtaken else 200,
        version=found,
        live=live.number,
        names=await versions.names_of(database, [found.made_by]),
        changed=changes_of(former, found, offices) if former else [],
        back=changes_of(live, found, offices) if live.number != number else [],
        kinds=KIND_NAMES,
        may_write=request.user.reaches(WRITES),
        overtaken=OVERTAKEN if is_overtaken else None,
    )


async def _take_up(request: Request[StaffPrincipal, Any, Any], before: Words | None, draft: Draft | None) -> None:
    """Let the next page read what is published; and where mails are to tell of it, have it noticed."""
    offices: Offices = request.app.state.offices
    offices.look_again()
    if before is not None and draft is not None:
        rehearsing: Rehearsing = request.app.state.rehearsing
        await rehearsing.tell(before, draft.wanted)


def _change(each: Difference, offices: Mapping[str, Office]) -> Change:
    office = offices.get(each.source)
    usual = office.connector.statuses.get(each.kind, {}).get(each.status, "unknown") if office else "unknown"
    return Change(
        title=office.title if office else each.source,
        kind=each.kind,
        status=each.status,
        before=reads(each.kind, usual, each.before),
        after=reads(each.kind, usual, each.after),
        mails=(each.before.mails, each.after.mails),
    )


ROUTES = [show_rehearsal, publish, show_versions, show_version, restore]
