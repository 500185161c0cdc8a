"""What would become of two accounts that are merged, and what somebody has to decide before that."""

from collections.abc import Mapping, Sequence
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.identity.invitations import counts
from gateway.moves.state import MoveError, Side, Someone, Tie, seen_of, side_of
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.rights import Rights

Keep = Literal["both", "into", "gone"]  # whose numbers, or rights, count from now on


class Clash(Struct, frozen=True, kw_only=True):
    """Both are a customer of one source, each another one."""

    source: str
    title: str
    gone: tuple[str, ...]
    into: tuple[str, ...]


class Both(Struct, frozen=True, kw_only=True):
    """Somebody acts for both, within rights that are not the same."""

    person: Someone
    gone: Rights
    into: Rights


class Plan(Struct, frozen=True, kw_only=True):
    """What a merge would do.

    `both` act for both, `differing` of them with other rights. `twice` are open invitations whose address is invited to
    the account that stays: they are withdrawn. `alike` are people with one address and two logins.
    """

    gone: Side
    into: Side
    clashes: tuple[Clash, ...]
    both: tuple[Both, ...]
    twice: tuple[str, ...]
    alike: tuple[str, ...]
    seen: str

    @property
    def differing(self) -> tuple[Both, ...]:
        return tuple(each for each in self.both if each.gone != each.into)


class Decided(Struct, frozen=True, kw_only=True):
    """What somebody decided of what clashes. `numbers` by source; `rights` of those who act for both."""

    numbers: Mapping[str, Keep] = {}
    rights: Keep | None = None


async def plan_merge(db: Database, gone: str, into: str) -> Plan:
    """Say what would become of two accounts. Raises `MoveError`."""
    async with db.read() as session:
        return await plan_of(session, gone, into)


def undecided(plan: Plan, decided: Decided) -> str | None:
    """Say what is still to be decided."""
    for clash in plan.clashes:
        if clash.source not in decided.numbers:
            return f"both are customers of {clash.source!r}, with other numbers: decide which of them count"
    if plan.differing and decided.rights is None:
        return "somebody acts for both within other rights: decide which of them count"
    return None


async def plan_of(session: AsyncSession, gone: str, into: str) -> Plan:
    """Do as `plan_merge`, in a transaction that does more."""
    if gone == into:
        raise MoveError("that is one and the same account: name another one")
    first, second = await side_of(session, gone), await side_of(session, into)
    for name, side in ((gone, first), (into, second)):
        if side is None:
            raise MoveError(f"there is no account {name!r}: look for a slip in its id")
        if side.merged_into:
            raise MoveError(f"the account {name!r} was merged into {side.merged_into!r}: name that one")
    if first is None or second is None:
        raise MoveError("there is no such account")
    both = [
        (each, next(one for one in second.people if one.id == each.id)) for each in first.people if second.has(each.id)
    ]
    ours = {each.email.lower() for each in second.people if each.email}
    return Plan(
        gone=first,
        into=second,
        clashes=tuple(_clashes(first.links, second.links)),
        both=tuple(Both(person=one, gone=one.rights, into=other.rights) for one, other in both),
        twice=await _twice(session, gone, into),
        alike=tuple(
            each.called
            for each in first.people
            if each.email and each.email.lower() in ours and not second.has(each.id)
        ),
        seen=seen_of(first, second),
    )


def _clashes(gone: Sequence[Tie], into: Sequence[Tie]) -> list[Clash]:
    found = []
    for source in dict.fromkeys(tie.source for tie in gone):
        theirs = [tie for tie in gone if tie.source == source]
        ours = tuple(tie.customer for tie in into if tie.source == source)
        if ours:
            customers = tuple(tie.customer for tie in theirs)
            found.append(Clash(source=source, title=theirs[0].title, gone=customers, into=ours))
    return found


async def _twice(session: AsyncSession, gone: str, into: str) -> tuple[str, ...]:
    """Find the open invitations whose address is invited to the other account too, or was by who acts for it still."""
    there = sa.select(Invitation.email).where(Invitation.account_id == into, counts())
    same = (Invitation.account_id == gone, Invitation.state == "made", Invitation.email.in_(there))
    return tuple(await session.scalars(sa.select(Invitation.id).where(*same).order_by(Invitation.id)))
