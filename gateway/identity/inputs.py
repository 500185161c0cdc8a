"""What a verdict about somebody who is invited depends on, read of some of them at a time."""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.identity_tables import Address, ContactCheck, Invitation
from gateway.records.tables import Account, Link

Sees = Literal["everything", "part", "ambiguous", "none"]
SEES: Final[tuple[Sees, ...]] = ("everything", "part", "ambiguous", "none")
INVITED: Final = Invitation.state.in_(("made", "used", "expired"))
PART = 500  # contacts that are read before others have their turn
_READ = (
    Invitation.id,
    Invitation.email,
    Invitation.name,
    Invitation.account_id,
    Account.name.label("account_name"),
    Invitation.rights,
    Invitation.until,
    Invitation.state,
    ContactCheck.verdict,
    ContactCheck.reason,
    ContactCheck.inputs,
    ContactCheck.basis,
    ContactCheck.checked_at,
)


class Contact(Struct, frozen=True, kw_only=True):
    """Somebody who is invited, and all of theirs that a verdict depends on. `others` came with the same address.

    `until` None: that time passes changes nothing.
    """

    invitation: str
    email: str
    name: str | None
    account: str
    account_name: str
    rights: Mapping[str, Any]
    is_over: bool
    until: datetime | None
    others: int
    sources: tuple[str, ...]  # in which the account is linked
    inputs: str


class PastVerdict(Struct, frozen=True):
    """A verdict as it was kept."""

    sees: Sees
    reason: str | None
    inputs: str
    basis: str | None
    checked_at: datetime


Known = tuple[Contact, PastVerdict | None]


async def everybody(session: AsyncSession, now: datetime) -> AsyncIterator[Sequence[Known]]:
    """Read everybody who is invited, and what was found out of them, by their accounts and addresses."""
    ids = sa.select(Invitation.id).where(INVITED).order_by(Invitation.account_id, Invitation.email, Invitation.id)
    all_ids = (await session.scalars(ids)).all()
    for begin in range(0, len(all_ids), PART):
        yield await contacts_among(session, all_ids[begin : begin + PART], now)


async def contacts_among(session: AsyncSession, ids: Collection[str], now: datetime) -> Sequence[Known]:
    """Read those of `ids` who are invited, in their order."""
    checked = sa.select(*_READ).join(Account, Account.id == Invitation.account_id)
    checked = checked.join(ContactCheck, ContactCheck.invitation_id == Invitation.id, isouter=True)
    found = {row.id: row for row in await session.execute(checked.where(Invitation.id.in_(ids), INVITED))}
    rows = [found[each] for each in ids if each in found]
    came = sa.select(Address.address, sa.func.count()).group_by(Address.address)
    came = came.where(Address.address.in_({row.email for row in rows}))
    logins = {row[0]: row[1] for row in await session.execute(came)}
    linked = sa.select(Link.account_id, Link.source, Link.customer).order_by(Link.source, Link.customer)
    linked = linked.where(Link.account_id.in_({row.account_id for row in rows}))
    links: dict[str, list[tuple[str, str]]] = {}
    for account, source, customer in await session.execute(linked):
        links.setdefault(account, []).append((source, customer))
    return [(contact_of(row, links.get(row.account_id, []), logins.get(row.email, 0), now), _kept(row)) for row in rows]


def contact_of(row: sa.Row[*tuple[Any, ...]], links: Sequence[tuple[str, str]], logins: int, now: datetime) -> Contact:
    is_used = row.state == "used"
    others = max(logins - 1, 0)  # one of them is who used it, or will
    is_over = row.state == "expired" or (row.state == "made" and row.until <= now)
    told = [row.email, row.account_id, row.rights, is_used, is_over, others, links]
    return Contact(
        invitation=row.id,
        email=row.email,
        name=row.name,
        account=row.account_id,
        account_name=row.account_name,
        rights=row.rights,
        is_over=is_over,
        until=None if is_used or is_over else row.until,
        others=others,
        sources=tuple(dict.fromkeys(source for source, _ in links)),
        inputs=hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest(),
    )


def _kept(row: sa.Row[*tuple[Any, ...]]) -> PastVerdict | None:
    if row.verdict is None:
        return None
    sees: Sees = row.verdict
    return PastVerdict(sees, row.reason, row.inputs, row.basis, row.checked_at)
