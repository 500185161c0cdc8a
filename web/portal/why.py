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
from connectors.records import Invoice, Kind, Order, Record, Ticket
from gateway.grounds import Grounds, grounds_of
from gateway.home import Item
from gateway.languages import gettext, gettext_noop, phrase
from gateway.offices import Office
from gateway.proofs import Acting, Because, Identity, Linked, Named, Proof, decide
from gateway.records.database import Database
from gateway.rights import AREAS, Area, Reach, Rights
from web.portal.paths import RecordId, SourceName
from web.portal.visit import Visit, href

R = TypeVar("R", bound=Record)
Offices = Mapping[str, Office]

LABELS: dict[Area, str] = {
    "orders": gettext_noop("Orders"),
    "invoices": gettext_noop("Invoices"),
    "requests": gettext_noop("Requests"),
    "documents": gettext_noop("Files"),
}
REACH_WORDS: dict[Reach, str] = {
    "none": gettext_noop("None"),
    "own": gettext_noop("Those that name you"),
    "company": gettext_noop("All of the company’s"),
}
BACK: dict[Kind, str] = {
    "orders": gettext_noop("Back to the order"),
    "invoices": gettext_noop("Back to the invoice"),
    "tickets": gettext_noop("Back to the request"),
}
SEEN: dict[Kind, str] = {
    "orders": gettext_noop(
        "You see order {number} because all of this is so. If any of it were not, the order would not be there for you."
    ),
    "invoices": gettext_noop(
        "You see invoice {number} because all of this is so. "
        "If any of it were not, the invoice would not be there for you."
    ),
    "tickets": gettext_noop(
        "You see request {number} because all of this is so. "
        "If any of it were not, the request would not be there for you."
    ),
}
NAMES: dict[Kind, str] = {
    "orders": gettext_noop("The order names {account}"),
    "invoices": gettext_noop("The invoice names {account}"),
    "tickets": gettext_noop("The request names {account}"),
}
NAMES_YOU: dict[Kind, str] = {
    "orders": gettext_noop("The order names you"),
    "invoices": gettext_noop("The invoice names you"),
    "tickets": gettext_noop("The request names you"),
}
MAY_SEE_ALL: dict[Area, str] = {
    "orders": gettext_noop("You may see all orders of the company."),
    "invoices": gettext_noop("You may see all invoices of the company."),
    "requests": gettext_noop("You may see all requests of the company."),
    "documents": gettext_noop("You may see all documents of the company."),
}
MAY_SEE_OWN: dict[Area, str] = {
    "orders": gettext_noop("You may see the orders that name you."),
    "invoices": gettext_noop("You may see the invoices that name you."),
    "requests": gettext_noop("You may see the requests that name you."),
    "documents": gettext_noop("You may see the documents that name you."),
}


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
        back=gettext(BACK[item.part.kind]),
        because=gettext(SEEN[item.part.kind], number=item.record.number),
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
        named = dict.fromkeys(_is_linked(visit, offices[each.source]) for each in linked)
        links = [Reason(title=title, text="") for title in named]
    links += [_named(each, offices[each.source]) for each in grounds.named if each.source in offices]
    return Why(who=who, links=links)


def sees(rights: Rights, *, own: str = REACH_WORDS["own"]) -> list[tuple[str, str]]:
    """Say per area what may be seen, in the order of the navigation. `own` says what a person's own is."""
    words = {**REACH_WORDS, "own": own}
    return [(gettext(LABELS[area]), gettext(words[rights.reach(area)])) for area in AREAS]


def _reasons(visit: Visit, proof: Proof, item: Item[R], offices: Offices) -> Iterator[Reason]:
    if not (proof.identity and proof.acting and proof.linked and proof.read):
        return
    office, kind, area = offices[proof.asked.source], item.part.kind, proof.asked.areas[0]
    may_see = MAY_SEE_ALL if proof.acting.rights.reach(area) == "company" else MAY_SEE_OWN
    yield _identity(proof.identity, visit)
    yield _acting(proof.acting, visit, gettext(may_see[area]))
    yield _linked(proof.linked, visit, office)
    yield Reason(
        title=gettext(NAMES[kind], account=visit.account_name),
        text=gettext(
            "{source} says that it belongs to customer {customer}. We check that each time we read it.",
            source=phrase(office.title),
            customer=proof.read.customer,
        ),
    )
    if proof.named:
        yield _named(proof.named, office)
        yield Reason(
            title=gettext(NAMES_YOU[kind]),
            text=gettext(
                "{source} says that it is person {person}’s own.",
                source=phrase(office.title),
                person=proof.named.person,
            ),
        )


def _identity(identity: Identity, visit: Visit) -> Reason:
    provider = urlsplit(identity.issuer).hostname or identity.issuer
    told = gettext("{provider} told us that you are {person}.", provider=provider, person=visit.profile.called)
    return Reason(title=gettext("You signed in"), text=told)


def _acting(acting: Acting, visit: Visit, text: str = "") -> Reason:
    title = gettext("You may act for {account}", account=visit.account_name)
    return Reason(title=title, text=text, since=acting.since)


def _linked(linked: Linked, visit: Visit, office: Office) -> Reason:
    there = gettext("There it is customer {customer}.", customer=linked.customer)
    return _noted(_is_linked(visit, office), there, linked.because)


def _is_linked(visit: Visit, office: Office) -> str:
    return gettext("{account} is linked to {source}", account=visit.account_name, source=phrase(office.title))


def _named(named: Named, office: Office) -> Reason:
    title = gettext("You are known to {source}", source=phrase(office.title))
    return _noted(title, gettext("There you are person {person}.", person=named.person), named.because)


def _noted(title: str, text: str, because: Because | None) -> Reason:
    if because is None:
        return Reason(title=title, text=text)
    reason = gettext("Because: {fact}.", fact=because.fact.rstrip("."))
    return Reason(title=title, text=f"{text} {reason}", since=because.decided_at)
