"""Who may sign in at the demo, and which customers they act for."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.audit import Trail
from gateway.identity.invitations import Wish, invite
from gateway.links import Login, Proof, link
from gateway.persons import name_person
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.rights import COMPANY, OWN, Rights

DECIDED_BY = "Priya Nair"
INVITED_FOR = timedelta(days=365)
BY = By("operator/demo", "command line")


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """A sign-in. `sees` ends the sentence "maya sees"."""

    subject: str
    name: str
    email: str
    sees: str


class CustomerLink(Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    customer: str
    fact: str


class OwnPerson(Struct, frozen=True, forbid_unknown_fields=True):
    """Who a member is in a source: what makes a record their own."""

    member: str
    source: str
    person: str
    fact: str


class DemoAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """Its members by subject: those who see all of it, the first of whom manages it, and those who see their own.

    `by_mail` are addresses that are invited to see all of it: their people have no login at the provider.
    """

    id: str
    name: str
    members: tuple[str, ...]
    links: tuple[CustomerLink, ...]
    own: tuple[str, ...] = ()
    by_mail: tuple[str, ...] = ()
    persons: tuple[OwnPerson, ...] = ()

    def rights(self, member: str) -> Rights:
        if member in self.own:
            return OWN
        return replace(COMPANY, manages=member == self.members[0])


class People(Struct, frozen=True, forbid_unknown_fields=True):
    people: tuple[Person, ...]
    accounts: tuple[DemoAccount, ...]


def read_people(file: Path) -> People:
    return msgspec.toml.decode(file.read_bytes(), type=People)


async def link_people(
    db: Database, accounts: tuple[DemoAccount, ...], issuer: str, now: datetime, *, trail: Trail
) -> None:
    for account in accounts:
        for each in account.links:
            for member in (*account.members, *account.own):
                await link(
                    db,
                    trail=trail,
                    by=BY,
                    account=account.id,
                    name=account.name,
                    source=each.source,
                    customer=each.customer,
                    proof=Proof(fact=each.fact, decided_by=DECIDED_BY, decided_at=now),
                    login=Login(issuer, member),
                    rights=account.rights(member),
                )
        for person in account.persons:
            await name_person(
                db,
                trail=trail,
                by=BY,
                login=Login(issuer, person.member),
                source=person.source,
                person=person.person,
                proof=Proof(fact=person.fact, decided_by=DECIDED_BY, decided_at=now),
            )
        for email in account.by_mail:
            wish = Wish(email=email, account=account.id, rights=COMPANY, until=now + INVITED_FOR)
            await invite(db, trail=trail, by=BY, made_by=DECIDED_BY, wish=wish, now=now)
