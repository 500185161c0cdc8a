"""The rows that a proof leaves: that a member may act for an account and why, and who the member is in a source."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import LinkRef, PersonRef
from gateway.identity.matching import Accounts, Answer, Proven
from gateway.links import TEXT, note_seen
from gateway.member_rows import about_member
from gateway.records.identity_tables import Ground
from gateway.records.lines import By, Line
from gateway.records.signposts import present
from gateway.records.tables import Link, Member, Membership, Person
from gateway.records.upsert import insert
from gateway.rights import Rights

SHOWN = 50  # candidates of a source that a question keeps; whom only the domain names come last
ADDRESS_FACT = "has the address "  # begins the fact of a person who was found by it


class Why(Struct, frozen=True, kw_only=True):
    """How it came that a member may act: "matched", "invited" or "decided", by what facts, and who decided it."""

    how: str
    facts: Mapping[str, Any]
    decided_by: str
    decided_at: datetime


async def accounts_of(session: AsyncSession, answers: Iterable[Answer]) -> Accounts:
    """Find the accounts that the candidates' customers are linked to."""
    wanted = {LinkRef(answer.source, each.customer) for answer in answers for each in answer.candidates or ()}
    if not wanted:
        return {}
    customers = sa.select(Link.source, Link.customer, Link.account_id).where(
        Link.customer.in_({each.customer for each in wanted})
    )
    rows = (await session.execute(customers)).all()
    return {ref: account for source, customer, account in rows if (ref := LinkRef(source, customer)) in wanted}


async def join(session: AsyncSession, by: By, member: Member, *, account: str, rights: Rights, why: Why) -> Line | None:
    """Let a member act for an account, with the reason. None: they could already, and keep their rights."""
    given, account = msgspec.to_builtins(rights), await present(session, account)
    row = {"member_id": member.id, "account_id": account}
    made = insert(session, Membership).values(**row, rights=given, created_at=why.decided_at).on_conflict_do_nothing()
    if not await session.scalar(made.returning(Membership.member_id)):
        return None
    await note_seen(session, account, member)
    session.add(Ground(**row, **{field: getattr(why, field) for field in why.__struct_fields__}))
    return about_member(
        "membership.added",
        by,
        member,
        account=account,
        details={"how": why.how, "made_member": False, "rights": given},
        personal={"facts": dict(why.facts)},
    )


async def name_persons(
    session: AsyncSession, by: By, member: Member, persons: Sequence[PersonRef], *, fact: str, why: Why
) -> list[Line]:
    """Say who a member is in the sources. Tells of those that were not known."""
    lines: list[Line] = []
    for each in persons:
        row = {"member_id": member.id, "source": each.source, "person": each.person, "fact": fact[:TEXT]}
        new = insert(session, Person).values(
            **row, decided_by=why.decided_by, decided_at=why.decided_at, checked_at=why.decided_at
        )
        if await session.scalar(new.on_conflict_do_nothing().returning(Person.member_id)):
            details = {"source": each.source, "how": why.how}
            personal = {"facts": {"person": each.person, "fact": fact}}
            lines.append(about_member("person.named", by, member, details=details, personal=personal))
    return lines


def facts_of(proven: Proven, answers: Iterable[Answer], accounts: Accounts) -> dict[str, Any]:
    """Write down what is proven of a login beside what the sources said, for whoever has to decide."""
    return {
        "email": proven.email,
        "number": proven.number,
        "sources": {answer.source: _candidates(answer, accounts) for answer in answers},
    }


def _candidates(answer: Answer, accounts: Accounts) -> list[dict[str, Any]] | None:
    if answer.candidates is None:
        return None
    return [
        {
            "customer": each.customer,
            "name": each.name,
            "matched": dict(each.matched),
            "person": each.person,
            "account": accounts.get(LinkRef(answer.source, each.customer)),
        }
        for each in sorted(answer.candidates, key=lambda each: each.matched.keys() <= {"domain"})[:SHOWN]
    ]
