"""Why do I see this? The proof of a record, in plain words: each reason is needed, and together they are enough."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from litestar import Request, Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from auth.principals import Principal
from connectors.errors import NotFound
from connectors.records import Invoice, Order, Record, Ticket
from gateway.grounds import Grounds, grounds_of
from gateway.home import Item
from gateway.offices import Office
from gateway.proofs import Acting, Because, Identity, Linked, Named, Proof, decide
from gateway.records.database import Database
from gateway.rights import AREAS, Area, Reach, Rights
from web.portal.paths import RecordId, SourceName
from web.portal.visit import Visit, href

R = TypeVar("R", bound=Record)
Offices = Mapping[str, Office]

LABELS: dict[Area, str] = {
    "orders": "Orders", "invoices": "Invoices", "requests": "Requests", "documents": "Files"
}  # fmt: skip
REACH_WORDS: dict[Reach, str] = {
    "none": "None", "own": "Those that name you", "company": "All of the company’s"
}  # fmt: skip
CALLED = {"orders": "order", "invoices": "invoice", "tickets": "request"}


class Reason(Struct, frozen=True, kw_only=True):
    """One fact. `since` is when it was noted, None where that is known of no day."""

    title: str
    text: str
    since: datetime | None = None


class Why(Struct, frozen=True, kw_only=True):
    """What a login rests on, before any record: who it is, and what the sources call it."""

    who: list[Reason]
    links: list[Reason]


@get("/orders/{source:str}/{record:str}/why")
async def why_order(
    visit: NamedDependency[Visit], request: Request[Principal, Any, Any], source: SourceName, record: RecordId
) -> Response[bytes]:
    return await _page(visit, request, Order, source, record)


@get("/invoices/{source:str}/{record:str}/why")
async def why_invoice(
    visit: NamedDependency[Visit], request: Request[Principal, Any, Any], source: SourceName, record: RecordId
) -> Response[bytes]:
    return await _page(visit, request, Invoice, source, record)


@get("/requests/{source:str}/{record:str}/why")
async def why_request(
    visit: NamedDependency[Visit], request: Request[Principal, Any, Any], source: SourceName, record: RecordId
) -> Response[bytes]:
    return await _page(visit, request, Ticket, source, record)


async def _page(
    visit: Visit, request: Request[Principal, Any, Any], record_type: type[R], source: str, record: str
) -> Response[bytes]:
    """Show the proof, judged once more by what the rows say now."""
    database: Database = request.app.state.database
    item = await visit.one(record_type, source, record)
    proof = (await ground(visit, database)).under(visit.why(item))
    if decide(proof) is not None:
        raise NotFound("no longer")
    parts = await visit.parts()
    return visit.page(
        "why.html",
        area=None,
        parts=parts,
        about=[item.part],
        record=item.record,
        record_href=href(item),
        noun=CALLED[item.part.kind],
        reasons=list(_reasons(visit, proof, item, visit.offices)),
    )


async def ground(visit: Visit, database: Database) -> Grounds:
    """Read what the visitor's sight rests on. Raises `NotFound` for who acts for no account."""
    if visit.scope is None:
        raise NotFound("no account")
    return await grounds_of(database, visit.scope.member_id, visit.scope.account_id)


def why(visit: Visit, grounds: Grounds, offices: Offices) -> Why:
    """Tell what every record that the visitor sees rests on."""
    who = [_identity(grounds.identity, visit)] if grounds.identity else []
    who += [_acting(grounds.acting, visit)] if grounds.acting else []
    linked = [each for each in grounds.linked if each.source in offices]
    if grounds.acting and "company" in {grounds.acting.rights.reach(area) for area in AREAS}:
        links = [_linked(each, visit, offices[each.source]) for each in linked]
    else:  # what the company is called elsewhere may be a colleague's address
        titles = dict.fromkeys(offices[each.source].title for each in linked)
        links = [Reason(title=f"{visit.account_name} is linked to {title}", text="") for title in titles]
    links += [_named(each, offices[each.source]) for each in grounds.named if each.source in offices]
    return Why(who=who, links=links)


def sees(rights: Rights, *, own: str = REACH_WORDS["own"]) -> list[tuple[str, str]]:
    """Say per area what may be seen, in the order of the navigation. `own` says what a person's own is."""
    words = {**REACH_WORDS, "own": own}
    return [(LABELS[area], words[rights.reach(area)]) for area in AREAS]


def _reasons(visit: Visit, proof: Proof, item: Item[R], offices: Offices) -> Iterator[Reason]:
    if not (proof.identity and proof.acting and proof.linked and proof.read):
        return
    office, noun = offices[proof.asked.source], CALLED[item.part.kind]
    reach = proof.acting.rights.reach(proof.asked.areas[0])
    yield _identity(proof.identity, visit)
    yield _acting(proof.acting, visit, f"You may see {_reach(reach, proof.asked.areas[0])}.")
    yield _linked(proof.linked, visit, office)
    yield Reason(
        title=f"The {noun} names {visit.account_name}",
        text=f"{office.title} says that it belongs to customer {proof.read.customer}. "
        "We check that each time we read it.",
    )
    if proof.named:
        yield _named(proof.named, office)
        yield Reason(
            title=f"The {noun} names you",
            text=f"{office.title} says that it is person {proof.named.person}’s own.",
        )


def _identity(identity: Identity, visit: Visit) -> Reason:
    provider = urlsplit(identity.issuer).hostname or identity.issuer
    return Reason(title="You signed in", text=f"{provider} told us that you are {visit.profile.called}.")


def _acting(acting: Acting, visit: Visit, text: str = "") -> Reason:
    return Reason(title=f"You may act for {visit.account_name}", text=text, since=acting.since)


def _linked(linked: Linked, visit: Visit, office: Office) -> Reason:
    title = f"{visit.account_name} is linked to {office.title}"
    return _noted(title, f"There it is customer {linked.customer}.", linked.because)


def _named(named: Named, office: Office) -> Reason:
    return _noted(f"You are known to {office.title}", f"There you are person {named.person}.", named.because)


def _noted(title: str, text: str, because: Because | None) -> Reason:
    if because is None:
        return Reason(title=title, text=text)
    return Reason(title=title, text=f"{text} Because: {because.fact.rstrip('.')}.", since=because.decided_at)


def _reach(reach: Reach, area: Area) -> str:
    return f"all {area} of the company" if reach == "company" else f"the {area} that name you"
