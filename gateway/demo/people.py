"""Who may sign in at the demo, and which customers they act for."""

from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.audit import Trail
from gateway.links import Login, Proof, link
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.rights import COMPANY

DECIDED_BY = "Priya Nair"
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


class DemoAccount(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    members: tuple[str, ...]  # subjects
    links: tuple[CustomerLink, ...]


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
            for member in account.members:
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
                    rights=COMPANY,
                )
