"""Two who are invited: for tests of pages."""

from datetime import timedelta

from msgspec import to_builtins

from auth.clock import utc_now
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.rights import OWN


async def add_invited(database: Database, account: str) -> None:
    """Two people who are invited, to one of whom a mail went out."""
    async with database.write() as session:
        for number, email in enumerate(("ann@alder.example", "bob@alder.example")):
            now = utc_now()
            row = {"id": f"invited-{number}", "email": email, "account_id": account, "rights": to_builtins(OWN)}
            until = now + timedelta(days=30)
            session.add(Invitation(**row, made_by="priya", made_at=now, until=until, state="made"))
        await session.flush()
        sent = {"state": "sent", "turn": 1, "tries": 1, "handed_at": now, "ended_at": now}
        session.add(InvitationMail(id="invited", invitation_id="invited-0", number=1, made_at=now, **sent))
