"""What was sent and what was asked for, in every state, under ids that tests can name."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from auth.clock import utc_now
from gateway.access import LinkRef
from gateway.asked import AskedState
from gateway.outbox.states import State
from gateway.outbox.steps import step
from gateway.records.agreement_tables import ConflictRow
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument, GivenFile
from gateway.records.identity_tables import Question
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Member
from gateway.records.webhook_tables import InboxRow

ASKED: tuple[AskedState, ...] = ("asked", "received", "accepted", "refused")
SENT: tuple[State, ...] = (
    "needs_you",
    "needs_staff",
    "unknown",
    "sent",
    "cancelled",
    "dropped",
)  # where nothing moves by itself
SAID = ("on_its_way", "delivered")
SAYS = "Page <2> is missing."


async def add_asked(db: Database, account: str, *, prefix: str = "", label: str = "Trade licence") -> list[str]:
    """Ask an account for a document in each state, the first of them overdue; gives their ids."""
    now = utc_now()
    ids = [f"{prefix}{state}" for state in ASKED]
    async with db.write() as session:
        for id_, state in zip(ids, ASKED, strict=True):
            due = (now - timedelta(days=3)).date() if state == "asked" else None
            at = {"made_at": now, "changed_at": now}
            reason = SAYS if state == "refused" else None
            row = AskedDocument(id=id_, account_id=account, label=label, due_on=due, state=state, reason=reason, **at)
            session.add(row)
            await session.flush()
            if state != "asked":
                session.add(given(f"{id_}-file", id_, f"{label}.pdf"))
    return ids


async def add_told(db: Database, account: str, subject: str) -> None:
    """What needs staff: a delivery that could not be looked at, a mail that got lost, somebody who is not known.

    And two sources that do not say the same of one order.
    """
    now = utc_now()
    async with db.write() as session:
        member = (await session.scalars(sa.select(Member.id).where(Member.subject == subject))).one()
        events = [{"kind": "invoices", "record": "2093", "customers": ["10"]}]
        at = {"received_at": now, "ended_at": now, "due_at": None}
        of = {"source": "erp", "record": "2093", "tries": 9}
        session.add(InboxRow(id="delivery", delivery="msg_1", events=events, state="dead", error="broke", **at, **of))
        at = {"made_at": now, "ended_at": now, "due_at": None}
        about = {"kind": "invoices", "names": "invoice_new", "event_key": "0" * 64, "turn": 1}
        whose = {"member_id": member, "account_id": account}
        session.add(Member(id="unsure", issuer="https://login.example", subject="unsure", name="Una", created_at=now))
        await session.flush()
        session.add(
            Question(id="question", member_id="unsure", state="open", reason="contact_gone", found={}, asked_at=now)
        )
        differs: dict[str, Any] = {
            "kind": "orders",
            "number": "4424",
            "first_source": "erp",
            "second_source": "helpdesk",
        }
        differs |= {"first_id": "4424", "second_id": "S04424-B", "first_seen": now, "last_seen": now}
        for field, values, state in (("total", ("GBP 318.00", "GBP 381.00"), "open"), ("state", SAID, "ignored")):
            session.add(
                ConflictRow(
                    id=f"differs-{field}",
                    account_id=account,
                    field=field,
                    first_value=values[0],
                    second_value=values[1],
                    state=state,
                    **differs,
                )
            )
        session.add(MailRow(id="mail", state="unknown", error="the line broke", **at, **of, **about, **whose))


def given(id_: str, document: str, name: str) -> GivenFile:
    content = b"%PDF-1.7\n%%EOF\n"
    told = {"size": len(content), "sha256": bytes(32), "content": content}
    return GivenFile(
        id=id_, document_id=document, made_at=utc_now(), place=0, name=name, media_type="application/pdf", **told
    )


async def add_sent(db: Database, account: str, subject: str, link: LinkRef, *, text: str = "My order.") -> list[str]:
    """Do as if a member had sent a request to be found in each state; gives their ids.

    In capitals they are the references.
    """
    now = utc_now()
    async with db.write() as session:
        member = await session.scalar(sa.select(Member.id).where(Member.subject == subject))
        for state in SENT:
            id_ = f"sent-{state}"
            reference = id_.upper()
            asked = {"reference": reference, "customer": link.customer, "persons": [], "subject": f"It is {state}"}
            asked |= {"text": text, "route": "", "files": []}
            is_done = state in {"sent", "cancelled", "dropped"}
            session.add(
                OutboxRow(
                    id=id_,
                    reference=reference,
                    account_id=account,
                    member_id=member,
                    nonce=reference,
                    action="new_ticket",
                    source=link.source,
                    asked=asked,
                    note={"answer": "Call <us>, please."} if state == "dropped" else {},
                    state=state,
                    made_at=now,
                    due_at=None,
                    tries=1,
                    tried_at=now,
                    in_doubt_since=now if state == "unknown" else None,
                    turn=1,
                    done_at=now if is_done else None,
                    number="T-1" if state == "sent" else None,
                    error="the line broke" if state != "sent" else None,
                )
            )
            await session.flush()
            session.add(step(id_, "needs_staff", now, detail="The <line> broke."))
    return [f"sent-{state}" for state in SENT]
