"""An account as it would be seen with another document of what customers see."""

from collections.abc import Mapping

from msgspec.structs import replace

from gateway.access import Scope, whole_of
from gateway.offices import Office
from gateway.records.database import Database
from gateway.segments import Policy
from gateway.shown import clipped
from gateway.sorting import sort, sorted_into


async def scope_with(db: Database, account: str, policy: Policy) -> Scope | None:
    """Look over an account as somebody who may see all of it, as far as the document lets them. None: there is none."""
    scope = await whole_of(db, account)
    if scope is None:
        return None
    async with db.read() as session:
        _, segments = await sort(session, [scope.account_id], policy)
    names = segments[scope.account_id]
    return replace(scope, segments=names, rights=clipped(scope.rights, policy.seen_by(names).shown.most))


async def scope_in(db: Database, account: str, segments: tuple[str, ...] | None) -> Scope | None:
    """Do as `scope_with` by what is published, as if the account may be in these segments. None: as it is."""
    scope = await whole_of(db, account)
    if scope is None:
        return None
    async with db.read() as session:
        policy, names = await sorted_into(session, scope.account_id)
    names = names if segments is None else segments
    return replace(scope, segments=names, rights=clipped(scope.rights, policy.seen_by(names).shown.most))


def with_policy(offices: Mapping[str, Office], policy: Policy) -> dict[str, Office]:
    """Give the sources as they would be if the document were published."""
    return {name: replace(office, policy=policy) for name, office in offices.items()}
