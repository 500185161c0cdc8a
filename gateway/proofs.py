"""Why somebody sees a record: plain facts, and the one rule over them.

The rule decides for every record that a page is made of, and the same rule judges a proof that was written down: with
all of its facts it allows, and without any one of them it does not.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from connectors.records import Kind
from gateway.rights import AREA_OF, Area, Rights

Denial = Literal[
    "nobody",  # this login is no member's
    "no_membership",  # the member may not act for the account
    "no_link",  # the account is no customer of the source
    "no_record",  # this record was not read
    "another_customer",  # it is not the account's
    "no_area",  # the member sees nothing of the area
    "not_named",  # the member sees their own of it, and this is not
]


class Because(Struct, frozen=True):
    """What a fact of ours rests on, who decided it and when."""

    fact: str
    decided_by: str
    decided_at: datetime


class Identity(Struct, frozen=True, kw_only=True):
    """A sign-in provider says that it is this login; the login is this member."""

    issuer: str
    subject: str
    member: str


class Acting(Struct, frozen=True, kw_only=True):
    """The member may act for the account, within these rights."""

    member: str
    account: str
    rights: Rights
    since: datetime | None = None


class Linked(Struct, frozen=True, kw_only=True):
    """The account is this customer in that source."""

    account: str
    source: str
    customer: str
    because: Because | None = None


class Named(Struct, frozen=True, kw_only=True):
    """The member is this person in that source."""

    member: str
    source: str
    person: str
    because: Because | None = None


class Read(Struct, frozen=True, kw_only=True):
    """The source says whose the record is: the customer's, and these people's own."""

    source: str
    kind: Kind
    id: str
    customer: str
    people: tuple[str, ...] = ()


class Asked(Struct, frozen=True, kw_only=True):
    """May this login see this record? `files`: and open what hangs on it."""

    issuer: str
    subject: str
    source: str
    kind: Kind
    id: str
    files: bool = False

    @property
    def areas(self) -> tuple[Area, ...]:
        return (AREA_OF[self.kind], "documents") if self.files else (AREA_OF[self.kind],)


class Proof(Struct, frozen=True, kw_only=True):
    """A question and the facts to answer it from. `named` is needed only where a reach is the member's own."""

    asked: Asked
    identity: Identity | None = None
    acting: Acting | None = None
    linked: Linked | None = None
    read: Read | None = None
    named: Named | None = None


def decide(proof: Proof) -> Denial | None:  # noqa: PLR0911  # one way out for each reason
    """Give the first reason why not, or None: it is allowed. Nothing but the proof is looked at."""
    asked, identity, acting, linked = proof.asked, proof.identity, proof.acting, proof.linked
    if identity is None or (identity.issuer, identity.subject) != (asked.issuer, asked.subject):
        return "nobody"
    if acting is None or acting.member != identity.member:
        return "no_membership"
    reaches = {acting.rights.reach(area) for area in asked.areas}
    if "none" in reaches:
        return "no_area"
    if linked is None or (linked.account, linked.source) != (acting.account, asked.source):
        return "no_link"
    read = proof.read
    if read is None or (read.source, read.kind, read.id) != (asked.source, asked.kind, asked.id):
        return "no_record"
    if read.customer != linked.customer:
        return "another_customer"
    return "not_named" if "own" in reaches and not _names(proof.named, identity.member, read) else None


def _names(named: Named | None, member: str, read: Read) -> bool:
    """Whether the record is the member's own. Who is only copied in is none of its people."""
    return named is not None and (named.member, named.source) == (member, read.source) and named.person in read.people
