"""What members handed in, put into the outbox in any state, where nothing tries it."""

from typing import Any

import sqlalchemy as sa
from support_portal import Portal

from auth.clock import utc_now
from connectors.actions import ActionName
from gateway.outbox.states import State
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.records.tables import Member

CUSTOMERS = {"erp": "10", "helpdesk": "maya@alderlane.example"}  # of the bakery
REQUEST: dict[str, Any] = {"subject": "Where is it?", "text": "My order.", "route": ""}


async def add_handed(
    portal: Portal,
    id_: str,
    action: ActionName,
    asked: dict[str, Any],
    state: State = "waiting",
    *,
    source: str = "helpdesk",
    customer: str | None = None,
    subject: str = "maya",
    account: str = "bakery",
    in_doubt: bool = False,
    record: str | None = None,
) -> str:
    """Do as if somebody had handed it in just now, and give its id."""
    now, reference = utc_now(), id_.upper()[:16]
    ours = {"reference": reference, "customer": customer or CUSTOMERS[source], "persons": []}
    async with portal.database.write() as session:
        member = (await session.scalars(sa.select(Member.id).where(Member.subject == subject))).one()
        row = OutboxRow(
            id=id_,
            reference=reference,
            account_id=account,
            member_id=member,
            nonce=id_,
            action=action,
            source=source,
            asked={**asked, **ours},
            note={},
            state=state,
            made_at=now,
            due_at=None,
            tries=1,
            tried_at=now,
            in_doubt_since=now if in_doubt else None,
            turn=1,
            record=record,
            done_at=now if state in {"sent", "cancelled"} else None,
        )
        session.add(row)
    return id_


async def add_file(portal: Portal, id_: str, name: str, account: str = "bakery") -> None:
    """Let a file have come with it."""
    of = {"outbox_id": id_, "account_id": account, "made_at": utc_now(), "place": 0}
    what = {"name": name, "media_type": "text/plain", "size": 1, "sha256": bytes(32), "content": b"1"}
    async with portal.database.write() as session:
        session.add(OutboxFile(id=f"{id_}-file", **of, **what))


async def turn_all(portal: Portal, state: State, **more: object) -> None:
    """Let all that was handed in be in another state now, and nobody try it."""
    async with portal.database.write() as session:
        await session.execute(sa.update(OutboxRow).values(state=state, due_at=None, turn=OutboxRow.turn + 1, **more))
