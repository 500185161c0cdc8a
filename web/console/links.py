"""Links of an account: tied and taken away, each after a page that says what appears or disappears for whom."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.access import LinkRef
from gateway.dossiers import Dossier, dossier_of
from gateway.holdings import Holding, holdings_of
from gateway.links import LinkError, Proof, link, owner_of, unlink
from gateway.member_rows import live_sessions
from gateway.records.database import Database
from web.caller import by_staff
from web.console.account import ACCOUNT, KIND_NAMES, REACH_NAMES, account_page
from web.console.customers import CUSTOMERS
from web.console.desk import Question, confirm
from web.redirects import see_other
from web.words import count

LINKS, UNLINK = f"{ACCOUNT}/links", f"{ACCOUNT}/links/remove"
SEEN_OF = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}
NAMED = 12  # people on a page that asks


class Wanted(Struct, frozen=True, kw_only=True):
    """A link that is to be made. `sure`: the page that asks was answered. `move`: from the account that has it."""

    source: Annotated[str, Meta(max_length=63)] = ""
    customer: Annotated[str, Meta(max_length=300)] = ""
    fact: Annotated[str, Meta(max_length=300)] = ""
    sure: str = ""
    move: str = ""


class Unwanted(Struct, frozen=True, kw_only=True):
    """A link that is to go."""

    source: Annotated[str, Meta(max_length=63)]
    customer: Annotated[str, Meta(max_length=300)]
    sure: str = ""


@get([LINKS, UNLINK], opt=for_staff("admin"))
async def back_to_account(account: FromPath[str]) -> Response[str]:
    """Lead back who asks for the address of a form."""
    return see_other(f"{CUSTOMERS}/{account}#links")


@post(LINKS, opt=for_staff("admin"), status_code=200)
async def add_link(
    request: Request[StaffPrincipal, Any, Any],
    account: FromPath[str],
    data: Annotated[Wanted, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Say what would appear, and for whom; then link."""
    state = request.app.state
    database: Database = state.database
    dossier = await _dossier(database, account)
    source, customer, fact = data.source.strip(), data.customer.strip(), data.fact.strip()
    now = utc_now()
    written = {"source": source, "customer": customer, "fact": fact}
    problem = _problem(source, customer, fact, dict(await state.offices.all()))
    if problem:
        return await account_page(request, account, status_code=422, problem=problem, at="link", written=written)
    if not data.sure:
        owner = await owner_of(database, source, customer)
        if owner == account:
            return see_other(f"{CUSTOMERS}/{account}?done=same#links")
        held = await holdings_of(database, state.account_views, account, LinkRef(source, customer))
        return confirm(request, "customers", _question_to_link(dossier, written, held, owner))
    before = await live_sessions(database, account)
    previous = await owner_of(database, source, customer)
    others = await live_sessions(database, previous) if previous and data.move else ()
    proof = Proof(fact=fact, decided_by=f"staff/{request.user.staff_id}", decided_at=now)
    try:
        changed = await link(
            database,
            trail=state.trail,
            by=by_staff(request),
            account=account,
            source=source,
            customer=customer,
            proof=proof,
            move=bool(data.move),
        )
    except LinkError as error:
        text = _plainly(error)
        return await account_page(request, account, status_code=409, problem=text, at="link", written=written)
    await state.standings.forget([*before, *others])
    return see_other(f"{CUSTOMERS}/{account}?done={'linked' if changed else 'same'}#links")


