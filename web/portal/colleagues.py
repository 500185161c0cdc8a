"""Colleagues: what each may see, set by a member who manages the account, within what they may see themselves."""

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from msgspec import Struct

from auth.clock import utc_now
from auth.principals import Principal
from gateway.audit import Trail
from gateway.grants import Colleague, NotTheirs, colleagues_of, set_colleague
from gateway.identity.colleagues import NotInvited, invite_colleague, invited_by_members, withdraw_colleague
from gateway.languages import gettext, gettext_noop
from gateway.records.database import Database
from gateway.rights import AREAS, REACHES, Area, Reach, Rights
from gateway.standing import Standings
from web.caller import by_member
from web.portal.visit import Visit
from web.portal.why import LABELS, REACH_WORDS, sees
from web.redirects import see_other

THEIRS = gettext_noop("Those that name them")


class Choice(Struct, frozen=True, kw_only=True):
    """One area of a colleague: the reaches that may be given, and the one that is."""

    area: Area
    label: str
    given: Reach
    reaches: list[tuple[Reach, str]]


class Row(Struct, frozen=True, kw_only=True):
    """A colleague as the page shows them. No choices: only staff may change what they see."""

    member_id: str
    called: str
    email: str | None
    sees: list[tuple[str, str]]
    manages: bool
    choices: list[Choice]


class Reaches(Struct, frozen=True, kw_only=True):
    """What a form says of each area. That somebody manages the account is not for forms."""

    orders: Reach
    invoices: Reach
    requests: Reach
    documents: Reach

    @property
    def rights(self) -> Rights:
        return Rights(orders=self.orders, invoices=self.invoices, requests=self.requests, documents=self.documents)


class Given(Reaches, frozen=True, kw_only=True):
    """What the form of a colleague says."""

    member: str


class Invitation(Reaches, frozen=True, kw_only=True):
    """What the form for somebody new says."""

    email: str


class Withdrawn(Struct, frozen=True, kw_only=True):
    """Whose invitation is taken back."""

    email: str


@post("/account/colleagues")
async def change_colleague(
    request: Request[Principal, Any, Any],
    data: Annotated[Given, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Set what a colleague may see, at once. What the member may not set is not found."""
    database: Database = request.app.state.database
    trail: Trail = request.app.state.trail
    standings: Standings = request.app.state.standings
    who = request.user
    if who.account_id is None:
        raise NotFoundException
    try:
        changed = await set_colleague(
            database,
            trail=trail,
            by=by_member(request),
            manager=who.member_id,
            account=who.account_id,
            member=data.member,
            rights=data.rights,
        )
    except NotTheirs as error:
        raise NotFoundException from error
    await standings.forget(changed.sessions)
    return see_other(f"/account?saved={data.member}#colleagues")


@post("/account/colleagues/invite")
async def invite(
    request: Request[Principal, Any, Any],
    data: Annotated[Invitation, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Invite a colleague. What the member may not give is not found; an address that only we may invite is told."""
    database: Database = request.app.state.database
    trail: Trail = request.app.state.trail
    who = request.user
    if who.account_id is None:
        raise NotFoundException
    try:
        told: str = await invite_colleague(
            database,
            trail=trail,
            by=by_member(request),
            manager=who.member_id,
            account=who.account_id,
            email=data.email.strip(),
            rights=data.rights,
            now=utc_now(),
            tells=request.app.state.mails.is_on,
        )
    except NotTheirs as error:
        raise NotFoundException from error
    except NotInvited:
        told = "other"
    return see_other(f"/account?invited={told}#invite")


@post("/account/colleagues/withdraw")
async def withdraw_invitation(
    request: Request[Principal, Any, Any],
    data: Annotated[Withdrawn, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Take back an invitation that a member made and nobody has used."""
    who = request.user
    if who.account_id is None:
        raise NotFoundException
    try:
        await withdraw_colleague(
            request.app.state.database,
            trail=request.app.state.trail,
            by=by_member(request),
            manager=who.member_id,
            account=who.account_id,
            email=data.email,
        )
    except NotTheirs as error:
        raise NotFoundException from error
    return see_other("/account?invited=withdrawn#invite")


def choices_for_new(visit: Visit) -> list[Choice]:
    """Offer for somebody new what names them, or less where the visitor has less."""
    if visit.managed is None:
        return []
    mine = visit.managed.rights
    return [_choice(area, REACHES[min(1, REACHES.index(mine.reach(area)))], mine.reach(area)) for area in AREAS]


async def invited(visit: Visit, database: Database) -> tuple[str, ...]:
    """List whom members have invited and who has not come yet, if the visitor manages the account."""
    scope = visit.managed
    return await invited_by_members(database, scope.account_id, utc_now()) if scope else ()


async def colleagues(visit: Visit, database: Database) -> list[Row]:
    """List the visitor's colleagues, if the visitor manages the account."""
    scope = visit.managed
    if scope is None:
        return []
    found = await colleagues_of(database, scope.member_id, scope.account_id)
    return [_row(colleague, scope.rights) for colleague in found]


def _row(colleague: Colleague, mine: Rights) -> Row:
    rights = colleague.rights
    is_theirs = not rights.manages and rights.is_within(mine)
    return Row(
        member_id=colleague.member_id,
        called=colleague.called,
        email=colleague.email,
        sees=sees(rights, own=THEIRS),
        manages=rights.manages,
        choices=[_choice(area, rights.reach(area), mine.reach(area)) for area in AREAS] if is_theirs else [],
    )


def _choice(area: Area, given: Reach, most: Reach) -> Choice:
    within = REACHES[: REACHES.index(most) + 1]
    words = {**REACH_WORDS, "own": THEIRS}
    return Choice(
        area=area,
        label=gettext(LABELS[area]),
        given=given,
        reaches=[(reach, gettext(words[reach])) for reach in within],
    )
