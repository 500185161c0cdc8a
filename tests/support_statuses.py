"""Statuses of which staff say something: a version that is published, and a draft."""

from support_audit import BY, TRAIL

from auth.clock import utc_now
from gateway.dictionary.versions import DICTIONARIES, change_entry
from gateway.records.database import Database
from gateway.wording import Entry, Words

PUBLISHED: Words = {
    "erp": {"orders": {"sale": Entry(label="In our books", meaning="Your order is settled with us.")}},
    "helpdesk": {"tickets": {"stalled": Entry(means="awaiting_customer", label="Over to you", mails=False)}},
}


async def add_statuses(db: Database) -> None:
    now = utc_now()
    await DICTIONARIES.publish(db, PUBLISHED, trail=TRAIL, by=BY, now=now, seen=0)
    bill = Entry(label="Waiting for your bank", meaning="We have sent it, and wait.")
    place = ("erp", "invoices", "not_paid")
    ticket = ("helpdesk", "tickets", "parts-ordered")
    parts = Entry(means="working", label="Parts are ordered", meaning="The maker sends what we need.")
    for seen, ((source, kind, status), entry) in enumerate([(place, bill), (ticket, parts)]):
        await change_entry(
            db,
            trail=TRAIL,
            by=BY,
            now=now,
            seen=seen,
            source=source,
            kind=kind,  # type: ignore[arg-type]  # one of them
            status=status,
            entry=entry,
        )
