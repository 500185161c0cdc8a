"""The parts of a copy that are JSON: records without the words of their source's, the login, what was sent, the log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from connectors.records import Kind
from gateway.access import Scope
from gateway.account_view import Part
from gateway.audit_reading import Told
from gateway.events import EVENTS
from gateway.mails.choices import read_choices
from gateway.outbox.desk import Handed
from gateway.records.database import Database
from gateway.records.tables import Account, Member, Membership, Person, Session

NEVER_SHOWN = ("vendor_state", "people", "wording")  # their own words, ids of persons there, and settings of ours
NAMES: Mapping[Kind, str] = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}


class Login(Struct, frozen=True, kw_only=True):
    """What is kept of the member."""

    issuer: str
    subject: str
    email: str | None
    name: str | None
    made_at: datetime
    last_visit_at: datetime | None
    accounts: list[dict[str, Any]]
    persons: list[dict[str, Any]]
    sign_ins: list[dict[str, Any]]
    mails: dict[str, Any]


async def login_of(db: Database, scope: Scope) -> Login | None:
    """Read what is kept of a member. None: they are gone."""
    whose = scope.member_id
    accounts = sa.select(Account.id, Account.name, Membership.rights, Membership.created_at).join(
        Membership, Membership.account_id == Account.id
    )
    persons = sa.select(Person.source, Person.person, Person.fact, Person.decided_at).where(Person.member_id == whose)
    live = sa.select(Session.created_at, Session.seen_at).where(Session.member_id == whose, Session.ended_at.is_(None))
    async with db.read() as session:
        member = await session.get(Member, whose)
        if member is None:
            return None
        choices = await read_choices(session, whose)
        return Login(
            issuer=member.issuer,
            subject=member.subject,
            email=member.email,
            name=member.name,
            made_at=member.created_at,
            last_visit_at=member.last_visit_at,
            accounts=[
                {"id": key, "name": name, "rights": rights, "since": since}
                for key, name, rights, since in await session.execute(accounts.where(Membership.member_id == whose))
            ],
            persons=[
                {"source": source, "id": person, "fact": fact, "since": since}
                for source, person, fact, since in await session.execute(persons)
            ],
            sign_ins=[{"began_at": began, "used_at": used} for began, used in await session.execute(live)],
            mails={"address_refused": choices.refused, "wanted": {name: name in choices.wanted for name in EVENTS}},
        )


def records(parts: Iterable[Part], kind: Kind) -> list[dict[str, Any]]:
    """Write the records of a kind, each with its source and how old it is. Those shown elsewhere instead say so."""
    return [
        {
            "source": part.source,
            "source_title": part.title,
            "counts": counts,
            **_without(record, *NEVER_SHOWN),
        }
        for part in parts
        if part.kind == kind
        for counts, found in ((True, part.records), (False, part.left_out))
        for record in found
    ]


def sent(handed: Sequence[Handed]) -> list[dict[str, Any]]:
    """Write what a member sent, and what has become of it."""
    return [
        {
            "reference": each.reference,
            "source": each.source,
            "action": each.action,
            "asked": _without(each.asked, "persons", "files"),
            "state": each.state,
            "made_at": each.made_at,
            "done_at": each.done_at,
            "number": each.number,
        }
        for each in handed
    ]


def log(lines: Iterable[Told], about: str) -> list[dict[str, Any]]:
    """Write the lines about a member. What they did to others is about those."""
    kept = ("at", "what", "who", "account", "details", "personal")
    return [{name: getattr(line, name) for name in kept} for line in lines if line.about == about]


def _without(struct: Struct, *left_out: str) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.to_builtins(struct)
    return {name: value for name, value in whole.items() if name not in left_out}