@post(UNLINK, opt=for_staff("admin"), status_code=200)
async def remove_link(
    request: Request[StaffPrincipal, Any, Any],
    account: FromPath[str],
    data: Annotated[Unwanted, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Say what would disappear, and for whom; then take the link away."""
    state = request.app.state
    database: Database = state.database
    dossier = await _dossier(database, account)
    if not data.sure:
        if all((each.source, each.customer) != (data.source, data.customer) for each in dossier.links):
            return see_other(f"{CUSTOMERS}/{account}?done=same#links")
        held = await holdings_of(database, state.account_views, account, LinkRef(data.source, data.customer))
        return confirm(request, "customers", _question_to_unlink(dossier, data, held))
    sessions = await live_sessions(database, account)
    gone = await unlink(
        database,
        trail=state.trail,
        by=by_staff(request),
        source=data.source,
        customer=data.customer,
        account=account,
    )
    await state.standings.forget(sessions)
    return see_other(f"{CUSTOMERS}/{account}?done={'unlinked' if gone else 'same'}#links")


async def _dossier(database: Database, account: str) -> Dossier:
    found = await dossier_of(database, account, utc_now())
    if found is None:
        raise NotFoundException
    return found


def _problem(source: str, customer: str, fact: str, offices: dict[str, Any]) -> str | None:
    if source not in offices:
        return "Choose a source."
    if not customer or not customer.isprintable():
        return "Give the number or id that the customer has there."
    if not fact or not fact.isprintable():
        return "Say how you know. It is kept with your name, and shown to whoever asks why."
    return None


def _plainly(error: LinkError) -> str:
    """Say to somebody at a page what the error says to somebody at a command line."""
    return str(error).partition(" (--move)")[0].partition(": run hallway")[0] + "."


def _question_to_link(
    dossier: Dossier, written: dict[str, str], held: Sequence[Holding], owner: str | None
) -> Question:
    effects = [*told_of(held, "appear"), *_readers(dossier, "will see it")]
    if owner:
        effects.insert(0, f"It belongs to the account {owner} now. Its people see nothing of it any more.")
    return Question(
        title=f"Link {dossier.name} to customer {written['customer']}?",
        text="Whoever may act for the account sees the records of this customer at once.",
        effects=tuple(effects),
        action=f"{CUSTOMERS}/{dossier.id}/links",
        button="Move it here" if owner else "Link",
        back=f"{CUSTOMERS}/{dossier.id}",
        fields={**written, "sure": "yes", **({"move": "yes"} if owner else {})},
    )


def _question_to_unlink(dossier: Dossier, data: Unwanted, held: Sequence[Holding]) -> Question:
    return Question(
        title=f"Take customer {data.customer} away from {dossier.name}?",
        text="The records stay where they are. Here nobody of the account sees them any more.",
        effects=(*told_of(held, "disappear"), *_readers(dossier, "sees it no longer")),
        action=f"{CUSTOMERS}/{dossier.id}/links/remove",
        button="Take the link away",
        is_loss=True,
        back=f"{CUSTOMERS}/{dossier.id}",
        fields={"source": data.source, "customer": data.customer, "sure": "yes"},
    )


def told_of(held: Sequence[Holding], what: str) -> list[str]:
    """Say what appears or disappears, kind by kind."""
    told = []
    for each in held:
        if each.fetched_at is None:
            told.append(f"{each.title} could not be asked for {SEEN_OF[each.kind]} just now.")
        else:
            one = "s" if each.records == 1 else ""
            more = "" if each.whole else " and older ones"
            name = KIND_NAMES[each.kind].lower()
            told.append(f"{count(each.records, name[:-1], name)}{more} of {each.title} {what}{one}.")
    if held and not any(each.records for each in held) and all(each.fetched_at for each in held):
        told.append("There is nothing of this customer yet. Check the number before you go on.")
    return told or ["This source keeps no records that are shown here."]


def _readers(dossier: Dossier, does: str) -> list[str]:
    told = []
    for each in dossier.people[:NAMED]:
        reaches = {each.rights.reach(area) for area in ("orders", "invoices", "requests")}
        seen = ", ".join(REACH_NAMES[reach].lower() for reach in ("company", "own", "none") if reach in reaches)
        told.append(f"{each.person.called} {does}: {seen}.")
    if dossier.people_count > len(told):
        told.append(f"And {count(dossier.people_count - len(told), 'other person', 'other people')}.")
    return told or ["Nobody acts for the account yet."]


ROUTES = [back_to_account, add_link, remove_link]
