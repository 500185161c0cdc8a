"""What becomes of an invitation by the link in its mail: somebody follows it, or wants no more mails about it.

Neither opens anything: who comes has to prove the address, and by no link they did.
"""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from gateway.audit import Trail
from gateway.identity.invitations import about_invitation
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.lines import By
from gateway.records.tables import Account

State = Literal["open", "used", "ended", "withdrawn"]


class Opening(Struct, frozen=True, kw_only=True):
    """An invitation as whoever holds its link sees it."""

    email: str
    account: str
    state: State
    until: datetime
    is_stopped: bool


async def opening(db: Database, mail: str, now: datetime) -> Opening | None:
    """Look, which changes nothing. None: there is no such mail any more. Raises `DatabaseDown`."""
    this = (
        sa.select(Invitation, Account.name)
        .join(InvitationMail, InvitationMail.invitation_id == Invitation.id)
        .join(Account, Account.id == Invitation.account_id)
        .where(InvitationMail.id == mail)
    )
    async with db.read() as session:
        found = (await session.execute(this)).one_or_none()
    if found is None:
        return None
    row, account = found
    states: dict[str, State] = {"used": "used", "withdrawn": "withdrawn", "expired": "ended"}
    state: State = states.get(row.state, "open" if row.until > now else "ended")
    return Opening(
        email=row.email, account=account, state=state, until=row.until, is_stopped=row.stopped_at is not None
    )


async def note_opened(db: Database, mail: str, now: datetime) -> None:
    """Write down that somebody followed the link of a mail, the first time. Raises `DatabaseDown`."""
    this = sa.update(InvitationMail).where(InvitationMail.id == mail, InvitationMail.opened_at.is_(None))
    async with db.write() as session:
        await session.execute(this.values(opened_at=now))


async def stop(db: Database, mail: str, address: str, *, trail: Trail, now: datetime) -> None:
    """Write no more mails about invitations to whoever has this one. It can still be used. Raises `DatabaseDown`."""
    its = sa.select(InvitationMail.invitation_id).where(InvitationMail.id == mail)
    async with db.write() as session:
        row = await session.scalar(sa.select(Invitation).where(Invitation.id.in_(its)).with_for_update())
        if row is None or row.stopped_at is not None:
            return
        row.stopped_at = now
        by = By("service/portal", "portal", address)
        await trail.record(session, about_invitation("invitation.stopped", by, row))
