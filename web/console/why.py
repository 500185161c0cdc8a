"""Why does this customer see that, and why not? The whole proof for staff: each fact, and the first that is missing."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, Parameter
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from connectors.records import Kind
from gateway.audit import Trail
from gateway.dossiers import customer_of
from gateway.judging import Judged, judge, note_judged
from gateway.proofs import Because, Denial
from gateway.records.database import Database
from gateway.rights import AREA_OF
from web.caller import by_staff
from web.console.desk import desk
from web.console.finding import titles_of

RECORD = re.compile(r"/?(orders|invoices|requests)/([a-z][a-z0-9_-]{0,62})/([A-Za-z0-9][A-Za-z0-9_.-]{0,63})(?:/why)?")
KIND_OF: dict[str, Kind] = {area: kind for kind, area in AREA_OF.items()}
REACHES = {"none": "nothing", "own": "what is their own", "company": "all of the company’s"}
# Which fact is missing, and what to say of it.
MISSING: dict[Denial, tuple[str, str]] = {
    "nobody": ("Login", "This login is disabled."),
    "no_membership": ("Account", "They may not act for this account."),
    "no_area": ("Rights", "Their rights leave out this kind of record."),
    "no_link": ("Link", "The account is linked to no customer of this source."),
    "no_record": ("Record", "The source has no such record for this account. It may be another customer’s, or gone."),
    "another_customer": ("Record", "The source says that it is another customer’s."),
    "not_named": ("Person", "They see only what is their own there, and the source names somebody else, or nobody."),
}


class Fact(Struct, frozen=True, kw_only=True):
    """One step of the proof. `holds` None: it was not needed, or nobody could ask."""

    title: str
    text: str
    because: str | None = None
    at: datetime | None = None
    holds: bool | None = True


@get("/staff/customers/{account:str}/why", opt=for_staff("support"))
async def show_why(
    request: Request[StaffPrincipal, Any, Any],
    account: FromPath[str],
    member: Annotated[str, Parameter(max_length=26)] = "",
    record: Annotated[str, Parameter(max_length=300)] = "",
) -> Response[str]:
    """Show the form, and where a person and a record are named the proof. Each is in the audit trail."""
    database: Database = request.app.state.database
    customer = await customer_of(database, account)
    if customer is None:
        raise NotFoundException
    named = RECORD.fullmatch(record.strip())
    judged = None
    if named and member:
        area, source, record_id = named.groups()
        views = request.app.state.account_views
        judged = await judge(database, views, member, account, KIND_OF[area], source, record_id)
        if judged is None:
            raise NotFoundException
        trail: Trail = request.app.state.trail
        await note_judged(database, judged, account, member, trail=trail, by=by_staff(request))
    return desk(
        request,
        "staff_why.html",
        area="customers",
        customer=customer,
        member=member,
        record=record,
        problem="Give the record’s address, such as /invoices/erp/2093." if record and not named else None,
        judged=judged,
        facts=list(_facts(judged, await titles_of(request))) if judged else [],
        missing=MISSING[judged.denial][1] if judged and judged.denial else None,
    )


def _facts(judged: Judged, titles: Mapping[str, str]) -> Iterator[Fact]:
    """Go through the proof in its order, up to the fact that is missing."""
    gap = MISSING[judged.denial][0] if judged.denial and not judged.unsure else None
    for fact in _steps(judged, titles.get(judged.proof.asked.source, judged.proof.asked.source)):
        if fact.title == gap:
            yield Fact(title=fact.title, text=MISSING[judged.denial][1] if judged.denial else "", holds=False)
            return
        yield fact


def _steps(judged: Judged, source: str) -> Iterator[Fact]:
    proof = judged.proof
    asked, acting, linked, read, named = proof.asked, proof.acting, proof.linked, proof.read, proof.named
    yield Fact(title="Login", text=f"{asked.subject} at {asked.issuer}, vouched for by that provider at each sign-in.")
    yield Fact(title="Member", text=f"This login is the member {proof.identity.member if proof.identity else ''}.")
    yield Fact(
        title="Account",
        text=f"They may act for {acting.account if acting else ''}.",
        at=acting.since if acting else None,
    )
    reach = acting.rights.reach(asked.areas[0]) if acting else "none"
    yield Fact(title="Rights", text=f"Of this kind of record they see {REACHES[reach]}.")
    yield _resting(
        "Link",
        f"The account is customer {linked.customer if linked else ''} in {source}.",
        linked.because if linked else None,
    )
    if read is None:
        text = f"{source} does not answer, so nobody can say." if judged.unsure else ""
        yield Fact(title="Record", text=text, holds=None)
        return
    yield Fact(title="Record", text=f"{source} says, each time it is read, that it is customer {read.customer}’s.")
    if reach == "own":
        yield _resting(
            "Person",
            f"It is person {named.person if named else ''}’s own, and that is them.",
            named.because if named else None,
        )


def _resting(title: str, text: str, because: Because | None) -> Fact:
    if because is None:
        return Fact(title=title, text=text)
    return Fact(title=title, text=text, because=f"{because.fact} ({because.decided_by})", at=because.decided_at)


ROUTES = [show_why]
