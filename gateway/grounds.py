"""What a member's sight rests on, read from the rows: what a proof says in full."""

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from gateway.proofs import Acting, Because, Identity, Linked, Named, Proof
from gateway.records.database import Database
from gateway.records.tables import Link, Member, Membership, Person
from gateway.rights import Rights
from gateway.shown import clipped
from gateway.sorting import sorted_into


class Grounds(Struct, frozen=True, kw_only=True):
    """All facts about one member and one account, apart from any record."""

    identity: Identity | None
    acting: Acting | None
    linked: tuple[Linked, ...]
    named: tuple[Named, ...]

    def under(self, proof: Proof) -> Proof:
        """Put each fact of ours in the place of what the proof has of it. One that is no longer so is gone."""
        linked, named = proof.linked, proof.named
        return replace(
            proof,
            identity=self.identity,
            acting=self.acting,
            linked=next((each for each in self.linked if linked and _is_same(each, linked)), None),
            named=next((each for each in self.named if named and _is_same(each, named)), None),
        )


async def grounds_of(db: Database, member_id: str, account_id: str) -> Grounds:
    """Read everything in one moment. A member who is disabled is nobody."""
    member = sa.select(Member).where(Member.id == member_id, Member.disabled_at.is_(None))
    membership = sa.select(Membership).where(Membership.member_id == member_id, Membership.account_id == account_id)
    links = sa.select(Link).where(Link.account_id == account_id).order_by(Link.source, Link.customer)
    persons = sa.select(Person).where(Person.member_id == member_id).order_by(Person.source, Person.person)
    async with db.read() as session:
        who = await session.scalar(member)
        acts = await session.scalar(membership)
        policy, names = await sorted_into(session, account_id)
        most = policy.seen_by(names).shown.most
        return Grounds(
            identity=Identity(issuer=who.issuer, subject=who.subject, member=who.id) if who else None,
            acting=Acting(
                member=member_id,
                account=account_id,
                rights=clipped(msgspec.convert(acts.rights, Rights), most),
                since=acts.created_at,
            )
            if acts
            else None,
            linked=tuple(
                Linked(account=account_id, source=row.source, customer=row.customer, because=_because(row))
                for row in await session.scalars(links)
            ),
            named=tuple(
                Named(member=member_id, source=row.source, person=row.person, because=_because(row))
                for row in await session.scalars(persons)
            ),
        )


def _because(row: Link | Person) -> Because:
    return Because(row.fact, row.decided_by, row.decided_at)


def _is_same(one: Linked | Named, other: Linked | Named) -> bool:
    return replace(one, because=None) == replace(other, because=None)
